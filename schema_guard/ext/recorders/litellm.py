# SPDX-License-Identifier: Apache-2.0
"""Record the calls of litellm with its callbacks: `schema_guard.ext.recorders.litellm.install()`.

The recorder reads `completion`, `acompletion`, and `responses`, whole and streamed, also through a `Router`. It also reads
`decisions` and `systemone`, sync and async. It records the schema that was sent (`response_format`, `text.format`, the
only forced tool, or the questions), the reply, its tokens, and its cost.

Rules:
1. The recorder reads the place of a call before litellm sends it, because the reply arrives in another thread.
2. A `Router` or `num_retries` may retry a failed call. So the recorder waits a while before it ends the call. Its attempts
   are those with a recorded reply, and a call with unrecorded retries is marked.
3. Tokens that litellm estimated count as unknown.
"""

from __future__ import annotations

import atexit
import json
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cache
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack

from schema_guard.ext.recorders.decisions import DECISION, decision_reply, is_of_a_guard, requested_decision
from schema_guard.ext.recorders.frameworks import framework
from schema_guard.ext.recorders.nesting import CallContext, current_context
from schema_guard.ext.recorders.observed_attempt import AttemptView, add_attempt
from schema_guard.ext.recorders.recording import Bounded, RecorderSettings, Recording, safely
from schema_guard.ext.recorders.requests import Requested, options_of, provider_of, requested
from schema_guard.ext.recorders.tool_turns import ToolTurns
from schema_guard.providers.fields import count, field, words
from schema_guard.received.replies import read
from schema_guard.values import UNKNOWN_USAGE, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.schema import Schema

__all__ = ["install", "uninstall"]

NAME: Final = "litellm"
HELD_S: Final = 30.0
"""Seconds for which a failed call stays open for the next try of a router."""
_LONGEST_S: Final = 600.0
# Other calls are not calls of a language model, such as embeddings, images, and speech.
_CALLS: Final = frozenset({"completion", "acompletion", "responses", "aresponses", "text_completion"})
_DECISIONS: Final = frozenset({"decisions", "adecisions", "systemone", "asystemone"})
# Providers that count the tokens of every stream. Others count them on request.
_COUNTING: Final = frozenset(
    {"anthropic", "bedrock", "gemini", "vertex_ai", "cohere", "cohere_chat", "ollama"}
)


def install(**settings: Unpack[RecorderSettings]) -> None:
    """Record every call that litellm makes in this process from now on.

    A second `install` replaces the first.

    A call belongs to the function in `tags(function=...)`. Default: `metadata["function"]` of the call, then
    *function*, then `litellm:SCHEMA`.

    Args:
        settings: Settings that every recorder accepts. Without `prices`, a call has the cost that litellm computes.

    Raises:
        MissingExtra: litellm isn't installed.
        InvalidArgument: The store or the prices are invalid.
    """
    recording = Recording(NAME, **settings)
    callback = _callback(recording)
    uninstall()
    _litellm().callbacks.append(callback)


def uninstall() -> None:
    """Stop recording calls from litellm."""
    litellm = _litellm()
    for name in ("callbacks", "input_callback", "success_callback", "failure_callback"):
        for callbacks in (getattr(litellm, name, None), getattr(litellm, f"_async_{name}", None)):
            if isinstance(callbacks, list):
                callbacks[:] = [one for one in callbacks if not isinstance(one, LiteLLMCalls)]


def __getattr__(name: str) -> Any:
    # The configuration of the proxy names this instance, which the proxy imports.
    if name == "proxy":
        return _of_proxy()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _of_proxy() -> Any:
    return _callback(Recording(NAME))


def _litellm() -> Any:
    return framework(NAME, "litellm", "litellm")


def _callback(recording: Recording) -> Any:
    """Build the callback, whose class derives from litellm's."""
    base: Any = framework(NAME, "litellm", "litellm.integrations.custom_logger").CustomLogger
    import schema_guard.records.writing.writer  # noqa: F401 - it ends after what is registered below

    callback = type("SchemaGuard", (LiteLLMCalls, base), {})(recording)
    atexit.register(callback.release, everything=True)
    return callback


class _Sent(NamedTuple):
    """A request in progress.

    Attributes:
        format: The requested format.
        schema: Its schema, loaded; None for a turn of tools.
        where: Context of the call.
        task: The prompt that was sent.
        at: Time of the request, in seconds since the epoch.
        unseen: Whether an earlier request under the same id has no known end.
    """

    format: Requested
    schema: Schema[Any] | None
    where: CallContext
    task: Any
    at: float
    unseen: bool


