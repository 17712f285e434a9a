# SPDX-License-Identifier: Apache-2.0
"""The recorders of frameworks with spans: the open spans, and the calls in them that may get another attempt.

Rules:
1. The function of a call is the innermost agent around it that has a name: a graph of LangGraph. Without one it is the
   outermost span that has a name, and then the node of a graph. The nodes of prebuilt agents name nothing.
2. A call waits in the span in which it was made. If it has failed when the span ends, it waits in the span around it.
3. A request is another attempt of a waiting call if it repeats the call's messages or contains the call's reply.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.recorders.nesting import current_context, is_same
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import MOST_OPEN, Opened
from schema_guard.ext.recorders.tool_turns import ToolTurn
from schema_guard.ext.tools.judging import raw_reply
from schema_guard.ext.tools.tools import tools_of
from schema_guard.locks import fork_safe_lock
from schema_guard.providers.fields import either, field, items
from schema_guard.received.exceptions import read_exception
from schema_guard.received.replies import written_calls
from schema_guard.values import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from schema_guard.ext.recorders.recording import Recording
    from schema_guard.ext.recorders.requests import Requested
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.schema import Schema

# Most calls that wait in one span. If there are more, the oldest one is recorded.
_MOST_WAITING: Final = 256
_SHORTEST_QUOTE: Final = 8
# Names that LangChain and LangGraph give to unnamed spans.
_UNNAMED: Final = re.compile(
    r"(Runnable|Channel)[A-Z]\w*(<.*>)?|LangGraph|ChatPromptTemplate|AgentExecutor|_\w*"
)
_NODES_OF_AGENTS: Final = frozenset({"model", "agent", "tools", "generate_structured_response"})
_STEP: Final = "graph:step:"

Waiting: TypeAlias = "PendingCall | ToolTurn"


class AgentRefusal(Exception):
    """An agent rejected a reply, without an exception that gives the reason."""


class _Span(NamedTuple):
    """A span.

    Attributes:
        parent: Id of the span around it.
        name: None if it has none.
        is_node: Whether it is a node of a graph.
    """

    parent: Any
    name: str | None
    is_node: bool


class PendingCall(Opened):
    """A call with a schema that may get another attempt.

    Attributes:
        reply: The last message; None before the first, and if it was not seen.
    """

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.reply: Any = None
        self._model: str | None = None
        self._asked: list[list[Any]] = []
        self._is_raised = False

    def continues(self, schema: Schema[Any], messages: Sequence[Any], *, is_own: bool) -> bool:
        """Return whether a request is another attempt.

        Args:
            schema: Schema that the request asks for.
            messages: Messages that it sends.
            is_own: Whether it is made in the same node of an agent.
        """
        if not is_same(schema, self.schema):
            return False
        is_repeated = [_compared(message) for message in messages] in self._asked
        if is_repeated and (self._is_raised or is_own):
            return True
        return self.reply is not None and self.is_failed() and is_in(self.reply, messages)

    def begin(self, messages: Sequence[Any], model: str | None) -> None:
        """Begin an attempt. An earlier one without an answer doesn't count."""
        last = self.last
        asked = [_compared(message) for message in messages]
        error = None if last is None or last.reply is not None else last.exception
        if error is not None and not self.is_about_format(error):
            self.replace_last()
        elif last is not None and last.exception is None and asked in self._asked:
            # A node of an agent that repeats a request has rejected the reply.
            self._refuse(AgentRefusal())
        self._asked.append(asked)
        self._model, self._is_raised, self._began = model, False, perf_counter()
        self.enter()

    def end(self, message: Any = None, *, is_raised: bool = False, **what: Any) -> None:
        """End the current attempt.

        Args:
            message: The message of the model; None if there is none.
            is_raised: Whether the model's call raised.
            **what: Arguments of `AttemptView`. Default for `reply`: the message.
        """
        self.reply, self._is_raised = message, is_raised
        view = AttemptView(**{"reply": message, **what}, model=self._model)
        self.past([view._replace(elapsed_s=perf_counter() - self._began)])

    def refuse(self, error: BaseException) -> None:
        """Note that the span around the model failed, and whether the reply was the cause."""
        self._is_raised = True
        if self.is_about_format(error):
            self._refuse(error)

    def refuse_calls(self, ids: Collection[str], names: Collection[str]) -> None:
        """Note the ids of the calls that the agent rejected."""
        calls = items(field(self.reply, "tool_calls"))
        if any(field(call, "id") in ids for call in calls):
            self._refuse(AgentRefusal())

    def is_about_format(self, error: BaseException) -> bool:
        """Return whether an exception means that a reply did not fit, and not that something else failed."""
        failure = read_exception(error, self.schema, is_observed=True).failure
        return failure is None or failure.kind != "transport"

    def _refuse(self, error: BaseException) -> None:
        last = self.last
        if last is not None and last.exception is None:
            self.replace_last(last._replace(exception=error))


