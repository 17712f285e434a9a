# SPDX-License-Identifier: Apache-2.0
"""The calls of function tools in a run, turn by turn. Each is one call of its tool, validated against its schema.

The first call of the next turn to the same tool continues a failed call. If the failed call's tool doesn't exist, any
call that continues no other one does. A failed call without a continuation in the next turn has failed.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.recorders.observed_attempt import AttemptView, add_attempt
from schema_guard.ext.tools.judging import judged, raw_reply
from schema_guard.ext.tools.recorded_calls import shares
from schema_guard.ext.tools.tools import tools_of
from schema_guard.received.replies import read, written_calls
from schema_guard.records.identity import current_tools
from schema_guard.values import Failure, ParsedValue, Reply

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schema_guard.ext.recorders.nesting import CallContext
    from schema_guard.ext.recorders.recording import Recording
    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.providers.model_output import WrittenCall
    from schema_guard.schema import Schema
    from schema_guard.values import Usage

_REFUSED: Final = Failure("semantic", "refused", "the agent rejected the call")


class _ToolCall(NamedTuple):
    """A call of a tool, with all its attempts."""

    name: str | None
    schema: Schema[Any]
    attempts: list[AttemptView]


class ToolTurns:
    """The tool calls of one run."""

    def __init__(self, recording: Recording) -> None:
        """Create an object without calls.

        Args:
            recording: The recording that receives the calls when the run has ended.
        """
        self._recording = recording
        self._calls: list[_ToolCall] = []
        self._failed: list[_ToolCall] = []
        self._last: list[tuple[str | None, _ToolCall]] = []
        self._unknown = recording.unknown_tools

    def take(
        self,
        calls: Sequence[WrittenCall],
        tool_schemas: object,
        details: Reply,
        elapsed_s: float,
        cost: float | None = None,
    ) -> None:
        """Add the calls of a turn.

        Args:
            calls: The calls, in order.
            tool_schemas: The tools that the model had, as `tools_of` takes them.
            details: Other facts of the reply. Its tokens are those of all its calls together.
            elapsed_s: Seconds.
            cost: Dollars of all its calls together; None if unknown.
        """
        tools = tools_of(tool_schemas)
        failed, self._failed, self._last = self._failed, [], []
        for call, usage in zip(calls, shares(details.usage, len(calls)), strict=True):
            judgement = judged(call, tools)
            followed = _claimed(failed, judgement, tools)
            if followed is None:
                followed = _ToolCall(judgement.name, self._unknown.schema_of(judgement, tools), [])
                self._calls.append(followed)
            share = None if cost is None else cost / len(calls)
            attempt = AttemptView(_reply(judgement, details, usage), elapsed_s=elapsed_s, cost=share)
            add_attempt(followed.attempts, attempt)
            self._last.append((judgement.id, followed))
            if not judgement.ok:
                self._failed.append(followed)

    def take_reply(
        self,
        reply: object,
        tools: object,
        details: Reply,
        elapsed_s: float,
        cost: float | None = None,
        *,
        where: CallContext,
    ) -> None:
        """Add the calls of a reply, unless it is inside a turn whose calls are recorded further out.

        Args:
            reply: The reply of the framework.
            tools: As in `take`.
            details: As in `take`.
            elapsed_s: Seconds.
            cost: As in `take`.
            where: Context of the request.
        """
        try:
            tools_by_name = tools_of(tools)
        except (InvalidArgument, InvalidSchema):
            self._recording.count("invalid_schema")
            return
        if tools_by_name and tools_by_name.keys() <= where.tools:
            self._recording.count("inside")
            return
        raw = None if isinstance(reply, Reply) else raw_reply(reply)
        calls = list(details.calls) if raw is None else written_calls(raw)
        self.take(calls, tools_by_name, details, elapsed_s, cost)

    def is_failed(self) -> bool:
        """Return whether a call of the last turn failed."""
        return bool(self._failed)

    def fail(self, error: BaseException) -> None:
        """Note that the request to correct the failed calls raised."""
        for call in self._failed:
            add_attempt(call.attempts, AttemptView(exception=error))

    def refuse_calls(self, ids: Collection[str], names: Collection[str]) -> None:
        """Note that an agent rejected the last turn's calls with one of these ids, or to one of these tools."""
        for call_id, call in self._last:
            if (call_id in ids or call.name in names) and call not in self._failed:
                last = call.attempts[-1]
                assert isinstance(last.reply, Reply)
                call.attempts[-1] = last._replace(reply=last.reply._replace(refused=_REFUSED))
                self._failed.append(call)

    def close(self, **known: Any) -> None:
        """Record the calls.

        Args:
            **known: Arguments of `Recording.open`.
        """
        calls, self._calls, self._failed, self._last = self._calls, [], [], []
        for call in calls:
            self._recording.record(call.attempts, call.schema, mode="tool_call", **known)


