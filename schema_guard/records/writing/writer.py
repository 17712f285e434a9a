# SPDX-License-Identifier: Apache-2.0
"""The thread that writes records, and the ledger of stored, lost, and pending attempts.

Rules: The caller's thread only counts and enqueues, and nothing here raises into it. The writer's thread builds rows
and hashes, and makes every write. At every moment, offered = stored + lost + pending, in attempts. Before a fork, this
thread closes its connection and ends. The next record starts another thread, in the parent and in the child. The
caller's path takes only reentrant locks, because the garbage collector can end a guarded generator anywhere, and that
records a call.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from threading import Condition, RLock, Thread, current_thread
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from schema_guard.errors import StoreError
from schema_guard.interruptions import is_interruption
from schema_guard.records.payloads.schedule import Schedule
from schema_guard.records.payloads.storage import chars_of
from schema_guard.records.process.forks import wait_for_imports, wait_for_thread
from schema_guard.records.process.threads import is_on_event_loop, warn
from schema_guard.records.values import Counts, WriteRefused
from schema_guard.records.writing.offers import Batch, Item, Mark
from schema_guard.records.writing.schemas import SchemaTexts

if TYPE_CHECKING:
    from schema_guard.records.backend import Backend
    from schema_guard.records.recorder import CheckedCall, DeferredOutcome
    from schema_guard.records.sql.session import Session
    from schema_guard.records.values import SecondOpinion
    from schema_guard.records.writing.offers import Opener
    from schema_guard.values import Outcome, Prompt

MAX_PENDING_OUTCOMES = 10_000
# 64 Mi characters of replies and prompts: eight replies of the largest size that is read.
MAX_PENDING_CHARS = 64 * 1024 * 1024
EXIT_FLUSH_S = 2.0
FORK_WAIT_S = 0.4  # longest delay of a fork

_MAX_BATCH = 2_000  # outcomes. A large batch is counted faster, but others wait a twentieth of a second
_LINGER_S = 0.05  # so that a busy process makes at most 20 transactions a second
_FIRST_WAIT_S = 1.0  # for a process that makes one call and ends in a way that runs no Python
_SYNC_WAIT_S = 30.0  # longer than any write may take
_LOCK_WAIT_S = 0.25  # longest wait of a call with durability "sync", while another process holds the database
_POLL_S = 0.05
_SHORT_PAUSE_S = 0.1
_WARN_EVERY_S = 60.0
_MOST_MOVES = 5
_WARNED_ONCE = ("store_unavailable", "forked_while_writing")

_logger = logging.getLogger("schema_guard")
# By context: the strict writer of its last offer, and its losses before. The writer may finish before the caller waits.
_lost_before: ContextVar[tuple[int, int]] = ContextVar("schema_guard_dropped", default=(0, 0))


class Writer:
    """Writes outcomes to a database, in the background or while the caller waits.

    Attributes:
        backend: The database.
        schedule: The retention of rows and texts.
        openers: The open stores of the file.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.schedule = Schedule()
        self.openers: set[Opener] = set()
        self._restart()
        _LIVE.add(self)

    def _restart(self) -> None:
        """Start with nothing offered, in a new writer, and in a forked child, which has no writer thread."""
        self._queue: SimpleQueue[Item | Mark] = SimpleQueue()
        self._lock = RLock()
        self._settled = Condition(self._lock)
        self._flushing = 0
        self._forking = False
        self._kept: tuple[list[Item], Mark | None] | None = None  # broken off for a fork
        self._wrote_at = 0.0
        self._schemas = SchemaTexts()
        self._moves = 0  # moves of the file since a batch was stored
        self._is_behind = False  # whether calls stop waiting until a write succeeds
        self._marks = self._taken = self._reached = 0
        self._thread: Thread | None = None
        self._last_thread: Thread | None = None  # the last one before
        self._offered = self._stored = self._pending = self._pending_chars = 0
        self._lost_records: dict[str, int] = {}
        self._unsaved_lost: dict[str, int] = {}
        self._warned_at: dict[str, float] = {}

    def offer(
        self, outcome: Outcome[Any], task: Prompt | None, opener: Opener, checked: CheckedCall | None = None
    ) -> None:
        """Take an outcome to store. Count it as lost if the queue is full or the store is closed."""
        has_opinion = checked is not None and checked.has_opinion
        kept = opener.keeper.take(outcome, task, has_opinion=has_opinion)
        size = len(outcome.attempts), chars_of(outcome)
        self._put(Item(lambda: outcome, task, *size, kept, opener, checked))

    def offer_call(self, call: DeferredOutcome, opener: Opener, checked: CheckedCall | None = None) -> None:
        """Take a call whose outcome the thread builds. With stored texts, build it here, so no raw text is queued."""
        if opener.keeper.keeps(has_opinion=checked is not None and checked.has_opinion):
            self.offer(call.outcome(), call.task, opener, checked)
        else:
            self._put(Item(call.outcome, call.task, 1, call.chars, (), opener, checked))

    def offer_opinion(self, opinion: SecondOpinion, opener: Opener) -> None:
        """Take a second opinion about a call that was offered before."""
        self._put(Item(opinion, None, 0, len(opinion.reply or ""), (), opener))

    def _put(self, item: Item) -> None:
        opener = item.opener
        with self._lock:
            if opener.is_strict:
                _lost_before.set((id(self), sum(self._lost_records.values())))
            if refused := self._refusal(item):
                self._offered += item.attempts
                self._lose(refused, item.attempts)
                if not opener.is_strict:
                    return
            is_first = not self._offered
            if not refused:
                # There is no call between these and `put`, so an interrupt comes before or after all of them.
                self._offered += item.attempts
                self._pending += item.attempts
                self._pending_chars += item.chars
                self._queue.put(item)
        if self._thread is None and not refused:
            self._start()
        if (opener.is_sync or is_first) and not is_on_event_loop():
            self.settle(opener) if opener.is_sync else self._wait_for_first()

    def _wait_for_first(self) -> None:
        if self.flush(_FIRST_WAIT_S) and not self._is_behind:
            why = f"is not stored after {_FIRST_WAIT_S:g} s. If the process ends now without flush(), this record is lost"
            warn("%s: the first record of this process %s", self.backend.url, why)

    def settle(self, opener: Opener) -> None:
        """Wait until records are stored or lost, if "sync". Raise `StoreError` if strict and not all are stored.

        While another process holds the database, it waits 0.25 s. Later calls do not wait until a write succeeds.
        """
        if self._thread is current_thread() or (self._is_behind and not opener.is_strict):
            return
        writer, before = _lost_before.get()
        lost_records = before if writer == id(self) else sum(self._lost_records.values())
        left = self._drain(_SYNC_WAIT_S, last=False, may_give_up=True)
        if left and self._waits_too_long():
            self._is_behind = True
            _logger.warning(
                "%s is locked by another process or does not respond. Calls continue, and their records wait",
                self.backend.url,
            )
        if opener.is_strict and (left or sum(self._lost_records.values()) > lost_records):
            raise StoreError(
                f"{self.backend.url}: {left} attempts are pending, and the following attempts were lost: {self._lost_records}. Check that schema_guard can write to the store"
            )

    def flush(self, timeout_s: float) -> int:
        """Wait until all earlier offers are stored or lost. Return the number of attempts that are still pending.

        Returns within *timeout_s* and a tenth of a second.
        """
        return self._drain(timeout_s, last=False)

    def counts(self, redactor_errors: int = 0) -> Counts:
        """Return the ledger of all stores of the file at one moment, with the texts that a store could not redact."""
        with self._lock:
            lost_records = dict(self._lost_records)
            return Counts(self._offered, self._stored, lost_records, self._pending, redactor_errors)

    def stop(self, timeout_s: float) -> int:
        """Flush and end the thread, which closes its connection. The next outcome starts another thread."""
        deadline = time.monotonic() + timeout_s
        thread = self._thread
        left = self._drain(timeout_s, last=True)
        if thread is not None and thread is not current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
        return left

    def before_fork(self, deadline: float) -> None:
        """End the thread and close all connections by *deadline*. Block until `after_fork`, unless in the thread."""
        if self._thread is current_thread() or not self._lock.acquire(timeout=_left(deadline)):
            return
        self._forking = True
        self.backend.hurry()
        if self._thread is not None:
            self._flushing += 1
            self._queue.put(Mark(0, last=True))
            self._settled.notify_all()
            self._settled.wait_for(lambda: self._thread is None, _left(deadline))
            self._flushing -= 1
        wait_for_thread(self._last_thread, deadline)
        self.backend.before_fork(deadline)

    def after_fork(self, *, in_child: bool) -> None:
        """Continue in the parent. Start with nothing in the child, because pending records belong to its parent."""
        if in_child:
            self._restart()
            self.backend.after_fork(in_child=True)
        elif self._forking:
            self.backend.after_fork(in_child=False)
            self._forking = False
            if self._has_more():
                self._start()
            self._settled.notify_all()
            self._lock.release()

    def leave(self, opener: Opener) -> None:
        """Close a store without a wait. The thread stores pending records. It ends after the last store of the file."""
        opener.is_closed = True
        self.openers.discard(opener)
        if not self.openers and self._thread is not None:
            self._queue.put(Mark(0, last=True))

    def close(self, opener: Opener, timeout_s: float) -> int:
        """Flush, and stop after the last store of the file. Later outcomes are lost as `store_unavailable`."""
        opener.is_closed = True
        self.openers.discard(opener)
        return self.flush(timeout_s) if self.openers else self.stop(timeout_s)

    @property
    def _is_sync(self) -> bool:
        """Whether the calls of any store wait for their rows."""
        return any(opener.is_sync for opener in tuple(self.openers))

    def _waits_too_long(self) -> bool:
        since = self.backend.waits_since()
        return since is not None and time.monotonic() - since > _LOCK_WAIT_S

    def _refusal(self, item: Item) -> str | None:
        if item.opener.is_closed:
            return "store_unavailable"
        full = self._queue.qsize() - (self._marks - self._taken) >= MAX_PENDING_OUTCOMES
        return "queue_full" if full or self._pending_chars + item.chars > MAX_PENDING_CHARS else None

    def _drain(self, timeout_s: float, *, last: bool, may_give_up: bool = False) -> int:
        deadline = time.monotonic() + min(timeout_s, 1e9)  # locks refuse to wait for infinite times; 30 years
        with self._lock:
            if self._forking and self._thread is not current_thread():
                self._settled.wait_for(lambda: not self._forking, _left(deadline))
            if self._thread is None and self._has_more():  # its start was interrupted
                self._start()
            thread = self._thread
            if thread is None or thread is current_thread():
                return self._pending
            self._marks += 1
            mark = self._marks
            self._flushing += 1
            reached = False
            try:
                self._queue.put(Mark(mark, last))
                self._settled.notify_all()
                while not reached and _left(deadline) and not (may_give_up and self._waits_too_long()):
                    slice_s = min(_POLL_S, _left(deadline)) if may_give_up else _left(deadline)
                    reached = self._settled.wait_for(lambda: self._reached >= mark, slice_s)
            finally:
                self._flushing -= 1
            return 0 if reached else self._pending

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._forking:
                return
            self._thread = Thread(target=self._run, name="schema-guard-writer", daemon=True)
            try:
                self._thread.start()
            except BaseException as error:
                # If the thread runs despite the error, it waits for this lock and then ends.
                self._thread = None
                # RuntimeError: no thread is available, or the interpreter is ending
                if not isinstance(error, RuntimeError) or is_interruption(error):
                    raise
                batch, _ = self._take(wait=False)
                self._settle_lost(batch, "store_unavailable", error)
        _stop_when_a_child_process_ends()

    def _run(self) -> None:
        with self._lock:
            if self._thread is not current_thread():
                return
        session: Session | None = None
        mark: Mark | None = None
        while mark is None or not mark.last:
            batch, mark = self._take()
            session = self._write(session, batch)
            if self._kept is not None:
                self._kept, mark = (self._kept[0], mark), None
                if self._forking:
                    break
                continue
            if mark is not None and not mark.last:
                self._reach(mark)
        if session is not None:
            session.close()
        self._end(mark)

    def _end(self, mark: Mark | None) -> None:
        with self._lock:
            self._thread, self._last_thread = None, self._thread
            if mark is not None:
                self._reach(mark)
            self._settled.notify_all()
            late = self._has_more()
        if late:
            self._start()

    def _has_more(self) -> bool:
        return self._kept is not None or not self._queue.empty()

    def _reach(self, mark: Mark) -> None:
        with self._lock:
            self._reached = max(self._reached, mark.number)
            self._settled.notify_all()

    def _take(self, *, wait: bool = True) -> tuple[list[Item], Mark | None]:
        """Return the next outcomes, up to a mark. Wait for the first one, and a little for more."""
        if self._kept is not None:
            (batch, mark), self._kept = self._kept, None
            return batch, mark
        batch = []
        while len(batch) < _MAX_BATCH:
            first = wait and not batch
            try:
                entry = self._queue.get() if first else self._queue.get_nowait()
            except Empty:
                break
            if isinstance(entry, Mark):
                self._taken = max(self._taken, entry.number)
                return batch, entry
            batch.append(entry)
            linger_s = self._wrote_at + _LINGER_S - time.monotonic()
            if first and not self._is_sync and linger_s > 0:
                with self._lock:
                    self._settled.wait_for(lambda: self._flushing, linger_s)
        return batch, None

    def _write(self, session: Session | None, batch: list[Item]) -> Session | None:
        """Store a batch, or count it as lost. Return the session to continue with, or None to open another."""
        with self._lock:
            lost_records = dict(self._unsaved_lost)
        if not batch and not lost_records:
            return session
        try:
            session = session or self.backend.session()
            batch, made = self._with_rows(batch, session.key)
            schemas = self._schemas.of(made.rows)
            session.write(made.rows, lost_records, time.time(), made.texts(), schemas, made.content)
            self._schemas.note_stored()
            self._wrote_at, self._moves, self._is_behind = time.monotonic(), 0, False
        except Exception as error:  # noqa: BLE001 - whatever a database raises is a loss, never a dead thread
            return self._after_error(session, batch, error)
        self._settle_stored(batch, lost_records)
        _logger.debug("%s: stored %d attempts", self.backend.url, len(made.rows))
        return self.schedule.after_write(session)

    def _with_rows(self, batch: list[Item], key: bytes) -> tuple[list[Item], Batch]:
        """Return the outcomes that have rows, with their rows and texts. Count the other outcomes as lost."""
        able: list[Item] = []
        made = Batch()
        for place, item in enumerate(batch):
            if self._forking and len(able) == place:
                raise WriteRefused("the process forks", reason="hurried")
            try:
                made.add(item, key)
                able.append(item)
            except Exception as error:  # noqa: BLE001 - an outcome that cannot become a row is lost alone
                self._settle_lost([item], "write_failed", error)
        return able, made

    def _after_error(self, session: Session | None, batch: list[Item], error: Exception) -> Session | None:
        if session is not None:
            session.close()
        reason = getattr(error, "reason", "write_failed")
        pause_s = getattr(error, "retry_after_s", None)
        if pause_s is not None and (self._flushing or self.openers):
            self._put_off(batch, pause_s, error)
            return None
        if reason == "hurried" or (reason == "locked" and self._is_sync):
            self._kept = (batch, None)
            return None
        if reason == "moved" and self._moves < _MOST_MOVES:
            self._moves += 1
            return self._write(None, batch)
        if reason != "write_failed" or len(batch) < 2:
            self._settle_lost(batch, reason, error)
            return None
        # If one outcome is the cause, the others must not be lost. Of 2,000, this finds it in 22 writes.
        middle = len(batch) // 2
        session = self._write(None, batch[:middle])
        if self._kept is not None:
            self._kept = ([*self._kept[0], *batch[middle:]], None)
            return None
        return self._write(session, batch[middle:])

    def _put_off(self, batch: list[Item], pause_s: float, error: Exception) -> None:
        """Keep a batch for a server that does not answer, and wait before the next try, less during a flush."""
        self._kept = (batch, None)
        if not self._is_behind:
            self._is_behind = True
            warn("calls continue, but their records wait: %s", error)
        with self._lock:
            self._settled.notify_all()
            if not self._settled.wait_for(lambda: self._forking, min(pause_s, _SHORT_PAUSE_S)):
                self._settled.wait_for(lambda: self._forking or self._flushing or not self.openers, pause_s)

    def _settle_stored(self, batch: list[Item], lost_records: dict[str, int]) -> None:
        with self._lock:
            self._stored += self._leave(batch)
            for reason, count in lost_records.items():
                self._unsaved_lost[reason] -= count
                if not self._unsaved_lost[reason]:
                    del self._unsaved_lost[reason]
        self._warned_at.pop("store_unavailable", None)
        if "queue_full" in lost_records:
            self._warn("queue_full", "the process records calls faster than it can store them")

    def _settle_lost(self, batch: list[Item], reason: str, error: Exception) -> None:
        with self._lock:
            self._lose(reason, self._leave(batch))
        self._warn(reason, error)

    def _leave(self, batch: list[Item]) -> int:
        """Subtract outcomes from the pending ones, and return the number of their attempts."""
        attempts = sum(item.attempts for item in batch)
        self._pending -= attempts
        self._pending_chars -= sum(item.chars for item in batch)
        return attempts

    def _lose(self, reason: str, attempts: int) -> None:
        if not attempts:  # only second opinions
            return
        self._lost_records[reason] = self._lost_records.get(reason, 0) + attempts
        self._unsaved_lost[reason] = self._unsaved_lost.get(reason, 0) + attempts

    def _warn(self, reason: str, why: object) -> None:
        """Warn that rows are being lost: once for a store that cannot be opened, otherwise once a minute."""
        now, before = time.monotonic(), self._warned_at.get(reason)
        if before is not None and (reason in _WARNED_ONCE or now - before < _WARN_EVERY_S):
            return
        self._warned_at[reason] = now
        warn("calls continue, but records are lost (%s): %s", reason, why)


_LIVE: WeakSet[Writer] = WeakSet()


def live_writers() -> list[Writer]:
    """Return the writer of each live store of this process."""
    return list(_LIVE)


def _stop_all() -> None:
    """Store pending records when the process ends, within `EXIT_FLUSH_S` in total, and warn of the rest."""
    deadline = time.monotonic() + EXIT_FLUSH_S
    left = sum(writer.stop(_left(deadline)) for writer in list(_LIVE))
    if left:
        _logger.warning("the process ended before it stored %d attempts. Call flush() at the end", left)


def _before_fork() -> None:
    deadline = time.monotonic() + FORK_WAIT_S
    for writer in list(_LIVE):
        writer.before_fork(deadline)
    wait_for_imports(deadline)


def _after_fork(*, in_child: bool) -> None:
    for writer in list(_LIVE):
        writer.after_fork(in_child=in_child)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _stop_when_a_child_process_ends() -> None:
    """Register with multiprocessing, whose children end without atexit. `import_module` waits for another import."""
    if "multiprocessing.util" in sys.modules:
        import_module("multiprocessing.util").Finalize(None, _stop_all, exitpriority=0)


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=partial(_after_fork, in_child=False),
        after_in_child=partial(_after_fork, in_child=True),
    )
