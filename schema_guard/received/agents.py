# SPDX-License-Identifier: Apache-2.0
"""Results of agents of pydantic-ai, LangGraph, and smolagents, with each reply of the model before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers import failures
from schema_guard.providers.fields import as_json, field, items, usage_of, words
from schema_guard.providers.model_output import WrittenCall
from schema_guard.received.pydantic_errors import refused_by
from schema_guard.received.replies import read_shape, stopped
from schema_guard.values import UNKNOWN_USAGE, Failure, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_OUTPUT_TOOL = "final_result"


def run_result(run_result: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Open the result of a run.

    Replies that the agent rejected are tries of the same call. Replies that called a tool of the function belong to the
    next reply.
    """
    messages = field(run_result, "new_messages")
    if not callable(messages) or (
        not callable(field(run_result, "usage")) and field(run_result, "usage") is None
    ):
        return None
    reply = inner(field(run_result, "output"))
    if reply is None:
        return None
    tool = words(field(run_result, "_output_tool_name"))
    replies = _replies(items(messages()), tool)
    if not replies:
        return reply
    *tries, last = replies
    if reply.parsed is None:
        last = last._replace(text=reply.text, failure=reply.failure)
    return last._replace(
        parsed=reply.parsed, failure=reply.failure, tries=tuple(tries), is_final=bool(tries), refused=None
    )


def model_response(message: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Read the `ModelResponse` of a request without an agent, or of the last step of a run."""
    if field(message, "kind") != "response" or not isinstance(field(message, "parts"), list | tuple):
        return None
    calls = calls_in(message)
    reply = response(message, {call.name for call in calls if call.name})
    if len(calls) > 1:
        return reply._replace(failure=reply.failure or failures.SEVERAL_CALLS)
    return reply


def calls_in(message: object) -> list[WrittenCall]:
    """Return the tool calls in one response of a model, in order. The last one ends as the response does."""
    calls = [
        WrittenCall(
            words(field(part, "tool_call_id")),
            words(field(part, "tool_name")),
            as_json(field(part, "args")) or "",
        )
        for part in items(field(message, "parts"))
        if field(part, "part_kind") == "tool-call"
    ]
    finish, failure = stopped(field(message, "finish_reason"))
    if calls and finish not in (None, "stop", "tool_call"):
        calls[-1] = calls[-1]._replace(finish_reason=finish, failure=failure)
    return calls


def response(message: object, outputs: Collection[str]) -> Reply:
    """Read one response of a model inside a run.

    Args:
        message: The response.
        outputs: Names of the tools that take the run's output.
    """
    parts = items(field(message, "parts"))
    called = [part for part in parts if field(part, "tool_name") in outputs] if outputs else []
    finish, failure = stopped(field(message, "finish_reason"))
    refusal = words(field(field(message, "provider_details"), "refusal"))
    usage = usage_of(field(message, "usage"))
    text = (as_json(field(called[0], "args")) or "") if called else _text_of(parts)
    return Reply(
        text,
        "refusal" if refusal else finish,
        usage if usage.input_tokens or usage.output_tokens else UNKNOWN_USAGE,
        refusal,
        words(field(message, "model_name")),
        failure,
        reasoned=not text and any(field(part, "part_kind") == "thinking" for part in parts),
        tool=words(field(called[0], "tool_name")) if called else None,
    )


def refused_with(error: BaseException) -> Failure:
    """Return the reason why an agent rejected a reply: the errors of its validation, or a message of the exception."""
    errors = field(error, "errors")
    return refused_by(errors()) if callable(errors) else failures.refused_inside(field(error, "message"))


def _replies(messages: list[Any], tool: str | None) -> list[Reply]:
    """Return the last reply in the messages of a run, and the replies before it that the agent rejected."""
    replies: list[Reply] = []
    steps: list[Usage] = []
    # The request that follows a response shows whether the agent rejected it.
    pairs = zip(messages, [*messages[1:], None], strict=False)
    responses = [pair for pair in pairs if field(pair[0], "kind") == "response"]
    for message, answer in responses:
        refused = _refused(answer, tool)
        outputs = {name for part in items(field(message, "parts")) if (name := _output_name(part, tool))}
        reply = response(message, outputs)
        steps.append(reply.usage)
        if refused is None and message is not responses[-1][0]:
            continue
        failure = reply.failure if refused is None else None
        replies.append(reply._replace(usage=Usage.total(steps), failure=failure, refused=refused, tool=None))
        steps = []
    return replies


def _text_of(parts: list[Any]) -> str:
    return "".join(
        [words(field(part, "content")) or "" for part in parts if field(part, "part_kind") == "text"]
    )


def _output_name(part: object, tool: str | None) -> str | None:
    """Return the name of the tool that a part calls or answers, if the tool takes the output of the run."""
    name = words(field(part, "tool_name")) or ""
    return name if name == tool or name.startswith(_OUTPUT_TOOL) else None


def _refused(answer: object, tool: str | None) -> Failure | None:
    """Return the reason why an agent rejected a reply and retried. None if it did not."""
    for part in items(field(answer, "parts")):
        kind, named = field(part, "part_kind"), words(field(part, "tool_name"))
        is_retry = kind in ("retry-prompt", "retry-feedback") or field(part, "outcome") == "retried"
        if is_retry and (named is None or _output_name(part, tool)):
            content = field(part, "content")
            return refused_by(content) if isinstance(content, list) else failures.refused_inside(content)
    return None


# Agents of LangChain and LangGraph.

_NOT_TAKEN: Final = Failure("semantic", "refused", "the agent rejected the reply")


def graph_result(state: Any, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Return the last reply in the state of an agent. Earlier calls of its output's tool are tries of the same call.

    Args:
        state: From `invoke`: `messages`, and a `structured_response` if the agent has a format for its output.
        inner: Reads the value of `structured_response`.
    """
    messages = items(field(state, "messages")) if isinstance(state, dict) else []
    asked = [at for at, message in enumerate(messages) if field(message, "type") == "human"]
    # Messages before the last one of the user are from earlier runs.
    spoken = [message for message in messages[asked[-1] if asked else 0 :] if _is_model_s(message)]
    if not spoken:
        return None
    output = _called(spoken[-1])
    attempts: list[Reply] = []
    usages: list[Usage] = []
    for message in spoken:
        reply = read_shape(message)
        if reply is None:
            return None
        usages.append(reply.usage)
        if message is spoken[-1] or output & _called(message):
            attempts.append(reply._replace(usage=Usage.total(usages), refused=_NOT_TAKEN))
            usages = []
    *tries, last = attempts
    last = last._replace(refused=None, tries=tuple(tries), is_final=bool(tries))
    value = None if state.get("structured_response") is None else inner(state["structured_response"])
    return last if value is None else last._replace(parsed=value.parsed, failure=value.failure)


def _is_model_s(message: Any) -> bool:
    return not isinstance(message, dict) and field(message, "type") in ("ai", "AIMessageChunk")


def _called(message: Any) -> set[Any]:
    """Return the names of the tools that a message calls."""
    calls = [*items(field(message, "tool_calls")), *items(field(message, "invalid_tool_calls"))]
    return {field(call, "name") for call in calls}


# Agents of smolagents.


def steps_result(run: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Open the full result of an agent of smolagents. A step that failed was retried in the next one."""
    steps = field(run, "steps")
    if not isinstance(steps, list) or field(run, "state") not in ("success", "max_steps_error"):
        return None
    reply = inner(field(run, "output"))
    if reply is None:
        return None
    usage = usage_of(field(run, "token_usage"))
    return reply._replace(usage=usage, unseen=any(field(step, "error") for step in steps))
