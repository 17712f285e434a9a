# SPDX-License-Identifier: Apache-2.0
"""Messages for the retry of a turn: the model's turn, and a result for each of its calls, in the provider's format.

Rules: Arguments are never changed. The model's turn is sent back as the same object, except for names and arguments of
calls that the provider couldn't read, because providers refuse them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schema_guard.limits import Limits
from schema_guard.parsing import parse
from schema_guard.providers.fields import field, first, has, items, words
from schema_guard.providers.messages import instance

if TYPE_CHECKING:
    from schema_guard.ext.tools.judging import CallJudgement

# Names of tools that servers accept. Many refuse a whole conversation if it contains another name.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIMITS: Final = Limits()


def continuation(task: Any, reply: Any, results: Sequence[CallJudgement]) -> list[Any] | None:
    """Return the messages for a retry.

    Args:
        task: The messages of the request, as a list or a text.
        reply: The reply to the request.
        results: Calls of the reply in order, each with the message that the model gets as its result.

    Returns:
        The messages of the request, the model's turn, and the results. None if the form of the reply is unknown.
    """
    form = next(((user, answered) for is_one, user, answered in _FORMS if is_one(reply)), None)
    if form is None:
        return None
    user, answered = form
    sent = list(task) if isinstance(task, list | tuple) else [user(task) if isinstance(task, str) else task]
    if all(result.name is None for result in results):
        # The provider discarded the model's text, so there is no turn and no call to answer.
        return [*sent, user("\n".join(result.message or "" for result in results))]
    return [*sent, *answered(reply, results)]


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


# Calls that a server could not read.


def _name(result: CallJudgement) -> str:
    """Return the name of a tool in the form that servers accept."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", result.name or "unnamed")[:64]


def _is_object(text: str | None) -> bool:
    return text is not None and isinstance(parse(text, _LIMITS), dict)


def _is_readable(result: CallJudgement) -> bool:
    named = result.name is not None and _NAME.fullmatch(result.name) is not None
    return named and result.id is not None and _is_object(result.text)


def _arguments(result: CallJudgement) -> str:
    return result.text if result.text is not None and _is_object(result.text) else "{}"


def _id(result: CallJudgement, number: int) -> str:
    return result.id or f"call_{number}"


# Chat completions.


