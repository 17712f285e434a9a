# SPDX-License-Identifier: Apache-2.0
"""JSON Lines: an attempt a line, by the names of its columns; what is no attempt has one key, its name.

In ASCII, so that it passes through every pipe and says nothing to a terminal.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from schema_guard.records.transfer.columns import fields_of
from schema_guard.records.transfer.entries import ATTEMPT, NAMES, Entry, FileFault, told
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.records.rows import Row
    from schema_guard.records.transfer.entries import Beside, Said

MOST_LINE_BYTES = 1024 * 1024  # a row is less than 1 KiB; the names in it are the user's own
_NAMES = frozenset(NAMES)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


def write(beside: Beside, pages: Iterable[list[Row]], stream: IO[bytes], release: str) -> int:
    """Write a store; gives the number of attempts."""
    for name, fields in told(beside, release):
        stream.write(_line({name: fields}))
    attempts = 0
    for page in pages:
        stream.write(b"".join([_line(fields_of(row)) for row in page]))
        attempts += len(page)
    stream.write(_line({"end": {"attempts": attempts}}))
    return attempts


def _line(fields: dict[str, Any]) -> bytes:
    return _encode(fields).encode("ascii") + b"\n"


def read(stream: IO[bytes]) -> Iterator[Said]:
    """Give what each line says."""
    from jiter import from_json  # as in `core`: what is parsed is parsed by it

    for number, line in enumerate(lines(stream), start=1):
        place = f"line {number}"
        if line is None:
            yield FileFault(place, f"expected at most {MOST_LINE_BYTES:,} bytes")
            continue
        if not line.strip():
            continue
        try:
            found = from_json(line, catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError as error:
            yield FileFault(place, f"expected a JSON object: {clip(str(error))}")
            continue
        yield _entry(place, found)


def _entry(place: str, found: Any) -> Said:
    if not isinstance(found, dict):
        return FileFault(place, f"expected a JSON object, got {clip(repr(found))}")
    if len(found) == 1:
        ((name, fields),) = found.items()
        if name in _NAMES and isinstance(fields, dict):
            return Entry(place, name, fields)
    return Entry(place, ATTEMPT, found)


def lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Give the lines of a stream, None for one that is too long."""
    while line := stream.readline(MOST_LINE_BYTES):
        if len(line) < MOST_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield None
