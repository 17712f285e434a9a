"""Stores: where the records of calls go, and what can be asked of them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self

from schema_guard.errors import InvalidArgument, did_you_mean
from schema_guard.records import summary, urls
from schema_guard.records.writer import Counts, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from schema_guard.core.values import Outcome, Prompt
    from schema_guard.records.backend import Backend, StoreInfo
    from schema_guard.records.summary import Summary, Where

Durability = Literal["queue", "sync"]
_DURABILITIES = ("queue", "sync")


class Store:
    """Records of calls, one row an attempt; safe to use from any thread, and after a fork.

    Made by `open_store`. Recording never raises for a fault of the database: what cannot be stored is
    dropped and counted. Reading raises `StoreError`.
    """

    def __init__(self, backend: Backend, *, durability: Durability = "queue") -> None:
        if durability not in _DURABILITIES:
            near = did_you_mean(durability, _DURABILITIES)
            raise InvalidArgument(f"durability={durability!r}: expected 'queue' or 'sync'{near}")
        self._backend = backend
        self._writer = Writer(backend, sync=durability == "sync")
        self._closed = False

    @property
    def url(self) -> str:
        """The URL of this store, without its password."""
        return self._backend.url

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Store an outcome: soon with durability "queue", before this returns with "sync".

        Args:
            outcome: All attempts of one call; texts in it are stored as sizes and hashes only.
            task: What the user's function was asked, for the hash by which equal inputs are known.
        """
        self._writer.offer(outcome, task)

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until what was recorded before is stored or dropped; gives the attempts still pending."""
        return self._writer.flush(timeout_s)

    def counts(self) -> Counts:
        """Give what became of the attempts that this process has recorded here."""
        return self._writer.counts()

    def attempts(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
        call_ids: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Give the stored attempts of all processes, in the order in which they were stored.

        The attempts of one call stand together. A row has the columns `rows.COLUMNS`; `repairs` is a
        list of names, `violations` a list of [location, keyword].

        Args:
            since: Only calls started then or later; seconds since the epoch, UTC.
            until: Only calls started before then.
            schema: Only this name or fingerprint.
            function: Only this guarded function.
            call_ids: Only these calls.
        """
        self.flush()
        where = summary.Where(since, until, schema, function, call_ids)
        return self._pages(where)

    def summary(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
    ) -> list[Summary]:
        """Count the stored calls by schema, model and strategy; the arguments are those of `attempts`."""
        self.flush()
        with self._backend.reading() as select:
            return summary.summarize(select, summary.Where(since, until, schema, function))

    def drops(self, *, since: float | None = None) -> dict[str, int]:
        """Give the attempts that any process had to drop, by reason, as far as that could be stored."""
        self.flush()
        with self._backend.reading() as select:
            return summary.drop_counts(select, since=since)

    def info(self) -> StoreInfo:
        """Say what this store is and how large."""
        self.flush()
        return self._backend.info()

    def close(self, timeout_s: float = 2.0) -> int:
        """Flush and close; gives the attempts still pending. What is recorded later is dropped."""
        self._closed = True
        left = self._writer.close(timeout_s)
        self._backend.close()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self.url}>"

    def _pages(self, where: Where) -> Iterator[dict[str, Any]]:
        """Read a page at a time: an open read would keep the log from being checkpointed."""
        with self._backend.reading() as select:
            last = summary.last_id(select)
        after, found = 0, True
        while found:
            with self._backend.reading() as select:
                attempts = list(summary.page(select, where, after=after, last=last))
            found = bool(attempts)
            for after, row in attempts:  # noqa: B007 - the next page begins there
                yield row


def open_store(url: str, *, durability: Durability = "queue") -> Store:
    """Open a store, and make it when it does not exist.

    Args:
        url: `sqlite:///records.db`, `sqlite:////var/lib/records.db`, or `sqlite://` in memory.
        durability: "queue" writes in the background and at the end of the process. With "sync" the
            rows survive a kill of the process once `record` has returned; it waits while another
            process holds the database, 5 s at most for each of its two locks.

    Raises:
        InvalidArgument: The URL names no known kind of store.
        StoreError: The store cannot be opened for writing.
    """
    backend = urls.connect(url)
    store = Store(backend, durability=durability)
    backend.session().close()
    return store


def resolve_store(spec: str | Store | None) -> Store | None:
    """Give the store that a `store=` argument means; a URL is opened at its first record, not here.

    One URL gives one store in a process, so that it has one writer. `"none"` and None give None.
    A store that was never written reads as empty.

    Raises:
        InvalidArgument: It is no store, or its URL names no known kind of store.
    """
    if spec is None or isinstance(spec, Store):
        return spec
    if not isinstance(spec, str):
        raise InvalidArgument(f"store={type(spec).__name__}: expected a URL, a Store, or None")
    if spec == "none":
        return None
    backend = urls.connect(spec)
    with _shared_lock:
        store = _shared.get(backend.url)
        if store is None or store.is_closed:
            store = _shared[backend.url] = Store(backend)
        return store


def default_store() -> Store | None:
    """Give the store that is used when nobody names one; None for no store.

    That is $SCHEMA_GUARD_STORE (a URL, or `none`), else `records.db` in the user's data folder; under
    pytest None unless the variable is set. Opens nothing before the first record.

    Raises:
        InvalidArgument: The variable names no known kind of store.
    """
    return resolve_store(urls.default_url())


_shared: dict[str, Store] = {}
_shared_lock = Lock()
