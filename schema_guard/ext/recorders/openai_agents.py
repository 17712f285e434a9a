# SPDX-License-Identifier: Apache-2.0
"""Runs of openai-agents, recorded by `schema_guard.ext.recorders.openai_agents.install()`.

Rules:
1. A runner around the default one sees where a run begins and ends, and run hooks see each response. Trace spans have
   no schema, and no text if sensitive data is off. Without tracing, there are none.
2. The function is the name of the agent that answers. After a handoff, the next agent has a call of its own.
3. An attempt is a response that runs no tool. Each call of a function tool is a call of that tool.
"""

from __future__ import annotations

from asyncio import CancelledError
from functools import cache
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final, Unpack

from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.nesting import current_context
from schema_guard.ext.recorders.recording import RecorderSettings, Recording
from schema_guard.ext.recorders.requests import options_of
from schema_guard.ext.recorders.tool_turns import AgentCall
from schema_guard.ext.tools.judging import raw_reply
from schema_guard.ext.tools.recorded_calls import shares
from schema_guard.providers.fields import field as look_up
from schema_guard.providers.fields import items, words
from schema_guard.received.openai_agents import model_name
from schema_guard.received.openai_agents import response as read_response
from schema_guard.received.replies import written_calls
from schema_guard.records.identity import current_tools
from schema_guard.values import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.recorders.recording import Opened
    from schema_guard.schema import Schema

__all__ = ["install", "uninstall"]

# Settings of the model that change results and aren't secret.
_SETTINGS: Final = ("temperature", "top_p", "max_tokens")
_PROVIDERS: Final = {
    "OpenAIChatCompletionsModel": "openai",
    "OpenAIResponsesModel": "openai-responses",
}
# Items that the agent answers before the model's next turn, besides function calls.
_TURNS: Final = frozenset(
    {"computer_call", "local_shell_call", "shell_call", "apply_patch_call", "mcp_approval_request"}
)
# Exceptions that concern the last reply, and not the application.
_REFUSALS: Final = frozenset({"ModelBehaviorError", "ModelRefusalError", "OutputGuardrailTripwireTriggered"})


def install(**settings: Unpack[RecorderSettings]) -> None:
    """Record every run of openai-agents in this process from now on.

    A second `install` replaces the first.

    Args:
        settings: Settings that every recorder accepts, such as `function` for calls without a name.

    Raises:
        InvalidArgument: The store or the prices are invalid.
        MissingExtra: openai-agents isn't installed.
    """
    recording = Recording("openai_agents", **settings)
    uninstall()
    package = _package()
    package.set_default_agent_runner(_Runner(recording, package.get_default_agent_runner()))


def uninstall() -> None:
    """Stop recording runs from openai-agents."""
    package = _package()
    runner = package.get_default_agent_runner()
    if isinstance(runner, _Runner):
        package.set_default_agent_runner(runner.inner)


def _package() -> Any:
    return framework("openai_agents", "openai-agents", "agents.run")


