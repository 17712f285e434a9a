# SPDX-License-Identifier: Apache-2.0
"""Forms in which values are sent. Each has a conversion to the form, `pre_image`, and one back, `restore`.

Rule: A value without the form of its place is returned unchanged. Only RecursionError is raised.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.limits import Limits
from schema_guard.parsing import NotJson, is_same, parse
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Collection

    from schema_guard.values import OpenPath

KEY, VALUE = "key", "value"
_LIMITS = Limits()


class Form:
    """The form in which the values of one place are sent. Unless a subclass overrides it, they are sent unchanged."""

    __slots__ = ()

    @property
    def is_same(self) -> bool:
        """Whether the values are sent unchanged."""
        return self is SAME

    def restore(self, value: Any) -> Any:
        """Convert a sent value to the form of the user's schema."""
        return value

    def pre_image(self, value: Any) -> Any:
        """Convert a value to the form in which it is sent."""
        return value

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Convert a value as `restore` does, while the model is still writing it.

        Args:
            value: The value so far.
            path: Path to its open part. All other parts are complete.

        Returns:
            The value, and the path to its open part. None if its form is not known yet.
        """
        return (value, path) if self is SAME else None

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing.

        Args:
            same: Names of the definitions that change nothing.
        """
        return self


SAME: Final = Form()


@dataclass(frozen=True, slots=True)
class ObjectForm(Form):
    """Objects whose optional properties are sent as null, and whose other keys are sent as pairs.

    Attributes:
        properties: Form of each listed property, in the order in which they are sent.
        filled: Listed properties that are sent as null if they are absent.
        nulls: Filled properties for which null means absent. For the other ones, null is also a value.
        others: Form of the properties that are not listed.
        rest: Property that contains the unlisted ones as pairs. None if they are not sent as pairs.
    """

    properties: dict[str, Form]
    filled: frozenset[str] = frozenset()
    nulls: frozenset[str] = frozenset()
    others: Form = SAME
    rest: str | None = None

    def restore(self, value: Any) -> Any:
        """Return an object without its nulls, and with its pairs as properties."""
        if not isinstance(value, dict):
            return value
        members: dict[str, Any] = {}
        for name, held in value.items():
            if name == self.rest and isinstance(more := self.others.restore(held), dict):
                if any(other in self.properties or other in members for other in more):
                    return value
                members |= more
            elif held is not None or name not in self.nulls:
                members[name] = self._form_of(name).restore(held)
        return members

    def pre_image(self, value: Any) -> Any:
        """Return an object with null for each absent property that is filled, and with others as pairs."""
        if not isinstance(value, dict):
            return value
        members: dict[str, Any] = {}
        for name, form in self.properties.items():
            if name in value:
                members[name] = form.pre_image(value[name])
            elif name in self.filled:
                members[name] = None
        more = {name: held for name, held in value.items() if name not in self.properties}
        if self.rest is not None:
            return {**members, self.rest: self.others.pre_image(more)}
        return {**members, **{name: self.others.pre_image(held) for name, held in more.items()}}

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Return the object with its open property last, if the form of that property is known."""
        if not isinstance(value, dict):
            return value, path
        if not path:
            return self.restore(value), path
        name, is_rest = str(path[0]), path[0] == self.rest
        members = self.restore({other: held for other, held in value.items() if other != name})
        form = self.others if is_rest else self._form_of(name)
        inner = form.grown(value[name], path[1:])
        if inner is None:
            return members, ()
        more, way = inner
        if not is_rest:
            return {**members, name: more}, (name, *way)
        if not isinstance(more, dict) or more.keys() & (self.properties.keys() | members.keys()):
            return members, ()
        return {**members, **more}, way

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        listed = {name: held.simplified(same) for name, held in self.properties.items()}
        others = self.others.simplified(same)
        is_plain = not self.filled and self.rest is None and others is SAME
        if is_plain and all(held is SAME for held in listed.values()):
            return SAME
        return replace(self, properties=listed, others=others)

    def _form_of(self, name: str) -> Form:
        return self.properties.get(name, SAME if self.rest is not None else self.others)


@dataclass(frozen=True, slots=True)
class ListForm(Form):
    """Arrays whose values have forms: a separate one for each of the first values, and the same for the others."""

    prefix: tuple[Form, ...]
    items: Form

    def restore(self, value: Any) -> Any:
        """Return an array of the restored values."""
        return self._each(value, "restore")

    def pre_image(self, value: Any) -> Any:
        """Return an array of the values in their sent forms."""
        return self._each(value, "pre_image")

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Return the array with its open item, if the form of that item is known."""
        if not isinstance(value, list):
            return value, path
        if not path:
            return self.restore(value), path
        at = len(value) - 1
        form = self.prefix[at] if at < len(self.prefix) else self.items
        inner, items = form.grown(value[at], path[1:]), self.restore(value[:at])
        return (items, ()) if inner is None else ([*items, inner[0]], (at, *inner[1]))

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        prefix, items = tuple(held.simplified(same) for held in self.prefix), self.items.simplified(same)
        return SAME if items is SAME and all(held is SAME for held in prefix) else ListForm(prefix, items)

    def _each(self, value: Any, way: str) -> Any:
        if not isinstance(value, list):
            return value
        first = len(self.prefix)
        return [
            getattr(self.prefix[place] if place < first else self.items, way)(held)
            for place, held in enumerate(value)
        ]


