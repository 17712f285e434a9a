# SPDX-License-Identifier: Apache-2.0
"""Declarations of users about a schema, with their date: steps that they don't try and the reason, and target rates.

Rules: Declarations are only ever added. For each step, the last stored declaration holds. A declaration is about a
function and a schema. If it names no function, it holds for a schema's only function. If a store has calls of several
functions with the schema, it holds for none, because it is unclear which function it means.
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
        step: Name of the step, as the user wrote it.
        status: `"not_applicable"` (it cannot be tried), `"declined"` (it is not wanted), or `"started"` (a tuning job).
        reason: Reason in the user's words. For a tuning job, the host, the base model, and the ID of the job.
        at: Time of the declaration, in seconds since the epoch, UTC.
        function: Function that it is about. None for the schema's only one.
    """

    step: str
    status: StepStatus
    reason: str
    at: float
    function: str | None = None


class DeclaredTarget(NamedTuple):
    """The largest rate of failed calls that is good enough for a schema.

    Attributes:
        at: Time from which it holds, in seconds since the epoch, UTC.
        target: In (0, 1).
        function: Function that it is about. None for the schema's only one.
    """

    at: float
    target: float
    function: str | None = None


class Declared(NamedTuple):
    """All declarations about a schema, in the order in which they were stored.

    Attributes:
        schema_fingerprint: Fingerprint of the schema.
        steps: Declarations about steps.
        targets: Declared targets.
    """

    schema_fingerprint: str
    steps: tuple[DeclaredStep, ...] = ()
    targets: tuple[DeclaredTarget, ...] = ()


D = TypeVar("D", DeclaredStep, DeclaredTarget)


def declared_step(
    step: str, status: StepStatus, reason: str, at: float, function: str | None = None
) -> DeclaredStep:
    """Check a declaration and return it as it is stored. Raise `InvalidArgument` if it is wrong."""
    if status not in _STATUSES:
        near = did_you_mean(status, _STATUSES)
        raise InvalidArgument(f"status={status!r}: expected 'not_applicable' or 'declined'{near}")
    named = None if function is None else text("function", function)
    return DeclaredStep(text("step", step), status, text("reason", reason), at, named)


def declared_target(target: object, at: float, function: str | None = None) -> DeclaredTarget:
    """Check a target rate and return it as it is stored. Raise `InvalidArgument` if it is wrong."""
    if not isinstance(target, (int, float)) or not 0 < target < 1:
        raise InvalidArgument(
            f"target={clip(repr(target))}: expected a rate of failed calls in (0, 1), such as 0.01"
        )
    return DeclaredTarget(at, float(target), None if function is None else text("function", function))


def holding(declared: Iterable[D], function: str | None, functions: Sequence[str]) -> list[D]:
    """Return the declarations that hold for a function.

    Args:
        declared: All declarations about one schema.
        function: The function. None for all declarations.
        functions: All functions that have calls with the schema. Trials (`bench`, `bench run --playbook`) don't count.
    """
    is_only_one = all(name == function or name.startswith(TRIALS) for name in functions)
    return [
        declaration
        for declaration in declared
        if function in (None, declaration.function) or (declaration.function is None and is_only_one)
    ]


def latest(declared: Iterable[DeclaredStep], function: str | None) -> list[DeclaredStep]:
    """Return the last stored declaration about each step, the oldest first.

    If *function* is None, return the last one about each step and function.
    """
    known: dict[tuple[str, str | None], DeclaredStep] = {}
    for declaration in declared:
        key = declaration.step, declaration.function if function is None else None
        known.pop(key, None)
        known[key] = declaration
    return list(known.values())


def text(name: str, value: object) -> str:
    """Return a text argument as stores accept it. Raise `InvalidArgument` if it is blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a string that is not blank")
    return store_text(value)
