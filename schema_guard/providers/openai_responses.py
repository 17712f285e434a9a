# SPDX-License-Identifier: Apache-2.0
"""OpenAI's Responses API: whole and as events, its lists of items, and its arguments for a format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import field, has, items, usage_of, words
from schema_guard.providers.messages import CHAT, Side, raw_message, rest_of, text_part, word
from schema_guard.providers.messages import read as read_message
from schema_guard.providers.model_output import Written, text_of, tool_of
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.providers.request_options import ProviderOptions, document_of, wire_name
from schema_guard.values import Failure, Message, Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema


def _reply(reply: object, output: object) -> RawReply | None:
    # The last field is that of openai-agents, whose response has neither status nor model.
    known = (
        field(reply, "object") == "response" or has(reply, "incomplete_details") or has(reply, "response_id")
    )
    return _response(reply, output) if known and isinstance(output, Sequence | None) else None


def _response(reply: object, output: object) -> RawReply:
    """Read a response: its output items, its status, and the reason why it is incomplete."""
    status = field(reply, "status")
    if status in ("queued", "in_progress"):
        message = f"the function returned a response that is still {status}. Return it when it is complete"
        return RawReply(None, failure=Failure("transport", "no_reply", message))
    raw_reply = RawReply(
        _written(items(output)), status, usage_of(field(reply, "usage")), field(reply, "model")
    )
    if status == "incomplete":
        reason = field(field(reply, "incomplete_details"), "reason")
        return raw_reply._replace(stop_word=reason, otherwise="length")
    if status == "failed":
        return raw_reply._replace(failure=provider_error(field(reply, "error")))
    # The output shows tool calls, the status does not.
    is_call = status == "completed" and any(_is_call(item) for item in items(field(reply, "output")))
    return raw_reply._replace(stop_word="tool_call") if is_call else raw_reply


def _is_call(item: object) -> bool:
    return field(item, "type") in ("function_call", "custom_tool_call")


def _written(output: list[Any]) -> Written:
    text, refusal = [], []
    for item in output:
        # Commentary is the model talking to itself before its final answer.
        if field(item, "type") == "message" and field(item, "phase") != "commentary":
            parts = items(field(item, "content"))
            text.append(text_of(parts))
            refusal += [field(part, "refusal") for part in parts if field(part, "type") == "refusal"]
    refused = "".join([part for part in refusal if isinstance(part, str)])
    reasoned = any(field(item, "type") == "reasoning" for item in output)
    return Written("".join(text), [item for item in output if _is_call(item)], refused or None, reasoned)


class _Commentary(list[object]):
    """The indexes of the items of a stream that are commentary."""


def _item_added(stream: Stream, event: object) -> str:
    item, index = field(event, "item"), field(event, "output_index")
    if field(item, "phase") == "commentary":
        stream.state(_Commentary).append(index)
    if field(item, "type") == "reasoning":
        stream.think()
    return stream.call(index, None, tool=tool_of(item)) if _is_call(item) else ""


def _text(stream: Stream, event: object) -> str:
    commentary = stream.state(_Commentary)
    if commentary and field(event, "output_index") in commentary:
        return ""
    return words(field(event, "delta")) or ""


def _refusal(stream: Stream, event: object) -> str:
    stream.refuse(field(event, "delta"))
    return ""


def _arguments(stream: Stream, event: object) -> str:
    return stream.call(field(event, "output_index"), words(field(event, "delta")))


def _end(stream: Stream, event: object) -> str:
    response = field(event, "response")
    stream.end_as(_response(response, field(response, "output")))
    return ""


class _Before(list[Usage]):
    """Tokens of an agent's turns before the present one."""


def _agent_event(stream: Stream, event: object) -> str | None:
    """Read an event of openai-agents that contains an event of a response. The last turn of a run is its reply."""
    before = stream.state(_Before)
    if stream.is_ended:
        before[:] = [stream.usage]
        stream.restart()
    text = stream.feed_event(field(event, "data"))
    if stream.is_ended:
        stream.usage = Usage.total([*before, stream.usage])
    return text


# Lists of messages and items.


_ITEMS = ("reasoning", "item_reference", "compaction", "program")
# function_call_output, computer_call, mcp_approval_response ...
_ENDINGS = ("_call", "_call_output", "_approval_request", "_approval_response", "_list_tools", "_output")


def _kind(element: Any) -> str | None:
    kind = word(field(element, "type"))
    if kind is None or word(field(element, "role")) is not None:
        return None
    return kind if kind in _ITEMS or kind.endswith(_ENDINGS) else None


def _marks(elements: Sequence[Any]) -> bool:
    return any(
        _kind(element) is not None or _has_its_parts(field(element, "content")) for element in elements
    )


def _has_its_parts(content: Any) -> bool:
    parts = content if isinstance(content, (list, tuple)) else ()
    kinds = [word(field(part, "type")) or "" for part in parts]
    return any(kind in ("input_text", "input_image", "input_file", "output_text") for kind in kinds)


def _read(element: Any) -> Message | None:
    kind = _kind(element)
    if kind is None:
        return read_message(element)
    return Message(kind, field(element, "output"), rest_of(element, "type", "output"))


def _is_tool_result(message: Message) -> bool:
    return message.role.endswith("_output") or message.role == "mcp_approval_response"


def _part(text: str, beside: Sequence[Any]) -> Any:
    return text_part(text, beside) if beside else {"type": "input_text", "text": text}


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message("user" if side == "user" else "assistant", text)
    return raw_message(message, message.as_dict(), RESPONSES)


# Arguments for a format.


def _json_mode(_: Schema[Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_object"}}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": document_of(schema), "strict": True}
    return {"text": {"format": {"type": "json_schema", **described}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    # Without "strict", the API treats a function as strict. This strategy doesn't promise that.
    function = {"name": name, "parameters": document_of(schema), "strict": False}
    return {
        "tools": [{"type": "function", **function}],
        "tool_choice": {"type": "function", "name": name},
    }


RESPONSES: Final = CHAT._replace(
    name="responses", marks=_marks, read=_read, is_tool_result=_is_tool_result, part=_part, turn=_turn
)


PROVIDER: Final = Provider(
    stop_words={
        "stop": "completed",
        "tool_call": "tool_call",
        "length": "max_output_tokens max_messages steered",
        "content_filter": "content_filter",
        "error": "failed cancelled",
    },
    replies={"output": _reply},
    events={
        "response.output_item.added": _item_added,
        "response.output_text.delta": _text,
        "response.refusal.delta": _refusal,
        "response.function_call_arguments.delta": _arguments,
        "response.custom_tool_call_input.delta": _arguments,
        "response.completed": _end,
        "response.incomplete": _end,
        "response.failed": _end,
        "raw_response_event": _agent_event,
    },
    # The last two are events of openai-agents.
    silent=("response.", "run_item_stream_event", "agent_updated_stream_event"),
    messages=RESPONSES,
    options={
        "openai-responses": ProviderOptions(
            limit="max_output_tokens",
            formats={"json_mode": _json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
        ),
    },
)
