# SPDX-License-Identifier: Apache-2.0
"""Everything that schemas demand of one value together, after the choice of a schema of each union."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from functools import cache
from math import ceil, floor, inf, lcm
from typing import TYPE_CHECKING, Any

from schema_guard.parsing import is_same
from schema_guard.text import clip
from schema_guard.validation.document import DEFAULT_DIALECT
from schema_guard.validation.drawing.normalized import FRACTION, INTEGER, KINDS, Normalizer, Words, kind_of
from schema_guard.validation.fast_engine import fast
from schema_guard.validation.keywords import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schema_guard.validation.references import References

# Keywords of a value itself. An engine checks them all at once.
_FLAT = frozenset(
    row.name for row in KEYWORDS.values() if row.reported and row.place is None and row.name != "type"
) - {"minContains", "maxContains"}
_DEEPEST = 128


class DeadEnd(Exception):  # a fact that is found, never raised to a user
    """The choices so far leave no value.

    Attributes:
        why: The reason.
        location: Keyword location of the schema that it is about.
    """

    def __init__(self, why: str, location: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.location = location


class NormalizedDocument:
    """A schema document, with facts about its schemas that are found once."""

    def __init__(self, references: References, *, formats: bool) -> None:
        self.normalizer = Normalizer(references)
        self._formats = formats
        self._engines: dict[int, tuple[Words, Any]] = {}
        self._heights: dict[int, tuple[Any, float]] = {}
        self._beyond: dict[int, tuple[Any, int]] = {}
        self.matches = cache(self._matches)

    def accepts(self, words: Words, value: Any) -> bool:
        """Return whether a value satisfies the keywords of a schema that are about the value itself."""
        if id(words) not in self._engines:
            flat = {key: words[key] for key in words.keys() & _FLAT}
            self._engines[id(words)] = words, self._compiled(flat) if flat else None
        engine = self._engines[id(words)][1]
        try:
            return engine is None or bool(engine.is_valid(value))
        except ValueError:  # too many steps
            return False

    def _compiled(self, flat: dict[str, Any]) -> Any:
        return fast(flat, DEFAULT_DIALECT, formats=self._formats)

    def _matches(self, pattern: str, text: str) -> bool:
        return bool(self._compiled({"pattern": pattern}).is_valid(text))

    def height(self, schema: Any, limit: int) -> float:
        """Return the fewest levels inside a value of a schema, infinite above *limit*. Unions are not combined."""
        words = self.normalizer.words(schema)
        if isinstance(words, bool):
            return 0 if words else inf
        known = self._heights.get(id(words))
        if known is not None:
            return known[1] if known[1] <= limit else inf
        if limit < 0 or self._beyond.get(id(words), (None, -1))[1] >= limit:
            return inf
        height = max(self._heights_in(words, limit), default=0)
        if height != inf:
            self._heights[id(words)] = words, height
        else:
            self._beyond[id(words)] = words, limit
        return height

    def _heights_in(self, words: Words, limit: int) -> Iterator[float]:
        for schema in (*words.get("refs", ()), *words.get("allOf", ())):
            yield self.height(schema, limit)
        for arms in words.get("unions", ()):
            yield min((self.height(arm, limit) for arm in arms), default=inf)
        if "enum" in words or "const" in words:
            yield 0
            return
        kinds = words.get("type", KINDS)
        if kinds == ["object"]:
            inside = [words.get("properties", {}).get(name, True) for name in words.get("required", ())]
        elif kinds == ["array"]:
            inside = list(words.get("prefixItems", ()))[: words.get("minItems", 0)]
            if len(inside) < words.get("minItems", 0):
                inside.append(words.get("items", True))
        else:
            return
        yield 1 + max((self.height(schema, limit - 1) for schema in inside), default=-1)

    def lowest(self, schema: Any) -> float:
        """Return the fewest levels inside any value of a schema, infinite if each contains another one."""
        limit = 1
        while self.height(schema, limit) == inf and limit < _DEEPEST:
            limit *= 2
        return self.height(schema, limit)


class Demand:
    """Everything that schemas demand of one value.

    Args:
        document: The document of the schemas.
        schemas: The schemas.
        choose: Chooses one schema of a union.

    Attributes:
        words: The schemas that apply to the value, those of the chosen arms included.
        unions_of: For each of the words, the schemas of whose unions it is a part.
        kinds: The kinds of value that are possible.
        required: Names of required properties.
        location: Keyword location of the first schema that has one.

    Raises:
        DeadEnd: No value is possible.
    """

    def __init__(
        self, document: NormalizedDocument, schemas: Iterable[Any], choose: Callable[[list[Any]], Any]
    ) -> None:
        self._document = document
        self.words: list[Words] = []
        self.kinds = list(KINDS)
        self.required: dict[str, None] = {}
        self.location = ""
        self._absent: set[str] = set()
        # Name of a property -> the values of its `enum` and `const` that the schemas so far leave.
        self._tags: dict[str, list[Any]] = {}
        self.unions_of: list[tuple[Words, ...]] = []
        self._unions: deque[tuple[Sequence[Any], tuple[Words, ...]]] = deque()
        for schema in schemas:
            self._add(schema, ())
        while self._unions:
            union, unions = self._unions.popleft()
            arms = [arm for arm in union if self._may(arm)]
            if not arms:
                raise DeadEnd(
                    "no branch of 'anyOf', 'oneOf', 'if', or 'not' fits the other keywords", self.location
                )
            self._add(choose(arms) if len(arms) > 1 else arms[0], unions)

    def _may(self, arm: Any) -> bool:
        """Return whether a schema of a union is possible, from its own keywords."""
        words = self._document.normalizer.words(arm)
        if isinstance(words, bool):
            return words
        if not any(kind in words.get("type", KINDS) for kind in self.kinds):
            return False
        if self.kinds == ["object"] and self._misses(words):
            return False
        return all(self._may(each) for each in (*words.get("refs", ()), *words.get("allOf", ())))

    def _misses(self, words: Words) -> bool:
        """Return whether a schema and the rest leave no value of a property that is required."""
        members = words.get("properties", {})
        required = self.required.keys() | words.get("required", ())
        return any(
            (members.get(name) is False or name in self._absent)
            or (
                name in self._tags
                and not any(self._suits(members.get(name), tag) for tag in self._tags[name])
            )
            for name in required & (members.keys() | self._absent)
        )

    def _suits(self, schema: Any, tag: Any) -> bool:
        """Return whether a schema of a property accepts a value, as far as its own keywords decide."""
        words = self._document.normalizer.words(schema)
        if isinstance(words, bool):
            return words
        refused = self._document.normalizer.words(words.get("not", False))
        if isinstance(refused, Words) and refused.keys() in (
            {"const"},
            {"enum"},
            {"const", "type"},
            {"enum", "type"},
        ):
            return not self._document.accepts(refused, tag)
        return kind_of(tag) in words.get("type", KINDS) and self._document.accepts(words, tag)

    def _add(self, schema: Any, unions: tuple[Words, ...]) -> None:
        words = self._document.normalizer.words(schema)
        if words is True or any(words is each for each in self.words):
            return
        if isinstance(words, bool):
            raise DeadEnd("the schema `false` applies here, so no value is valid", self.location)
        self.location = self.location or self._document.normalizer.location(schema)
        self.words.append(words)
        self.unions_of.append(unions)
        if "type" in words:
            # In the order of the schema.
            self.kinds = [kind for kind in words["type"] if kind in self.kinds]
            if not self.kinds:
                raise DeadEnd("no type satisfies all of the schemas that apply here", self.location)
        self._add_members(words)
        for each in (*words.get("refs", ()), *words.get("allOf", ())):
            self._add(each, unions)
        self._unions += [(arms, (*unions, words)) for arms in words.get("unions", ())]
        if "not" in words:
            self._unions.append((self._document.normalizer.broken(words["not"]), (*unions, words)))

    def _add_members(self, words: Words) -> None:
        self.required.update(dict.fromkeys(words.get("required", ())))
        self._absent.update(name for name, each in words.get("properties", {}).items() if each is False)
        for name, each in words.get("properties", {}).items():
            if name in self._tags:
                self._tags[name] = [tag for tag in self._tags[name] if self._suits(each, tag)]
            elif isinstance(each, dict) and ("enum" in each or "const" in each):
                self._tags[name] = each.get("enum") or [each.get("const")]
        missing = self._absent.intersection(self.required)
        if missing and self.kinds == ["object"]:
            raise DeadEnd(
                f"the schema both requires and forbids the property {min(missing)!r}", self.location
            )

    # -- the value itself

    def all(self, keyword: str) -> list[Any]:
        """Return what each schema has at a keyword."""
        return [words[keyword] for words in self.words if keyword in words]

    def meant(self, kinds: list[str]) -> list[str]:
        """Return the kinds of value that a keyword is about."""
        about = {KEYWORDS[keyword].kind for words in self.words for keyword in words if keyword in KEYWORDS}
        return [kind for kind in kinds if ("number" if kind in (INTEGER, FRACTION) else kind) in about]

    def fits(self, value: Any) -> bool:
        """Return whether a value satisfies all demands except those of the values inside it."""
        return (
            kind_of(value) in self.kinds
            and all(self._document.accepts(words, value) for words in self.words)
            and not any(self._document.accepts(words, value) for words in self.all("refused"))
        )

    def allowed(self) -> list[Any] | None:
        """Return the values of `enum` and `const`, or None if there are others.

        Raises:
            DeadEnd: None of them satisfies the other demands.
        """
        lists = self.all("enum") + [[value] for value in self.all("const")]
        if not lists:
            return None
        values = [value for value in lists[0] if self.fits(value)]
        if not values:
            common = [value for value in lists[0] if all(among(value, each) for each in lists)]
            raise DeadEnd(
                "no value of enum or const satisfies the rest"
                if common
                else "no value is in every enum and const that applies here",
                self.location,
            )
        return values

    def sizes(self, what: str, unit: str) -> tuple[int, float]:
        """Return the bounds of a size, such as `"Length"`.

        Raises:
            DeadEnd: They exclude each other.
        """
        least, most = max(self.all(f"min{what}"), default=0), min(self.all(f"max{what}"), default=inf)
        if least > most:
            raise DeadEnd(f"the schema requires at least {least} and at most {most} {unit}", self.location)
        return least, most

    def step(self, kind: str) -> Fraction | None:
        """Return the number of which all numbers of a kind are multiples, or None."""
        steps = [exact(step) for step in self.all("multipleOf")] + [Fraction(1)] * (kind == INTEGER)
        if not steps:
            return None
        below = lcm(*(step.denominator for step in steps))
        return Fraction(lcm(*(int(step * below) for step in steps)), below)

    def limits(self) -> tuple[Any, Any]:
        """Return the bounds of a number."""
        low = max(self.all("minimum") + self.all("exclusiveMinimum"), default=-inf)
        high = min(self.all("maximum") + self.all("exclusiveMaximum"), default=inf)
        if low > high or (
            low == high and low in (*self.all("exclusiveMinimum"), *self.all("exclusiveMaximum"))
        ):
            raise DeadEnd(f"no number from {clip(repr(low))} to {clip(repr(high))} is valid", self.location)
        return low, high

    def steps(self, step: Fraction) -> tuple[Any, Any]:
        """Return the bounds of a number, in steps."""
        low, high = self.limits()
        first = low if low == -inf else ceil(exact(low) / step)
        last = high if high == inf else floor(exact(high) / step)
        first += low in self.all("exclusiveMinimum") and first * step == exact(low)
        last -= high in self.all("exclusiveMaximum") and last * step == exact(high)
        if first > last:
            raise DeadEnd(f"no number from {clip(repr(low))} to {clip(repr(high))} is valid", self.location)
        return first, last

    # -- the values inside

    def names(self) -> list[str]:
        """Return the properties that a schema names, the required ones first."""
        return list(
            dict.fromkeys([*self.required, *(name for each in self.all("properties") for name in each)])
        )

    def patterns(self) -> list[str]:
        """Return the patterns by which a schema names properties."""
        return list(dict.fromkeys(pattern for each in self.all("patternProperties") for pattern in each))

    def with_needed(self, names: Iterable[str]) -> list[str]:
        """Return names together with those that they need."""
        needed = list(names)
        for name in needed:
            needed += [
                other
                for each in self.all("dependentRequired")
                for other in each.get(name, ())
                if other not in needed
            ]
        return list(dict.fromkeys(needed))

    def is_named(self, name: str) -> bool:
        """Return whether a schema names a property, by a pattern or as it is."""
        return name in self.names() or any(
            self._document.matches(pattern, name) for pattern in self.patterns()
        )

    def member(self, name: str) -> list[Any]:
        """Return the schemas of a property."""
        schemas = []
        evaluated = False
        for words in self.words:
            own = [
                each
                for pattern, each in words.get("patternProperties", {}).items()
                if self._document.matches(pattern, name)
            ]
            own += [words["properties"][name]] if name in words.get("properties", {}) else []
            schemas += own or ([words["additionalProperties"]] if "additionalProperties" in words else [])
            evaluated |= bool(own) or "additionalProperties" in words
        return schemas if evaluated else schemas + self.all("unevaluatedProperties")

    def item(self, index: int, *, is_contained: bool = False) -> list[Any]:
        """Return the schemas of an item. *is_contained*: whether it is one of those that `contains` counts."""
        schemas = []
        evaluated = is_contained
        for words in self.words:
            prefix = words.get("prefixItems", ())
            if index < len(prefix):
                schemas.append(prefix[index])
            elif "items" in words:
                schemas.append(words["items"])
            evaluated |= index < len(prefix) or "items" in words
        return schemas if evaluated else schemas + self.all("unevaluatedItems")


def exact(number: float) -> Fraction:
    """Return the decimal number as it is written: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def among(value: Any, values: list[Any]) -> bool:
    """Return whether a value is one of a list, as JSON."""
    return any(is_same(value, each) for each in values)
