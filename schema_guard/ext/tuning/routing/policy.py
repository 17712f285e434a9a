# SPDX-License-Identifier: Apache-2.0
"""The branch of a call, and the counts of the calls, for sync and async routers.

Rules:
1. If the choice of a branch fails, the prompt answers. The first such fault is logged, and all are counted.
2. The bucket of an input is drawn from its keyed hash, so one input has the same bucket in every process. The key is that of
   the records, so nobody outside can choose the bucket of an input. It is SCHEMA_GUARD_HASH_KEY, which is the same on all
   machines, or the key of the store. If nothing is recorded, buckets are drawn without a key.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from schema_guard.errors import InvalidArgument
from schema_guard.ext.right.later_calls import LaterCalls
from schema_guard.ext.tuning.routing.rollout import Course, Rollout, stored_counts
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.preparing.shapes import name_of, task_of
from schema_guard.records.identity import current_tags
from schema_guard.records.private import open_private
from schema_guard.records.rows import HASH_BYTES, keyed_hash, task_text
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.records.store import Store
from schema_guard.text import clip, dataclass_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.drive import Driven
    from schema_guard.values import Outcome, Prompt

_logger = logging.getLogger("schema_guard")

# A pending call stores its arguments. With more pending calls, the tuned model is too slow for the shadow share.
_MOST_SHADOWS = 100


_HALF = HASH_BYTES
_SIZE = float(1 << (4 * _HALF))
_UNKEYED = b"schema_guard routing"


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
    """The branch of a call.

    Attributes:
        branch: `tuned`, `prompt`, or `shadowed`, which is the prompt with a shadow.
        bucket: The bucket of its input, which identifies the input. None if there is none.
    """

    branch: Literal["tuned", "prompt", "shadowed"]
    bucket: float | None = None


class RoutingPolicy:
    """Choose and count branches. Arguments: those of `Router`, and *store*, which returns the store of the records."""

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
        _check_primary(primary)
        self._name = name
        self._primary = primary
        self._falls_back = fallback
        self._shadow = _checked_share("shadow", shadow)
        self._course = Course(share) if isinstance(share, Rollout) else None
        self._share = 1.0 if isinstance(share, Rollout) else _checked_share("share", share)
        if self._shadow and self._share == 1 and self._course is None:
            raise InvalidArgument(
                f"shadow={shadow!r} and share=1: the tuned model answers every primary call, so no call can have a shadow. Lower the share"
            )
        self._switch_file, self._is_off = _switch_of(kill_switch)
        self._key: bytes | None = None
        self._store = store
        self._is_restored = self._course is None
        self._counted = dict.fromkeys((*RouterCounts._fields[:6], "switch_errors"), 0)
        self._lock = fork_safe_lock()
        self.shadows = LaterCalls(_MOST_SHADOWS)

    @property
    def share(self) -> float:
        """The tuned model's current share of the primary inputs. The kill switch doesn't change it."""
        return self._share if self._course is None else self._course.share

    @property
    def why_back(self) -> str | None:
        """The reason why a rollout went back, or None."""
        return None if self._course is None else self._course.why_back

    def way(self, prompt: Any, tuned: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Way:
        """Return the branch of a call.

        Args:
            prompt: The guarded function of the prompt.
            tuned: The guarded function of the tuned model.
            args: The arguments of the call.
            kwargs: The arguments of the call.
        """
        words = "checking kill_switch= failed with %s, so the prompt answers such calls"
        if self._result_of(self._is_off, "switch_errors", words, otherwise=True):
            self.count("switched_off")
            return Way("prompt")
        is_primary = partial(self._is_primary, prompt.guard.about.segment, args, kwargs)
        words = "primary= raised %s, so the prompt answers such calls"
        if not self._result_of(is_primary, "primary_errors", words, otherwise=False):
            return Way("prompt")
        if not self._is_restored:
            self._restore(tuned)
        share = self.share
        if share >= 1:
            return Way("tuned")
        if share <= 0 and self._shadow in (0.0, 1.0):
            return Way("shadowed" if self._shadow else "prompt")
        if self._key is None:
            self._key = routing_key(self._name, self._store())
        prepared = prompt._prepared
        task = task_of(prepared.shape, prepared.function, args, kwargs, prepared.provider)
        bucket = bucket_of(self._name, task, self._key)
        if bucket.branch < share:
            return Way("tuned", bucket.branch)
        return Way("shadowed" if bucket.shadow < self._shadow else "prompt", bucket.branch)

    def needs_fallback(self, driven: Driven) -> bool:
        """Return whether a call of the tuned model without a value goes to the prompt."""
        error, failure = driven.error, driven.outcome.failure
        # An exception that ends the program or the task, or that comes from outside, is not a failure of the model.
        if not self._falls_back or (
            error is not None and (not isinstance(error, Exception) or is_interruption(error))
        ):
            return False
        # Without an exception, only limits cancel a call.
        is_lost = failure is not None and failure.kind == "transport" and failure.code != "cancelled"
        if error is not None or is_lost:
            words = "the tuned function failed with %s, so the prompt answers such calls"
            self._warn("tuned_errors", words, error or failure)
        self.count("fallbacks")
        return True

    def note_tuned(self, outcome: Outcome[Any], bucket: float | None) -> None:
        """Count a call of the tuned model, or a shadow, in the rollout."""
        if self._course is not None and self._course.note(outcome, bucket):
            self._go_back(self._course)

    def counts(self) -> RouterCounts:
        """Return the counts of this process."""
        named = {field: self._counted[field] for field in RouterCounts._fields[:6]}
        beside = self.shadows
        return RouterCounts(
            **named, shadows=beside.made, shadows_pending=beside.pending, shadows_dropped=beside.dropped
        )

    def _is_primary(self, segment: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if isinstance(self._primary, Evidence):
            return self._primary.holds(segment)
        return self._primary is None or bool(self._primary(*args, **kwargs))

    def _result_of(self, ask: Callable[[], bool], what: str, words: str, *, otherwise: bool) -> bool:
        """Return the result of a user's function, or *otherwise* if it raises."""
        try:
            return ask()
        except Exception as error:
            if is_interruption(error):
                raise
            self._warn(what, words, error)
            return otherwise

    def _restore(self, tuned: Any) -> None:
        """Continue a rollout from the records, at the first call of a process."""
        with self._lock:
            if self._is_restored or self._course is None:
                return
            calls, inputs = stored_counts(self._store(), tuned._prepared)
            self._is_restored = True
            if self._course.take_up(calls, inputs):
                self._go_back(self._course)

    def _go_back(self, course: Course) -> None:
        """Log why the tuned model is off, and write the file of the kill switch, so that other processes stop too."""
        why = f"{self._name}: the tuned model answers no more calls: {course.why_back}"
        _logger.warning("%s", why)
        if self._switch_file is None:
            return
        try:
            with open_private(self._switch_file, "x") as file:
                file.write(f"{why}\n")
        except FileExistsError:
            return
        except OSError as error:
            _logger.warning(
                "kill_switch: creating the file failed: %s. Other processes may still use the tuned model",
                error,
            )

    def count(self, what: str) -> int:
        """Count a call or a fault, and return how many there are."""
        with self._lock:
            self._counted[what] += 1
            return self._counted[what]

    def _warn(self, what: str, words: str, error: object) -> None:
        """Count a fault, and log the type of the first one, because its text may come from a user or a model."""
        if self.count(what) == 1:
            _logger.warning("%s: %s. Further ones are only counted", self._name, words % type(error).__name__)


