# SPDX-License-Identifier: Apache-2.0
"""Limits on the age and number of stored rows and texts, and the selection of rows to delete.

Rules: Deleting a row also deletes its texts, but no counts. An hour from which a row was deleted takes no more imported
calls. A separate command deletes counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STEP_ROWS: Final = 2_000
"""Attempts that one transaction deletes. It blocks other writers for some hundredths of a second."""

_LEAST_STEP: Final = 20

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BYTES: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 10**9, "t": 10**12}
_AGE: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_SIZE: Final = re.compile(r"([0-9]{1,15})([kmgt]?)b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits on the rows and texts in a store. None means no limit. schema_guard never deletes counts.

    Example:
        >>> from schema_guard import open_store
        >>> from schema_guard.records import Retention
        >>> store = open_store("sqlite://", retention=Retention(max_age_s=90 * 86_400, max_rows=1_000_000))

    Attributes:
        max_age_s: Maximum age of a call, in seconds. schema_guard deletes the rows of older calls.
        max_rows: Maximum number of attempts. If the store has more, schema_guard deletes the oldest attempts.
        max_bytes: Maximum size of the store, in bytes. If the store is larger, schema_guard deletes the oldest
            attempts.
    """

    max_age_s: float | None = None
    max_rows: int | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_age_s", "max_rows", "max_bytes"):
            bound = getattr(self, name)
            if bound is not None and (
                isinstance(bound, bool) or not isinstance(bound, (int, float)) or bound < 0
            ):
                raise InvalidArgument(f"{name}={clip(repr(bound))}: expected a number >= 0, or None")

    @property
    def is_limited(self) -> bool:
        """Whether at least one limit is set."""
        return (self.max_age_s, self.max_rows, self.max_bytes) != (None, None, None)

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Retention:
        """Read the limits from URL parameters such as `max_age=90d`, `max_rows=1000000`, and `max_bytes=2GB`."""
        age, rows, size = (parameters.get(name) for name in ("max_age", "max_rows", "max_bytes"))
        return cls(
            None if age is None else seconds_of(age, "max_age"),
            None if rows is None else bytes_of(rows, "max_rows"),
            None if size is None else bytes_of(size, "max_bytes"),
        )

    def stricter(self, other: Retention) -> Retention:
        """Return the combination of two `Retention` objects, with the stricter value of each limit."""
        pairs = (
            (self.max_age_s, other.max_age_s), (self.max_rows, other.max_rows), (self.max_bytes, other.max_bytes)
        )  # fmt: skip
        age, rows, size = (
            min((bound for bound in pair if bound is not None), default=None) for pair in pairs
        )
        return Retention(age, None if rows is None else int(rows), None if size is None else int(size))


DeletionKey: TypeAlias = Literal["call", "input", "cluster", "segment", "function"]


class Forgotten(NamedTuple):
    """The rows to delete.

    Attributes:
        by: Kind of the name.
        name: The id of the call, the hash of the input, or the name of the cluster, segment, or function.
    """

    by: DeletionKey
    name: str


def rows_over(used: int, max_bytes: int, count: Callable[[], int]) -> int:
    """Return about how many rows to delete until a store has at most *max_bytes*. 0 if it is not larger.

    A store is measured after each step, so an estimate that is too low costs another step.

    Args:
        used: Bytes of the store now.
        max_bytes: The limit.
        count: Returns the number of rows.
    """
    if used <= max_bytes:
        return 0
    rows = count()
    return min(rows, max(_LEAST_STEP, rows * (used - max_bytes) // used))


def seconds_of(text: str, name: str) -> float:
    """Return the seconds of `90d`, `12h`, `30m`, `45s`, or `2w`. Raise `InvalidArgument` for any other text.

    >>> seconds_of("90d", "max_age")
    7776000.0
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"{name}={clip(repr(text))}: expected an age such as 90d, 12h, 30m, or 2w")
    return float(int(match[1]) * _SECONDS[match[2]])


def bytes_of(text: str, name: str) -> int:
    """Return the number of `500000`, `500k`, or `2GB`. Raise `InvalidArgument` for any other text.

    >>> bytes_of("2GB", "max_bytes")
    2000000000
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"{name}={clip(repr(text))}: expected a number such as 1000000, 500k, or 2GB")
    return int(match[1]) * _BYTES[match[2].lower()]
