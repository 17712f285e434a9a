"""Facts about which parameters of a function are ours."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any, Dict, List, Optional, Union  # noqa: UP035 - as users of older code write it

import pytest

from schema_guard import InvalidArgument, Params, guard
from tests.needs import needs

# ruff: noqa: UP006
Options = dict[str, Any]
Words = str | None

TEXTS = (
    "",
    ": str",
    ": 'str'",
    ": Optional[str]",
    ": str | None",
    ": Annotated[str, 'ours']",
    ": Words",
    ": Union[str, None]",
)
DICTS = (
    "", ": dict", ": dict[str, Any]", ": Dict[str, Any]", ": dict | None", ": dict[str, Any] | None", ": Optional[dict]",
    ": Options", ": Options | None", ": Annotated[dict, 1]", ": Mapping[str, Missing] | None", ": 'dict[str, Any]'", ": Annotated[dict, Missing]", ": Optional[Dict[str, Missing]]",
    ": typing.Mapping[str, Missing]", ": Union[dict[str, Missing], None]",
)  # fmt: skip
OTHERS = (
    ": int",
    ": bytes",
    ": list[str]",
    ": str | int",
    ": Any",
    ": Missing",
    ": List[dict]",
    ": object",
    ": Union[int, Missing]",
    ": Optional[Missing]",
    ": Annotated[Missing, dict]",
    ": list[dict] | Missing",
)


def made(parameters: str, *, is_text: bool, record: Any = None):
    """Make a function of a source with these parameters; its annotations are texts where they are."""
    future = "from __future__ import annotations\n" if is_text else ""
    names = {
        "Annotated": Annotated,
        "Any": Any,
        "Dict": Dict,
        "List": List,
        "Optional": Optional,
        "Union": Union,
    }
    scope: dict[str, Any] = {**names, "Options": Options, "Words": Words, "record": record}
    source = f"{future}def ask(prompt, {parameters}): return record(locals())"
    exec(compile(source, "<made>", "exec", dont_inherit=True), scope)  # noqa: S102 - what a user writes
    return scope["ask"]


def ours(parameters: str, use: str, *, is_text: bool = True) -> bool:
    """Return whether a guard fills in a parameter."""
    seen: list[dict[str, Any]] = []

    def record(given):
        seen.append(given)
        return "{}"

    function = made(parameters, is_text=is_text, record=record)
    needed = {"strategy": "json_mode", "provider": "openai"} if use == "options" else {}
    try:
        guarded = guard({"required": ["a"]}, store=None, max_attempts=2, name="ask", **needed)(function)
        guarded.outcome("t")
    except (InvalidArgument, TypeError) as error:
        if re.search("Add the parameter 'options|missing 1 required positional argument", str(error)):
            return False
        raise
    got = seen[-1][use]
    if use == "options":
        return got["response_format"] == {"type": "json_object"}
    return isinstance(got, str) and "Your last reply was not valid." in got


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize("default", ["", " = 'Be brief.'", " = None"])
def test_instructions_are_a_text(default, is_text):
    """A parameter `instructions` that may be a text is ours, whatever text its default is."""
    for annotation in TEXTS:
        assert ours(f"instructions{annotation}{default}", "instructions", is_text=is_text), annotation


@pytest.mark.parametrize("is_text", [True, False])
def test_feedback_is_none_unless_given(is_text):
    """A parameter `feedback` is ours where its default is None and it may be a text."""
    for annotation in TEXTS:
        assert ours(f"feedback{annotation} = None", "feedback", is_text=is_text), annotation
        assert not ours(f"feedback{annotation}", "feedback", is_text=is_text), annotation
        assert not ours(f"feedback{annotation} = ''", "feedback", is_text=is_text), annotation


@needs("fitting")
@pytest.mark.parametrize("default", ["", " = {'n': 1}", " = None"])
def test_options_are_a_dict(default):
    """A parameter `options` that may be a dict is ours, also where its annotation's names are not to be had."""
    for annotation in DICTS:
        assert ours(f"options{annotation}{default}", "options"), annotation


@pytest.mark.parametrize("use", ["instructions", "feedback", "options"])
def test_another_annotation_makes_an_ordinary_parameter(use):
    """A parameter that bears one of our names and is of another type is the user's."""
    other = TEXTS[1:] if use == "options" else DICTS[1:]
    for annotation in (*OTHERS, *other):
        assert not ours(f"{use}{annotation} = None", use), annotation


@pytest.mark.parametrize(
    "parameter",
    ["instructions=()", "instructions=3", "options='o'", "feedback='f'", "*options", "**feedback"],
)
def test_another_default_makes_an_ordinary_parameter(parameter):
    """A default of another type says that the parameter is the user's."""
    assert not ours(parameter, parameter.strip("*").partition("=")[0])


@needs("fitting")
def test_a_local_name_of_an_annotation_is_found():
    """An annotation may name what only the function's surroundings know."""
    Local = dict[str, int]  # noqa: N806 - an alias of a type
    seen = []

    def ask(prompt, options: Local):
        seen.append((options, Local))
        return "{}"

    guard({}, store=None, strategy="json_mode", provider="openai")(ask)("t")

    assert seen[0][0] == {"response_format": {"type": "json_object"}}


def test_what_is_by_position_only_is_the_users():
    """A parameter that cannot be given by its name is not filled in."""
    assert not ours("options=None, /", "options")


@needs("fitting")
def test_a_partials_arguments_are_its_callers():
    """The arguments of a partial are passed on, with those of the guard added."""
    seen = []

    def ask(prompt, instructions: str, options: dict, feedback=None):
        seen.append((prompt, instructions, options, feedback))
        return "{}"

    given_ = functools.partial(ask, options={"n": 1}, instructions="Be brief.")
    guard({}, store=None, strategy="json_mode", provider="openai", name="partial")(given_)("t")

    ((prompt, instructions, options, feedback),) = seen
    assert (prompt, options, feedback) == ("t", {"n": 1, "response_format": {"type": "json_object"}}, None)
    assert instructions.startswith("Be brief.")


def naming(prompt, hints: list, again, extra: object = None, options=None, instructions: str = ""):
    return prompt


def by_position(prompt, hints, /):
    return prompt


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"params": Params(prompt="prompt", feedback="agian")},
            (
                "params.feedback='agian': naming has no such parameter, only prompt, hints, again, extra, options, instructions. "
                "Did you mean 'again'?"
            ),
        ),
        (
            {"params": Params(prompt="prompt", instructions="extra", options="extra")},
            "params.options='extra': schema_guard already passes another value in this parameter of naming. Name another parameter",
        ),
        (
            {"params": Params(prompt="prompt", instructions="prompt")},
            "params.instructions='prompt': schema_guard already passes the prompt in this parameter of naming. Name another parameter",
        ),
    ],
    ids=str,
)
def test_a_wrong_name_is_refused(settings, message):
    """A parameter that is not there, or that has a use already, is refused by the setting that names it."""
    with pytest.raises(InvalidArgument) as caught:
        guard({}, **settings)(naming)

    assert str(caught.value) == message


def test_a_name_by_position_only_is_refused():
    """What is named has to be given by its name."""
    with pytest.raises(
        InvalidArgument,
        match=r"^params\.options='hints': by_position accepts this parameter only by position",
    ):
        guard({}, params=Params(options="hints", prompt="prompt"))(by_position)