@dataclass(frozen=True, slots=True)
class PairsForm(Form):
    """Objects that are sent as an array of keys and values."""

    values: Form

    def restore(self, value: Any) -> Any:
        """Return the object. An array with a repeated key is returned unchanged."""
        if not isinstance(value, list) or not all(map(_is_pair, value)):
            return value
        members = {pair[KEY]: self.values.restore(pair[VALUE]) for pair in value}
        return members if len(members) == len(value) else value

    def pre_image(self, value: Any) -> Any:
        """Return the pairs."""
        if not isinstance(value, dict):
            return value
        return [{KEY: key, VALUE: self.values.pre_image(held)} for key, held in value.items()]

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Return the object of the pairs that are complete."""
        if not isinstance(value, list):
            return value, path
        members = self.restore(value[:-1] if path else value)
        return (members, ()) if isinstance(members, dict) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= {KEY, VALUE} and isinstance(value[KEY], str)


@dataclass(frozen=True, slots=True)
class TextForm(Form):
    """Values that are sent as JSON in a string."""

    def restore(self, value: Any) -> Any:
        """Return the value of the text. A text that is no JSON is returned unchanged."""
        if not isinstance(value, str):
            return value
        parsed = parse(value, _LIMITS)
        return value if isinstance(parsed, NotJson) else parsed

    def pre_image(self, value: Any) -> Any:
        """Return the value as JSON."""
        return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class TupleForm(Form):
    """Arrays of fixed length that are sent as objects with the keys "0", "1" ..."""

    values: tuple[Form, ...]

    def restore(self, value: Any) -> Any:
        """Return the array."""
        names = [str(place) for place in range(len(self.values))]
        # If objects can't be closed, other keys may be present.
        if not isinstance(value, dict) or not value.keys() >= set(names):
            return value
        return [form.restore(value[name]) for name, form in zip(names, self.values, strict=True)]

    def pre_image(self, value: Any) -> Any:
        """Return the object."""
        if not isinstance(value, list) or len(value) != len(self.values):
            return value
        return {
            str(place): form.pre_image(held)
            for place, (form, held) in enumerate(zip(self.values, value, strict=True))
        }


@dataclass(frozen=True, slots=True)
class WrappedForm(Form):
    """Values that are sent as the one property of an object."""

    inner: Form

    def restore(self, value: Any) -> Any:
        """Return the value inside."""
        if not isinstance(value, dict) or value.keys() != {VALUE}:
            return value
        return self.inner.restore(value[VALUE])

    def pre_image(self, value: Any) -> Any:
        """Return the object around the value."""
        return {VALUE: self.inner.pre_image(value)}

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Return the value inside, once it has begun."""
        if not isinstance(value, dict) or value.keys() != {VALUE}:
            return None
        return self.inner.grown(value[VALUE], path[1:])

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        return WrappedForm(self.inner.simplified(same))


@dataclass(frozen=True, slots=True)
class ReferredForm(Form):
    """The form of a definition, which is known when all definitions are made."""

    name: str
    forms: dict[str, Form] = field(repr=False)

    @property
    def is_same(self) -> bool:
        """Whether the values of the definition, including those of its references, are sent unchanged."""
        return self.forms.get(self.name, SAME).is_same

    def restore(self, value: Any) -> Any:
        """Convert with the definition's form."""
        return self.forms.get(self.name, SAME).restore(value)

    def pre_image(self, value: Any) -> Any:
        """Convert with the definition's form."""
        return self.forms.get(self.name, SAME).pre_image(value)

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Convert with the definition's form."""
        return self.forms.get(self.name, SAME).grown(value, path)

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        return SAME if self.name in same else self


