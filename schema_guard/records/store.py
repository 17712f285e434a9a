# SPDX-License-Identifier: Apache-2.0
"""Stores: the destination of the records of calls, and the queries on them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

from schema_guard.arguments import require_seconds
from schema_guard.errors import InvalidArgument
from schema_guard.records.frames import Frames
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.payloads.storage import TextStorage
from schema_guard.records.values import Counts
from schema_guard.records.writing.call_log import log_call
from schema_guard.records.writing.offers import Opener, durability_of
from schema_guard.records.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.records.attempts import Names
    from schema_guard.records.backend import Backend
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.declarations import DeclaredStep, DeclaredTarget, StepStatus
    from schema_guard.records.payloads.retention import Forgotten
    from schema_guard.records.payloads.storage import PayloadPolicy
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.recorder import CheckedCall, DeferredOutcome
    from schema_guard.records.sql.removal import Removed
    from schema_guard.records.sql.session import Session
    from schema_guard.records.sql.snapshot import Snapshot
    from schema_guard.records.values import SchemaText, SecondOpinion, StoreCheck, StoreInfo
    from schema_guard.records.writing.offers import Durability
    from schema_guard.values import Outcome, Prompt

# Methods that read or declare import their modules lazily, which saves 6 ms of CPU time in a process that only records.


class Store(Frames):
    """Records of calls, with one row for each attempt. You can use a store in several threads and after a fork.

    To create a store, call `open_store`. Unless you set `strict_store`, recording never raises an error for a database
    fault. If schema_guard can't store an attempt, it counts the attempt as lost. Reading raises `StoreError` for a
    database fault.
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
        # When the store is no longer referenced, pending records are stored, and the connection is closed.
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
        """The database, for operations on the whole store."""
        return self._backend

    @property
    def is_sync(self) -> bool:
        """Whether the durability is "sync"."""
        return self._opener.is_sync

    @property
    def payload(self) -> PayloadPolicy:
        """The policy for storing the texts of prompts and replies."""
        return self._opener.keeper.policy

    def tighten(self, *, durability: Durability, payload: PayloadPolicy, retention: Retention) -> None:
        """Apply the settings of a later store for the same database if they are stricter."""
        self._opener.is_sync = self._opener.is_sync or durability == "sync"
        self._opener.keeper.tighten(payload)
        self._writer.schedule.retention = self.retention.stricter(retention)

    def redact_like(self, other: Store) -> None:
        """Redact texts also with the redaction functions of another store for the same database."""
        self._opener.keeper.tighten("full", other._opener.keeper.redactors)

    @property
    def is_closed(self) -> bool:
        """Whether the store is closed."""
        return self._opener.is_closed

    @property
    def writer(self) -> Writer:
        """The writer of the database file. All stores of the file in this process share this writer."""
        return self._writer

    def record(
        self, outcome: Outcome[Any], task: Prompt | None = None, checked: CheckedCall | None = None
    ) -> None:
        """Store an outcome. With durability "sync", wait until it is stored, except in an event loop.

        Args:
            outcome: The outcome, which contains all attempts of one call. Unless `payload` allows more, the store
                contains only the sizes and hashes of the texts.
            task: The task of the call. The hash of the task identifies equal inputs.
            checked: Function that checks the value of the call. It runs in the thread that writes the rows.
        """
        if len(outcome.attempts) > 1 or not outcome.ok:
            log_call(outcome)
        self._writer.offer(outcome, task, self._opener, checked)

    def record_deferred(self, call: DeferredOutcome, checked: CheckedCall | None = None) -> None:
        """Store the outcome of a call as `record` does, but build it later, in the thread that builds the rows."""
        self._writer.offer_call(call, self._opener, checked)

    def record_opinion(self, opinion: SecondOpinion) -> None:
        """Store a second opinion about an earlier call, in the same way as `record` stores a call."""
        self._writer.offer_opinion(opinion, self._opener)

    def settle(self) -> None:
        """With durability "sync", wait until earlier attempts are stored. Outside event loops, `record` already waits.

        Raises:
            StoreError: schema_guard can't store the attempts. Only a store with `strict_store=True` raises this error.
        """
        if self.is_sync:
            self._writer.settle(self._opener)

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until earlier attempts are stored or lost. Return the number of attempts that are still pending.

        Raises:
            InvalidArgument: The value of *timeout_s* isn't a number of seconds.
        """
        require_seconds("timeout_s", timeout_s, least=None)
        return self._writer.flush(timeout_s)

    def counts(self) -> Counts:
        """Return the counts of all attempts that this process recorded in this file, including through other stores."""
        return self._writer.counts(self._opener.keeper.redactor_errors)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Write all earlier records, and then yield one consistent state of the store for reading."""
        self.flush()
        with self._backend.reading() as snapshot:
            yield snapshot

    def attempts(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
        call_ids: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return the stored attempts from all processes, in storage order.

        The attempts of one call are adjacent. Each row has the columns in `rows.COLUMNS`. The column `repairs` is a
        list of names, and `violations` is a list of [location, keyword] pairs.

        Args:
            since: Return only calls that began at this time or later, in seconds since the epoch (UTC).
            until: Return only calls that began before this time.
            schema: Return only attempts for the schema with this name or fingerprint.
            function: Return only attempts of this guarded function.
            call_ids: Return only attempts of the calls with these ids.
        """
        from schema_guard.records.attempts import Where, as_dict
        from schema_guard.records.backend import pages

        self.flush()
        where = Where(since, until, schema, function, call_ids)
        return (as_dict(row) for page in pages(self._backend, where) for _, row in page)

    def texts(self, call_ids: Sequence[str]) -> list[Texts]:
        """Return the stored prompts and replies of the given calls, in storage order.

        The result omits attempts without stored texts, for example with the policy "off".
        """
        with self.reading() as snapshot:
            return snapshot.texts(call_ids)

    def configurations(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
        ids: Sequence[int] | None = None,
        clusters: bool = True,
    ) -> list[ConfigurationCounts]:
        """Count the stored calls by configuration, function, and segment, in storage order.

        Without *since* and *until*, this method reads counts that schema_guard updates with every write. With a time
        window, this method reads the counts of whole hours, and the attempts of hours that are only partly in the
        window. To count only some configurations, pass their `ConfigurationCounts.id` values as *ids*. If *clusters* is
        False, the result for a time window omits the clusters, which halves the reading time. For the other arguments,
        see `attempts`.
        """
        from schema_guard.records.attempts import Where

        with self.reading() as snapshot:
            return snapshot.configurations(
                Where(since, until, schema, function, configuration_ids=ids, counts_inputs=clusters)
            )

    def content(
        self,
        ids: Sequence[int],
        *,
        alpha: float = 0.05,
        since: float | None = None,
        until: float | None = None,
    ) -> dict[str, Any] | None:
        """Return the shares of right and wrong values of a configuration, or None if `Content` checked no value.

        Args:
            ids: The `id` values of the configuration in the result of `configurations`.
            alpha: Maximum probability that the bounds are wrong.
            since: Count only calls that started at this time or later, in seconds since the epoch. With this argument,
                the result has no bounds.
            until: Count only calls that started before this time, in seconds since the epoch. With this argument, the
                result has no bounds.
        """
        with self.reading() as snapshot:
            if not ids or not snapshot.connection.select("SELECT 1 FROM content LIMIT 1"):
                return None
            from schema_guard.extensions import load  # only checked values need the part

            found: dict[str, Any] | None = load("content").content_of(
                snapshot.connection, ids, alpha, since, until
            )
            return found

    def names(self) -> set[Names]:
        """Return the names of all schemas, functions, and segments that have calls. The result has no counts."""
        from schema_guard.records.attempts import Names

        with self.reading() as snapshot:
            rows: list[tuple[Any, ...]] = [*snapshot.names()]
        return {Names(schema, fingerprint, of, named[-1]) for of, schema, fingerprint, *named in rows}

    def pairs(self, before_id: int, after_id: int) -> tuple[int, int, int]:
        """Compare two configurations on the inputs that have exactly one call with each of them.

        Args:
            before_id: The `id` of the first configuration, from `configurations`.
            after_id: The `id` of the second configuration, from `configurations`.

        Returns:
            The number of compared inputs, of inputs that failed only in the first configuration, and of inputs that
            failed only in the second.
        """
        with self.reading() as snapshot:
            return snapshot.pairs(before_id, after_id)

    def lost_records(self, *, since: float | None = None) -> dict[str, int]:
        """Return the number of lost records from all processes, by reason.

        The result omits losses that schema_guard couldn't write to the store.
        """
        with self.reading() as snapshot:
            return snapshot.lost_records(since=since)

    def by_hour(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        schema: str | None = None,
        function: str | None = None,
    ) -> list[HourCounts]:
        """Return the counts of stored calls by configuration and start hour, in chronological order.

        If *since* or *until* falls within an hour, the result includes the whole hour. The result omits calls
        whose start time is unknown. This method reads counts that schema_guard updates with every write.
        """
        from schema_guard.records.attempts import Where

        with self.reading() as snapshot:
            return snapshot.hours(Where(since, until, schema, function))

    @property
    def retention(self) -> Retention:
        """The limits on stored rows."""
        return self._writer.schedule.retention

    def prune(self, retention: Retention | None = None) -> Removed:
        """Delete the rows beyond the limits, and overwrite them in the files. The store keeps the counts.

        Other processes can write during the deletion, except at its end, when schema_guard rewrites the file.

        Args:
            retention: The limits. Default: the limits of the open store.

        Raises:
            StoreError: schema_guard can't write to the store.
        """
        limits = retention or self.retention
        with self._session() as session:
            removal = session.removal()
            return removal.run(lambda rows: removal.prune(limits, time.time(), rows))

    def forget(self, what: Forgotten, *, counts: bool = False) -> Removed:
        """Delete all rows and texts of a call, an input, a cluster, a segment, or a function.

        Unless *counts* is True, the store keeps the counts, but without the names of inputs and clusters.

        Args:
            what: The kind and the name that identify the rows.
            counts: Whether to also delete the counts of a segment or a function.

        Raises:
            InvalidArgument: The argument *counts* is True for a call, an input, or a cluster.
            StoreError: schema_guard can't write to the store.
        """
        if counts and what.by not in ("function", "segment"):
            raise InvalidArgument(
                f"counts=True: expected a function or a segment, because the store has no counts of one {what.by}. Remove counts=True"
            )
        with self._session() as session:
            removal = session.removal()
            last = (lambda: removal.forget_counts(what)) if counts else None
            return removal.run(lambda rows: removal.forget(what, rows), last)

    def rows_since(self) -> float | None:
        """Return the start time of the earliest call that still has rows, if schema_guard deleted rows.

        Return None if schema_guard deleted no rows, or all rows.
        """
        with self.reading() as snapshot:
            return snapshot.rows_since()

    def schemas(self, fingerprint: str) -> list[SchemaText]:
        """Return the stored texts of a schema, latest first.

        The texts of one schema differ only in annotations, such as titles and descriptions.
        """
        with self.reading() as snapshot:
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
        """Store the reason why you skip a step of the playbook for a schema, with the current date.

        Args:
            schema_fingerprint: Fingerprint of the schema.
            step: Name of the step. This method doesn't check the name.
            status: `"not_applicable"` if the step is impossible, or `"declined"` if you don't want it.
            reason: The reason why you skip the step. Stored unchanged.
            function: The guarded function. With None, the declaration applies to the only function that has calls with
                the schema. If several functions have calls with the schema, a declaration without a function applies to
                no function.

        Raises:
            InvalidArgument: The name of the step or the reason is blank, or the status is unknown.
            StoreError: schema_guard can't write to the store.
        """
        from schema_guard.records.declarations import declared_step

        self._declare(schema_fingerprint, declared_step(step, status, reason, time.time(), function))

    def declared_steps(self, schema_fingerprint: str, *, function: str | None = None) -> list[DeclaredStep]:
        """Return the latest declaration of each step for a schema, oldest first.

        Args:
            schema_fingerprint: Fingerprint of the schema.
            function: Return only declarations that apply to this function. A declaration without a function also
                applies if no other function has calls with the schema. If you pass None, the result has the latest
                declaration for each step and function.
        """
        from schema_guard.records.declarations import holding, latest

        with self.reading() as snapshot:
            declared = snapshot.declared_steps(schema_fingerprint)
            return latest(holding(declared, function, snapshot.functions(schema_fingerprint)), function)

    def set_target(self, schema_fingerprint: str, target: float, *, function: str | None = None) -> None:
        """Store the highest acceptable failure rate for a schema, with the current date.

        Args:
            schema_fingerprint: Fingerprint of the schema.
            target: The rate, as a fraction that is greater than 0 and less than 1.
            function: The guarded function, or None, with the same meaning as in `declare_step`.

        Raises:
            InvalidArgument: The target isn't a number that is greater than 0 and less than 1.
            StoreError: schema_guard can't write to the store.
        """
        from schema_guard.records.declarations import declared_target

        self._declare(schema_fingerprint, declared_target(target, time.time(), function))

    def _declare(self, schema_fingerprint: str, declared: DeclaredStep | DeclaredTarget) -> None:
        from schema_guard.records import declarations
        from schema_guard.records.sql import writing

        fingerprint = declarations.text("schema_fingerprint", schema_fingerprint)
        with self._session() as session, session.writing() as connection:
            writing.insert_declarations(connection, fingerprint, [declared])

    def targets(self, schema_fingerprint: str, *, function: str | None = None) -> list[DeclaredTarget]:
        """Return the stored targets of a schema with their dates. The latest target applies.

        Args:
            schema_fingerprint: Fingerprint of the schema.
            function: Return only targets that apply to this function, by the rule of `declared_steps`. If you pass
                None, the result has all targets.
        """
        from schema_guard.records.declarations import holding

        with self.reading() as snapshot:
            declared = snapshot.declared_targets(schema_fingerprint)
            return holding(declared, function, snapshot.functions(schema_fingerprint))

    def info(self) -> StoreInfo:
        """Return information about this store, such as the database type and the size."""
        self.flush()
        return self._backend.info()

    def check(self, on_step: Callable[[str, int, int], None] | None = None) -> StoreCheck:
        """Check the store for damage without changing it. Run the database's own check, and count the attempts again.

        Args:
            on_step: Function that this method calls with the name of the current check, the number of checked attempts,
                and the total number of attempts.

        Raises:
            StoreError: schema_guard can't read the store, or another version of schema_guard wrote it.
        """
        self.flush()
        return self._backend.check(on_step or (lambda *_: None))

    def rebuild(self, on_step: Callable[[str, int, int], None] | None = None) -> None:
        """Count all attempts again and store the counts. The counts of hours with deleted attempts stay unchanged.

        Stop other processes first, because they can't write to the store during the rebuild.

        Args:
            on_step: Function that this method calls with the name of the current step, the number of counted attempts,
                and the total number of attempts.

        Raises:
            StoreError: schema_guard can't write to the store.
        """
        from schema_guard.records.sql.checking import rebuild

        self.flush()
        with self._session() as session, session.writing() as connection:
            rebuild(connection, on_step or (lambda *_: None))

    def close(self, timeout_s: float = 2.0) -> int:
        """Flush and close the store. Return the number of pending attempts. A closed store loses new records."""
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
