# SPDX-License-Identifier: Apache-2.0
"""Stored attempts: which ones to read, and an attempt as a dict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.rows import COLUMNS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Where:
    """The attempts, or configurations, to read. None does not restrict.

    Attributes:
        since: Earliest start of the calls, in seconds since the epoch, UTC. A `PointInTime` that names a call selects
            by the order of arrival.
        until: End of the time. The calls started before it.
        schema: Name or fingerprint.
        function: Name of the guarded function.
        call_ids: Ids of the calls.
        configuration_ids: Ids of the configurations.
        counts_inputs: Whether counts of a window have `clusters`. Reading all inputs takes half of its time.
    """

    since: float | None = None
    until: float | None = None
    schema: str | None = None
    function: str | None = None
    call_ids: Sequence[str] | None = None
    configuration_ids: Sequence[int] | None = None
    counts_inputs: bool = True

    @property
    def is_timed(self) -> bool:
        """Whether the times are restricted."""
        return self.since is not None or self.until is not None


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row by the names of its columns, with lists and bools."""
    document: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in ("repairs", "coercions", "violations"):
        document[name] = json.loads(document[name])
    for name in ("tuned", "unseen", "adapted", "gateway_repaired"):
        document[name] = bool(document[name])
    return document


class Names(NamedTuple):
    """Names of the schema, the function, and the segment of calls."""

    schema_name: str
    schema_fingerprint: str
    function: str
    segment: str | None
