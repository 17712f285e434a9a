# SPDX-License-Identifier: Apache-2.0
"""Runs of pydantic-ai's agents: what came out, and every reply of the model on the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.providers import failures
from schema_guard.providers.fields import as_json, count, field, items, words
from schema_guard.providers.model_output import WrittenCall
from schema_guard.received.pydantic_failures import refused_by
from schema_guard.received.replies import Reply, stopped
from schema_guard.values import UNKNOWN_USAGE, Failure, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["calls_in", "model_response", "refused_with", "response", "result"]

_OUTPUT_TOOL = "final_result"


class _ModelReply(NamedTuple):
    """A reply of the model inside a run, and what the agent answered to it."""

    response: Any
    answer: Any


def result(run_result: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Open the result of a run. Replies that the agent refused are tries of the one call; those that called a
    function's tool belong to the next one.
    """  # noqa: D205
    messages = field(run_result, "new_messages")
    if not callable(messages) or (
        not callable(field(run_result, "usage")) and field(run_result, "usage") is None
    ):
        return None
    reply = inner(field(run_result, "output"))
    if reply is None:
        return None
    tool = words(field(run_result, "_output_tool_name"))
    replies = _replies([_ModelReply(*pair) for pair in _paired(items(messages()))], tool)
    if not replies:
        return reply
    *tries, last = replies
    if reply.parsed is None:
        last = last._replace(text=reply.text, failure=reply.failure)
    return last._replace(
        parsed=reply.parsed, failure=reply.failure, tries=tuple(tries), is_final=bool(tries), refused=None
    )


def model_response(message: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Read the `ModelResponse` of a request that no agent made, or of the last step of a run."""
    if field(message, "kind") != "response" or not isinstance(field(message, "parts"), list | tuple):
        return None
    calls = calls_in(message)
    reply = response(message, {call.name for call in calls if call.name})
    if len(calls) > 1:
        return reply._replace(failure=reply.failure or failures.SEVERAL_CALLS)
    return reply


def calls_in(message: object) -> list[WrittenCall]:
    """Give the tool calls in one response of a model, in order; the last one ends as the response does."""
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
    """Read one response of a model inside of a run.

    Args:
        message: The response.
        outputs: Names of the tools that take the run's output.
    """
    parts = items(field(message, "parts"))
    called = [part for part in parts if field(part, "tool_name") in outputs] if outputs else []
    finish, failure = stopped(field(message, "finish_reason"))
    refusal = words(field(field(message, "provider_details"), "refusal"))
    usage = _usage(field(message, "usage"))
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
    """Give why an agent did not take a reply: by what its validation raised, or the function that it was handed to."""
    errors = field(error, "errors")
    return refused_by(errors()) if callable(errors) else failures.refused_inside(field(error, "message"))


def _paired(messages: list[Any]) -> list[tuple[Any, Any]]:
    """Give each response with the request that follows it."""
    return [
        (message, messages[index + 1] if index + 1 < len(messages) else None)
        for index, message in enumerate(messages)
        if field(message, "kind") == "response"
    ]


def _replies(pairs: list[_ModelReply], tool: str | None) -> list[Reply]:
    replies: list[Reply] = []
    steps: list[Usage] = []
    for response, answer in pairs:
        usage = _usage(field(response, "usage"))
        refused = _refused(answer, tool)
        if refused is None and response is not pairs[-1].response:
            steps.append(usage)
            continue
        text = _text(response, tool)
        finish, failure = stopped(field(response, "finish_reason"))
        replies.append(
            Reply(
                text,
                finish,
                Usage.total([*steps, usage]) if steps else usage,
                None,
                words(field(response, "model_name")),
                failure if refused is None else None,
                refused=refused,
            )
        )
        steps = []
    return replies


def _text(response: object, tool: str | None) -> str:
    parts = items(field(response, "parts"))
    calls = [part for part in parts if field(part, "part_kind") == "tool-call" and _is_output(part, tool)]
    if calls:
        return as_json(field(calls[0], "args")) or ""
    return _text_of(parts)


def _text_of(parts: list[Any]) -> str:
    return "".join(
        [words(field(part, "content")) or "" for part in parts if field(part, "part_kind") == "text"]
    )


def _is_output(part: object, tool: str | None) -> bool:
    name = words(field(part, "tool_name")) or ""
    return name == tool or name.startswith(_OUTPUT_TOOL)


def _refused(answer: object, tool: str | None) -> Failure | None:
    """Give why an agent refused a reply and asked again; None where it did not."""
    for part in items(field(answer, "parts")):
        kind, named = field(part, "part_kind"), words(field(part, "tool_name"))
        is_retry = kind in ("retry-prompt", "retry-feedback") or field(part, "outcome") == "retried"
        if is_retry and (named is None or _is_output(part, tool)):
            content = field(part, "content")
            return refused_by(content) if isinstance(content, list) else failures.refused_inside(content)
    return None


def _usage(usage: object) -> Usage:
    details = field(usage, "details")
    return Usage(
        count(usage, "input_tokens"),
        count(usage, "output_tokens"),
        count(usage, "cache_read_tokens"),
        count(details, "reasoning_tokens"),
    )
