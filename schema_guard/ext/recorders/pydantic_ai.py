# SPDX-License-Identifier: Apache-2.0
"""pydantic-ai: the runs of an agent. Each run is one call, with the model's attempts at the output.

Rules:
1. An attempt is a response that calls an output tool, or that has text and calls no tool. The agent's own count of
   retries goes up and down, and isn't used.
2. If the agent's validators or an output function reject a valid reply, that attempt has failed.
3. A response that only calls function tools is not an attempt. Each of its calls is one call of its tool.
4. This is the innermost capability, so it sees the original response of the model.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Unpack

from schema_guard.ext.recorders.decisions import confidence_in
from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.nesting import current_context, is_same
from schema_guard.ext.recorders.recording import RecorderSettings, Recording
from schema_guard.ext.recorders.requests import options_of, provider_of
from schema_guard.ext.recorders.tool_turns import AgentCall
from schema_guard.ext.tools.recorded_calls import shares
from schema_guard.providers.fields import as_json, words
from schema_guard.providers.fields import field as look_up
from schema_guard.received.agents import calls_in, refused_with, response
from schema_guard.values import Failure, Reply, Usage

if TYPE_CHECKING:
    from schema_guard.ext.recorders.recording import Opened
    from schema_guard.schema import Schema

__all__ = ["capability"]

_MODES = {"native": "strict_schema", "prompted": "system_prompt"}
_LEFT = Failure("transport", "cancelled", "the program left the stream before the reply was complete")
_REFUSALS = frozenset({"ModelRetry", "ValidationError"})
# Settings of the model that change results and aren't secret.
_SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "seed")


def capability(**settings: Unpack[RecorderSettings]) -> Any:
    """Return a capability that records the runs of an agent.

    The capability doesn't change any run, and you can use it for several agents.

    >>> Agent(model, output_type=Invoice, capabilities=[capability()])      # doctest: +SKIP

    A run is one call of the function in `tags(function=...)`. Default: the name of the agent. The schema of the run is
    the output schema that the model receives. A run with plain text as its output has no schema, so schema_guard only
    counts the run.

    Args:
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Raises:
        InvalidArgument: The store or the prices are invalid.
        MissingExtra: pydantic-ai isn't installed, or is older than version 2.
    """
    recording = Recording("pydantic_ai", **settings)
    return _kind()(recording)


@cache
def _kind() -> type[Any]:
    return type("SchemaGuardRecorder", (_Hooks, _capabilities().AbstractCapability), {})


def _capabilities() -> Any:
    return framework("pydantic_ai", "pydantic-ai", "pydantic_ai.capabilities")


class _Hooks:
    """The hooks that this capability of pydantic-ai implements."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._run = _Run(recording)

    def get_ordering(self) -> Any:
        """Return the innermost position, directly around the model."""
        return _capabilities().CapabilityOrdering(position="innermost")

    async def for_run(self, ctx: Any) -> Any:
        """Return a recorder for one run."""
        hooks = copy(self)
        hooks._run = _Run(self._recording)  # noqa: SLF001 - its own
        return hooks

    async def wrap_run(self, ctx: Any, *, handler: Any) -> Any:
        """Record the run when it is over, however it ends."""
        try:
            return await handler()
        except BaseException as error:
            self._run.ended(error)
            raise
        finally:
            with self._recording.safely():
                self._run.close(ctx.usage)

    async def wrap_model_request(self, ctx: Any, *, request_context: Any, handler: Any) -> Any:
        """Make the code inside the request part of the run's call."""
        run = self._run
        with self._recording.safely():
            run.begin(ctx, request_context)
        if run.opened is not None:
            run.opened.enter()
        try:
            return await handler(request_context)
        except BaseException as error:
            run.stopped(ctx, error)
            raise
        finally:
            if run.opened is not None:
                run.opened.leave()

    async def prepare_model_request(self, ctx: Any, request_context: Any) -> Any:
        """Note when an attempt begins."""
        self._run.started, self._run.is_waiting = perf_counter(), True
        return request_context

    async def after_model_request(self, ctx: Any, *, request_context: Any, response: Any) -> Any:
        """Note the model's response."""
        with self._recording.safely():
            self._run.answered(ctx, request_context, response)
        return response

    async def wrap_output_validate(self, ctx: Any, *, output_context: Any, output: Any, handler: Any) -> Any:
        """Note a rejection by the agent's validation."""
        try:
            return await handler(output)
        except Exception as error:
            if _is_refusal(error):
                self._run.refused(ctx, error, output)
            raise

    async def wrap_output_process(self, ctx: Any, *, output_context: Any, output: Any, handler: Any) -> Any:
        """Note a rejection by the agent's output functions or validators, or text that is the output itself."""
        try:
            value = await handler(output)
        except Exception as error:
            if _is_refusal(error):
                self._run.refused(ctx, error)
            raise
        if _is_plain(output_context) and not ctx.partial_output:
            self._run.is_text(ctx)
        return value


