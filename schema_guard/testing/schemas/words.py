# SPDX-License-Identifier: Apache-2.0
"""A schema of any dialect in one vocabulary: that of 2020-12, with the keywords that negation needs.

Rules:
1. A keyword that the dialect does not know is not there; what it calls otherwise has the name of 2020-12.
2. `refs` holds the schemas that references lead to; a reference that switches its siblings off stands alone.
3. `type` holds the kinds below, of which a number is two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.validation.keywords import KEYWORDS, LATEST, REFERENCES, draft_of
from schema_guard.validation.references import REF_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.validation.references import References

NULL, BOOLEAN, INTEGER, FRACTION, STRING, ARRAY, OBJECT = KINDS = (
    "null", "boolean", "integer", "fraction", "string", "array", "object",
)  # fmt: skip
NUMBERS: Final = (INTEGER, FRACTION)
# What has a name of its own in the vocabulary, or none: read apart.
_READ_APART = frozenset({"type", "prefixItems", "items", "additionalItems", "dependencies", "then", "else"})
# What holds values to something, in the words of 2020-12.
_SAME = tuple(
    row
    for row in KEYWORDS.values()
    if (row.reported or row.place not in (None, "apart"))
    and not row.name.startswith("content")
    and row.name not in _READ_APART
)
_SIZES = tuple(
    row.name
    for row in _SAME
    if row.kind in ("string", "array", "object") and row.name.startswith(("min", "max"))
)


class Words(dict[str, Any]):
    """A schema in the one vocabulary; two are the same only if they are one."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other


def kinds_of(names: Any) -> list[str]:
    """Give the kinds that a `type` names.

    >>> kinds_of(["number", "null"])
    ['integer', 'fraction', 'null']
    """
    kinds = []
    for name in names if isinstance(names, list) else [names]:
        kinds += [INTEGER, FRACTION] if name == "number" else [name]
    return kinds


