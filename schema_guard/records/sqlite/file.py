# SPDX-License-Identifier: Apache-2.0
"""The file of a SQLite store in the operating system: its creation, its identity, and its type of mount.

Rules:
1. Only SQLite opens a file on which this process may hold locks. They are POSIX locks, and closing any descriptor of
   the file releases all of them.
2. This module uses only `os.stat` and the kernel's list of mounts.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.interruptions import is_interruption
from schema_guard.records.sqlite.connections import HurriedError
from schema_guard.records.values import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIX = "Make it and its folder writable, or name another file"

# File systems that can report another number for the same file later, because they generate the numbers in memory.
_UNSTABLE = re.compile(r"(fuse(\..*)?|fuseblk|vfat|msdos|exfat|9p|cifs|smb3|smbfs|davfs|vboxsf|hgfs|prl_fs)")
# On these, another machine does not see the locks of a machine, or not at once.
_NETWORK = re.compile(
    r"(nfs4?|cifs|smb3|smbfs|afs|ceph|fuse\.(sshfs|ceph|glusterfs|s3fs|gcsfuse|rclone)|lustre|9p|davfs)"
)
_logger = logging.getLogger("schema_guard")
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # spaces, tabs, line breaks and backslashes in the kernel's list


def make_file(path: Path) -> None:
    """Create a file (mode 0600) and its folder (0700) if they are missing. Raise `WriteRefused` if that fails."""
    if str(path).startswith("~"):
        raise WriteRefused(
            f"{path} needs a home folder, but this user has none. Name a file with store= or --store"
        )
    refuse_folder(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_empty(path)
    except OSError as error:
        if is_interruption(error):
            raise
        raise cannot_write(path, error, "store_unavailable") from error


def refuse_folder(path: Path) -> None:
    """Raise `WriteRefused` for a path that is a folder."""
    if path.is_dir():
        raise WriteRefused(f"{path} is a folder. Name a file, such as {path / 'records.db'}")


def _make_empty(path: Path) -> None:
    """Create an empty file for its owner only, under a temporary name that is then replaced."""
    made = Path(f"{path}.{os.getpid()}.{threading.get_ident()}.part")
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            made.rename(path)
    finally:
        made.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError, reason: str) -> WriteRefused:
    """Return an error with the system's message and a fix."""
    return WriteRefused(f"{path} cannot be written ({error.strerror}). {FIX}", reason=reason)


def why_not_writable(path: Path) -> str | None:
    """Return the reason why a file can't be written or created. None if it can. Changes nothing."""
    if path.exists():
        if not path.is_dir() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            return None
        return f"{path} is read-only. {FIX}"
    folder = next((above for above in path.parents if above.exists()), path.parent)
    return None if folder.is_dir() and os.access(folder, os.W_OK) else f"{path} cannot be made. {FIX}"


def has_content(path: Path) -> bool:
    """Return whether a file exists and is not empty."""
    return path.exists() and path.stat().st_size > 0


def has_log(path: Path) -> bool:
    """Return whether a database has a log that may have content that is not in the file yet."""
    return has_content(Path(f"{path}-wal"))


def size_bytes(path: Path) -> int:
    """Return the size of a database and its log."""
    parts = [path, Path(f"{path}-wal")]
    return sum(part.stat().st_size for part in parts if part.exists())


class Place:
    """A file and its name. Detects whether the name belongs to another file, if the mount allows that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = identity(path)
        self._is_watched = True

    def has_its_name(self) -> bool:
        """Return whether the file still has its name."""
        if not self._is_watched or (file := identity(self._path)) == self._file:
            return True
        # A mount that generates its numbers may report another one each time. That is not a rename.
        self._is_watched = file == identity(self._path) and _is_stable(self._path)
        return not self._is_watched


def identity(path: Path) -> tuple[int, int] | None:
    """Return the device and number of a file, which identify it if another one gets its name. None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _is_stable(path: Path) -> bool:
    """Return whether a file keeps its number on its mount."""
    return not _UNSTABLE.fullmatch(file_system(path))


def _is_local(path: Path) -> bool:
    """Return whether a file is on this machine, as far as that is known."""
    return not _NETWORK.fullmatch(file_system(path))


def warnings_of(path: Path) -> tuple[str, ...]:
    """Return the warnings about the mount of a file."""
    warnings = []
    kind = file_system(path)
    if not _is_local(path):
        warnings.append(
            f"the file is on a network file system ({kind}), and SQLite's locks between machines may fail there. Use a local disk, or a PostgreSQL server"
        )
    if not _is_stable(path):
        warnings.append(
            f"the file system ({kind}) does not keep the numbers of files, so schema_guard can't detect if another program renames or removes the file"
        )
    return tuple(warnings)


def warn_of_network(path: Path) -> None:
    """Warn once in a process that a file to be written is on a network."""
    if path not in _checked_files:
        _checked_files.add(path)
        if not _is_local(path):
            _logger.warning("%s: %s", path, warnings_of(path)[0])


_checked_files: set[Path] = set()


def file_system(path: Path) -> str:
    """Return the type of the file system of a path, in the words of Linux. `""` if it is unknown."""
    name, longest = "", -1
    try:
        real = os.path.realpath(path)
        for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            named, _, kind = line.partition(" - ")
            point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), named.split(" ")[4])
            # A later mount on the same folder hides an earlier one.
            if len(point) >= longest and (real + "/").startswith(point.rstrip("/") + "/"):
                name, longest = kind.split(" ")[0], len(point)
    except (OSError, ValueError, IndexError) as error:
        if is_interruption(error):
            raise
    return name


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
    """Convert the exceptions of SQLite and the operating system to `WriteRefused`.

    Args:
        path: Path of the database, for the message.
        otherwise: The reason if it is neither a lock nor a full disk.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Extended codes have the basic code in their low byte. Misuse has no code, so only its message is shown.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        advice = ADVICE.get(code, f"gave an error: {error}")
        raise WriteRefused(f"{path} {advice}", reason=_REASONS.get(code, otherwise)) from error
    except UnicodeDecodeError as error:  # a name in SQLite's message about a table that it cannot read
        raise WriteRefused(f"{path} {ADVICE[sqlite3.SQLITE_CORRUPT]}", reason=otherwise) from error
    except HurriedError as error:
        raise WriteRefused(
            f"schema_guard can't write to {path} during a fork, and retries after the fork", reason="hurried"
        ) from error
    except OSError as error:
        if is_interruption(error):
            raise
        if isinstance(error, TimeoutError):
            raise WriteRefused(f"{path} {_LOCKED}", reason="locked") from error
        raise cannot_write(path, error, otherwise) from error
