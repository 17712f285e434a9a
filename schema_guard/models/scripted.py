# SPDX-License-Identifier: Apache-2.0
"""A model with replies from a script, in order or by prompt, for tests, examples, and replays."""

from __future__ import annotations

import asyncio
import builtins
import copy
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.locks import fork_safe_lock
from schema_guard.models.interface import Closing, messages
from schema_guard.providers.options import capabilities
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from schema_guard.extensions import ServerRules
    from schema_guard.models.interface import PromptLike

ReplyLike: TypeAlias = str | Mapping[str, Any]
"""A text, or a mapping with the keys that `ScriptedModel` names."""

When: TypeAlias = "str | Callable[[str], object]"
"""The prompts for a reply: those that contain a text, or for which a function of the prompt's text returns true."""

Replies: TypeAlias = "Iterable[ReplyLike | tuple[When, ReplyLike]] | Mapping[When, ReplyLike]"
"""Replies in order, or by prompt: pairs, or a mapping."""

_KEYS = ("reply", "finish_reason", "usage", "chunks", "delay_s", "raise")
_USAGE_KEYS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
_RULES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One reply of a script.

    Attributes:
        reply: The text. None if the reply has no text.
        chunks: Its chunks in a stream, in order.
        has_details: Whether the script has a finish reason or usage, even if it is null.
        finish_reason: Finish reason in schema_guard's words, such as `stop` or `length`. None if unknown.
        usage: Numbers of tokens, by schema_guard's names.
        delay_s: Seconds before the first chunk.
        error: Exception to raise instead of the reply, or after the chunks of a stream.
    """

    reply: str | None
    chunks: tuple[str, ...] = ()
    has_details: bool = False
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None
    delay_s: float = 0.0
    error: Exception | None = None


class ScriptedCall(NamedTuple):
    """A call of a scripted model.

    Attributes:
        prompt: The text, or the messages as dicts.
        options: The provider's own arguments. Empty if there were none.
    """

    prompt: str | list[dict[str, Any]]
    options: dict[str, Any]


class ScriptedModel(Closing):
    """A model that returns replies that you write in advance. See `Model`.

    If you pass a reply as text, the model returns the text as a str, or yields str chunks. A reply with a finish reason
    or usage has the format of OpenAI's Chat Completions API. The options of a call don't change its reply. You can call
    the model from several threads. Unless you set `cycle`, the model returns each reply in a list only once.

    Attributes:
        asked: The prompts and options of all calls, in order, including calls without a reply.

    >>> model = ScriptedModel(["not json", {"reply": "{}", "finish_reason": "stop"}])
    >>> model("Hello")
    'not json'
    >>> model("Hello").choices[0].message.content
    '{}'
    >>> model = ScriptedModel({"invoice": '{"total": 1}', "": "{}"})
    >>> [model("Read this invoice."), model("Read this letter."), len(model.asked)]
    ['{"total": 1}', '{}', 2]
    """

    is_timed = False
    rules: ServerRules | None = None
    tuned = False

    def __init__(
        self,
        replies: Replies,
        *,
        name: str = "scripted",
        provider: str = "openai",
        cycle: bool = False,
        delay_s: float = 0.0,
    ) -> None:
        """Make a model from its replies.

        Args:
            replies: Replies in order, or by prompt. A reply is a text, or a mapping with `reply`, `finish_reason`,
                `usage`, `chunks`, `delay_s`, or `raise`. `"raise": "TimeoutError: too slow"` raises this built-in
                exception, or RuntimeError if there is no such exception. A reply with usage has the finish reason
                `stop` by default. With the finish reason null, a stream has no end. For replies by prompt, pass pairs
                of a condition and a reply. The condition is a text that the prompt contains, or a function of the
                prompt's text. The first pair that fits is used, as often as it fits. The text of a prompt with
                messages is their contents, one per line.
            name: Name in records.
            provider: Provider whose options it accepts.
            cycle: Whether replies in order start again after the last one. Otherwise, a call without a reply is an
                error.
            delay_s: Seconds before every reply that has no delay of its own.

        Raises:
            InvalidArgument: A reply is not valid, and the message has its index. A call raises it if no reply is left,
                or if none fits its prompt.
        """
        self.name = name
        self.provider = provider
        self.capabilities = capabilities(provider)
        self.asked: list[ScriptedCall] = []
        self._rules, self._replies = _read_replies(replies, _delay({"delay_s": delay_s}, "ScriptedModel"))
        self._is_cycle = cycle
        self._reply_count = 0
        self._lock = fork_safe_lock()

    @classmethod
    def from_file(cls, path: Path, *, provider: str = "openai", cycle: bool = False) -> ScriptedModel:
        """Read the replies of a model from a file in the JSON Lines format.

        Each line is the text of a reply as a JSON string, or an object with keys such as `reply` and `finish_reason`.
        The method skips blank lines. If an object has the key `when`, the model returns this reply only for prompts
        that contain the value of `when`. If one line has this key, all lines must have it.

        Raises:
            InvalidArgument: The file can't be read, contains no reply, or contains an invalid line. For an invalid
                line, the error message contains its number.
        """
        model = cls([], name=path.stem, provider=provider, cycle=cycle)
        model._rules, model._replies = _read_script(path)
        return model

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the next reply, or the reply that fits the prompt."""
        scripted = self._next(prompt, options)
        time.sleep(scripted.delay_s)
        return _whole(self.name, scripted)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the next reply, or the reply that fits the prompt."""
        scripted = self._next(prompt, options)
        await asyncio.sleep(scripted.delay_s)
        return _whole(self.name, scripted)

    def stream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield the chunks of the next reply, or of the reply that fits the prompt."""
        scripted = self._next(prompt, options)
        time.sleep(scripted.delay_s)
        yield from _pieces(self.name, scripted)

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Yield the chunks of the next reply, or of the reply that fits the prompt."""
        scripted = self._next(prompt, options)
        await asyncio.sleep(scripted.delay_s)
        for piece in _pieces(self.name, scripted):
            yield piece

    def _next(self, prompt: PromptLike, options: Mapping[str, Any] | None) -> ScriptedReply:
        turns = messages(prompt)
        call = ScriptedCall(prompt if isinstance(prompt, str) else turns, dict(options or {}))
        with self._lock:
            self.asked.append(call)
            if not self._rules:
                return self._in_order()
        return self._by_prompt(prompt_text(turns))

    def _in_order(self) -> ScriptedReply:
        if self._is_cycle and self._replies:
            self._reply_count %= len(self._replies)
        if self._reply_count == len(self._replies):
            raise InvalidArgument(
                f"model {self.name!r} has no more replies after the first {self._reply_count}. Add a reply for every call, or "
                "repeat the replies with cycle=True"
            )
        self._reply_count += 1
        return self._replies[self._reply_count - 1]

    def _by_prompt(self, text: str) -> ScriptedReply:
        for rule in self._rules:
            if rule.when in text if isinstance(rule.when, str) else rule.when(text):
                return rule.reply
        known = " or ".join([rule.as_words() for rule in self._rules[:_RULES_SHOWN]])
        more = len(self._rules) - _RULES_SHOWN
        raise InvalidArgument(
            f"model {self.name!r} has no reply for the prompt {clip(repr(text))}: expected a prompt that {known}"
            f"{f' (and {more} more)' if more > 0 else ''}. To match all other prompts, add a pair with the prompt text '' at the end"
        )


class _Rule(NamedTuple):
    """A reply for the prompts that contain a text, or for which a function returns true."""

    when: When
    reply: ScriptedReply

    def as_words(self) -> str:
        if isinstance(self.when, str):
            return f"contains {clip(repr(self.when), 40)}"
        return f"fits {clip(getattr(self.when, '__name__', repr(self.when)), 40)}"


def prompt_text(prompt: PromptLike) -> str:
    """Return the text of a prompt. The text of messages is their contents, one per line.

    Raises:
        InvalidArgument: The prompt is neither a text nor a list of messages.
    """
    return "\n".join([_text_of(turn.get("content")) for turn in messages(prompt)])


def _text_of(content: object) -> str:
    """Return the text of a content: the content itself, or the joined texts of its parts."""
    if isinstance(content, str) or not isinstance(content, list | tuple):
        return content if isinstance(content, str) else ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "".join([text for text in texts if isinstance(text, str)])


def _read_replies(replies: object, delay_s: float) -> tuple[list[_Rule], list[ScriptedReply]]:
    """Read the replies of a script by prompt, or in order. One of the two lists is empty."""
    if isinstance(replies, str) or not isinstance(replies, Iterable):
        raise InvalidArgument(
            f"replies={clip(repr(replies))}: expected a list of replies, or a list of (prompt, reply) pairs"
        )
    members = list(replies.items() if isinstance(replies, Mapping) else replies)
    if not any(isinstance(member, tuple) for member in members):
        return [], [read_reply(reply, f"replies[{at}]", delay_s=delay_s) for at, reply in enumerate(members)]
    return [_read_rule(member, f"replies[{at}]", delay_s) for at, member in enumerate(members)], []


def _read_rule(pair: object, where: str, delay_s: float) -> _Rule:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise InvalidArgument(
            f"{where}: expected a pair of a prompt text and a reply, like the others, got {clip(repr(pair))}"
        )
    when, reply = pair
    if not isinstance(when, str) and not callable(when):
        raise InvalidArgument(
            f"{where}: expected a str that the prompt contains, or a function that takes the prompt, got {clip(repr(when))}"
        )
    return _Rule(when, read_reply(reply, where, delay_s=delay_s))


def read_reply(value: object, where: str, *, delay_s: float = 0.0) -> ScriptedReply:
    """Read one reply of a script.

    Args:
        value: A text, or a mapping with the keys of a reply of `ScriptedModel`.
        where: Its place, for error messages.
        delay_s: Seconds before the reply if it has no delay of its own.

    Raises:
        InvalidArgument: It is neither a text nor a mapping, or a key or value is wrong.
    """
    if isinstance(value, str):
        return ScriptedReply(value, (value,), delay_s=delay_s)
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{where}: expected a string or an object, got {clip(repr(value))}")
    for key in value:
        if key not in _KEYS:
            raise InvalidArgument(
                f"{where}: {key!r}: expected one of {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}"
            )
    text, chunks = _text(value, where)
    return ScriptedReply(
        reply=text,
        chunks=chunks,
        has_details="finish_reason" in value or "usage" in value,
        finish_reason=_typed(
            {"finish_reason": "stop" if "usage" in value else None, **value}, "finish_reason", str, where
        ),
        usage=_usage(value, where),
        delay_s=_delay({"delay_s": delay_s, **value}, where),
        error=_error(_typed(value, "raise", str, where)),
    )


def _read_script(path: Path) -> tuple[list[_Rule], list[ScriptedReply]]:
    """Read the replies of a file by prompt, or in order. One of the two lists is empty."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(
            f"scripted:{path}: expected a JSON Lines file, but reading it failed: {error}"
        ) from error
    rules, replies = [], []
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        entry = _read_line(line, where)
        if isinstance(entry, dict) and "when" in entry:
            when = _typed(entry, "when", str, where) or ""
            rules.append(_Rule(when, read_reply({k: v for k, v in entry.items() if k != "when"}, where)))
        else:
            replies.append(read_reply(entry, where))
        if rules and replies:
            raise InvalidArgument(f"{where}: 'when': expected this key in all lines of the script or in none")
    if not rules and not replies:
        raise InvalidArgument(f"scripted:{path}: expected a file with at least one reply, but it has none")
    return rules, replies