def kind_of(value: Any) -> str:
    """Give the kind of a value; 1.0 is an integer."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, (int, float)):
        return INTEGER if isinstance(value, int) or value.is_integer() else FRACTION
    if isinstance(value, str):
        return STRING
    return OBJECT if isinstance(value, dict) else ARRAY


class SchemaReading:
    """What reads the schemas of one document; each is read once.

    Args:
        references: Of the document.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._draft = draft_of(references.dialect)
        self._read: dict[int, Words] = {}
        self._locations = {id(schema): location for schema, location in references.positions()}

    def words(self, schema: Any) -> Words | bool:
        """Give a schema, or what is in the vocabulary already, in the one vocabulary."""
        if isinstance(schema, (bool, Words)):
            return schema
        if not isinstance(schema, dict):
            return True
        if id(schema) not in self._read:
            self._read[id(schema)] = self._worded(schema)
        return self._read[id(schema)]

    def location(self, schema: Any) -> str | None:
        """Give the keyword location of a schema of the document; None for one that was made up."""
        return self._locations.get(id(schema))

    def _worded(self, schema: dict[str, Any]) -> Words:
        refs = self._targets(schema)
        if "$ref" in schema and self._references.dialect in REF_ALONE:
            return Words(refs=refs)
        words = Words(
            {row.name: schema[row.name] for row in _SAME if row.name in schema and self._draft >= row.since}
        )
        if refs:
            words["refs"] = refs
        if "type" in schema:
            words["type"] = kinds_of(schema["type"])
        if "if" in words:
            words |= {key: schema[key] for key in ("then", "else") if key in schema}
        for key in _SIZES:
            if key in words:
                words[key] = int(words[key])
        _read_bounds(words)
        self._read_items(words, schema)
        _read_dependencies(words, schema)
        if "contains" not in words:
            words.pop("minContains", None)
            words.pop("maxContains", None)
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

    def _targets(self, schema: dict[str, Any]) -> list[Any]:
        return [
            self._target(schema, keyword) for keyword in REFERENCES if isinstance(schema.get(keyword), str)
        ]

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
    """Read the exclusive bounds of draft 4, which are claims about the bound beside them."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(words.get(exclusive), bool) and words.pop(exclusive) and bound in words:
            words[exclusive] = words.pop(bound)


def _read_dependencies(words: Words, schema: dict[str, Any]) -> None:
    # The engines hold an instance against it in every dialect.
    for key, needed in schema.get("dependencies", {}).items():
        if isinstance(needed, (list, str)):
            names = [needed] if isinstance(needed, str) else needed
            words["dependentRequired"] = {**words.get("dependentRequired", {}), key: names}
        else:
            words["dependentSchemas"] = {**words.get("dependentSchemas", {}), key: needed}


def negated(schema: Any) -> Words | bool:
    """Give the schema of what another one does not accept."""
    return not schema if isinstance(schema, bool) else Words({"not": schema})


def broken_schemas(words: Words) -> list[Words]:
    """Give schemas, simplest first, of which each is what breaks one keyword of a schema."""
    return [way for keyword in _BREAKERS if keyword in words for way in broken_schemas_of(words, keyword)]


def broken_schemas_of(words: Words, keyword: str) -> list[Words]:
    """Give the schemas of which each breaks one keyword of a schema; none for one that cannot be broken alone."""
    return _BREAKERS[keyword](words) if keyword in _BREAKERS else []


def _only(kinds: Iterable[str], **keywords: Any) -> Words:
    return Words({"type": list(kinds), **keywords})


def _beyond(
    keyword: str, other: str, kinds: tuple[str, ...], step: int = 0
) -> Callable[[Words], list[Words]]:
    """Give what breaks a bound: the bound of the other side, *step* further."""
    return lambda words: [Words({"type": list(kinds), other: words[keyword] + step})]


def _unlike(keyword: str, other: str, kinds: tuple[str, ...]) -> Callable[[Words], list[Words]]:
    return lambda words: [Words({"type": list(kinds), other: words[keyword]})]


def _without(words: Words) -> list[Words]:
    return [_only([OBJECT], properties={name: False}) for name in words["required"]]


def _wrong_property(words: Words) -> list[Words]:
    return [
        _only([OBJECT], required=[name], properties={name: negated(each)})
        for name, each in words["properties"].items()
    ]


def _wrong_matching(words: Words) -> list[Words]:
    return [
        _only([OBJECT], somePattern=(pattern, negated(each)))
        for pattern, each in words["patternProperties"].items()
    ]


def _wrong_extra(words: Words) -> list[Words]:
    known = tuple(words.get("properties", ())), tuple(words.get("patternProperties", ()))
    return [_only([OBJECT], someExtra=(known, negated(words["additionalProperties"])))]


def _wrong_prefix(words: Words) -> list[Words]:
    return [
        _only([ARRAY], prefixItems=[True] * index + [negated(each)], minItems=index + 1)
        for index, each in enumerate(words["prefixItems"])
    ]


def _too_few(words: Words) -> list[Words]:
    least = words.get("minContains", 1)
    if least == 0:
        return []
    if least == 1:
        return [_only([ARRAY], items=negated(words["contains"]))]
    return [_only([ARRAY], contains=words["contains"], minContains=0, maxContains=least - 1)]


def _too_many(words: Words) -> list[Words]:
    return [_only([ARRAY], contains=words["contains"], minContains=words["maxContains"] + 1)]


def _lacking(words: Words) -> list[Words]:
    return [
        _only([OBJECT], required=[key], properties={name: False})
        for key, names in words["dependentRequired"].items()
        for name in names
        if name != key
    ]


def _wrong_dependent(words: Words) -> list[Words]:
    return [
        _only([OBJECT], required=[key], allOf=[negated(each)])
        for key, each in words["dependentSchemas"].items()
    ]


def _none_or_two(words: Words) -> list[Words]:
    arms = words["oneOf"]
    none = Words(allOf=[negated(arm) for arm in arms])
    # Of the pairs that both match, those with the first arms: all of them would be a square of many.
    pairs = [(i, j) for j in range(1, len(arms)) for i in range(min(j, 3))]
    return [none, *(Words(allOf=[arms[i], arms[j]]) for i, j in pairs)]


def _wrong_branch(words: Words) -> list[Words]:
    met, branches = words["if"], []
    if "then" in words:
        branches.append(Words(allOf=[met, negated(words["then"])]))
    if "else" in words:
        branches.append(Words(allOf=[negated(met), negated(words["else"])]))
    return branches


# Keyword -> what breaks it, the keywords that tell schemas apart first.
_BREAKERS: dict[str, Callable[[Words], list[Words]]] = {
    "type": lambda words: [_only(kind for kind in KINDS if kind not in words["type"])],
    "const": lambda words: [Words(notEnum=[words["const"]])],
    "enum": lambda words: [Words(notEnum=words["enum"])],
    "required": _without,
    "properties": _wrong_property,
    "minimum": _beyond("minimum", "exclusiveMaximum", NUMBERS),
    "maximum": _beyond("maximum", "exclusiveMinimum", NUMBERS),
    "exclusiveMinimum": _beyond("exclusiveMinimum", "maximum", NUMBERS),
    "exclusiveMaximum": _beyond("exclusiveMaximum", "minimum", NUMBERS),
    "multipleOf": _unlike("multipleOf", "notMultipleOf", NUMBERS),
    "minLength": _beyond("minLength", "maxLength", (STRING,), -1),
    "maxLength": _beyond("maxLength", "minLength", (STRING,), 1),
    "pattern": _unlike("pattern", "notPattern", (STRING,)),
    "format": _unlike("format", "notFormat", (STRING,)),
    "minItems": _beyond("minItems", "maxItems", (ARRAY,), -1),
    "maxItems": _beyond("maxItems", "minItems", (ARRAY,), 1),
    "uniqueItems": lambda words: [_only([ARRAY], duplicate=True)] if words["uniqueItems"] else [],
    "prefixItems": _wrong_prefix,
    "items": lambda words: [
        _only([ARRAY], someItem=(len(words.get("prefixItems", ())), negated(words["items"])))
    ],
    "contains": _too_few,
    "maxContains": _too_many,
    "unevaluatedItems": lambda words: [_only([ARRAY], someItem=(None, negated(words["unevaluatedItems"])))],
    "minProperties": _beyond("minProperties", "maxProperties", (OBJECT,), -1),
    "maxProperties": _beyond("maxProperties", "minProperties", (OBJECT,), 1),
    "patternProperties": _wrong_matching,
    "additionalProperties": _wrong_extra,
    "unevaluatedProperties": lambda words: [
        _only([OBJECT], someExtra=(None, negated(words["unevaluatedProperties"])))
    ],
    "propertyNames": lambda words: [_only([OBJECT], someName=negated(words["propertyNames"]))],
    "dependentRequired": _lacking,
    "dependentSchemas": _wrong_dependent,
    "refs": lambda words: [Words(allOf=[negated(each)]) for each in words["refs"]],
    "allOf": lambda words: [Words(allOf=[negated(each)]) for each in words["allOf"]],
    "anyOf": lambda words: [Words(allOf=[negated(each) for each in words["anyOf"]])],
    "oneOf": _none_or_two,
    "not": lambda words: [Words(allOf=[words["not"]])],
    "if": _wrong_branch,
}
