# SPDX-License-Identifier: Apache-2.0
"""Estimate the steps for the validation of an instance before it starts.

Rules:
1. Steps are counted, not timed, so the same schema and instance cost the same everywhere.
2. An estimate may be too high but never too low. A union counts as if every arm were tried.
3. A schema has a weight at each level of an instance. The estimate takes the largest one for every value.

A step is the time that the fast engine needs for one keyword at one value: 6 ns, measured with jsonschema-rs 0.61 on
200,000 items under 100 `allOf` arms. The other weights were measured relative to it.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import accumulate
from math import frexp, inf
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.limits import Limits
from schema_guard.validation.document import compact
from schema_guard.validation.keywords import KEYWORDS, UNIONS, reported, subschemas_at
from schema_guard.validation.measure import BITS
from schema_guard.validation.patterns import MAX_STATES_EACH, traits
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.validation.measure import ValueSize
    from schema_guard.validation.patterns import Traits
    from schema_guard.validation.references import References

_LIMITS = Limits()
# Length of a chain of schemas that apply to one value. Each link takes a stack frame of the engine.
MAX_CHAIN = 256
# Regular expressions that backtrack give up after this many steps, 16 ms.
BACKTRACK_LIMIT = 50_000

_LARGEST = 10**15
# Estimates are extended level by level until they repeat. Beyond this much work, the next level counts as too costly.
_MAX_WORK = 400_000
# Weights of lists that alternate with objects repeat every two levels. Periods up to this number are found.
_MAX_PERIOD = 12
# Factor for the repeated evaluation under "unevaluated...": 20 nested ones took 21 s, 3 ** 20 steps.
UNEVALUATED = 3
HASH_WEIGHT = 15  # one value under uniqueItems: 90 ns
_COMPARE_WEIGHT = 30  # one value of a complex enum: 190 ns
_NAME_WEIGHT = 1.5  # a name in a map of names: 9 ns
# For a numeric limit, its decimals, multipleOf, and two large numbers under uniqueItems (250 ns).
_LIMIT_WEIGHT, _DECIMAL_WEIGHT, _MULTIPLE_WEIGHT, _PAIR_WEIGHT = 30, 50, 70, 50
_NUMERIC = reported("number") - reported("any")
_NAMING = ("required", "dependentRequired", "dependentSchemas", "dependencies")
_WEIGHED = _NUMERIC | {*_NAMING, "enum", "const", "multipleOf"}
# A schema without these keywords applies no subschemas to a value or its parts.
_HOLDING = frozenset(
    {"uniqueItems", *(name for name, row in KEYWORDS.items() if row.place not in (None, "apart"))}
)
_METASCHEMA_WEIGHT = 200
_CHAR_WEIGHT = 0.3  # 2 ns
_STATE_WEIGHT = 0.7  # 4 ns a character and state
_BACKTRACK_WEIGHT = 30  # 170 ns

# An error has a copy of its value, and its message has another. Measured with nested objects.
_BYTES_OF_VALUE, _BYTES_OF_CHARACTER = 270, 4

_NODES, _CHARS, _SCANS, _TRIES = range(4)
_DIMENSIONS = 4


class _Node:
    """A schema in the graph of the estimate."""

    __slots__ = ("chain", "choices", "every", "expansion", "factor", "in_place", "one_of", "own")

    def __init__(self, own: tuple[float, ...] = (1,) + (0,) * (_DIMENSIONS - 1)) -> None:
        self.own = own
        self.factor = 1
        # Most schemas have no subschemas, and share one empty tuple.
        self.in_place: Sequence[int] = ()
        # One schema of each choice applies to the same value.
        self.choices: Sequence[list[int]] = ()
        # One of these schemas applies to a value below.
        self.one_of: Sequence[int] = ()
        # All of these schemas apply to every value below.
        self.every: Sequence[int] = ()
        self.chain = 1
        self.expansion = 1


class CostEstimate:
    """The estimate of one schema.

    Args:
        references: The references of the schema.
        patterns: Traits of each regular expression in it.

    Attributes:
        bound: Steps that no instance within the limits exceeds, without those for large numbers under `uniqueItems`.
            None if there is no such number.
        unique: Number of schemas with `uniqueItems`.
        chain: Length of the longest chain of schemas that apply to one value.
        unions: Whether there is an `anyOf` or `oneOf`, whose errors contain those of the arms.
        reach: Levels of an instance that the schema checks, or infinite if it checks all of them.
        unevaluated: Number of schemas that are compiled once more because of `unevaluated...`.
    """

    def __init__(self, references: References, patterns: Mapping[str, Traits]) -> None:
        graph = _Graph(references, patterns)
        self._nodes, self._order = graph.nodes, graph.order
        self.chain = max((node.chain for node in self._nodes), default=1)
        self.unions = graph.unions
        self.unique = graph.unique
        self.unevaluated = sum(node.expansion for node in self._nodes if node.factor > 1)
        # The weights of each level, by dimension.
        self._weights: dict[int, list[float]] = {
            dimension: []
            for dimension in range(_DIMENSIONS)
            if any(node.own[dimension] for node in self._nodes)
        }
        # Whether no lower level weighs more than one of the computed levels.
        self._is_complete = self._weigh(graph.root)
        weights = self._weights[_NODES]
        self._largest = {d: [*accumulate(weights, max)] for d, weights in self._weights.items()}
        # Without the root's level, because only one value is there.
        self._largest[_NODES] = [*accumulate([0.0, *weights[1:]], max)]
        self._above = [*accumulate(weights)]
        self.bound = self._bound()
        self.reach = weights.index(0) if 0 in weights else inf

    def steps(self, size: ValueSize) -> tuple[int, int, float]:
        """Return steps for an instance's values, steps for its texts, and bytes of its errors, all estimated."""
        values = self._above[0] + size.nodes * self._most(_NODES, size.depth)
        texts = size.chars * self._most(_CHARS, size.depth)
        scans, tries = self._most(_SCANS, size.depth), self._most(_TRIES, size.depth)
        if scans or tries:
            texts += sum(scans * _scan(length) + tries * _try(length) for length in size.lengths)
        # Under uniqueItems, the engine compares each pair of large numbers.
        texts += self.unique * _PAIR_WEIGHT * size.large**2
        copied = self.copied(size.depth, size.nodes, size.chars)
        return int(min(values, _LARGEST)), int(min(texts, _LARGEST)), copied

    def copied(self, depth: int, nodes: int, chars: int) -> float:
        """Return an upper bound of the bytes of errors' values for an instance of this size, if `bound` is a number."""
        return self._above[min(depth, len(self._above)) - 1] * copied_bytes(nodes, chars)

    def errors(self, nodes: int) -> float:
        """Return an upper bound of the errors for an instance with so many values, if `bound` is a number."""
        return nodes * self._largest[_NODES][-1]

    def _most(self, dimension: int, depth: int) -> float:
        """Return the largest weight of the levels down to a depth."""
        largest = self._largest.get(dimension)
        if largest is None:
            return 0
        return (
            largest[min(depth, len(largest)) - 1] if depth <= len(largest) or self._is_complete else _LARGEST
        )

    def _bound(self) -> int | None:
        if not self._is_complete or any(self._weights.get(d) for d in (_SCANS, _TRIES)):
            return None
        total = self._above[0] + _LIMITS.max_nodes * self._largest[_NODES][-1]
        total += _LIMITS.max_bytes * max(self._weights.get(_CHARS, [0]))
        return int(min(total, _LARGEST))

    def _weigh(self, root: int) -> bool:
        """Compute the root's weights to a reply's deepest level, or until they repeat. Return whether all are known."""
        recent: list[dict[int, list[float]]] = [{d: [0.0] * len(self._nodes) for d in self._weights}]
        work = len(self._order) * len(self._weights)
        for level in range(_LIMITS.max_depth + 1):
            if level * work > _MAX_WORK:
                return False
            latest = {dimension: self._next(dimension, above) for dimension, above in recent[-1].items()}
            for dimension, weights in latest.items():
                self._weights[dimension].append(weights[root])
            # If the weights of all schemas recur, all later levels repeat.
            if level and latest in recent:
                return True
            recent = [*recent[-_MAX_PERIOD:], latest]
        return True

    def _next(self, dimension: int, above: list[float]) -> list[float]:
        """Return the weight of each schema at the next level, from the weights of the level above."""
        first = not self._weights[dimension]
        below = [node.own[dimension] for node in self._nodes] if first else [0.0] * len(self._nodes)
        for index in self._order:
            node = self._nodes[index]
            weight = below[index]
            if not first:
                if node.one_of:
                    weight = max([above[child] for child in node.one_of])
                for child in node.every:
                    weight += above[child]
            for child in node.in_place:
                weight += node.factor * below[child]
            for choice in node.choices:
                weight += node.factor * max([below[child] for child in choice])
            below[index] = min(weight, _LARGEST)
        return below


