# SPDX-License-Identifier: Apache-2.0
"""Ways in which values are sent: each knows the way there, `pre_image`, and the way back, `restore`.

Rule: what is not in the form that a place has is given back as it is there; nothing is raised but RecursionError.
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
    """How the values of one place are sent: as they are, unless a subclass says otherwise."""

    __slots__ = ()

    @property
    def is_same(self) -> bool:
        """Whether they are sent as they are."""
        return self is SAME

    def restore(self, value: Any) -> Any:
        """Convert a value that was sent to the form of the user's schema."""
        return value

    def pre_image(self, value: Any) -> Any:
        """Convert a value to the form in which it is sent."""
        return value

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Convert a value as `restore` does while it is still written.

        Args:
            value: As far as it came.
            path: Path to the part of it that is open; the other parts are complete.

        Returns:
            The value, and the path to its open part; None if its form is not known yet.
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
        properties: The form of each property that is listed, in the order in which they are sent.
        filled: Those of them that are sent as null where they are absent.
        nulls: Those of these that are absent where null was sent; of the others null is a value of their own.
        others: The form of the properties that are not listed.
        rest: The property that holds those as pairs, if they are sent so.
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
        """Give an object with all its properties, null where one is absent, and others as pairs."""
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
        """Give the object with its open property last, where that is known."""
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
    """Arrays whose values are sent in forms of their own: the first ones each, the others alike."""

    prefix: tuple[Form, ...]
    items: Form

    def restore(self, value: Any) -> Any:
        """Return an array of the values restored."""
        return self._each(value, "restore")

    def pre_image(self, value: Any) -> Any:
        """Return an array of the values as they are sent."""
        return self._each(value, "pre_image")

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Give the array with its open item, where that is known."""
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
        """Return the object; an array in which a key is there twice is given back as it is."""
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
        """Return what the text says; a text that is no JSON is given back as it is."""
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
        # Where objects cannot be closed other keys may come along.
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
        """Return the object around."""
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
    """The form of a definition, which is known when all are made."""

    name: str
    forms: dict[str, Form] = field(repr=False)

    @property
    def is_same(self) -> bool:
        """Whether the definition's values, and those of what it leads to, are sent as they are."""
        return self.forms.get(self.name, SAME).is_same

    def restore(self, value: Any) -> Any:
        """Restore by the definition's form."""
        return self.forms.get(self.name, SAME).restore(value)

    def pre_image(self, value: Any) -> Any:
        """Send by the definition's form."""
        return self.forms.get(self.name, SAME).pre_image(value)

    def grown(self, value: Any, path: OpenPath) -> tuple[Any, OpenPath] | None:
        """Return it by the definition's form."""
        return self.forms.get(self.name, SAME).grown(value, path)

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        return SAME if self.name in same else self


@dataclass(frozen=True, slots=True)
class UnionArm:
    """One arm of a union.

    Attributes:
        form: How its values are sent.
        sent: Says what is valid as it is sent.
        own: Says what is valid for the user's schema there.
    """

    form: Form
    sent: Validity
    own: Validity


@dataclass(frozen=True, slots=True)
class UnionForm(Form):
    """Values that are sent in one of several forms."""

    arms: tuple[UnionArm, ...]

    def restore(self, value: Any) -> Any:
        """Restore by the first arm that gives a valid value, else by the first that takes what was sent."""
        first: tuple[Any] | None = None
        for arm in self.arms:
            if arm.sent.takes(value):
                restored = arm.form.restore(value)
                if arm.own.takes(restored):
                    return restored
                first = first or (restored,)
        return value if first is None else first[0]

    def pre_image(self, value: Any) -> Any:
        """Send by the first arm that is valid and comes back, else by the first one that is valid."""
        first: tuple[Any] | None = None
        for arm in self.arms:
            if arm.own.takes(value):
                sent = arm.form.pre_image(value)
                if is_same(self.restore(sent), value):
                    return sent
                first = first or (sent,)
        if first is not None:
            return first[0]
        # An invalid value: the nearest thing is what some arm makes of it and takes.
        images = [arm.form.pre_image(value) for arm in self.arms]
        valid_images = [sent for sent, arm in zip(images, self.arms, strict=True) if arm.sent.takes(sent)]
        return (valid_images or images or [value])[0]

    def simplified(self, same: Collection[str]) -> Form:
        """Return the form without the parts that change nothing."""
        arms = tuple(replace(arm, form=arm.form.simplified(same)) for arm in self.arms)
        return SAME if all(arm.form is SAME for arm in arms) else UnionForm(arms)


def simplified(form: Form, definitions: dict[str, Form]) -> Form:
    """Return a form without the parts that change nothing; the definitions are changed in place."""
    # All are taken to change nothing until one of their parts does: a circle of such changes nothing.
    same = set(definitions)
    while changing := {name for name in same if definitions[name].simplified(same) is not SAME}:
        same -= changing
    for name in list(definitions):
        definitions[name] = definitions[name].simplified(same)
    return form.simplified(same)


class Validity:
    """Judges values by a schema whose references lead to definitions that are kept apart.

    Args:
        schema: A plain schema of 2020-12; read when it is needed.
        definitions: What "#/$defs/NAME" leads to.
        formats: Whether `format` is asserted.
    """

    def __init__(self, schema: Any, definitions: dict[str, Any], *, formats: bool) -> None:
        self._schema = schema
        self._definitions = definitions
        self._formats = formats
        self._loaded: Schema[Any] | None = None
        self._failed = False

    def takes(self, value: Any) -> bool:
        """Say whether a value is valid; True where the schema cannot be loaded."""
        if self._loaded is None and not self._failed:
            self._load()
        if self._loaded is None:
            return True
        try:
            return self._loaded.is_valid(value)
        except InvalidArgument:
            # No JSON, or nested deeper than anything that is judged.
            return False

    def _load(self) -> None:
        try:
            self._loaded = Schema.of(
                _whole(self._schema, self._definitions), formats=self._formats, allow_unknown=True
            )
        except InvalidSchema:
            self._failed = True


def _whole(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema, which may be a bool, with its definitions and in JSON Schema."""
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
    """Give an adapted schema with OpenAPI's `nullable` said in JSON Schema."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    document = {key: as_json_schema(part) for key, part in schema.items()}
    if document.get("nullable") is True:
        del document["nullable"]
        # References lead to the definitions from the root: there they stay.
        held = {"$defs": document.pop("$defs")} if "$defs" in document else {}
        return {"anyOf": [document, {"type": "null"}], **held}
    return document
