"""The laws on one schema: they hold, and a fault that is planted in the library is found by one of them."""

from typing import Any, NamedTuple

import pytest
from jiter import from_json

from schema_guard import Failure, InvalidArgument, Schema, plain_reply
from schema_guard import judging as judge
from schema_guard import loop as enforce
from schema_guard import reading as extract
from schema_guard.validation import failures
from tests.needs import is_installed
from tests.testing.laws import LAWS, try_laws

SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "state": {"enum": ["open", "sent"]},
        "lines": {
            "type": "array",
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string", "minLength": 2}},
                "required": ["sku"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "schema", [SCHEMA, {"type": "string"}, {"enum": [1, 2]}], ids=["order", "string", "enum"]
)
def test_laws_hold(schema):
    """Every law holds for a schema that has draws for it."""
    assert [one.held for one in try_laws(schema, examples=30)] == [True] * len(LAWS)


def test_a_schema_without_near_misses_says_so():
    """Nothing can be broken in `true`: that law has no draws, and says why."""
    (result,) = [one for one in try_laws(True, examples=10) if one.law == "near_misses"]

    assert result.held is None
    assert "no near miss" in result.why


@pytest.mark.costly
def test_the_same_seed_gives_the_same(tmp_path):
    """Two runs are alike."""
    assert list(try_laws(SCHEMA, examples=20, seed=3)) == list(try_laws(SCHEMA, examples=20, seed=3))


@pytest.mark.parametrize("examples", [0, -1])
def test_some_draws_are_needed(examples):
    """No draws prove nothing."""
    with pytest.raises(InvalidArgument, match="examples"):
        try_laws(SCHEMA, examples=examples)


class Fault(NamedTuple):
    """A fault: where it is planted, and what stands there then, made of what stood there."""

    owner: Any
    name: str
    planted: Any


def _reader(**changed):
    def planted(_):
        return lambda: lambda data, **given: from_json(data, **{**given, **changed})

    return planted


def _chunks_lost(real):
    def planted(*args):
        gathered = yield from real(*args)
        return gathered._replace(text="")

    return planted


FAULTS = {
    "schema: finds no violations": Fault(Schema, "violations", lambda _: lambda *a, **k: []),
    "schema: everything is valid": Fault(Schema, "is_valid", lambda _: lambda *a, **k: True),
    "schema: accepts everything": Fault(Schema, "accepts", lambda _: lambda *a, **k: True),
    "schema: accepts nothing": Fault(Schema, "accepts", lambda _: lambda *a, **k: False),
    "schema: every violation is at the root": Fault(
        Schema,
        "violations",
        lambda real: lambda *a, **k: [one._replace(instance_location="") for one in real(*a, **k)],
    ),
    "schema: one violation too many": Fault(
        Schema, "violations", lambda real: lambda *a, **k: (found := real(*a, **k)) + found
    ),
    "extract: reasoning is content": Fault(extract, "end_of_thoughts", lambda _: lambda text, known=0: 0),
    "extract: prose has no brackets": Fault(
        extract, "brackets", lambda _: lambda *a, **k: extract.Brackets((), (), complete=True)
    ),
    "extract: nobody refuses": Fault(extract, "_refuses", lambda _: lambda *a: False),
    "extract: everybody refuses": Fault(extract, "_refuses", lambda _: lambda *a: True),
    "accepting: the last of equal keys counts": Fault(
        plain_reply, "reader", _reader(catch_duplicate_keys=False)
    ),
    "judge: what follows is not looked at": Fault(extract, "text_after", lambda _: lambda *a: ""),
    "judge: a cut-off text is malformed": Fault(
        failures, "_not_json", lambda _: lambda *a: Failure("syntax", "malformed", "planted")
    ),
    "judge: a wrong value is a wrong structure": Fault(
        judge, "failure_of", lambda real: lambda *a: real(*a)._replace(kind="structure")
    ),
    "enforce: never asks again": Fault(enforce, "_may_retry", lambda _: lambda *a: False),
    "enforce: asks once too often": Fault(
        enforce,
        "_may_retry",
        lambda real: lambda failure, attempts, plan: real(failure, attempts[1:], plan),
    ),
    "enforce: asks again after a refusal": Fault(
        enforce,
        "_may_retry",
        lambda _: lambda failure, attempts, plan: len(attempts) < plan.max_attempts,
    ),
    "enforce: loses what came in chunks": Fault(enforce, "_gathered", _chunks_lost),
}

if is_installed("repair"):
    from schema_guard.ext import repair
    from schema_guard.ext.repair.scanner import Readings

    FAULTS["repair: nothing is repaired"] = Fault(
        repair, "readings", lambda _: lambda *a, **k: Readings([], 0, complete=True)
    )
    FAULTS["repair: lossless is lossy"] = Fault(
        repair,
        "readings",
        lambda real: (
            lambda *a, **k: real(*a, **{**k, "level": "lossy"})._replace(
                repaired=[one._replace(lossless=True) for one in real(*a, **{**k, "level": "lossy"}).repaired]
            )
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name, monkeypatch):
    """A fault in the library breaks a law within a few hundred draws."""
    fault = FAULTS[name]
    monkeypatch.setattr(fault.owner, fault.name, fault.planted(getattr(fault.owner, fault.name)))

    assert any(one.held is False for one in try_laws(SCHEMA, examples=500))
