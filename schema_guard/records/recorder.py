# SPDX-License-Identifier: Apache-2.0
"""Interfaces of the objects that receive the outcomes of calls, and of those that follow calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.records.values import ContentRow
    from schema_guard.values import Call, Outcome, Prompt

# After this many outcomes, wait for the writer, because a store loses outcomes if its queue of 10,000 is full.
_MOST_UNWRITTEN = 1_000
WRITE_WAIT_S = 30.0
"""Seconds to wait for a writer, for callers that prefer a wait to a lost record."""


class Recorder(Protocol):
    """An object that gets the outcomes of calls, such as a store."""

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Take the outcome of a call, once.

        Args:
            outcome: All attempts of the call.
            task: The task of the call. None if it is unknown.
        """


class DeferredOutcome(Protocol):
    """An accepted call with one attempt, whose outcome isn't built yet."""

    @property
    def task(self) -> Prompt:
        """The task of the call."""

    @property
    def chars(self) -> int:
        """Estimated characters in memory."""

    def outcome(self) -> Outcome[Any]:
        """Build the outcome. It is the same each time, in any thread."""


class DeferringRecorder(Recorder, Protocol):
    """A recorder that builds outcomes in its writing thread."""

    def record_deferred(self, call: DeferredOutcome) -> None:
        """Take an accepted call, once, instead of its outcome."""


class ContentChecks(Protocol):
    """The `content=` of a guard. It checks whether valid values are right, after their call has returned."""

    @property
    def checks(self) -> tuple[Any, ...]:
        """The checks of a valid value before it is accepted."""

    def recorder(
        self, store: Recorder, prepared: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Recorder:
        """Return the recorder for one call.

        Args:
            store: The store of the call.
            prepared: The `Prepared` of the function.
            args: The arguments of the call.
            kwargs: The arguments of the call.
        """

    def check(self, prepared: Any) -> None:
        """Check the settings at decoration.

        Raises:
            InvalidArgument: They can't be used for this function.
        """


class CheckedCall(Protocol):
    """A call whose value is checked."""

    has_opinion: bool
    """Whether a second model is asked, so that `payload="second_opinion"` stores the texts of the call."""

    def row(self, outcome: Outcome[Any], key: bytes) -> ContentRow | None:
        """Check the value in the thread that writes. Never raises. A second call returns the same row.

        Args:
            outcome: The outcome of the call.
            key: The key of hashes.

        Returns:
            The facts to store, or None for none.
        """


class QueueingRecorder(Recorder, Protocol):
    """A recorder that writes in the background."""

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until all earlier records are written, and return how many are still pending."""


class Followed(Protocol):
    """A call that a follower follows. No method raises because of an error of the follower."""

    def enter(self) -> Any:
        """Make it the call that the running code is a part of, and return the argument for `leave`."""

    def leave(self, entered: Any) -> None:
        """End the effect of `enter`, in the same context."""

    def end(self, outcome: Outcome[Any]) -> None:
        """Take the outcome, once, as it is recorded."""


class Follower(Protocol):
    """An object that follows the calls of guarded functions, whether or not they are stored."""

    def begin(self, call: Callable[[], Call]) -> Followed | None:
        """Begin to follow a call. *call* builds its facts. Return None to ignore the call."""


follower: Follower | None = None
"""The follower of every call of a guarded function in this process. None: no follower."""


class PacedRecorder:
    """Records for calls that are faster than the writer. It sometimes waits for the writer, so that nothing is lost.

    Safe to use from several threads. If one thread overwrites the count of another, a wait is one outcome later.
    """

    def __init__(self, recorder: QueueingRecorder) -> None:
        self._recorder = recorder
        self._unwritten = 0

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Record an outcome, and wait for the earlier ones if there are many."""
        self._recorder.record(outcome, task)
        self._unwritten += 1
        if self._unwritten >= _MOST_UNWRITTEN:
            self._unwritten = self._recorder.flush(WRITE_WAIT_S)


async def settle(store: Recorder | None) -> None:
    """Wait, off the event loop, until a store with durability "sync" has written the call."""
    if getattr(store, "is_sync", False):
        from asyncio import to_thread

        await to_thread(store.settle)  # type: ignore[union-attr]
