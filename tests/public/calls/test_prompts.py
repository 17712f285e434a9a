"""Facts about what reaches the guarded function."""

from __future__ import annotations

import json

import pytest

from schema_guard import Limits, Params, guard
from tests.needs import needs
from tests.public.calls import wire
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE, both, giving, rows, run


@both
def test_messages_are_new_and_the_callers_are_untouched(make):
    """A list of messages is sent as a new list at each attempt, with a new turn where the format is; the caller's stays."""
    messages = [{"role": "user", "content": "t", "name": "ann"}, {"role": "assistant", "content": "Yes?"}]
    sent = []

    def give(prompt):
        sent.append([dict(message) for message in prompt])
        prompt[0]["content"] = "changed"
        prompt.clear()
        return GOOD if len(sent) > 1 else BAD

    assert run(make(give, {}), messages) == VALUE
    assert messages == [
        {"role": "user", "content": "t", "name": "ann"},
        {"role": "assistant", "content": "Yes?"},
    ]
    assert [message["role"] for message in sent[0]] == ["user", "assistant"]
    assert sent[0][0]["content"].endswith("\n\nt")
    assert sent[0][0]["name"] == "ann"
    assert sent[1][:2] == sent[0]
    assert [message["role"] for message in sent[1][2:]] == ["assistant", "user"]


@both
def test_a_prompt_may_be_given_by_keyword(make):
    """The prompt is put in where the task was, by position or by keyword."""
    give = giving(GOOD, GOOD)
    function = make(give, {"strategy": "bare"})

    run(function, "t")
    run(function, prompt="t")

    assert give.prompts == ["t", "t"]


def test_keyword_only_and_named_parameters():
    """The task may be keyword-only, and prompt= names it where there are several."""
    seen = []

    @guard(TOTAL, params=Params(prompt="question"), strategy="bare")
    def ask_about(text: str, *, question: str, tone="dry"):
        seen.append((text, question, tone))
        return GOOD

    ask_about("a", question="q")
    ask_about(text="a", question="q", tone="warm")

    assert seen == [("a", "q", "dry"), ("a", "q", "warm")]


def test_instructions_get_the_strategys_text(store):
    """A parameter `instructions` gets the format, then format and correction; all else passes untouched."""
    seen = []
    document = {"pages": ["one"]}

    @guard(TOTAL, store=store)
    def ask_about(document, *, instructions):
        seen.append((document, instructions))
        return GOOD if len(seen) > 1 else BAD

    assert ask_about(document) == VALUE
    assert seen[0][0] is seen[1][0] is document
    assert seen[0][1].startswith("Reply with one JSON value")
    assert seen[1][1].startswith(seen[0][1])
    assert "At /total" in seen[1][1]
    assert len({row["input_hash"] for row in store.attempts()}) == 1


@both
def test_equal_tasks_have_equal_hashes(make, store):
    """The task, not the prompt that was made of it, is what records know inputs by."""
    function = make(giving(BAD, GOOD, GOOD, GOOD), {"store": store})

    for task in ("a", "a", "b"):
        run(function, task)

    first, again, same, other = rows(store, "input_hash")
    assert first == again == same != other


OPTIONS = {"response_format": {"type": "json_object"}}


@needs("fitting")
def test_options_are_the_providers_arguments():
    """A parameter `options` gets a new dict with the provider's arguments for the strategy of the attempt."""
    seen = []

    @guard(TOTAL, strategy=["bare", "json_mode"], provider="openai")
    def ask_with(prompt, options):
        seen.append(options)
        return GOOD if len(seen) > 1 else BAD

    ask_with("t")

    assert seen == [{}, OPTIONS]


def test_options_without_a_target_are_the_callers():
    """Without a provider there is nothing to add, and a function that takes options gets the caller's or none."""
    seen = []

    @guard(TOTAL)
    def ask_with(prompt, options):
        seen.append(options)
        return GOOD

    ask_with("t")
    ask_with("t", options={"temperature": 0})

    assert seen == [{}, {"temperature": 0}]


@needs("fitting")
def test_the_callers_options_are_kept():
    """What the caller gives as options stays, in a new dict."""
    seen, value = [], {"temperature": 0}

    @guard(TOTAL, strategy="json_mode", provider="openai")
    def ask_with(prompt, options):
        seen.append(dict(options))
        options["x"] = 1
        return GOOD if len(seen) > 1 else BAD

    ask_with("t", options=value)

    assert seen == [{"temperature": 0, **OPTIONS}] * 2
    assert value == {"temperature": 0}


def test_an_output_limit_is_among_the_options():
    """A budget's output limit is sent by the provider's own name, and doubled for a cut-off reply."""
    seen = []

    @guard(TOTAL, provider="openai", limits=Limits(output_tokens=10, max_output_tokens=50))
    def ask_with(prompt, options):
        seen.append(options)
        return wire.chat(GOOD) if len(seen) > 1 else wire.chat("{", finish_reason="length")

    ask_with("t")

    assert seen == [{"max_completion_tokens": 10}, {"max_completion_tokens": 20}]


@pytest.mark.parametrize(("letter", "number"), [("é", 20), ("é", 21), ("n", 20), ("n", 2)])
def test_correction_is_cut_at_a_number_of_bytes(letter, number):
    """A retry has at most 700 bytes about the failure, and no part of a character."""
    names = [letter * 60 + str(n) for n in range(number)]
    schema = {"title": "Many", "type": "object", "properties": {name: {"type": "integer"} for name in names}}
    sent = []

    @guard(schema, store=None, max_attempts=2, on_failure="return")
    def ask(prompt: str):
        sent.append(prompt)
        return json.dumps(dict.fromkeys(names, "x"))

    ask("t")
    text = sent[1][sent[1].index("At /") :]
    is_cut = "…" in text

    assert is_cut == (number > 2)
    assert "\ufffd" not in text
    if is_cut:
        assert 698 <= len(text[: text.index("…")].encode()) <= 700
