# SPDX-License-Identifier: Apache-2.0
"""The figures of a verdict about the segments of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.measure import as_figures

if TYPE_CHECKING:
    from schema_guard.decide.case import Case, SegmentRates
    from schema_guard.stats import Rate


def segment_figures(case: Case) -> dict[str, Any]:
    """Return the segments with their bounds and counts; nothing without segments."""
    if not case.parts:
        return {}
    return {"segments": [_part_figures(part) for part in case.parts], "alpha_segment": case.alpha_segment}


def _part_figures(part: SegmentRates) -> dict[str, Any]:
    """Give a segment with its bounds and counts; a pilot's has them of both."""
    figures = {"name": part.name, "share": part.share, "prompt": _pair(part.prompt)}
    if part.tuned is not None:
        both = {"prompt": part.prompt, "tuned": part.tuned}
        counts = {
            f"{name}_{word}": value
            for name, rate in both.items()
            for word, value in (("n", rate.n), ("k", rate.count))
        }
        return {**figures, "tuned": _pair(part.tuned), **counts}
    return {**figures, **as_figures(part.prompt, part.prompt_state)}


def _pair(rate: Rate) -> list[float]:
    return [rate.bounds.lower, rate.bounds.upper]
