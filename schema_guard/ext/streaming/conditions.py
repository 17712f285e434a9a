# SPDX-License-Identifier: Apache-2.0
"""A compiled schema as an automaton of necessary conditions. A state is built when a reply first reaches it.

A state is a *slot* (the conditions on one place) and the kind of the value there. Its *plan* holds the remaining
conditions on that value and the slots of its members or items. The automaton ignores that the members of an arm of a
union belong together.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.ext.streaming.plans import KINDS, MemberRules, Slot, SlotPlan, SlotUnion, accepts
from schema_guard.ext.streaming.verdicts import Verdicts
from schema_guard.validation.keywords import KEYWORDS, UNIONS, draft_of
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.validation.compiled import Compiled

# Beyond these limits there are no conditions, so a schema whose unions multiply costs no more than this.
_MAX_PLANS = 5_000
_MAX_SLOTS = 20_000
_MAX_CHILDREN = 1_000
_MAX_ARMS = 64
_MAX_LISTED = 64
_MAX_NESTED = 30
_TYPES = {
    "{": {"object"}, "[": {"array"}, '"': {"string"}, "0": {"number", "integer"}, "t": {"boolean"}, "n": {"null"},
}  # fmt: skip
_PYTHON: dict[str, Callable[[Any], bool]] = {
    "{": lambda value: isinstance(value, dict),
    "[": lambda value: isinstance(value, list),
    '"': lambda value: isinstance(value, str),
    "0": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "t": lambda value: isinstance(value, bool),
    "n": lambda value: value is None,
}
# Keywords that the conditions on members and items don't cover in full.
_RESIDUE = {
    "{": frozenset({
        "anyOf", "oneOf", "not", "if", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies",
        "unevaluatedProperties",
    }),
    "[": frozenset({"anyOf", "oneOf", "not", "if", "contains", "uniqueItems", "unevaluatedItems"}),
}  # fmt: skip
_NOTHING = SlotPlan()
_NOTHING.settle()
_ANYTHING = Slot(())
_ANYTHING.plans = dict.fromkeys(KINDS, _NOTHING)
_NOTHING.rest = _ANYTHING


class Conditions:
    """The automaton of one compiled schema.

    Attributes:
        root: The slot of the whole value.
        nothing: The plan without conditions.
    """

    nothing = _NOTHING

    def __init__(self, compiled: Compiled) -> None:
        references = compiled.references
        self._references = references
        self._verdicts = Verdicts(references, formats=compiled.formats)
        self._draft = draft_of(references.dialect)
        self._ref_alone = references.dialect in REF_ALONE
        self._slots: dict[tuple[Any, ...], Slot] = {}
        self._unions: dict[tuple[Any, ...], SlotUnion] = {}
        self._listed: dict[tuple[int, str], SlotUnion | None] = {}
        self._plans = 0
        # The most checks of one scalar in any plan so far.
        self.heaviest = 1
        is_known = compiled.engine.factor == 1 and not any(
            _is_foreign(schema, references.dialect) for schema, _ in references.positions
        )
        self.root = self.slot([references.document] if is_known else [])

    def slot(self, items: list[Any], denied: str | None = None) -> Slot:
        """Return the slot of schemas and unions that must all hold."""
        unique = {id(item): item for item in items if item is not True and item is not None}
        if not unique and denied is None:
            return _ANYTHING
        key = (denied, *unique)
        slot = self._slots.get(key)
        if slot is None:
            if denied is None and len(self._slots) >= _MAX_SLOTS:
                return _ANYTHING
            slot = self._slots[key] = Slot(tuple(unique.values()), denied)
        return slot

    def union(self, slots: list[Slot], keyword: str) -> SlotUnion | None:
        """Return the union of some slots, or None (no condition) beyond the limit."""
        key = (keyword, *map(id, slots))
        union = self._unions.get(key)
        if union is None and len(self._unions) < _MAX_SLOTS:
            union = self._unions[key] = SlotUnion(tuple(slots), keyword)
        return union

    def plan(self, slot: Slot, first: str, inside: frozenset[Any] = frozenset()) -> SlotPlan:
        """Return the plan of a slot for a value that begins with a character."""
        plan = slot.plans.get(first)
        if plan is not None:
            return plan
        kind = KINDS[first]
        # A slot that leads back to itself at the same value adds no condition.
        if (slot, kind) in inside or len(inside) > _MAX_NESTED or self._plans >= _MAX_PLANS:
            return _NOTHING
        self._plans += 1
        plan = self._plan(slot, kind, inside | {(slot, kind)})
        for char, other in KINDS.items():
            if other == kind:
                slot.plans[char] = plan
        return plan

    def _plan(self, slot: Slot, kind: str, inside: frozenset[Any]) -> SlotPlan:
        schemas: dict[int, dict[str, Any]] = {}
        groups: list[tuple[SlotPlan, ...]] = []
        items: list[Any] = list(slot.items)
        unions = [] if slot.denied is None else [SlotUnion((), slot.denied)]
        while items or unions:
            dead = self._gather(items, unions, schemas, kind)
            if not dead and unions:
                dead = self._choose(unions.pop(), kind, inside, items, groups)
            if dead:
                return SlotPlan(dead)
        plan = SlotPlan()
        plan.groups = tuple(groups)
        self._fill(plan, list(schemas.values()), kind)
        plan.settle()
        self.heaviest = max(self.heaviest, plan.weight + len(plan.checks))
        return plan

    def _gather(
        self, items: list[Any], unions: list[SlotUnion], schemas: dict[int, dict[str, Any]], kind: str
    ) -> str | None:
        """Add all schemas that must hold. Return the keyword that rejects every value of the kind, or None."""
        while items:
            item = items.pop()
            if isinstance(item, SlotUnion):
                unions.append(item)
            elif item is False:
                return "falseSchema"
            elif isinstance(item, dict) and id(item) not in schemas:
                schemas[id(item)] = item
                dead = self._refusing(item, kind)
                if dead:
                    return dead
                items += self._in_place(item, kind)
        return None

    def _choose(
        self,
        union: SlotUnion,
        kind: str,
        inside: frozenset[Any],
        items: list[Any],
        groups: list[tuple[SlotPlan, ...]],
    ) -> str | None:
        """Remove the arms that reject the kind. A sole remaining arm must hold. Return the keyword if none remains."""
        arms = {arm: self.plan(arm, kind, inside) for arm in union.slots}
        live = {arm: plan for arm, plan in arms.items() if not plan.dead}
        if not live:
            return union.keyword
        if len(live) == 1:
            items += next(iter(live)).items
        elif len(live) <= _MAX_ARMS and all(plan.asks for plan in live.values()):
            groups.append(tuple(live.values()))
        return None

    def _is_alone(self, schema: dict[str, Any]) -> bool:
        return self._ref_alone and "$ref" in schema

    def _has(self, schema: dict[str, Any], keyword: str) -> bool:
        """Return whether a schema has a keyword that its draft knows."""
        row = KEYWORDS[keyword]
        return keyword in schema and row.since <= self._draft <= row.until and not self._is_alone(schema)

    def _refusing(self, schema: dict[str, Any], kind: str) -> str | None:
        """Return the keyword by which a schema rejects every value of a kind, or None."""
        if self._has(schema, "type"):
            names = schema["type"]
            if not _TYPES[kind].intersection([names] if isinstance(names, str) else names):
                return "type"
        for keyword, values in self._lists(schema):
            if not any(map(_PYTHON[kind], values)):
                return keyword
        return None

    def _lists(self, schema: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
        """Yield each keyword that lists values, with these values."""
        if self._has(schema, "enum") and isinstance(schema["enum"], list):
            yield "enum", schema["enum"]
        if self._has(schema, "const"):
            yield "const", [schema["const"]]

    def _in_place(self, schema: dict[str, Any], kind: str) -> Iterator[Any]:
        """Yield the schemas and unions that must hold for the same value, besides a schema's own keywords."""
        if isinstance(schema.get("$ref"), str):
            yield self._references.lookup(schema, schema["$ref"])
        if self._has(schema, "allOf"):
            yield from schema["allOf"]
        for keyword in UNIONS:
            if self._has(schema, keyword):
                yield self.union([self.slot([arm]) for arm in schema[keyword]], keyword)
        if self._has(schema, "if") and "else" in schema:
            # Either the condition and `then` hold, or `else` holds.
            then = self.slot([schema["if"], schema.get("then", True)])
            yield self.union([then, self.slot([schema["else"]])], "if")
        if kind in "{[":
            for keyword, values in self._lists(schema):
                yield self._union_of(values, keyword, kind)

    def _union_of(self, values: list[Any], keyword: str, kind: str) -> SlotUnion | None:
        """Return listed objects or arrays as a union of schemas, or None if there are too many."""
        key = (id(values) if keyword == "enum" else id(values[0]), kind)
        if key not in self._listed:
            members = [value for value in values if _PYTHON[kind](value)]
            schemas = [self._as_schema(value) for value in members[: _MAX_LISTED + 1]]
            union = self.union([self.slot([schema]) for schema in schemas], keyword)
            self._listed[key] = union if len(schemas) <= _MAX_LISTED else None
        return self._listed[key]

    def _as_schema(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            members = {name: {"enum": [member]} for name, member in value.items()}
            return {"properties": members, "required": list(value), "additionalProperties": False}
        firsts = [{"enum": [item]} for item in value]
        name = "prefixItems" if self._draft >= KEYWORDS["prefixItems"].since else "items"
        return {name: firsts, "minItems": len(value), "maxItems": len(value)}

    def _fill(self, plan: SlotPlan, schemas: list[dict[str, Any]], kind: str) -> None:
        own = [schema for schema in schemas if not self._is_alone(schema)]
        if kind in "{[":
            plan.residue = tuple(schema for schema in own if schema.keys() & _RESIDUE[kind])
            fill = self._fill_object if kind == "{" else self._fill_array
            for schema in own:
                fill(plan, schema)
            return
        checks = [self._verdicts.of_scalar(schema, kind) for schema in own]
        plan.checks = tuple(check for check in checks if check)
        for schema in own if kind == '"' else ():
            plan.longest = min(plan.longest, _limit(schema, "maxLength", inf))
            for _, values in self._lists(schema):
                plan.texts = sorted(value for value in values if isinstance(value, str))

    def _fill_object(self, plan: SlotPlan, schema: dict[str, Any]) -> None:
        required = schema.get("required")
        if isinstance(required, list):
            plan.required |= frozenset(required)
        plan.least = max(plan.least, _limit(schema, "minProperties", 0))
        plan.most = min(plan.most, _limit(schema, "maxProperties", inf))
        named, below = _map(schema, "properties"), _map(schema, "patternProperties")
        rest = schema.get("additionalProperties", True)
        if named or below or rest is not True:
            patterns = tuple((self._verdicts.matches(pattern), part) for pattern, part in below.items())
            plan.parts += (MemberRules(named, patterns, rest, "additionalProperties"),)
        if rest is False and not below:
            closed = frozenset(named)
            plan.closed = closed if plan.closed is None else plan.closed & closed

    def _fill_array(self, plan: SlotPlan, schema: dict[str, Any]) -> None:
        plan.least = max(plan.least, _limit(schema, "minItems", 0))
        plan.most = min(plan.most, _limit(schema, "maxItems", inf))
        firsts: Any = schema.get("items", True)
        rest: Any = True
        keyword = "items"
        if self._draft >= KEYWORDS["prefixItems"].since:
            firsts, rest = schema.get("prefixItems", []), firsts
        elif isinstance(firsts, list):
            rest, keyword = schema.get("additionalItems", True), "additionalItems"
        else:
            firsts, rest = [], firsts
        if firsts or rest is not True:
            plan.parts += (MemberRules(dict(enumerate(firsts)), (), rest, keyword),)

    def child(self, plan: SlotPlan, step: Any) -> Slot:
        """Return the slot of an object's member, by its name, or of an array's item, by its index."""
        slot = plan.children.get(step)
        if slot is not None:
            return slot
        if step not in plan.names and not plan.varies:
            if plan.rest is None:
                plan.rest = self._child(plan, None)
            return plan.rest
        slot = self._child(plan, step)
        if len(plan.children) < _MAX_CHILDREN:
            plan.children[step] = slot
        return slot

    def _child(self, plan: SlotPlan, step: Any) -> Slot:
        items: list[Any] = []
        for part in plan.parts:
            schemas, keyword = part.schemas(step)
            if any(schema is False for schema in schemas):
                return self.slot([], keyword)
            items += schemas
        for arms in plan.groups:
            slots = [self.child(arm, step) for arm in arms]
            live = list(dict.fromkeys(slot for slot in slots if slot.denied is None))
            if not live:
                return self.slot([], "anyOf")
            if len(live) == 1:
                items += live[0].items
            elif all(slot.items for slot in live):
                items.append(self.union(live, "anyOf"))
        return self.slot(items)

    def holds(self, plan: SlotPlan, value: Any) -> bool:
        """Return whether a whole object or array meets the conditions that its members and items don't decide."""
        checks = [self._verdicts.whole(schema) for schema in plan.residue]
        return accepts([check for check in checks if check], value)


def _is_foreign(schema: dict[str, Any], dialect: str) -> bool:
    """Return whether a schema position uses another draft than the document."""
    named = schema.get("$schema")
    return isinstance(named, str) and named.rstrip("#") != dialect


def _limit(schema: dict[str, Any], keyword: str, without: float) -> float:
    value = schema.get(keyword, without)
    return value if isinstance(value, (int, float)) else without


def _map(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    value = schema.get(keyword)
    return value if isinstance(value, dict) else {}


def conditions_of(compiled: Compiled) -> Conditions:
    """Return the automaton of a compiled schema. All replies share it."""
    if compiled.conditions is None:
        compiled.conditions = Conditions(compiled)
    return compiled.conditions  # type: ignore[no-any-return]
