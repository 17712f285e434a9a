# SPDX-License-Identifier: Apache-2.0
"""What users declare about a schema, with its date: remedies that they do not try and why, and target rates.

Rules: declarations are only ever added; of those about one rung the one that was stored last holds.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.records.rows import store_text
from schema_guard.text import clip, did_you_mean

RungStatus: TypeAlias = Literal["not_applicable", "declined"]
_STATUSES = ("not_applicable", "declined")


class DeclaredRung(NamedTuple):
    """A rung of the ladder that is not tried for a schema.

    Attributes:
        rung: Its name, as it was given.
        status: `"not_applicable"`, it cannot be tried, or `"declined"`, it is not wanted.
        reason: Why, in the words of whoever declared it.
        at: When, in seconds since the epoch, UTC.
    """

    rung: str
    status: RungStatus
    reason: str
    at: float


class DeclaredTarget(NamedTuple):
    """The largest rate of unhandled calls that is good enough for a schema.

    Attributes:
        at: From when on, in seconds since the epoch, UTC.
        target: In (0, 1).
    """

    at: float
    target: float


def declared_rung(rung: str, status: RungStatus, reason: str, at: float) -> DeclaredRung:
    """Check a declaration and give it as it is stored; `InvalidArgument`."""
    if status not in _STATUSES:
        near = did_you_mean(status, _STATUSES)
        raise InvalidArgument(f"status={status!r}: expected 'not_applicable' or 'declined'{near}")
    return DeclaredRung(text("rung", rung), status, text("reason", reason), at)


def declared_target(target: object, at: float) -> DeclaredTarget:
    """Check a target rate; `InvalidArgument`."""
    if not isinstance(target, (int, float)) or not 0 < target < 1:
        raise InvalidArgument(
            f"target={clip(repr(target))}: expected a rate of unhandled calls in (0, 1), such as 0.01"
        )
    return DeclaredTarget(at, float(target))


def text(name: str, given: object) -> str:
    """Give an argument that has to say something, as stores take it; `InvalidArgument` when it is blank."""
    if not isinstance(given, str) or not given.strip():
        raise InvalidArgument(f"{name}={clip(repr(given))}: expected a text that is not blank")
    return store_text(given)
