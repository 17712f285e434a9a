# SPDX-License-Identifier: Apache-2.0
"""The calls that evidence is about, and the sources of its prices, as frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class EvidenceSource(NamedTuple):
    """Where prices come from, and of which day they are."""

    name: str
    as_of: str


class EvidenceSubject(NamedTuple):
    """Whose calls they are, and what is not among them.

    Attributes:
        function: Name of the guarded function; None where nothing but trials is recorded.
        schema: Name of its schema.
        models: That were asked.
        period: First and last day of the calls; None when unknown.
        calls: With a judged reply.
        left_out: Calls that are recorded and do not count here.
        lost_records: Attempts that could not be stored, by reason.
        latest_days: Days of the latest calls, from which calls per month are read; None when they are not.
        latest_calls: Recorded calls of these days; None if calls per month are not read from them.
        schemas_of_function: How many the function has calls of, as a guard of tools has one for each.
        schema_fingerprint: The identity of the schema. Its name is only a label.
        texts: Calls of the function whose texts are stored; None if that is not known.
        storing: The line that makes a guard store texts; None if it is not known.
        clocks: How many of the last calls (`calls`) are dated later than now (`ahead`), or over an hour earlier than a call
            that arrived before them (`behind`); None if there are none.
    """

    function: str | None
    schema: str
    models: tuple[str, ...]
    period: tuple[str, str] | None
    calls: int
    left_out: int
    lost_records: Mapping[str, int]
    latest_days: float | None = None
    latest_calls: int | None = None
    schemas_of_function: int = 1
    schema_fingerprint: str | None = None
    texts: int | None = None
    storing: str | None = None
    clocks: Mapping[str, int] | None = None

    def as_figures(self) -> dict[str, Any]:
        """Return the facts by their names, without the unknown ones about stored texts and clocks."""
        optional = ("texts", "storing", "clocks")
        return {
            name: value for name, value in self._asdict().items() if value is not None or name not in optional
        }
