# SPDX-License-Identifier: Apache-2.0
"""A store as JSON Lines: a header, schemas, declarations, counts of lost records, attempts, and an end.

Rules: Pure. A line is ASCII. It contains an attempt by the names of its columns, or one other entry under its name. The
attempts of a call follow each other, and the last one is final. The end shows that a file is complete.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.ext.transfer.columns import TEXTS, FieldFault, checked
from schema_guard.ext.transfer.moved import read_moved
from schema_guard.records.declarations import Declared, DeclaredStep, DeclaredTarget
from schema_guard.records.rows import COLUMNS
from schema_guard.records.values import LostRecords, SchemaText
from schema_guard.schema import fingerprint
from schema_guard.text import clip, did_you_mean
from schema_guard.validation.document import check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schema_guard.ext.transfer.moved import Moved

Fields: TypeAlias = "dict[str, Any]"
"""An attempt by the names of its fields."""

_FORMAT = 1
_MOST_LINE_BYTES = 1024 * 1024  # a row takes less than 1 KiB; the names in it are the user's own
_MOST_BYTES_WITH_TEXTS = 64 * _MOST_LINE_BYTES  # the largest reply that is read, with six bytes a character
_MOST_ATTEMPTS = 10_000  # of one call, which is in memory until its end
_MOST_SHOWN = 10
_NUMBER, _FINAL = COLUMNS.index("number"), COLUMNS.index("final")
_STATUSES = ("not_applicable", "declined", "started")

_TEXT, _MAYBE_TEXT, _AMOUNT, _COUNT = ("text", False), ("text", True), ("number", False), ("count", False)
_OF_SCHEMA = {"schema_fingerprint": _TEXT, "function": _MAYBE_TEXT, "at": _AMOUNT}
_FIELDS = {
    "schema": {"fingerprint": _TEXT, "name": _TEXT, "text": _TEXT},
    "declared_step": {**_OF_SCHEMA, "step": _TEXT, "status": _TEXT, "reason": _TEXT},
    "declared_target": {**_OF_SCHEMA, "target": _AMOUNT},
    "lost_records": {"reason": _TEXT, "attempts": _COUNT, "at": _AMOUNT},
    "end": {"attempts": _COUNT},
}
_ENTRIES = frozenset(("export", *_FIELDS))
_STARTS = {
    b"SQLite format 3\x00": "this is a SQLite database without the records of a store",
    b"\x1f\x8b": "the file is compressed. Unpack it, as in `gunzip --stdout FILE | schema-guard store import -`",
    b"\x28\xb5\x2f\xfd": "the file is compressed. Unpack it, as in `zstd -dc FILE | schema-guard store import -`",
    b"PAR1": "this is a Parquet file. Export the store as JSON Lines, and import that file",
}

_EXPORTED = "a file that `schema-guard store export` wrote as JSON Lines"
_OTHER_TOOL = "For a file from another tool, add --from TOOL"

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


@dataclass
class StoreData:
    """The records of a store that are no attempts.

    Attributes:
        keys: Fingerprints of the keys of its hashes.
        declared: Declarations, by schema.
        lost_records: Every count of lost records.
        schemas: The texts of schemas.
    """

    keys: frozenset[str] = frozenset()
    declared: list[Declared] = field(default_factory=list)
    lost_records: list[LostRecords] = field(default_factory=list)
    schemas: list[SchemaText] = field(default_factory=list)


def write_lines(data: StoreData, pages: Iterable[list[Fields]], stream: IO[bytes], *, has_texts: bool) -> int:
    """Write a store, and return the number of attempts."""
    for entry in _before_attempts(data, has_texts=has_texts):
        stream.write(_line(entry))
    attempts = 0
    for page in pages:
        stream.write(b"".join([_line(fields) for fields in page]))
        attempts += len(page)
    stream.write(_line({"end": {"attempts": attempts}}))
    return attempts


def _before_attempts(data: StoreData, *, has_texts: bool) -> Iterator[Fields]:
    texts = {TEXTS: True} if has_texts else {}
    yield {"export": {"format": _FORMAT, "hash_keys": sorted(data.keys), **texts}}
    for schema in data.schemas:
        yield {"schema": schema._asdict()}
    for declared in data.declared:
        which = {"schema_fingerprint": declared.schema_fingerprint}
        for step in declared.steps:
            yield {"declared_step": which | step._asdict()}
        for target in declared.targets:
            yield {"declared_target": which | target._asdict()}
    for lost in data.lost_records:
        yield {"lost_records": lost._asdict()}


def _line(fields: Fields) -> bytes:
    return _encode(fields).encode("ascii") + b"\n"


@dataclass
class FileReading:
    """One reading of a file from its beginning to its end.

    Attributes:
        source: Name of the file, for messages.
        stream: The file.
        data: The records beside the attempts. Complete after all calls were read.
        faults: Number of faults.
        first_faults: The first ten faults.
        calls: Number of whole calls.
        attempts: Number of the attempts of these calls.
    """

    source: str
    stream: IO[bytes] = field(repr=False)
    data: StoreData = field(default_factory=StoreData)
    faults: int = 0
    first_faults: list[str] = field(default_factory=list)
    calls: int = 0
    attempts: int = 0
    _longest: int = _MOST_LINE_BYTES
    _seen: int = 0
    _end: int | None = None

    def whole_calls(self) -> Iterator[list[Moved]]:
        """Yield the attempts of each call, and count the faults.

        Raises:
            InvalidArgument: The file is no export, or one of a later format.
        """
        lines = self._lines()
        self._begin(next(lines, None))
        call: list[Moved] = []
        last = ""
        for place, value in lines:
            try:
                attempt = self._read(value)
                if attempt is None:
                    continue
                if call and call[0].call_id != attempt.call_id:
                    self._add(last, _not_final(call))
                    call = []
                _check_same_call(call, attempt)
            except FieldFault as error:
                self._add(place, error)
                call = []
                continue
            last = place
            call.append(attempt)
            if attempt.row[_FINAL]:
                self.calls += 1
                self.attempts += len(call)
                yield call
                call = []
        if call:
            self._add(last, _not_final(call))
        self._check_end()

    def _lines(self) -> Iterator[tuple[str, Any]]:
        """Yield the place and the value of each line. The value of an invalid line is its fault."""
        from jiter import from_json  # loaded at the first file

        self.stream.seek(0)
        for number, line in enumerate(iter(self._next_line, b""), start=1):
            if line is None:
                value: Any = FieldFault("", f"expected at most {self._longest:,} bytes")
            elif not line.strip():
                continue
            else:
                try:
                    value = from_json(line, catch_duplicate_keys=True, allow_inf_nan=False)
                except ValueError as error:
                    value = FieldFault("", f"expected a JSON object: {clip(str(error))}")
            yield f"line {number}", value

    def _next_line(self) -> bytes | None:
        """Return the next line, which is empty at the end. None for a line that is too long."""
        line = self.stream.readline(self._longest)
        if len(line) < self._longest or line.endswith(b"\n"):
            return line
        while (rest := self.stream.readline(_MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        return None

    def _begin(self, first: tuple[str, Any] | None) -> None:
        if first is None:
            raise InvalidArgument(f"{self.source} is empty: expected {_EXPORTED}. {_OTHER_TOOL}")
        header = first[1].get("export") if isinstance(first[1], dict) else None
        if not isinstance(header, dict):
            self.stream.seek(0)
            start = self.stream.read(16)
            known = next((why for begin, why in _STARTS.items() if start.startswith(begin)), None)
            why = known or f"expected {_EXPORTED}, got a file that begins with {clip(repr(start))}"
            raise InvalidArgument(f"{self.source}: {why}. {_OTHER_TOOL}")
        version, keys = header.get("format"), header.get("hash_keys")
        what = f"{self.source}: expected {_EXPORTED}"
        if type(version) is int and version > _FORMAT:
            raise InvalidArgument(
                f"{self.source} has format {version}, but this version of schema-guard reads up to {_FORMAT}. Upgrade schema-guard"
            )
        if version != _FORMAT or type(version) is not int:
            raise InvalidArgument(f"{what}. At /export/format: expected {_FORMAT}, got {clip(repr(version))}")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise InvalidArgument(
                f"{what}. At /export/hash_keys: expected an array of strings, got {clip(repr(keys))}"
            )
        self.data.keys = frozenset(keys)
        if header.get(TEXTS) is True:
            self._longest = _MOST_BYTES_WITH_TEXTS

    def _read(self, value: Any) -> Moved | None:
        """Return an attempt, or None after adding another entry to the data. Raises `FieldFault`."""
        if isinstance(value, FieldFault):
            raise value
        if not isinstance(value, dict):
            raise FieldFault("", f"expected a JSON object, got {clip(repr(value))}")
        name, fields = next(iter(value.items())) if len(value) == 1 else ("", None)
        if name in _ENTRIES and isinstance(fields, dict):
            try:
                self._keep(name, fields)
            except FieldFault as error:
                raise FieldFault("", f"{name} {error}") from error
            return None
        self._seen += 1
        if self._end is not None:
            raise FieldFault("", "expected nothing after the entry 'end'")
        return read_moved(value)

    def _keep(self, name: str, fields: Mapping[str, Any]) -> None:
        if self._end is not None:
            raise FieldFault(None, "expected nothing after the entry 'end'")
        if name == "export":
            raise FieldFault(None, "expected one header. Pass files one by one, not joined")
        values = checked(fields, _FIELDS[name])
        if name == "end":
            self._end = values["attempts"]
        elif name == "schema":
            self.data.schemas.append(_checked_schema(SchemaText(**values)))
        elif name == "lost_records":
            self.data.lost_records.append(LostRecords(**values))
        else:
            self._declare(name, values.pop("schema_fingerprint"), values)

    def _declare(self, name: str, schema_fingerprint: str, values: dict[str, Any]) -> None:
        declared = Declared(schema_fingerprint)
        if self.data.declared and self.data.declared[-1].schema_fingerprint == schema_fingerprint:
            declared = self.data.declared.pop()
        if name == "declared_target":
            if not 0 < values["target"] < 1:
                raise FieldFault("target", f"expected a rate in (0, 1), got {values['target']!r}")
            declared = declared._replace(targets=(*declared.targets, DeclaredTarget(**values)))
        else:
            if values["status"] not in _STATUSES:
                near = did_you_mean(values["status"], _STATUSES)
                raise FieldFault("status", f"expected {' or '.join(map(repr, _STATUSES))}{near}")
            declared = declared._replace(steps=(*declared.steps, DeclaredStep(**values)))
        self.data.declared.append(declared)

    def _check_end(self) -> None:
        if self._end is None:
            self._add("the end", "the entry 'end' is missing, so the file was cut off. Export it again")
        elif self._end != self._seen and not self.faults:
            self._add(
                "the end",
                f"the file ends with the number {self._end}, but has {self._seen} attempts. Export it again",
            )

    def _add(self, place: str, why: object) -> None:
        self.faults += 1
        if len(self.first_faults) < _MOST_SHOWN:
            self.first_faults.append(f"{place}: {why}")


def _not_final(call: list[Moved]) -> str:
    return f"expected a final attempt of the call {clip(repr(call[0].call_id))} after it"


def _check_same_call(call: list[Moved], attempt: Moved) -> None:
    """Raise `FieldFault` if an attempt doesn't fit the first one of its call."""
    first = call[0].row if call else attempt.row
    for name, before, after in zip(COLUMNS[:_NUMBER], first, attempt.row, strict=False):
        if before != after:
            raise FieldFault(name, "expected the same value as in the call's first attempt")
    if len(call) >= _MOST_ATTEMPTS:
        raise FieldFault("", f"expected at most {_MOST_ATTEMPTS:,} attempts of one call")


def _checked_schema(schema: SchemaText) -> SchemaText:
    try:
        document = json.loads(schema.text)
        check_size(document)
    except (ValueError, RecursionError) as error:
        raise FieldFault("text", f"expected the JSON text of a schema: {clip(str(error), 100)}") from error
    if fingerprint(document) != schema.fingerprint:
        raise FieldFault("fingerprint", f"expected that of the text, {fingerprint(document)}")
    return schema