def _read_line(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{where}: expected JSON, got {clip(repr(line))} ({error})") from error


def _typed(entry: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = entry.get(key)
    if value is not None and not isinstance(value, kind):
        raise InvalidArgument(f"{where}: {key!r}: expected {kind.__name__} or null, got {clip(repr(value))}")
    return value


def _text(entry: Mapping[str, Any], where: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the text and its chunks. If only one is given, the other is derived from it."""
    text = _typed(entry, "reply", str, where)
    chunks = _typed(entry, "chunks", list, where)
    if chunks is None:
        if text is None and not {"raise", "finish_reason"} & entry.keys():
            raise InvalidArgument(f"{where}: expected one of the keys 'reply', 'chunks', or 'raise'")
        return text, () if text is None else (text,)
    if not all(isinstance(chunk, str) for chunk in chunks):
        raise InvalidArgument(f"{where}: 'chunks': expected a list of strings, got {clip(repr(chunks))}")
    if text is not None and text != "".join(chunks):
        raise InvalidArgument(f"{where}: 'chunks': expected strings that together equal 'reply'")
    return "".join(chunks), tuple(chunks)


def _usage(entry: Mapping[str, Any], where: str) -> Mapping[str, int] | None:
    usage: dict[str, Any] | None = _typed(entry, "usage", dict, where)
    for key, count in (usage or {}).items():
        if key not in _USAGE_KEYS or isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InvalidArgument(
                f"{where}: 'usage': expected a count >= 0 for each of {', '.join(_USAGE_KEYS)}, got {clip(repr({key: count}))}"
            )
    return usage


def _delay(entry: Mapping[str, Any], where: str) -> float:
    delay_s: Any = entry.get("delay_s", 0)
    if isinstance(delay_s, bool) or not isinstance(delay_s, (int, float)) or not 0 <= delay_s < float("inf"):
        raise InvalidArgument(
            f"{where}: 'delay_s': expected a number of seconds >= 0, got {clip(repr(delay_s))}"
        )
    return float(delay_s)


def _error(words: str | None) -> Exception | None:
    """Return the exception that `"TimeoutError: too slow"` names, or a RuntimeError with the text for an unknown name."""
    if words is None:
        return None
    name, _, text = words.partition(":")
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
        return kind(text.strip())
    return RuntimeError(words)


# The form of OpenAI's Chat Completions, with the fields that are read from replies.


def _usage_object(usage: Mapping[str, int] | None) -> SimpleNamespace | None:
    if usage is None:
        return None
    return SimpleNamespace(
        prompt_tokens=usage.get("input_tokens"),
        completion_tokens=usage.get("output_tokens"),
        prompt_tokens_details=SimpleNamespace(cached_tokens=usage.get("cached_input_tokens")),
        completion_tokens_details=SimpleNamespace(reasoning_tokens=usage.get("reasoning_tokens")),
    )


def _choice(name: str, scripted: ScriptedReply, text: str | None, *, is_end: bool) -> SimpleNamespace:
    """Return the choice of a reply or a chunk, whose message has the *name* `message` or `delta`."""
    is_refused = scripted.finish_reason == "refusal" and text is not None
    content, refusal = (None, text) if is_refused else (text, None)
    message = SimpleNamespace(content=content, refusal=refusal, role="assistant", tool_calls=None)
    # OpenAI sends "stop" with message.refusal.
    reason = {"tool_call": "tool_calls", "refusal": "stop"}.get(
        scripted.finish_reason or "", scripted.finish_reason
    )
    return SimpleNamespace(**{name: message}, finish_reason=reason if is_end else None, index=0)


def _whole(model: str, scripted: ScriptedReply) -> Any:
    if scripted.error is not None:
        raise copy.copy(scripted.error)  # it may be raised again, and in several threads at once
    if not scripted.has_details:
        return scripted.reply
    choice = _choice("message", scripted, scripted.reply, is_end=True)
    return SimpleNamespace(
        model=model, choices=(choice,), usage=_usage_object(scripted.usage), object="chat.completion"
    )


def _pieces(model: str, scripted: ScriptedReply) -> Generator[Any, None, None]:
    """Yield the chunks of a stream. The last ones have the finish reason and the usage if they are known."""

    def chunk(*choices: SimpleNamespace, usage: SimpleNamespace | None = None) -> SimpleNamespace:
        return SimpleNamespace(model=model, choices=choices, usage=usage, object="chat.completion.chunk")

    for text in scripted.chunks:
        yield chunk(_choice("delta", scripted, text, is_end=False)) if scripted.has_details else text
    if scripted.error is not None:
        raise copy.copy(scripted.error)  # as in _whole()
    if scripted.finish_reason is not None:
        yield chunk(_choice("delta", scripted, None, is_end=True))
    if scripted.usage is not None:
        yield chunk(usage=_usage_object(scripted.usage))
