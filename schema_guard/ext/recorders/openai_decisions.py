# SPDX-License-Identifier: Apache-2.0
"""The decisions of a client of `openai`: each request of `client.decisions.create` is one call.

To record other requests of the client, guard the function that sends them, with `observe=True`.
"""

from __future__ import annotations

from functools import partial
from inspect import iscoroutinefunction
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from schema_guard.errors import InvalidArgument
from schema_guard.ext.recorders.decisions import decision_reply, is_of_a_guard, requested_decision
from schema_guard.ext.recorders.nesting import current_context
from schema_guard.ext.recorders.observed_attempt import AttemptView
from schema_guard.ext.recorders.recording import RecorderSettings, Recording
from schema_guard.providers.fields import field
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["record"]

C = TypeVar("C")


def record(client: C, **settings: Unpack[RecorderSettings]) -> C:
    """Record every request of `client.decisions.create`, without changing any request.

    >>> client = record(OpenAI())       # doctest: +SKIP

    A call belongs to the function in `tags(function=...)`. Default: *function*, then
    `openai_decisions:decision`. schema_guard doesn't record the requests of copies from
    `client.with_options()`.

    Args:
        client: An `OpenAI` or `AsyncOpenAI`.
        settings: Settings that every recorder accepts, such as `function`.

    Returns:
        The client.

    Raises:
        InvalidArgument: The client has no decisions, or the store or the prices are invalid.
    """
    decisions = field(client, "decisions")
    create = field(decisions, "create")
    if not callable(create):
        kind = clip(type(client).__name__)
        raise InvalidArgument(f"client={kind}: expected an OpenAI or AsyncOpenAI of openai>=3.57")
    recorded = _acreate if iscoroutinefunction(create) else _create
    decisions.create = partial(recorded, Recording("openai_decisions", **settings), create)
    return client


def _create(recording: Recording, create: Callable[..., Any], **arguments: Any) -> Any:
    sent = _Sent(recording, arguments)
    try:
        reply = create(**arguments)
    except BaseException as error:
        sent.end(exception=error)
        raise
    sent.end(reply)
    return reply


async def _acreate(recording: Recording, create: Callable[..., Any], **arguments: Any) -> Any:
    sent = _Sent(recording, arguments)
    try:
        reply = await create(**arguments)
    except BaseException as error:
        sent.end(exception=error)
        raise
    sent.end(reply)
    return reply


class _Sent:
    """A request in progress."""

    def __init__(self, recording: Recording, arguments: Mapping[str, Any]) -> None:
        self._recording = recording
        self._arguments = arguments
        self._at, self._began = time(), perf_counter()

    def end(self, reply: Any = None, exception: BaseException | None = None) -> None:
        """Record the request with its reply or its exception."""
        with self._recording.safely():
            self._end(reply, exception)

    def _end(self, reply: Any, exception: BaseException | None) -> None:
        elapsed_s = perf_counter() - self._began
        questions, where = self._arguments.get("questions"), current_context()
        request = requested_decision(questions) if isinstance(questions, list | tuple) else None
        # A raw response has no answers until it is parsed.
        if request is None or (reply is not None and field(reply, "answers") is None):
            self._recording.count("without_schema")
            return
        if where.call_id is not None and is_of_a_guard(request):
            self._recording.count("inside")
            return
        schema = self._recording.schema_of(request.source, request.name)
        if schema is None:
            return
        answer = None if reply is None else decision_reply(reply, schema)
        model = self._arguments.get("model")
        attempt = AttemptView(answer, exception, model if isinstance(model, str) else None, elapsed_s)
        self._recording.record(
            [attempt],
            schema,
            mode=request.mode,
            task=self._arguments.get("input"),
            provider="openai-decisions",
            where=where,
            started_at=self._at,
        )
