# SPDX-License-Identifier: Apache-2.0
"""A schema of any dialect in one vocabulary: the keywords of 2020-12, and those that a broken keyword needs.

Rules:
1. A keyword that the dialect does not know is left out. A keyword with an older name gets its name of 2020-12.
2. `refs` lists the schemas that references lead to. A reference that switches its siblings off is alone.
3. `type` lists kinds, of which a number is two.
4. `unions` lists unions. Each is a list of schemas, at least one of which applies: `anyOf`, `oneOf`, the branches of
   `if`, and a property of `dependentSchemas` with and without its schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.validation.keywords import KEYWORDS, LATEST, REFERENCES, draft_of
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.validation.references import References

NULL, BOOLEAN, INTEGER, FRACTION, STRING, ARRAY, OBJECT = KINDS = (
    "null", "boolean", "integer", "fraction", "string", "array", "object",
)  # fmt: skip
_SAME = tuple(
    row
    for row in KEYWORDS.values()
    if (row.reported or row.place not in (None, "apart"))
    and not row.name.startswith("content")
    and row.name
    not in {"type", "prefixItems", "items", "additionalItems", "dependencies", "if", "then", "else"}
)
# How to break a bound: the bound on the other side, so much further.
_OPPOSITE = {
    "minimum": ("exclusiveMaximum", 0), "maximum": ("exclusiveMinimum", 0), "exclusiveMinimum": ("maximum", 0),
    "exclusiveMaximum": ("minimum", 0), "minLength": ("maxLength", -1), "maxLength": ("minLength", 1),
    "minItems": ("maxItems", -1), "maxItems": ("minItems", 1), "minProperties": ("maxProperties", -1),
    "maxProperties": ("minProperties", 1),
}  # fmt: skip
# Arms of a `oneOf` of which the others are excluded. Others are left to the check of the drawn value.
_FEW = range(2, 4)
_KINDS_OF = {"number": [INTEGER, FRACTION], "string": [STRING], "array": [ARRAY], "object": [OBJECT]}


class Words(dict[str, Any]):
    """A normalized schema. Two of them are equal only if they are the same object."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other


def kinds_of(names: Any) -> list[str]:
    """Return the kinds of a `type`.

    >>> kinds_of(["number", "null"])
    ['integer', 'fraction', 'null']
    """
    kinds = []
    for name in names if isinstance(names, list) else [names]:
        kinds += [INTEGER, FRACTION] if name == "number" else [name]
    return kinds


def kind_of(value: Any) -> str:
    """Return the kind of a value. The kind of 1.0 is integer."""
    if isinstance(value, bool) or value is None:
        return NULL if value is None else BOOLEAN
    if isinstance(value, (int, float)):
        return INTEGER if isinstance(value, int) or value.is_integer() else FRACTION
    return STRING if isinstance(value, str) else OBJECT if isinstance(value, dict) else ARRAY


def negated(schema: Any) -> Words | bool:
    """Return a schema that accepts what another one refuses."""
    return not schema if isinstance(schema, bool) else Words({"not": schema})


