# SPDX-License-Identifier: Apache-2.0
"""The error for a turn with invalid tool calls, and its message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import GuardFailed, shows_values
from schema_guard.text import clip, plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.values import Outcome

_MOST_SHOWN: Final = 10


class ToolCallsFailed(GuardFailed):
    """Error for an agent's turn whose last reply contains invalid tool calls.

    Attributes:
        judgements: For each reply, in order, the judgements of its tool calls, without schemas.
        outcome: The outcome of the turn, with one attempt for each reply. The failure of the turn is the failure of the
            first invalid tool call.
    """

    def __init__(
        self, message: str, *, outcome: Outcome[Any], judgements: Sequence[Sequence[CallJudgement]]
    ) -> None:
        super().__init__(message, outcome=outcome)
        # The type of a schema may be local to a function, and then pickle rejects it.
        self.judgements = tuple(
            tuple(judgement._replace(schema=None) for judgement in reply) for reply in judgements
        )


def failure_text(function: str, judgements: Sequence[Sequence[CallJudgement]], max_attempts: int) -> str:
    """Return a message with the invalid calls of the last reply, their faults, and the fix."""
    last = judgements[-1]
    failed = [judgement for judgement in last if not judgement.ok]
    counted = f"{len(failed)} of {plural(len(last), 'tool call')} not valid"
    attempt = f"in attempt {len(judgements)} of {max_attempts}"
    lines = [
        f"{safe(clip(function))}: {counted} {attempt}",
        *(f"  {_line(judgement)}" for judgement in failed[:_MOST_SHOWN]),
    ]
    if len(failed) > _MOST_SHOWN:
        lines.append(f"  and {len(failed) - _MOST_SHOWN} more")
    is_refused = any(
        judgement.failure is not None and judgement.failure.kind == "refusal" for judgement in failed
    )
    is_spent = len(judgements) >= max_attempts and not is_refused
    more = f"; to retry: max_attempts={max_attempts + 2}" if is_spent else ""
    return "\n".join([*lines, f"  each of them: error.judgements[-1]{more}"])


def _line(judgement: CallJudgement) -> str:
    failure = judgement.failure
    assert failure is not None
    called = (
        safe(clip(judgement.name))
        if judgement.name is not None and (judgement.schema is not None or shows_values())
        else "a call"
    )
    message = safe(clip(failure.message, 300)) if shows_values() else safe(judgement.message or "")
    return f"{called}, {failure.kind} {safe(clip(failure.code))}: {message}"
