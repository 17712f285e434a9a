# SPDX-License-Identifier: Apache-2.0
"""Split rows into the three files: each repeated input once, each cluster in one file, and every part in each file.

Rules: pure, and the same for the same rows and seed, in any order of the rows. Train, validation, and test share no
input, no near copy of an input, and no cluster. The keyed hash of its inputs decides the side of a cluster, so that
few inputs change sides if more rows are added.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from schema_guard.bench.suites.values import as_written
from schema_guard.ext.tuning.export.similarity import (
    COMMON,
    NEAR,
    SAME,
    Groups,
    masked_shingles,
    normalised,
    shingles,
    similar_pairs,
)
from schema_guard.ext.tuning.export.values import SIDES, SOURCES
from schema_guard.records.rows import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.tuning.export.values import ExportSettings, Side, TrainingRow

DIFFER: Final = "an input with different answers that are equally well checked"
_TWICE: Final = "a repeated input with the same answer"
_NEARLY: Final = "nearly a repeated input with the same answer"
_LESS: Final = "a repeated input with a better checked answer"
_HELD_OUT: Final = "nearly an input of the suite's test tasks"
_NOT_TAKEN: Final = "more than --max-examples"

# If a cluster of near copies is larger than `COMMON`, too little remains to split. The last joins only equal inputs.
_STRICTER: Final = (NEAR, 0.8, 2.0)


@dataclass
class SplitRows:
    """Rows on their sides.

    Attributes:
        sides: The rows of each file, in their order.
        clusters: The cluster of each row, by file: equal numbers for rows that belong together.
        left_out: How many rows were left out, by reason.
        open: Inputs that only a person can answer.
        similarity: Inputs with at least this similarity are on one side. Above 1, only equal ones are.
    """

    sides: dict[Side, list[TrainingRow]] = field(default_factory=lambda: {side: [] for side in SIDES})
    clusters: dict[Side, list[int]] = field(default_factory=lambda: {side: [] for side in SIDES})
    left_out: Counter[str] = field(default_factory=Counter)
    open: list[TrainingRow] = field(default_factory=list)
    similarity: float = NEAR


def split_rows(rows: Sequence[TrainingRow], settings: ExportSettings) -> SplitRows:
    """Use each input once, and assign the rows to their sides."""
    split = SplitRows()
    key = f"schema-guard export {settings.seed}".encode()
    ordered = sorted(rows, key=lambda row: _rank(row, key))
    texts = [normalised(row.text) for row in ordered]
    unique, copies = _without_copies(ordered, texts, split)
    kept_rows, kept_texts = [ordered[place] for place in unique], [texts[place] for place in unique]
    # The input of a copy that is left out belongs to the cluster of the copy too.
    named = [(place, ordered[copy].cluster) for copy, place in copies]
    groups = _clusters(kept_rows, named, split)
    chosen = _selected(kept_rows, settings, split)
    clusters = defaultdict(list)
    for place in chosen:
        clusters[groups[place]].append(place)
    for side, places in _sides(clusters, kept_rows, kept_texts, settings, key, split).items():
        # Not in the order of the sources, because they may begin with rows of one kind.
        for place in sorted(places, key=lambda place: keyed_hash(kept_texts[place], key)):
            split.sides[side].append(kept_rows[place])
            split.clusters[side].append(groups[place])
    return split


def _rank(row: TrainingRow, key: bytes) -> tuple[object, ...]:
    """Return the sort key of a row: test rows first, then the best checked answers, then the newest."""
    text = keyed_hash(f"{row.text}\n{as_written(row.answer)}\n{row.origin}", key)
    rest = repr((row.cluster, row.segment, row.failure, row.input_hash))
    return row.side != "test", SOURCES.index(row.source), -row.at, text, rest


def _without_copies(
    rows: Sequence[TrainingRow], texts: Sequence[str], split: SplitRows
) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the rows that copy no earlier one, and each copy with the number of the row that it repeats."""
    answers = [as_written(row.answer) for row in rows]
    unique = _without_equal(rows, texts, answers, split)
    near: defaultdict[int, list[int]] = defaultdict(list)
    for pair in similar_pairs(shingles([texts[place] for place in unique]), SAME):
        if _is_same(answers[unique[pair.first]], answers[unique[pair.second]]):
            near[pair.second].append(pair.first)
    numbers: dict[int, int] = {}
    of_text: dict[str, int] = {}
    for at, place in enumerate(unique):
        copied = next((one for one in near[at] if one in numbers), None)
        if copied is None:
            numbers[at] = len(numbers)
            of_text[texts[place]] = numbers[at]
            continue
        of_text[texts[place]] = numbers[copied]
        is_held_out = rows[unique[copied]].side == "test" and rows[place].side != "test"
        split.left_out[_HELD_OUT if is_held_out else _NEARLY] += 1
    chosen = [unique[at] for at in numbers]
    others = sorted(set(range(len(rows))).difference(chosen))
    return chosen, [(one, of_text[texts[one]]) for one in others if texts[one] in of_text]


