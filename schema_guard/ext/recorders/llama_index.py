# SPDX-License-Identifier: Apache-2.0
"""Calls of llama-index, recorded by `schema_guard.ext.recorders.llama_index.install()`.

Rules:
1. A call is a span of a model with a schema: the class of the program or structured prediction around it, a
   `response_format`, or the only tool, if it is forced. If the model may call several tools, each of its calls is one.
2. The function is the innermost agent that has a name. Without one, it is the outermost workflow, program, or engine
   of a class of yours, or your function with a span.
3. A call is recorded when the span around it has ended, because programs refuse replies there. A workflow that repeats
   a request or corrects a reply makes another attempt of the call.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from inspect import isasyncgen, isgenerator
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack

from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import Bounded, RecorderSettings, Recording
from schema_guard.ext.recorders.requests import Requested, options_of, requested
from schema_guard.ext.recorders.spans import Spans, messages_of_task
from schema_guard.providers.fields import field, words
from schema_guard.received.streams import StreamReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.recorders.spans import ModelRequest

__all__ = ["install", "uninstall"]

NAME: Final = "llama_index"
_METHODS: Final = frozenset(
    f"{prefix}{method}" for prefix in ("", "a", "stream_", "astream_") for method in ("chat", "complete")
)
_PROVIDERS: Final = {"OpenAI": "openai", "OpenAIResponses": "openai-responses", "Anthropic": "anthropic"}
_UUID_CHARS: Final = 37
# The name of an agent without one.
_UNNAMED: Final = "Agent"
_PACKAGES: Final = frozenset({"llama_index", "llama_index_instrumentation", "workflows"})


def install(**settings: Unpack[RecorderSettings]) -> None:
    """Record every call that llama-index makes in this process from now on.

    A second `install` replaces the first.

    Args:
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Raises:
        InvalidArgument: The store or the prices are invalid.
        MissingExtra: llama-index isn't installed.
    """
    recording = Recording(NAME, **settings)
    uninstall()
    calls = _Calls(recording)
    spans, events = _handlers()
    _dispatcher().add_span_handler(spans(calls))
    _dispatcher().add_event_handler(events(calls))


def uninstall() -> None:
    """Stop recording calls from llama-index."""
    dispatcher = _dispatcher()
    for handlers in (dispatcher.span_handlers, dispatcher.event_handlers):
        handlers[:] = [one for one in handlers if not isinstance(one, _handlers())]


def _dispatcher() -> Any:
    return framework(NAME, "llama-index", "llama_index.core.instrumentation").get_dispatcher()


@cache
def _handlers() -> tuple[type[Any], type[Any]]:
    """Return the classes of the handlers, whose bases are llama-index's."""
    package = "llama_index.core.instrumentation"
    span_base: Any = framework(NAME, "llama-index", f"{package}.span_handlers").BaseSpanHandler
    event_base: Any = framework(NAME, "llama-index", f"{package}.event_handlers").BaseEventHandler

    class Spans(span_base):  # type: ignore[misc]
        def __init__(self, calls: _Calls) -> None:
            super().__init__()
            self.__dict__["calls"] = calls

        def new_span(self, *_: Any, **__: Any) -> None:
            """Store no span."""

        prepare_to_exit_span = prepare_to_drop_span = new_span

        def span_enter(
            self, id_: str, bound_args: Any, instance: Any = None, parent_id: str | None = None, **_: Any
        ) -> None:
            with self.calls.recording.safely():
                self.calls.began(id_, parent_id, instance, bound_args.arguments)

        def span_exit(
            self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **_: Any
        ) -> None:
            with self.calls.recording.safely():
                self.calls.ended(id_, result)

        def span_drop(
            self, id_: str, bound_args: Any, instance: Any = None, err: Any = None, **_: Any
        ) -> None:
            with self.calls.recording.safely():
                self.calls.ended(id_, error=err)

    class Events(event_base):  # type: ignore[misc]
        def __init__(self, calls: _Calls) -> None:
            super().__init__()
            self.__dict__["calls"] = calls

        def handle(self, event: Any, **_: Any) -> None:
            with self.calls.recording.safely():
                self.calls.noted(event)

    return Spans, Events


@dataclass(slots=True)
class _Filled:
    """A class that a span fills, and whether a model's span inside it was seen."""

    output: type[Any]
    provider: str | None = None
    model: str | None = None
    began: float = nan
    is_asked: bool = False


# The class that a stream fills, because its generator runs outside the span that created it.
_streamed: ContextVar[_Filled | None] = ContextVar("schema_guard_llama_index", default=None)


class _Span(NamedTuple):
    """A span, with the values from the spans around it.

    Attributes:
        parent: Id of the span around it.
        agent: Name of the innermost agent.
        name: Name of the outermost function.
        filled: The class that it fills; None for none.
        is_first: Whether it is the outermost span that fills this class.
        model: Id of the model's span around it.
    """

    parent: str | None = None
    agent: str | None = None
    name: str | None = None
    filled: _Filled | None = None
    is_first: bool = False
    model: str | None = None


class _Running(NamedTuple):
    """A model's span that is open, or whose stream is open."""

    asked: ModelRequest
    reader: StreamReader
    pieces: list[str]


