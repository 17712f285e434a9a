# SPDX-License-Identifier: Apache-2.0
"""Calls of Haystack's generators in pipelines and agents: `schema_guard.ext.recorders.haystack.install()`.

Rules:
1. Haystack's tracer reports components. Their settings aren't in its spans, so the component is read from the code that
   opens the span. A generator outside of a pipeline or an agent opens no span, so it isn't recorded.
2. The schema is that of the `JsonSchemaValidator` after a generator, a format in `generation_kwargs`, or the only tool,
   if it is forced. If the model may call several tools, each of its calls is one.
3. The function is the name in the pipeline's metadata, and otherwise the name of the outermost component.
4. A pipeline or an agent that repeats a request or corrects a reply makes another attempt of the call. So does a
   fallback.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from inspect import currentframe
from typing import TYPE_CHECKING, Any, Final, Unpack

from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.recording import RecorderSettings, Recording
from schema_guard.ext.recorders.requests import Requested, options_of, requested
from schema_guard.ext.recorders.spans import Spans, messages_of_task
from schema_guard.providers.fields import field, first, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.recorders.spans import ModelRequest

__all__ = ["install", "uninstall"]

# By operation, the name of the variable with the component in the code around a span.
_HOLDERS: Final = {
    "haystack.pipeline.run": "self",
    "haystack.component.run": "instance",
    "haystack.chat_generator.run": "chat_generator",
    "haystack.agent.step.llm": "self",
}
_PROVIDERS: Final = {
    "OpenAIChatGenerator": "openai",
    "OpenAIResponsesChatGenerator": "openai-responses",
    "AnthropicChatGenerator": "anthropic",
    "GoogleGenAIChatGenerator": "gemini",
    "MistralChatGenerator": "mistral",
    "CohereChatGenerator": "cohere",
    "OllamaChatGenerator": "ollama",
}
_MOST_FRAMES: Final = 10
_PACKAGES: Final = ("haystack.core", "haystack.components")


def install(**settings: Unpack[RecorderSettings]) -> None:
    """Record every call of a generator in the pipelines and agents of this process from now on.

    A tracer that is already enabled still receives its spans. A second `install` replaces the first.

    Args:
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Raises:
        InvalidArgument: The store or the prices are invalid.
        MissingExtra: Haystack isn't installed.
    """
    recording = Recording("haystack", **settings)
    uninstall()
    tracing = _tracing()
    tracing.enable_tracing(_Tracer(Spans(recording), tracing.tracer.actual_tracer))


def uninstall() -> None:
    """Stop recording calls from Haystack."""
    tracing = _tracing()
    tracer = tracing.tracer.actual_tracer
    if isinstance(tracer, _Tracer):
        tracing.enable_tracing(tracer.inner)


def _tracing() -> Any:
    return framework("haystack", "Haystack", "haystack.tracing")


_current: ContextVar[_Span | None] = ContextVar("schema_guard_haystack", default=None)


class _Tracer:
    """The application's tracer, whose spans record calls too."""

    def __init__(self, spans: Spans, inner: Any) -> None:
        self._spans, self.inner = spans, inner

    def current_span(self) -> Any:
        """Return the span of the running code."""
        return _current.get() or self.inner.current_span()

    @contextmanager
    def trace(
        self, operation_name: str, tags: dict[str, Any] | None = None, parent_span: Any = None
    ) -> Iterator[Any]:
        """Open a span."""
        around = parent_span if isinstance(parent_span, _Span) else _current.get()
        inner_parent = parent_span.inner if isinstance(parent_span, _Span) else parent_span
        with self.inner.trace(operation_name, tags=tags, parent_span=inner_parent) as inner:
            span = _Span(self._spans, inner, around, operation_name)
            with self._spans.recording.safely():
                span.begin(tags or {})
            outer, error = _current.get(), None
            _current.set(span)
            try:
                yield span
            except BaseException as raised:
                error = raised
                raise
            finally:
                _current.set(outer)
                with self._spans.recording.safely():
                    span.end(error)


