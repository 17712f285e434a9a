"""The messages of GuardFailed, of CallFailed, and of the error for a result that is not a reply."""

import json
from dataclasses import dataclass
from itertools import count

import pytest

from schema_guard import CallFailed, GuardFailed, InvalidArgument, Limits, guard
from tests.needs import needs
from tests.public.calls import wire

TOTAL = {
    "title": "Total",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
NUMBERS = count()
SEE = "  to see the reply: error.outcome.attempts[-1].reply"
MORE = "; to allow more attempts: max_attempts="
MISSING = "    at (root): expected property 'total', got object with 0 properties    [/required]"
LONGER = "; to allow a longer reply: limits=Limits(output_tokens=..., max_output_tokens=...)"
CUT = wire.chat('{"total":', finish_reason="length")


@dataclass
class Invoice:
    """A type that allows no other keys."""

    total: float


def odd(value):
    return "the total is odd"


def message(replies, schema=TOTAL, **settings):
    """Return the message of a call's error, without the name of the function."""
    name, value = f"shop.ask_{next(NUMBERS)}", iter(replies)
    settings = {"max_attempts": len(replies), **settings}

    @guard(schema, store=None, name=name, **settings)
    def ask(prompt):
        return next(value)

    with pytest.raises((GuardFailed, CallFailed, InvalidArgument)) as caught:
        ask("t")
    return str(caught.value).removeprefix(name)


GUARD_FAILED = {
    "one attempt": (
        ['{"total":"x"}'], {},
        " returned no valid reply in 1 attempt (schema Total)",
        "  attempt 1, structure type:",
        "    at /total: expected number, got string 'x'    [/properties/total/type]",
        f"{SEE}{MORE}3",
    ),
    "three attempts": (
        ["no", '{"total":"x"}', "{}"], {},
        " returned no valid reply in 3 attempts (schema Total)", "  attempt 3, structure required:", MISSING,
        f"{SEE}{MORE}5",
    ),
    "no JSON": (
        ["no"], {},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, syntax no_json:",
        "    the reply has no JSON text", f"{SEE}{MORE}3",
    ),
    "refusal in prose": (
        ["I'm sorry, but I can't help with that."], {"max_attempts": 3},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, refusal refusal:",
        "    the model refused in prose", f"{SEE}; schema_guard does not retry a refusal",
    ),
    "refusal": (
        [wire.chat(None, refusal="I will not.")], {"max_attempts": 3},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, refusal refusal:",
        "    the model refused", f"{SEE}; schema_guard does not retry a refusal",
    ),
    "content filter": (
        [wire.chat("x", finish_reason="content_filter")], {"max_attempts": 3},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, refusal content_filter:",
        "    the provider's content filter stopped the reply", f"{SEE}; schema_guard does not retry a refusal",
    ),
    "unfinished": (
        ['{"total":'], {"max_attempts": 3},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, truncation unfinished:",
        "    the reply ends inside a JSON text", f"{SEE}{LONGER}, with a parameter 'options' and provider=",
    ),
    "cut off": (
        [CUT], {"max_attempts": 3, "provider": "openai"},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, truncation max_tokens:",
        "    the output limit cut off the reply inside a JSON text", f"{SEE}{LONGER}, with a parameter 'options'",
    ),
    "runaway": (
        [wire.chat('{"total":' + " " * 99, finish_reason="length")], {},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, truncation runaway:",
        "    the reply was cut off while it repeated white space",
        f"{SEE}; a larger output limit does not help. Request less reasoning, omit the grammar, or use another model",
    ),
    "check": (
        ['{"total":3}'], {"checks": [odd]},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, semantic odd:",
        "    the total is odd", f"{SEE}{MORE}3",
    ),
    "closed type": (
        ['{"total":1,"b":2,"c":3}'], {"schema": Invoice},
        " returned no valid reply in 1 attempt (schema Invoice)", "  attempt 1, structure additionalProperties:",
        "    at (root): expected no further properties, got object with 'b', 'c'    [/additionalProperties]",
        ("  a dataclass and a TypedDict reject unknown keys. A Pydantic model rejects them only with extra='forbid', "
        "and otherwise omits them"),
        f"{SEE}{MORE}3",
    ),
    "many places": (
        [json.dumps(["x"] * 12)], {"schema": {"title": "List", "items": {"type": "integer"}}},
        " returned no valid reply in 1 attempt (schema List)", "  attempt 1, structure type:",
        *[f"    at /{n}: expected integer, got string 'x'    [/items/type]" for n in range(10)],
        "    and 2 more", f"{SEE}{MORE}3",
    ),
    "columns": (
        ['{"a":"x","bcd":"y"}'],
        {"schema": {"title": "Two", "properties": {"a": {"type": "null"}, "bcd": {"type": "integer"}}}},
        " returned no valid reply in 1 attempt (schema Two)", "  attempt 1, structure type:",
        "    at /a: expected null, got string 'x'         [/properties/a/type]",
        "    at /bcd: expected integer, got string 'y'    [/properties/bcd/type]",
        f"{SEE}{MORE}3",
    ),
    "budget of tokens": (
        [wire.chat("{}"), wire.chat("{}")], {"limits": Limits(max_tokens=38), "max_attempts": 3},
        " returned no valid reply in 2 attempts (schema Total)", "  attempt 2, structure required:", MISSING,
        "  the limits ended the call before attempt 3: 38 tokens of max_tokens=38 were spent", SEE,
    ),
    "no budget": (
        ["{}"], {"limits": Limits(max_tokens=0), "max_attempts": 3},
        " returned no valid reply in 1 attempt (schema Total)", "  attempt 1, structure required:", MISSING,
        "  the limits ended the call before attempt 2: 0 tokens of max_tokens=0 were spent", SEE,
    ),
    "escapes": (
        ['{"b\x7f\u202e":1}'],
        {"schema": {"title": "a\x1b[2Jb", "properties": {"a": {}}, "additionalProperties": False}},
        r" returned no valid reply in 1 attempt (schema a\x1b[2Jb)", "  attempt 1, structure additionalProperties:",
        r"    at (root): expected no further properties, got object with 'b\x7f\u202e'    [/additionalProperties]",
        f"{SEE}{MORE}3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GUARD_FAILED)
def test_message_of_guard_failed(case):
    """The message names the function, the attempt, the failure, its places, and a fix."""
    replies, settings, *lines = GUARD_FAILED[case]

    assert message(replies, **settings).split("\n") == lines


@pytest.mark.parametrize(
    ("sent", "replies", "budget", "lines"),
    [
        ([10], 1, Limits(output_tokens=10, max_output_tokens=10), ["  the limits ended the call before attempt 2: max_output_tokens=10 was reached"]),
        ([10, 20, 25], 3, Limits(output_tokens=10, max_output_tokens=25), ["  the limits ended the call before attempt 4: max_output_tokens=25 was reached"]),
        ([None, 14, 25], 3, Limits(max_output_tokens=25), ["  the limits ended the call before attempt 4: max_output_tokens=25 was reached"]),
        ([10], 1, Limits(output_tokens=10), []),
        ([None], 1, None, []),
    ],
)  # fmt: skip
def test_cut_off_reply_is_retried_with_twice_the_limit(sent, replies, budget, lines):
    """The output limit doubles up to that of the budget. The message reports a limit that cannot grow."""
    limits = []

    @guard(
        TOTAL, store=None, name=f"shop.ask_{next(NUMBERS)}", provider="openai", max_attempts=5, limits=budget
    )
    def ask(prompt, options=None):
        limits.append(options.get("max_completion_tokens"))
        return CUT

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert limits == sent
    assert str(caught.value).split("\n")[1:] == [
        f"  attempt {replies}, truncation max_tokens:",
        "    the output limit cut off the reply inside a JSON text",
        *lines,
        f"{SEE}{LONGER}",
    ]


@needs("streaming")
def test_message_has_the_length_of_a_stopped_reply():
    """The message for a stream that was stopped early has the number of characters read."""

    @guard(TOTAL, store=None, name=f"shop.ask_{next(NUMBERS)}", max_attempts=1, early_stop=True)
    def ask(prompt):
        yield from ['{"total":', '"x', '","b":1}']

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert str(caught.value).split("\n")[1:] == [
        "  attempt 1, structure type, stopped after 11 characters:",
        "    at /total: expected number, got string    [/properties/total/type]",
        f"{SEE}{MORE}3",
    ]


OTHER = {
    "no choices": ({"object": "chat.completion", "choices": []}, ": the provider sent no reply"),
    "HTML": (
        "<!DOCTYPE html><p>",
        ": the server sent an HTML page instead of a reply. Check the base URL and the proxy",
    ),
    "None": (
        None,
        (
            ": the function returned None, not a model's reply. Return the reply or its text. If the model found nothing, "
            "return its text, null"
        ),
    ),
    "number": (
        3,
        (
            ": the function returned a value of type 'int', not a model's reply. The schema has another type. Return the "
            "reply or its text"
        ),
    ),
    "object": (
        object(),
        ": the function returned a value of type 'object', not a model's reply. Return the reply or its text",
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_message_for_a_result_that_is_not_a_reply(case):
    """A missing reply, and a value that is not a reply, end the call with a message of one line."""
    reply, text = OTHER[case]

    assert message([reply], max_attempts=3) == text


def test_violations_are_aligned_and_at_most_ten():
    """The places in the schema begin in one column, which is not beyond the 87th character."""
    names = [f"{'n' * number}" for number in range(1, 13)]
    schema = {"title": "Many", "type": "object", "properties": {name: {"type": "integer"} for name in names}}
    lines = message([json.dumps(dict.fromkeys(names, "x"))], schema=schema).splitlines()
    places = [line for line in lines if line.startswith("    at ")]

    assert len(places) == 10
    assert {line.index("  [/properties") for line in places} == {max(line.index("  [/") for line in places)}
    assert "    and 2 more" in lines
    long = {"type": "object", "properties": {name * 90: {"type": "integer"} for name in "ab"}}
    text = message([json.dumps({"a" * 90: "x", "b" * 90: "x"})], schema=long).splitlines()
    assert all("    [/properties" not in line for line in text)
