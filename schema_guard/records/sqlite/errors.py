# SPDX-License-Identifier: Apache-2.0
"""Errors of SQLite and of the file system, as refusals with advice."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schema_guard.interruptions import is_interruption
from schema_guard.records.sqlite.connections import HurriedError
from schema_guard.records.sqlite.file import cannot_write
from schema_guard.records.values import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ADVICE", "translated"]

_REASONS = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_INTERRUPT: "hurried",
}
_LOCKED = "was locked by another process for too long. End that process's transaction"
ADVICE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "is full. Free some space on its disk",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database. Move it away, or name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged. Keep a copy of it, and name another file",
    sqlite3.SQLITE_READONLY: "is read-only. Make it and its folder writable, or name another file",
    sqlite3.SQLITE_INTERRUPT: "can't be written while the process forks",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Make it and its folder writable, or name another file",
}


@contextmanager
def translated(path: Path, *, otherwise: str) -> Iterator[None]:
    """Turn what SQLite and the operating system raise into `WriteRefused`.

    Args:
        path: Of the database, for the message.
        otherwise: The reason when it is neither a lock nor a full disk.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Extended codes keep the plain one in their low byte. Misuse has no code: no advice, its own words.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        advice = ADVICE.get(code, f"gave an error: {error}")
        raise WriteRefused(f"{path} {advice}", reason=_REASONS.get(code, otherwise)) from error
    except UnicodeDecodeError as error:  # names in what SQLite says of a table that it cannot read
        raise WriteRefused(f"{path} {ADVICE[sqlite3.SQLITE_CORRUPT]}", reason=otherwise) from error
    except HurriedError as error:
        raise WriteRefused(f"schema_guard can't write to {path} during a fork", reason="hurried") from error
    except OSError as error:
        if is_interruption(error):
            raise
        if isinstance(error, TimeoutError):
            raise WriteRefused(f"{path} {_LOCKED}", reason="locked") from error
        raise cannot_write(path, error, otherwise) from error
