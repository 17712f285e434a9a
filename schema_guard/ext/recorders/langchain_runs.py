# SPDX-License-Identifier: Apache-2.0
"""The runs of LangChain and LangGraph that are under way: their names, and the calls that may get another attempt.

Rules:
1. The function of a call is the innermost agent around it that has a name: a graph of LangGraph. Without one it is the
   outermost run that has a name, and then the node of a graph. The nodes of prebuilt agents name nothing.
2. A call waits in the run that it was made in. If it has failed when that ends, it waits in the run around it.
3. A request gets another attempt of a call that waits if it repeats the call's messages or holds the call's reply.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.ext.recorders.nesting import is_same
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import MOST_OPEN
from schema_guard.ext.recorders.tool_turns import ToolTurn
from schema_guard.ext.tools.tools import tools_of
from schema_guard.locks import fork_safe_lock
from schema_guard.providers.fields import either, field, items
from schema_guard.received.exceptions import read_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from schema_guard.ext.recorders.recording import Opened, Recording
    from schema_guard.ext.recorders.requests import Requested
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.schema import Schema

__all__ = ["MOST_WAITING", "PendingCall", "RunTree", "read_tools", "refused_calls"]

MOST_WAITING: Final = 256
"""Calls that may wait in one run; the oldest one beyond is recorded."""
_SHORTEST_QUOTE: Final = 8
# Names that LangChain and LangGraph give to runs without one.
_UNNAMED: Final = re.compile(
    r"(Runnable|Channel)[A-Z]\w*(<.*>)?|LangGraph|ChatPromptTemplate|AgentExecutor|_\w*"
)
_NODES_OF_AGENTS: Final = frozenset({"model", "agent", "tools", "generate_structured_response"})
_STEP: Final = "graph:step:"


class AgentRefusal(Exception):
    """An agent did not take a reply, and did not say why in an exception."""


class _Run(NamedTuple):
    """A run of a chain or a tool.

    Attributes:
        parent: Id of the run around it.
        name: None if it has none.
        is_node: Whether it is a node of a graph.
    """

    parent: Any
    name: str | None
    is_node: bool


class RunTree:
    """The runs under way, and what waits in each. Thread-safe."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._runs: OrderedDict[Any, _Run] = OrderedDict()
        self._waiting: dict[Any, list[PendingCall | ToolTurn]] = {}

    def begin(
        self, run_id: Any, parent_id: Any, name: str | None, tags: Sequence[str] | None
    ) -> list[PendingCall | ToolTurn]:
        """Add a run; return the calls of the oldest one if there are too many."""
        is_node = any(tag.startswith(_STEP) for tag in tags or ())
        run = _Run(parent_id, None if name is None or _UNNAMED.fullmatch(name) else name, is_node)
        with self._lock:
            self._runs[run_id] = run
            oldest = self._runs.popitem(last=False)[0] if len(self._runs) > MOST_OPEN else None
            return self._waiting.pop(oldest, [])

    def end(self, run_id: Any) -> tuple[Any, list[PendingCall | ToolTurn]]:
        """Remove a run; return the id of the run around it, and the calls that wait in it."""
        with self._lock:
            run = self._runs.pop(run_id, None)
            return None if run is None else run.parent, self._waiting.pop(run_id, [])

    def wait(self, run_id: Any, call: PendingCall | ToolTurn) -> None:
        """Let a call wait in a run; record it if the run is over, or the oldest one there if there are too many."""
        with self._lock:
            over: PendingCall | ToolTurn | None = call
            if run_id in self._runs:
                calls = self._waiting.setdefault(run_id, [])
                calls.append(call)
                over = calls.pop(0) if len(calls) > MOST_WAITING else None
        if over is not None:
            over.close()

    def take(
        self, parent_id: Any, is_wanted: Callable[[PendingCall | ToolTurn, bool], bool]
    ) -> PendingCall | ToolTurn | None:
        """Remove and return a call that waits in a run or around it; None if there is none.

        Args:
            parent_id: Id of the run.
            is_wanted: Tells by a call, and by whether it was made in the same node of a prebuilt agent.
        """
        with self._lock:
            for run_id in self._path(parent_id):
                is_own = run_id == parent_id and self._is_agent_node(run_id)
                for call in self._waiting.get(run_id, ()):
                    if is_wanted(call, is_own):
                        self._waiting[run_id].remove(call)
                        return call
        return None

    def call_of(
        self,
        recording: Recording,
        parent_id: Any,
        messages: Sequence[Any],
        request: Requested,
        known: dict[str, Any],
    ) -> PendingCall | None:
        """Return the call that a request is an attempt of; None if it has no schema, or is a part of one further out."""
        if request.source is None:
            recording.count("tool_turns")
            return None
        schema = recording.schema_of(request.source, request.name)
        if schema is None:
            return None
        before = self.take(
            parent_id,
            lambda one, is_own: (
                isinstance(one, PendingCall) and one.continues(schema, messages, is_own=is_own)
            ),
        )
        if isinstance(before, PendingCall):
            return before
        opened = recording.open(schema, mode=request.mode, tool=request.tool, **known)
        return None if opened is None else PendingCall(opened, request)

    def turn_of(
        self, recording: Recording, parent_id: Any, messages: Sequence[Any], known: dict[str, Any]
    ) -> ToolTurn:
        """Return the turn that a request corrects, or a new one."""
        before = self.take(
            parent_id,
            lambda one, is_own: (
                isinstance(one, ToolTurn) and one.is_failed() and (is_own or is_in(one.reply, messages))
            ),
        )
        return before if isinstance(before, ToolTurn) else ToolTurn(recording, known)

    def is_agent_node(self, run_id: Any) -> bool:
        """Return whether a run is a node of a prebuilt agent."""
        with self._lock:
            return self._is_agent_node(run_id)

    def function_of(self, own: str | None, parent_id: Any) -> str | None:
        """Return the name of the function of a call; None if nothing names it.

        Args:
            own: Name of the model's run.
            parent_id: Id of the run around it.
        """
        outermost, node, is_in_graph = own or None, None, False
        with self._lock:
            for run in map(self._runs.__getitem__, self._path(parent_id)):
                if run.name is not None and run.is_node:
                    node = node if run.name in _NODES_OF_AGENTS else run.name
                elif run.name is not None and is_in_graph:
                    return run.name
                else:
                    outermost = run.name or outermost
                is_in_graph = run.is_node
        return outermost or node

    def _path(self, run_id: Any) -> Iterator[Any]:
        while run_id in self._runs:
            yield run_id
            run_id = self._runs[run_id].parent

    def _is_agent_node(self, run_id: Any) -> bool:
        run = self._runs.get(run_id)
        return run is not None and run.is_node and run.name in _NODES_OF_AGENTS


