# SPDX-License-Identifier: Apache-2.0
"""What users declare about a schema, with its date: fixes that they do not try and why, and target rates.

Rules: declarations are only ever added; of those about one step the one that was stored last holds. One is
about a function and a schema. One that names no function holds for a schema's only function: where a store
has calls of several functions with the schema, nobody knows which one was meant, and it holds for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, TypeVar

from schema_guard.errors import InvalidArgument
from schema_guard.records.rows import TRIALS, store_text
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

StepStatus: TypeAlias = Literal["not_applicable", "declined", "started"]
_STATUSES = ("not_applicable", "declined", "started")
TUNING = "tuning"
"""The step of a tuning job."""


class DeclaredStep(NamedTuple):
    """A step of the playbook that is not tried for a schema.

    Attributes:
        step: Its name, as it was given.
        status: `"not_applicable"`, it cannot be tried, or `"declined"`, it is not wanted. `"started"` for a tuning job.
        reason: Why, in the words of whoever declared it. The host, the base model, and the id of a job.
        at: When, in seconds since the epoch, UTC.
        function: For which function; None for the schema's only one.
    """

    step: str
    status: StepStatus
    reason: str
    at: float
    function: str | None = None


class DeclaredTarget(NamedTuple):
    """The largest rate of failed calls that is good enough for a schema.

    Attributes:
        at: From when on, in seconds since the epoch, UTC.
        target: In (0, 1).
        function: For which function; None for the schema's only one.
    """

    at: float
    target: float
    function: str | None = None


class Declared(NamedTuple):
    """All that was declared about a schema, in the order in which it was stored.

    Attributes:
        schema_fingerprint: Of the schema.
        steps: Declarations about steps.
        targets: Targets that were set.
    """

    schema_fingerprint: str
    steps: tuple[DeclaredStep, ...] = ()
    targets: tuple[DeclaredTarget, ...] = ()


D = TypeVar("D", DeclaredStep, DeclaredTarget)


def declared_step(
    step: str, status: StepStatus, reason: str, at: float, function: str | None = None
) -> DeclaredStep:
    """Check a declaration and give it as it is stored; `InvalidArgument`."""
    if status not in _STATUSES:
        near = did_you_mean(status, _STATUSES)
        raise InvalidArgument(f"status={status!r}: expected 'not_applicable' or 'declined'{near}")
    named = None if function is None else text("function", function)
    return DeclaredStep(text("step", step), status, text("reason", reason), at, named)


def declared_target(target: object, at: float, function: str | None = None) -> DeclaredTarget:
    """Check a target rate; `InvalidArgument`."""
    if not isinstance(target, (int, float)) or not 0 < target < 1:
        raise InvalidArgument(
            f"target={clip(repr(target))}: expected a rate of failed calls in (0, 1), such as 0.01"
        )
    return DeclaredTarget(at, float(target), None if function is None else text("function", function))


def holding(declared: Iterable[D], function: str | None, functions: Sequence[str]) -> list[D]:
    """Return the declarations that hold for a function.

    Args:
        declared: All about one schema.
        function: The function. None for all declarations.
        functions: All that have calls with the schema; trials (`bench`, `bench run --playbook`) are nobody's.
    """
    is_only_one = all(name == function or name.startswith(TRIALS) for name in functions)
    return [
        declaration
        for declaration in declared
        if function in (None, declaration.function) or (declaration.function is None and is_only_one)
    ]


def latest(declared: Iterable[DeclaredStep], function: str | None) -> list[DeclaredStep]:
    """Return the declaration about each step that was stored last, the oldest first; about each function without *function*."""
    known: dict[tuple[str, str | None], DeclaredStep] = {}
    for declaration in declared:
        key = declaration.step, declaration.function if function is None else None
        known.pop(key, None)
        known[key] = declaration
    return list(known.values())


def text(name: str, value: object) -> str:
    """Return an argument that has to say something, as stores take it; `InvalidArgument` when it is blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a string that is not blank")
    return store_text(value)
