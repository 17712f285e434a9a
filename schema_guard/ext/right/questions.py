# SPDX-License-Identifier: Apache-2.0
"""The replies that a person labels: their texts, and the share of wrong values from an answer."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import judge
from schema_guard.errors import InvalidArgument
from schema_guard.ext.right.agreement import as_json, compare_answers
from schema_guard.ext.right.pool import add_label, next_call
from schema_guard.pointer import escape, split
from schema_guard.records.payloads.texts import Payload, texts_of
from schema_guard.records.selection import rows_of, stored_schema
from schema_guard.records.sql.tables import packed, placeholders, unpacked
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.schema import Schema

# Equal to no value.
_WRONG = "a wrong value, 5f3c9a1e"


class LabeledConfiguration(NamedTuple):
    """The configuration whose replies are labeled.

    Attributes:
        ids: The numbers of its rows, one for each segment.
        name: Its function, model, and version.
        schema: Its schema.
        provider: The provider whose form of the schema was sent. None if no form is known.
    """

    ids: list[int]
    name: str
    schema: Schema[Any]
    provider: str | None


class WrongValues(NamedTuple):
    """The wrong values of a reply: their share, and their places. A list has one place."""

    share: float
    places: tuple[str, ...] = ()


class LabelQuestion(NamedTuple):
    """A reply to label.

    Attributes:
        call_id: Its call.
        source: The task of the call.
        value: The value of the reply.
        schema: The schema of the function.
    """

    call_id: str
    source: str
    value: Any
    schema: Schema[Any]

    def leaves(self) -> list[tuple[str, Any]]:
        """Return the JSON Pointer and the value of each leaf."""
        return list(_leaves("", self.value))

    def wrong_values(self, fields: Sequence[str]) -> WrongValues:
        """Return the wrong values, if the values of some fields are wrong.

        Args:
            fields: JSON Pointers, with or without the first slash. A field with parts means all of them.

        Raises:
            InvalidArgument: The reply has no such field.
        """
        leaves = [place for place, _ in self.leaves()]
        wrong: dict[str, None] = {}
        for name in fields:
            path = name if name.startswith("/") or not name else f"/{name}"
            within = [place for place in leaves if f"{place}/".startswith(f"{path}/")]
            if not within:
                raise InvalidArgument(f"field {clip(repr(name))}: expected a field of the reply")
            wrong |= dict.fromkeys(within)
        places = dict.fromkeys(_place_of(self.value, place) for place in leaves if place in wrong)
        return WrongValues(len(wrong) / len(leaves), tuple(places))

    def wrong_values_beside(self, right: Any) -> WrongValues:
        """Return the wrong values, if this is the right value. Missing values count as wrong.

        Raises:
            InvalidArgument: The value is not valid for the schema.
        """
        if not self.schema.is_valid(right):
            raise InvalidArgument(
                f"right value {clip(repr(right))}: expected a complete value that is valid for the schema {self.schema.name}"
            )
        share = compare_answers(self.value, right).differing_share
        return WrongValues(share, tuple(_differing("", self.value, right)))


def _place_of(value: Any, leaf: str) -> str:
    """Return the place of a leaf. All leaves of a list have the place of the list."""
    place = ""
    for token in split(leaf):
        if isinstance(value, list):
            break
        value, place = value[token], f"{place}/{escape(token)}"
    return place


def _differing(place: str, value: Any, right: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(right, dict):
        for key in {**value, **right}:
            parts = value.get(key, _WRONG), right.get(key, _WRONG)
            yield from _differing(f"{place}/{escape(key)}", *parts)
    elif compare_answers(value, right).differing_share:
        yield place


def configuration_to_label(store: Store, function: str, schema: str | None) -> LabeledConfiguration:
    """Return the latest configuration of a function that has second opinions.

    Raises:
        InvalidArgument: None has any.
    """
    groups: dict[tuple[Any, ...], list[ConfigurationCounts]] = {}
    for row in rows_of(store, function=function, schema=schema):
        groups.setdefault(row.configuration[:-1], []).append(row)
    with store.reading() as snapshot:
        sql = "SELECT DISTINCT configuration_id FROM content WHERE differing IS NOT NULL"
        known = {number for (number,) in snapshot.connection.select(sql)}
    labeled = [rows for rows in groups.values() if any(row.id in known for row in rows)]
    if not labeled:
        raise InvalidArgument(
            f"function {clip(function)} has no second opinions. Guard it with content=Content(second_opinion="
            "Second(model)) and a store with payload='second_opinion'"
        )
    rows = max(labeled, key=lambda rows: max(row.last_started_at or 0.0 for row in rows))
    first = rows[0]
    found = stored_schema(store, first.schema_fingerprint, first.schema_name)
    if found is None:
        raise InvalidArgument(
            f"the store does not have the text of schema {first.schema_name}. To store it, call the function once"
        )
    name = f"{first.function} on {first.model or 'an unknown model'}, version {first.version}"
    return LabeledConfiguration([row.id for row in rows if row.id is not None], name, found, first.provider)


def draw(store: Store, configuration: LabeledConfiguration) -> LabelQuestion | None:
    """Draw the next reply to label, and note that it was shown. None if no block is left."""
    while True:
        with closing(store.backend.session()) as session, session.writing() as connection:
            call_id = next_call(connection, configuration.ids)
        if call_id is None:
            return None
        if (found := question_of(store, configuration, call_id)) is not None:
            return found


def save(store: Store, call_id: str, wrong: WrongValues) -> bool:
    """Store a label. Return False if the call was not drawn, or already has one."""
    with closing(store.backend.session()) as session, session.writing() as connection:
        return add_label(connection, call_id, wrong.share, json.dumps(wrong.places))


def question_of(store: Store, configuration: LabeledConfiguration, call_id: str) -> LabelQuestion | None:
    """Return a reply with its task. None if their texts are no longer stored."""
    texts = store.texts([call_id])
    if not texts or texts[-1].reply is None:
        return None
    asked = texts[0].prompt if texts[0].task is None else texts[0].task
    source = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False, indent=2)
    value = _value(configuration.schema, texts[-1].reply, _restore(store, configuration, call_id))
    return None if value is None else LabelQuestion(call_id, source, value.pop(), configuration.schema)


def second_value(store: Store, configuration: LabeledConfiguration, call_id: str) -> Any:
    """Return the second model's value; None if it gave none, or if it's not stored."""
    with store.reading() as snapshot:
        sql = "SELECT second_reply FROM content WHERE call_id = ?"
        ((stored,),) = snapshot.connection.select(sql, [packed(call_id)])
    reply = texts_of(call_id, 1, Payload(None, stored)).reply
    value = None if reply is None else _value(configuration.schema, reply)
    return value.pop() if value else None


def most_differing(store: Store, ids: Sequence[int], most: int) -> list[tuple[str, float]]:
    """Return the calls on which the second model differs most, with the share of values that differ."""
    sql = f"""SELECT call_id, differing FROM content
        WHERE configuration_id IN ({placeholders(len(ids))}) AND differing > 0
        ORDER BY differing DESC, call_id LIMIT ?"""
    with store.reading() as snapshot:
        rows = snapshot.connection.select(sql, (*ids, most))
    return [(str(unpacked(call_id)), share) for call_id, share in rows]


def _restore(store: Store, configuration: LabeledConfiguration, call_id: str) -> Callable[[Any], Any] | None:
    """Return the function that converts the last reply of a call to the form of the schema. None if it has this form."""
    with store.reading() as snapshot:
        sql = "SELECT adapted FROM attempts WHERE call_id = ? ORDER BY number DESC LIMIT 1"
        rows = snapshot.connection.select(sql, [packed(call_id)])
    if configuration.provider is None or not rows or not rows[0][0]:
        return None
    from schema_guard.ext.fitting.adapting.adaptation import adapt  # few replies have another form

    return adapt(configuration.schema, configuration.provider).restore


def _value(schema: Schema[Any], reply: str, restore: Callable[[Any], Any] | None = None) -> list[Any] | None:
    """Return the value of a stored reply in a list; None if it can't be read."""
    judged = judge(reply, schema, repair="lossy", restore=restore)
    if judged.ok:
        return [as_json(judged.value)]
    try:
        return [json.loads(reply)]
    except ValueError:
        return None


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    parts: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    if not parts:
        yield place, value
    for key, part in parts:
        yield from _leaves(f"{place}/{escape(str(key))}", part)
