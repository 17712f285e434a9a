# SPDX-License-Identifier: Apache-2.0
"""Which branch a call takes, and what becomes of the calls: all that a router's two ways of being called share.

Rules: what goes wrong in deciding costs no call: the prompt answers it. It is said once, and counted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.routing.buckets import Buckets
from schema_guard.ext.tuning.routing.checks import check_primary, check_share
from schema_guard.ext.tuning.routing.evidence import Evidence
from schema_guard.ext.tuning.routing.history import stored_counts
from schema_guard.ext.tuning.routing.kill_switch import KillSwitch
from schema_guard.ext.tuning.routing.rollout import Course, Rollout
from schema_guard.ext.tuning.routing.shadows import Shadows
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.preparing.shapes import task_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.drive import Driven
    from schema_guard.values import Outcome

__all__ = ["RouterCounts", "RoutingPolicy"]

_logger = logging.getLogger("schema_guard")

# What waits holds its arguments; more than this, and the tuned model is too slow for the share of shadows.
_MOST_SHADOWS = 100


class RouterCounts(NamedTuple):
    """The counts of a router's calls in this process.

    Attributes:
        tuned: Calls for which the tuned function ran first, without shadow calls.
        prompt: Calls for which only the prompt function ran.
        fallbacks: Calls in *tuned* without a valid value, for which the prompt function ran too.
        tuned_errors: Calls in *fallbacks* without a validated reply, for example because the function raised an
            exception.
        primary_errors: Calls in *prompt* for which `primary` raised an exception.
        switched_off: Calls in *prompt* during which the kill switch was on.
        shadows: Finished shadow calls, whose result is not returned.
        shadows_pending: Shadow calls that have not run yet.
        shadows_dropped: Shadow calls that were discarded because too many were pending.
    """

    tuned: int
    prompt: int
    fallbacks: int
    tuned_errors: int
    primary_errors: int
    switched_off: int
    shadows: int
    shadows_pending: int
    shadows_dropped: int


class Way(NamedTuple):
    """Which way a call goes.

    Attributes:
        branch: `shadowed` is the prompt with a shadow.
        bucket: Of its input, by which it is known again; None where none was drawn.
    """

    branch: Literal["tuned", "prompt", "shadowed"]
    bucket: float | None = None


class RoutingPolicy:
    """Which branch a call takes. The arguments are those of `Router`, and *store*, which gives the store of the records."""

    def __init__(  # noqa: PLR0913 - each by name
        self,
        *,
        name: str,
        primary: Any,
        fallback: bool,
        shadow: float,
        share: float | Rollout,
        kill_switch: Any,
        store: Callable[[], Any],
    ) -> None:
        check_primary(primary)
        self._name = name
        self._primary = primary
        self._falls_back = fallback
        self._shadow = check_share("shadow", shadow)
        self._course = Course(share) if isinstance(share, Rollout) else None
        self._share = 1.0 if isinstance(share, Rollout) else check_share("share", share)
        if self._shadow and self._share == 1 and self._course is None:
            raise InvalidArgument(
                f"shadow={shadow!r} and share=1: the tuned model answers every primary call, so no call can have a shadow. Lower the share"
            )
        self._switch = None if kill_switch is None else KillSwitch(kill_switch)
        self._buckets = Buckets(name, store)
        self._store = store
        self._is_restored = self._course is None
        self._counted: dict[str, int] = {}
        self._lock = fork_safe_lock()
        self.shadows = Shadows(_MOST_SHADOWS)

    @property
    def share(self) -> float:
        """The share of the primary inputs that the tuned model is given now, the kill switch apart."""
        return self._share if self._course is None else self._course.share

    @property
    def why_back(self) -> str | None:
        """Why a rollout went back; None while it has not, and without one."""
        return None if self._course is None else self._course.why_back

    def way(self, prompt: Any, tuned: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Way:
        """Return the branch of a call.

        Args:
            prompt: The guarded function of the prompt.
            tuned: That of the tuned model.
            args: Of the call.
            kwargs: Of the call.
        """
        if self._switch is not None and self._switch.is_pulled():
            self._count("switched_off")
            return Way("prompt")
        if not self._is_primary(prompt.guard.about.segment, args, kwargs):
            return Way("prompt")
        if not self._is_restored:
            self._restore(tuned)
        share = self.share
        if share >= 1:
            return Way("tuned")
        if share <= 0 and self._shadow in (0.0, 1.0):
            return Way("shadowed" if self._shadow else "prompt")
        prepared = prompt._prepared
        task = task_of(prepared.shape, prepared.function, args, kwargs, prepared.provider)
        bucket = self._buckets.draw(task)
        if bucket.branch < share:
            return Way("tuned", bucket.branch)
        return Way("shadowed" if bucket.shadow < self._shadow else "prompt", bucket.branch)

    def is_asked_again(self, driven: Driven) -> bool:
        """Return whether a call of the tuned model without a value goes to the prompt."""
        error, failure = driven.error, driven.outcome.failure
        if not self._falls_back:
            return False
        # Without an exception, only limits cancel a call.
        is_error = error is not None or (
            failure is not None and failure.kind == "transport" and failure.code != "cancelled"
        )
        if is_error:
            if _goes_on(error):
                return False
            what = "the tuned function failed with %s: the prompt answers such calls"
            self._tell("tuned_errors", what, error or failure)
        self._count("fallbacks")
        return True

    def note_tuned(self, outcome: Outcome[Any], bucket: float | None) -> None:
        """Count a call of the tuned branch."""
        self._count("tuned")
        self._note(outcome, bucket)

    def note_shadow(self, outcome: Outcome[Any], bucket: float | None) -> None:
        """Count a call beside an answer: it says of the tuned model what an answer of it would."""
        self._note(outcome, bucket)

    def note_prompt(self) -> None:
        """Count a call of the prompt's branch."""
        self._count("prompt")

    def counts(self) -> RouterCounts:
        """Return what this process did."""
        named = {field: self._counted.get(field, 0) for field in RouterCounts._fields[:6]}
        beside = self.shadows
        return RouterCounts(
            **named, shadows=beside.made, shadows_pending=beside.pending, shadows_dropped=beside.dropped
        )

    def _is_primary(self, segment: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if self._primary is None:
            return True
        try:
            if isinstance(self._primary, Evidence):
                return self._primary.holds(segment)
            return bool(self._primary(*args, **kwargs))
        except Exception as error:
            if is_interruption(error):
                raise
            self._tell("primary_errors", "primary= raised %s: the prompt answers such calls", error)
            return False

    def _restore(self, tuned: Any) -> None:
        """Take up a rollout where the records say it is: at the first call of a process, which reads the store."""
        with self._lock:
            if self._is_restored or self._course is None:
                return
            calls, inputs = stored_counts(self._store(), tuned._prepared)
            self._is_restored = True
            if self._course.take_up(calls, inputs):
                self._tell_back(self._course)

    def _note(self, outcome: Outcome[Any], bucket: float | None) -> None:
        """Count a call of the tuned model in the rollout, and say so when that goes back."""
        if self._course is not None and self._course.note_tuned(outcome, bucket):
            self._tell_back(self._course)

    def _tell_back(self, course: Course) -> None:
        if course.why_back is not None:
            why = f"{self._name}: the tuned model is out of use: {course.why_back}"
            _logger.warning("%s", why)
            if self._switch is not None:
                self._switch.pull(why)

    def _count(self, what: str) -> int:
        with self._lock:
            self._counted[what] = self._counted.get(what, 0) + 1
            return self._counted[what]

    def _tell(self, what: str, message: str, error: object) -> None:
        """Count a fault, and say the first one, by its type: its words may hold what a user or a model wrote."""
        if self._count(what) == 1:
            _logger.warning("%s: %s; further ones are counted", self._name, message % type(error).__name__)


def _goes_on(error: BaseException | None) -> bool:
    """Say whether an exception is nobody's failure: it ends the program or the task, or comes from outside."""
    return error is not None and (not isinstance(error, Exception) or is_interruption(error))