class _Span:
    """A span of the application's tracer, with the request of a generator that runs in it.

    Attributes:
        inner: The application's span.
        around: The span around it.
        asked: The request of its generator, if it waits for a reply.
        validated: The schemas of the validators after the generators of a pipeline, by component.
    """

    def __init__(self, spans: Spans, inner: Any, around: _Span | None, operation: str) -> None:
        self._spans, self.inner, self.around, self._operation = spans, inner, around, operation
        self._component: Any = None
        self._name: str | None = None
        self.validated: dict[str, Any] = {} if around is None else around.validated
        self.asked: ModelRequest | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def begin(self, tags: Mapping[str, Any]) -> None:
        """Read the component of the span."""
        holder = _HOLDERS.get(self._operation)
        component = None if holder is None else _variable(holder)
        name = words(tags.get("haystack.component.name"))
        if self._operation == "haystack.pipeline.run":
            name = words(field(tags.get("haystack.pipeline.metadata"), "name"))
            self.validated = _validated(component, tags.get("haystack.pipeline.input_data") or {})
        elif self._operation == "haystack.agent.step.llm":
            component = field(component, "chat_generator")
        self._component, self._name = component, name
        self._spans.begin(self, self.around, name)

    def set_content_tag(self, key: str, value: Any) -> None:
        """Record the input and the output of a generator, and pass them on."""
        with self._spans.recording.safely():
            if key.endswith(".input") and isinstance(value, dict) and self._is_request():
                self._ask(value)
            elif key.endswith(".output") and self.asked is not None:
                asked, self.asked = self.asked, None
                self._spans.answer(asked, first(field(value, "replies")), value)
        self.inner.set_content_tag(key, value)

    def end(self, error: BaseException | None) -> None:
        """End the request of a generator that raised, or leave it to the outer component, which has the reply."""
        asked, self.asked = self.asked, None
        if asked is not None and error is None and self.around is not None:
            self.around.asked = asked
        elif asked is not None:
            self._spans.answer(asked, None, None, error)
        self._spans.end(self, error)

    def _is_request(self) -> bool:
        """Return whether a generator runs in the span. A pipeline runs other components too."""
        name = type(self._component).__name__
        return self._operation in ("haystack.chat_generator.run", "haystack.agent.step.llm") or (
            self._operation == "haystack.component.run"
            and (name.endswith("ChatGenerator") or hasattr(self._component, "generation_kwargs"))
        )

    def _ask(self, inputs: Mapping[str, Any]) -> None:
        around = self.around
        while around is not None and around.asked is None:
            around = around.around
        if around is not None and around.asked is not None:
            # A generator that calls other ones, one after the other.
            around.asked.leave()
            around.asked = None
        generator = self._component
        settings = {
            **(field(generator, "generation_kwargs") or {}),
            **(inputs.get("generation_kwargs") or {}),
        }
        tools = inputs.get("tools")
        settings["tools"] = _tool_schemas(field(generator, "tools") if tools is None else tools)
        settings.setdefault("response_format", settings.get("text_format"))
        provider = _PROVIDERS.get(type(generator).__name__)
        request = requested(settings, provider)
        if self._name in self.validated:
            mode = "json_mode" if settings["response_format"] or settings.get("text") else "system_prompt"
            request = (request or Requested(None, mode=mode))._replace(source=self.validated[self._name])
        messages = inputs.get("messages") or inputs.get("prompt") or []
        messages = [messages] if isinstance(messages, str) else messages
        self.asked = self._spans.ask(
            self.around,
            messages,
            request,
            words(field(generator, "model")),
            function=self._spans.function_of(None, self),
            task=messages_of_task(messages),
            provider=provider,
            options=options_of(settings),
        )


def _variable(name: str) -> Any:
    """Return a variable of the code that opens a span, which is a few stack frames further out."""
    frame = currentframe()
    for _ in range(_MOST_FRAMES):
        frame = None if frame is None else frame.f_back
        package = "" if frame is None else str(frame.f_globals.get("__name__"))
        if frame is not None and package.startswith(_PACKAGES) and name in frame.f_locals:
            return frame.f_locals[name]
    return None


def _validated(pipeline: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of each generator whose replies go to a validator of the pipeline."""
    schemas = {}
    with suppress(AttributeError, TypeError):
        for sender, receiver in pipeline.graph.edges():
            validator = pipeline.graph.nodes[receiver]["instance"]
            if type(validator).__name__ != "JsonSchemaValidator":
                continue
            schema = (
                field(data.get(receiver), "json_schema") or data.get("json_schema") or validator.json_schema
            )
            if isinstance(schema, dict):
                schemas[sender] = schema
    return schemas


def _tool_schemas(tools: Any) -> list[dict[str, Any]]:
    """Return the tools of a generator as it sends them. A toolset contains several."""
    listed: list[dict[str, Any]] = []
    for tool in tools or ():
        if isinstance(field(tool, "parameters"), dict):
            listed.append(
                {"type": "function", "function": {"name": tool.name, "parameters": tool.parameters}}
            )
        else:
            listed += _tool_schemas(tool)
    return listed
