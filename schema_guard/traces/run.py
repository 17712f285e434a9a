# SPDX-License-Identifier: Apache-2.0
"""An import: files are read, replies put together to calls, judged, and stored where they are not stored yet.

Rules: nothing is stored before all files were read, for a call's attempts may stand in several; a store takes 500 calls
at once or none of them, so that what was stored stays when an import breaks off, and the next one goes on. Of texts
only sizes and keyed hashes are stored.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.records.rows import key_fingerprint, rows
from schema_guard.text import clip
from schema_guard.traces.files import Row, rows_of
from schema_guard.traces.joining import calls_of
from schema_guard.traces.judging import Judging
from schema_guard.traces.result import TraceImport
from schema_guard.traces.stored import LeftOut, StoredReply
from schema_guard.traces.tools.order import tool_of, tools
from schema_guard.traces.values import MISSING, at, text
from schema_guard.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schema_guard.core.enforce import Price
    from schema_guard.core.schema import Schema
    from schema_guard.records import Store
    from schema_guard.records.backend import Session
    from schema_guard.traces.judging import Judged
    from schema_guard.traces.schemas import Schemas
    from schema_guard.traces.stored import Tool
    from schema_guard.traffic import Part

__all__ = ["TraceOptions", "import_traces"]

NO_CALL = "no call of a model"
OTHER_NAME = "another name than --only"
NO_SCHEMA = "schema unknown"
OTHER_TOOL = "not of this tool"

_AT_ONCE = 500
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

    replies: list[StoredReply]
    schema: Schema[Any]
    function: str
    own: str


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
    told = on_step or _untold
    reading = _Reading(options)
    for name in files:
        reading.read(name, told)
    result = TraceImport(Traffic(options.part, reading.tool_name, options.share), dry_run)
    reading.count(result)
    judging = Judging(result.traffic, options.price)
    calls = list(reading.calls(schemas, judging, result))
    _store(_judged(calls, judging, told), store, result)
    return result


def _untold(_: str, __: int, ___: int | None) -> None:
    pass


class _Reading:
    """What was read of all files."""

    def __init__(self, options: TraceOptions) -> None:
        self._options = options
        self._known = tools(options.columns)
        if options.tool is not None:
            self._known = {options.tool: self._known[options.tool]}
        self._read: list[StoredReply] = []
        self._names: dict[str, str] = {}
        self._rows = 0
        self._result = TraceImport(Traffic(options.part, ""))
        self._tools: Counter[str] = Counter()

    @property
    def tool_name(self) -> str:
        """What the settings call the tools whose rows were read."""
        return "+".join(sorted(self._tools)) or self._options.tool or _NAMELESS

    def read(self, name: str, told: Callable[[str, int, int | None], None]) -> None:
        """Read a file."""
        tool: Tool | None = None
        for part in rows_of(name):
            if not isinstance(part, Row):
                self._result.miss(part)
                continue
            self._rows += 1
            if tool is None:
                tool = self._tool(part)
            if not tool.fits(part.value):
                self._result.leave_out(OTHER_TOOL, part.place)
                continue
            self._tools[tool.name] += 1
            for found in tool.read(part.value, part.place):
                self._take(found)
            told("read", self._rows, None)

    def _tool(self, row: Row) -> Tool:
        if self._options.tool is None:
            return tool_of(row.value, self._known, row.place)
        tool = self._known[self._options.tool]
        if not tool.fits(row.value):
            keys = ", ".join(clip(key, 30) for key in islice(row.value, 8))
            raise InvalidArgument(
                f"{clip(row.place)}: expected a row of {tool.name}, got the keys {keys}: leave out --from to have it "
                "told by its shape"
            )
        return tool

    def _take(self, found: StoredReply | LeftOut) -> None:
        if isinstance(found, LeftOut):
            if found.id is not None and found.name is not None:
                self._names[found.id] = found.name
            self._result.leave_out(NO_CALL, found.place)
            return
        if self._options.only and found.name not in self._options.only:
            self._result.leave_out(OTHER_NAME, found.place)
            return
        whole = dict(found.row)
        said: dict[str, Any] = {name: _text_at(whole, place) for name, place in self._options.places.items()}
        self._read.append(
            found._replace(**{name: value for name, value in said.items() if value is not None})
        )

    def count(self, result: TraceImport) -> None:
        """Count what was read."""
        result.rows, result.replies = self._rows, len(self._read)
        result.left_out, result.unread = self._result.left_out, self._result.unread
        result.unreadable = self._result.unreadable

    def calls(self, schemas: Schemas, judging: Judging, result: TraceImport) -> Iterator[_Call]:
        """Give the calls, in the order of time."""

        def is_valid(replies: list[StoredReply]) -> bool:
            schema = schemas.of(replies[-1])
            return schema is None or judging.judged(replies[-1:], schema, _NAMELESS, "").outcome.ok

        for replies in calls_of(self._told_apart(result), is_valid):
            schema = schemas.of(replies[0])
            if schema is None:
                for reply in replies:
                    result.leave_out(NO_SCHEMA, reply.place)
                continue
            first = replies[0]
            yield _Call(replies, schema, self._function(first), first.call or first.id or "")

    def _told_apart(self, result: TraceImport) -> Iterator[StoredReply]:
        """Give each reply once, with an id: of one without, made of all that is stored of it."""
        seen: set[str] = set()
        alike: Counter[str] = Counter()
        for reply in self._read:
            own = reply.id
            if own is None:
                content = json.dumps(dict(reply.row), sort_keys=True, default=str)
                own = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
                alike[own] += 1
                own = f"{own} {alike[own]}"
            if own in seen:
                result.repeated += 1
                continue
            seen.add(own)
            yield reply._replace(id=own)

    def _function(self, reply: StoredReply) -> str:
        if "function" in self._options.places and reply.function is not None:
            return reply.function
        around = self._names.get(reply.parent) if reply.parent is not None else None
        return self._options.function or reply.function or around or reply.name or _NAMELESS


def _text_at(row: dict[str, Any], place: str) -> str | None:
    found = at(row, place)
    return None if found is MISSING else text(found)


def _judged(
    calls: Sequence[_Call], judging: Judging, told: Callable[[str, int, int | None], None]
) -> Iterator[Judged]:
    for number, call in enumerate(calls, 1):
        yield judging.judged(call.replies, call.schema, call.function, call.own)
        told("judged", number, len(calls))


def _store(calls: Iterable[Judged], store: Store, result: TraceImport) -> None:
    """Store the calls that are not stored yet; in a dry run they are only counted."""
    session: Session | None = None
    remaining = iter(calls)
    try:
        while batch := list(islice(remaining, _AT_ONCE)):
            for one in batch:
                result.add(one.outcome)
            ids = [one.outcome.call.id for one in batch]
            known = {row["call_id"] for row in store.attempts(call_ids=ids)}
            new = [one for one in batch if one.outcome.call.id not in known]
            result.known += len(known)
            result.stored += len(new)
            if result.dry_run or not new:
                continue
            if session is None:
                session = store.backend.session()
                session.add_keys([key_fingerprint(session.key)])
            key = session.key
            session.add_calls([row for one in new for row in rows(one.outcome, one.task, key)])
    finally:
        if session is not None:
            session.close()