class PendingCall:
    """A call with a schema that may yet have another attempt.

    Attributes:
        opened: Its attempts.
        request: How it asks for its format.
        reply: The last message; None before the first, and if nothing was seen of it.
    """

    def __init__(self, opened: Opened, request: Requested) -> None:
        self.opened, self.request, self.reply = opened, request, None
        self._model: str | None = None
        self._asked: list[list[Any]] = []
        self._is_raised = False

    def continues(self, schema: Schema[Any], messages: Sequence[Any], *, is_own: bool) -> bool:
        """Return whether a request asks for another attempt.

        Args:
            schema: That it asks for.
            messages: That it sends.
            is_own: Whether it is made in the same node of an agent.
        """
        if not is_same(schema, self.opened.schema):
            return False
        is_repeated = [_compared(message) for message in messages] in self._asked
        if is_repeated and (self._is_raised or is_own):
            return True
        return self.reply is not None and self.opened.is_failed() and is_in(self.reply, messages)

    def begin(self, messages: Sequence[Any], model: str | None) -> None:
        """Begin an attempt; one before it that was not answered is none."""
        last = self.opened.last
        asked = [_compared(message) for message in messages]
        error = None if last is None or last.reply is not None else last.exception
        if error is not None and not self.is_about_format(error):
            self.opened.replace_last()
        elif last is not None and last.exception is None and asked in self._asked:
            # A node of an agent that asks the same again has refused the reply.
            self._refuse(AgentRefusal())
        self._asked.append(asked)
        self._model, self._is_raised, self._began = model, False, perf_counter()
        self.opened.enter()

    def leave(self) -> None:
        """End what `begin` began for the running code."""
        self.opened.leave()

    def end(self, message: Any = None, *, is_raised: bool = False, **what: Any) -> None:
        """End the attempt that is under way.

        Args:
            message: The model's; None if there is none.
            is_raised: Whether the model's call raised.
            **what: As `AttemptView` takes it; its reply is the message by default.
        """
        self.reply, self._is_raised = message, is_raised
        view = AttemptView(**{"reply": message, **what}, model=self._model)
        self.opened.past([view._replace(elapsed_s=perf_counter() - self._began)])

    def refuse(self, error: BaseException) -> None:
        """Note that the run around the model failed, and whether it did because of the reply."""
        self._is_raised = True
        if self.is_about_format(error):
            self._refuse(error)

    def refuse_calls(self, ids: Collection[str], names: Collection[str]) -> None:
        """Note the ids of the calls that the agent did not take."""
        calls = items(field(self.reply, "tool_calls"))
        if any(field(call, "id") in ids for call in calls):
            self._refuse(AgentRefusal())

    def is_about_format(self, error: BaseException) -> bool:
        """Return whether an exception says that a reply did not fit, and not that something else went wrong."""
        failure = read_exception(error, self.opened.schema, is_observed=True).failure
        return failure is None or failure.kind != "transport"

    def is_failed(self) -> bool:
        """Return whether the call, with the attempts so far, has no valid reply."""
        return self.opened.is_failed()

    def close(self) -> None:
        """Record the call."""
        self.opened.close()

    def _refuse(self, error: BaseException) -> None:
        last = self.opened.last
        if last is not None and last.exception is None:
            self.opened.replace_last(last._replace(exception=error))


