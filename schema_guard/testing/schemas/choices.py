# SPDX-License-Identifier: Apache-2.0
"""From the schemas that apply to one value to a shape, an arm of every union being chosen.

Rules:
1. What must hold in any case is merged first: it rules out arms.
2. An arm is chosen by the next of the decisions that are handed in, the first arm where there are no more.
   Equal decisions give equal shapes, so that all of them can be gone through.
3. What a negation says evaluates nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.testing.schemas.shape import (
    Contains,
    Contradiction,
    Evaluated,
    Items,
    Members,
    Unevaluated,
    ValueShape,
)
from schema_guard.testing.schemas.words import OBJECT, Words, broken_schemas, negated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.testing.schemas.words import SchemaReading


class Decision(NamedTuple):
    """A decision.

    Attributes:
        at: The number of the arm, from 0.
        of: How many there were.
        breaks: Whether the arms are the ways to break a schema, of which one may do.
    """

    at: int
    of: int
    breaks: bool


class Negations:
    """The negations of schemas, each made once, so that equal schemas stay the same schema."""

    def __init__(self, reading: SchemaReading) -> None:
        self._reading = reading
        self._negations: dict[int, Words | bool] = {}
        self._branches: dict[int, list[Words]] = {}
        self._dependents: dict[int, list[list[Words]]] = {}
        # What was read is held, so that its identity stays its own.
        self._negated: list[Words] = []

    def of(self, schema: Any) -> Words | bool:
        """Give the negation of a schema as a union of the ways to break it."""
        words = self._reading.words(schema)
        if isinstance(words, bool):
            return not words
        if id(words) not in self._negations:
            self._negated.append(words)
            self._negations[id(words)] = self._negation_of(words)
        return self._negations[id(words)]

    def _negation_of(self, words: Words) -> Words | bool:
        ways = broken_schemas(words)
        return Words(ways=ways) if ways else False

    def conditional(self, words: Words) -> list[Words]:
        """Give the two branches of `if`, the one where it does not hold first."""
        if id(words) not in self._branches:
            self._negated.append(words)
            then, other = words.get("then", True), words.get("else", True)
            self._branches[id(words)] = [
                Words(allOf=[negated(words["if"]), other]),
                Words(allOf=[words["if"], then]),
            ]
        return self._branches[id(words)]

    def dependent(self, words: Words) -> list[list[Words]]:
        """Give for each of the `dependentSchemas` the two arms: without the property, and with it."""
        if id(words) not in self._dependents:
            self._negated.append(words)
            self._dependents[id(words)] = [
                _arms(name, schema) for name, schema in words["dependentSchemas"].items()
            ]
        return self._dependents[id(words)]


def _arms(name: str, schema: Any) -> list[Words]:
    absent = Words(properties={name: False})
    return [absent, Words(type=[OBJECT], required=[name], allOf=[schema])]


class Choices:
    """One way through the unions of some schemas.

    Args:
        reading: Of the document.
        negations: Of the document.
        decide: Gives the index of an arm for the number of the decision and of the arms.
        check: Raises Contradiction where some of the required properties of a shape cannot be.
    """

    def __init__(
        self,
        reading: SchemaReading,
        negations: Negations,
        decide: Callable[[int, int], int],
        check: Callable[[ValueShape, Iterable[str]], None],
    ) -> None:
        self._check = check
        self._reading = reading
        self._negations = negations
        self._decide = decide
        self._shape = ValueShape()
        self._seen: set[tuple[int, bool]] = set()
        self._unions: deque[tuple[str, list[Any], tuple[Evaluated, ...]]] = deque()
        self.decisions: list[Decision] = []

    def shape(self, schemas: Iterable[Any]) -> ValueShape:
        """Give the shape of what all of the schemas accept.

        Raises:
            Contradiction: These decisions leave no value.
        """
        for schema in schemas:
            self._add(schema, ())
        while self._unions:
            keyword, arms, evaluated = self._unions.popleft()
            self._choose(keyword, arms, evaluated)
        self._shape.prune()
        return self._shape

    def _choose(self, keyword: str, arms: list[Any], evaluated: tuple[Evaluated, ...]) -> None:
        if keyword == "not":
            self._add(self._negations.of(arms[0]), ())
            return
        possible = [index for index, arm in enumerate(arms) if self._may(arm)]
        if not possible:
            choice = "way to break 'not' or another arm" if keyword == "ways" else f"arm of {keyword!r}"
            raise Contradiction(f"no {choice} goes with the rest", self._shape.location)
        at = 0
        if len(possible) > 1:
            at = self._decide(len(self.decisions), len(possible))
            self.decisions.append(Decision(at, len(possible), keyword == "ways"))
        chosen = possible[at]
        self._add_arm(arms[chosen], evaluated)
        if keyword == "oneOf":
            for index in possible:
                if index != chosen and self._may(arms[index]):
                    self._unions.append(("not", [arms[index]], ()))

    def _add_arm(self, arm: Any, evaluated: tuple[Evaluated, ...]) -> None:
        """Merge an arm, and look at once whether the properties that it is about can be."""
        shape = self._shape
        before, required = len(shape.members), len(shape.required)
        self._add(arm, evaluated)
        named = {
            name for part in shape.members[before:] for name in part.properties if name in shape.required
        }
        named.update(list(shape.required)[required:])
        # What is evaluated is known only when every arm was chosen.
        if named and not shape.rest_of_members and shape.kinds == [OBJECT]:
            self._check(shape, named)

    def _may(self, arm: Any) -> bool:
        """Say whether an arm is possible, as far as its own kinds and values tell."""
        words = self._reading.words(arm)
        if isinstance(words, bool):
            return words
        kinds = words.get("type")
        return kinds is None or any(kind in kinds for kind in self._shape.kinds)

    def _add(self, schema: Any, evaluated: tuple[Evaluated, ...]) -> None:
        words = self._reading.words(schema)
        if words is True:
            return
        shape = self._shape
        if words is False:
            raise Contradiction("a schema that applies here is false", shape.location)
        assert isinstance(words, Words)
        if not shape.location:
            shape.location = self._reading.location(schema) or ""
        if (id(words), bool(evaluated)) in self._seen:
            return
        self._seen.add((id(words), bool(evaluated)))
        evaluated = self._add_rest(words, evaluated)
        self._add_parts(words, evaluated)
        shape.merge(words)
        for each in (*words.get("refs", ()), *words.get("allOf", ())):
            self._add(each, evaluated)
        self._add_unions(words, evaluated)

    def _add_rest(self, words: Words, evaluated: tuple[Evaluated, ...]) -> tuple[Evaluated, ...]:
        """Merge what is asked of what nothing evaluates; give what keeps account of that, a new one included."""
        if not words.keys() & {"unevaluatedProperties", "unevaluatedItems"}:
            return evaluated
        own = Evaluated()
        if "unevaluatedProperties" in words:
            self._shape.rest_of_members.append(Unevaluated(own, words["unevaluatedProperties"]))
        if "unevaluatedItems" in words:
            self._shape.rest_of_items.append(Unevaluated(own, words["unevaluatedItems"]))
        return *evaluated, own

    def _add_parts(self, words: Words, evaluated: tuple[Evaluated, ...]) -> None:
        """Merge what is asked of the values inside."""
        if words.keys() & {"properties", "patternProperties", "additionalProperties"}:
            members = Members(
                words.get("properties", {}),
                words.get("patternProperties", {}),
                words.get("additionalProperties", True),
            )
            self._shape.members.append(members)
            for each in evaluated:
                each.members.append(members)
                # With a schema for the rest, every property is evaluated.
                each.all_members |= "additionalProperties" in words
        if "prefixItems" in words or "items" in words:
            items = Items(words.get("prefixItems", []), words.get("items", True))
            self._shape.items.append(items)
            for each in evaluated:
                each.items.append(items)
                each.all_items |= "items" in words
        if "contains" in words:
            contains = Contains(words["contains"], words.get("minContains", 1), words.get("maxContains"))
            self._shape.contains.append(contains)
            for each in evaluated:
                each.contains.append(contains)

    def _add_unions(self, words: Words, evaluated: tuple[Evaluated, ...]) -> None:
        unions = [(keyword, words[keyword]) for keyword in ("anyOf", "oneOf", "ways") if keyword in words]
        if "not" in words:
            unions.append(("not", [words["not"]]))
        if "if" in words and words.keys() & {"then", "else"}:
            unions.append(("if", self._negations.conditional(words)))
        if "dependentSchemas" in words:
            unions += [("dependentSchemas", arms) for arms in self._negations.dependent(words)]
        self._unions += [(keyword, arms, evaluated) for keyword, arms in unions]
