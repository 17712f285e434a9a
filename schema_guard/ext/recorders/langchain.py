# SPDX-License-Identifier: Apache-2.0
"""Calls that LangChain's chat models make, recorded by a callback handler: `config={"callbacks": [LangChainRecorder()]}`.

Once `LangChainRecorder` is imported, the environment variable `SCHEMA_GUARD_LANGCHAIN=1` switches one on for every call of
the process.

Rules:
1. A call is one of a chat model with a schema: that of `with_structured_output`, in any of its methods, else a
   `response_format`, else the only tool, forced.
2. Where several tools can be called each call that the model makes is one of its tool's.
3. A call with a schema is recorded when the chain around it has ended, for that is where LangChain's parsers refuse a
   reply; a chain that fails and is tried again with the same messages, by `with_retry`, makes the next attempt of it.
4. The handler runs inline, so that what is called inside of the model knows that it is.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import missing_extra
from schema_guard.ext.recorders.nesting import current_context
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import MOST_OPEN, Recording
from schema_guard.ext.recorders.requests import Requested, options_of, requested
from schema_guard.ext.recorders.tool_turns import ToolTurn, turn_of
from schema_guard.light.locks import fork_safe_lock
from schema_guard.providers.fields import field, first
from schema_guard.providers.options import PROVIDER_OPTIONS
from schema_guard.received.exceptions import read_exception
from schema_guard.received.replies import Reply
from schema_guard.received.traceback_reply import frames_of
from schema_guard.settings import UNSET, Unset
from schema_guard.values import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.recorders.recording import Opened
    from schema_guard.prices.charges import Table
    from schema_guard.records.recorder import Recorder

__all__ = ["SWITCH", "ModelRuns"]

NAME: Final = "langchain"
SWITCH: Final = "SCHEMA_GUARD_LANGCHAIN"
"""The environment variable that switches a recorder on for every call."""
_MODES: Final = {"json_schema": "strict_schema", "function_calling": "tool_call", "json_mode": "json_mode"}
# SDKs that read the JSON of a stream while it comes.
_PARSING: Final = frozenset({"openai", "anthropic"})
_UNREADABLE: Final = Failure("syntax", "malformed", "the SDK could not read the stream as JSON while it came")
# How LangChain and LangGraph call what nobody has named.
_UNNAMED: Final = re.compile(r"(Runnable|Channel)[A-Z]\w*(<.*>)?|LangGraph|ChatPromptTemplate|_\w*")


def __getattr__(name: str) -> Any:
    # Its base class is LangChain's.
    if name == "LangChainRecorder":
        return _handler()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _shared() -> ModelRuns:
    return ModelRuns(Recording(NAME))


@cache
def _handler() -> Any:
    """Make the class of handlers, and register it for the switch."""
    try:
        from langchain_core.callbacks import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            BaseCallbackHandler,
        )
        from langchain_core.tracers.context import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            register_configure_hook,
        )
    except ImportError as error:
        raise missing_extra("the recorder of LangChain", "langchain-core", "langchain") from error
    from contextvars import ContextVar

    class LangChainRecorder(HandlerOfEvents, BaseCallbackHandler):  # type: ignore[misc,unused-ignore]
        """Records the calls of chat models that a schema is asked of; see `schema-guard help recorders`."""

    LangChainRecorder.__module__, LangChainRecorder.__qualname__ = __name__, "LangChainRecorder"
    # The variable holds no handler: what it is for is the switch.
    register_configure_hook(ContextVar(SWITCH, default=None), True, LangChainRecorder, SWITCH)
    return LangChainRecorder


class HandlerOfEvents:
    """What a handler does with the events of LangChain: it records the calls of chat models that a schema is asked of."""

    run_inline = True
    # Only what came from outside is raised: a timeout, and no fault of the recorder.
    raise_error = True

    def __init__(
        self,
        *,
        function: str | None = None,
        store: str | Recorder | Unset | None = UNSET,
        prices: Table | None = None,
        segment: str | None = None,
        version: str | None = None,
    ) -> None:
        """Make a handler, for any number of calls at a time.

        Args:
            function: What records call the function of calls that have no other name: no `run_name`, no
                `metadata["function"]`, no `tags(function=...)` around them.
            store: As `guard` takes it.
            prices: As `guard` takes them.
            segment: Part of the traffic.
            version: Of the prompts.

        Raises:
            InvalidArgument: The store or the prices are none.
        """
        super().__init__()
        settings = (function, store, prices, segment, version)
        self._runs = (
            _shared()
            if settings == (None, UNSET, None, None, None)
            else ModelRuns(
                Recording(
                    NAME, function=function, store=store, prices=prices, segment=segment, version=version
                )
            )
        )

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: Any, parent_run_id: Any = None, **more: Any
    ) -> None:
        with self._runs.recording.safely():
            self._runs.chain_began(run_id, parent_run_id, more.get("name"))

    def on_chain_end(self, outputs: Any, *, run_id: Any, **more: Any) -> None:
        with self._runs.recording.safely():
            self._runs.chain_ended(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
        with self._runs.recording.safely():
            self._runs.chain_ended(run_id, error)

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: Any, parent_run_id: Any = None, **more: Any
    ) -> None:
        with self._runs.recording.safely():
            self._runs.model_began(run_id, parent_run_id, messages[0], more)

    def on_llm_end(self, response: Any, *, run_id: Any, **more: Any) -> None:
        with self._runs.recording.safely():
            self._runs.model_ended(run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
        with self._runs.recording.safely():
            self._runs.model_failed(run_id, error, more.get("response"))


class _Chain(NamedTuple):
    """A chain that runs."""

    parent: Any
    name: str | None


class _Call:
    """A call that may yet have another attempt.

    Attributes:
        opened: What its attempts go to.
        format: The format.
        messages: That were sent.
        attempts: That are over.
        began: When the present attempt began, on the clock that measures.
        is_failed: Whether the last attempt, or the chain around it, has raised.
    """

    def __init__(self, opened: Opened, request: Requested, messages: list[Any], model: str | None) -> None:
        self.opened, self.format, self.messages, self.model = opened, request, messages, model
        self.attempts: list[AttemptView] = []
        self.began = perf_counter()
        self.is_failed = False

    def again(self) -> None:
        """Begin another attempt; one before it whose reply was not seen is none."""
        if self.attempts and self.attempts[-1].reply is None:
            self.attempts.pop()
        self.began, self.is_failed = perf_counter(), False

    def end(self, **what: Any) -> None:
        """End the attempt that is under way."""
        self.attempts.append(AttemptView(**what, model=self.model, elapsed_s=perf_counter() - self.began))

    def refuse(self, error: BaseException) -> None:
        """Note that the chain around the model failed, where that was for the reply."""
        last, self.is_failed = self.attempts[-1], True
        if last.exception is None and _is_about_format(error, self):
            self.attempts[-1] = last._replace(exception=error)

    def close(self) -> None:
        """Record it."""
        self.opened.past(self.attempts)
        self.opened.close()


class ModelRuns:
    """The runs that one handler has seen begin and not end. Safe in threads.

    Attributes:
        recording: What calls are handed to.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._lock = fork_safe_lock()
        self._chains: OrderedDict[Any, _Chain] = OrderedDict()
        self._models: OrderedDict[Any, tuple[_Call | None, Any]] = OrderedDict()
        self._waiting: dict[Any, list[_Call]] = {}
        self._turns: OrderedDict[Any, ToolTurn] = OrderedDict()

    def chain_began(self, run_id: Any, parent_id: Any, name: str | None) -> None:
        """Take the begin of a chain."""
        with self._lock:
            self._chains[run_id] = _Chain(parent_id, name)
            oldest = self._chains.popitem(last=False)[0] if len(self._chains) > MOST_OPEN else None
            calls = self._waiting.pop(oldest, [])
        for call in calls:
            self.recording.count("unended")
            call.close()

    def chain_ended(self, run_id: Any, error: BaseException | None = None) -> None:
        """Take the end of a chain: its calls are over, or go on waiting for what the chain around it does now."""
        with self._lock:
            chain = self._chains.pop(run_id, None)
            calls = self._waiting.pop(run_id, [])
        if error is not None:
            for call in calls:
                call.refuse(error)
            self._end_streams(run_id, error)
        with self._lock:
            waits = error is not None and chain is not None and chain.parent in self._chains
            if waits and calls and chain is not None:
                self._waiting.setdefault(chain.parent, []).extend(calls)
        if not waits:
            for call in calls:
                call.close()

    def model_began(self, run_id: Any, parent_id: Any, messages: list[Any], more: Mapping[str, Any]) -> None:
        """Take the begin of a model's call, in the context in which it runs."""
        metadata = more.get("metadata") or {}
        provider = metadata.get("ls_provider")
        sent = more.get("invocation_params") or {}
        request = _requested_format(sent, more.get("options") or {}, provider)
        call = self._again(parent_id, messages, request) if request is not None else None
        if call is None:
            call = self._first(parent_id, messages, request, more, sent, metadata)
        with self._lock:
            self._models[run_id] = call, parent_id
            if len(self._models) > MOST_OPEN:
                self._models.popitem(last=False)
                self.recording.count("unended")
        if request is not None and request.tools and (request.source is None or call is not None):
            self._turn_began(run_id, parent_id, messages, request, more)
        if call is not None:
            call.opened.enter()

    def _turn_began(
        self, run_id: Any, parent_id: Any, messages: list[Any], request: Requested, more: Mapping[str, Any]
    ) -> None:
        """Take the begin of a turn of tools."""
        metadata = more.get("metadata") or {}
        model, named, provider = (metadata.get(name) for name in ("ls_model_name", "function", "ls_provider"))
        known = {
            "function": named if isinstance(named, str) else self._name(more.get("name"), parent_id),
            "task": messages,
            "provider": provider if provider in PROVIDER_OPTIONS else None,
            "options": options_of(more.get("invocation_params") or {}),
            "where": current_context(),
            "started_at": time(),
        }
        turn = turn_of(self.recording, request.tools, model if isinstance(model, str) else None, known)
        if turn is None:
            return
        with self._lock:
            self._turns[run_id] = turn
            if len(self._turns) > MOST_OPEN:
                self._turns.popitem(last=False)
                self.recording.count("unended")
        turn.enter()

    def model_ended(self, run_id: Any, response: Any) -> None:
        """Take a model's reply."""
        call, parent_id = self._pop_call(run_id)
        turn = self._pop_turn(run_id)
        message = _message(response)
        usage = field(message, "usage_metadata")
        if isinstance(usage, dict) and usage.get("total_cost") == 0:
            if call is not None or turn is not None:
                self.recording.count("cached")
            return
        calls = field(message, "tool_calls") or field(message, "invalid_tool_calls")
        if turn is not None and (call is None or calls):
            turn.record(self.recording, message)
        if call is None:
            return
        if call.format.tools and calls:
            # It may answer in the format, and has chosen to call a tool.
            self.recording.count("tool_turns")
            return
        call.end(reply=message)
        self._wait(call, parent_id)

    def model_failed(self, run_id: Any, error: BaseException, response: Any) -> None:
        """Take what a model's call raised: an SDK that parses by itself raises for replies that do not fit, too."""
        self._pop_turn(run_id)
        call, parent_id = self._pop_call(run_id)
        if call is None:
            return
        message = _message(response)
        body = (field(message, "response_metadata") or {}).get("body")
        came = body if isinstance(body, dict) else message if _has_content(message) else None
        if _is_of_a_parser(error):
            call.end(reply=came or Reply(failure=_UNREADABLE), exception=None if came is None else error)
        else:
            call.end(reply=came if _is_about_format(error, call) else None, exception=error)
        call.is_failed = True
        self._wait(call, parent_id)

    def _end_streams(self, chain_id: Any, error: BaseException) -> None:
        """End the streams of a chain that has refused what came of them so far: they are heard of when they are collected."""
        with self._lock:
            running = [
                (run_id, call) for run_id, (call, parent) in self._models.items() if parent == chain_id
            ]
        for run_id, call in running:
            if call is not None and _is_about_format(error, call):
                self._pop_call(run_id)
                call.end(exception=error)
                call.close()

    def _first(
        self,
        parent_id: Any,
        messages: list[Any],
        request: Requested | None,
        more: Mapping[str, Any],
        sent: Mapping[str, Any],
        metadata: Mapping[str, Any],
    ) -> _Call | None:
        """Open a call; None where it has no schema, or is a part of one further out."""
        if request is None:
            self.recording.count("without_schema")
            return None
        if request.source is None:
            self.recording.count("tool_turns")
            return None
        schema = self.recording.schema_of(request.source, request.name)
        if schema is None:
            return None
        provider, named = metadata.get("ls_provider"), metadata.get("function")
        opened = self.recording.open(
            schema,
            function=named if isinstance(named, str) else self._name(more.get("name"), parent_id),
            task=messages,
            mode=request.mode,
            provider=provider if provider in PROVIDER_OPTIONS else None,
            tool=request.tool,
            options=options_of(sent),
        )
        model = metadata.get("ls_model_name")
        return (
            None
            if opened is None
            else _Call(opened, request, messages, model if isinstance(model, str) else None)
        )

    def _again(self, parent_id: Any, messages: list[Any], request: Requested) -> _Call | None:
        """Give the call that failed before, in a chain around this one, for the same messages and format."""
        with self._lock:
            above = parent_id
            while above is not None:
                for call in self._waiting.get(above, ()):
                    if call.is_failed and call.format.source == request.source and call.messages == messages:
                        self._waiting[above].remove(call)
                        call.again()
                        return call
                chain = self._chains.get(above)
                above = None if chain is None else chain.parent
        return None

    def _pop_turn(self, run_id: Any) -> ToolTurn | None:
        with self._lock:
            turn = self._turns.pop(run_id, None)
        if turn is not None:
            turn.leave()
        return turn

    def _pop_call(self, run_id: Any) -> tuple[_Call | None, Any]:
        with self._lock:
            call, parent_id = self._models.pop(run_id, (None, None))
        if call is not None:
            call.opened.leave()
        return call, parent_id

    def _wait(self, call: _Call, parent_id: Any) -> None:
        """Let a call wait for the chain that it was made in; where nobody is heard of that, it is over."""
        with self._lock:
            waits = parent_id in self._chains
            if waits:
                self._waiting.setdefault(parent_id, []).append(call)
        if not waits:
            call.close()

    def _name(self, own: Any, parent_id: Any) -> str | None:
        """Give the name of the run, or of the innermost chain around it that has one."""
        if isinstance(own, str) and own:
            return own
        with self._lock:
            while parent_id in self._chains:
                parent_id, name = self._chains[parent_id]
                if name and not _UNNAMED.fullmatch(name):
                    return name
        return None


