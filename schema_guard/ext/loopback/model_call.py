# SPDX-License-Identifier: Apache-2.0
"""The call of the model behind a fake server, and its reply in a form that is independent of the provider.

Rules: A reply is the arguments of a tool if the request forces a tool, or if the finish reason is `tool_call`. Without
tools, a reply is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.loopback.wire import UNKNOWN_TOOL, Answer, ToolCall, pieces
from schema_guard.models.scripted import ScriptedModel, prompt_text
from schema_guard.providers.failures import SEVERAL_CALLS
from schema_guard.received.replies import read
from schema_guard.received.streams import StreamReader
from schema_guard.values import Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.ext.loopback.wire import Api, Question
    from schema_guard.models import Model
    from schema_guard.models.scripted import ReplyLike
    from schema_guard.values import FinishReason

# Number of characters per token, if the model does not count tokens.
_CHARS_A_TOKEN = 4


class NoAnswer(Exception):
    """The model returned no reply."""


class FunctionModel:
    """A function of the prompt's text, with the interface of a model.

    The function returns a text, or a mapping with the keys of `ScriptedModel`.
    """

    name = "function"
    provider = "openai"

    def __init__(self, function: Callable[[str], ReplyLike]) -> None:
        self._function = function

    def __call__(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the function's reply."""
        return self._scripted(prompt)(prompt)

    def stream(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Return the function's reply in its chunks."""
        return self._scripted(prompt).stream(prompt)

    def _scripted(self, prompt: Any) -> ScriptedModel:
        return ScriptedModel([self._function(prompt_text(prompt))])


def ask(model: Model | FunctionModel, api: Api, question: Question, *, is_streamed: bool = False) -> Answer:
    """Return the answer of a model. If *is_streamed*, the model streams it, and the answer keeps the pieces.

    Raises:
        NoAnswer: The model gave no reply.
    """
    options = _options(model, api, question)
    if not is_streamed:
        reply = read(model(question.prompt, options=options))
        if reply.failure is not None and reply.failure is not SEVERAL_CALLS:
            raise NoAnswer(reply.failure.message)
        return _answer(question, reply, reply.text or "")
    reader = StreamReader()
    chunks = model.stream(question.prompt, options=options)
    texts = tuple([piece for chunk in chunks for piece in pieces(reader.feed(chunk))])
    end = reader.end()
    is_cut = end.failure is not None and end.failure.code == "stream_cut"
    if end.failure is not None and not is_cut:
        raise NoAnswer(end.failure.message)
    return _answer(question, end, "".join(texts))._replace(pieces=texts, is_cut=is_cut)


def _options(model: Model | FunctionModel, api: Api, question: Question) -> Mapping[str, Any] | None:
    """Return the request's options if the model accepts them unchanged, or None.

    They are in `extra_body`, because SDKs refuse arguments with unknown names.
    """
    if not question.options or model.provider not in api.providers:
        return None
    return {"extra_body": question.options}


def _answer(question: Question, reply: Reply, text: str) -> Answer:
    usage = _estimated_usage(reply.usage, question, text or reply.refusal or "")
    finish_reason = reply.finish_reason or "stop"
    if finish_reason == "refusal":
        return Answer("", (), finish_reason, usage, reply.refusal or text)
    is_call = finish_reason == "tool_call" or (question.forced and finish_reason in ("stop", "length"))
    if is_call and question.tools:
        reason: FinishReason = "length" if finish_reason == "length" else "tool_call"
        return Answer(None, (ToolCall(tool_of(question), text),), reason, usage)
    return Answer(text, (), "stop" if is_call else finish_reason, usage)


def tool_of(question: Question) -> str:
    """Return the tool that the reply to a request calls, if it calls one."""
    return question.forced or next(iter(question.tools), UNKNOWN_TOOL)


def _estimated_usage(usage: Usage, question: Question, text: str) -> Usage:
    """Fill in the counts that every provider sends, if the model does not report them."""
    prompt = prompt_text(question.prompt)
    defaults = Usage(_tokens(prompt), _tokens(text), 0, 0)
    return Usage(
        *[default if count is None else count for count, default in zip(usage, defaults, strict=True)]
    )


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARS_A_TOKEN)
