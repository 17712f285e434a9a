# SPDX-License-Identifier: Apache-2.0
"""The fields of a schema that a decision model can be asked, and the fields that stay text.

Rules:
1. A field is asked only if its values can be listed, and each of them is valid.
2. The description of a field, and those of its options, are the words of the question.
3. A field is left out, with the reason, if a keyword is not known here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import SchemaGuardError
from schema_guard.ext.decisions.questions import (
    ABSENT,
    Choice,
    Maybe,
    OneValue,
    Record,
    Several,
    Tagged,
    TypedQuestion,
    YesNo,
)
from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema, plain_of
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from schema_guard.ext.decisions.hosts import DecisionHost
    from schema_guard.ext.decisions.questions import Node

_WORDS: Final = ANNOTATIONS | {"description", "$ref"}
_OF_OBJECTS: Final = _WORDS | {
    "additionalProperties",
    "properties",
    "required",
    "type",
    "unevaluatedProperties",
}
_OF_ARRAYS: Final = _WORDS | {"items", "maxItems", "minItems", "type", "uniqueItems"}
_OF_UNIONS: Final = _WORDS | {"anyOf", "oneOf"}
_SIMPLE: Final = _WORDS - {"$ref"} | {"type"}
# The largest number of integers to list, because no host accepts more options.
_MOST_VALUES: Final = 1024
_NULL: Final = {"type": "null"}


class TextField(NamedTuple):
    """A field that a decision model can't answer.

    Attributes:
        path: The names that lead to it in the value.
        location: JSON Pointer to its schema in the user's document.
        reason: Why a decision model can't answer it, as a clause.
        is_required: Whether each value must have it.
    """

    path: tuple[str, ...]
    location: str
    reason: str
    is_required: bool


class Fields(NamedTuple):
    """The questions about a schema, and the fields that stay text.

    Attributes:
        questions: The questions, in order.
        root: How their answers make a value. None if the root itself cannot be asked.
        texts: The fields that stay text.
        plain: The schema with plain references.
    """

    questions: tuple[TypedQuestion, ...]
    root: Node | None
    texts: tuple[TextField, ...]
    plain: PlainSchema


def fields_of(schema: Schema[Any], host: DecisionHost) -> Fields:
    """Return the questions about a schema, within the limits of a host."""
    reader = _Reader(schema, host)
    root = reader.node(reader.plain.root, _Place((), "", True))
    return Fields(tuple(reader.questions), root, tuple(reader.texts), reader.plain)


class _NotAsked(Exception):
    """The reason why a field cannot be asked."""


class _Place(NamedTuple):
    """The place of a field.

    Attributes:
        path: As in `TextField`.
        words: The descriptions of the objects around it.
        is_required: As in `TextField`.
        refs: The references that lead to it.
    """

    path: tuple[str, ...]
    words: str
    is_required: bool
    refs: frozenset[str] = frozenset()


class _Option(NamedTuple):
    value: Any
    description: str | None = None


class _Reader:
    def __init__(self, schema: Schema[Any], host: DecisionHost) -> None:
        self.plain = plain_of(schema)
        self.questions: list[TypedQuestion] = []
        self.texts: list[TextField] = []
        self._formats = schema.formats
        self._host = host

    def node(self, schema: Any, place: _Place) -> Node | None:
        """Return the node of a field, or None if the field stays text. Record the reason for that."""
        questions, texts = len(self.questions), len(self.texts)
        try:
            return self._node(schema, place)
        except _NotAsked as reason:
            del self.questions[questions:]
            del self.texts[texts:]
            location = (self.plain.place_of(schema) if isinstance(schema, dict) else None) or ""
            self.texts.append(TextField(place.path, location, str(reason), place.is_required))
            return None

    def _node(self, schema: Any, place: _Place) -> Node:
        schema, place = self._resolved(schema, place)
        options = self._options(schema)
        if options is not None:
            return self._finite(schema, options, place)
        inner = _without_null(schema)
        if inner is not None:
            return self._maybe(schema, inner, place)
        if schema.get("type") == "object" or "properties" in schema:
            return self._record(schema, place)
        if schema.get("type") == "array":
            return self._several(schema, place)
        if "anyOf" in schema or "oneOf" in schema:
            return self._tagged(schema, place)
        raise _NotAsked(_reason(schema))

    def _resolved(self, schema: Any, place: _Place) -> tuple[dict[str, Any], _Place]:
        """Follow references whose siblings are only words."""
        if not isinstance(schema, dict):
            raise _NotAsked("the field accepts any value, so it has no list of options")
        while "$ref" in schema and not schema.keys() - _WORDS:
            if str(schema["$ref"]) in place.refs:
                raise _NotAsked("the schema of the field contains itself, so it has no list of options")
            place = place._replace(refs=place.refs | {str(schema["$ref"])})
            words = {key: schema[key] for key in ("description", "default") if key in schema}
            _, target = self.plain.leads(schema)
            if not isinstance(target, dict):
                raise _NotAsked("the field accepts any value, so it has no list of options")
            schema = self.plain.put({**target, **words}, self.plain.place_of(schema) or "")
        return schema, place

    # Values that can be listed.

    def _finite(self, schema: dict[str, Any], options: list[_Option], place: _Place) -> Node:
        accepts = self._validator(schema)
        met: dict[str, _Option] = {}
        for option in options:
            if accepts(option.value):
                met.setdefault(_key(option.value), option)
        valid = list(met.values())
        if not valid:
            raise _NotAsked("no value of the field is valid")
        is_absent = not place.is_required and not ({"null"} & met.keys()) and "default" not in schema
        if len(valid) == 1 and not is_absent:
            return OneValue(valid[0].value)
        values = [option.value for option in valid]
        words = self._words(schema, place)
        if met.keys() == {"true", "false"} and not is_absent:
            return YesNo(self._ask(TypedQuestion("predicate", f"Is this true? {words}")))
        if not is_absent and self._is_scale(schema, values):
            levels = tuple(str(value) for value in sorted(values))
            return Choice(
                self._ask(TypedQuestion("score", words, levels, (None,) * len(levels))), tuple(sorted(values))
            )
        if is_absent:
            valid.append(_Option(ABSENT))
        self._check_count(len(valid))
        labels = _labels([option.value for option in valid])
        descriptions = tuple(option.description for option in valid)
        return Choice(
            self._ask(TypedQuestion("choice", words, labels, descriptions)), tuple(one.value for one in valid)
        )

    def _is_scale(self, schema: dict[str, Any], values: list[Any]) -> bool:
        """Return whether values are the levels of a scale: whole numbers without a gap, by their bounds."""
        if "enum" in schema or any(type(value) is not int for value in values):
            return False
        return len(values) <= self._host.levels and max(values) - min(values) == len(values) - 1

    def _check_count(self, count: int) -> None:
        if count > self._host.options:
            raise _NotAsked(
                f"the field has {count} options, but the provider accepts at most {self._host.options}"
            )

    def _options(self, schema: Any, depth: int = 0) -> list[_Option] | None:
        """Return the values that a schema may accept, or None if they cannot be listed."""
        if not isinstance(schema, dict) or depth > len(self.plain.definitions) + 8:
            return None
        words = schema.get("description") or schema.get("title")
        if "const" in schema:
            return [_Option(schema["const"], words if isinstance(words, str) else None)]
        if "enum" in schema:
            return [_Option(value) for value in schema["enum"]]
        if "$ref" in schema:
            return self._options(self.plain.leads(schema)[1], depth + 1)
        found = [self._of_union(schema[key], depth) for key in ("anyOf", "oneOf") if key in schema]
        found += [self._options(part, depth + 1) for part in schema.get("allOf", ())]
        return next((one for one in found if one is not None), None) or _of_types(schema)

    def _of_union(self, arms: list[Any], depth: int) -> list[_Option] | None:
        parts = [self._options(arm, depth + 1) for arm in arms]
        if any(part is None for part in parts):
            return None
        return [option for part in parts for option in part or ()]

    def _validator(self, schema: dict[str, Any]) -> Any:
        if not schema.keys() - _SIMPLE:
            return lambda _: True  # the options were made from these keywords alone
        document = {**schema, "$defs": self.plain.definitions} if self.plain.definitions else schema
        try:
            return Schema.of(document, formats=self._formats, allow_unknown=True).is_valid
        except SchemaGuardError as error:
            raise _NotAsked("the schema of the field is valid only inside the whole schema") from error

    # Values that have parts.

    def _record(self, schema: dict[str, Any], place: _Place) -> Record:
        _require_known(schema, _OF_OBJECTS)
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if any(name not in properties for name in required):
            raise _NotAsked("the object requires a property that 'properties' does not list")
        fields: list[tuple[str, Node]] = []
        texts: list[str] = []
        words = self._around(schema, place)
        for name, inner in properties.items():
            if inner is False:
                continue
            within = _Place((*place.path, name), words, name in required, place.refs)
            node = self.node(inner, within)
            if node is None:
                texts.append(name)
            else:
                fields.append((name, node))
        if texts and not fields and place.path:
            raise _NotAsked("no field of the object has few enough values for a decision model")
        return Record(tuple(fields), tuple(texts), schema)

    def _several(self, schema: dict[str, Any], place: _Place) -> Node:
        _require_known(schema, _OF_ARRAYS)
        items = schema.get("items", True)
        options = self._options(items)
        if options is None:
            raise _NotAsked("the schema lists no options for the items of the list")
        accepts = self._validator(self._resolved(items, place)[0])
        valid = list({_key(one.value): one for one in options if accepts(one.value)}.values())
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", len(valid)))
        if least > len(valid) or least > most:
            raise _NotAsked("the list requires more items than there are options")
        self._check_count(len(valid))
        words = self._words(schema, place)
        labels = _labels([one.value for one in valid])
        questions = [
            self._ask(
                TypedQuestion(
                    "predicate",
                    f"Does this include {label!r}{f' ({one.description})' if one.description else ''}? {words}",
                )
            )
            for label, one in zip(labels, valid, strict=True)
        ]
        return Several(tuple(questions), tuple(one.value for one in valid), least, min(most, len(valid)))

    def _maybe(self, schema: dict[str, Any], inner: Any, place: _Place) -> Maybe:
        question = self._ask(
            TypedQuestion("predicate", f"Does the text state this at all? {self._words(schema, place)}")
        )
        return Maybe(question, self._whole(inner, place._replace(is_required=True)))

    def _whole(self, schema: Any, place: _Place) -> Node:
        """Return the node of a part. Raise if some field of the part stays text."""
        texts = len(self.texts)
        node = self._node(schema, place)
        if len(self.texts) > texts:
            raise _NotAsked(f"the schema lists no options for the field {'/'.join(self.texts[-1].path)}")
        return node

    def _tagged(self, schema: dict[str, Any], place: _Place) -> Tagged:
        _require_known(schema, _OF_UNIONS)
        if "anyOf" in schema and "oneOf" in schema:
            raise _NotAsked(
                "the field has both 'anyOf' and 'oneOf', but schema_guard can use only one of them"
            )
        arms = [
            self._resolved(arm, place) for arm in (schema["anyOf"] if "anyOf" in schema else schema["oneOf"])
        ]
        tag = _tag([arm for arm, _ in arms])
        self._check_count(len(arms))
        words = self._words(schema, place)
        values = [arm["properties"][tag]["const"] for arm, _ in arms]
        descriptions = tuple(arm.get("description") or None for arm, _ in arms)
        question = self._ask(TypedQuestion("choice", f"{words} ({tag})", _labels(values), descriptions))
        branches = []
        for value, (arm, within) in zip(values, arms, strict=True):
            record = self._whole(arm, within._replace(words=self._around(schema, place), is_required=True))
            if not isinstance(record, Record):
                raise _NotAsked("the union has options that are not objects")
            branches.append((value, record))
        return Tagged(question, tag, tuple(branches))

    # Words.

    def _ask(self, question: TypedQuestion) -> int:
        self.questions.append(question)
        return len(self.questions) - 1

    def _words(self, schema: dict[str, Any], place: _Place) -> str:
        """Return the words for a field: its path, its description, and those of the objects around it."""
        text = schema.get("description") or schema.get("title")
        own = text if isinstance(text, str) else ""
        name = " > ".join(place.path) or "the text"
        return "\n".join(filter(None, [f"{name}: {own}" if own else name, place.words]))

    def _around(self, schema: dict[str, Any], place: _Place) -> str:
        text = schema.get("description")
        name = " > ".join(place.path)
        own = f"({name}: {text})" if name and isinstance(text, str) else ""
        return "\n".join(filter(None, [own, place.words]))


def _require_known(schema: dict[str, Any], known: frozenset[str] | set[str]) -> None:
    for keyword in schema:
        if keyword not in known and not keyword.startswith("x-"):
            raise _NotAsked(
                f"the schema of the field has the keyword {keyword!r}, which a decision model can't apply"
            )


def _without_null(schema: dict[str, Any]) -> Any:
    """Return a schema without its null. None if it does not accept null as one of two kinds of values."""
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        rest = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": rest[0]} if len(rest) == 1 else None
    for keyword in ("anyOf", "oneOf"):
        arms = schema.get(keyword)
        if isinstance(arms, list) and _NULL in arms and not schema.keys() - _WORDS - {keyword}:
            rest = [arm for arm in arms if arm != _NULL]
            return rest[0] if len(rest) == 1 else {**schema, keyword: rest}
    return None


def _of_types(schema: dict[str, Any]) -> list[_Option] | None:
    """Return the values of types that have few values."""
    kinds = schema.get("type")
    options: list[_Option] = []
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind == "null":
            options.append(_Option(None))
        elif kind == "boolean":
            options += [_Option(True), _Option(False)]
        elif kind == "integer":
            numbers = _range(schema)
            if numbers is None:
                return None
            options += map(_Option, numbers)
        else:
            return None
    return options


def _range(schema: dict[str, Any]) -> range | None:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    lows = [bound for bound in (low, above) if bound is not None]
    highs = [bound for bound in (high, below) if bound is not None]
    if not lows or not highs:
        return None
    # One more on each side, because bounds may have fractions. The invalid ones are removed later.
    first, last = int(max(lows)) - 1, int(min(highs)) + 1
    return None if last - first > _MOST_VALUES else range(first, last + 1)


def _tag(arms: list[dict[str, Any]]) -> str:
    """Return the property that tells objects apart: each requires it, with one string of its own."""
    for name in arms[0].get("properties", {}):
        values = [_constant(arm, name) for arm in arms]
        if all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
            return str(name)
    raise _NotAsked("the objects of the union have no property that distinguishes them")


def _constant(arm: dict[str, Any], name: str) -> Any:
    inner = arm.get("properties", {}).get(name)
    is_required = name in arm.get("required", ())
    return inner.get("const") if isinstance(inner, dict) and is_required else None


def _key(value: Any) -> str:
    """Return a text that equal JSON values share."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _labels(values: list[Any]) -> tuple[str, ...]:
    """Return a different label for each value, without blanks at its ends."""
    plain = [_label(value) for value in values]
    if len(set(plain)) == len(plain) and all(label and label == label.strip() for label in plain):
        return tuple(plain)
    return tuple(
        _label(value) if value is ABSENT or value is None else json.dumps(value, ensure_ascii=False)
        for value in values
    )


def _label(value: Any) -> str:
    if value is ABSENT or value is None:
        return "not stated"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reason(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "string":
        return "the schema lists no options for the string"
    if kind in ("integer", "number"):
        return f"the {kind} has too many possible values"
    return "the possible values of the field can't be listed"
