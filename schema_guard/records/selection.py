# SPDX-License-Identifier: Apache-2.0
"""Select configurations by the names that a user typed, and report names that are not recorded.

Rules: A function matches its full name, or the end of it after a dot. The full name takes precedence. If several names
have an end, an error lists them. Nothing is guessed. A name that is not recorded is an error with similar names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.records.times import moment
from schema_guard.schema import Schema
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.records.attempts import Names
    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.store import Store

NO_SEGMENT = "(no segment)"
"""The name of the part of the traffic without a segment."""

# In the names of trials and models, which match only in full.
_HAS_NO_ENDS = ":"

_MOST_LISTED = 8
_MOST_NEAR = 3


class NotRecorded(InvalidArgument):
    """A name has no recorded call."""


class Selection(NamedTuple):
    """Names as the store has them. None matches every name."""

    schema: str | None = None
    function: str | None = None
    segment: str | None = None

    def takes(self, row: ConfigurationCounts | Names) -> bool:
        """Return whether a row has these names."""
        return (
            self.schema in (None, row.schema_name, row.schema_fingerprint)
            and self.function in (None, row.function)
            and self.segment in (None, row.segment or NO_SEGMENT)
        )


def select(
    store: Store,
    rows: Iterable[ConfigurationCounts | Names],
    *,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
) -> Selection:
    """Find the names that the user means among all names in the store.

    Args:
        store: The store, for the messages.
        rows: Rows of all times, because a name without recent calls is still a name.
        schema: Name or fingerprint.
        function: Name, or an end of it after a dot.
        segment: Name.

    Raises:
        NotRecorded: A name has no recorded call. The message lists similar ones.
        InvalidArgument: Several functions have that end. The message lists them.
    """
    chosen, candidates = Selection(), list(rows)
    if schema is not None:
        known = {row.schema_name for row in candidates}
        if schema not in known | {row.schema_fingerprint for row in candidates}:
            raise _unknown("schema", schema, known, store.url)
        chosen = chosen._replace(schema=schema)
        candidates = [row for row in candidates if chosen.takes(row)]
    if function is not None:
        chosen = chosen._replace(
            function=resolve_function(function, {row.function for row in candidates}, store.url)
        )
        candidates = [row for row in candidates if chosen.takes(row)]
    if segment is not None:
        known = {row.segment or NO_SEGMENT for row in candidates}
        if segment not in known:
            raise _unknown("segment", segment, known, store.url)
        chosen = chosen._replace(segment=segment)
    return chosen


def rows_of(
    store: Store,
    *,
    since: float | None = None,
    until: float | None = None,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
) -> list[ConfigurationCounts]:
    """Return the requested configurations. The arguments and errors are those of `select`."""
    if schema is function is segment is None:
        return store.configurations(since=since, until=until)
    chosen = select(store, store.names(), schema=schema, function=function, segment=segment)
    rows = store.configurations(since=since, until=until, schema=chosen.schema, function=chosen.function)
    return [row for row in rows if chosen.takes(row)]


def no_calls(
    store: Store,
    *,
    since: float | None = None,
    until: float | None = None,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
) -> str:
    """Return one sentence about filters that leave no validated calls. It has the number of calls that they exclude.

    Args:
        store: Store to read.
        since: Start of the time.
        until: End of the time.
        schema: Name or fingerprint.
        function: Name, or an end of it after a dot.
        segment: Name.
    """
    named: dict[str, Any] = {"schema": schema, "function": function, "segment": segment}
    whose = "".join(f" of {what} {clip(repr(name))}" for what, name in named.items() if name is not None)
    rows = rows_of(store, since=since, until=until, **named)
    calls_text = "validated calls" if rows and not any(row.calls for row in rows) else "calls"
    beside = []
    if since is not None:
        beside.append((_count(rows_of(store, until=since, **named)), "earlier"))
    if until is not None:
        beside.append((_count(rows_of(store, since=until, **named)), "later"))
    times = [
        f"{word} {moment(at)} UTC" for word, at in (("since", since), ("before", until)) if at is not None
    ]
    known = [
        f"{calls:,} {where} {'call is' if calls == 1 else 'calls are'} recorded"
        for calls, where in beside
        if calls
    ]
    rest = " and ".join(known) or "none are recorded at other times"
    return (
        f"no {calls_text}{whose} {' and '.join(times)}, {'but' if known else 'and'} {rest}"
        if times
        else f"no {calls_text}{whose} are recorded"
    )


def _count(rows: Iterable[ConfigurationCounts]) -> int:
    return sum(row.calls + row.transport for row in rows)


def resolve_function(wanted: str, known: Iterable[str], where: str) -> str:
    """Return the one function that has a name or an end of it.

    Args:
        wanted: The name that the user typed.
        known: All names.
        where: Their place, for the message.

    Raises:
        InvalidArgument: No function matches, or several do.
    """
    names = set(known)
    if wanted in names:
        return wanted
    meant = sorted(name for name in names if name.endswith(f".{wanted}") and _HAS_NO_ENDS not in name)
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise _unknown("function", wanted, names, where)
    raise InvalidArgument(
        f"function {clip(repr(wanted))}: expected the name of one function, but {len(meant)} names have this ending: {_listed(meant)}. Write more of the name"
    )


def _unknown(what: str, wanted: str, known: set[str], where: str) -> NotRecorded:
    text = f"no {what} {clip(repr(wanted))} is recorded in {where}"
    if not known:
        return NotRecorded(f"{text}, which has no calls. Run your program first, or name another store")
    near = _near(wanted, known)
    if near:
        return NotRecorded(f"{text}. Did you mean {' or '.join(map(repr, near))}?")
    return NotRecorded(f"{text}. Expected {'' if len(known) == 1 else 'one of '}{_listed(sorted(known))}")


def _near(wanted: str, known: set[str]) -> list[str]:
    """Return the names that are similar, or have a similar end."""
    from difflib import get_close_matches  # takes 6 ms, and only a wrong name needs it

    ends: dict[str, list[str]] = {}
    for name in sorted(known):
        for end in dict.fromkeys(_ends(name.casefold(), wanted.count("."))):
            ends.setdefault(end, []).append(name)
    near = get_close_matches(wanted.casefold(), ends, n=_MOST_NEAR)
    return list(dict.fromkeys(name for end in near for name in ends[end]))[:_MOST_NEAR]


def _ends(name: str, dots: int) -> Iterator[str]:
    yield name
    if _HAS_NO_ENDS not in name:
        yield ".".join(name.split(".")[-dots - 1 :])


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(map(clip, names[:_MOST_LISTED])) + (f" and {more} more" if more > 0 else "")


def stored_schema(store: Store, fingerprint: str, name: str | None = None) -> Schema[Any] | None:
    """Return a schema from its stored text, preferably one with the name. None if no text has the fingerprint.

    Args:
        store: The store.
        fingerprint: The fingerprint of the schema.
        name: The name for the schema. None for the stored one.
    """
    for stored in sorted(store.schemas(fingerprint), key=lambda one: one.name != name):
        try:
            schema = Schema.of(json.loads(stored.text), name=name or stored.name, allow_unknown=True)
        except (InvalidSchema, ValueError):
            continue
        if schema.fingerprint == fingerprint:
            return schema
    return None


def choose_one(named: Iterable[tuple[str | None, str]]) -> str:
    """Return the option that selects one function, or one schema of a function, of several."""
    pairs = list(named)
    functions = list(dict.fromkeys(function for function, _ in pairs if function))
    option, names = "--function", functions
    if len(functions) < len(pairs):
        option, names = "--schema", list(dict.fromkeys(schema for _, schema in pairs))
    return f"choose one with {option}: {_listed(names)}"