def _check_primary(primary: Any) -> None:
    if primary is None or isinstance(primary, Evidence):
        return
    if not callable(primary):
        raise InvalidArgument(
            f"primary={clip(repr(primary))}: expected a function of the call's arguments, or Evidence(...)"
        )
    if any(map(inspect.iscoroutinefunction, (primary, type(primary).__call__))):
        raise InvalidArgument(
            f"primary={name_of(primary)}: expected a `def` function, because the result of an `async def` function is always true"
        )


def _checked_share(name: str, share: Any) -> float:
    is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not is_number or not 0 <= share <= 1:
        more = " or Rollout(...)" if name == "share" else ""
        raise InvalidArgument(f"{name}={clip(repr(share))}: expected a number in [0, 1]{more}")
    return float(share)


def _switch_of(source: Any) -> tuple[Path | None, Callable[[], bool]]:
    """Return the file of a kill switch, if it has one, and a function that returns whether the switch is on."""
    if source is None:
        return None, bool
    if callable(source):
        return None, lambda: bool(source())
    if source == "" or not isinstance(source, (str, os.PathLike)):
        raise InvalidArgument(
            f"kill_switch={clip(repr(source))}: expected a path or a function. The tuned model is off while the file exists or the function returns True"
        )
    path = Path(source)
    if path.is_dir():
        raise InvalidArgument(
            f"kill_switch={clip(repr(str(path)))}: expected the path of a file, got a folder"
        )
    return path, partial(_is_there, os.fspath(source))