def _chat(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    message = field(first(field(reply, "choices")), "message") if has(reply, "choices") else reply
    if not items(field(message, "tool_calls")):  # the old calls of functions
        return [message, *({"role": "function", "name": r.name, "content": r.message} for r in results)]
    if not all(map(_is_readable, results)):
        message = _chat_message(message, results)
    return [message, *_tool_messages(results)]


def _tool_messages(results: Sequence[CallJudgement]) -> list[dict[str, Any]]:
    return [
        {"role": "tool", "tool_call_id": _id(result, number), "content": result.message}
        for number, result in enumerate(results, 1)
    ]


def _chat_message(message: Any, results: Sequence[CallJudgement]) -> dict[str, Any]:
    calls = [
        {
            "id": _id(result, number),
            "type": "function",
            "function": {"name": _name(result), "arguments": _arguments(result)},
        }
        for number, result in enumerate(results, 1)
    ]
    return {"role": "assistant", "content": field(message, "content"), "tool_calls": calls}


def _cohere(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    message = field(reply, "message")
    plan = words(field(message, "tool_plan"))
    turn = _chat_message(message, results)
    del turn["content"]
    return [turn if plan is None else {**turn, "tool_plan": plan}, *_tool_messages(results)]


def _ollama(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    messages = [{"role": "tool", "tool_name": result.name, "content": result.message} for result in results]
    return [field(reply, "message"), *messages]


# The others.


def _responses(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    pending = iter(results)
    turn: list[Any] = []
    outputs: list[Any] = []
    for item in items(field(reply, "output")):
        kind = field(item, "type")
        if kind not in ("function_call", "custom_tool_call"):
            turn.append(item)
            continue
        result = next(pending)
        is_readable = kind == "custom_tool_call" or _is_readable(result)
        turn.append(item if is_readable else _function_call(item, result))
        outputs.append({"type": f"{kind}_output", "call_id": result.id, "output": result.message})
    return [*turn, *outputs]


def _function_call(item: Any, result: CallJudgement) -> dict[str, Any]:
    call = {
        "type": "function_call",
        "call_id": result.id,
        "name": _name(result),
        "arguments": _arguments(result),
    }
    own = words(field(item, "id"))
    return call if own is None else {**call, "id": own}


def _anthropic(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    named = {result.id: result for result in results}
    content = [_tool_use(block, named.get(field(block, "id"))) for block in items(field(reply, "content"))]
    blocks = [
        {"type": "tool_result", "tool_use_id": result.id, "content": result.message, "is_error": True}
        for result in results
    ]
    return [{"role": "assistant", "content": content}, {"role": "user", "content": blocks}]


def _tool_use(block: Any, result: CallJudgement | None) -> Any:
    if field(block, "type") != "tool_use" or result is None or _NAME.fullmatch(result.name or ""):
        return block
    return {"type": "tool_use", "id": result.id, "name": _name(result), "input": field(block, "input")}


def _gemini(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    word = "functionResponse" if isinstance(reply, Mapping) else "function_response"
    parts = [
        {
            word: {
                **({} if result.id is None else {"id": result.id}),
                "name": result.name,
                "response": {"error": result.message},
            }
        }
        for result in results
    ]
    return [field(first(field(reply, "candidates")), "content"), {"role": "user", "parts": parts}]


def _gemini_user(text: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}]}


def _bedrock(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    blocks = [
        {"toolResult": {"toolUseId": result.id, "content": [{"text": result.message}], "status": "error"}}
        for result in results
    ]
    return [field(field(reply, "output"), "message"), {"role": "user", "content": blocks}]


def _bedrock_user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def _langchain(reply: Any, results: Sequence[CallJudgement]) -> list[Any]:
    messages = []
    for number, result in enumerate(results, 1):
        fields = {"content": result.message, "tool_call_id": _id(result, number), "status": "error"}
        message = instance(_langchain_kinds(reply), fields, fields)
        messages.append(message if message is not None else {"role": "tool", **fields})
    return [reply, *messages]


def _langchain_kinds(message: Any) -> list[Any]:
    """Return LangChain's class for tool results, found through the class of the model's turn."""
    bases: list[Any] = [kind for kind in type(message).__mro__ if kind.__name__ == "BaseMessage"]
    return [kind for base in bases for kind in base.__subclasses__() if kind.__name__ == "ToolMessage"]


def _langchain_user(text: str) -> tuple[str, str]:
    return ("human", text)


# Checks of the form of a reply, the same as in the readers of replies.


def _is_anthropic(reply: Any) -> bool:
    stopped = isinstance(field(reply, "stop_reason"), str) or field(reply, "type") == "message"
    return stopped and isinstance(field(reply, "content"), list)


def _is_responses(reply: Any) -> bool:
    known = field(reply, "object") == "response" or has(reply, "incomplete_details")
    return known and bool(items(field(reply, "output")))


def _is_ollama(reply: Any) -> bool:
    return has(reply, "message") and isinstance(field(reply, "done"), bool)


# A check of the form, a function for a turn of the user, and one for the model's turn with its results.
_Form: TypeAlias = tuple[Callable[[Any], bool], Callable[[str], Any], Callable[..., list[Any]]]
_FORMS: Final[tuple[_Form, ...]] = (
    (lambda reply: has(reply, "choices"), _user, _chat),
    (
        lambda reply: field(reply, "type") in ("ai", "AIMessageChunk"),
        _langchain_user,
        _langchain,
    ),
    (_is_anthropic, _user, _anthropic),
    (_is_responses, _user, _responses),
    (lambda reply: has(reply, "stopReason"), _bedrock_user, _bedrock),
    (lambda reply: bool(items(field(reply, "candidates"))), _gemini_user, _gemini),
    (_is_ollama, _user, _ollama),
    (
        lambda reply: has(reply, "message") and isinstance(field(reply, "finish_reason"), str),
        _user,
        _cohere,
    ),
    (lambda reply: field(reply, "role") == "assistant", _user, _chat),
)