class _Run:
    """One run in progress.

    Attributes:
        call: Its call; None before the first request.
        started: Start of the last attempt, by `perf_counter`.
        is_waiting: Whether a request is in progress.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._began_at = time()
        self.started = perf_counter()
        self.is_waiting = False
        self.call: AgentCall | None = None
        # The step of the last attempt at the output.
        self._step: int | None = None
        # The attempt of the last request if it had no answer.
        self._unanswered: dict[str, Any] = {}
        # Tokens before an answer of which only the text is known; None without such an answer.
        self._spent: tuple[int, int] | None = None

    @property
    def opened(self) -> Opened | None:
        """The call with a schema. None before its schema is known, and if it is part of another call."""
        return None if self.call is None else self.call.opened

    def begin(self, ctx: Any, request: Any) -> None:
        """Open the call at the first request."""
        self.started = perf_counter()
        if self.call is not None:
            return
        agent = ctx.agent
        known = {
            "function": None if agent is None else agent.name,
            "task": ctx.prompt if isinstance(ctx.prompt, str) else None,
            "provider": _provider(request.model),
            "options": options_of(request.model_settings or {}, _SETTINGS),
            "started_at": self._began_at,
            "where": current_context(),
        }
        mode = _mode(request)
        schema = _schema(self._recording, agent, request.model_request_parameters, mode)
        model = words(look_up(request.model, "model_name"))
        self.call = AgentCall(self._recording, schema, mode, model, known)

    def answered(self, ctx: Any, request: Any, message: Any) -> None:
        """Record the model's response."""
        self.is_waiting, self._unanswered = False, {}
        took = perf_counter() - self.started
        parameters = request.model_request_parameters
        outputs = {tool.name for tool in parameters.output_tools}
        called = calls_in(message)
        reply = response(message, outputs)
        others = [call for call in called if call.name not in outputs]
        if others and self.call is not None:
            is_attempt = len(others) < len(called)
            parts = shares(reply.usage, len(called))
            usage = Usage.total(parts[: len(others)]) if is_attempt else reply.usage
            self.call.turns.take(others, parameters.function_tools, reply._replace(usage=usage), took)
            if not is_attempt:
                return
            reply = reply._replace(usage=Usage.total(parts[len(others) :]))
        if look_up(message, "state") == "incomplete":
            reply = reply._replace(failure=_LEFT)
        threshold = (request.model_settings or {}).get("decision_boolean_threshold", 0.5)
        confidence = confidence_in(look_up(message, "provider_details"), reply.text, threshold)
        self._add(ctx, reply=reply, elapsed_s=took, confidence=confidence)

    def _add(self, ctx: Any, **what: Any) -> None:
        if self.call is not None and self.call.opened is not None:
            self._step = ctx.run_step
            self.call.add(**what)

    def refused(self, ctx: Any, error: BaseException, output: Any = None) -> None:
        """Store the reason why the agent rejects a reply. A partial reply doesn't count.

        For a rejected streamed reply, the agent reports only the output.
        """
        if ctx.partial_output:
            return
        with self._recording.safely():
            if self.is_waiting and output is not None:
                self.is_waiting, self._spent = False, _tokens(ctx.usage)
                self._add(ctx, reply=Reply(as_json(output)), elapsed_s=perf_counter() - self.started)
            if self.call is not None and self._step == ctx.run_step:
                self._change_last(refused=refused_with(error))

    def is_text(self, ctx: Any) -> None:
        """Note that the text of the step is the output itself."""
        if self.call is not None and self._step == ctx.run_step:
            self.call.attempts.pop()
            self._recording.count("without_schema")

    def _change_last(self, **what: Any) -> None:
        assert self.call is not None
        last = self.call.attempts[-1]
        assert isinstance(last.reply, Reply)
        self.call.attempts[-1] = last._replace(reply=last.reply._replace(**what))

    def stopped(self, ctx: Any, error: BaseException) -> None:
        """Store the exception of a request: a rejection of its answer, or the reason why it has none."""
        if self.is_waiting:
            self.is_waiting = False
            self._unanswered = {"exception": error, "elapsed_s": perf_counter() - self.started}
        elif _is_refusal(error):
            self.refused(ctx, error)

    def ended(self, error: BaseException) -> None:
        """Store the exception that ended the run. For a stream, it names the fault; the request was only cancelled."""
        if self.is_waiting:
            self._unanswered = {"elapsed_s": perf_counter() - self.started}
        if self._unanswered:
            self.is_waiting, self._unanswered["exception"] = False, error

    def close(self, usage: Any) -> None:
        """Record the run. *usage* is its number of tokens."""
        if self.call is None:
            return
        if self._spent is not None:
            used = [now - then or None for now, then in zip(_tokens(usage), self._spent, strict=True)]
            self._change_last(usage=Usage(*used))
        if self._unanswered:
            self.call.add(**self._unanswered)
        self.call.close()


