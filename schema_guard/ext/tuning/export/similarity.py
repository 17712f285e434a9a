# SPDX-License-Identifier: Apache-2.0
"""Which inputs are the same one, or nearly: what comes twice is taken once, and what is alike stays on one side.

Rules: pure, and the same for the same texts in any order of the sources. Texts are compared by the Jaccard similarity of
their runs of five characters, without case, punctuation and width; runs that more than half of all inputs have, an
instruction's, are not compared, and of more than 500,000 runs in all a part, the same of every text. All pairs that are at
least so similar by these are found, not most of them: sets share one of their rarest runs, or are less similar (prefix
filtering, Bayardo, Ma and Srikant 2007).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

__all__ = ["SAME", "SIMILAR", "Groups", "SimilarPair", "normalised", "similar_pairs"]

SAME: Final = 0.7
"""From this similarity on two inputs with the same answer are one: in a text of 60 characters another word."""

SIMILAR: Final = 0.8
"""From this similarity on two inputs are kept on one side of the split, whatever their answers."""

_RUN = 5
_MOST_RUNS = 500_000  # of all texts; of more, every second, fourth ... is compared
_LEAST_FOR_COMMON = 4  # of fewer inputs nothing is common to most
_NO_WORD: Final = re.compile(r"[\W_]+")


class SimilarPair(NamedTuple):
    """Two inputs that are nearly the same, by their places, and how much of their runs they share."""

    first: int
    second: int
    similarity: float


class Groups:
    """Sets of things that grow together (union-find); each begins as its own."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, one: int) -> int:
        """Give the smallest thing of a set, by one of it."""
        parents = self._parents
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    def join(self, one: int, other: int) -> None:
        """Make one set of two."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first

    def join_equal(self, keys: Iterable[Hashable | None]) -> None:
        """Join all that have the same key; those with None have none."""
        self.join_labelled(enumerate(keys))

    def join_labelled(self, labels: Iterable[tuple[int, Hashable | None]]) -> None:
        """Join all that have a label in common; a place may have several, and None is none."""
        places: dict[Hashable, int] = {}
        for place, key in labels:
            if key is not None:
                self.join(places.setdefault(key, place), place)


def normalised(text: str) -> str:
    """Give a text as it is compared: without case, punctuation, and differences of width and space.

    >>> normalised("Total:  12,50 EUR!")
    'total 12 50 eur'
    """
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def similar_pairs(texts: Sequence[str], least: float = SAME) -> Iterator[SimilarPair]:
    """Give all pairs of different texts that are at least so similar.

    Args:
        texts: As `normalised` gives them.
        least: The similarity, in (0, 1].
    """
    sets = _compared(texts)
    counts = Counter(run for runs in sets for run in runs)
    # The rarest first, so that few sets share what is looked at.
    ordered = [sorted(sorted(runs), key=counts.__getitem__) for runs in sets]
    by_run: defaultdict[str, list[int]] = defaultdict(list)
    for place, runs in enumerate(ordered):
        size = len(runs)
        beginning = runs[: size - ceil(least * size) + 1] if size else []
        for other in sorted({other for run in beginning for other in by_run[run]}):
            if not least <= size / (len(sets[other]) or 1) <= 1 / least:
                continue
            shared = len(sets[place] & sets[other])
            similarity = shared / (size + len(sets[other]) - shared)
            if similarity >= least:
                yield SimilarPair(other, place, similarity)
        for run in beginning:
            by_run[run].append(place)


def _compared(texts: Sequence[str]) -> list[set[str]]:
    """Give the runs of each text that are compared; of one of which nothing is left, all."""
    every = 1
    while sum(map(len, texts)) > _MOST_RUNS * every:
        every *= 2
    sets = [_runs(text, every) for text in texts]
    if len(sets) < _LEAST_FOR_COMMON:
        return sets
    counts = Counter(run for runs in sets for run in runs)
    common = {run for run, count in counts.items() if 2 * count > len(sets)}
    return [runs - common or runs for runs in sets]


def _runs(text: str, every: int) -> set[str]:
    runs = {text[start : start + _RUN] for start in range(max(1, len(text) - _RUN + 1))}
    if every == 1:
        return runs
    # The same runs of every text, so that what is left of two is as similar as they are.
    return {run for run in runs if crc32(run.encode("utf-8", "surrogatepass")) % every == 0} or runs
