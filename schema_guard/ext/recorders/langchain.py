# SPDX-License-Identifier: Apache-2.0
"""Calls that LangChain's chat models make, recorded by a callback handler: `config={"callbacks": [LangChainRecorder()]}`.

Once `LangChainRecorder` is imported, the environment variable `SCHEMA_GUARD_LANGCHAIN=1` switches one on for every
call of the process.

Rules:
1. A call is a request to a chat model with a schema. The schema comes from `with_structured_output`, in any of its
   methods. Without it, the schema is that of `response_format`, or of the only tool, if it is forced.
2. If the model can choose between tools, each tool call that it makes is one call of its tool.
3. A request to a decision model is one call. LangChain reports it as a chain.
4. A call is recorded when the chain around it has ended, because LangChain's parsers refuse replies there. A chain that
   fails and is tried again makes another attempt of the call. So does an agent that corrects a reply in its next step.
5. The handler runs inline, so that code inside the model knows the call that it is part of.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Unpack

from schema_guard.ext.recorders.decisions import decision_reply, requested_decision
from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.recording import Bounded, RecorderSettings, Recording, safely
from schema_guard.ext.recorders.requests import Requested, options_of, provider_of, requested
from schema_guard.ext.recorders.spans import ModelRequest, Spans
from schema_guard.providers.fields import as_json, field, first, items, words
from schema_guard.providers.messages import with_field
from schema_guard.received.replies import read
from schema_guard.received.traceback_reply import frames_of
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["SWITCH"]

NAME: Final = "langchain"
SWITCH: Final = "SCHEMA_GUARD_LANGCHAIN"
"""The environment variable that switches a recorder on for every call."""
_MODES: Final = {"json_schema": "strict_schema", "function_calling": "tool_call", "json_mode": "json_mode"}
# SDKs that parse the JSON of a stream while it arrives.
_PARSING: Final = frozenset({"openai", "anthropic"})
_UNREADABLE: Final = Failure("syntax", "malformed", "the SDK could not read the stream as JSON while it came")


def __getattr__(name: str) -> Any:
    # Its base class comes from LangChain.
    if name == "LangChainRecorder":
        return _handler()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _shared() -> _Runs:
    return _Runs(Recording(NAME))


@cache
def _handler() -> Any:
    """Build the class of handlers, and register it for the switch."""
    base: Any = framework(NAME, "LangChain", "langchain_core.callbacks").BaseCallbackHandler
    tracers = framework(NAME, "LangChain", "langchain_core.tracers.context")

    class LangChainRecorder(HandlerOfEvents, base):  # type: ignore[misc]
        __doc__ = HandlerOfEvents.__doc__

    LangChainRecorder.__module__, LangChainRecorder.__qualname__ = __name__, "LangChainRecorder"
    # The variable has no handler. It only carries the switch.
    tracers.register_configure_hook(ContextVar(SWITCH, default=None), True, LangChainRecorder, SWITCH)
    return LangChainRecorder


class HandlerOfEvents:
    """Record the calls of chat models with a schema, from the events of LangChain.

    Example:
        ```python
        config = {"callbacks": [LangChainRecorder()], "run_name": "read_invoice"}
        chain.invoke({"text": "number 14, total 7.25"}, config=config)
        ```
    """

    run_inline = True
    # Only exceptions from outside are raised, such as a timeout, never a fault of the recorder.
    raise_error = True

    def __init__(self, **settings: Unpack[RecorderSettings]) -> None:
        """Create a handler for any number of concurrent calls.

        Args:
            settings: Settings that every recorder accepts, such as `function` for calls without a name.

        Raises:
            InvalidArgument: The store or the prices are invalid.
        """
        super().__init__()
        self._runs = _Runs(Recording(NAME, **settings)) if settings else _shared()
        self.recording = self._runs.recording

    @safely
    def on_chain_start(
        self, serialized: Any, inputs: Any, /, *, run_id: Any, parent_run_id: Any = None, **more: Any
    ) -> None:
        name, parent_id = words(more.get("name") or field(serialized, "name")), _parent(parent_run_id)
        if more.get("run_type") != "llm" or not isinstance(inputs, dict) or "questions" not in inputs:
            self._runs.begin(run_id, parent_id, name, more.get("tags"))
            return
        metadata, text = more.get("metadata") or {}, inputs.get("input")
        task = text if isinstance(text, str) else inputs.get("state")
        provider = "openai-decisions" if metadata.get("ls_provider") == "openai" else None
        request = requested_decision(inputs["questions"])
        self._runs.ask_of(run_id, parent_id, [task], request, name, metadata, task=task, provider=provider)

    @safely
    def on_chain_end(self, outputs: Any, /, *, run_id: Any, **more: Any) -> None:
        self._end(run_id, outputs)

    @safely
    def on_chain_error(self, error: BaseException, /, *, run_id: Any, **more: Any) -> None:
        self._end(run_id, error=error)

    on_tool_start, on_tool_end, on_tool_error = on_chain_start, on_chain_end, on_chain_error

    def _end(self, run_id: Any, outputs: Any = None, error: BaseException | None = None) -> None:
        runs = self._runs
        asked = runs.models.get(run_id)
        if asked is not None:
            schema = None if asked.call is None else asked.call.schema
            reply = None if outputs is None or schema is None else decision_reply(outputs, schema)
            runs.answer(runs.pop(run_id), None, reply, error)
            return
        ids = _refused_calls(outputs) if runs.is_agent_node(run_id) else set()
        if error is not None:
            runs.end_models(run_id, error)
        runs.end(run_id, error, ids, _refused_tools(error))

    @safely
    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: Any, parent_run_id: Any = None, **more: Any
    ) -> None:
        metadata = more.get("metadata") or {}
        sent, provider = more.get("invocation_params") or {}, metadata.get("ls_provider")
        request = _requested_format(sent, more.get("options") or {}, provider)
        known = {"provider": provider_of(provider), "options": options_of(sent)}
        parent_id = _parent(parent_run_id)
        self._runs.ask_of(run_id, parent_id, messages[0], request, more.get("name"), metadata, **known)

    def on_llm_new_token(self, token: Any, *, run_id: Any, **more: Any) -> None:
        if run_id in self._runs.models:
            self._runs.streams.add(run_id)

    @safely
    def on_llm_end(self, response: Any, *, run_id: Any, **more: Any) -> None:
        is_stream = run_id in self._runs.streams
        asked, message = self._runs.pop(run_id), _message(response)
        usage = field(message, "usage_metadata")
        if isinstance(usage, dict) and usage.get("total_cost") == 0:
            if not asked.is_plain:
                self.recording.count("cached")
            self._runs.keep(asked)
        else:
            self._runs.answer(asked, message, _as_cut_off(message) if is_stream else message)

    @safely
    def on_llm_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
        # An SDK that parses replies also raises for an invalid reply.
        message = _message(more.get("response"))
        body = (field(message, "response_metadata") or {}).get("body")
        came = body if isinstance(body, dict) else message if _has_content(message) else None
        if _is_of_a_parser(error):
            came = Reply(failure=_UNREADABLE) if came is None else read(came)
        self._runs.answer(self._runs.pop(run_id), message, came, error)


class _Runs(Spans):
    """The open runs of one handler, and the requests of models in them. Thread-safe."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.models = Bounded()
        self.streams: set[Any] = set()

    def ask_of(
        self,
        run_id: Any,
        parent_id: Any,
        messages: list[Any],
        request: Requested | None,
        name: Any,
        metadata: Mapping[str, Any],
        **known: Any,
    ) -> None:
        """Begin the request to a model, in the context of its code."""
        model, function = words(metadata.get("ls_model_name")), metadata.get("function")
        if not isinstance(function, str):
            function = self.function_of(name, parent_id)
        asked = self.ask(parent_id, messages, request, model, function=function, **known)
        if self.models.add(run_id, asked) is not None:
            self.recording.count("unended")

    def end_models(self, run_id: Any, error: BaseException) -> None:
        """End the open requests of a run: rejected streams, which report their end late, and cancelled requests."""
        running = [(key, one) for key, one in list(self.models.items()) if one.parent == run_id]
        for key, (_, call, turn, _) in running:
            is_cancelled = not isinstance(error, Exception)
            if is_cancelled or (call is not None and call.is_about_format(error)):
                self.pop(key)
                if call is not None:
                    call.end(exception=error)
                    call.close()
                if turn is not None:
                    turn.fail(error)
                    turn.close()

    def pop(self, run_id: Any) -> ModelRequest:
        """Remove and return a request that has ended."""
        asked: ModelRequest = self.models.pop(run_id, ModelRequest(None, None, None))
        self.streams.discard(run_id)
        asked.leave()
        return asked


