# SPDX-License-Identifier: Apache-2.0
"""The calls of functions' tools that a run made, turn by turn: each is one call of its tool's, judged by its schema.

A call that failed goes on with the first call of the next turn to the same tool, or, where there is no such tool, with one
that nothing else claims; what the next turn leaves out has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.calls.replies import Reply
from schema_guard.core.values import ParsedValue
from schema_guard.recorders.seen import SeenAttempt
from schema_guard.tool_calls.judging import judged
from schema_guard.tool_calls.recorded import shares
from schema_guard.tool_calls.tools import tools_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.calls.written import WrittenCall
    from schema_guard.core.schema import Schema
    from schema_guard.core.values import Usage
    from schema_guard.recorders.recording import Recording
    from schema_guard.tool_calls.judging import CallJudgement
    from schema_guard.tool_calls.tools import Tools

__all__ = ["ToolTurns"]


class _ToolCall:
    """A call of a tool, with each try at it."""

    def __init__(self, name: str | None, schema: Schema[Any]) -> None:
        self.name, self.schema = name, schema
        self.attempts: list[SeenAttempt] = []


class ToolTurns:
    """The tool calls of one run."""

    def __init__(self, recording: Recording) -> None:
        """Make one.

        Args:
            recording: Who takes the calls when the run is over.
        """
        self._recording = recording
        self._calls: list[_ToolCall] = []
        self._failed: list[_ToolCall] = []
        self._unknown = recording.unknown_tools

    def take(self, calls: Sequence[WrittenCall], given: object, told: Reply, elapsed_s: float) -> None:
        """Take the calls of a turn.

        Args:
            calls: In order.
            given: The tools that the model had, as `tools_of` takes them.
            told: What is known of the reply beside them: its tokens are those of its calls together.
            elapsed_s: Seconds.
        """
        tools = tools_of(given)
        left, self._failed = self._failed, []
        for call, usage in zip(calls, shares(told.usage, len(calls)), strict=True):
            one = judged(call, tools)
            followed = _claimed(left, one, tools)
            if followed is None:
                followed = _ToolCall(one.name, self._unknown.schema_of(one, tools))
                self._calls.append(followed)
            followed.attempts.append(SeenAttempt(_reply(one, told, usage), elapsed_s=elapsed_s))
            if not one.ok:
                self._failed.append(followed)

    def close(self, **known: Any) -> None:
        """Record the calls.

        Args:
            **known: As `Recording.open` takes it.
        """
        calls, self._calls, self._failed = self._calls, [], []
        for call in calls:
            opened = self._recording.open(call.schema, mode="tool_call", **known)
            if opened is not None:
                opened.past(call.attempts)
                opened.close()


def _claimed(left: list[_ToolCall], one: CallJudgement, tools: Tools) -> _ToolCall | None:
    """Take the failed call that one goes on with; None for a new one."""
    found = next((call for call in left if call.name == one.name), None)
    if found is None:
        found = next((call for call in left if call.name not in tools), None)
    if found is not None:
        left.remove(found)
    return found


def _reply(one: CallJudgement, told: Reply, usage: Usage) -> Reply:
    return told._replace(
        text=one.text or "",
        usage=usage,
        failure=one.failure,
        given=ParsedValue(one.arguments, own=True) if one.ok else None,
        refusal=None,
        tool=None,
        reasoned=False,
    )
