# SPDX-License-Identifier: Apache-2.0
"""Read the lines of a file from an unknown author. No long line is ever in memory, and no file is endless.

A compressed file of one megabyte can hold a line of a gigabyte, and a sparse file costs nothing to make.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, AnyStr

from schema_guard.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024 * 1024 * 1024
"""Limit of a whole file after decompression, in bytes."""
_SKIPPED_AT_ONCE = 64 * 1024


class FileTooLarge(InvalidArgument):
    """A file is larger than `MAX_FILE_BYTES`."""


def mebibytes(size: int) -> str:
    """Write a limit in MiB.

    >>> mebibytes(16 * 1024 * 1024)
    '16 MiB'
    """
    return f"{size // (1024 * 1024):,} MiB"


def bounded_lines(
    stream: IO[AnyStr], most: int = MAX_LINE_BYTES, *, ends: tuple[Any, ...] = (b"\n",)
) -> Iterator[AnyStr | None]:
    """Yield the lines of a stream with their ends. None for a line that is longer than *most*.

    Args:
        stream: Stream of bytes or text. Characters of a text count as one byte each.
        most: The limit of a line.
        ends: The ends of a line.

    Raises:
        FileTooLarge: More than `MAX_FILE_BYTES` were read.
    """
    total = 0
    while line := stream.readline(most + 1):
        total += len(line)
        is_long = len(line) > most
        while is_long and line and not line.endswith(ends):
            line = stream.readline(_SKIPPED_AT_ONCE)
            total += len(line)
            _check(total)
        _check(total)
        yield None if is_long else line


def _check(total: int) -> None:
    if total > MAX_FILE_BYTES:
        raise FileTooLarge(
            f"the file is larger than {mebibytes(MAX_FILE_BYTES)}. Split it into smaller files"
        )
