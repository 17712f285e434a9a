# SPDX-License-Identifier: Apache-2.0
"""Which inputs a person should answer next, and why those.

Rules: pure. First the inputs that nothing else can answer; of these by turns the parts of the traffic and the failures
that have the fewest rows; one of inputs that are nearly the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.tuning.export.similarity import SAME, Groups, normalised, shingles, similar_pairs
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
    unanswered: dict[str, OpenInput] = {}
    for open_input in sorted(open_inputs, key=lambda one: (_urgency(one), -one.at, one.text)):
        text = normalised(open_input.text)
        if text not in answered:
            unanswered.setdefault(text, open_input)
    texts = list(unanswered)[:_MOST_COMPARED]
    groups = Groups(len(texts))
    for pair in similar_pairs(shingles(texts), SAME):
        groups.join(pair.first, pair.second)
    different = [unanswered[text] for place, text in enumerate(texts) if groups.root(place) == place]
    have = Counter((row.segment, row.failure) for row in rows)
    turns: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    ranked: list[tuple[int, int, int, int, OpenInput]] = []
    for open_input in different:
        part = open_input.segment, open_input.failure
        ranked.append((_urgency(open_input), turns[part], have[part], len(ranked), open_input))
        turns[part] += 1
    return [open_input for *_, open_input in sorted(ranked, key=lambda entry: entry[:4])][:most]


def to_label(one: OpenInput) -> dict[str, Any]:
    """Return an input as a line of `to_label.jsonl`: with its answer filled in, `--answers` reads it."""
    content: Any = list(one.messages)
    if len(one.messages) == 1:
        content = one.messages[0]["content"]
    known = {"call_id": one.call_id, "segment": one.segment, "failure": one.failure}
    fields = {name: value for name, value in known.items() if value is not None}
    return {**fields, "input": content, "why": one.why, "answer": None}


def _urgency(open_input: OpenInput) -> int:
    return 0 if open_input.why == DIFFER else 1 if open_input.failure is not None else 2
