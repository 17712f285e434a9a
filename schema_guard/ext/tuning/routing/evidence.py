# SPDX-License-Identifier: Apache-2.0
"""The inputs that a tuned model gets, as a verdict names them: by their segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from schema_guard.errors import InvalidArgument
from schema_guard.records.identity import current_tags
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.text import clip, dataclass_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Evidence"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The segments of your traffic that go to a tuned model (primary inputs).

    Attributes:
        segments: Names of the segments, as set with `tags(segment=...)` or `About(segment=...)`. `"(no segment)"`
            means calls without a segment.
    """

    __repr__ = dataclass_repr

    segments: Sequence[str]

    def __post_init__(self) -> None:
        is_list = not isinstance(self.segments, str) and hasattr(self.segments, "__iter__")
        names = tuple(self.segments) if is_list else ()
        if not names or not all(isinstance(name, str) for name in names):
            raise InvalidArgument(
                f"Evidence(segments={clip(repr(self.segments))}): expected a list of segment names, such as ['weekly report']"
            )
        object.__setattr__(self, "segments", names)

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> Self:
        """Return the segments to tune, according to a FINE_TUNE_AND_ROUTE verdict.

        Args:
            verdict: Verdict for one function, from `schema-guard decide --format json` or `Verdict.as_dict`.

        Raises:
            InvalidArgument: The value isn't a verdict, covers several functions, or names no segments.
        """
        if not isinstance(verdict, Mapping):
            raise InvalidArgument(
                f"Evidence.of: {clip(repr(verdict))}: expected the parsed JSON of `schema-guard decide --format json`"
            )
        if "verdicts" in verdict:
            raise InvalidArgument(
                "Evidence.of: got verdicts of several functions. Pass the verdict of this function, from `decide --function NAME`"
            )
        tune = verdict.get("tune")
        if not isinstance(tune, list) or not tune:
            raise InvalidArgument(
                f"Evidence.of: the verdict {clip(repr(verdict.get('verdict')))} names no segments to tune. Expected "
                "FINE_TUNE_AND_ROUTE. For a verdict on all traffic, omit primary="
            )
        return cls(segments=tuple(tune))

    def holds(self, segment: str | None) -> bool:
        """Return whether the input of a call is a primary input.

        Args:
            segment: Segment of the function. `tags` overrides it.
        """
        return (current_tags.get().segment or segment or NO_SEGMENT) in self.segments