@dataclass(frozen=True, slots=True)
class UnionArm:
    """One arm of a union.

    Attributes:
        form: Form in which its values are sent.
        sent: Validates sent values.
        own: Validates values against the user's schema at this place.
    """

    form: Form
    sent: Validity
    own: Validity


@dataclass(frozen=True, slots=True)
class UnionForm(Form):
    """Values that are sent in one of several forms."""

    arms: tuple[UnionArm, ...]

    def restore(self, value: Any) -> Any:
        """Restore with the first arm whose result is valid, or otherwise with the first that accepts the sent value."""
        first: tuple[Any] | None = None
        for arm in self.arms:
            if arm.sent.takes(value):
                restored = arm.form.restore(value)
                if arm.own.takes(restored):
                    return restored
                first = first or (restored,)
        return value if first is None else first[0]

    def pre_image(self, value: Any) -> Any:
        """Convert with the first valid arm that restores the same value, or otherwise with the first valid arm."""
        first: tuple[Any] | None = None
        for arm in self.arms:
            if arm.own.takes(value):
                sent = arm.form.pre_image(value)
                if is_same(self.restore(sent), value):
                    return sent
                first = first or (sent,)
        if first is not None:
            return first[0]
        # The nearest form of an invalid value is one that its arm converts and accepts.
        images = [arm.form.pre_image(value) for arm in self.arms]
        valid_images = [sent for sent, arm in zip(images, self.arms, strict=True) if arm.sent.takes(sent)]
        return (valid_images or images or [value])[0]

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        arms = tuple(replace(arm, form=arm.form.simplified(same)) for arm in self.arms)
        return SAME if all(arm.form is SAME for arm in arms) else UnionForm(arms)


def simplified(form: Form, definitions: dict[str, Form]) -> Form:
    """Return a form without the parts that change nothing. The definitions are changed in place."""
    # A definition is assumed to change nothing unless one of its parts does, so a circle of these changes nothing.
    same = set(definitions)
    while changing := {name for name in same if definitions[name].simplified(same) is not SAME}:
        same -= changing
    for name in list(definitions):
        definitions[name] = definitions[name].simplified(same)
    return form.simplified(same)


class Validity:
    """Validates values against a schema whose references lead to separate definitions.

    Args:
        schema: A plain schema of 2020-12, which is loaded when it is needed.
        definitions: Targets of "#/$defs/NAME", by name.
        formats: Whether `format` is asserted.
    """

    def __init__(self, schema: Any, definitions: dict[str, Any], *, formats: bool) -> None:
        self._schema = schema
        self._definitions = definitions
        self._formats = formats
        self._loaded: Schema[Any] | None = None
        self._failed = False

    def takes(self, value: Any) -> bool:
        """Return whether a value is valid. True if the schema cannot be loaded."""
        if self._loaded is None and not self._failed:
            self._load()
        if self._loaded is None:
            return True
        try:
            return self._loaded.is_valid(value)
        except InvalidArgument:
            # The value is no JSON, or nested too deeply to be validated.
            return False

    def _load(self) -> None:
        try:
            self._loaded = Schema.of(
                _whole(self._schema, self._definitions), formats=self._formats, allow_unknown=True
            )
        except InvalidSchema:
            self._failed = True


def _whole(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema, which may be a bool, with its definitions and as JSON Schema."""
    return as_json_schema(with_definitions(schema, definitions)) if isinstance(schema, dict) else schema


def with_definitions(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the definitions that it reaches."""
    reached: dict[str, Any] = {}
    stack: list[Any] = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in reached:
                reached[name] = definitions[name]
                stack.append(definitions[name])
            stack += part.values()
    return {**schema, "$defs": reached} if reached else schema


def as_json_schema(schema: Any) -> Any:
    """Convert OpenAPI's `nullable` in an adapted schema to JSON Schema."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    document = {key: as_json_schema(part) for key, part in schema.items()}
    if document.get("nullable") is True:
        del document["nullable"]
        # The definitions stay at the root, because references lead there.
        held = {"$defs": document.pop("$defs")} if "$defs" in document else {}
        return {"anyOf": [document, {"type": "null"}], **held}
    return document
