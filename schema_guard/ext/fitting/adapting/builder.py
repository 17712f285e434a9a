# SPDX-License-Identifier: Apache-2.0
"""The conversion of a plain schema to the schema that a provider accepts, one place after another.

Rules:
1. An accepted schema stays unchanged. Any other schema is merged with all others for the same value, and divided into
   alternatives of one type each. Each alternative is written in the first form that is accepted.
2. Each loss is listed at its place. Nothing is omitted silently.
3. Work is limited. Steps are counted, and a schema that needs too many of them is too large.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.fitting.adapting.acceptance import Acceptance
from schema_guard.ext.fitting.adapting.forms import (
    SAME,
    ListForm,
    ObjectForm,
    ReferredForm,
    TextForm,
    Validity,
)
from schema_guard.ext.fitting.adapting.plain.flat_schema import KINDS, FlatSchema
from schema_guard.ext.fitting.adapting.result import SchemaChange
from schema_guard.ext.fitting.rules.rule import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.ext.fitting.adapting.forms import Form
    from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema
    from schema_guard.ext.fitting.rules.rule import Rules

_MOST_STEPS = 12_000
# A level takes about ten Python frames, and callers have some of the thousand already.
_DEEPEST = 48
_MAPS = ("properties", "patternProperties")
_UNIONS = frozenset({"allOf", "anyOf", "oneOf"})
_TYPED = frozenset({"const", "enum", "type"})
_LONGEST_HINT = 160


class BuiltSchema(NamedTuple):
    """A place of a sent schema.

    Attributes:
        schema: The schema.
        form: Form in which its values are sent.
    """

    schema: dict[str, Any]
    form: Form = SAME


class TooLargeToAdapt(Exception):
    """No finite schema within the limits can be written."""


class Builder:
    """Writes a plain schema for a provider.

    Args:
        plain: The schema.
        table: The provider's rules.
        write: Writes the combination of several schemas.
        formats: Whether `format` is asserted.
        unrolled: Levels of recursion to expand if the provider accepts none.

    Attributes:
        recurs: Whether a schema led back to itself so far. Otherwise, `unrolled` changes nothing.
    """

    def __init__(
        self,
        plain: PlainSchema,
        table: Rules,
        write: Callable[[Builder, FlatSchema], BuiltSchema | None],
        *,
        formats: bool,
        unrolled: int,
    ) -> None:
        self.plain = plain
        self.table = table
        self.accepted = Acceptance(table)
        self._write = write
        self.formats = formats
        self.unrolled = unrolled
        self.relaxed: list[SchemaChange] = list(plain.lost)
        self.narrowed: list[SchemaChange] = []
        self.dropped: list[SchemaChange] = list(plain.dropped)
        self.definitions: dict[str, Any] = {}
        self.forms: dict[str, Form] = {}
        self.written: list[tuple[dict[str, Any], str]] = []
        self.place = ""
        self.recurs = False
        self._steps = 0
        self._active: list[tuple[int, ...]] = []
        self._names: dict[tuple[int, ...], str] = {}
        self._waiting: list[str] = []
        self._made: list[Any] = []
        self._origins: dict[int, tuple[dict[str, Any], str, Any]] = {}

    def build(self) -> BuiltSchema | None:
        """Return the whole schema, without its definitions. None if no value is valid."""
        built = self.emit((self.plain.root,))
        while self._waiting:
            name = self._waiting.pop(0)
            definition = self.emit((self.plain.definitions[name],))
            if definition is None:
                raise TooLargeToAdapt(f"the definition {name} accepts no value. Correct it")
            self.definitions[name], self.forms[name] = definition
        return built

    # Losses.

    def relax(self, node: Any, keyword: str, value: Any, reason: str) -> None:
        """List a keyword that is not enforced."""
        self.relaxed.append(self._change(node, keyword, value, reason))

    def narrow(self, node: Any, keyword: str, value: Any, reason: str) -> None:
        """List a keyword that makes right answers impossible."""
        self.narrowed.append(self._change(node, keyword, value, reason))

    def _change(self, node: Any, keyword: str, value: Any, reason: str) -> SchemaChange:
        if id(node) in self._origins:
            node, keyword, value = self._origins[id(node)]
        location = self.plain.place_of(node)
        return SchemaChange(self.place if location is None else location, keyword, value, reason)

    def note_origin(self, nodes: Any, node: dict[str, Any], keyword: str, value: Any) -> None:
        """Record the keyword from which schemas were made, so that their losses are listed for this keyword."""
        stack = [nodes]
        while stack:
            part = stack.pop()
            if isinstance(part, list):
                stack += part
            elif (
                isinstance(part, dict) and self.plain.place_of(part) is None and id(part) not in self._origins
            ):
                self._made.append(part)
                self._origins[id(part)] = self._origins.get(id(node), (node, keyword, value))
                stack += part.values()

    def validity(self, nodes: Sequence[Any]) -> Validity:
        """Return the validation of values against all of some plain schemas."""
        whole = nodes[0] if len(nodes) == 1 else {"allOf": list(nodes)}
        return Validity(whole, self.plain.definitions, formats=self.formats)

    def sent(self, schema: dict[str, Any]) -> Validity:
        """Return the validation of values against a sent schema."""
        return Validity(schema, self.definitions, formats=self.formats)

    # One place.

    def emit(self, nodes: Sequence[Any]) -> BuiltSchema | None:
        """Write the schemas that apply to one value. None if no value is valid."""
        if any(node is False for node in nodes):
            return None
        applied = list({id(node): node for node in nodes if isinstance(node, dict)}.values())
        if not applied:
            return self.anything()
        self._steps += 1
        if self._steps > _MOST_STEPS or len(self._active) > _DEEPEST:
            raise TooLargeToAdapt(
                "after expanding all references, the schema is too large or too deeply nested. Use fewer references"
            )
        key = tuple(sorted(id(node) for node in applied))
        times = self._active.count(key)
        self.recurs = self.recurs or times > 0
        if times and self.accepted.recurs:
            return self._referred(self._names.setdefault(key, self._new_name()))
        if times > self.unrolled:
            reason = f"nested deeper than {self.unrolled + 1} levels, and a reference can't lead back to itself there"
            self.narrow(applied[0], "", None, reason)
            return None
        return self._placed(key, applied)

    def _placed(self, key: tuple[int, ...], applied: list[dict[str, Any]]) -> BuiltSchema | None:
        before, place = len(self.relaxed), self.place
        self.place = self.plain.place_of(applied[0]) or place
        self._active.append(key)
        try:
            built = self._of(applied)
        finally:
            self._active.pop()
            self.place = place
        if built is None:
            return None
        self._describe(built.schema, applied, self.relaxed[before:])
        self.written.append((built.schema, self.plain.place_of(applied[0]) or place))
        name = self._names.get(key)
        if name is None:
            return built
        self.definitions[name], self.forms[name] = built
        return self._referred(name)

    def _new_name(self) -> str:
        number = 1
        names = {*self.plain.definitions, *self._names.values()}
        while f"d{number}" in names:
            number += 1
        return f"d{number}"

    def _referred(self, name: str) -> BuiltSchema:
        return BuiltSchema({"$ref": f"#/$defs/{name}"}, ReferredForm(name, self.forms))

    def _of(self, applied: list[dict[str, Any]]) -> BuiltSchema | None:
        if len(applied) == 1:
            node = applied[0]
            if node.keys() & KEYWORDS == {"$ref"}:
                return self._reference(node)
            if not node.keys() & KEYWORDS:
                return self.anything()
            built = self._write_unchanged(node)
            if built is not None:
                return built
        flat = FlatSchema(self.plain)
        for node in applied:
            flat.absorb(node)
        return self._write(self, flat)

    def _describe(
        self, schema: dict[str, Any], applied: list[dict[str, Any]], lost: list[SchemaChange]
    ) -> None:
        """Describe the keywords that are not enforced, for the model to read. A reference gets no description."""
        if "$ref" in schema:
            return
        places = {self.plain.place_of(node) for node in applied}
        # One keyword may be lost a thousand times.
        values = {
            (change.keyword, id(change.value)): change.value
            for change in lost
            if change.location in places and change.value is not None
        }
        hints = {f"{key[0]}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()}
        descriptions = [str(schema["description"])] if "description" in schema else []
        descriptions = (
            descriptions
            or [node["description"] for node in applied if isinstance(node.get("description"), str)][:1]
        )
        short_hints = [hint for hint in sorted(hints) if len(hint) <= _LONGEST_HINT]
        words = " ".join(
            [*descriptions, *(f"({hint})" for hint in short_hints if hint not in " ".join(descriptions))]
        )
        if words and self.accepted.is_clean({**schema, "description": words}):
            schema["description"] = words

    def anything(self) -> BuiltSchema:
        """Write a place that accepts any value."""
        types = [kind for kind in KINDS if kind != "integer"]
        schema = self.accepted.first({}, {"type": types})
        if schema is not None:
            return BuiltSchema(schema)
        return BuiltSchema({"type": "string", "description": "any JSON, as text"}, TextForm())

    def _reference(self, node: dict[str, Any]) -> BuiltSchema | None:
        name, target = self.plain.leads(node)
        if not isinstance(target, dict) or (not self.accepted.recurs and name in self._circles):
            return self.emit((target,))
        if name not in self.forms and name not in self._waiting and name not in self.definitions:
            self._waiting.append(name)
            self.definitions[name] = True
        built = self._referred(name)
        if isinstance(node.get("description"), str):
            description = {"description": node["description"]}
            schema = self.accepted.first(
                {**built.schema, **description}, {**description, "anyOf": [built.schema]}
            )
            return BuiltSchema(schema or built.schema, built.form)
        return built

    @property
    def _circles(self) -> frozenset[str]:
        """The names of the definitions that lead back to themselves."""
        if self.__dict__.get("_circle_names") is None:
            self._circle_names = circles(self.plain.definitions)
        return self._circle_names

    # A schema that is accepted unchanged.

    def _write_unchanged(self, node: dict[str, Any]) -> BuiltSchema | None:
        """Write a schema with its own keywords. None if that is not accepted."""
        judging = node.keys() & KEYWORDS
        if not judging <= self.table.takes or judging & _UNIONS or not self._may_stay_unchanged(node):
            return None
        marks = len(self.relaxed), len(self.narrowed), len(self.dropped)
        copied = {keyword: node[keyword] for keyword in node if self._is_sent(node, keyword)}
        before = dict(copied)
        form = self._written(copied) if self.accepted.is_clean(copied) else None
        if form is not None and (copied == before or self.accepted.is_clean(copied)):
            return BuiltSchema(copied, form)
        self._undo(marks)
        return None

    def _may_stay_unchanged(self, node: dict[str, Any]) -> bool:
        """Return whether a schema has a type if one is required, and not too many optional properties."""
        if not self.accepted.untyped and not node.keys() & _TYPED:
            return False
        optional = node.get("properties", {}).keys() - set(node.get("required", ()))
        most = self.accepted.most_optional
        return most is None or len(optional) <= most

    def _written(self, copied: dict[str, Any]) -> Form | None:
        """Write the schemas inside of a copy in place, and return the form of its values. None if there is none."""
        forms: dict[str, Any] = {}
        for keyword, value in copied.items():
            children = self._children(keyword, value)
            if children is None:
                return None
            copied[keyword], forms[keyword] = children
        return _form_of(forms)

    def _undo(self, marks: tuple[int, int, int]) -> None:
        del self.relaxed[marks[0] :]
        del self.narrowed[marks[1] :]
        del self.dropped[marks[2] :]

    def _is_sent(self, node: dict[str, Any], keyword: str) -> bool:
        if keyword in KEYWORDS or keyword == "description":
            return True
        if not self.table.drops_annotations:
            return True
        self.dropped.append(self._change(node, keyword, node[keyword], "not a part of the accepted form"))
        return False

    def _children(self, keyword: str, value: Any) -> tuple[Any, Any] | None:
        """Write the schemas in a keyword. None if one of them accepts no value."""
        if keyword in _MAPS:
            schemas = {name: self.emit((child,)) for name, child in value.items()}
            if None in schemas.values():
                return None
            return (
                {name: built.schema for name, built in schemas.items() if built},
                {name: built.form for name, built in schemas.items() if built},
            )
        if keyword == "prefixItems":
            listed = [self.emit((child,)) for child in value]
            if None in listed:
                return None
            return [built.schema for built in listed if built], [built.form for built in listed if built]
        if keyword in ("items", "additionalProperties") and isinstance(value, dict):
            built = self.emit((value,))
            return None if built is None else (built.schema, built.form)
        return value, SAME


def _form_of(forms: dict[str, Any]) -> Form | None:
    """Return the form of an object or array from those of its keywords. None if no form combines them."""
    patterned = any(form is not SAME for form in forms.get("patternProperties", {}).values())
    listed = forms.get("properties", {})
    others = forms.get("additionalProperties", SAME)
    if patterned or (others is not SAME and "patternProperties" in forms):
        return None
    is_object = others is not SAME or any(form is not SAME for form in listed.values())
    prefix, items = tuple(forms.get("prefixItems", ())), forms.get("items", SAME)
    is_array = items is not SAME or any(form is not SAME for form in prefix)
    if is_object and is_array:
        return None
    if is_object:
        return ObjectForm(listed, others=others)
    return ListForm(prefix, items) if is_array else SAME


def circles(definitions: dict[str, Any]) -> frozenset[str]:
    """Return the names of the definitions that lead back to themselves."""
    leads = {name: _names_in(held) for name, held in definitions.items()}
    return frozenset(name for name in definitions if name in _reached(leads, name))


def _names_in(schema: Any) -> set[str]:
    names: set[str] = set()
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                names.add(part["$ref"].removeprefix("#/$defs/"))
            stack += part.values()
    return names


def _reached(leads: dict[str, set[str]], start: str) -> set[str]:
    met: set[str] = set()
    stack = list(leads.get(start, ()))
    while stack:
        name = stack.pop()
        if name not in met:
            met.add(name)
            stack += leads.get(name, ())
    return met
