# SPDX-License-Identifier: Apache-2.0
"""Which inputs a person should answer next, and why those.

Rules: pure. First the inputs that nothing else can answer; of these by turns the parts of the traffic and the failures
that have the fewest rows; one of inputs that are nearly the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.tuning.export.alike import SAME, Groups, alike_pairs, normalised
from schema_guard.ext.tuning.export.splitting import DIFFER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.ext.tuning.export.values import OpenInput, TrainingRow

__all__ = ["MOST_TO_LABEL", "label_next", "to_label"]

MOST_TO_LABEL: Final = 200
"""No more inputs are named at once."""

_MOST_COMPARED: Final = 5_000


def label_next(
    open_inputs: Sequence[OpenInput], rows: Iterable[TrainingRow], most: int = MOST_TO_LABEL
) -> list[OpenInput]:
    """Rank inputs without an answer, the most useful first.

    Args:
        open_inputs: Without an answer that may be trained on.
        rows: That have one.
        most: How many to give.
    """
    answered = {normalised(row.text) for row in rows}
    left: dict[str, OpenInput] = {}
    for one in sorted(open_inputs, key=lambda one: (_urgency(one), -one.at, one.text)):
        text = normalised(one.text)
        if text not in answered:
            left.setdefault(text, one)
    texts = list(left)[:_MOST_COMPARED]
    groups = Groups(len(texts))
    for pair in alike_pairs(texts, SAME):
        groups.join(pair.first, pair.second)
    different = [left[text] for place, text in enumerate(texts) if groups.root(place) == place]
    have = Counter((row.segment, row.failure) for row in rows)
    turns: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    ranked: list[tuple[int, int, int, int, OpenInput]] = []
    for one in different:
        part = one.segment, one.failure
        ranked.append((_urgency(one), turns[part], have[part], len(ranked), one))
        turns[part] += 1
    return [one for *_, one in sorted(ranked, key=lambda entry: entry[:4])][:most]


def to_label(one: OpenInput) -> dict[str, Any]:
    """Give an input as a line of `to_label.jsonl`: with its answer filled in, `--answers` reads it."""
    asked: Any = list(one.messages)
    if len(one.messages) == 1:
        asked = one.messages[0]["content"]
    known = {"call_id": one.call_id, "segment": one.segment, "failure": one.failure}
    said = {name: value for name, value in known.items() if value is not None}
    return {**said, "input": asked, "why": one.why, "answer": None}


def _urgency(one: OpenInput) -> int:
    return 0 if one.why == DIFFER else 1 if one.failure is not None else 2