def read_tools(recording: Recording, request: Requested) -> Tools | None:
    """Read the tools that the model may call; None if there are none, and if they cannot be read, which is counted."""
    try:
        return tools_of(request.tools) if request.tools else None
    except (InvalidArgument, InvalidSchema):
        recording.count("invalid_schema")
        return None


def is_in(reply: Any, messages: Sequence[Any]) -> bool:
    """Return whether messages hold a reply, or one of them quotes its text."""
    compared, text = _compared(reply), _text(reply).strip()
    return any(
        _compared(message) == compared or (len(text) >= _SHORTEST_QUOTE and text in _text(message))
        for message in messages
    )


def _text(message: Any) -> str:
    text = message if isinstance(message, str) else either(message, "text", "content")
    return text if isinstance(text, str) else ""


def _compared(message: Any) -> tuple[Any, ...]:
    """Return what two messages have in common that say the same."""
    calls = [*items(field(message, "tool_calls")), *items(field(message, "invalid_tool_calls"))]
    role = str(either(message, "type", "role")).removesuffix("MessageChunk").lower()
    content = message if isinstance(message, str) else either(message, "blocks", "_content", "content")
    return role, content, [(field(call, "name"), field(call, "args")) for call in calls]


def refused_calls(outputs: Any) -> set[str]:
    """Return the ids of the calls that an agent's node has answered itself, because the output did not fit."""
    updates = [field(one, "update", one) for one in (outputs if isinstance(outputs, list) else [outputs])]
    return {
        field(message, "tool_call_id")
        for update in updates
        if isinstance(update, dict) and update.get("structured_response") is None
        for message in items(update.get("messages"))
        if field(message, "type") == "tool"
    }