class ToolTurn(ToolTurns):
    """Consecutive turns of tools, each of which corrects the previous one. Inner recorders don't record them.

    Attributes:
        reply: The message of the last turn; None before the first.
    """

    def __init__(self, recording: Recording, known: dict[str, Any]) -> None:
        """Create an object without turns.

        Args:
            recording: The recording that receives the calls.
            known: Arguments of `Recording.open`, with `where`.
        """
        self.reply: object = None
        super().__init__(recording)
        self._facts = known

    def begin(self, tools: Tools, model: str | None) -> None:
        """Begin a turn, and make the running code part of it."""
        self._tools, self._model, self._names = tools, model, frozenset(tools)
        self._outer, self._began = current_tools.get(), perf_counter()
        current_tools.set(self._names)

    def leave(self) -> None:
        """Undo `begin`. In another context, this does nothing."""
        if current_tools.get() is self._names:
            current_tools.set(self._outer)

    def answer(self, reply: object, message: object) -> None:
        """Add the reply of the turn, and the message that the next request sends for it."""
        elapsed_s = perf_counter() - self._began
        self.reply = message
        answer = read(reply)
        answer = answer._replace(model=answer.model or self._model)
        self.take_reply(reply, self._tools, answer, elapsed_s, where=self._facts["where"])

    def close(self, **known: Any) -> None:
        """Record the calls."""
        super().close(**self._facts, **known)


class AgentCall:
    """The call of an agent: its attempts at the output, and the calls of its tools.

    Attributes:
        opened: The open call. None for plain text, and for a part of an outer call.
        attempts: The attempts at the output so far.
        turns: The calls of tools.
        model: Name of the model.
    """

    def __init__(
        self,
        recording: Recording,
        schema: Schema[Any] | None,
        mode: str,
        model: str | None,
        known: dict[str, Any],
    ) -> None:
        """Open the call.

        Args:
            recording: The recording that receives the call.
            schema: Schema of the output; None for plain text.
            mode: Strategy by which the output was requested.
            model: Name of the model.
            known: Arguments of `Recording.open`, with `where`.
        """
        self.opened = None if schema is None else recording.open(schema, mode=mode, **known)
        self.attempts: list[AttemptView] = []
        self.turns, self.model, self._known = ToolTurns(recording), model, known

    def add(self, **what: Any) -> None:
        """Add an attempt, with the arguments of `AttemptView`."""
        self.attempts.append(AttemptView(**what, model=self.model))

    def close(self) -> None:
        """Record the call, and the calls of tools as its parts."""
        where: CallContext = self._known["where"]
        call_id = where.call_id if self.opened is None else self.opened.id
        self.turns.close(**{**self._known, "where": where._replace(call_id=call_id, schema=None)})
        if self.opened is not None:
            self.opened.close(self.attempts)


def _claimed(failed: list[_ToolCall], judgement: CallJudgement, tools: Tools) -> _ToolCall | None:
    """Remove and return the failed call that this call continues, or return None for a new call."""
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
