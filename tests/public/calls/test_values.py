"""Facts about values and checks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import (
    GuardFailed,
    Limits,
    Schema,
    guard,
)
from schema_guard.testing import ScriptedModel
from tests.public.calls.functions import GOOD, TOTAL, Bill, Checker, Invoice, Note, even, recorded


@dataclass(frozen=True)
class Typed:
    """A schema as a Python type, and the value of a reply under it."""

    id: str
    schema: Any
    value: Any
    reply: str = '{"total": 2}'


TYPED = (
    Typed("a dict", TOTAL, {"total": 2}),
    Typed("a Schema", Schema.of(TOTAL), {"total": 2}),
    Typed("true", True, {"total": 2}),
    Typed("a dataclass", Invoice, Invoice(2.0)),
    Typed("a TypedDict", Note, {"total": 2.0}),
    Typed("a Pydantic model", Bill, Bill(total=2)),
    Typed("a list", list[Invoice], [Invoice(1.0)], '[{"total": 1}]'),
)


@pytest.mark.parametrize("case", TYPED, ids=lambda case: case.id)
def test_the_value_and_the_checks_see_the_schemas_type(case):
    """The value that comes out, and the one that checks see, is of the type that the schema was made from."""
    seen = []
    function = guard(case.schema, checks=[seen.append])(ScriptedModel([case.reply]))

    value = function("t")

    assert (value, type(value)) == (case.value, type(case.value))
    assert seen[0] is value


@pytest.mark.parametrize("schema", [Invoice, Note], ids=["dataclass", "TypedDict"])
def test_dataclasses_and_typed_dicts_are_closed(schema):
    """A property that the type does not name is a violation."""
    outcome = guard(schema, max_attempts=1)(ScriptedModel(['{"total": 1, "more": 2}'])).outcome("t")

    assert (outcome.failure.kind, outcome.failure.code) == ("structure", "additionalProperties")


def tripping(value):
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize(
    ("check", "code", "message"),
    [
        (even, "even", "1 is odd"),
        (tripping, "tripping", "raised ZeroDivisionError: by zero"),
        (Checker(), "Checker", "never"),
    ],
    ids=["message", "raises", "object"],
)
def test_a_check_refuses_a_valid_value(check, code, message, store):
    """A check's message, or its exception, makes a semantic failure by its name, which is asked again."""
    model = ScriptedModel([GOOD, GOOD])
    function = guard(TOTAL, checks=[check], max_attempts=2, store=store)(model)

    failure = function.outcome("t").failure

    assert (failure.kind, failure.code, failure.message) == ("semantic", code, message)
    assert recorded(store) == [(1, "semantic", code), (2, "semantic", code)]


def test_a_validator_of_pydantic_makes_a_semantic_failure():
    """What a Pydantic model itself refuses is semantic, by the code pydantic, and asked again."""
    outcome = guard(Bill)(ScriptedModel(['{"total": 1}', '{"total": 2}'])).outcome("t")

    failure = outcome.attempts[0].failure
    assert (failure.kind, failure.code) == ("semantic", "pydantic")
    assert "must be even" in failure.message
    assert outcome.value == Bill(total=2)


def test_limits_reach_the_judge():
    """A reply over the limits is refused by them."""
    outcome = guard(TOTAL, limits=Limits(max_bytes=5), max_attempts=1)(ScriptedModel([GOOD])).outcome("t")

    assert outcome.failure.code == "too_large"


def test_what_becomes_of_a_key_that_a_type_does_not_name():
    """A Pydantic model leaves it out; a dataclass and a TypedDict refuse it, and the error says so."""

    def with_more(prompt):
        return '{"total": 2, "more": 1}'

    assert guard(Bill)(with_more)("t") == Bill(total=2)
    for closed in (Invoice, Note):
        with pytest.raises(GuardFailed, match="a dataclass and a TypedDict reject unknown keys"):
            guard(closed)(with_more)("t")
    with pytest.raises(GuardFailed) as caught:
        guard({**TOTAL, "additionalProperties": False})(with_more)("t")
    assert "dataclass" not in str(caught.value)


@pytest.mark.parametrize("reply", [GOOD, f"```json\n{GOOD}\n```"], ids=["plain", "fenced"])
def test_direct_call_runs_the_checks(reply):
    """A call with one text argument raises GuardFailed if a check rejects the value."""
    read = guard(TOTAL, checks=[even], max_attempts=1, store=None)(lambda prompt: reply)

    with pytest.raises(GuardFailed, match="1 is odd"):
        read("t")


def test_awaited_call_runs_the_checks():
    """An async call with one text argument raises GuardFailed if a check rejects the value."""

    @guard(TOTAL, checks=[even], max_attempts=1, store=None)
    async def read(prompt):
        return GOOD

    with pytest.raises(GuardFailed, match="1 is odd"):
        asyncio.run(read("t"))
