# SPDX-License-Identifier: Apache-2.0
"""An outcome without a value -> the message that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard import prompting
from schema_guard.limits import DEFAULT_LIMITS
from schema_guard.loop import exceeded_budget
from schema_guard.pointer import declared_location, pointer
from schema_guard.text import clip, safe
from schema_guard.values import NOT_FIXED_BY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.limits import Limits
    from schema_guard.values import Attempt, Failure, Outcome, Violation

_MAX_SHOWN = 10
_EXTRA_KEYS = ("additionalProperties", "unevaluatedProperties")
_CLOSED = "  a dataclass and a TypedDict reject unknown keys. A Pydantic model rejects them only with extra='forbid', and otherwise omits them"
_ADVICE_OF = {
    "refusal": "; schema_guard does not retry a refusal",
    # Only the time limit ends a call without an exception of the function's own.
    "transport": "; to allow more time: limits=Limits(max_elapsed_s=...)",
}


def explain(
    outcome: Outcome[Any],
    *,
    max_attempts: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    values: bool = True,
    typed: bool = False,
    takes_options: bool = False,
) -> str:
    """Return the reason why a call has no value, the place of the fault, and the fix.

    Args:
        outcome: Outcome of a failed call.
        max_attempts: Limit of the guard. None omits the advice about it.
        limits: The limits of the call.
        values: Whether the message may have values and keys of the reply, and messages of checks.
        typed: Whether the schema is of a Python type, which itself defines the handling of other keys.
        takes_options: Whether the function takes the provider's arguments, as a model does.
    """
    failure, call = outcome.failure, outcome.call
    assert failure is not None
    number = len(outcome.attempts)
    function, schema = safe(clip(call.function)), safe(clip(call.schema_name))
    lines = [
        f"{function} returned no valid reply in {number} attempt{'s' if number > 1 else ''} (schema {schema})",
        f"  attempt {number}, {failure.kind} {safe(clip(failure.code))}{_stopped(outcome.attempts[-1])}:",
        *(_failure_lines(failure) if values else _lines_without_values(failure)),
        *([_CLOSED] if typed and any(v.keyword in _EXTRA_KEYS for v in failure.violations) else ()),
        *_budget_line(limits, outcome, max_attempts),
    ]
    see = "" if outcome.attempts[-1].reply is None else "to see the reply: error.outcome.attempts[-1].reply"
    if advice := see + _advice(outcome, max_attempts, limits, takes_options):
        lines.append(f"  {advice.removeprefix('; ')}")
    return "\n".join(lines)


def _stopped(attempt: Attempt) -> str:
    """Return the number of characters after which a reply was stopped, as text. `""` if it was not."""
    return "" if attempt.stopped_at is None else f", stopped after {attempt.stopped_at} characters"


def _failure_lines(failure: Failure) -> list[str]:
    return violation_lines(failure.violations) or [f"    {safe(clip(failure.message, 300))}"]


def _lines_without_values(failure: Failure) -> list[str]:
    if failure.violations and failure.kind != "semantic":
        return violation_lines(
            [v._replace(instance_location=declared_location(v), actual=v.got) for v in failure.violations]
        )
    # A message of the provider or a check may quote the reply.
    return (
        [] if failure.kind == "refusal" else [f"    {safe(prompting.describe(failure, quote_checks=False))}"]
    )


def violation_lines(violations: Sequence[Violation]) -> list[str]:
    """Return at most ten lines, one for each violation with its place in the schema, with escaped texts."""
    entries = [
        (
            f"    at {safe(clip(pointer(v.instance_location)))}: expected {safe(v.expected)}, got {safe(v.actual)}",
            v.keyword_location,
        )
        for v in violations[:_MAX_SHOWN]
    ]
    width = min(max((len(text) for text, _ in entries), default=0) + 2, 84)
    lines = [f"{text:<{width}}  [{safe(clip(location))}]" if location else text for text, location in entries]
    more = len(violations) - _MAX_SHOWN
    return [*lines, f"    and {more} more"] if more > 0 else lines


def _budget_line(limits: Limits, outcome: Outcome[Any], max_attempts: int | None) -> list[str]:
    """Return the line that reports that a limit prevented another attempt."""
    failure, attempts = outcome.failure, outcome.attempts
    assert failure is not None
    if max_attempts is None or len(attempts) >= max_attempts or failure.kind in ("refusal", "transport"):
        return []
    is_cut = failure.kind == "truncation"
    if not is_cut and (amount := exceeded_budget(limits, attempts)):
        reason = f"{amount} were spent"
    else:
        limit = limits.max_output_tokens
        reason = f"max_output_tokens={limit} was reached" if is_cut and limit else ""
    return [f"  the limits ended the call before attempt {len(attempts) + 1}: {reason}"] if reason else []


def _advice(outcome: Outcome[Any], max_attempts: int | None, limits: Limits, takes_options: bool) -> str:
    failure = outcome.failure
    assert failure is not None
    more = max_attempts + 2 if max_attempts is not None and len(outcome.attempts) >= max_attempts else None
    if failure.code in NOT_FIXED_BY_LIMIT:
        return "; a larger output limit does not help. Request less reasoning, omit the grammar, or use another model"
    if failure.kind == "truncation":
        needed = [] if takes_options else ["a parameter 'options'"]
        needed += ["provider="] if outcome.call.provider is None else []
        return (
            "; to allow a longer reply: limits=Limits(output_tokens=..., max_output_tokens=...)"
            f"{', with ' if needed else ''}{' and '.join(needed)}"
        )
    if failure.kind in _ADVICE_OF:
        return _ADVICE_OF[failure.kind]
    return f"; to allow more attempts: max_attempts={more}" if more else ""
