# SPDX-License-Identifier: Apache-2.0
"""Wrappers of other libraries around replies and values, identified by their shape without imports or class names.

Rule: opening a wrapper doesn't change it. A body that was not read yet stays unread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from schema_guard.interruptions import is_interruption, value_or
from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import either, field
from schema_guard.received import agents, openai_agents
from schema_guard.received.replies import read, read_shape
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    Inner: TypeAlias = Callable[[object], Reply | None]
    """Function that reads the content of a wrapper. Its result is None for content that is neither a reply nor a value."""

_BAD_STATUS = 400
_PLAIN = (str, bytes, bool, int, float, list, type(None))
_MESSAGES = frozenset({"replies", "validated", "last_message"})
_RAW_AND_PARSED = {"raw", "parsed", "parsing_error"}


def unwrap(wrapper: object, inner: Inner) -> Reply | None:
    """Return the reply in a wrapper. None if the value is not a wrapper.

    Args:
        wrapper: Any value.
        inner: Reads the content of the wrapper.
    """
    for opener in (
        _pair,
        _raw_and_parsed,
        _pipeline,
        _http,
        _raw_response,
        agents.run_result,
        agents.model_response,
        agents.steps_result,
        agents.graph_result,
        openai_agents.result,
        _parsed,
    ):
        reply = opener(wrapper, inner)
        if reply is not None:
            return reply
    return None


def _pair(wrapper: object, inner: Inner) -> Reply | None:
    """Open `(value, completion)`: the value that was built from a reply, and the reply."""
    if not isinstance(wrapper, tuple) or len(wrapper) != 2:
        return None
    value, completion = wrapper
    reply = None if isinstance(completion, _PLAIN) else read_shape(completion)
    if reply is None and isinstance(completion, (*_PLAIN, dict)):
        return None
    parsed = inner(value)
    if parsed is None:
        return reply if value is None else None
    if reply is None or reply.failure is not None:
        return parsed
    if parsed.parsed is None:
        return reply._replace(text=parsed.text, failure=parsed.failure)
    return reply._replace(parsed=parsed.parsed, unseen=parsed.unseen)


def _raw_and_parsed(wrapper: object, inner: Inner) -> Reply | None:
    """Open LangChain's result with `include_raw`: the message, the value built from it, and the parsing error."""
    if type(wrapper) is not dict or wrapper.keys() != _RAW_AND_PARSED:
        return None
    reply, parsed = read_shape(wrapper["raw"]), inner(wrapper["parsed"])
    if reply is None:
        return parsed
    return reply if parsed is None or parsed.parsed is None else reply._replace(parsed=parsed.parsed)


def _pipeline(wrapper: object, inner: Inner) -> Reply | None:
    """Open the output of a Haystack pipeline: the only reply in the outputs of its components, or in a list."""
    if type(wrapper) is list and len(wrapper) == 1 and field(wrapper[0], "_content") is not None:
        return read_shape(wrapper[0])
    if type(wrapper) is not dict or not all(type(output) is dict for output in wrapper.values()):
        return None
    outputs = [output for output in wrapper.values() if not _MESSAGES.isdisjoint(output)]
    return read_shape(outputs[0]) if len(outputs) == 1 else None


def _http(response: object, inner: Inner) -> Reply | None:
    """Open a response of an HTTP client if its body has arrived."""
    status, read_json = field(response, "status_code"), field(response, "json")
    if type(status) is not int or not callable(read_json) or field(response, "headers") is None:
        return None
    # httpx, then requests. Reading a body that has not arrived would wait for it, or take it from the caller.
    if field(response, "is_stream_consumed") is False or field(response, "_content_consumed") is False:
        return None
    text = field(response, "text")
    if status >= _BAD_STATUS:
        return Reply(failure=Failure("transport", "provider_error", f"got status {status}, but no reply"))
    if not isinstance(text, str):
        return None
    body = value_or(None, read_json)  # a body that is not JSON is a text
    return (read_shape(body) if isinstance(body, dict) else None) or read(text)


def _raw_response(wrapper: object, inner: Inner) -> Reply | None:
    """Open the result of `with_raw_response`, unless its body has not arrived."""
    held = unwrapped(wrapper)
    return None if held is wrapper else inner(held)


def unwrapped(response: object) -> object:
    """Return the content of a response that an SDK returned unparsed. Return any other value unchanged."""
    held = getattr(response, "__dict__", None)
    if not isinstance(held, dict) or "http_response" not in held:
        return response
    text, headers = field(held["http_response"], "text"), field(held["http_response"], "headers")
    kind = value_or("", lambda: headers.get("content-type"))
    if not isinstance(text, str) or "event-stream" in str(kind):
        return response
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if is_interruption(error):
            raise
        return text if text.lstrip().startswith("<") else Reply(failure=provider_error())


def _parsed(wrapper: object, inner: Inner) -> Reply | None:
    """Open any other wrapper, by the names of SDKs for parsed values."""
    if isinstance(wrapper, dict | list | tuple):
        return None
    value = either(wrapper, "output_parsed", "parsed")
    if value is None or callable(value):
        return None
    parsed = inner(value)
    behind = either(wrapper, "raw", "completion", "response", "raw_response")
    reply = read_shape(behind) if parsed is not None and behind is not None else None
    if parsed is None or reply is None or reply.failure is not None:
        return parsed
    return reply._replace(parsed=parsed.parsed) if parsed.parsed is not None else parsed
