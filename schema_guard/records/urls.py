# SPDX-License-Identifier: Apache-2.0
"""Stores by URL: the store that a URL means, and the place of a user's default store."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from schema_guard.arguments import require_bool
from schema_guard.configuration.project import place_of, setting
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.payloads.storage import TextStorage, policy_of
from schema_guard.records.store import Store
from schema_guard.records.writing.offers import durability_of
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.records.backend import Backend
    from schema_guard.records.payloads.storage import PayloadPolicy
    from schema_guard.records.writing.offers import Durability
    from schema_guard.records.writing.writer import Writer

SCHEMES = ("sqlite", "postgresql", "postgres")
_ALIASES = {"postgres": "postgresql"}

_EXPECTED = (
    "expected the path of a file, 'sqlite:///FILE' (four slashes before an absolute path), 'sqlite://' in memory, "
    "or 'postgresql://USER@HOST/DATABASE'"
)
# One letter before a colon is a drive of Windows, not a scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_PARAMETERS = re.compile(r"\w+=[^&=]*(&\w+=[^&=]*)*")
_USER = re.compile(r"(?<=://).*@")
_shared: dict[str, Store] = {}
# Reentrant because the garbage collector can end a guarded call anywhere, and the call then asks for its store.
_shared_lock = fork_safe_lock()
# The payload policy that was set for each open store. None if none was set.
_stated: WeakKeyDictionary[Store, PayloadPolicy | None] = WeakKeyDictionary()
# The environment variables that determine the default store if $SCHEMA_GUARD_STORE does not.
_VARIABLES = (
    "PYTEST_VERSION",
    "PYTEST_CURRENT_TEST",
    *(("LOCALAPPDATA",) if sys.platform == "win32" else ("HOME", "XDG_DATA_HOME")),
)
# Stores by their `store=` argument or variables. Each call needs its store, and resolving the name is ten times slower.
_stores: dict[tuple[str | None, ...], Store] = {}
_SECRET = re.compile(r"((?:password|passwd|pwd|token|key|secret)=)[^&]*", re.IGNORECASE)


PARAMETERS = {
    "durability": "queue|sync",
    "payload": "off|hash|redacted|full",
    "max_age": "90d",
    "max_rows": "1000000",
    "max_bytes": "2GB",
}
"""Parameters of a store's URL -> their possible values."""


