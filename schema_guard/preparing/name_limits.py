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
    from collections.abc import Sequence

    from schema_guard.values import Call, Outcome

MOST_SEGMENTS = 200
MOST_MODELS = 50
OTHERS = "others"
"""What stands for every name over the most, for the names are recorded in the order in which they come."""

_LIMITS = {
    "segments": (
        MOST_SEGMENTS,
        "segment= is for parts of the traffic; cluster= is for inputs that belong together",
    ),
    "names of models in its replies": (MOST_MODELS, "name the model with model="),
    "dated names of models in its replies": (MOST_MODELS, "they are counted by model alone"),
}
_SEGMENTS, _MODELS, _SNAPSHOTS = _LIMITS
_logger = logging.getLogger("schema_guard")
# Reentrant: the garbage collector can end a guarded generator, which is recorded, anywhere.
_lock = fork_safe_lock()
# By function, version, and kind of name. After the last name that is kept, each set has `OTHERS`.
_known: dict[tuple[str, str, str], set[str]] = {}


def folded(outcome: Outcome[Any], segment: str | None, model: str | None) -> Outcome[Any]:
    """Return an outcome as it is recorded: at most so many segments and names of models for a function and version.

    Args:
        outcome: Of a call.
        segment: That the program named at decoration; it is always kept.
        model: That the program named, or the models as `a>b`; they are always kept.
    """
    call = outcome.call
    models = () if model is None else model.split(">")
    names = [
        (_folded(_MODELS, each.model, models, call), _folded(_SNAPSHOTS, each.snapshot, models, call))
        for each in outcome.attempts
    ]
    named = _folded(_SEGMENTS, call.segment, (segment,), call), _folded(_MODELS, call.model, (model,), call)
    if named == (call.segment, call.model) and names == [(e.model, e.snapshot) for e in outcome.attempts]:
        return outcome
    attempts = tuple(
        attempt._replace(model=model, snapshot=snapshot)
        for attempt, (model, snapshot) in zip(outcome.attempts, names, strict=True)
    )
    return outcome._replace(call=call._replace(segment=named[0], model=named[1]), attempts=attempts)


def _folded(what: str, name: str | None, kept: Sequence[str | None], call: Call) -> str | None:
    """Return a name, or `OTHERS` if its function has too many names. The first such name is logged."""
    if name is None or name in kept:
        return name
    known = _known.setdefault((call.function, call.version, what), set())
    if name in known:
        return name
    most, advice = _LIMITS[what]
    with _lock:
        if len(known) < most:
            known.add(name)
            return name
        is_reported = OTHERS in known
        known.add(OTHERS)
    if not is_reported:
        _logger.warning(
            "%s has more than %d %s: the calls of all further ones are recorded under %r: %s",
            safe(clip(call.function)), most, what, OTHERS, advice,
        )  # fmt: skip
    return OTHERS
