# SPDX-License-Identifier: Apache-2.0
"""The failure map: the places, keywords, and codes of the failures of the prompt in use, with counts.

Rule: the map is made from inputs that neither the race nor the proof uses.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.pointer import pointer
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.bench.run.scored_call import CallRow


class Gap(NamedTuple):
    """A way to fail.

    Attributes:
        place: JSON Pointer with `*` for each index. None if the reply fails as a whole.
        keyword: The violated keyword. Empty if the reply violates none.
        code: The code of the failure.
    """

    place: str | None
    keyword: str
    code: str


class FailingGap(NamedTuple):
    """A gap and the calls that failed there."""

    gap: Gap
    calls: int


class MapCall(NamedTuple):
    """A call of the prompt in use.

    Attributes:
        task: The text of the task.
        gaps: The failures of its first attempt. Empty for a valid reply.
    """

    task: str
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class FailureMap:
    """The failures of the prompt in use.

    Attributes:
        calls: The calls that were counted.
        failed: The calls whose first reply was not valid.
        gaps: The gaps, the most frequent first.
    """

    calls: int
    failed: int
    gaps: tuple[FailingGap, ...]

    def reason(self, *gaps: Gap) -> str:
        """Return the failures that an added line answers.

        >>> gap = Gap("/team", "enum", "enum")
        >>> FailureMap(60, 21, (FailingGap(gap, 12),)).reason(gap)
        '12 of 60 calls failed at /team (enum)'
        """
        known = {one.gap: one.calls for one in self.gaps}
        parts = [
            f"{known[gap]} of {plural(self.calls, 'call')} failed at {place_text(gap)}"
            for gap in gaps
            if gap in known
        ]
        return "; ".join(parts) or f"{self.failed} of {plural(self.calls, 'call')} failed"


def place_text(gap: Gap) -> str:
    """Return a place and its keyword, or the code of a reply that fails as a whole."""
    return gap.code if gap.place is None else f"{pointer(gap.place)} ({gap.keyword or gap.code})"


def failure_map(calls: Iterable[MapCall]) -> FailureMap:
    """Count the failures of calls."""
    calls = list(calls)
    failing = [call for call in calls if call.gaps]
    counts = Counter(gap for call in failing for gap in dict.fromkeys(call.gaps))
    gaps = tuple(FailingGap(gap, k) for gap, k in counts.most_common())
    return FailureMap(len(calls), len(failing), gaps)


def calls_of_rows(rows: Iterable[CallRow], tasks: dict[str, str]) -> list[MapCall]:
    """Return the calls of a benchmark. *tasks* has the text of each task by its id. Lost calls are left out."""
    return [
        MapCall(
            tasks[row.task],
            tuple(Gap(one.location, one.keyword or "", one.code) for one in row.failures[:1]),
        )
        for row in rows
        if not row.is_lost
    ]
