# SPDX-License-Identifier: Apache-2.0
"""The recorders of frameworks with spans: a model's request inside of spans, and the call that it is an attempt of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.recorders.langchain_runs import PendingCall, RunTree, read_tools
from schema_guard.ext.tools.judging import raw_reply
from schema_guard.providers.fields import field
from schema_guard.received.replies import written_calls
from schema_guard.values import Reply

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schema_guard.ext.recorders.recording import Recording
    from schema_guard.ext.recorders.requests import Requested
    from schema_guard.ext.recorders.tool_turns import ToolTurn

__all__ = ["ModelRequest", "Spans", "messages_of_task"]


class ModelRequest(NamedTuple):
    """A request to a model that waits for its reply.

    Attributes:
        parent: Id of the span around it.
        call: The call that its reply is an attempt of; None without a schema.
        turn: The turn of tools that its reply belongs to; None without tools.
        is_plain: Whether it asks for plain text.
    """

    parent: Any
    call: PendingCall | None
    turn: ToolTurn | None
    is_plain: bool = False

    def leave(self) -> None:
        """End what the request began for the running code."""
        for one in (self.call, self.turn):
            if one is not None:
                one.leave()

    def wait(self, tree: RunTree) -> None:
        """Let a call with attempts, and a turn, wait for the end of the span around the request."""
        if self.call is not None and self.call.opened.last is not None:
            tree.wait(self.parent, self.call)
        if self.turn is not None:
            tree.wait(self.parent, self.turn)


class Spans:
    """The spans under way, and the calls that may get another attempt. Safe in threads.

    Attributes:
        recording: Takes the calls.
        tree: The spans.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording, self.tree = recording, RunTree()

    def begin(
        self, span_id: Any, parent_id: Any, name: str | None = None, tags: Sequence[str] | None = None
    ) -> None:
        """Add a span."""
        for call in self.tree.begin(span_id, parent_id, name, tags):
            self.recording.count("unended")
            call.close()

    def end(
        self,
        span_id: Any,
        error: BaseException | None = None,
        refused_ids: Collection[str] = (),
        refused_tools: Collection[str] = (),
    ) -> None:
        """Remove a span: its calls are over, or wait in the span around it.

        Args:
            span_id: Its id.
            error: Raised in it.
            refused_ids: Ids of the tool calls that an agent did not take.
            refused_tools: Names of the tools whose calls it did not take.
        """
        parent_id, calls = self.tree.end(span_id)
        for call in calls:
            call.refuse_calls(refused_ids, refused_tools)
            if error is not None and isinstance(call, PendingCall):
                call.refuse(error)
            if error is not None or call.is_failed():
                self.tree.wait(parent_id, call)
            else:
                call.close()

    def ask(
        self,
        parent_id: Any,
        messages: Sequence[Any],
        request: Requested | None,
        known: dict[str, Any],
        model: str | None,
    ) -> ModelRequest:
        """Begin a request, in the context of its code.

        Args:
            parent_id: Id of the span around it.
            messages: As they are sent.
            request: The format or the tools that it asks for; None for plain text.
            known: As `Recording.open` takes it.
            model: Name of the model.
        """
        if request is None:
            return ModelRequest(parent_id, None, None, is_plain=True)
        call = self.tree.call_of(self.recording, parent_id, messages, request, known)
        tools, turn = read_tools(self.recording, request), None
        if tools is not None and (request.source is None or call is not None):
            turn = self.tree.turn_of(self.recording, parent_id, messages, known)
            turn.begin(tools, model)
        if call is not None:
            call.begin(messages, model)
        return ModelRequest(parent_id, call, turn)

    def answer(
        self, asked: ModelRequest, message: Any, reply: Any = None, error: BaseException | None = None
    ) -> None:
        """End a request with its reply.

        Args:
            asked: The request.
            message: The model's message, as a further request would hold it.
            reply: The reply that is validated. Default: the message.
            error: Raised instead of a reply.
        """
        asked.leave()
        if asked.is_plain:
            self.recording.count("without_schema")
        call, turn = asked.call, asked.turn
        reply = message if reply is None else reply
        calls = _calls_in(reply) if turn is not None and error is None else ()
        if turn is not None and error is not None:
            turn.fail(error)
        elif turn is not None and (call is None or calls):
            turn.answer(reply, message)
        if call is not None and error is not None:
            is_seen = isinstance(reply, Reply) or call.is_about_format(error)
            call.end(message, is_raised=True, reply=reply if is_seen else None, exception=error)
        elif call is not None and calls:
            # It may answer in the format, and has chosen to call a tool.
            self.recording.count("tool_turns")
        elif call is not None:
            call.end(message, reply=reply)
        asked.wait(self.tree)


def messages_of_task(messages: Sequence[Any]) -> list[Any]:
    """Return messages of a framework as texts and plain messages."""
    return [
        one
        if isinstance(one, str)
        else {
            "role": str(field(field(one, "role"), "value")),
            "content": field(one, "content", field(one, "text")) or "",
        }
        for one in messages
    ]


def _calls_in(reply: Any) -> Sequence[Any]:
    if isinstance(reply, Reply):
        return reply.calls
    raw = raw_reply(reply)
    return () if raw is None else written_calls(raw)