@dataclass(slots=True)
class _FailedCall:
    """A call that failed and may be retried.

    Attributes:
        sent: The first request.
        facts: Arguments of `Recording.record`.
        attempts: The attempts so far.
        is_again: Whether a retry is in progress.
        since: Time of the last event, on the monotonic clock.
    """

    sent: _Sent
    facts: dict[str, Any]
    attempts: list[AttemptView] = dataclass_field(default_factory=list)
    is_again: bool = False
    since: float = 0.0


class LiteLLMCalls:
    """Combine the events of litellm into calls. Thread-safe."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording
        self._sent, self._failed = Bounded(), Bounded()

    @safely
    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Mapping[str, Any]) -> None:
        """Store a request that is about to be sent, in the context of its caller."""
        if kwargs.get("call_type") not in _CALLS | _DECISIONS:
            return
        where = current_context()
        self.release()
        request, task = _requested(kwargs, messages)
        schema = None
        if request is None:
            self.recording.count("without_schema")
        elif request.mode == DECISION and where.call_id is not None and is_of_a_guard(request):
            self.recording.count("inside")
        elif request.source is None:
            self.recording.count("tool_turns")
        else:
            schema = self.recording.schema_of(request.source, request.name)
        key = str(kwargs.get("litellm_call_id"))
        before = self._sent.pop(key, None)
        if request is not None and (schema is not None or request.source is None):
            one = _Sent(request, schema, where, task, time(), before is not None)
            if self._sent.add(key, one) is not None:
                self.recording.count("unended")
            held = None if schema is None else self._failed.get(_key(kwargs, schema))
            if held is not None:
                held.is_again, held.since = True, monotonic()

    @safely
    def log_success_event(
        self, kwargs: Mapping[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Record a complete reply."""
        sent = self._pop(kwargs)
        if sent is None:
            return
        whole = kwargs.get("complete_streaming_response") or kwargs.get("async_complete_streaming_response")
        whole = whole or response_obj
        if sent.schema is not None and sent.format.mode == DECISION:
            answer = decision_reply(response_obj, sent.schema)
        else:
            answer = read(whole)
        answer = answer._replace(usage=_usage(kwargs, whole, answer.usage))
        if sent.unseen:
            answer = answer._replace(unseen=True)
        cost = kwargs.get("response_cost") or None
        attempt = _attempt_of(kwargs, start_time, end_time, reply=answer, cost=cost)
        if sent.schema is None or (sent.format.tools and answer.finish_reason == "tool_call"):
            if sent.schema is not None:
                # The model could answer in the format, but chose to call a tool.
                self.recording.count("tool_turns")
            turns = ToolTurns(self.recording)
            turns.take_reply(whole, sent.format.tools, answer, attempt.elapsed_s, cost, where=sent.where)
            turns.close(**_facts_of(kwargs, sent))
            return
        held = self._failed.pop(_key(kwargs, sent.schema), None) or _FailedCall(sent, _facts_of(kwargs, sent))
        add_attempt(held.attempts, attempt)
        self._record(held)

    @safely
    def log_failure_event(
        self, kwargs: Mapping[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Record the failure of a call."""
        sent = self._pop(kwargs)
        if sent is None or sent.schema is None:
            return
        error = kwargs.get("exception")
        raw = getattr(error, "raw_response", None)
        answer = Reply(raw, unseen=sent.unseen) if isinstance(raw, str) else None
        exception = error if isinstance(error, BaseException) else None
        attempt = _attempt_of(kwargs, start_time, end_time, reply=answer, exception=exception)
        key = _key(kwargs, sent.schema)
        held = self._failed.pop(key, None) or _FailedCall(sent, _facts_of(kwargs, sent))
        held.is_again, held.since = False, monotonic()
        add_attempt(held.attempts, attempt)
        over = self._failed.add(key, held) if _may_be_retried(kwargs) else held
        if over is not None:
            self._write(over)

    async def async_log_success_event(self, *values: Any, **named: Any) -> None:
        """Record a complete reply."""
        self.log_success_event(*values, **named)

    async def async_log_failure_event(self, *values: Any, **named: Any) -> None:
        """Record the failure of a call."""
        self.log_failure_event(*values, **named)

    def release(self, *, everything: bool = False) -> None:
        """Record the failed calls that have had no retry for a while."""
        now = monotonic()
        for key, held in list(self._failed.items()):
            if not everything and now - held.since <= (_LONGEST_S if held.is_again else HELD_S):
                continue
            # Another thread may have removed it.
            if self._failed.pop(key, None) is None:
                continue
            with self.recording.safely():
                self._write(held)

    def _write(self, held: _FailedCall) -> None:
        if held.is_again:
            # A retry began, but litellm never reported its end.
            self.recording.count("unended")
            return
        self._record(held)

    def _record(self, held: _FailedCall) -> None:
        schema, asked = held.sent.schema, held.sent.format
        assert schema is not None
        self.recording.record(held.attempts, schema, mode=asked.mode, tool=asked.tool, **held.facts)

    def _pop(self, kwargs: Mapping[str, Any]) -> _Sent | None:
        sent: _Sent | None = self._sent.pop(str(kwargs.get("litellm_call_id")), None)
        return sent


def _options(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    options = kwargs.get("optional_params")
    return options if isinstance(options, dict) else {}


def _requested(kwargs: Mapping[str, Any], messages: Any) -> tuple[Requested | None, Any]:
    """Return the requested format, and the task. litellm reports a request to a decision model as JSON in a message."""
    if kwargs.get("call_type") in _CALLS:
        return requested(_options(kwargs), kwargs.get("custom_llm_provider")), messages
    asked = json.loads(messages[0]["content"])
    return requested_decision(asked["questions"]), asked.get("input", asked.get("state"))


def _facts_of(kwargs: Mapping[str, Any], sent: _Sent) -> dict[str, Any]:
    """Return the facts of a call, as `Recording.open` takes them."""
    is_responses = kwargs.get("call_type") in ("responses", "aresponses")
    return {
        "function": _function(kwargs),
        "task": sent.task,
        "provider": "litellm-decisions"
        if sent.format.mode == DECISION
        else provider_of(kwargs.get("custom_llm_provider"), is_responses=is_responses),
        "options": options_of(_options(kwargs)),
        "where": sent.where,
        "started_at": sent.at,
    }


def _attempt_of(kwargs: Mapping[str, Any], start: Any, end: Any, **what: Any) -> AttemptView:
    began = kwargs.get("current_attempt_api_call_start_time") or start
    with suppress(AttributeError, TypeError):  # without a valid clock, the time is unknown
        what["elapsed_s"] = max((end - began).total_seconds(), 0.0)
    return AttemptView(**what, model=words(kwargs.get("model")))


def _metadata(kwargs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the metadata of a call, from the SDK and from the proxy, which stores it one level deeper."""
    params = kwargs.get("litellm_params")
    entries = (
        [params.get(name) for name in ("metadata", "litellm_metadata")] if isinstance(params, dict) else []
    )
    entries += [entry.get("requester_metadata") for entry in entries if isinstance(entry, dict)]
    return [entry for entry in entries if isinstance(entry, dict)]


def _function(kwargs: Mapping[str, Any]) -> str | None:
    names = [entry.get("function") for entry in _metadata(kwargs)]
    return next((name for name in names if isinstance(name, str) and name), None)


def _key(kwargs: Mapping[str, Any], schema: Schema[Any]) -> tuple[Any, str]:
    """Return a key that all attempts of one call share: the trace, the messages, and the schema."""
    return (kwargs.get("litellm_trace_id"), repr(kwargs.get("messages"))), schema.fingerprint


def _may_be_retried(kwargs: Mapping[str, Any]) -> bool:
    params = kwargs.get("litellm_params")
    retries = params.get("max_retries") if isinstance(params, dict) else None
    return bool(retries) or any("model_group" in entry for entry in _metadata(kwargs))


def _usage(kwargs: Mapping[str, Any], reply: Any, known: Usage) -> Usage:
    """Return the tokens of a reply if its provider counted them."""
    if kwargs.get("stream") and not _counts_streams(kwargs):
        return UNKNOWN_USAGE
    if known != UNKNOWN_USAGE:
        return known
    # litellm reports the tokens of the Responses API under the names of the Chat Completions API.
    usage = field(reply, "usage")
    return Usage(count(usage, "prompt_tokens"), count(usage, "completion_tokens"))


def _counts_streams(kwargs: Mapping[str, Any]) -> bool:
    stream_options = _options(kwargs).get("stream_options")
    return kwargs.get("custom_llm_provider") in _COUNTING or (
        isinstance(stream_options, dict) and stream_options.get("include_usage") is True
    )