def _is_refusal(error: BaseException) -> bool:
    """Return whether an exception sends the reply back to the model, as opposed to a fault of the application."""
    return not _REFUSALS.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _tokens(usage: Any) -> tuple[int, int]:
    return usage.input_tokens, usage.output_tokens


def _provider(model: Any) -> str | None:
    system = words(look_up(model, "system")) or ""
    name = "gemini" if system.startswith("google") else system
    return provider_of(name, is_responses="Responses" in type(model).__name__)


def _mode(request: Any) -> str:
    """Return the strategy by which the output is requested."""
    mode = request.model_request_parameters.output_mode
    if mode == "auto":
        mode = look_up(look_up(request.model, "profile"), "default_structured_output_mode", "tool")
    return _MODES.get(mode, "tool_call")


def _schema(recording: Recording, agent: Any, parameters: Any, mode: str) -> Schema[Any] | None:
    """Return the schema of the output. None, which is counted, if the output is plain text.

    The class's own schema is used if both are the same, because the agent sends it without titles.
    """
    sent = _sent(recording, parameters, mode)
    own = look_up(agent, "output_type")
    own = look_up(own, "outputs", look_up(own, "output", own))
    if sent is None or not isinstance(own, type) or not hasattr(own, "__annotations__"):
        return sent
    schema = recording.schema_of(own)
    if schema is None or not is_same(schema, sent):
        return sent
    # Without the class, whose validators would run once more.
    return recording.schema_of(schema.document, schema.name)


def _sent(recording: Recording, parameters: Any, mode: str) -> Schema[Any] | None:
    sent, whole = parameters.output_tools, parameters.output_object
    if mode != "tool_call" and whole is not None:
        return recording.schema_of(whole.json_schema, whole.name)
    if not sent:
        recording.count("without_schema")
        return None
    if len(sent) == 1:
        return recording.schema_of(sent[0].parameters_json_schema, sent[0].name)
    # Each tool's schema is a separate document, so references stay inside it.
    arms = [{"$id": f"urn:output:{tool.name}", **tool.parameters_json_schema} for tool in sent]
    names = [str(arm.get("title") or arm["$id"].rpartition(":")[2]) for arm in arms]
    return recording.schema_of({"title": " | ".join(names), "anyOf": arms})


def _is_plain(output: Any) -> bool:
    """Return whether a text is the output itself, if the model could have called an output tool."""
    return output.mode in ("tool", "auto", "text") and output.tool_call is None