def _parent(parent_run_id: Any) -> Any:
    """Return the id of the run that the code is in. LangChain does not always pass it on: to fallbacks, for one."""
    if parent_run_id:
        return parent_run_id
    config = framework(NAME, "LangChain", "langchain_core.runnables.config").var_child_runnable_config.get()
    return getattr((config or {}).get("callbacks"), "parent_run_id", None)


def _refused_calls(outputs: Any) -> set[str]:
    """Return the ids of the calls that an agent's node answered itself, because the output did not fit."""
    updates = [field(one, "update", one) for one in (outputs if isinstance(outputs, list) else [outputs])]
    return {
        field(message, "tool_call_id")
        for update in updates
        if isinstance(update, dict) and update.get("structured_response") is None
        for message in items(update.get("messages"))
        if field(message, "type") == "tool"
    }


def _refused_tools(error: BaseException | None) -> set[str]:
    """Return the names of the tools whose calls an agent rejected with this exception."""
    if not any(kind.__name__ == "StructuredOutputError" for kind in type(error).__mro__):
        return set()
    return {field(error, "tool_name"), *items(field(error, "tool_names"))} - {None}


def _requested_format(sent: Mapping[str, Any], options: Mapping[str, Any], provider: Any) -> Requested | None:
    """Return the requested format: the one from `with_structured_output`, or the one of the request."""
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


def _as_cut_off(message: Any) -> Any:
    """Return a streamed message with its last tool call as the output limit cut it off: LangChain closes the arguments."""
    calls = items(field(message, "tool_calls"))
    if not calls or items(field(message, "tool_call_chunks")) or read(message).finish_reason != "length":
        return message
    last = {**calls[-1], "args": (as_json(calls[-1]["args"]) or "").rstrip("}]")}
    invalid = [*items(field(message, "invalid_tool_calls")), last]
    return with_field(with_field(message, "tool_calls", calls[:-1]), "invalid_tool_calls", invalid)


def _has_content(message: Any) -> bool:
    return bool(field(message, "content") or field(message, "tool_calls"))


def _is_of_a_parser(error: BaseException) -> bool:
    """Return whether an SDK's parser of streams raised the exception."""
    return isinstance(error, ValueError) and any(package in _PARSING for package, _ in frames_of(error))