def _is_there(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - a Path for each call would cost as much again
    except FileNotFoundError:
        return False
    return True


class Bucket(NamedTuple):
    """Two independent numbers of an input, in [0, 1).

    Attributes:
        branch: If it is below the share, the tuned model answers.
        shadow: If it is below the share of shadows, the tuned model is called too, after the answer.
    """

    branch: float
    shadow: float


def bucket_of(name: str, task: Prompt, key: bytes) -> Bucket:
    """Return the bucket of an input. The name of the router is hashed too, so that routers split inputs differently."""
    digits = keyed_hash(f"{name}\0{task_text(task)}", key)
    return Bucket(int(digits[:_HALF], 16) / _SIZE, int(digits[_HALF:], 16) / _SIZE)


def routing_key(name: str, store: Any) -> bytes:
    """Return the key of a router's buckets. It may read the store."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    try:
        return _key_of(store) if isinstance(store, Store) else _UNKEYED
    except Exception as error:
        if is_interruption(error):
            raise
        _logger.warning(
            "%s: reading the store's key failed (%s). Until this process ends, schema_guard splits the inputs without it",
            name,
            type(error).__name__,
        )
        return _UNKEYED


def _key_of(store: Store) -> bytes:
    with store.backend.reading() as snapshot:
        key = snapshot.key()
    if key is not None:
        return key
    # The store is still empty. The key is created with the tables.
    with closing(store.backend.session()) as session:
        return session.key


@dataclass(frozen=True, slots=True)
class Evidence:
    """The segments of your traffic that go to a tuned model.

    The inputs in these segments are the primary inputs of a `Router`.

    Attributes:
        segments: Names of the segments, as set with `tags(segment=...)` or `About(segment=...)`. For calls without a
            segment, use the name `"(no segment)"`.
    """

    __repr__ = dataclass_repr

    segments: Sequence[str]

    def __post_init__(self) -> None:
        is_list = not isinstance(self.segments, str) and hasattr(self.segments, "__iter__")
        names = tuple(self.segments) if is_list else ()
        if not names or not all(isinstance(name, str) for name in names):
            raise InvalidArgument(
                f"Evidence(segments={clip(repr(self.segments))}): expected a list of segment names, such as ['weekly report']"
            )
        object.__setattr__(self, "segments", names)

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> Self:
        """Return the segments to tune, according to a FINE_TUNE_AND_ROUTE verdict.

        Args:
            verdict: Verdict for one function, from `schema-guard decide --format json` or `Verdict.as_dict`.

        Raises:
            InvalidArgument: The value isn't a verdict, covers several functions, or names no segments.
        """
        if not isinstance(verdict, Mapping):
            raise InvalidArgument(
                f"Evidence.of: {clip(repr(verdict))}: expected the parsed JSON of `schema-guard decide --format json`"
            )
        if "verdicts" in verdict:
            raise InvalidArgument(
                "Evidence.of: got verdicts of several functions. Pass the verdict of this function, from `decide --function NAME`"
            )
        tune = verdict.get("tune")
        if not isinstance(tune, list) or not tune:
            raise InvalidArgument(
                f"Evidence.of: the verdict {clip(repr(verdict.get('verdict')))} names no segments to tune. Expected FINE_TUNE_AND_ROUTE. For a verdict on all traffic, omit primary="
            )
        return cls(segments=tuple(tune))

    def holds(self, segment: str | None) -> bool:
        """Return whether the input of a call is a primary input.

        Args:
            segment: Segment from the settings of the function. `tags` overrides this segment.
        """
        return (current_tags.get().segment or segment or NO_SEGMENT) in self.segments
