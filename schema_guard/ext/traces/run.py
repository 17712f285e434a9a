# SPDX-License-Identifier: Apache-2.0
"""An import: read the files, group replies into calls, validate these, and store the new ones.

Rules:
1. Nothing is stored before all files are read, because the attempts of a call can be in several files.
2. A store takes 500 calls at once. If an import is interrupted, these calls stay, and the next import continues.
3. Only the sizes and keyed hashes of texts are stored.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import Traffic
from schema_guard.ext.traces.call_groups import calls_of
from schema_guard.ext.traces.files import Row, rows_of
from schema_guard.ext.traces.judging import Judging
from schema_guard.ext.traces.outputs import reply_in
from schema_guard.ext.traces.result import TraceImport
from schema_guard.ext.traces.stored_reply import ReadReply, SkippedRow
from schema_guard.ext.traces.tools.order import tool_of, tools
from schema_guard.ext.traces.values import MISSING, at, text
from schema_guard.records.rows import key_fingerprint, rows
from schema_guard.records.sql.writing import note_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schema_guard.configuration.recorded_settings import Part
    from schema_guard.ext.traces.files import Unreadable
    from schema_guard.ext.traces.judging import Judged
    from schema_guard.ext.traces.schemas import Schemas
    from schema_guard.ext.traces.stored_reply import StoredReply, Tool
    from schema_guard.records import Store
    from schema_guard.records.sql.session import Session
    from schema_guard.strategies import Price

NO_CALL = "not a model call"
OTHER_NAME = "a name that --only does not select"
NO_SCHEMA = "unknown schema"
OTHER_TOOL = "from another tool"

_AT_ONCE = 500
_NAMELESS = "imported"


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """The settings for reading traces.

    Attributes:
        part: Part of the traffic in them.
        share: Share of the calls in a sample, in (0, 1].
        tool: Name of the tool that wrote them. Default: the first row of each file shows it.
        function: Function name of the calls. Default: the names in the traces.
        only: Names in the tool of the calls to import. Default: all.
        places: Places of `function`, `version`, `segment`, and `cluster` in a row. Default: their places in the tool.
        columns: Field -> column of plain rows, for the fields with another name.
        price: Price of an attempt. Default: the cost that the tool counted.
    """

    part: Part
    share: float | None = None
    tool: str | None = None
    function: str | None = None
    only: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None


def import_traces(
    files: Sequence[str],
    schemas: Schemas,
    options: TraceOptions,
    store: Store,
    *,
    dry_run: bool = False,
    on_step: Callable[[str, int, int | None], None] = lambda word, done, total: None,
) -> TraceImport:
    """Import replies that tools have stored. Calls that the store has stay as they are.

    Args:
        files: Names of files; `-` is standard input.
        schemas: The schemas that the replies must match.
        options: How the files are read.
        store: The store for the calls.
        dry_run: Whether to store nothing.
        on_step: Takes `read` or `judged`, the number of items so far, and the number of all if it is known.

    Raises:
        InvalidArgument: A file cannot be read, or is no known export.
        MissingExtra: A file is Parquet, and pyarrow is not installed.
        StoreError: The store cannot be read or written.
    """
    result = TraceImport(Traffic(options.part, "", options.share), dry_run)
    reading = _Reading(options, schemas, result)
    for name in files:
        for _ in reading.rows(name):
            on_step("read", result.rows, None)
    result.traffic = Traffic(options.part, reading.tool_name, options.share)
    judging = Judging(result.traffic, options.price)
    _store(reading.calls(judging, on_step), store, result)
    return result


class _Reading:
    """The replies of all files."""

    def __init__(self, options: TraceOptions, schemas: Schemas, result: TraceImport) -> None:
        self._options, self._schemas, self._result = options, schemas, result
        self._known_tools = tools(options.columns)
        self._replies: list[ReadReply] = []
        self._copies: Counter[str] = Counter()  # of rows without an id
        self._ids: dict[str, None] = {}
        self._names: dict[str, str] = {}
        self._tools: dict[str, None] = {}

    @property
    def tool_name(self) -> str:
        """The name of the tools in the settings of the calls."""
        return "+".join(sorted(self._tools)) or self._options.tool or _NAMELESS

    def rows(self, name: str) -> Iterator[Row | Unreadable]:
        """Read a file, and count its rows, its unreadable parts, and the replies."""
        tool = None
        for row in rows_of(name):
            if isinstance(row, Row):
                self._result.rows += 1
                tool = tool or tool_of(row, self._known_tools, self._options.tool)
                for place, reason in self._left_out(tool, row):
                    self._result.leave_out(reason, place)
            else:
                self._result.add_unreadable(row)
            yield row

    def _left_out(self, tool: Tool, row: Row) -> Iterator[tuple[str, str]]:
        """Store the replies in a row. Yield the place of each part that is left out, and the reason."""
        if not tool.fits(row.value):
            yield row.place, OTHER_TOOL
            return
        self._tools[tool.name] = None
        for item in tool.read(row.value, row.place):
            if isinstance(item, SkippedRow):
                if item.id is not None and item.name is not None:
                    self._names[item.id] = item.name
                yield item.place, NO_CALL
            elif self._options.only and item.name not in self._options.only:
                yield item.place, OTHER_NAME
            elif not self._keeps(item):
                yield item.place, NO_SCHEMA

    def _keeps(self, item: StoredReply) -> bool:
        """Store a reply, unless it is already there. Return False if its schema is unknown."""
        self._result.replies += 1
        own = self._id_of(item)
        if own in self._ids:
            self._result.repeated += 1
            return True
        self._ids[own] = None
        expected = self._schemas.of(item.row)
        if expected is None:
            return False
        texts: dict[str, Any] = {
            name: text(at(item.row, place)) for name, place in self._options.places.items()
        }
        named = {name: value for name, value in texts.items() if value is not None}
        reply = reply_in(item, expected.values)
        self._replies.append(
            ReadReply(item._replace(row={}, output=MISSING, **named), reply, expected.schema, own)
        )
        return True

    def _id_of(self, reply: StoredReply) -> str:
        """Return the tool's id of a reply, or one from its row and the number of equal rows before it."""
        if reply.id is not None:
            return reply.id
        content = json.dumps(reply.row, sort_keys=True, default=str)
        digest = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        self._copies[digest] += 1
        return f"{digest} {self._copies[digest]}"

    def calls(self, judging: Judging, on_step: Callable[[str, int, int | None], None]) -> Iterator[Judged]:
        """Yield the validated calls in the order of time."""

        def is_valid(held: ReadReply) -> bool:
            return judging.judged([held]).outcome.ok

        calls = calls_of(self._replies, is_valid)
        for number, replies in enumerate(calls, 1):
            first = replies[0]
            yield judging.judged(replies, self._function(first.stored), first.stored.call or first.id)
            on_step("judged", number, len(calls))

    def _function(self, reply: StoredReply) -> str:
        if "function" in self._options.places and reply.function is not None:
            return reply.function
        around = self._names.get(reply.parent) if reply.parent is not None else None
        return self._options.function or reply.function or around or reply.name or _NAMELESS


def _store(calls: Iterable[Judged], store: Store, result: TraceImport) -> None:
    """Store the calls that the store does not have. In a dry run, only count them."""
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
