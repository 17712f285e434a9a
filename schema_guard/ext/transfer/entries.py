# SPDX-License-Identifier: Apache-2.0
"""What an exported file says, in whichever form: a header, declarations, counts of lost records, attempts, an end.

Rules: pure. An entry has a name and fields. The header comes first and the end last, so that a file that was cut
off is known; the attempts of a call stand together, the last of them final, as a store has them. What is wrong
with an entry is a `FileFault` that takes its whole call with it; what is wrong with a file is `InvalidArgument`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.ext.transfer.columns import TEXTS, FieldFault, checked, row_of
from schema_guard.ext.transfer.grouping import Grouping
from schema_guard.ext.transfer.texts import Moved, read_texts
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.rows import COLUMNS
from schema_guard.records.values import LostRecords, SchemaText
from schema_guard.schema import fingerprint
from schema_guard.text import clip, did_you_mean
from schema_guard.validation.document import check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FORMAT_VERSION = 1
ATTEMPT = "attempt"
NAMES = ("export", "schema", "declared_step", "declared_target", "lost_records", "end")
"""What an entry can be but an attempt."""

_CALL_ID = COLUMNS.index("call_id")
_MOST_SHOWN = 10

_TEXT, _MAYBE_TEXT, _NUMBER, _COUNT = ("text", False), ("text", True), ("number", False), ("count", False)
_FIELDS = {
    "schema": {"fingerprint": _TEXT, "name": _TEXT, "text": _TEXT},
    "declared_step": {
        "schema_fingerprint": _TEXT,
        "step": _TEXT,
        "status": _TEXT,
        "reason": _TEXT,
        "at": _NUMBER,
        "function": _MAYBE_TEXT,
    },
    "declared_target": {
        "schema_fingerprint": _TEXT,
        "at": _NUMBER,
        "target": _NUMBER,
        "function": _MAYBE_TEXT,
    },
    "lost_records": {"reason": _TEXT, "attempts": _COUNT, "at": _NUMBER},
    "end": {"attempts": _COUNT},
}
_STATUSES = ("not_applicable", "declined", "started")


class FileFault(NamedTuple):
    """What is wrong in a file, and where.

    Attributes:
        place: Such as `"line 12"`.
        why: What was expected there.
    """

    place: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


class Entry(NamedTuple):
    """One of the things that a file says.

    Attributes:
        place: Such as `"line 12"`.
        name: `ATTEMPT`, or one of `NAMES`.
        fields: What it says.
    """

    place: str
    name: str
    fields: Mapping[str, Any]


EntryOrFault: TypeAlias = "Entry | FileFault"
Fields: TypeAlias = "dict[str, Any]"
"""An attempt by the names of its columns, with its texts where they come along."""


@dataclass(frozen=True)
class StoreData:
    """What a store has beside its attempts.

    Attributes:
        keys: Fingerprints of the keys of its hashes.
        declared: By schema.
        lost_records: Every count of them.
        schemas: The texts of schemas.
    """

    keys: frozenset[str] = frozenset()
    declared: tuple[Declared, ...] = ()
    lost_records: tuple[LostRecords, ...] = ()
    schemas: tuple[SchemaText, ...] = ()


@dataclass(frozen=True)
class Head:
    """What stands before the attempts.

    Attributes:
        store_data: What the store has beside them.
        release: Of this library.
        has_texts: Whether texts come along.
    """

    store_data: StoreData
    release: str
    has_texts: bool = False


def head_entries(head: Head) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the entries before the attempts by their names."""
    beside = head.store_data
    first = {"format": FORMAT_VERSION, "release": head.release, "hash_keys": sorted(beside.keys)}
    yield "export", first | ({TEXTS: True} if head.has_texts else {})
    for schema in beside.schemas:
        yield "schema", schema._asdict()
    for declared in beside.declared:
        which = {"schema_fingerprint": declared.schema_fingerprint}
        for step in declared.steps:
            yield "declared_step", which | step._asdict()
        for target in declared.targets:
            yield "declared_target", which | target._asdict()
    for lost in beside.lost_records:
        yield "lost_records", lost._asdict()


