# SPDX-License-Identifier: Apache-2.0
"""The forms of exported files: which there are, and how the form of a file that is read is known."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal, TypeAlias, get_args

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.transfer.entries import EntryOrFault, Fields, Head

Form: TypeAlias = Literal["jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)

_SQLITE, _PARQUET, _GZIP, _ZSTD = b"SQLite format 3\x00", b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"


def write(form: Form, head: Head, pages: Iterable[list[Fields]], stream: IO[bytes]) -> int:
    """Write what a store has in a form; gives the number of attempts.

    Args:
        form: Which one.
        head: What stands before the attempts.
        pages: The attempts.
        stream: Where to.

    Raises:
        MissingExtra: Parquet was asked for and pyarrow is not installed.
    """
    if form == "jsonl":
        from schema_guard.ext.transfer import as_jsonl  # each only when it is asked for

        return as_jsonl.write(head, pages, stream)
    if form == "csv":
        from schema_guard.ext.transfer import as_csv

        return as_csv.write(head, pages, stream)
    from schema_guard.ext.transfer import as_parquet

    return as_parquet.write(head, pages, stream)


def read(source: str, stream: IO[bytes]) -> Iterator[EntryOrFault]:
    """Give what a file says, from its beginning, whichever form it has.

    Args:
        source: Its name, for messages.
        stream: Can be set back to its beginning.

    Raises:
        InvalidArgument: It is of no form that is known.
        MissingExtra: It is Parquet and pyarrow is not installed.
    """
    stream.seek(0)
    head = stream.read(16)
    stream.seek(0)
    start = head.removeprefix(_BOM).lstrip()
    if head.startswith(_PARQUET):
        from schema_guard.ext.transfer import as_parquet

        return as_parquet.read(source, stream)
    if start.startswith(b"{"):
        from schema_guard.ext.transfer import as_jsonl

        return as_jsonl.read(stream)
    if start.startswith((b"record", b'"record')):
        from schema_guard.ext.transfer import as_csv

        return as_csv.read(source, stream)
    raise InvalidArgument(f"{source}: {_why_not(head)}")


def _why_not(head: bytes) -> str:
    if head.startswith(_SQLITE):
        return "is a SQLite database without the records of a store"
    if head.startswith((_GZIP, _ZSTD)):
        return "is compressed: unpack it first, as `gunzip --stdout FILE | schema-guard store import -`"
    if not head:
        return "is empty: expected what `schema-guard store export` has written"
    return f"expected what `schema-guard store export` has written, got a file that begins with {clip(repr(head))}"
