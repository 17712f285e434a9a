# SPDX-License-Identifier: Apache-2.0
"""Read a stored reply as if it came from the provider.

Rules: first remove a tool's wrapper around a reply, unless the schema itself declares it. A text is the reply's own
text, unless it is the JSON of a message or of a whole completion. The functions never raise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.traces.values import MISSING, decoded
from schema_guard.interruptions import value_or
from schema_guard.providers.failures import ENDED_EARLY, provider_error
from schema_guard.received import replies
from schema_guard.received.traceback_reply import CLIENTS
from schema_guard.text import clip
from schema_guard.values import UNKNOWN_USAGE, Failure, FinishReason, ParsedValue, Reply, Usage

if TYPE_CHECKING:
    from schema_guard.ext.traces.stored_reply import StoredReply
    from schema_guard.received.parsed_values import TypedValues

_DEEPEST: Final = 6
_ASSISTANTS: Final = ("assistant", "ai", "model")
_MESSAGES: Final = ("message", "messages")
# Names under which tools store only the text.
_TEXT_KEYS: Final = ("content", "text", "completion", "output", "response")
_NO_OUTPUT: Final = Failure("transport", "no_reply", "the trace does not have the reply")
_CANCELLED: Final = frozenset(["CancelledError", "KeyboardInterrupt", "GeneratorExit"])
_PROVIDERS: Final = re.compile(
    r"Error code: [45]\d\d|HTTP status [45]\d\d|\b(?:429|500|502|503|504|529)\b|(?:rate|quota).?limit|overloaded"
    r"|time[d ]?.?out|connection (?:error|refused|reset|aborted)",
    re.IGNORECASE,
)
_PROVIDERS_NAMES: Final = re.compile(
    r"(?:RateLimit|API|APIConnection|APITimeout|APIStatus|InternalServer|ServiceUnavailable|Overloaded|BadRequest|"
    r"Authentication|PermissionDenied|NotFound|Connection|Connect|Read|Write|Pool|HTTP|Client|Server|Throttling)"
    r"\w*(?:Error|Exception|Timeout)|Timeout(?:Error|Exception)?|provider|\w*(?:server_error|rate_limit\w*)"
)
_PARSED_BY: Final[dict[str, FinishReason]] = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}


def reply_in(stored: StoredReply, own: TypedValues) -> Reply:
    """Return the reply that a tool has stored, with its usage and its finish reason.

    Args:
        stored: The stored reply.
        own: The values of the schema.
    """
    if stored.output is MISSING or stored.output is None:
        return _failed(stored)
    reply = _read(stored.output, own, _DEEPEST)
    usage, (finish_reason, failure) = reply.usage, stored.stopped
    if usage is UNKNOWN_USAGE:
        usage = stored.usage
    else:
        usage = Usage(
            *(own if own is not None else other for own, other in zip(usage, stored.usage, strict=True))
        )
    if reply.finish_reason is not None:
        finish_reason, failure = reply.finish_reason, None
    return reply._replace(
        finish_reason=finish_reason,
        failure=reply.failure or failure,
        usage=usage,
        model=reply.model or stored.model,
    )


def _failed(stored: StoredReply) -> Reply:
    """Return the reply for an error, or for a missing output."""
    known = {"usage": stored.usage, "call_model": stored.model or ""}
    if stored.error is None:
        return Reply(failure=_NO_OUTPUT, **known)  # type: ignore[arg-type]
    named = stored.exception or ""
    package, _, name = named.partition(".")[0], *named.rpartition(".")[1:]
    if name in _PARSED_BY:
        return Reply(failure=ENDED_EARLY[_PARSED_BY[name]], **known)  # type: ignore[arg-type]
    kind = clip(name) if name else None
    if name in _CANCELLED:
        failure = Failure("transport", "cancelled", f"{kind} was raised")
    elif package in CLIENTS or _PROVIDERS_NAMES.fullmatch(name) or _PROVIDERS.search(stored.error):
        failure = provider_error()
    else:
        failure = Failure("transport", "call_raised", f"{kind or 'an exception'} was raised")
    return Reply(failure=failure, exception=kind, **known)  # type: ignore[arg-type]


def _read(output: Any, own: TypedValues, depth: int) -> Reply:
    if isinstance(output, dict | list):
        return _unwrapped(output, own, depth) or Reply(parsed=ParsedValue(output))
    if own.is_schema_scalar(output):
        return Reply(parsed=ParsedValue(output))
    inside = decoded(output)
    # The model may have written an object with one key, unless it is a key of messages.
    is_alone = isinstance(inside, dict) and len(inside) == 1 and inside.keys().isdisjoint(_MESSAGES)
    reply = _unwrapped(inside, own, depth) if isinstance(inside, dict | list) and not is_alone else None
    return replies.read(output) if reply is None or reply.parsed is not None else reply


def _unwrapped(output: Any, own: TypedValues, depth: int) -> Reply | None:
    """Return the reply in an object or a list; None if there is none."""
    if depth == 0:
        return None
    if isinstance(output, list):
        return _of_list(output, own, depth)
    if own.names.isdisjoint(output):
        inner = _wrapped(output)
        if inner is not None:
            return _read(inner, own, depth - 1)
    # A key that marks replies is data if the schema itself declares it.
    is_data = any(name in output for name in replies.markers() & own.names)
    return None if is_data else value_or(None, replies.read_shape, output)


def _of_list(messages: list[Any], own: TypedValues, depth: int) -> Reply | None:
    """Return the last message of the model in a list, or the items of a response."""
    if not messages or not all(isinstance(message, dict) for message in messages):
        return None
    if any(message.get("type") in ("message", "function_call") for message in messages):
        return replies.read_shape({"object": "response", "status": None, "output": messages})
    for message in reversed(messages):
        if message.get("role", message.get("type")) in _ASSISTANTS:
            return _unwrapped(message, own, depth - 1)
    if len(messages) == 1 and own.names.isdisjoint(messages[0]):
        inner = _wrapped(messages[0])
        return None if inner is None else _read(inner, own, depth - 1)
    return None


def _wrapped(output: dict[str, Any]) -> Any:
    """Return the content of a wrapper of a tool or a framework, or None if there is no wrapper."""
    kwargs, messages = output.get("kwargs"), output.get("messages")
    if output.get("type") == "constructor" and isinstance(kwargs, dict):
        return _langchain(kwargs)
    if output.get("type") in ("ai", "AIMessage") and "content" in output:
        return None if "response_metadata" in output else _langchain(output)
    if output.get("role") == "model" and isinstance(output.get("parts"), list):
        return {"candidates": [{"content": output}]}
    if isinstance(output.get("message"), dict) and "finish_reason" in output:
        return {"object": "chat.completion", "choices": [output]}
    return messages if isinstance(messages, list) else _generated(output) or _alone(output)


def _generated(output: dict[str, Any]) -> Any:
    """Return the first of LangChain's generations."""
    first = output.get("generations")
    while isinstance(first, list) and first:
        first = first[0]
    return (first.get("message") or first.get("text")) if isinstance(first, dict) else None


def _alone(output: dict[str, Any]) -> Any:
    """Return a text or a message that is the only member of an object."""
    if len(output) != 1:
        return None
    ((key, value),) = output.items()
    is_text = key in _TEXT_KEYS and isinstance(value, str)
    return value if is_text or (key == "message" and isinstance(value, dict)) else None


def _langchain(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of LangChain with the fields that its reader needs."""
    return {"response_metadata": {}, **message, "type": "ai"}
