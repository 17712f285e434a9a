# SPDX-License-Identifier: Apache-2.0
"""How many names a function's records may hold: what comes from outside is bounded, what the program names is not.

A segment may be made of a customer's id, and a reply may say another name for its model each time. Every name is a
row of its own in the counts, so that they would grow without an end, and no row would hold enough to say anything.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from schema_guard.locks import fork_safe_lock
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from schema_guard.values import Attempt, Call, Outcome

__all__ = ["MOST_MODELS", "MOST_SEGMENTS", "OTHERS", "folded"]

MOST_SEGMENTS = 200
MOST_MODELS = 50
OTHERS = "others"
"""What stands for every name over the most, for the names are recorded in the order in which they come."""

_logger = logging.getLogger("schema_guard")
# Reentrant: the garbage collector can end a guarded generator, which is recorded, anywhere.
_lock = fork_safe_lock()


class _KnownNames:
    """The names of one kind that one function, in one version, was recorded under by this process."""

    def __init__(self, what: str, most: int, advice: str) -> None:
        self.what, self.most, self.advice = what, most, advice
        self.known: set[str] = set()
        self.is_reported = False

    def fold(self, name: str, call: Call) -> str:
        """Return a name, or what stands for it when there are too many; says so once."""
        if name in self.known:
            return name
        with _lock:
            if len(self.known) < self.most:
                self.known.add(name)
                return name
            is_said, self.is_reported = self.is_reported, True
        if not is_said:
            _logger.warning(
                "%s has more than %d %s: the calls of all further ones are recorded under %r: %s",
                safe(clip(call.function)), self.most, self.what, OTHERS, self.advice,
            )  # fmt: skip
        return OTHERS


class _NameLimits:
    """The names of one function in one version, and which of them were recorded together as they are."""

    def __init__(self) -> None:
        self.combinations: set[tuple[str | None, ...]] = set()
        self.segments = _KnownNames(
            "segments",
            MOST_SEGMENTS,
            "segment= is for parts of the traffic; cluster= is for inputs that belong together",
        )
        self.models = _KnownNames("names of models in its replies", MOST_MODELS, "name the model with model=")
        self.snapshots = _KnownNames(
            "dated names of models in its replies", MOST_MODELS, "they are counted by model alone"
        )


_functions: dict[tuple[str, str], _NameLimits] = {}


def folded(outcome: Outcome[Any], segment: str | None, model: str | None) -> Outcome[Any]:
    """Return an outcome as it is recorded: at most so many segments and names of models for a function and version.

    Args:
        outcome: Of a call.
        segment: That the program named at decoration; it is always kept.
        model: That the program named, or the models as `a>b`; they are always kept.
    """
    call, last = outcome.call, outcome.attempts[-1]
    names = _functions.get((call.function, call.version))
    if names is None:
        with _lock:
            names = _functions.setdefault((call.function, call.version), _NameLimits())
    # What was kept as it is before is so again, whoever had named it.
    key = (call.segment, call.model, last.model, last.snapshot)
    if key in names.combinations and len(outcome.attempts) == 1:
        return outcome
    models = () if model is None else model.split(">")
    attempts = tuple(_attempt(attempt, models, names, call) for attempt in outcome.attempts)
    if call.segment is not None and call.segment != segment:
        call = call._replace(segment=names.segments.fold(call.segment, call))
    if call.model is not None and call.model != model:
        call = call._replace(model=names.models.fold(call.model, call))
    if (call, attempts) == (outcome.call, outcome.attempts):
        names.combinations.add(key)
        return outcome
    return outcome._replace(call=call, attempts=attempts)


def _attempt(
    attempt: Attempt, models: tuple[str, ...] | list[str], names: _NameLimits, call: Call
) -> Attempt:
    model, snapshot = attempt.model, attempt.snapshot
    if model is None and snapshot is None:
        return attempt
    if model is not None and model not in models:
        model = names.models.fold(model, call)
    if snapshot is not None and snapshot not in models:
        snapshot = names.snapshots.fold(snapshot, call)
    return attempt._replace(model=model, snapshot=snapshot)
