# SPDX-License-Identifier: Apache-2.0
"""Agents of LangChain and LangGraph: the state that a run returns, with the messages of the run in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.fields import field, items
from schema_guard.received.replies import Reply, read_shape
from schema_guard.values import Failure, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["result"]

_REFUSED: Final = Failure("semantic", "refused", "the agent did not take the reply")


def result(state: Any, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Return the last reply in the state of an agent. Calls of its output's tool before that are tries of the one call.

    Args:
        state: From `invoke`: `messages`, and a `structured_response` if the agent has a format for its output.
        inner: Reads the value of that.
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
            attempts.append(reply._replace(usage=Usage.total(usages), refused=_REFUSED))
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
