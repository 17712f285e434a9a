# SPDX-License-Identifier: Apache-2.0
"""An import: files are read, replies put together to calls, judged, and stored where they are not stored yet.

Rules: nothing is stored before all files were read, for a call's attempts may stand in several; a store takes 500 calls
at once or none of them, so that what was stored stays when an import breaks off, and the next one goes on. Of texts
only sizes and keyed hashes are stored.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.traffic import Traffic
from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.call_groups import calls_of
from schema_guard.ext.traces.files import Row, rows_of
from schema_guard.ext.traces.judging import Judging, task_text
from schema_guard.ext.traces.outputs import reply_in
from schema_guard.ext.traces.result import TraceImport
from schema_guard.ext.traces.stored_reply import ReadReply, SkippedRow
from schema_guard.ext.traces.tools.order import tool_of, tools
from schema_guard.ext.traces.values import MISSING, at, text
from schema_guard.received.parsed_values import TypedValues
from schema_guard.records.rows import key_fingerprint, rows
from schema_guard.records.sql.writing import note_keys
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schema_guard.configuration.traffic import Part
    from schema_guard.ext.traces.judging import Judged
    from schema_guard.ext.traces.schemas import Schemas
    from schema_guard.ext.traces.stored_reply import StoredReply, Tool
    from schema_guard.records import Store
    from schema_guard.records.sql.session import Session
    from schema_guard.strategies import Price

__all__ = ["TraceOptions", "import_traces"]

NO_CALL = "no call of a model"
OTHER_NAME = "another name than --only"
NO_SCHEMA = "schema unknown"
OTHER_TOOL = "not of this tool"

_AT_ONCE = 500
_NO_ROW: Mapping[str, Any] = {}
_NAMELESS = "imported"


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """How traces are read.

    Attributes:
        part: What part of the traffic they are.
        share: Of a sample: the share of the calls that was drawn, in (0, 1].
        tool: Where they had been stored; None tells it by the first row of each file.
        function: What records call whatever made the calls; None takes the names that the traces have.
        only: Only calls of these names in the tool; all where there are none.
        places: Of `function`, `version`, `segment` and `cluster`: where in a row they stand; what is not named is where
            the tool has it.
        columns: Of plain rows: field -> column, for those that have another name.
        price: Gives what attempts cost; None takes what the tool says.
    """

    part: Part
    share: float | None = None
    tool: str | None = None
    function: str | None = None
    only: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None


class _Call(NamedTuple):
    """Attempts of one call, and what is known of it before it is judged."""

    replies: list[ReadReply]
    function: str


def import_traces(
    files: Sequence[str],
    schemas: Schemas,
    options: TraceOptions,
    store: Store,
    *,
    dry_run: bool = False,
    on_step: Callable[[str, int, int | None], None] | None = None,
) -> TraceImport:
    """Import what tools have stored; a call that is stored already stays as it is.

    Args:
        files: Names of files; `-` is standard input.
        schemas: What replies must keep to.
        options: How they are read.
        store: Where calls are stored.
        dry_run: Whether nothing is stored.
        on_step: Is told what is done, `read` or `judged`, how many, and of how many where that is known.

    Raises:
        InvalidArgument: A file cannot be read, or is no export that is known.
        MissingExtra: A file is Parquet, and pyarrow is not installed.
        StoreError: The store cannot be read or written.
    """
    report = on_step or _untold
    reading = _Reading(options, schemas)
    for name in files:
        reading.read(name, report)
    result = reading.result(dry_run=dry_run)
    judging = Judging(result.traffic, options.price)
    calls = reading.calls(judging)
    _store(_judged(calls, judging, report), store, result)
    return result


def _untold(_: str, __: int, ___: int | None) -> None:
    pass


class _Reading:
    """What was read of all files."""

    def __init__(self, options: TraceOptions, schemas: Schemas) -> None:
        self._options = options
        self._schemas = schemas
        self._known_tools = tools(options.columns)
        if options.tool is not None:
            self._known_tools = {options.tool: self._known_tools[options.tool]}
        self._replies: list[ReadReply] = []
        self._declared: dict[str, TypedValues] = {}
        self._ids: set[str] = set()
        self._copies: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._counts = TraceImport(Traffic(options.part, ""))
        self._tools: Counter[str] = Counter()

    @property
    def tool_name(self) -> str:
        """What the settings call the tools whose rows were read."""
        return "+".join(sorted(self._tools)) or self._options.tool or _NAMELESS

    def read(self, name: str, on_progress: Callable[[str, int, int | None], None]) -> None:
        """Read a file."""
        tool: Tool | None = None
        for part in rows_of(name):
            if not isinstance(part, Row):
                self._counts.miss(part)
                continue
            self._counts.rows += 1
            if tool is None:
                tool = self._tool(part)
            if not tool.fits(part.value):
                self._counts.leave_out(OTHER_TOOL, part.place)
                continue
            self._tools[tool.name] += 1
            for item in tool.read(part.value, part.place):
                cause = self._take(item)
                if cause is not None:
                    self._counts.leave_out(cause, item.place)
            on_progress("read", self._counts.rows, None)

    def _tool(self, row: Row) -> Tool:
        if self._options.tool is None:
            return tool_of(row.value, self._known_tools, row.place)
        tool = self._known_tools[self._options.tool]
        if not tool.fits(row.value):
            keys = ", ".join(clip(key, 30) for key in islice(row.value, 8))
            raise InvalidArgument(
                f"{clip(row.place)}: expected a row of {tool.name}, got the keys {keys}; --from auto detects the tool"
            )
        return tool

    def _take(self, item: StoredReply | SkippedRow) -> str | None:
        """Read a reply. Return the cause if it is in no call."""
        if isinstance(item, SkippedRow):
            if item.id is not None and item.name is not None:
                self._names[item.id] = item.name
            return NO_CALL
        if self._options.only and item.name not in self._options.only:
            return OTHER_NAME
        self._counts.replies += 1
        own = self._id_of(item)
        if own is None:
            self._counts.repeated += 1
            return None
        schema = self._schemas.of(item)
        if schema is None:
            return NO_SCHEMA
        if schema.fingerprint not in self._declared:
            self._declared[schema.fingerprint] = TypedValues(schema)
        whole = dict(item.row)
        texts: dict[str, Any] = {name: _text_at(whole, place) for name, place in self._options.places.items()}
        named = {name: value for name, value in texts.items() if value is not None}
        reply = reply_in(item, self._declared[schema.fingerprint])
        stored = item._replace(row=_NO_ROW, output=MISSING, task=task_text(item.task), **named)
        self._replies.append(ReadReply(stored, reply, schema, own))
        return None

    def _id_of(self, reply: StoredReply) -> str | None:
        """Give the tool's own id of a reply, and of one without what is made of all that is stored of it; None for one
        that was read before.
        """  # noqa: D205
        own = reply.id
        if own is None:
            content = json.dumps(dict(reply.row), sort_keys=True, default=str)
            own = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
            self._copies[own] += 1
            own = f"{own} {self._copies[own]}"
        if own in self._ids:
            return None
        self._ids.add(own)
        return own

    def result(self, *, dry_run: bool) -> TraceImport:
        """Give the counts of what was read."""
        traffic = Traffic(self._options.part, self.tool_name, self._options.share)
        return replace(self._counts, traffic=traffic, dry_run=dry_run)

    def calls(self, judging: Judging) -> list[_Call]:
        """Give the calls, in the order of time."""

        def is_valid(held: ReadReply) -> bool:
            return judging.judged([held]).outcome.ok

        calls = [_Call(call, self._function(call[0].stored)) for call in calls_of(self._replies, is_valid)]
        self._replies = []
        return calls

    def _function(self, reply: StoredReply) -> str:
        if "function" in self._options.places and reply.function is not None:
            return reply.function
        around = self._names.get(reply.parent) if reply.parent is not None else None
        return self._options.function or reply.function or around or reply.name or _NAMELESS


def _text_at(row: dict[str, Any], place: str) -> str | None:
    value = at(row, place)
    return None if value is MISSING else text(value)


def _judged(
    calls: list[_Call], judging: Judging, report: Callable[[str, int, int | None], None]
) -> Iterator[Judged]:
    for number, (replies, function) in enumerate(calls, 1):
        first = replies[0]
        yield judging.judged(replies, function, first.stored.call or first.id)
        report("judged", number, len(calls))


def _store(calls: Iterable[Judged], store: Store, result: TraceImport) -> None:
    """Store the calls that are not stored yet; in a dry run they are only counted."""
    session: Session | None = None
    remaining = iter(calls)
    try:
        while batch := list(islice(remaining, _AT_ONCE)):
            for judged in batch:
                result.add(judged.outcome)
            ids = [judged.outcome.call.id for judged in batch]
            known = {row["call_id"] for row in store.attempts(call_ids=ids)}
            new = [judged for judged in batch if judged.outcome.call.id not in known]
            result.already_stored += len(known)
            result.stored += len(new)
            if result.dry_run or not new:
                continue
            if session is None:
                session = store.backend.session()
                with session.writing() as connection:
                    note_keys(connection, [key_fingerprint(session.key)])
            key = session.key
            session.add_calls([row for judged in new for row in rows(judged.outcome, judged.task, key)])
    finally:
        if session is not None:
            session.close()
