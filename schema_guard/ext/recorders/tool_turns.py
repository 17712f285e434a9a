# SPDX-License-Identifier: Apache-2.0
"""The calls of functions' tools that a run made, turn by turn: each is one call of its tool's, judged by its schema.

A call that failed goes on with the first call of the next turn to the same tool, or, where there is no such tool, with one
that nothing else claims; what the next turn leaves out has failed.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.tools.judging import judged, raw_reply
from schema_guard.ext.tools.recorded_call import shares
from schema_guard.ext.tools.tools import tools_of
from schema_guard.received.replies import Reply, read, written_calls
from schema_guard.records.identity import current_tools
from schema_guard.values import ParsedValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.recorders.recording import Recording
    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.providers.model_output import WrittenCall
    from schema_guard.schema import Schema
    from schema_guard.values import Usage

__all__ = ["ToolTurn", "ToolTurns", "record_turn", "turn_of"]


class _ToolCall:
    """A call of a tool, with each try at it."""

    def __init__(self, name: str | None, schema: Schema[Any]) -> None:
        self.name, self.schema = name, schema
        self.attempts: list[AttemptView] = []


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

    def take(
        self,
        calls: Sequence[WrittenCall],
        tool_schemas: object,
        details: Reply,
        elapsed_s: float,
        cost: float | None = None,
    ) -> None:
        """Take the calls of a turn.

        Args:
            calls: In order.
            tool_schemas: The tools that the model had, as `tools_of` takes them.
            details: What is known of the reply beside them: its tokens are those of its calls together.
            elapsed_s: Seconds.
            cost: Dollars, of its calls together too; None where nobody has counted.
        """
        tools = tools_of(tool_schemas)
        failed, self._failed = self._failed, []
        for call, usage in zip(calls, shares(details.usage, len(calls)), strict=True):
            judgement = judged(call, tools)
            followed = _claimed(failed, judgement, tools)
            if followed is None:
                followed = _ToolCall(judgement.name, self._unknown.schema_of(judgement, tools))
                self._calls.append(followed)
            share = None if cost is None else cost / len(calls)
            followed.attempts.append(
                AttemptView(_reply(judgement, details, usage), elapsed_s=elapsed_s, cost=share)
            )
            if not judgement.ok:
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


class ToolTurn:
    """A turn of tools whose reply is waited for: what is called inside of it leaves its calls to it.

    Attributes:
        tools: That the model has, read.
        facts: Of its calls, as `Recording.open` takes it.
    """

    def __init__(self, tools: Tools, model: str | None, known: dict[str, Any]) -> None:
        self.tools, self.facts = tools, known
        self._model, self._names, self._outer = model, frozenset(tools), current_tools.get()
        self._began = perf_counter()

    def enter(self) -> None:
        """Make it the turn that the running code is a part of."""
        current_tools.set(self._names)

    def leave(self) -> None:
        """End what `enter` began; in another context nothing is to be ended."""
        if current_tools.get() is self._names:
            current_tools.set(self._outer)

    def record(self, recording: Recording, reply: object) -> None:
        """Record the calls of its reply."""
        answer = read(reply)
        answer = answer._replace(model=answer.model or self._model)
        record_turn(
            recording, reply, self.tools, answer, elapsed_s=perf_counter() - self._began, **self.facts
        )


def turn_of(
    recording: Recording, tools: Sequence[Any], model: str | None, known: dict[str, Any]
) -> ToolTurn | None:
    """Begin a turn of tools; None where they cannot be read, which is counted."""
    try:
        return ToolTurn(tools_of(tools), model, known)
    except (InvalidArgument, InvalidSchema):
        recording.count("invalid_schema")
        return None


def record_turn(
    recording: Recording,
    reply: object,
    tools: object,
    details: Reply,
    *,
    elapsed_s: float,
    cost: float | None = None,
    **known: Any,
) -> None:
    """Record each tool call of one reply as one call; none inside of a turn whose calls are recorded further out.

    Args:
        recording: Who takes them.
        reply: As it came.
        tools: That the model had.
        details: What is known of the reply beside its calls.
        elapsed_s: Seconds.
        cost: Dollars; None where nobody has counted.
        **known: As `Recording.open` takes it, with `where`.
    """
    try:
        tools_by_name = tools_of(tools)
    except (InvalidArgument, InvalidSchema):
        recording.count("invalid_schema")
        return
    if tools_by_name and tools_by_name.keys() <= known["where"].tools:
        recording.count("inside")
        return
    raw = raw_reply(reply)
    turns = ToolTurns(recording)
    turns.take([] if raw is None else written_calls(raw), tools_by_name, details, elapsed_s, cost)
    turns.close(**known)


def _claimed(failed: list[_ToolCall], judgement: CallJudgement, tools: Tools) -> _ToolCall | None:
    """Take the failed call that one goes on with; None for a new one."""
    claimed = next((call for call in failed if call.name == judgement.name), None)
    if claimed is None:
        claimed = next((call for call in failed if call.name not in tools), None)
    if claimed is not None:
        failed.remove(claimed)
    return claimed


def _reply(judgement: CallJudgement, answer: Reply, usage: Usage) -> Reply:
    return answer._replace(
        text=judgement.text or "",
        usage=usage,
        failure=judgement.failure,
        parsed=ParsedValue(judgement.arguments, is_instance=True) if judgement.ok else None,
        refusal=None,
        tool=None,
        reasoned=False,
    )