class Normalizer:
    """Normalizes the schemas of a document, each once."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._draft = draft_of(references.dialect)
        self._known: dict[int, Words] = {}
        self._ways: dict[int, tuple[Any, list[Any]]] = {}
        self._locations = {id(schema): location for schema, location in references.positions}

    def words(self, schema: Any) -> Words | bool:
        """Return a schema in the one vocabulary."""
        if isinstance(schema, (bool, Words)):
            return schema
        if not isinstance(schema, dict):
            return True
        if id(schema) not in self._known:
            self._known[id(schema)] = self._normalized(schema)
        return self._known[id(schema)]

    def location(self, schema: Any) -> str:
        """Return the keyword location of a schema, or an empty text if the document does not contain it."""
        return self._locations.get(id(schema), "")

    def broken(self, schema: Any) -> list[Any]:
        """Return schemas that each accept some of the values that a schema refuses."""
        words = self.words(schema)
        if isinstance(words, bool):
            return [not words]
        if id(words) not in self._ways:
            ways: list[Any] = [way for keyword in words for way in ways_to_break(words, keyword)]
            self._ways[id(words)] = words, ways
        return self._ways[id(words)][1]

    def _normalized(self, schema: dict[str, Any]) -> Words:
        refs = [
            self._target(schema, keyword) for keyword in REFERENCES if isinstance(schema.get(keyword), str)
        ]
        if "$ref" in schema and self._references.dialect in REF_ALONE:
            return Words(refs=refs)
        words = Words(
            {row.name: schema[row.name] for row in _SAME if row.name in schema and self._draft >= row.since}
        )
        if refs:
            words["refs"] = refs
        if "type" in schema:
            words["type"] = kinds_of(schema["type"])
        _read_bounds(words)
        self._read_items(words, schema)
        self._read_unions(words, schema)
        shown = (
            schema.get("examples") or [schema["default"]] if schema.keys() & {"examples", "default"} else []
        )
        if isinstance(shown, list) and shown:
            words["shown"] = shown
        return words

    def _read_items(self, words: Words, schema: dict[str, Any]) -> None:
        items = schema.get("items")
        if self._draft < LATEST and isinstance(items, list):
            words["prefixItems"] = items
            items = schema.get("additionalItems")
        elif self._draft >= LATEST and "prefixItems" in schema:
            words["prefixItems"] = schema["prefixItems"]
        if isinstance(items, (dict, bool)):
            words["items"] = items

    def _read_unions(self, words: Words, schema: dict[str, Any]) -> None:
        # The engines apply "dependencies" in every dialect.
        for key, needed in schema.get("dependencies", {}).items():
            keyword = "dependentRequired" if isinstance(needed, (list, str)) else "dependentSchemas"
            value = [needed] if isinstance(needed, str) else needed
            words[keyword] = {**words.get(keyword, {}), key: value}
        unions = [words[keyword] for keyword in ("anyOf", "oneOf") if keyword in words]
        if len(words.get("oneOf", ())) in _FEW:
            unions[-1] = [
                Words(allOf=[arm, *(negated(other) for other in words["oneOf"] if other is not arm)])
                for arm in words["oneOf"]
            ]
        if "if" in schema and self._draft >= KEYWORDS["if"].since and schema.keys() & {"then", "else"}:
            met, then, other = schema["if"], schema.get("then", True), schema.get("else", True)
            unions.append([Words(allOf=[negated(met), other]), Words(allOf=[met, then])])
        for name, inner in words.get("dependentSchemas", {}).items():
            unions.append(
                [Words(properties={name: False}), Words(type=[OBJECT], required=[name], allOf=[inner])]
            )
        if unions:
            words["unions"] = unions

    def _target(self, schema: dict[str, Any], keyword: str) -> Any:
        reference = schema[keyword]
        target = self._references.lookup(schema, reference)
        if keyword == "$dynamicRef":
            # The outermost one wins, and a document names it before what it reaches.
            name = reference.rpartition("#")[2]
            if isinstance(target, dict) and target.get("$dynamicAnchor") == name:
                return next(iter(self._references.dynamic.get(name, [])), target)
        root = self._references.document
        if keyword == "$recursiveRef" and isinstance(target, dict) and target.get("$recursiveAnchor") is True:
            return root if isinstance(root, dict) and root.get("$recursiveAnchor") is True else target
        return True if target is None else target


def _read_bounds(words: Words) -> None:
    for key in words:
        if key.startswith(("min", "max")) and KEYWORDS[key].kind != "number":
            words[key] = int(words[key])
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        # In draft 4, it is a boolean that changes the bound beside it.
        if isinstance(words.get(exclusive), bool) and words.pop(exclusive) and bound in words:
            words[exclusive] = words.pop(bound)


def ways_to_break(words: Words, keyword: str) -> list[Words]:
    """Return schemas that each accept values that break a keyword. The list is empty for a keyword that has no way."""
    value = words[keyword]
    # No text is shorter than an empty one.
    if keyword in _OPPOSITE and (value or _OPPOSITE[keyword][1] != -1):
        other, step = _OPPOSITE[keyword]
        return [Words({"type": _KINDS_OF[KEYWORDS[keyword].kind], other: value + step})]
    if keyword in _REFUSED:
        return [Words({"type": _KINDS_OF[_REFUSED[keyword]], "refused": Words({keyword: value})})]
    return _WAYS[keyword](value, words) if keyword in _WAYS else []


def _missing(names: Any, words: Words) -> list[Words]:
    return [Words(type=[OBJECT], properties={name: False}) for name in names]


def _wrong_properties(properties: dict[str, Any], words: Words) -> list[Words]:
    return [
        Words(type=[OBJECT], required=[name], properties={name: negated(schema)})
        for name, schema in properties.items()
        if schema is not True
    ]


def _wrong_prefix(schemas: list[Any], words: Words) -> list[Words]:
    return [
        Words(type=[ARRAY], prefixItems=[True] * index + [negated(schema)], minItems=index + 1)
        for index, schema in enumerate(schemas)
        if schema is not True
    ]


def _wrong_item(schema: Any, words: Words) -> list[Words]:
    index = len(words.get("prefixItems", ()))
    return _wrong_prefix([*[True] * index, schema], words)


def _wrong_extra(schema: Any, words: Words) -> list[Words]:
    return [] if schema is True else [Words(type=[OBJECT], extra=(True, negated(schema)))]


def _too_few(schema: Any, words: Words) -> list[Words]:
    least = words.get("minContains", 1)
    return [Words(type=[ARRAY], items=negated(schema))] if least == 1 else []


def _none_or_two(arms: list[Any], words: Words) -> list[Words]:
    # All pairs of many arms would be too many.
    pairs = [(i, j) for j in range(1, len(arms)) for i in range(min(j, 3))]
    return [Words(allOf=[negated(arm) for arm in arms]), *(Words(allOf=[arms[i], arms[j]]) for i, j in pairs)]


def _lacking(needs: dict[str, list[str]], words: Words) -> list[Words]:
    return [
        Words(type=[OBJECT], required=[key], properties={name: False})
        for key, names in needs.items()
        for name in names
        if name != key
    ]


# Only drawing and checking finds a value that breaks these.
_REFUSED = {"multipleOf": "number", "pattern": "string", "format": "string"}
_WAYS: dict[str, Callable[[Any, Words], list[Words]]] = {
    "type": lambda value, _: [Words(type=[kind for kind in KINDS if kind not in value])],
    "const": lambda value, _: [Words(refused=Words(const=value))],
    "enum": lambda value, _: [Words(refused=Words(enum=value))],
    "required": _missing,
    "properties": _wrong_properties,
    "uniqueItems": lambda value, _: [Words(type=[ARRAY], duplicate=True, minItems=2)] if value else [],
    "prefixItems": _wrong_prefix,
    "items": _wrong_item,
    "unevaluatedItems": _wrong_item,
    "contains": _too_few,
    "minContains": lambda value, words: [Words(type=[ARRAY], contains=words["contains"], maxContains=value - 1)] if value > 1 and "contains" in words else [],
    "maxContains": lambda value, words: [Words(type=[ARRAY], contains=words["contains"], minContains=value + 1)] if "contains" in words else [],
    "additionalProperties": _wrong_extra,
    "unevaluatedProperties": _wrong_extra,
    "propertyNames": lambda value, _: [Words(type=[OBJECT], extra=(negated(value), True))],
    "patternProperties": lambda value, _: [
        Words(type=[OBJECT], extra=(Words(pattern=pattern), negated(schema))) for pattern, schema in value.items()
    ],
    "dependentRequired": _lacking,
    "refs": lambda value, _: [Words(allOf=[negated(each)]) for each in value],
    "allOf": lambda value, _: [Words(allOf=[negated(each)]) for each in value],
    "anyOf": lambda value, _: [Words(allOf=[negated(each) for each in value])],
    "oneOf": _none_or_two,
    "not": lambda value, _: [Words(allOf=[value])],
}  # fmt: skip
