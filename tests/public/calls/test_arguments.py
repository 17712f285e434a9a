"""Facts about what a caller gives by the parameters that are ours: it is never replaced."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument, Limits, Params, guard
from tests.needs import needs
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE, recorded

FORMAT = "Reply with one JSON value"
WRONG = "At /total: expected number, got string"


def asking(seen, *replies, **settings):
    """A function that takes all that is ours, and keeps what it is called with."""
    left = iter(replies or (GOOD, GOOD, GOOD))

    @guard(TOTAL, **settings)
    def ask(
        prompt: str,
        *,
        instructions: str = "",
        feedback: str | None = None,
        options: dict[str, Any] | None = None,
    ):
        seen.append((prompt, instructions, feedback, options))
        return next(left)

    return ask


def test_instructions_stand_behind_the_callers():
    """The format, and later the correction, stand behind what the caller says."""
    seen: list[Any] = []

    assert asking(seen, BAD, GOOD)("t", instructions="Be brief.") == VALUE

    (_, first, _, _), (_, second, _, _) = seen
    assert first.startswith(f"Be brief.\n\n{FORMAT}")
    assert second.startswith(first)
    assert WRONG in second


def test_instructions_stand_behind_the_default():
    """Where the caller says nothing the parameter's default stands first."""
    seen = []

    @guard(TOTAL)
    def ask(document, instructions="You read invoices."):
        seen.append(instructions)
        return GOOD

    ask({})
    ask({}, "You read bills.")

    assert [text.partition("\n\n")[0] for text in seen] == ["You read invoices.", "You read bills."]
    assert all(FORMAT in text for text in seen)


def test_instructions_alone_are_the_callers():
    """A strategy that says nothing leaves the caller's text as it is."""
    seen: list[Any] = []
    ask = asking(seen, strategy="bare")

    ask("t", instructions="Be brief.")
    ask("t")

    assert [instructions for _, instructions, _, _ in seen] == ["Be brief.", ""]


def test_feedback_that_is_given_is_kept():
    """A call that gives its own feedback keeps it, and has its correction in the prompt."""
    seen: list[Any] = []

    assert asking(seen, BAD, GOOD, params=Params(instructions=None))("t", feedback="mine") == VALUE

    assert [feedback for _, _, feedback, _ in seen] == ["mine", "mine"]
    assert WRONG not in seen[0][0]
    assert WRONG in seen[1][0]


def test_feedback_is_filled_in_calls_that_give_none():
    """A call that gives none, or None, gets None and then the correction; the prompt stays as it was."""
    for given_ in ({}, {"feedback": None}):
        seen: list[Any] = []
        assert asking(seen, BAD, GOOD, params=Params(instructions=None))("t", **given_) == VALUE
        assert seen[0][0] == seen[1][0]
        assert seen[0][2] is None
        assert WRONG in seen[1][2]


def test_feedback_without_default_is_an_ordinary_parameter():
    """Feedback that every call has to give is the caller's, and the correction stands in the prompt."""
    seen, replies = [], iter((BAD, GOOD))

    @guard(TOTAL)
    def ask(prompt, feedback):
        seen.append((prompt, feedback))
        return next(replies)

    assert ask("t", "mine") == VALUE
    assert [feedback for _, feedback in seen] == ["mine", "mine"]
    assert WRONG in seen[1][0]


def test_parameters_of_another_type_pass_untouched():
    """Parameters that bear our names and are something else are the caller's: the very objects."""
    given_ = (["be", "brief"], {"stars": 5}, "fast")
    seen: list[Any] = []
    replies = iter((BAD, GOOD))

    @guard(TOTAL)
    def ask(prompt: str, instructions: list[str], feedback: dict[str, int], options: str):
        seen.append((prompt, instructions, feedback, options))
        return next(replies)

    assert ask("t", *given_) == VALUE
    assert all(one is other for sent in seen for one, other in zip(sent[1:], given_, strict=True))
    assert FORMAT in seen[0][0]
    assert WRONG in seen[1][0]


@needs("fitting")
def test_parameters_can_be_named():
    """`feedback_to` and `options_to` say by which parameters what is ours reaches the function."""
    seen, replies = [], iter((BAD, GOOD))

    @guard(TOTAL, strategy="json_mode", provider="openai", params=Params(feedback="again", options="extra"))
    def ask_again(prompt: str, again="first", extra: Any = None):
        seen.append((again, extra))
        return next(replies)

    assert ask_again("t") == VALUE
    assert [again.startswith("Your last reply") for again, _ in seen] == [False, True]
    assert seen[0] == ("first", {"response_format": {"type": "json_object"}})


def test_a_parameter_for_any_keywords_cannot_be_named():
    """`**extra` is no parameter of that name."""
    with pytest.raises(
        InvalidArgument, match=r"^params\.options='extra': \S+ask has no such parameter, only prompt"
    ):

        @guard(TOTAL, params=Params(options="extra"))
        def ask(prompt: str, **extra):
            return GOOD


@pytest.mark.parametrize("setting", ["prompt", "instructions", "feedback", "options"])
def test_a_name_is_a_text(setting):
    """What is no name of a parameter is refused."""
    with pytest.raises(InvalidArgument, match=rf"^params\.{setting}=3: expected a str or None$"):
        guard(TOTAL, params=Params(**{setting: 3}))