class _Runner:
    """The default runner of openai-agents, which records each run."""

    def __init__(self, recording: Recording, inner: Any) -> None:
        self._recording, self.inner = recording, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def run(self, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002 - the package's name
        """Run an agent, and record the run when it ends."""
        run = _Run(self._recording, starting_agent, input, options)
        with run:
            return await self.inner.run(starting_agent, input, **options)

    def run_sync(self, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002 - the package's name
        """Run an agent, and record the run when it ends."""
        run = _Run(self._recording, starting_agent, input, options)
        with run:
            return self.inner.run_sync(starting_agent, input, **options)

    def run_streamed(self, starting_agent: Any, input: Any, **options: Any) -> Any:  # noqa: A002 - the package's name
        """Start a run, and record it when its task ends."""
        run = _Run(self._recording, starting_agent, input, options)
        run.enter()
        try:
            result = self.inner.run_streamed(starting_agent, input, **options)
        finally:
            # The task has a copy of the context.
            run.leave()
        task = look_up(result, "run_loop_task") or look_up(result, "_run_impl_task")
        if task is not None:
            task.add_done_callback(run.is_done)
        return result


class _Run:
    """One run in progress, with a call for each of its agents."""

    def __init__(self, recording: Recording, agent: Any, task: Any, options: dict[str, Any]) -> None:
        self._recording, self._config = recording, options.get("run_config")
        self._task = task if isinstance(task, str | list) else None
        self._where, self._began_at = current_context(), time()
        self._calls: dict[str, AgentCall] = {}
        self._last: AgentCall | None = None
        # Start of the wait for a response; None between two requests.
        self._waits_since: float | None = None
        self._is_attempt = False
        self._first: Opened | None = None
        # The recorder of the SDK doesn't record the calls of these tools, because this recorder does.
        self._tools, self._outer_tools = frozenset[str](), self._where.tools
        with recording.safely():
            self._tools = frozenset(_tool_names(agent, {}))
            self._first = self._call_of(agent).opened
            own = options.get("hooks")
            if own is None or isinstance(own, _hooks().__base__):
                options["hooks"] = hooks = _hooks()()
                hooks.run, hooks.own = self, own

    def enter(self) -> None:
        """Make the running code part of this run's call."""
        current_tools.set(self._tools)
        if self._first is not None:
            self._first.enter()

    def leave(self) -> None:
        """Leave the span that `enter` made current."""
        if current_tools.get() is self._tools:
            current_tools.set(self._outer_tools)
        if self._first is not None:
            self._first.leave()

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.leave()
        self._close(error)

    def is_done(self, task: Any) -> None:
        """Record a streamed run whose task has ended."""
        self._close(CancelledError() if task.cancelled() else task.exception())

    def asked(self, context: Any, agent: Any, *_: Any, **__: Any) -> None:
        """Note that a request is sent for an agent."""
        with self._recording.safely():
            self._last, self._waits_since = self._call_of(agent), perf_counter()

    def answered(self, context: Any, agent: Any, response: Any) -> None:
        """Record a response of the model."""
        with self._recording.safely():
            call = self._last = self._call_of(agent)
            took = perf_counter() - (self._waits_since or perf_counter())
            self._waits_since, self._is_attempt = None, False
            self._take(call, agent, response, took)

    def _take(self, call: AgentCall, agent: Any, message: Any, took: float) -> None:
        """Record the tool calls of a response. Without any, it is an attempt at the output."""
        reply, raw = read_response(message), raw_reply(message)
        reply = reply._replace(model=reply.model or call.model)
        called = [] if raw is None else written_calls(raw)
        tools = _function_tools(agent)
        known = {tool["function"]["name"] for tool in tools}
        others = _other_tools(agent)
        own = [one for one in called if one.name in known or not (others is None or one.name in others)]
        if own:
            usage = Usage.total(shares(reply.usage, len(called))[: len(own)])
            call.turns.take(own, tools, reply._replace(usage=usage), took)
        kinds = {look_up(item, "type") for item in items(look_up(message, "output"))}
        self._is_attempt = not called and ("message" in kinds or not kinds & _TURNS)
        if self._is_attempt:
            call.add(reply=reply, elapsed_s=took)

    def _call_of(self, agent: Any) -> AgentCall:
        """Return the call of an agent in this run. Its schema is the one that the model receives."""
        name = words(look_up(agent, "name"))
        if (name or "") not in self._calls:
            model = look_up(self._config, "model") or look_up(agent, "model")
            facts: dict[str, Any] = {
                "function": name,
                "task": self._task,
                "provider": _PROVIDERS.get(type(model).__name__),
                "options": _options(agent, self._config),
                "started_at": time() if self._calls else self._began_at,
                "where": self._where,
            }
            schema, mode = _output(self._recording, agent)
            asked = model_name(agent, model) or _default_model()
            self._calls[name or ""] = AgentCall(self._recording, schema, mode, asked, facts)
        return self._calls[name or ""]

    def _close(self, error: BaseException | None) -> None:
        """Record the calls of the run. *error* is the exception that ended it."""
        with self._recording.safely():
            calls, self._calls = list(self._calls.values()), {}
            last = self._last
            if error is not None and last is not None:
                if self._waits_since is not None:
                    last.add(exception=error, elapsed_s=perf_counter() - self._waits_since)
                elif self._is_attempt and _is_refusal(error):
                    last.attempts[-1] = last.attempts[-1]._replace(exception=error)
            for call in calls:
                call.close()


@cache
def _hooks() -> Any:
    """Return the class of the hooks of a run, which pass everything on to the application's own hooks."""
    from agents.lifecycle import RunHooksBase  # type: ignore[import-not-found,unused-ignore]

    names = [name for name in vars(RunHooksBase) if name.startswith("on_")]
    return type("SchemaGuardHooks", (RunHooksBase,), {name: _hook(name) for name in names})


def _hook(name: str) -> Any:
    note = {"on_llm_start": _Run.asked, "on_llm_end": _Run.answered}.get(name)

    async def hook(self: Any, *values: Any, **named: Any) -> None:
        if note is not None:
            note(self.run, *values, **named)
        if self.own is not None:
            await getattr(self.own, name)(*values, **named)

    return hook


def _is_refusal(error: BaseException) -> bool:
    return not _REFUSALS.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _default_model() -> str | None:
    from agents import models  # type: ignore[import-not-found,unused-ignore]

    default = look_up(models, "get_default_model")
    return words(default()) if callable(default) else None


def _options(agent: Any, config: Any) -> dict[str, Any]:
    """Return the settings of the model that change results."""
    settings = look_up(agent, "model_settings")
    override = look_up(config, "model_settings")
    if override is not None:
        settings = settings.resolve(override)
    sent = {name: look_up(settings, name) for name in _SETTINGS}
    return options_of({**sent, "thinking": look_up(look_up(settings, "reasoning"), "effort")}, _SETTINGS)


def _output(recording: Recording, agent: Any) -> tuple[Schema[Any] | None, str]:
    """Return the schema and the strategy of an agent's output. For plain text, the schema is None, which is counted."""
    from agents import AgentOutputSchema  # type: ignore[import-not-found,unused-ignore]

    output = look_up(agent, "output_type")
    if output is not None and not hasattr(output, "is_plain_text"):
        output = AgentOutputSchema(output)
    if output is None or output.is_plain_text():
        recording.count("without_schema")
        return None, "bare"
    document = output.json_schema()
    if document.get("title") == "OutputType":
        # The package's wrapper of types that aren't objects.
        document = {key: value for key, value in document.items() if key != "title"}
    mode = "strict_schema" if output.is_strict_json_schema() else "json_mode"
    return recording.schema_of(document, output.name()), mode


def _function_tools(agent: Any) -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": tool.name, "parameters": tool.params_json_schema}}
        for tool in items(look_up(agent, "tools"))
        if isinstance(look_up(tool, "params_json_schema"), dict)
    ]


def _other_tools(agent: Any) -> set[str] | None:
    """Return the names that an agent's function calls may have besides its function tools, or None for any name."""
    if look_up(agent, "mcp_servers"):
        return None
    handoffs = map(_handoff_name, items(look_up(agent, "handoffs")))
    return {*handoffs, *(look_up(tool, "name") for tool in items(look_up(agent, "tools")))}


def _handoff_name(handoff: Any) -> str:
    from agents import Handoff

    return words(look_up(handoff, "tool_name")) or str(Handoff.default_tool_name(handoff))


def _tool_names(agent: Any, seen: dict[int, Any]) -> Iterator[str]:
    """Yield the names of all tools that an agent can reach, also by handoffs."""
    if agent is None or id(agent) in seen:
        return
    seen[id(agent)] = agent
    yield from (str(look_up(tool, "name")) for tool in items(look_up(agent, "tools")))
    for handoff in items(look_up(agent, "handoffs")):
        yield _handoff_name(handoff)
        behind = look_up(handoff, "_agent_ref")
        yield from _tool_names(behind() if callable(behind) else handoff, seen)
