# SPDX-License-Identifier: Apache-2.0
"""JSON Lines: an attempt a line, by the names of its columns; what is no attempt has one key, its name.

In ASCII, so that it passes through every pipe and says nothing to a terminal.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from schema_guard.ext.transfer.columns import TEXTS
from schema_guard.ext.transfer.entries import ATTEMPT, NAMES, Entry, FileFault, head_entries
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.ext.transfer.entries import EntryOrFault, Fields, Head

MOST_LINE_BYTES = 1024 * 1024  # a row is less than 1 KiB; the names in it are the user's own
MOST_BYTES_WITH_TEXTS = (
    64 * MOST_LINE_BYTES
)  # a reply of the largest size that is read, each character as six
_NAMES = frozenset(NAMES)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


def write(head: Head, pages: Iterable[list[Fields]], stream: IO[bytes]) -> int:
    """Write a store; gives the number of attempts."""
    for name, fields in head_entries(head):
        stream.write(_line({name: fields}))
    attempts = 0
    for page in pages:
        stream.write(b"".join([_line(fields) for fields in page]))
        attempts += len(page)
    stream.write(_line({"end": {"attempts": attempts}}))
    return attempts


def _line(fields: dict[str, Any]) -> bytes:
    return _encode(fields).encode("ascii") + b"\n"


def read(stream: IO[bytes]) -> Iterator[EntryOrFault]:
    """Give what each line says."""
    from jiter import from_json  # as in `core`: what is parsed is parsed by it

    longest = [MOST_LINE_BYTES]
    for number, line in enumerate(lines(stream, longest), start=1):
        place = f"line {number}"
        if line is None:
            yield FileFault(place, f"expected at most {longest[0]:,} bytes")
            continue
        if not line.strip():
            continue
        try:
            value = from_json(line, catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError as error:
            yield FileFault(place, f"expected a JSON object: {clip(str(error))}")
            continue
        entry = _entry(place, value)
        if isinstance(entry, Entry) and entry.name == NAMES[0] and entry.fields.get(TEXTS) is True:
            longest[0] = MOST_BYTES_WITH_TEXTS
        yield entry


def _entry(place: str, value: Any) -> EntryOrFault:
    if not isinstance(value, dict):
        return FileFault(place, f"expected a JSON object, got {clip(repr(value))}")
    if len(value) == 1:
        ((name, fields),) = value.items()
        if name in _NAMES and isinstance(fields, dict):
            return Entry(place, name, fields)
    return Entry(place, ATTEMPT, value)


def lines(stream: IO[bytes], longest: Sequence[int]) -> Iterator[bytes | None]:
    """Give the lines of a stream, None for one that is too long.

    Args:
        stream: From its beginning.
        longest: How long a line may be; is asked for each.
    """
    while line := stream.readline(longest[0]):
        if len(line) < longest[0] or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield None
