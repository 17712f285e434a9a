# SPDX-License-Identifier: Apache-2.0
"""Stores: where the records of calls go, and what can be asked of them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

from schema_guard.arguments import require_seconds
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.payloads.storage import TextStorage
from schema_guard.records.values import Counts
from schema_guard.records.writing.offers import Opener, durability_of
from schema_guard.records.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.records.backend import Backend
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.counts.pools import Summary
    from schema_guard.records.declarations import DeclaredStep, DeclaredTarget, StepStatus
    from schema_guard.records.payloads.deletion import Removed
    from schema_guard.records.payloads.retention import Forgotten
    from schema_guard.records.payloads.storage import PayloadPolicy
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.reading import Names
    from schema_guard.records.recorder import UnmadeOutcome
    from schema_guard.records.sql.session import Session
    from schema_guard.records.values import SchemaText, StoreCheck, StoreInfo
    from schema_guard.records.writing.offers import Durability
    from schema_guard.values import Outcome, Prompt

# What reads and what declares is imported by the methods that need it: 6 ms of CPU that a process which
# only records does not pay.


class Store:
    """Records of calls, one row an attempt; safe to use from any thread, and after a fork.

    Made by `open_store`. Recording never raises for a fault of the database: what cannot be stored is
    lost and counted. Reading raises `StoreError`.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        durability: Durability = "queue",
        strict_store: bool = False,
        keeper: TextStorage | None = None,
        retention: Retention | None = None,
        writer: Writer | None = None,
    ) -> None:
        is_sync = durability_of(durability) == "sync"
        self._opener = Opener(keeper or TextStorage(), is_sync=is_sync, is_strict=strict_store)
        self._writer = writer or Writer(backend)
        # Of a store that nobody holds any more: what is pending is stored, and the connection closed.
        finalize(self, self._writer.leave, self._opener).atexit = False
        self._writer.openers.add(self._opener)
        self._backend = self._writer.backend
        schedule = self._writer.schedule
        schedule.retention = schedule.retention.stricter(retention or Retention())

    @property
    def url(self) -> str:
        """The URL of this store, without its password."""
        return self._backend.url

    @property
    def backend(self) -> Backend:
        """The database itself, for what goes through all of it."""
        return self._backend

    @property
    def is_sync(self) -> bool:
        """Whether the durability is "sync"."""
        return self._opener.is_sync

    @property
    def payload(self) -> PayloadPolicy:
        """What is kept of the texts of prompts and replies."""
        return self._opener.keeper.policy

    def tighten(self, *, durability: Durability, payload: PayloadPolicy, retention: Retention) -> None:
        """Let the stricter hold of what this store does and what somebody else asks of it who names the same place."""
        self._opener.is_sync = self._opener.is_sync or durability == "sync"
        self._opener.keeper.tighten(payload)
        self._writer.schedule.retention = self.retention.stricter(retention)

    def redact_like(self, other: Store) -> None:
        """Let texts go through the functions by which another store of the same place redacts its own."""
        self._opener.keeper.tighten("full", other._opener.keeper.redactors)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._opener.is_closed

    @property
    def writer(self) -> Writer:
        """The writer of the file. All stores of the file in this process share it."""
        return self._writer

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Store an outcome: soon with durability "queue", before this returns with "sync".

        Args:
            outcome: All attempts of one call; its texts are stored as sizes and hashes only, unless `payload` says more.
            task: What the user's function was asked, for the hash by which equal inputs are known.
        """
        self._writer.offer(outcome, task, self._opener)

    def record_unmade(self, unmade: UnmadeOutcome) -> None:
        """Store an outcome as `record` does, but make it where rows are made, and not where this is called."""
        self._writer.offer_unmade(unmade, self._opener)

    def settle(self) -> None:
        """Wait, with durability "sync", until what was recorded before is stored, as `record` does outside of event loops.

        Raises:
            StoreError: Only with `strict_store=True`: it is not stored.
        """
        if self.is_sync:
            self._writer.settle(self._opener)

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until what was recorded before is stored or lost, and return the attempts still pending.

        Raises:
            InvalidArgument: *timeout_s* is no number of seconds.
        """
        require_seconds("timeout_s", timeout_s, least=None)
        return self._writer.flush(timeout_s)

    def counts(self) -> Counts:
        """Return what became of the attempts that this process has recorded in the file, by all of its stores."""
        return self._writer.counts(self._opener.keeper.redactor_errors)

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
        from schema_guard.records.attempts import Where, as_dict
        from schema_guard.records.reading import pages

        self.flush()
        where = Where(since, until, schema, function, call_ids)
        return (as_dict(row) for page in pages(self._backend, where) for _, row in page)

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Give what is kept of the prompts and replies of these calls, in the order of storing.

        Attempts of which nothing is kept, as with the policy "off", are not among them.
        """
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.texts(call_ids)

    def kept_texts(self, schema: str, function: str | None = None) -> int:
        """Return the number of calls under a schema, its name or fingerprint, whose prompts are stored as texts."""
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.kept_texts(schema, function)

    def configurations(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
        ids: Sequence[int] | None = None,
    ) -> list[ConfigurationCounts]:
        """Count the stored calls by configuration, function and segment, first stored first.

        Without *since* and *until*, this reads the counts that every write updates. With them, it reads the counts
        of whole hours, and the attempts of an hour that the window cuts. *ids* restricts the counts to the configurations
        with such a `ConfigurationCounts.id`. The other arguments are those of `attempts`.
        """
        from schema_guard.records.attempts import Where

        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.configurations(Where(since, until, schema, function, configuration_ids=ids))

    def names(self) -> set[Names]:
        """Give how all schemas, functions and segments are called that have calls, without what is counted of them."""
        from schema_guard.records import reading

        self.flush()
        return reading.names(self._backend)

    def frequent_inputs(self, configuration_id: int, least: int) -> list[tuple[int, int, int]]:
        """Give the inputs with which a configuration was called *least* times or more.

        Returns:
            For each the key by which it is known (`counts.calls.input_key` of its rows), its calls, and the failed
            ones among them.
        """
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.frequent_inputs(configuration_id, least)

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Compare two configurations on the inputs that each was called with once.

        Args:
            before_id: The `id` that `configurations` gave of the one.
            after_id: Of the other.

        Returns:
            The number of inputs, of those that failed only before, and of those that failed only after.
        """
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.pairs(before_id, after_id)

    def summary(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
    ) -> list[Summary]:
        """Count the stored calls by configuration, over its functions and segments, as `configurations` does."""
        from schema_guard.records.counts.pools import Summary, pooled

        counted = self.configurations(since=since, until=until, schema=schema, function=function)
        return [Summary.of(pool) for pool in pooled(counted)]

    def lost_records(self, *, since: float | None = None) -> dict[str, int]:
        """Return the number of lost records of all processes, by reason, as far as that could be stored."""
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.lost_records(since=since)

    def by_hour(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
    ) -> list[HourCounts]:
        """Count the stored calls by configuration and by the hour in which they began, in the order of time.

        An hour that the times touch is counted whole; calls whose start is unknown are in none. This reads
        counts that are kept with every write.
        """
        from schema_guard.records.attempts import Where

        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.hours(Where(since, until, schema, function))

    @property
    def retention(self) -> Retention:
        """For how long rows are kept."""
        return self._writer.schedule.retention

    def prune(
        self, retention: Retention | None = None, on_step: Callable[[int], None] | None = None
    ) -> Removed:
        """Take out the rows that are not to be kept, and leave nothing of them in the files; counts stay.

        Others can write in between, but not while the file is written anew at the end.

        Args:
            retention: What is kept; None for what the store was opened with.
            on_step: Is told after each step how many attempts have gone.

        Raises:
            StoreError: The store cannot be written.
        """
        from schema_guard.records.payloads.deletion import prune

        with self._session() as session:
            return prune(session, retention or self.retention, on_step)

    def forget(self, what: Forgotten, on_step: Callable[[int], None] | None = None) -> Removed:
        """Take out all rows and texts of a call, an input, a cluster, a segment or a function, whoever wrote them.

        Their counts stay, and no longer say which input or cluster it was; `forget_counts` takes out those of a
        segment or a function. The arguments and errors are those of `prune`.
        """
        from schema_guard.records.payloads.deletion import forget

        with self._session() as session:
            return forget(session, what, on_step)

    def forget_counts(self, what: Forgotten) -> int:
        """Take out all that is counted of a segment or a function, its rows before; gives of how many configurations.

        Raises:
            InvalidArgument: It is neither.
            StoreError: The store cannot be written.
        """
        from schema_guard.records.payloads.deletion import forget_counts

        with self._session() as session:
            return forget_counts(session, what)

    def rows_since(self) -> float | None:
        """Give when the earliest call began that has rows, where rows were taken out; None where none were, or all."""
        with self._backend.reading() as snapshot:
            return snapshot.rows_since()

    def schemas(self, fingerprint: str) -> list[SchemaText]:
        """Return the stored texts of a schema, the latest one first. Texts of one schema differ in annotations only."""
        self.flush()
        with self._backend.reading() as snapshot:
            return snapshot.schemas(fingerprint)

    def declare_step(
        self,
        schema_fingerprint: str,
        step: str,
        status: StepStatus,
        reason: str,
        *,
        function: str | None = None,
    ) -> None:
        """Keep, with its date, that a step of the playbook is not tried for a schema.

        Args:
            schema_fingerprint: Of the schema.
            step: Name of the step; not checked here.
            status: `"not_applicable"`, it cannot be tried, or `"declined"`, it is not wanted.
            reason: Why, not blank; it is stored as it is.
            function: For which guarded function; None for the schema's only one, whichever that is. Once
                several functions have calls with the schema, such a declaration holds for none of them.

        Raises:
            InvalidArgument: A text is blank, or the status is another one.
            StoreError: The store cannot be written.
        """
        from schema_guard.records import declarations

        declared = declarations.declared_step(step, status, reason, time.time(), function)
        fingerprint = declarations.text("schema_fingerprint", schema_fingerprint)
        with self._session() as session:
            session.declare_step(fingerprint, declared)

    def declared_steps(self, schema_fingerprint: str, *, function: str | None = None) -> list[DeclaredStep]:
        """Give what was declared of each step for a schema, the latest of each, the oldest first.

        Args:
            schema_fingerprint: Of the schema.
            function: Gives what holds for this one, which counts what was declared without a function only
                where no other function has calls with the schema. None gives the latest of each step and
                function, those without one included.
        """
        with self._backend.reading() as snapshot:
            declared = snapshot.declared_steps(schema_fingerprint)
            if function is None:
                return declared
            functions = snapshot.functions(schema_fingerprint)
        from schema_guard.records.declarations import holding, latest

        return latest(holding(declared, function, functions))

    def set_target(self, schema_fingerprint: str, target: float, *, function: str | None = None) -> None:
        """Keep, with its date, the largest rate of failed calls that is good enough for a schema.

        Args:
            schema_fingerprint: Of the schema.
            target: In (0, 1).
            function: For which guarded function; None as for `declare_step`.

        Raises:
            InvalidArgument: The target is no such rate.
            StoreError: The store cannot be written.
        """
        from schema_guard.records import declarations

        declared = declarations.declared_target(target, time.time(), function)
        fingerprint = declarations.text("schema_fingerprint", schema_fingerprint)
        with self._session() as session:
            session.set_target(fingerprint, declared)

    def targets(self, schema_fingerprint: str, *, function: str | None = None) -> list[DeclaredTarget]:
        """Give the targets that were set for a schema with their dates; the last one holds.

        Args:
            schema_fingerprint: Of the schema.
            function: Those that hold for this one, as in `declared_steps`; None gives all.
        """
        with self._backend.reading() as snapshot:
            declared = snapshot.declared_targets(schema_fingerprint)
            if function is None:
                return declared
            functions = snapshot.functions(schema_fingerprint)
        from schema_guard.records.declarations import holding

        return holding(declared, function, functions)

    def info(self) -> StoreInfo:
        """Say what this store is and how large."""
        self.flush()
        return self._backend.info()

    def check(self, on_step: Callable[[str, int, int], None] | None = None) -> StoreCheck:
        """Look for damage: the engine's own check, and a recount of the attempts. Changes nothing.

        Args:
            on_step: Is told what is looked at, how many attempts of it are done, and how many there are.

        Raises:
            StoreError: It cannot be read, or is no store of this version.
        """
        self.flush()
        reporter = _Reporter(on_step or (lambda *_: None))
        try:
            return self._backend.check(reporter)
        except _ReportFailed:
            error = reporter.error
        assert error is not None
        raise error

    def rebuild(self, on_step: Callable[[str, int, int], None] | None = None) -> None:
        """Count all attempts again and store the counts. Hours with deleted attempts keep their counts.

        Nobody else can write meanwhile, so stop the other processes first.

        Args:
            on_step: Receives what is counted, how many attempts are done, and how many there are.

        Raises:
            StoreError: The store cannot be written.
        """
        self.flush()
        with self._session() as session:
            session.rebuild(on_step or (lambda *_: None))

    def close(self, timeout_s: float = 2.0) -> int:
        """Flush and close; gives the attempts still pending. What is recorded later is lost."""
        pending = self._writer.close(self._opener, timeout_s)
        if not self._writer.openers:
            self._backend.close()
        return pending

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self.url}>"

    @contextmanager
    def _session(self) -> Iterator[Session]:
        session = self._backend.session()
        try:
            yield session
        finally:
            session.close()


class _ReportFailed(BaseException):
    """The caller's function raised. No handler for faults of a database catches this."""


class _Reporter:
    """Calls the caller's function. A check takes an exception of its own for damage."""

    error: Exception | None = None

    def __init__(self, on_step: Callable[[str, int, int], None]) -> None:
        self._on_step = on_step

    def __call__(self, what: str, done: int, total: int) -> None:
        try:
            self._on_step(what, done, total)
        except Exception as error:
            self.error = error
            raise _ReportFailed from error