class _Calls:
    """Combine the spans and events of llama-index into calls. Thread-safe.

    Attributes:
        recording: The recording that receives the calls.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording, self._tree = recording, Spans(recording)
        self._spans, self._models = Bounded(), Bounded()

    def began(self, id_: str, parent_id: str | None, instance: Any, arguments: Mapping[str, Any]) -> None:
        """Store the beginning of a span, in the context of its code."""
        around: _Span = self._spans.get(parent_id or "", _Span())
        span = _span(id_, parent_id, instance, arguments, around)
        self._tree.begin(id_, parent_id)
        self._spans.add(id_, span)
        if span.model == id_:
            self._model_began(id_, span, around.model, instance, arguments)

    def ended(self, id_: str, result: Any = None, error: BaseException | None = None) -> None:
        """Store the end of a span. Its calls are over, or wait in the span around it."""
        span: _Span = self._spans.pop(id_, _Span())
        is_stream = isgenerator(result) or isasyncgen(result)
        if span.model == id_ and not is_stream:
            self._model_ended(id_, result, error)
        filled = span.filled
        if span.is_first and filled is not None and not (filled.is_asked or is_stream):
            self._record_result(span, filled, result, error)
        self._tree.end(id_, error)

    def noted(self, event: Any) -> None:
        """Read a piece or the end of a stream."""
        kind = type(event).__name__
        span = self._spans.get(event.span_id or "", _Span())
        if (
            kind == "LLMStructuredPredictStartEvent"
            and isinstance(event.output_cls, type)
            and not span.filled
        ):
            _streamed.set(_Filled(event.output_cls))
        running = self._models.get(event.span_id) if event.span_id not in self._spans else None
        if running is None:
            return
        if kind.endswith("InProgressEvent"):
            running.pieces.append(running.reader.feed(event.response))
        elif kind == "ExceptionEvent":
            self._model_ended(event.span_id, None, event.exception)
        elif kind in ("LLMChatEndEvent", "LLMCompletionEndEvent"):
            end = running.reader.end()
            whole = end if end.text is not None else end._replace(text="".join(running.pieces))
            self._model_ended(event.span_id, event.response, reply=whole)

    def _model_began(
        self, id_: str, span: _Span, outer: str | None, instance: Any, arguments: Mapping[str, Any]
    ) -> None:
        # A model that calls another one, and a stream that was left open, don't contain this request.
        left = [one for key, one in list(self._models.items()) if key == outer or key not in self._spans]
        self._models.pop(outer or "", None)
        for one in left:
            one.asked.leave()
        settings = {
            **(field(instance, "additional_kwargs") or {}),
            "temperature": field(instance, "temperature"),
            **(arguments.get("kwargs") or {}),
        }
        messages = arguments.get("messages")
        if messages is None:
            messages = [arguments.get("prompt") or next(iter(arguments.get("args") or ()), "")]
        model, provider = words(field(instance, "model")), _PROVIDERS.get(type(instance).__name__)
        request = requested(settings, provider)
        filled = span.filled or _streamed.get()
        _streamed.set(None)
        if filled is not None:
            filled.is_asked = True
            request = _filling(filled.output, request)
        asked = self._tree.ask(
            span.parent,
            messages,
            request,
            model,
            function=span.agent or span.name,
            task=messages_of_task(messages),
            provider=provider,
            options=options_of(settings),
        )
        if self._models.add(id_, _Running(asked, StreamReader(), [])) is not None:
            self.recording.count("unended")

    def _model_ended(
        self, id_: str, response: Any, error: BaseException | None = None, reply: Any = None
    ) -> None:
        running = self._models.pop(id_, None)
        if running is None:
            return
        self._tree.answer(running.asked, field(response, "message", response), reply or response, error)

    def _record_result(self, span: _Span, filled: _Filled, result: Any, error: BaseException | None) -> None:
        """Record a class that a model's package filled with a request of its own, without a model's span."""
        schema = self.recording.schema_of(filled.output)
        if schema is None:
            return
        view = AttemptView(result, error, filled.model, perf_counter() - filled.began)
        self.recording.record(
            [view],
            schema,
            function=span.agent or span.name,
            mode="strict_schema",
            provider=filled.provider,
        )


def _span(
    id_: str, parent_id: str | None, instance: Any, arguments: Mapping[str, Any], around: _Span
) -> _Span:
    """Return a span with the values from the span around it."""
    kinds = {kind.__name__ for kind in type(instance).__mro__}
    is_model, is_workflow = "BaseLLM" in kinds, "Workflow" in kinds
    agent = words(field(arguments.get("ev"), "current_agent_name")) or words(
        field(instance, "name") if is_workflow else None
    )
    output = arguments.get("output_cls") or (None if is_workflow else field(instance, "output_cls"))
    filled, is_first = around.filled, False
    if "BaseTool" in kinds:
        filled = None
    elif isinstance(output, type) and (filled is None or filled.output is not output):
        provider, is_first = _PROVIDERS.get(type(instance).__name__), True
        filled = _Filled(output, provider, words(field(instance, "model")), perf_counter())
    is_request = is_model and output is None and _method(id_) in _METHODS
    return _Span(
        parent_id,
        agent if agent and agent != _UNNAMED else around.agent,
        around.name or (None if is_model else _name(id_, instance)),
        filled,
        is_first,
        id_ if is_request else around.model,
    )


def _filling(output: type[Any], request: Requested | None) -> Requested:
    """Return the request for a class. Its mode is a format, a tool, or a description in the prompt."""
    if request is None:
        return Requested(output, None, "system_prompt")
    mode = request.mode if request.source is not None else "tool_call"
    return request._replace(source=output, name=None, mode=mode, tools=())


def _method(id_: str) -> str:
    return id_[:-_UUID_CHARS].rpartition(".")[2]


def _name(id_: str, instance: Any) -> str | None:
    """Return the name of your span: its class or its function."""
    if instance is None:
        outer, _, name = id_[:-_UUID_CHARS].rpartition(".")
        return name if not outer or outer.endswith("<locals>") else None
    return None if type(instance).__module__.partition(".")[0] in _PACKAGES else type(instance).__name__
