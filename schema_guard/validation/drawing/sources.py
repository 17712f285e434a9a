# SPDX-License-Identifier: Apache-2.0
"""Sources of the choices from which a value is drawn: chance, or always the same choices."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.text import hex_digest
from schema_guard.validation.drawing.normalized import KINDS, NULL, STRING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from schema_guard.validation.drawing.demand import Demand

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# RFC 8259 s. 6: all implementations agree on integers in this range.
_LARGEST, _MANY_STEPS = 2**53 - 1, 10_000
_MORE_CHARS, _MORE_ITEMS, _MORE_PROPERTIES = 12, 4, 5
_FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "PT45M",
    "email": "name@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


class ChoiceSource:
    """Choices by chance. The first choice is the simplest one, because Hypothesis shrinks toward it.

    Attributes:
        shift: Added to each choice from a few, so that a retry differs even if all choices are the simplest.
        variant: Number of the value, from 0. Values of fixed choices with other numbers differ if possible.
        prefers_meant: Whether a value is preferred that the keywords of its schema are about.
    """

    shift = 0
    variant = 0
    prefers_meant = False

    def __init__(self, random: Random) -> None:
        self._random = random

    def between(self, low: int, high: int) -> int:
        """Draw an int."""
        return self._random.randint(low, high)

    def real(self, low: float, high: float) -> float:
        """Draw a float."""
        return self._random.uniform(max(low, min(high, 0) - 1000), min(high, max(low, 0) + 1000))

    def text(self, least: int, most: int) -> str:
        """Draw any text."""
        return "".join(self._random.choices(_LETTERS, k=self.between(least, most)))

    def pick(self, low: int, high: int) -> int:
        """Draw an int, so that a retry gets another one."""
        return low + (self.between(low, high) - low + self.shift) % (high - low + 1) if low < high else low

    def index(self, count: int) -> int:
        """Draw a place in a list."""
        return self.pick(0, count - 1)

    def kind(self, kinds: list[str], demand: Demand) -> str:
        """Draw one of the kinds of value that are possible."""
        kinds = (demand.meant(kinds) if self.prefers_meant else []) or kinds
        return kinds[self.index(len(kinds))]

    def steps(self, first: float, last: float, *, are_whole: bool) -> int:
        """Draw the number of steps of a multiple, close to 0 or to the bound that is next to it."""
        many = _LARGEST if are_whole else _MANY_STEPS
        if first == -inf:
            first = -many if last == inf or last > -many else last - many
        if last == inf:
            last = max(many, first + many) if first > 0 else many
        return self.between(int(first), int(last))

    def free_text(self, least: int, most: float) -> str:
        """Draw a text without a pattern. Only the end of a long one varies."""
        varied = min(least, _MORE_CHARS)
        text = self.text(varied, int(min(most - least, _MORE_CHARS)) + varied)
        return "a" * (least - varied) + text

    def usual_text(self, demand: Demand, least: int, most: float) -> str | None:
        """Return the text that is tried first, or None."""

    def shown(self, demand: Demand) -> list[Any]:
        """Return the values that are tried first."""
        return []

    def name(self) -> str:
        """Draw the name of a property."""
        return "".join(_LETTERS[self.pick(0, 25)] for _ in range(self.between(1, 6)))

    def size(self, least: int, most: float, *, usual: int) -> int:
        """Draw the length of an array."""
        return self.between(
            int(min(most, max(least, self.prefers_meant and usual))), int(min(most, least + _MORE_ITEMS))
        )

    def optional(self, names: list[str]) -> Iterator[str]:
        """Draw the properties that are tried besides the required ones."""
        for _ in range(min(len(names), _MORE_PROPERTIES)):
            if self.between(0, 3) == 0:
                break
            yield names[self.index(len(names))]

    def chance(self, of: int) -> bool:
        """Draw whether something rare happens."""
        return self.between(0, of - 1) == of - 1


class FixedChoices(ChoiceSource):
    """Always the same choices, for a value that shows people and models what a schema means."""

    def __init__(self, variant: int) -> None:
        self.variant = variant
        self._count = 0

    def between(self, low: int, high: int) -> int:  # noqa: D102 - as above
        self._count += 1
        return low + int(hex_digest(f"{self.variant} {self._count}", 12), 16) % (high - low + 1)

    def real(self, low: float, high: float) -> float:  # noqa: D102
        return (low + min(high, low + 1)) / 2 if low > -inf else min(high - 0.5, 0.5)

    def index(self, count: int) -> int:  # noqa: D102
        return (self.variant + self.shift) % count

    def kind(self, kinds: list[str], demand: Demand) -> str:  # noqa: D102
        usual = [kind for kind in kinds if kind != NULL]
        if len(kinds) == len(KINDS):
            usual = [*reversed(demand.meant(kinds)), STRING]
        order = list(dict.fromkeys([*usual, *kinds]))
        return order[self.shift % len(order)]

    def steps(self, first: float, last: float, *, are_whole: bool) -> int:  # noqa: D102
        start = first if first > -inf else min(1, last - 1)
        return int(start + self.variant if start + self.variant <= last else max(start, first))

    def usual_text(self, demand: Demand, least: int, most: float) -> str | None:  # noqa: D102
        names = [words["format"] for words in demand.words if "format" in words]
        word = ("example", "sample", "other", "third")[self.variant % 4]
        return next((_FORMATS[name] for name in names if name in _FORMATS), None) or self._fitted(
            word, least, most
        )

    def _fitted(self, word: str, least: int, most: float) -> str:
        return word.ljust(least, "x")[: int(min(most, 10**6))]

    def free_text(self, least: int, most: float) -> str:  # noqa: D102
        return self._fitted("example", least, most)

    def shown(self, demand: Demand) -> list[Any]:  # noqa: D102
        shown: list[Any] = next((words["shown"] for words in demand.words if words.get("shown")), [])
        return [shown[(self.variant + at) % len(shown)] for at in range(len(shown))]

    def size(self, least: int, most: float, *, usual: int) -> int:  # noqa: D102
        return int(min(max(least, usual), most))

    def optional(self, names: list[str]) -> Iterator[str]:  # noqa: D102
        yield from names

    def chance(self, of: int) -> bool:  # noqa: D102
        return False