class ModelRequest(NamedTuple):
    """A request to a model that waits for its reply.

    Attributes:
        parent: Id of the span around it.
        call: The call of which its reply is an attempt; None without a schema.
        turn: The turn of tools that its reply belongs to; None without tools.
        is_plain: Whether it asks for plain text.
    """

    parent: Any
    call: PendingCall | None
    turn: ToolTurn | None
    is_plain: bool = False

    def leave(self) -> None:
        """End the call and the turn that the request began for the running code."""
        for one in (self.call, self.turn):
            if one is not None:
                one.leave()


class Spans:
    """The open spans, and the calls that wait in each. Thread-safe.

    Attributes:
        recording: Recording that receives the calls.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._lock = fork_safe_lock()
        self._spans: OrderedDict[Any, _Span] = OrderedDict()
        self._waiting: dict[Any, list[Waiting]] = {}

    def begin(
        self, span_id: Any, parent_id: Any, name: str | None = None, tags: Sequence[str] | None = None
    ) -> None:
        """Add a span. If there are too many, end the oldest one."""
        is_node = any(tag.startswith(_STEP) for tag in tags or ())
        span = _Span(parent_id, None if name is None or _UNNAMED.fullmatch(name) else name, is_node)
        with self._lock:
            self._spans[span_id] = span
            oldest = self._spans.popitem(last=False)[0] if len(self._spans) > MOST_OPEN else None
            calls = self._waiting.pop(oldest, [])
        for call in calls:
            self.recording.count("unended")
            call.close()

    def end(
        self,
        span_id: Any,
        error: BaseException | None = None,
        refused_ids: Collection[str] = (),
        refused_tools: Collection[str] = (),
    ) -> None:
        """Remove a span. Its calls are over, or wait in the span around it.

        Args:
            span_id: Id of the span.
            error: Exception that was raised in it.
            refused_ids: Ids of the tool calls that an agent rejected.
            refused_tools: Names of the tools whose calls it rejected.
        """
        with self._lock:
            span, calls = self._spans.pop(span_id, None), self._waiting.pop(span_id, [])
        for call in calls:
            call.refuse_calls(refused_ids, refused_tools)
            if error is not None and isinstance(call, PendingCall):
                call.refuse(error)
            if error is not None or call.is_failed():
                self._wait(None if span is None else span.parent, call)
            else:
                call.close()

    def ask(
        self,
        parent_id: Any,
        messages: Sequence[Any],
        request: Requested | None,
        model: str | None,
        **known: Any,
    ) -> ModelRequest:
        """Begin a request, in the context of its code.

        Args:
            parent_id: Id of the span around it.
            messages: Messages as they are sent.
            request: The format or the tools that it asks for; None for plain text.
            model: Name of the model.
            known: Arguments of `Recording.open`. Default for `task`: the messages.
        """
        if request is None:
            return ModelRequest(parent_id, None, None, is_plain=True)
        known = {"task": messages, "where": current_context(), "started_at": time(), **known}
        call = self._call_of(parent_id, messages, request, known)
        tools, turn = self._tools_of(request), None
        if tools is not None and (request.source is None or call is not None):
            turn = self._turn_of(parent_id, messages, known)
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
            message: The model's message, as a later request would contain it.
            reply: The reply to validate. Default: the message.
            error: Exception that was raised instead of a reply.
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
            # The model could answer in the format, but chose to call a tool.
            self.recording.count("tool_turns")
        elif call is not None:
            call.end(message, reply=reply)
        self.keep(asked)

    def keep(self, asked: ModelRequest) -> None:
        """Let a call with attempts, and a turn, wait for the end of the span around the request."""
        if asked.call is not None and asked.call.last is not None:
            self._wait(asked.parent, asked.call)
        if asked.turn is not None:
            self._wait(asked.parent, asked.turn)

    def is_agent_node(self, span_id: Any) -> bool:
        """Return whether a span is a node of a prebuilt agent."""
        span = self._spans.get(span_id)
        return span is not None and span.is_node and span.name in _NODES_OF_AGENTS

    def function_of(self, own: str | None, parent_id: Any) -> str | None:
        """Return the name of the function of a call, or None if nothing names it.

        Args:
            own: Name of the model's span.
            parent_id: Id of the span around it.
        """
        outermost, node, is_in_graph = own or None, None, False
        with self._lock:
            for span in map(self._spans.__getitem__, self._path(parent_id)):
                if span.name is not None and span.is_node:
                    node = node if span.name in _NODES_OF_AGENTS else span.name
                elif span.name is not None and is_in_graph:
                    return span.name
                else:
                    outermost = span.name or outermost
                is_in_graph = span.is_node
        return outermost or node

    def _wait(self, span_id: Any, call: Waiting) -> None:
        """Let a call wait in a span. Record it if the span is over, or the oldest one if there are too many."""
        with self._lock:
            over: Waiting | None = call
            if span_id in self._spans:
                calls = self._waiting.setdefault(span_id, [])
                calls.append(call)
                over = calls.pop(0) if len(calls) > _MOST_WAITING else None
        if over is not None:
            over.close()

    def _take(self, parent_id: Any, is_wanted: Callable[[Any, bool], bool]) -> Any:
        """Remove and return a call that waits in a span or around it, or return None.

        Args:
            parent_id: Id of the span.
            is_wanted: Function of a call, and of whether it was made in the same node of a prebuilt agent.
        """
        with self._lock:
            for span_id in self._path(parent_id):
                is_own = span_id == parent_id and self.is_agent_node(span_id)
                for call in self._waiting.get(span_id, ()):
                    if is_wanted(call, is_own):
                        self._waiting[span_id].remove(call)
                        return call
        return None

    def _path(self, span_id: Any) -> Iterator[Any]:
        while span_id in self._spans:
            yield span_id
            span_id = self._spans[span_id].parent

    def _call_of(
        self, parent_id: Any, messages: Sequence[Any], request: Requested, known: dict[str, Any]
    ) -> PendingCall | None:
        """Return the call of a request's attempt, or None without a schema or if it is part of an outer call."""
        if request.source is None:
            self.recording.count("tool_turns")
            return None
        schema = self.recording.schema_of(request.source, request.name)
        if schema is None:
            return None

        def is_wanted(one: Waiting, is_own: bool) -> bool:
            return isinstance(one, PendingCall) and one.continues(schema, messages, is_own=is_own)

        before: PendingCall | None = self._take(parent_id, is_wanted)
        return before or self.recording.open(
            schema, PendingCall, mode=request.mode, tool=request.tool, **known
        )

    def _turn_of(self, parent_id: Any, messages: Sequence[Any], known: dict[str, Any]) -> ToolTurn:
        """Return the turn that a request corrects, or a new one."""

        def is_wanted(one: Waiting, is_own: bool) -> bool:
            return isinstance(one, ToolTurn) and one.is_failed() and (is_own or is_in(one.reply, messages))

        before: ToolTurn | None = self._take(parent_id, is_wanted)
        return before or ToolTurn(self.recording, known)

    def _tools_of(self, request: Requested) -> Tools | None:
        """Read the tools that the model may call, or return None. Unreadable tools are counted."""
        try:
            return tools_of(request.tools) if request.tools else None
        except (InvalidArgument, InvalidSchema):
            self.recording.count("invalid_schema")
            return None


def is_in(reply: Any, messages: Sequence[Any]) -> bool:
    """Return whether messages contain a reply, or one of them quotes its text."""
    compared, text = _compared(reply), _text(reply).strip()
    return any(
        _compared(message) == compared or (len(text) >= _SHORTEST_QUOTE and text in _text(message))
        for message in messages
    )


def _text(message: Any) -> str:
    text = message if isinstance(message, str) else either(message, "text", "content")
    return text if isinstance(text, str) else ""


def _compared(message: Any) -> tuple[Any, ...]:
    """Return the parts of a message that are equal in equivalent messages."""
    calls = [*items(field(message, "tool_calls")), *items(field(message, "invalid_tool_calls"))]
    role = str(either(message, "type", "role")).removesuffix("MessageChunk").lower()
    content = message if isinstance(message, str) else either(message, "blocks", "_content", "content")
    return role, content, [(field(call, "name"), field(call, "args")) for call in calls]


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
