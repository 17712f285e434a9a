# SPDX-License-Identifier: Apache-2.0
"""The table of the keywords of JSON Schema, and the only place for facts that follow from a keyword's name.

The name of a draft is its number or its year: 4, 6, 7, 2019, 2020. References have no subschemas. `References` finds
their targets.

JSON Schema ignores unknown keys. A document with a misspelled keyword, or with a schema inside instead of at its root,
accepts more than its author wants, or everything. Rules for the root:
1. A root needs a keyword. If it has only keywords that accept everything, such as `title`, no other member is a schema.
2. A key is misspelled if it is one edit away from a keyword that can refuse a value. Keys that begin with `x-` or `_`
   are the author's own, and so are keys near an English word that is a keyword (`note`, `when`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidSchema
from schema_guard.pointer import join, pointer
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind: TypeAlias = Literal["any", "number", "string", "array", "object"]
# The values to which the subschemas of a keyword apply: "here" is the same value. "one" and "every" are the values
# below it, each with at most one of the subschemas or possibly all. "apart" is none, unless a reference leads there.
Place: TypeAlias = Literal["here", "one", "every", "apart"]
Form: TypeAlias = Literal["single", "list", "map"]

LATEST = 2020
# Keywords for which one matching arm is enough. Their errors contain the errors of the arms.
UNIONS = ("anyOf", "oneOf")


class Keyword(NamedTuple):
    """A keyword of JSON Schema.

    Attributes:
        name: The keyword.
        kind: The type of the values to which it applies.
        since: The first draft with the keyword.
        until: The last draft with the keyword.
        place: The place of the values to which its subschemas apply, or None if it has no subschemas.
        forms: The forms of its subschemas: one schema, a list, or a map by name.
        reported: Whether errors name it. They name assertions, and applicators that count, choose, or forbid. For
            other applicators, they name the keywords in the subschemas.
        is_value: Whether a violation is a wrong value in the right structure. Otherwise, the structure is wrong.
        refers: Whether it is a reference.
    """

    name: str
    kind: Kind = "any"
    since: int = 4
    until: int = LATEST
    place: Place | None = None
    forms: tuple[Form, ...] = ()
    reported: bool = False
    is_value: bool = False
    refers: bool = False


def _asserts(kind: Kind, *names: str, since: int = 4, shape: bool = False) -> list[Keyword]:
    """Return the rows of assertions."""
    return [Keyword(name, kind, since, reported=True, is_value=not shape) for name in names]


def _applies(kind: Kind, place: Place, *names: str, form: Form, since: int = 4) -> list[Keyword]:
    """Return the rows of applicators that errors do not name, because they name the keywords in the subschemas."""
    return [Keyword(name, kind, since, place=place, forms=(form,)) for name in names]


def _says(*names: str, since: int = 4, until: int = LATEST) -> list[Keyword]:
    """Return the rows of keywords that check no value: identifiers, annotations, and vocabularies."""
    return [Keyword(name, "any", since, until) for name in names]


_ONE_OR_LIST: tuple[Form, ...] = ("single", "list")
_ROWS = (
    *_asserts("any", "type", shape=True),
    *_asserts("any", "enum"),
    *_asserts("any", "const", since=6),
    *_asserts("number", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *_asserts("string", "minLength", "maxLength", "pattern", "format"),
    *_asserts("string", "contentEncoding", "contentMediaType", since=7),
    *_applies("string", "apart", "contentSchema", form="single", since=2019),
    *_asserts("array", "minItems", "maxItems", "uniqueItems"),
    *_applies("array", "one", "prefixItems", form="list", since=2020),
    # May also be a list of schemas, up to 2019-09.
    Keyword("items", "array", place="one", forms=_ONE_OR_LIST),
    Keyword("additionalItems", "array", until=2019, place="one", forms=("single",), reported=True),
    Keyword("contains", "array", 6, place="every", forms=("single",), reported=True),
    *_asserts("array", "minContains", "maxContains", since=2019),
    *_asserts("object", "minProperties", "maxProperties"),
    *_asserts("object", "required", shape=True),
    *_applies("object", "one", "properties", form="map"),
    *_applies("object", "every", "patternProperties", form="map"),
    Keyword("additionalProperties", "object", place="one", forms=("single",), reported=True),
    Keyword("propertyNames", "object", 6, place="every", forms=("single",), reported=True),
    *_asserts("object", "dependentRequired", since=2019, shape=True),
    *_applies("object", "here", "dependentSchemas", form="map", since=2019),
    # Each member is a schema, or a list of the properties that become required.
    Keyword("dependencies", "object", until=7, place="here", forms=("map",), reported=True),
    *_applies("any", "here", "allOf", form="list"),
    *[Keyword(name, place="here", forms=("list",), reported=True) for name in UNIONS],
    Keyword("not", place="here", forms=("single",), reported=True),
    *_applies("any", "here", "if", "then", "else", form="single", since=7),
    Keyword("unevaluatedItems", "array", 2019, place="every", forms=("single",), reported=True),
    Keyword("unevaluatedProperties", "object", 2019, place="every", forms=("single",), reported=True),
    Keyword("$ref", refers=True),
    Keyword("$dynamicRef", since=2020, refers=True),
    Keyword("$recursiveRef", since=2019, until=2019, refers=True),
    Keyword("definitions", until=7, place="apart", forms=("map",)),
    Keyword("$defs", since=2019, place="apart", forms=("map",)),
    *_says("id", until=4),
    *_says("$schema", "title", "description", "default"),
    *_says("$id", "examples", since=6),
    *_says("$comment", "readOnly", "writeOnly", since=7),
    *_says("$anchor", "$vocabulary", "deprecated", since=2019),
    *_says("$recursiveAnchor", since=2019, until=2019),
    *_says("$dynamicAnchor", since=2020),
)
KEYWORDS = {row.name: row for row in _ROWS}

SINGLES, LISTS, MAPS = (
    frozenset(row.name for row in _ROWS if form in row.forms) for form in ("single", "list", "map")
)
_HOLDING = SINGLES | LISTS | MAPS
REFERENCES = tuple(row.name for row in _ROWS if row.refers)
VALUE_KEYWORDS = frozenset(row.name for row in _ROWS if row.is_value)

ANNOTATIONS = frozenset(
    ("title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly")
)
"""Keywords that accept every value."""

_DRAFTS = {"draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020}


def without_annotations(schema: Any) -> Any:
    """Return a schema without annotations, including its subschemas. Other parts are shared, not copied."""
    if not isinstance(schema, dict):
        return schema
    if _HOLDING.isdisjoint(schema):
        return {name: part for name, part in schema.items() if name not in ANNOTATIONS}
    plain: dict[str, Any] = {}
    for name, part in schema.items():
        if name in ANNOTATIONS:
            continue
        if name in MAPS and isinstance(part, dict):
            plain[name] = {key: without_annotations(each) for key, each in part.items()}
        elif name in LISTS and isinstance(part, list):
            plain[name] = [without_annotations(each) for each in part]
        else:
            plain[name] = without_annotations(part) if name in SINGLES else part
    return plain


def draft_of(dialect: str) -> int:
    """Return the draft of a dialect's URI."""
    return next(draft for part, draft in _DRAFTS.items() if part in dialect)