def test_what_is_ours_can_be_switched_off():
    """With None the parameters are the caller's, whatever their names."""
    seen: list[Any] = []
    ask = asking(seen, BAD, GOOD, params=Params(instructions=None, feedback=None, options=None))

    assert ask("t") == VALUE

    assert [sent[1:] for sent in seen] == [("", None, None)] * 2
    assert FORMAT in seen[0][0]


# Options.

FORMATS = [
    ("openai", "json_mode", ["response_format"]),
    ("openai", "tool_call", ["tools", "tool_choice"]),
    ("openai", "strict_schema", ["response_format"]),
    ("openai-responses", "json_mode", ["text"]),
    ("openai-responses", "tool_call", ["tools", "tool_choice"]),
    ("openai-responses", "strict_schema", ["text"]),
]


@needs("fitting")
@pytest.mark.parametrize(("provider", "strategy", "keys"), FORMATS)
def test_a_clash_on_the_formats_own_key_is_refused_before_anything_is_asked(provider, strategy, keys, store):
    """A call that sets what the strategy sets is an error that names the key; nothing is asked or recorded."""
    for key in keys:
        seen: list[Any] = []
        ask = asking(seen, strategy=strategy, provider=provider, store=store)
        with pytest.raises(InvalidArgument) as caught:
            ask("t", options={key: "mine"})
        assert str(caught.value).startswith(
            f"options[{key!r}]: strategy {strategy!r} sets this argument to request the format"
        )
        assert seen == []
    assert recorded(store) == []


@needs("fitting")
def test_a_clash_with_a_default_is_refused_at_decoration():
    """A default that sets what the strategy sets is an error when the function is decorated."""
    with pytest.raises(InvalidArgument, match=r"^options\['response_format'\]: strategy 'json_mode'"):

        @guard(TOTAL, strategy=["bare", "json_mode"], provider="openai")
        def ask(prompt, options={"response_format": None}):  # noqa: B006 - the very fact
            return GOOD


@needs("fitting")
def test_other_keys_are_the_callers():
    """Of all else the caller's value is sent: an output limit too."""
    seen: list[Any] = []
    ask = asking(seen, strategy="json_mode", provider="openai", limits=Limits(output_tokens=10))

    ask("t", options={"temperature": 0, "max_completion_tokens": 5})

    assert seen[0][3] == {
        "response_format": {"type": "json_object"},
        "max_completion_tokens": 5,
        "temperature": 0,
    }


@needs("fitting", "local")
def test_an_extra_body_is_merged_by_its_keys():
    """`extra_body` is no argument of the provider's but holds some: a clash is one on a key in it."""
    seen: list[Any] = []
    ask = asking(seen, strategy="strict_schema", provider="llamacpp-llguidance")
    given_ = {"extra_body": {"top_k": 3}}

    ask("t", options=given_)

    assert set(seen[0][3]["extra_body"]) == {"grammar", "top_k"}
    assert given_ == {"extra_body": {"top_k": 3}}
    for taken, where in (({"grammar": "root"}, "['grammar']"), (None, "")):
        with pytest.raises(InvalidArgument) as caught:
            ask("t", options={"extra_body": taken})
        assert str(caught.value).startswith(f"options['extra_body']{where}: strategy 'strict_schema'")


@needs("fitting")
def test_the_defaults_options_are_kept():
    """The default's keys are sent where the caller gives none, and the default is not changed."""
    seen, default = [], {"temperature": 0}

    @guard(TOTAL, strategy="json_mode", provider="openai")
    def ask(prompt, options=default):
        seen.append(options)
        return GOOD

    ask("t")

    assert seen == [{"temperature": 0, "response_format": {"type": "json_object"}}]
    assert default == {"temperature": 0}


@pytest.mark.parametrize("given_", [{"options": 3}, {"instructions": ["a"]}], ids=str)
def test_what_cannot_be_joined_is_refused(given_):
    """What ours cannot be joined with is refused, and not thrown away."""
    ((name, part),) = given_.items()
    with pytest.raises(InvalidArgument) as caught:
        asking([])("t", **given_)

    assert str(caught.value).startswith(f"{name}={part!r}: expected a ")
    assert f"guard(..., params=Params({name}=None))" in str(caught.value)


texts = st.none() | st.text(max_size=5)
values = st.integers() | st.text(max_size=3) | st.none()


@needs("fitting")
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "instructions": st.text(max_size=5),
            "feedback": texts,
            "options": st.none()
            | st.dictionaries(st.sampled_from(["temperature", "max_completion_tokens", "a"]), values),
        },
    ),
    st.sampled_from(["bare", "system_prompt", "few_shot", "json_mode", "strict_schema", "tool_call"]),
    st.booleans(),
)
def test_nothing_that_is_given_is_lost(given_, strategy, builds):
    """Whatever a call gives stands in every attempt's arguments, and is not changed."""
    seen: list[Any] = []
    settings = {} if builds else {"params": Params(instructions=None)}
    ask = asking(
        seen, BAD, GOOD, strategy=strategy, provider="openai", limits=Limits(output_tokens=9), **settings
    )
    before = deepcopy(given_)

    assert ask("task", **given_) == VALUE

    assert given_ == before
    for prompt, instructions, feedback, options in seen:
        assert "task" in prompt
        assert instructions.startswith(given_.get("instructions", ""))
        assert given_.get("feedback") in (None, feedback)
        assert options.items() >= (given_.get("options") or {}).items()
