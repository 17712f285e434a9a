# SPDX-License-Identifier: Apache-2.0
"""Limits for the number of names in a function's records. Names from outside are limited, names in the program are not.

A segment can contain a customer's ID, and each reply can name its model differently. Each name has its own row in the
counts. Without a limit, the counts would grow without end, and no row would have enough calls for a result.
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
"""The replacement for each name beyond the limit. Names are recorded in the order in which they come."""

_LIMITS = {
    "segments": (
        MOST_SEGMENTS,
        "Use segment= for parts of your traffic, and cluster= for inputs that belong together",
    ),
    "names of models in its replies": (MOST_MODELS, "Name the model with model="),
    "dated names of models in its replies": (MOST_MODELS, "It counts these calls only by model"),
}
_SEGMENTS, _MODELS, _SNAPSHOTS = _LIMITS
_logger = logging.getLogger("schema_guard")
# Reentrant because the garbage collector can end a guarded generator anywhere, and the end is recorded.
_lock = fork_safe_lock()
# By function, version, and kind of name. A full set also contains `OTHERS` after the first further name.
_known: dict[tuple[str, str, str], set[str]] = {}


def folded(outcome: Outcome[Any], segment: str | None, model: str | None) -> Outcome[Any]:
    """Return an outcome as it is recorded, with a limited number of segments and model names per function and version.

    Args:
        outcome: Outcome of a call.
        segment: Segment that the program named at decoration. It is never replaced.
        model: Model that the program named, or its models as `a>b`. They are never replaced.
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
            "%s has more than %d %s. schema_guard records the calls of all further ones under %r. %s",
            safe(clip(call.function)), most, what, OTHERS, advice,
        )  # fmt: skip
    return OTHERS
