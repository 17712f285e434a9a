# SPDX-License-Identifier: Apache-2.0
"""Files with records. Only their owner can access them, they are complete or missing, and they are never the store.

SQLite uses POSIX locks. If a process closes any descriptor of a database, it loses all its locks on it. So `os.stat`
recognizes a file that is the store before anything opens it.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, clip_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records.backend import Backend

STANDARD = "-"
"""The name of standard input and output."""

_SIDES = ("", "-wal", "-shm")


@contextmanager
def written(name: str, backend: Backend) -> Iterator[IO[bytes]]:
    """Yield a file to write, which gets its name when it is complete, or standard output for `-`.

    Only the owner can access a new file. An existing file keeps its mode.

    Args:
        name: Name of the file.
        backend: The exported store, which is never overwritten.

    Raises:
        InvalidArgument: The file is the store, or it cannot be written.
    """
    if name == STANDARD:
        with _standard_output() as stream:
            yield stream
        return
    path = Path(name)
    _refuse_store(path, backend)
    try:
        with _replacing(path) as stream:
            yield stream
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InvalidArgument(
            f"writing {clip(name)} failed: {error.strerror or error}. Name another file"
        ) from error


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    stream = getattr(sys.stdout, "buffer", None)
    if stream is not None:
        yield stream
        stream.flush()
        return
    buffer = io.BytesIO()  # a caller in this process can replace standard output by a text stream
    yield buffer
    sys.stdout.write(buffer.getvalue().decode())


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    there = path.stat() if path.exists() else None
    if there is not None and not stat.S_ISREG(there.st_mode):  # a pipe or a device
        with path.open("wb") as stream:
            yield stream
        return
    # If the path is a link, its target is written, and the link stays.
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            if there is not None:
                os.fchmod(stream.fileno(), stat.S_IMODE(there.st_mode))
            os.fsync(stream.fileno())
        beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def opened(name: str, backend: Backend) -> Iterator[IO[bytes]]:
    """Yield a seekable file to read, or standard input for `-`.

    Args:
        name: Name of the file.
        backend: The store of the import, which must not be this file.

    Raises:
        InvalidArgument: The file is the store, or it cannot be read.
    """
    if name == STANDARD:
        with tempfile.TemporaryFile() as copy:  # for its owner only, and without a name
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield copy
        return
    path = Path(name)
    _refuse_store(path, backend)
    try:
        with path.open("rb") as stream:
            if not stream.seekable():
                raise InvalidArgument(
                    f"{clip(name)} is not a regular file. Use `-`, and pass the content on standard input"
                )
            yield stream
    except OSError as error:
        raise InvalidArgument(
            f"reading {clip(name)} failed: {error.strerror or error}. Check the path"
        ) from error


def _refuse_store(path: Path, backend: Backend) -> None:
    store = backend.info().path
    for side in _SIDES if store is not None else ():
        with suppress(OSError):
            if path.samefile(f"{store}{side}"):
                raise InvalidArgument(f"{clip_path(path)} is the store itself. Name another file")
