# SPDX-License-Identifier: Apache-2.0
"""A schema of any draft as a plain one of 2020-12, in which every reference leads to a definition by its name.

Rules:
1. The meaning stays the same. A keyword that a draft doesn't know has no effect there, and is left out.
2. Every node that is read has a location in the user's document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.fitting.adapting.result import SchemaChange
from schema_guard.ext.fitting.rules.rule import KEYWORDS
from schema_guard.pointer import escape, unescape
from schema_guard.validation.keywords import KEYWORDS as DRAFTED
from schema_guard.validation.keywords import LISTS, MAPS, SINGLES, draft_of
from schema_guard.validation.references import REF_ALONE, References

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.schema import Schema

ROOT: Final = "root"
"""Name of the definition that is the whole document."""

# Keywords that contain, refer to, or name schemas. They are read here and rewritten.
_READ = frozenset(
    {
        "$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "$ref", "$schema",
        "$vocabulary", "additionalItems", "definitions", "dependencies", "id",
    }
)  # fmt: skip
# The first draft in which the engine validates a format. All other formats are as old as the oldest draft.
_FORMATS_SINCE: Final = {
    "json-pointer": 6, "uri-reference": 6, "uri-template": 6,
    "idn-hostname": 7, "iri": 7, "iri-reference": 7, "relative-json-pointer": 7,
    "duration": 2019, "uuid": 2019,
}  # fmt: skip
_NAME = re.compile(r"#/(?:\$defs|definitions)/([A-Za-z0-9_.-]{1,64})\Z")
_POSITIONS = SINGLES | LISTS | MAPS


class PlainSchema:
    """A plain schema.

    Attributes:
        root: The schema itself, as a dict or a bool.
        definitions: Targets of the references "#/$defs/NAME", by name.
        lost: Keywords that could not be read, so an adapted schema doesn't enforce them.
        dropped: Keywords that have no effect in this draft.
    """

    def __init__(self) -> None:
        self.root: Any = True
        self.definitions: dict[str, Any] = {}
        self.lost: list[SchemaChange] = []
        self.dropped: list[SchemaChange] = []
        self._places: dict[int, str] = {}

    def place_of(self, node: Any) -> str | None:
        """Return the pointer of a node in the user's document. None if the node is not from there."""
        return self._places.get(id(node))

    def put(self, node: dict[str, Any], location: str) -> dict[str, Any]:
        """Record the location of a node in the user's document, and return the node."""
        self._places[id(node)] = location
        return node

    def document(self) -> Any:
        """Return the schema as one document. Nothing in it is copied."""
        if not isinstance(self.root, dict) or not self.definitions:
            return self.root
        return {**self.root, "$defs": self.definitions}

    def leads(self, node: dict[str, Any]) -> tuple[str, Any]:
        """Return the name and the schema of the target of a node's reference."""
        name = str(node["$ref"]).removeprefix("#/$defs/")
        return name, self.definitions[name]


def plain_of(schema: Schema[Any], dialect: str | None = None) -> PlainSchema:
    """Return a schema as a plain one, read in its own dialect or in another one."""
    reader = _Reader(schema, dialect or schema.dialect)
    reader.read()
    return reader.schema