def _requested_format(sent: Mapping[str, Any], options: Mapping[str, Any], provider: Any) -> Requested | None:
    """Give the format that is asked for: what `with_structured_output` says, else the request."""
    wire = requested(sent, provider if isinstance(provider, str) else None)
    output_format = options.get("ls_structured_output_format")
    if not isinstance(output_format, dict) or not isinstance(output_format.get("schema"), dict):
        return wire
    method = (output_format.get("kwargs") or {}).get("method")
    mode = _MODES.get(str(method), wire.mode if wire is not None else "bare")
    tool = wire.tool if wire is not None and mode == "tool_call" else None
    tools = wire.tools if wire is not None and mode != "tool_call" else ()
    return Requested(output_format["schema"], None, mode, tool, tools)


def _message(response: Any) -> Any:
    return field(first(first(field(response, "generations"))), "message")


def _has_content(message: Any) -> bool:
    return bool(field(message, "content") or field(message, "tool_calls"))


def _is_about_format(error: BaseException, call: _Call) -> bool:
    """Say whether an exception says that a reply did not fit, and not that something else went wrong."""
    failure = read_exception(error, call.opened.schema, is_observed=True).failure
    return failure is None or failure.kind != "transport"


def _is_of_a_parser(error: BaseException) -> bool:
    """Say whether an exception is that of an SDK's own reading of a stream, as it came."""
    return isinstance(error, ValueError) and any(package in _PARSING for package, _ in frames_of(error))
