# SPDX-License-Identifier: Apache-2.0
"""Which store a URL means, and where the store of a user lies."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.text import did_you_mean

if TYPE_CHECKING:
    from schema_guard.records.backend import Backend

SCHEMES = ("sqlite",)

_EXPECTED = "expected the path of a file, 'sqlite:///FILE' (four slashes before an absolute path), or 'sqlite://' in memory"
# A word of one letter before a colon is a drive of Windows.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_PARAMETERS = re.compile(r"\w+=[^&=]*(&\w+=[^&=]*)*")
_USER = re.compile(r"(?<=://).*@")
_SECRET = re.compile(r"((?:password|passwd|pwd|token|key|secret)=)[^&]*", re.IGNORECASE)


def parted(url: str) -> tuple[str, str | None]:
    """Give a URL or path without what it says of durability, and that.

    Raises:
        InvalidArgument: It has another parameter.

    >>> parted("sqlite:///records.db?durability=sync")
    ('sqlite:///records.db', 'sync')
    """
    plain, mark, query = url.partition("?")
    scheme = _SCHEME.match(url)
    is_known = scheme is None or scheme[1] in SCHEMES
    if not mark or not is_known or not _PARAMETERS.fullmatch(query):
        return url, None
    found = dict(parameter.split("=", 1) for parameter in query.split("&"))
    durability = found.pop("durability", None)
    if found:
        named = next(iter(found))
        near = did_you_mean(named, ("durability",))
        raise InvalidArgument(
            f"store {masked(url)!r}: unknown parameter {named!r}{near}; expected 'durability=queue' or 'durability=sync'"
        )
    return plain, durability


def connect(url: str) -> Backend:
    """Give the database that a URL or a plain path names, not yet opened; `InvalidArgument` if it names none.

    A relative path is taken from the current folder, and `~` is the home folder.
    """
    named = _SCHEME.match(url)
    if named is None and "://" not in url and url.strip():
        return _sqlite(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        scheme = named[1] if named else scheme
        near = did_you_mean(scheme, SCHEMES)
        raise InvalidArgument(f"store {masked(url)!r}: unknown scheme {scheme!r}{near}; {_EXPECTED}")
    if rest and not rest.startswith("/"):
        raise InvalidArgument(f"store {url!r}: {_EXPECTED}")
    return _sqlite(rest[1:])


def masked(url: str) -> str:
    """Give a URL without the user, the password and other secrets in it.

    >>> masked("postgresql://me:secret@db/records?password=x&a=1")
    'postgresql://***@db/records?password=***&a=1'
    """
    if url.startswith("sqlite:"):
        return url
    return _SECRET.sub(r"\1***", _USER.sub("***@", url))


def default_url() -> str | None:
    """Give $SCHEMA_GUARD_STORE, else a file in the user's data folder; None for no store.

    Under pytest there is no store unless the variable names one.
    """
    named = os.environ.get("SCHEMA_GUARD_STORE")
    if named:
        return None if named == "none" else named
    if "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ:
        return None
    return f"sqlite:///{data_folder() / 'records.db'}"


def data_folder() -> Path:
    """Give the folder in which this user's programs keep data on this system."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises when there is none
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "schema-guard"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "schema-guard"
    named = os.environ.get("XDG_DATA_HOME", "")
    # XDG Base Directory Specification: a relative path is to be ignored.
    folder = Path(named) if Path(named).is_absolute() else home / ".local" / "share"
    return folder / "schema-guard"


def _sqlite(path: str) -> Backend:
    from schema_guard.records.sqlite.database import SQLite  # sqlite3 only when a store is used

    if path in ("", ":memory:"):
        return SQLite(None)
    expanded = os.path.expanduser(path)  # noqa: PTH111 - as above
    return SQLite(Path(expanded) if expanded.startswith("~") else Path(expanded).absolute())