def reported(kind: Kind) -> frozenset[str]:
    """Return the keywords that a value of this kind may break."""
    return frozenset(row.name for row in _ROWS if row.reported and row.kind in ("any", kind))


_AT = {
    place: tuple(row.name for row in _ROWS if row.place == place)
    for place in ("here", "one", "every", "apart")
}


def subschemas_at(place: Place, schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the subschemas at a place, without targets of references. Leave out a lone boolean, except for `here`."""
    for keyword in _AT[place]:
        members = schema.get(keyword)
        if isinstance(members, dict):
            inside = members.values() if keyword in MAPS else (members,)
            yield from (member for member in inside if isinstance(member, (dict, bool)))
        elif isinstance(members, list) and keyword in LISTS:
            yield from members
        elif isinstance(members, bool) and place == "here" and keyword in SINGLES:
            yield members


_WORDS = frozenset({"if", "then", "else", "not"})
_REFUSING = frozenset(
    row.name for row in KEYWORDS.values() if row.reported or row.refers or row.place not in (None, "apart")
)
_BY_LENGTH: dict[int, list[str]] = {}
for _keyword in sorted(_REFUSING - _WORDS):
    for _length in range(len(_keyword) - 1, len(_keyword) + 2):
        _BY_LENGTH.setdefault(_length, []).append(_keyword)
_OWN = ("x-", "_")
_ACCEPT = "To accept it as it is, use Schema.of(..., allow_unknown=True)"


def require_keywords(document: dict[str, Any]) -> None:
    """Raise `InvalidSchema` for a root without keywords, or with a misspelled one."""
    for key in document:
        keyword = _meant(key)
        if keyword is not None:
            location = join([key])
            raise InvalidSchema(
                f"unknown keyword {safe(clip(repr(key)))} at {pointer(clip(location))}. Did you mean {keyword!r}? {_ACCEPT}",
                code="unknown_keyword",
                location=location,
            )
    if not document or not _REFUSING.isdisjoint(document):
        return
    hint = _hint(document)
    if hint is None and not KEYWORDS.keys().isdisjoint(document):
        return
    raise InvalidSchema(
        f"the schema accepts every value, because it has no keyword such as 'type' or 'properties' at its root. "
        f"{hint or ''}{_ACCEPT}",
        code="unknown_keyword",
    )


def misspelled_inside(positions: Iterable[tuple[Any, str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the location of each misspelled keyword below the root, and the keyword that was probably meant."""
    for schema, location, _ in positions:
        if location and isinstance(schema, dict):
            for key in schema:
                keyword = _meant(key)
                if keyword is not None:
                    yield location + join([key]), keyword


def _meant(key: str) -> str | None:
    """Return the keyword that a key misspells. None if it misspells none."""
    if key in KEYWORDS or key.startswith(_OWN):
        return None
    return next((keyword for keyword in _BY_LENGTH.get(len(key), ()) if _is_one_edit(key, keyword)), None)


def _is_one_edit(left: str, right: str) -> bool:
    """Return whether one added, missing, or changed character, or one swap of neighbors, makes the texts equal.

    Their lengths differ by one at most.
    """
    if len(left) > len(right):
        left, right = right, left
    start = next((at for at, letter in enumerate(left) if letter != right[at]), len(left))
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    if left[start + 1 :] == right[start + 1 :]:
        return True
    return (
        left[start : start + 2] == right[start : start + 2][::-1] and left[start + 2 :] == right[start + 2 :]
    )


def _unknown(document: dict[str, Any]) -> list[str]:
    return [key for key in document if key not in KEYWORDS and not key.startswith(_OWN)]


def _hint(document: dict[str, Any]) -> str | None:
    """Return what the author probably meant. None if no member is a schema."""
    place = _schema_inside(document)
    if place is None:
        return None
    members = [document[key] for key in _unknown(document)]
    if len(members) > 1 and all(map(_refuses, members)):
        return "Did you mean {'type': 'object', 'properties': <this>}? "
    return f"Did you mean the value at {pointer(clip(place))}? "


def _refuses(member: Any) -> bool:
    return isinstance(member, dict) and not _REFUSING.isdisjoint(member)


def _schema_inside(document: dict[str, Any]) -> str | None:
    """Return the place of the outermost member that can refuse a value. None if there is none."""
    level = [([key], document[key]) for key in _unknown(document)]
    while level:
        for path, value in level:
            if _refuses(value):
                return join(path)
        level = [
            ([*path, key], value[key])
            for path, value in level
            if isinstance(value, dict)
            for key in _unknown(value)
        ]
    return None