@dataclass
class FileReading:
    """A file that is read: gives its whole calls, and keeps what is said beside them.

    Attributes:
        source: Its name, for messages.
        keys: Fingerprints of the keys of its hashes, known after the header.
        faults: How many there were.
        first_faults: The first ten.
        calls: How many whole calls there were.
        attempts: And how many attempts in them.
        first_at: When the first of its calls began.
        last_at: When the last one did.
    """

    source: str
    keys: frozenset[str] = frozenset()
    faults: int = 0
    first_faults: list[FileFault] = field(default_factory=list)
    calls: int = 0
    attempts: int = 0
    lost_records: list[LostRecords] = field(default_factory=list)
    schemas: list[SchemaText] = field(default_factory=list)
    _steps: dict[str, list[DeclaredStep]] = field(default_factory=dict)
    _targets: dict[str, list[DeclaredTarget]] = field(default_factory=dict)
    _seen: int = 0
    _end: int | None = None

    @property
    def store_data(self) -> StoreData:
        """What the file said beside its attempts; complete when all calls were given."""
        declared = tuple(
            Declared(which, tuple(self._steps.get(which, ())), tuple(self._targets.get(which, ())))
            for which in sorted({*self._steps, *self._targets})
        )
        return StoreData(self.keys, declared, tuple(self.lost_records), tuple(self.schemas))

    def whole_calls(self, items: Iterable[EntryOrFault]) -> Iterator[list[Moved]]:
        """Give the attempts of each call that is right; what is wrong is counted.

        Raises:
            InvalidArgument: This is no export, or one of a later format.
        """
        entries = iter(items)
        self._begin(next(entries, None))
        for call in self._calls(entries):
            self.calls += 1
            self.attempts += len(call)
            yield call
        if self._end is None:
            self._add(FileFault("the end", "expected the entry 'end': the file was cut off; export it again"))
        elif self._end != self._seen and not self.faults:
            why = f"the file says that it has {self._end} attempts, and has {self._seen}; export it again"
            self._add(FileFault("the end", why))

    def _begin(self, first: EntryOrFault | None) -> None:
        what = f"{self.source}: expected what `schema-guard store export` has written"
        if not isinstance(first, Entry) or first.name != "export":
            raise InvalidArgument(f"{what}, got something else at its first line: {_entry_text(first)}")
        version = first.fields.get("format")
        if type(version) is int and version > FORMAT_VERSION:
            raise InvalidArgument(
                f"{self.source} has format {version}, this version knows up to {FORMAT_VERSION}: "
                "upgrade schema-guard"
            )
        keys = first.fields.get("hash_keys")
        if version != FORMAT_VERSION or type(version) is not int:
            raise InvalidArgument(
                f"{what}: at /export/format: expected {FORMAT_VERSION}, got {clip(repr(version))}"
            )
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise InvalidArgument(
                f"{what}: at /export/hash_keys: expected an array of strings, got {clip(repr(keys))}"
            )
        self.keys = frozenset(keys)

    def _calls(self, entries: Iterator[EntryOrFault]) -> Iterator[list[Moved]]:
        grouping = Grouping(lambda place, why: self._add(FileFault(place, why)))
        for entry in entries:
            if isinstance(entry, Entry) and entry.name != ATTEMPT:
                self._hear(entry)
                continue
            self._seen += 1
            attempt = self._attempt(entry)
            call_id = _call_id(entry) if attempt is None else attempt.row[_CALL_ID]
            call = grouping.take(entry.place, attempt, call_id)
            if call is not None:
                yield call
        grouping.end()

    def _attempt(self, entry: EntryOrFault) -> Moved | None:
        if isinstance(entry, FileFault):
            self._add(entry)
            return None
        try:
            moved = Moved(row_of(entry.fields), read_texts(entry.fields.get(TEXTS)))
        except FieldFault as error:
            self._add(FileFault(entry.place, str(error)))
            return None
        if self._end is not None:
            self._add(FileFault(entry.place, "expected nothing after the entry 'end'"))
            return None
        return moved

    def _hear(self, entry: Entry) -> None:
        try:
            self._take(entry.name, entry.fields)
        except FieldFault as error:
            self._add(FileFault(entry.place, f"{entry.name} {error}"))

    def _take(self, name: str, fields: Mapping[str, Any]) -> None:
        if self._end is not None:
            raise FieldFault(None, "expected nothing after the entry 'end'")
        if name not in _FIELDS:
            raise FieldFault(None, "expected one header: give files one by one, not joined")
        values = checked(fields, _FIELDS[name])
        if name == "end":
            self._end = values["attempts"]
        elif name == "schema":
            self.schemas.append(_checked_schema(SchemaText(**values)))
        elif name == "lost_records":
            self.lost_records.append(LostRecords(**values))
        else:
            self._declare(name, values.pop("schema_fingerprint"), values)

    def _declare(self, name: str, schema_fingerprint: str, values: dict[str, Any]) -> None:
        if name == "declared_step":
            if values["status"] not in _STATUSES:
                near = did_you_mean(values["status"], _STATUSES)
                raise FieldFault("status", f"expected {' or '.join(map(repr, _STATUSES))}{near}")
            self._steps.setdefault(schema_fingerprint, []).append(DeclaredStep(**values))
        else:
            if not 0 < values["target"] < 1:
                raise FieldFault("target", f"expected a rate in (0, 1), got {values['target']!r}")
            self._targets.setdefault(schema_fingerprint, []).append(DeclaredTarget(**values))

    def _add(self, fault: FileFault) -> None:
        self.faults += 1
        if len(self.first_faults) < _MOST_SHOWN:
            self.first_faults.append(fault)


def _checked_schema(schema: SchemaText) -> SchemaText:
    try:
        document = json.loads(schema.text)
        check_size(document)
    except (ValueError, RecursionError) as error:
        raise FieldFault("text", f"expected the JSON text of a schema: {clip(str(error), 100)}") from error
    if fingerprint(document) != schema.fingerprint:
        raise FieldFault("fingerprint", f"expected that of the text, {fingerprint(document)}")
    return schema


def _call_id(entry: EntryOrFault) -> object:
    """Give the call of an attempt that is wrong, None where that is not known."""
    call_id = entry.fields.get("call_id") if isinstance(entry, Entry) else None
    return call_id if isinstance(call_id, str) else None


def _entry_text(first: EntryOrFault | None) -> str:
    if first is None:
        return "nothing"
    return first.why if isinstance(first, FileFault) else f"an entry {first.name!r}"