def _without_equal(
    rows: Sequence[TrainingRow], texts: Sequence[str], answers: Sequence[str], split: SplitRows
) -> list[int]:
    """Return the place of one row for each input, except for inputs with contradictory answers."""
    first: dict[str, int] = {}
    differ: set[str] = set()
    for place, text in enumerate(texts):
        other = first.setdefault(text, place)
        if other == place:
            continue
        if _is_same(answers[other], answers[place]):
            split.left_out[_TWICE] += 1
        elif rows[other].source != rows[place].source:
            split.left_out[_LESS] += 1
        else:
            differ.add(text)
            split.left_out[DIFFER] += 1
    for text in sorted(differ):
        row = rows[first.pop(text)]
        split.left_out[DIFFER] += 1
        split.open.append(replace(row, why=DIFFER))
    return sorted(first.values())


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    return json.dumps(json.loads(one), sort_keys=True) == json.dumps(json.loads(other), sort_keys=True)


def _clusters(
    rows: Sequence[TrainingRow], named: Sequence[tuple[int, str | None]], split: SplitRows
) -> list[int]:
    """Return the number of the cluster of each row, by your tags, the hashes of the store, and near copies."""
    pairs = list(similar_pairs(masked_shingles([row.text for row in rows]), NEAR))
    roots: list[int] = []
    for least in _STRICTER:
        groups = Groups(len(rows))
        groups.join_labelled([*enumerate(row.cluster for row in rows), *named])
        groups.join_labelled(enumerate(row.input_hash for row in rows))
        labelled = Counter(map(groups.root, range(len(rows))))
        for pair in pairs:
            sides = {rows[pair.first].side, rows[pair.second].side}
            # The suite's own split stays as it is.
            if pair.similarity >= least and sides != {"train", "test"}:
                groups.join(pair.first, pair.second)
        roots = list(map(groups.root, range(len(rows))))
        split.similarity = least
        largest = max(Counter(roots).values(), default=0)
        # A cluster from your tags stays whole, whatever its size.
        if largest <= max(1, COMMON * len(rows), max(labelled.values(), default=0)):
            break
    return roots


def _selected(rows: Sequence[TrainingRow], settings: ExportSettings, split: SplitRows) -> list[int]:
    """Return the places of the selected rows: all, or the requested number, by turns from each part."""
    if settings.max_examples is None or len(rows) <= settings.max_examples:
        return list(range(len(rows)))
    parts: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        parts[row.segment, row.failure].append(place)
    turns = sorted(
        (number, str(part), place) for part, places in parts.items() for number, place in enumerate(places)
    )
    split.left_out[_NOT_TAKEN] += len(rows) - settings.max_examples
    return sorted(place for _, _, place in turns[: settings.max_examples])


def _sides(
    clusters: dict[int, list[int]],
    rows: Sequence[TrainingRow],
    texts: Sequence[str],
    settings: ExportSettings,
    key: bytes,
    split: SplitRows,
) -> dict[Side, list[int]]:
    """Assign each cluster to a side, so that each segment and failure has its share on each side."""
    sides: dict[Side, list[int]] = {side: [] for side in SIDES}
    parts: defaultdict[tuple[str, str], list[tuple[str, list[int]]]] = defaultdict(list)
    for places in clusters.values():
        named_sides = {rows[place].side for place in places}
        if "test" in named_sides:
            sides["test"] += [place for place in places if rows[place].side == "test"]
            split.left_out[_HELD_OUT] += sum(rows[place].side is None for place in places)
            places = [place for place in places if rows[place].side == "train"]  # noqa: PLW2901 - the rest of it
            if not places:
                continue
        first = min(places, key=lambda place: keyed_hash(texts[place], key))
        row = rows[first]
        named = keyed_hash(row.cluster if row.cluster is not None else texts[first], key)
        parts[row.segment or "", row.failure or ""].append((named, places))
    split.left_out += Counter()  # drops what is 0
    shares = {"test": 0.0 if sides["test"] else settings.test, "validation": settings.validation}
    owed = dict.fromkeys(shares, 0.0)
    for part in sorted(parts):
        remaining = sorted(parts[part])
        count = sum(len(places) for _, places in remaining)
        for side in ("test", "validation"):
            owed[side] += shares[side] * count
            remaining = _allotted(remaining, side, sides, owed)
        sides["train"] += [place for _, places in remaining for place in places]
    return sides


def _allotted(
    clusters: list[tuple[str, list[int]]],
    side: Side,
    sides: dict[Side, list[int]],
    owed: dict[str, float],
) -> list[tuple[str, list[int]]]:
    """Add the clusters to which a side is entitled, in the order of the hashes. Return the others."""
    rest = []
    for named, places in clusters:
        if owed[side] >= len(places) / 2 and owed[side] > 0:
            sides[side] += places
            owed[side] -= len(places)
        else:
            rest.append((named, places))
    return rest