class _Reader:
    def __init__(self, schema: Schema[Any], dialect: str) -> None:
        resources = schema._resources  # noqa: SLF001 - documents that a reference may reach
        self._references = References(schema.document, dialect, resources)
        self._dialect = dialect
        self._draft = draft_of(dialect)
        self._formats = schema.formats
        self._document = schema.document
        self._names: dict[int, str] = {}
        self._waiting: list[tuple[str, Any]] = []
        self._located: dict[int, str] | None = None
        self.schema = PlainSchema()

    def read(self) -> None:
        """Read the document, then the targets of its references."""
        self.schema.root = self._node(self._document, "")
        while self._waiting:
            name, target = self._waiting.pop(0)
            self.schema.definitions[name] = self._node(target, self._location(target))

    def _location(self, target: Any) -> str:
        if self._located is None:
            self._located = {}
        if id(target) not in self._located:
            for schema, location in self._references.positions:
                self._located.setdefault(id(schema), location)
        return self._located.get(id(target), "")

    def _node(self, schema: Any, location: str) -> Any:
        if not isinstance(schema, dict):
            return schema if isinstance(schema, bool) else True
        node: dict[str, Any] = self.schema.put({}, location)
        alone = self._dialect in REF_ALONE and isinstance(schema.get("$ref"), str)
        for keyword, value in schema.items():
            if keyword in _READ:
                continue
            if alone and keyword in KEYWORDS:
                self._drop(location, keyword, value, "has no effect beside $ref in this draft")
            elif self._is_read(schema, keyword, location):
                node[keyword] = self._value(keyword, value, location)
        self._refer(schema, node, location)
        if not alone:
            self._draft_4(node)
            self._tuples(schema, node, location)
            self._dependencies(schema, node, location)
        return node

    def _is_read(self, schema: dict[str, Any], keyword: str, location: str) -> bool:
        row = DRAFTED.get(keyword)
        if row is None or keyword not in KEYWORDS:
            return True
        if not row.since <= self._draft <= row.until:
            self._drop(location, keyword, schema[keyword], "has no effect in this draft")
            return False
        if keyword != "format":
            return True
        if not self._formats:
            self._drop(location, keyword, schema[keyword], "formats are not asserted")
            return False
        if self._draft < _FORMATS_SINCE.get(str(schema[keyword]), 0):
            self._drop(location, keyword, schema[keyword], "this format has no effect in this draft")
            return False
        return True

    def _drop(self, location: str, keyword: str, value: Any, reason: str) -> None:
        self.schema.dropped.append(SchemaChange(location, keyword, value, reason))

    def _value(self, keyword: str, value: Any, location: str) -> Any:
        if keyword not in _POSITIONS:
            return value
        if isinstance(value, dict) and keyword in MAPS:
            return {
                key: self._node(child, f"{location}/{escape(keyword)}/{escape(key)}")
                for key, child in value.items()
            }
        if isinstance(value, list) and keyword in LISTS:
            return [self._node(child, f"{location}/{keyword}/{index}") for index, child in enumerate(value)]
        return self._node(value, f"{location}/{keyword}")

    def _refer(self, schema: dict[str, Any], node: dict[str, Any], location: str) -> None:
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = schema.get(keyword)
            if not isinstance(reference, str) or not self._knows(keyword):
                continue
            target = self._references.lookup(schema, reference)
            is_sure = keyword == "$ref" or len(self._references.dynamic.get(reference.lstrip("#"), ())) <= 1
            if target is True:
                continue
            if not (isinstance(target, dict) or target is False) or not is_sure:
                reason = "its target is unknown until it is used"
                self.schema.lost.append(SchemaChange(location, keyword, reference, reason))
            elif target is False:
                node.setdefault("allOf", []).append(False)
            elif "$ref" in node:
                node.setdefault("allOf", []).append({"$ref": self._pointer(target, reference)})
            else:
                node["$ref"] = self._pointer(target, reference)

    def _knows(self, keyword: str) -> bool:
        return DRAFTED[keyword].since <= self._draft <= DRAFTED[keyword].until

    def _pointer(self, target: dict[str, Any], reference: str) -> str:
        return f"#/$defs/{self._name(target, reference)}"

    def _name(self, target: dict[str, Any], reference: str) -> str:
        if id(target) not in self._names:
            known = _NAME.match(unescape(reference))
            name = ROOT if target is self._document else known[1] if known else "d1"
            names = set(self._names.values())
            number = 1
            while name in names:
                number += 1
                name = f"d{number}"
            self._names[id(target)] = name
            self._waiting.append((name, target))
        return self._names[id(target)]

    def _draft_4(self, node: dict[str, Any]) -> None:
        """Write bounds that a boolean makes exclusive as exclusive bounds."""
        if self._draft != 4:
            return
        for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if node.pop(exclusive, False) is True and bound in node:
                node[exclusive] = node.pop(bound)

    def _tuples(self, schema: dict[str, Any], node: dict[str, Any], location: str) -> None:
        items = schema.get("items")
        if not isinstance(items, list) or self._draft >= 2020:
            return
        node.pop("items", None)
        node["prefixItems"] = self._value("items", items, location)
        if "additionalItems" in schema:
            node["items"] = self._node(schema["additionalItems"], f"{location}/additionalItems")

    def _dependencies(self, schema: dict[str, Any], node: dict[str, Any], location: str) -> None:
        held = schema.get("dependencies")
        if not isinstance(held, dict) or self._draft > 7:
            return
        for key, value in held.items():
            if isinstance(value, list):
                node.setdefault("dependentRequired", {})[key] = value
            else:
                below = self._node(value, f"{location}/dependencies/{escape(key)}")
                node.setdefault("dependentSchemas", {})[key] = below


# References that apply to the same value never form a circle, because such a schema is not loaded.
_DEEPEST = 64


def takes_null(nodes: Iterable[Any], plain: PlainSchema) -> bool:
    """Return whether null is valid for all of some plain schemas."""
    return all(_takes(node, plain, 0) for node in nodes)


def _takes(node: Any, plain: PlainSchema, depth: int) -> bool:
    if isinstance(node, bool):
        return node
    if depth > _DEEPEST:
        return True

    def takes(inner: Any) -> bool:
        return _takes(inner, plain, depth + 1)

    named = node.get("type")
    return (
        (named is None or named == "null" or (isinstance(named, list) and "null" in named))
        and ("enum" not in node or None in node["enum"])
        and ("const" not in node or node["const"] is None)
        and ("$ref" not in node or takes(plain.leads(node)[1]))
        and all(takes(part) for part in node.get("allOf", ()))
        and ("anyOf" not in node or any(takes(part) for part in node["anyOf"]))
        and ("oneOf" not in node or sum(takes(part) for part in node["oneOf"]) == 1)
        and ("not" not in node or not takes(node["not"]))
        and ("if" not in node or takes(node.get("then" if takes(node["if"]) else "else", True)))
    )
