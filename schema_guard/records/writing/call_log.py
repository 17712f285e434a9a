# SPDX-License-Identifier: Apache-2.0
"""Log lines about retries and failed calls. They have the place of a failure, and never a text."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging import Logger

    from schema_guard.values import Attempt, Outcome, Prompt

_NAME = "schema_guard"
_DEBUG, _INFO = 10, 20  # as in logging, which is not imported here


def log_call(outcome: Outcome[Any]) -> None:
    """Log the retries and the failure of a call at INFO, and that a retry helped at DEBUG."""
    logger = _logger_at_info()
    if logger is None:
        return
    *retried, last = outcome.attempts
    for attempt in retried:
        _log(logger, _INFO, outcome, attempt, "retry")
    if outcome.ok:
        _log(logger, _DEBUG, outcome, last, "valid")
    else:
        _log(logger, _INFO, outcome, last, "failed")


def _logger_at_info() -> Logger | None:
    """Return the logger if it is at INFO. A program that has not imported logging has not turned it on."""
    if "logging" not in sys.modules:
        return None
    logger = _logger()
    return logger if logger.isEnabledFor(_INFO) else None


@cache  # getLogger takes a lock, and more time than the rest
def _logger() -> Logger:
    from logging import getLogger

    return getLogger(_NAME)


def _log(logger: Any, level: int, outcome: Outcome[Any], attempt: Attempt, event: str) -> None:
    call, number = outcome.call, attempt.number
    kind, code, place = _failure(attempt)
    at = "" if place is None else f" at {place or 'the top level'}"
    message = {
        "retry": f"attempt {number} failed, and schema_guard retried",
        "failed": f"the call failed after {number} attempt{'s' if number > 1 else ''}",
        "valid": f"attempt {number} was valid",
    }[event]
    fields = {
        "event": event, "function": call.function, "schema": call.schema_name, "call": call.id, "attempt": number,
        "kind": kind, "code": code, "place": place, "model": attempt.model or call.model,
        "seconds": attempt.elapsed_s,
    }  # fmt: skip
    # A prefix, because a field that a program's own records have already would raise.
    extra = {f"guard_{name}": value for name, value in fields.items()}
    fault = "" if kind is None else f": {kind}{at} ({code})"
    logger.log(level, "%s: %s%s", call.function, message, fault, extra=extra)


def _failure(attempt: Attempt) -> tuple[str | None, str | None, str | None]:
    """Return the kind, the code, and the place of a failure. The place has only keys that the schema declares."""
    failure = attempt.failure
    if failure is None:
        return None, None, None
    from schema_guard.records.rows import place_of  # only a failure that is logged needs it

    place = place_of(failure.violations[0]) if failure.violations else None
    return failure.kind, attempt.exception or failure.code, place


class LogOnly:
    """The recorder of calls without a store while the log is on."""

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Log the retries and the failure of a call."""
        log_call(outcome)

    def record_deferred(self, call: object) -> None:
        """Do nothing, because the first reply was valid."""


_ONLY = LogOnly()


def log_only() -> LogOnly | None:
    """Return a recorder that only logs. None if the log is off."""
    return None if _logger_at_info() is None else _ONLY
