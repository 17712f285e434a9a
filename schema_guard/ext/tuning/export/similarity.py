# SPDX-License-Identifier: Apache-2.0
"""Near copies among inputs, by the exact Jaccard similarity of their word 3-shingles.

Two inputs that differ only in entities (names, numbers, dates, codes) are near copies once their entities are masked. The
pairs do not depend on the order of the texts.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections import Counter, defaultdict
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence

SAME: Final = 0.7
"""Two inputs with the same answer count as one from this similarity on. In a text of 20 words, one word can differ."""

NEAR: Final = 0.5
"""The similarity of inputs that stay on one side of the split, whatever their answers."""

COMMON: Final = 1 / 3
"""Share of the inputs above which a shingle belongs to their template."""

_LEAST_FOR_COMMON: Final = 4  # fewer inputs have no template
_MASK: Final = "#"
_SIZE: Final = 3
_NO_WORD: Final = re.compile(r"[\W_]+")
# A word, or several that a code, an amount, or a date joins: "ab-12", "12,50", "2026-01-12".
_TOKEN: Final = re.compile(r"\w+(?:[-./:,'_]\w+)*")
_SENTENCE_START: Final = re.compile(r"(?:\A|[.!?:;\n])[\s\W_]*\Z")
_DATES: Final = {
    name.casefold().strip(".")
    for names in (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
    for name in names
}

Shingles: TypeAlias = "set[tuple[str, ...]]"


class SimilarPair(NamedTuple):
    """Two texts by their indexes, and their Jaccard similarity."""

    first: int
    second: int
    similarity: float


class Groups:
    """Sets that grow together (union-find). Each index starts in its own set."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def root(self, one: int) -> int:
        """Return the smallest index of a set."""
        parents = self._parents
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    def join(self, one: int, other: int) -> None:
        """Join two sets."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first

    def join_labelled(self, labels: Iterable[tuple[int, Hashable | None]]) -> None:
        """Join the indexes with a label in common. An index can have several labels, and None is none."""
        places: dict[Hashable, int] = {}
        for place, label in labels:
            if label is not None:
                self.join(places.setdefault(label, place), place)


def normalised(text: str) -> str:
    """Return a text without case, punctuation, and differences of width and space.

    >>> normalised("Total:  12,50 EUR!")
    'total 12 50 eur'
    """
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def shingles(texts: Sequence[str]) -> list[Shingles]:
    """Return the word 3-shingles of each text, without those of the template that many texts share."""
    every = [_shingles(normalised(text).split()) for text in texts]
    return [own or whole for own, whole in zip(_without_template(every), every, strict=True)]


def masked_shingles(texts: Sequence[str]) -> list[Shingles]:
    """Return the same with masked entities. A text that consists only of the template keeps its entities."""
    names = _names(texts)
    masked = _without_template([_shingles(_masked(text, names)) for text in texts])
    return [own or plain for own, plain in zip(masked, shingles(texts), strict=True)]


def similar_pairs(sets: Sequence[Shingles], least: float) -> Iterator[SimilarPair]:
    """Yield all pairs of texts with at least this similarity.

    Args:
        sets: The shingles of each text.
        least: The similarity, in (0, 1].

    Source: prefix filtering, Bayardo, Ma and Srikant (2007). Similar sets share one of their rarest shingles.
    """
    counts = Counter(shingle for held in sets for shingle in held)
    index: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, held in enumerate(sets):
        rarest = sorted(sorted(held), key=counts.__getitem__)[: len(held) - ceil(least * len(held)) + 1]
        for other in sorted({other for shingle in rarest for other in index[shingle]}):
            shared = len(held & sets[other])
            similarity = shared / (len(held) + len(sets[other]) - shared)
            if similarity >= least:
                yield SimilarPair(other, place, similarity)
        for shingle in rarest:
            index[shingle].append(place)


def _shingles(words: Sequence[str]) -> Shingles:
    return {tuple(words[at : at + _SIZE]) for at in range(max(1, len(words) - _SIZE + 1))}


def _without_template(sets: list[Shingles]) -> list[Shingles]:
    if len(sets) < _LEAST_FOR_COMMON:
        return sets
    counts = Counter(shingle for held in sets for shingle in held)
    common = {shingle for shingle, count in counts.items() if count > COMMON * len(sets)}
    return [held - common for held in sets]


def _names(texts: Sequence[str]) -> frozenset[str]:
    """Return the words that are capitalized inside sentences at least as often as they are not."""
    balance: Counter[str] = Counter()
    for text in dict.fromkeys(texts):
        for token in _TOKEN.finditer(
            "" if text.isupper() else text
        ):  # capitals mean nothing if all letters have them
            if not _SENTENCE_START.search(text, max(0, token.start() - 8), token.start()):
                for word in _NO_WORD.split(token[0]):
                    balance[word.casefold()] += 1 if word[:1].isupper() else -1
    return frozenset(word for word, count in balance.items() if count >= 0)


def _masked(text: str, names: Collection[str]) -> list[str]:
    """Return the words of a text, with one mask for each run of entities."""
    words: list[str] = []
    for token in _TOKEN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        is_code = any(map(str.isdigit, token[0]))
        for word in (_MASK,) if is_code else _NO_WORD.split(token[0]):
            shown = _MASK if word in names or word in _DATES else word
            if shown != _MASK or words[-1:] != [_MASK]:
                words.append(shown)
    return words