def parted(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL or path without the parameters of this library, and these parameters.

    Raises:
        InvalidArgument: It has another parameter.

    >>> parted("sqlite:///records.db?durability=sync")
    ('sqlite:///records.db', {'durability': 'sync'})
    """
    plain, mark, query = url.partition("?")
    scheme = _SCHEME.match(url)
    is_known = scheme is None or scheme[1] in SCHEMES
    if not mark or not is_known or not _PARAMETERS.fullmatch(query):
        return url, {}
    parameters = dict(parameter.split("=", 1) for parameter in query.split("&"))
    others = [name for name in parameters if name not in PARAMETERS]
    if scheme is not None and scheme[1] != "sqlite":  # the other parameters are for the server
        rest = "&".join(f"{name}={parameters.pop(name)}" for name in others)
        return f"{plain}?{rest}" if rest else plain, parameters
    for named in others:
        near = did_you_mean(named, PARAMETERS)
        expected = " ".join(f"{name}={values}" for name, values in PARAMETERS.items())
        raise InvalidArgument(
            f"store {masked(url)!r}: unknown parameter {named!r}. Expected {expected}{near}"
        )
    return plain, parameters


def connect(url: str) -> Backend:
    """Return the database that a URL or a plain path names, not yet opened. Raise `InvalidArgument` if it names none.

    A database in PostgreSQL needs the extra `postgres`. Without it, raise `MissingExtra`.
    A relative path starts in the current folder, and `~` is the home folder.
    """
    named = _SCHEME.match(url)
    if named is None and "://" not in url and url.strip():
        return _sqlite(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        scheme = named[1] if named else scheme
        near = did_you_mean(scheme, SCHEMES)
        if scheme in SCHEMES:  # the slashes after it are missing
            rest = url.removeprefix(f"{scheme}:")
            meant = f"sqlite:///{rest}" if scheme == "sqlite" else f"{scheme}://{rest.lstrip('/')}"
            raise InvalidArgument(
                f"store {masked(url)!r}: the slashes after the scheme are missing. Did you mean {masked(meant)!r}?"
            )
        raise InvalidArgument(f"store {masked(url)!r}: unknown scheme {scheme!r}: {_EXPECTED}{near}")
    if scheme != "sqlite":
        from schema_guard.extensions import load

        database: Backend = load(f"store:{_ALIASES.get(scheme, scheme)}")(url)
        return database
    if rest and not rest.startswith("/"):
        raise InvalidArgument(f"store {url!r}: a slash is missing. Did you mean {f'sqlite:///{rest}'!r}?")
    return _sqlite(rest[1:])


def open_store(
    url: str,
    *,
    durability: Durability | None = None,
    strict_store: bool = False,
    payload: PayloadPolicy | None = None,
    redact: Callable[[str], str] | None = None,
    retention: Retention | None = None,
) -> Store:
    """Open a store, and create it if it doesn't exist.

    All open stores of a file share one writer, even if they use different names of the file or links to it. Each store
    has its own durability. `Store.counts` counts the attempts of all stores of the file.

    Example:
        >>> store = open_store("sqlite://", durability="sync")
        >>> len(list(store.attempts()))
        0

    Args:
        url: A path or a URL: `records.db`, `sqlite:///records.db`, `sqlite:////var/lib/records.db`, or `sqlite://`
            for a store in memory.
        durability: With "queue", schema_guard writes the rows in the background, and writes the remaining rows at the
            end of the process. With "sync", a process loses no rows of finished calls, even if the system kills it. If
            another process locks the database, a call waits for at most 0.25 s. After 0.25 s, the rows stay pending,
            and schema_guard logs one warning. Until a write succeeds, later calls don't wait. You can also set the
            durability in the URL: `records.db?durability=sync`. Default: the setting of the URL, or "queue".
        strict_store: Whether a call raises StoreError if schema_guard can't store its rows. This setting requires the
            durability "sync".
        payload: The policy for storing the texts of prompts and replies. With "off", schema_guard stores no texts. With
            "hash", it stores keyed hashes of the texts. With "second_opinion", it stores the texts of the calls that a
            second model checks for `Content`. With "redacted", it removes credentials and personal data from the texts.
            With "full", it stores the texts unchanged. You can also set the policy in the URL:
            `records.db?payload=hash`. If a process sets several policies for a file, the strictest one applies.
            Default: the setting of the URL, or "off".
        redact: Function that removes more parts of the texts if the policy is "redacted". The function takes each text
            after the built-in redaction, and returns the text to store. If the function raises an exception,
            schema_guard doesn't store the text. `Store.counts` counts the omitted texts, and schema_guard logs a
            warning for the first one.
        retention: Limits on stored rows and texts. schema_guard never deletes counts. You can also set limits in the
            URL: `records.db?max_age=90d&max_rows=1000000&max_bytes=2GB`. If you set a limit both here and in the URL,
            the stricter value applies.

    Raises:
        InvalidArgument: The URL names an unknown type of store.
        StoreError: schema_guard can't open the store for writing.
    """
    if not isinstance(url, str):
        raise InvalidArgument(
            f"store={clip(type(url).__name__)}: {_EXPECTED}. Pass the complete URL as a str"
        )
    require_bool("strict_store", strict_store)
    if retention is not None and not isinstance(retention, Retention):
        raise InvalidArgument(f"retention={clip(repr(retention))}: expected a Retention or None")
    plain, named = parted(url)
    backend = connect(plain)
    stated = payload or named.get("payload")
    waits = durability_of(_resolve(url, "durability", durability, named, "queue"))
    keeper = TextStorage(policy_of(_resolve(url, "payload", payload, named, "off")), redact)
    kept = Retention.from_parameters(named).stricter(retention or Retention())
    backend.session().close()
    with _shared_lock:
        alike = _stores_of(backend.url)
        store = Store(
            backend,
            durability=waits,
            strict_store=strict_store,
            keeper=keeper,
            retention=kept,
            writer=_writer_of(alike),
        )
        _agree(store, None if stated is None else policy_of(stated), alike)
    return store


def _stores_of(url: str) -> list[Store]:
    """Return the open stores of a file or server, under any of its names."""
    return [store for store in list(_stated) if not store.is_closed and is_same_place(store.url, url)]


def _writer_of(alike: Sequence[Store]) -> Writer | None:
    """Return the writer of a file that this process has open. None if there is none."""
    return next((one.writer for one in alike if one.url.startswith("sqlite:///")), None)


def _agree(store: Store, stated: PayloadPolicy | None, alike: Sequence[Store]) -> None:
    """Apply the strictest payload policy of a file's stores to all of them, under any of its names."""
    _stated[store] = stated
    policies = [policy for other in (*alike, store) if (policy := _stated[other]) is not None]
    for other in (*alike, store):
        for policy in policies:
            other.tighten(durability="queue", payload=policy, retention=Retention())
        for each in (*alike, store):
            other.redact_like(each)


def is_same_place(one: str, other: str) -> bool:
    """Return whether two URLs name the same store."""
    if one == other:
        return one != "sqlite://"
    if not (one.startswith("sqlite:///") and other.startswith("sqlite:///")):
        return False
    paths = [url.removeprefix("sqlite:///") for url in (one, other)]
    try:
        return os.path.samefile(*paths)  # noqa: PTH121 - texts
    except OSError:  # not made yet
        return os.path.realpath(paths[0]) == os.path.realpath(paths[1])


def _resolve(url: str, name: str, argument: str | None, named: Mapping[str, str], usual: str) -> str:
    """Return the value of an argument or of the URL, or the usual one. Raise `InvalidArgument` if they differ."""
    url_value = named.get(name)
    if argument is not None and url_value is not None and argument != url_value:
        raise InvalidArgument(
            f"{name}={argument!r}: the URL {masked(url)!r} sets {url_value!r}. Set {name} in only one place"
        )
    return (url_value or usual) if argument is None else argument


def resolve_store(spec: str | Store | None) -> Store | None:
    """Return the store for the value of a `store=` argument.

    schema_guard opens the store of a URL when it records the first call. In one process, all URLs and links that refer
    to one file share one store, so that the file has only one writer. If one of the URLs sets `?durability=sync`, this
    durability applies to all of them. If several URLs set `?payload=` or `?max_age=`, the strictest value applies. For
    `"none"` and None, the function returns None. Until the first record, a new store is empty.

    Raises:
        InvalidArgument: The argument isn't a store, or its URL names an unknown type of store.
    """
    if spec is None or isinstance(spec, Store):
        return spec
    if not isinstance(spec, str):
        raise InvalidArgument(f"store={type(spec).__name__}: expected a URL, a Store, or None")
    if spec == "none":
        return None
    plain, named = parted(spec)
    backend = connect(plain)
    durability, payload = (
        durability_of(named.get("durability", "queue")),
        policy_of(named.get("payload", "off")),
    )
    retention = Retention.from_parameters(named)
    with _shared_lock:
        named_alike = (other for url, other in list(_shared.items()) if is_same_place(url, backend.url))
        store = next((other for other in named_alike if not other.is_closed), None)
        alike = [] if store in _stated and "payload" not in named else _stores_of(backend.url)
        if store is None:
            new_store = Store(
                backend,
                durability=durability,
                keeper=TextStorage(payload),
                retention=retention,
                writer=_writer_of(alike),
            )
            # The end of another call during this may have created one.
            known = _shared.get(backend.url)
            if known is None or known.is_closed:
                _shared[backend.url] = new_store
            store = _shared[backend.url]
        store.tighten(durability=durability, payload=payload, retention=retention)
        if "payload" in named or store not in _stated:
            _agree(store, payload if "payload" in named else None, [one for one in alike if one is not store])
        return store


def recording_store(spec: str | Store | None = None, *, default: bool = False) -> Store | None:
    """Return the store of a call, as `resolve_store` or `default_store` returns it, but never raise for its name.

    A wrong name never fails the call. The store then loses each record, counts it as `store_unavailable`, and logs
    one warning.

    Args:
        spec: The `store=` argument.
        default: Whether there was no `store=` argument.
    """
    if isinstance(spec, Store):
        return spec
    words: tuple[str | None, ...] = (os.environ.get("SCHEMA_GUARD_STORE") if default else spec,)
    if not words[0]:
        words = tuple(map(os.environ.get, _VARIABLES))
    known = _stores.get(words)
    if known is not None and not known.is_closed:
        return known
    named = spec
    try:
        named = default_url() if default else spec
        store = resolve_store(named)
    except (InvalidArgument, MissingExtra, OSError) as error:
        if is_interruption(error):
            raise
        return _unusable(named, str(error))
    if store is not None and named is not None and _is_fixed(named):
        _stores[words] = store
    return store


def _unusable(spec: str | None, why: str) -> Store:
    """Return the store that loses each record because its name is wrong."""
    from schema_guard.records.backend import UnusableBackend

    named = masked(str(spec))
    with _shared_lock:
        key = f"unusable {named}"
        if key not in _shared:
            _shared.setdefault(key, Store(UnusableBackend(named, why)))
        return _shared[key]


def _is_fixed(spec: str) -> bool:
    """Return whether a path or URL names the same place from every working folder and for every user."""
    path = spec.partition("?")[0].removeprefix("sqlite:///")
    return path == "sqlite://" or spec.startswith("postgres") or os.path.isabs(path)  # noqa: PTH117 - 1 us, not 8


def default_store() -> Store | None:
    """Return the default store for functions without a store argument, or None.

    To set the default store, use the environment variable $SCHEMA_GUARD_STORE, or the key `store` in the table
    `[tool.schema_guard]` of your `pyproject.toml`. The value is a path, a URL, or `none`. Default: `records.db` in your
    data folder, or `none` under pytest. schema_guard opens the store when it records the first call.

    Raises:
        InvalidArgument: The value names an unknown type of store, or a setting in `pyproject.toml` is
            invalid.
    """
    url = default_url()
    try:
        return resolve_store(url)
    except InvalidArgument as error:
        if url is not None and setting("store", alone=True).is_of_project:
            raise InvalidArgument(f"{place_of('store')}: {error}") from error
        raise


def masked(url: str) -> str:
    """Return a URL without the user, the password and other secrets in it.

    >>> masked("postgresql://me:secret@db/records?password=x&a=1")
    'postgresql://***@db/records?password=***&a=1'
    """
    if url.startswith("sqlite:"):
        return url
    return _SECRET.sub(r"\1***", _USER.sub("***@", url))


def default_url() -> str | None:
    """Return the URL of the default store. None for no store.

    $SCHEMA_GUARD_STORE comes first, then the store of the project, then a file in the user's data folder. Under pytest
    there is no store unless the variable names one.
    """
    is_tested = "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
    if is_tested and not os.environ.get("SCHEMA_GUARD_STORE"):
        return None
    named: str | None = setting("store", alone=True).value
    if named:
        return None if named == "none" else named
    return f"sqlite:///{data_folder() / 'records.db'}"


def store_options(store: Store) -> dict[str, str]:
    """Return the option that names a store on a command line. Empty for the file in the user's data folder."""
    return {"store": store.url} if _is_to_be_named(store.url) else {}


def command_on(url: str | None, *words: str) -> str:
    """Return a command on a store, quoted for a shell.

    Args:
        url: URL of the store. None for the default store.
        words: The words after the name of the program.

    Example:
        >>> command_on("sqlite:////tmp/my records.db", "report")
        "schema-guard report --store 'sqlite:////tmp/my records.db'"
    """
    named = [] if url is None or not _is_to_be_named(url) else ["--store", url]
    return join(["schema-guard", *words, *named])


def _is_to_be_named(url: str) -> bool:
    """Return whether a command needs the store's URL. It doesn't for the default file and a database in memory."""
    return url not in ("sqlite://", f"sqlite:///{data_folder() / 'records.db'}")


def storing_line(store: Store) -> str:
    """Return the line that makes a guard store texts."""
    return f"guard(..., store={store.url + '?payload=redacted'!r})"


def data_folder() -> Path:
    """Return the folder in which this user's programs keep data on this system."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises when there is none
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "schema-guard"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "schema-guard"
    named = os.environ.get("XDG_DATA_HOME", "")
    # XDG Base Directory Specification: relative paths are ignored.
    folder = Path(named) if Path(named).is_absolute() else home / ".local" / "share"
    return folder / "schema-guard"


def _sqlite(path: str) -> Backend:
    from schema_guard.records.sqlite.database import SQLite  # sqlite3 only when a store is used

    if path in ("", ":memory:"):
        return SQLite(None)
    expanded = os.path.expanduser(path)  # noqa: PTH111 - as above
    return SQLite(Path(expanded) if expanded.startswith("~") else Path(expanded).absolute())