def copied_bytes(nodes: float, chars: float) -> float:
    """Return the bytes that one error takes for copies of its value."""
    return _BYTES_OF_VALUE * nodes + _BYTES_OF_CHARACTER * chars


def _scan(length: int) -> float:
    """Return the steps of an expression that backtracks from each start and may read the whole rest there."""
    return _BACKTRACK_WEIGHT * length + _CHAR_WEIGHT * length * min(length, BACKTRACK_LIMIT)


def _try(length: int) -> float:
    """Return the steps of an expression that may backtrack exponentially, up to its limit."""
    tries = min(BACKTRACK_LIMIT, 1 << min(length, 20))
    return _BACKTRACK_WEIGHT * tries + _CHAR_WEIGHT * length * min(length, tries)


def own_weight(schema: dict[str, Any]) -> float:
    """Return the steps of a schema's own keywords at one value."""
    weight = 1 + len(schema) / 2
    if _WEIGHED.isdisjoint(schema):
        return weight
    weight += _NAME_WEIGHT * named_elsewhere(schema)
    enum = schema.get("enum")
    weight += _compared(
        [*(enum if isinstance(enum, list) else ()), *([schema["const"]] if "const" in schema else ())]
    )
    limits = [schema[keyword] for keyword in _NUMERIC & schema.keys()]
    # Decimals are compared as fractions of large integers.
    digits = sum(1 + abs(frexp(limit)[1]) // BITS for limit in limits if isinstance(limit, float))
    weight += _LIMIT_WEIGHT * len(limits) + _DECIMAL_WEIGHT * digits
    return weight + _MULTIPLE_WEIGHT * ("multipleOf" in schema)


def named_elsewhere(schema: dict[str, Any]) -> int:
    """Return the number of names in `required` and in the dependencies of a schema, keys included."""
    named = [schema.get(keyword) for keyword in _NAMING]
    named += [names for each in named if isinstance(each, dict) for names in each.values()]
    # Old drafts, and mistakes that are reported later, have a boolean or a number here.
    return sum(len(each) for each in named if isinstance(each, (list, dict)))


def _compared(members: list[Any]) -> float:
    """Return the steps to compare a value with each of these."""
    # Values that are all texts, or all integers, are looked up. Other scalars are compared one by one.
    kinds = set(map(type, members))
    is_large = any(type(member) is int and member.bit_length() > BITS for member in members)
    weight = 2 * _DECIMAL_WEIGHT if is_large or float in kinds else 0
    weight = weight if kinds.isdisjoint((dict, list)) else _COMPARE_WEIGHT
    return weight * len(compact(members)) / 4 + len(members) * (len(kinds) > 1)


class _Graph:
    """The schemas that a schema reaches, and how they apply."""

    def __init__(self, references: References, patterns: Mapping[str, Traits]) -> None:
        self._references = references
        self._patterns = patterns
        self._index: dict[int, int] = {}
        self._schemas: list[Any] = []
        self.nodes: list[_Node] = []
        self.order: list[int] = []
        self.unions = False
        self.unique = 0
        root = references.own_positions[0].schema if references.own_positions else True
        # Each value under uniqueItems is hashed with everything inside it. A metaschema has a known weight.
        self._hashed = self._pseudo((HASH_WEIGHT, _CHAR_WEIGHT, 0, 0))
        self._metaschema = self._pseudo((_METASCHEMA_WEIGHT, 10, 0, 0))
        self.root = self._of(root)
        # Includes schemas without a reference to them, because a cycle among them is a mistake too.
        for schema, _ in references.positions:
            self._of(schema)
        at = 2
        while at < len(self.nodes):
            if self._schemas[at] is not None:
                self._connect(self.nodes[at], self._schemas[at])
            at += 1
        self._sort()

    def _pseudo(self, own: tuple[float, ...], *, recursive: bool = True) -> int:
        index = len(self.nodes)
        node = _Node(own)
        if recursive:
            node.every = [index]
        self.nodes.append(node)
        self._schemas.append(None)
        return index

    def _of(self, schema: Any) -> int:
        """Return the number of a schema's node."""
        # All booleans share a node. The document is not freed while the graph is built, so an id stays unique.
        name = id(schema) if isinstance(schema, dict) else -1
        known = self._index.get(name)
        if known is None:
            known = self._index[name] = len(self.nodes)
            self.nodes.append(_Node())
            self._schemas.append(schema if isinstance(schema, dict) else None)
        return known

    def _any_of(self, schemas: list[Any]) -> int:
        """Return the node of a dynamic anchor, which chooses one of its schemas."""
        known = self._index.get(id(schemas))
        if known is None:
            known = self._index[id(schemas)] = self._pseudo((0,) * _DIMENSIONS, recursive=False)
            self.nodes[known].choices = [[self._of(schema) for schema in schemas]]
        return known

    def _connect(self, node: _Node, schema: dict[str, Any]) -> None:
        for target, dynamic in self._references.targets(schema):
            leads = self._metaschema if target is None else self._of(target)
            node.choices = [*node.choices, [leads, self._any_of(dynamic)] if dynamic else [leads]]
        if "$ref" in schema and (len(schema) == 1 or self._references.dialect in REF_ALONE):
            return
        node.own = self._weights(schema)
        self.unique += schema.get("uniqueItems") is True
        self.unions |= not schema.keys().isdisjoint(UNIONS)
        if _HOLDING.isdisjoint(schema):
            return
        node.factor = UNEVALUATED if any(key.startswith("unevaluated") for key in schema) else 1
        node.in_place = [self._of(child) for child in subschemas_at("here", schema)]
        node.one_of = [self._of(child) for child in subschemas_at("one", schema)]
        applied = [self._of(child) for child in subschemas_at("every", schema)]
        if schema.get("uniqueItems") is True:
            applied.append(self._hashed)
        patterns = schema.get("patternProperties")
        if isinstance(patterns, dict) and patterns:
            own = [sum(column) for column in zip(*map(self._pattern, patterns), strict=True)]
            applied.append(self._pseudo(tuple(own), recursive=False))
        node.every = applied

    def _weights(self, schema: dict[str, Any]) -> tuple[float, ...]:
        own = [own_weight(schema), 0.0, 0.0, 0.0]
        if "format" in schema or "maxLength" in schema or "minLength" in schema:
            own[_CHARS] += _CHAR_WEIGHT
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            own = [one + other for one, other in zip(own, self._pattern(pattern), strict=True)]
        return tuple(own)

    def _pattern(self, pattern: str) -> tuple[float, ...]:
        """Return the cost of one match of an expression, by dimension."""
        found = self._patterns.get(pattern) or traits(pattern)
        if found.backtracks or found.size > MAX_STATES_EACH:
            is_wild = found.nested or found.degree > 1
            return (1, 0, 0, 1) if is_wild else (1, 0, 1, 0)
        return (1, _CHAR_WEIGHT if found.simple else _CHAR_WEIGHT + _STATE_WEIGHT * found.size, 0, 0)

    def _sort(self) -> None:
        """Sort each node after the schemas for the same value. Raise for cycles and chains that are too long."""
        below = {
            at: [*(child for choice in node.choices for child in choice), *node.in_place]
            for at, node in enumerate(self.nodes)
            if node.choices or node.in_place
        }
        try:
            order = [at for at in TopologicalSorter(below).static_order() if at in below]
        except CycleError as error:
            where = self._where(min(error.args[1]))
            raise InvalidSchema(
                f"the references from {where or '(root)'} form a cycle that reads no part of the "
                "instance, so validation would never end. Break the cycle",
                code="ref_cycle",
                location=where,
            ) from None
        # A node without subschemas is left out, because it has no weight at lower levels.
        self.order = [
            at for at, node in enumerate(self.nodes) if at not in below and (node.one_of or node.every)
        ]
        self.order += order
        for index in order:
            node = self.nodes[index]
            inside = [self.nodes[child] for child in below[index]]
            node.chain = 1 + max((child.chain for child in inside), default=0)
            node.expansion = min(1 + sum(child.expansion for child in inside), _LARGEST)
            if node.chain > MAX_CHAIN:
                raise InvalidSchema(
                    f"the schema at {self._where(index) or '(root)'} starts a chain of more than {MAX_CHAIN} schemas for one value. "
                    "Inline some of them",
                    code="too_deep",
                    location=self._where(index),
                )

    def _where(self, index: int) -> str:
        schema = self._schemas[index]
        return next(
            (place.location for place in self._references.own_positions if place.schema is schema), ""
        )
