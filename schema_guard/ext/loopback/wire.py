# SPDX-License-Identifier: Apache-2.0
"""A request and its reply in words of no provider, and what a provider's wire format has to tell of itself.

Rules: a format is a row of functions, an `Api`; it turns a request's body into a `Question`, and an `Answer`
into a body or into events. What it cannot take is a `BadRequest`, in the provider's own terms. Nothing here
opens a socket or asks a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.text import clip
from schema_guard.values import UNKNOWN_USAGE, FinishReason, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# As many characters as an event of a stream carries at most: providers send a token or a few.
PIECE_CHARS = 16
# Of a tool call to a request that offers no tool.
UNKNOWN_TOOL = "reply"


class BadRequest(Exception):
    """A request that the provider would answer with status 400.

    Attributes:
        more: What else the body of the error says.
    """

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more = more


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks for.

    Attributes:
        index: Requests for a reply that came before it.
        model: As the request names it.
        prompt: The messages, the provider's system text among them.
        options: All else that the request says, as the provider names it.
        tools: Names of the tools that are offered.
        forced: The tool that has to be called; None when the model may choose.
        is_stream: Whether events are wanted.
        with_usage: Whether a stream has to tell its usage.
    """

    index: int
    model: str
    prompt: list[dict[str, Any]]
    options: dict[str, Any]
    tools: tuple[str, ...]
    forced: str | None
    is_stream: bool
    with_usage: bool = True


class ToolCall(NamedTuple):
    """A call of a tool, its arguments as JSON text or what should have been that."""

    name: str
    arguments: str

    @property
    def value(self) -> Any:
        """The arguments as a value; providers keep nothing of those that are no JSON."""
        try:
            return json.loads(self.arguments)
        except (ValueError, RecursionError):
            return {}


class Answer(NamedTuple):
    """A reply.

    Attributes:
        text: None when there is none to show, as beside a tool call.
        calls: Calls of tools.
        finish_reason: In the library's words.
        usage: Tokens; input and output are known on the wire.
        refusal: The words of a refusal; None when the model did not refuse.
        pieces: The text as the model streamed it; empty if the model didn't stream it.
        is_cut: Whether the model's stream had no end.
    """

    text: str | None
    calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = UNKNOWN_USAGE
    refusal: str | None = None
    pieces: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def streamed(self) -> tuple[str, ...]:
        """The pieces of the text that the events of a stream carry."""
        return self.pieces or tuple(pieces(self.text or ""))

    @property
    def written(self) -> str | None:
        """The words of a refusal, or the text."""
        return self.text if self.refusal is None else self.refusal


class Event(NamedTuple):
    """One event of a stream.

    Attributes:
        data: What is sent as JSON; a text goes as it is.
        name: The event's name; None without one.
        is_piece: Whether it carries a piece of what the model wrote.
    """

    data: Mapping[str, Any] | str
    name: str | None = None
    is_piece: bool = False

    def as_bytes(self) -> bytes:
        """Return the event as it is written, the empty line behind it included."""
        content = self.data.encode() if isinstance(self.data, str) else as_json(self.data)
        head = b"" if self.name is None else b"event: %s\n" % self.name.encode()
        return b"%sdata: %s\n\n" % (head, content)


@dataclass(frozen=True, slots=True)
class Api:
    """One way to ask for a reply, as a provider has it.

    Attributes:
        providers: Of the models that take its options as they are: keys of `schema_guard.providers.options.PROVIDER_OPTIONS`.
        holds: The field of a reply that what the model wrote stands in.
        question: Reads a request: its index, its body.
        whole: Writes a reply.
        events: Writes a reply as a stream.
        error: Writes the body of an error: its status, its message, more fields of it.
        error_event: Writes the error that ends a stream, from the body of an error.
    """

    providers: frozenset[str]
    holds: str
    question: Callable[[int, Mapping[str, Any]], Question]
    whole: Callable[[Question, Answer], dict[str, Any]]
    events: Callable[[Question, Answer], Iterator[Event]]
    error: Callable[[int, str, Mapping[str, Any]], dict[str, Any]]
    error_event: Callable[[dict[str, Any]], Event]


def as_json(value: object) -> bytes:
    """Return a value as compact JSON, its characters unescaped where UTF-8 has them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value, separators=(",", ":")).encode()


def pieces(text: str) -> Iterator[str]:
    """Cut a text into the pieces that events carry.

    >>> list(pieces("twenty characters..."))
    ['twenty character', 's...']
    """
    for start in range(0, len(text), PIECE_CHARS):
        yield text[start : start + PIECE_CHARS]


# Reading a body.


def model_of(body: Mapping[str, Any]) -> str:
    """Return the model that a request names."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("you must provide a model parameter")
    return model


def messages_of(body: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """Return the messages of a request, copied."""
    listed = body.get(field)
    if not isinstance(listed, list) or not listed:
        raise BadRequest(f"'{field}': expected a list of at least one message, got {clip(repr(listed))}")
    for index, member in enumerate(listed):
        if not isinstance(member, dict) or not isinstance(member.get("role"), str):
            raise BadRequest(
                f"'{field}[{index}].role': expected a message with a role, got {clip(repr(member))}"
            )
    return [dict(member) for member in listed]


def items_of(value: object, where: str) -> list[Any]:
    """Return a list that must not be empty."""
    if not isinstance(value, list) or not value:
        raise BadRequest(f"'{where}': expected a list that is not empty, got {clip(repr(value))}")
    return value


def check_content(content: object, where: str, kinds: tuple[str, ...]) -> None:
    """Check that a content is a text, or parts of these kinds."""
    if isinstance(content, str):
        return
    for at, part in enumerate(items_of(content, where)):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in kinds:
            raise BadRequest(
                f"'{where}[{at}].type': expected one of {', '.join(kinds)}, got {clip(repr(kind))}"
            )


class SentTurn(NamedTuple):
    """A turn of a conversation, as far as a provider checks it.

    Attributes:
        where: Its place in the request.
        role: None for a call or a result that is an item of its own.
        content: A text, parts, or None beside calls.
        calls: Ids of the tool calls that it makes.
        results: Ids of the tool calls whose results it has.
    """

    where: str
    role: object
    content: object = None
    calls: tuple[object, ...] = ()
    results: tuple[object, ...] = ()


def check_turns(
    turns: Iterable[SentTurn], roles: Mapping[str, tuple[str, ...]], *, is_whole: bool = True
) -> None:
    """Check roles and contents, and that the results of tool calls come before any other turn.

    Args:
        turns: The conversation.
        roles: Kinds of parts that a content can have, by role.
        is_whole: Whether the request has all earlier turns.
    """
    unanswered: set[object] = set()
    where = ""
    for where, role, content, calls, results in turns:
        if role is not None and role not in roles:
            raise BadRequest(f"'{where}.role': expected one of {', '.join(roles)}, got {clip(repr(role))}")
        if is_whole and not unanswered.issuperset(results):
            raise BadRequest(f"'{where}': its result has no tool call. Add the tool call before it")
        if role not in (None, "tool") and unanswered.difference(results):
            raise BadRequest(f"'{where}': expected the results of all tool calls before it. Add the results")
        if isinstance(role, str) and (content or not calls):
            check_content(content, f"{where}.content", roles[role])
        unanswered = unanswered.difference(results).union(calls)
    if unanswered:
        raise BadRequest(f"'{where}': expected the results of all tool calls after it. Add the results")


def options_of(body: Mapping[str, Any], ours: tuple[str, ...]) -> dict[str, Any]:
    """Return what a request says beside the prompt and how it is sent."""
    return {key: value for key, value in body.items() if key not in ours}


def tool_names(body: Mapping[str, Any], *holders: str) -> tuple[str, ...]:
    """Give the names of the tools that a request offers; a tool's name may stand in one of *holders*."""
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise BadRequest(f"'tools': expected a list, got {clip(repr(tools))}")
    return tuple([_tool_name(tool, f"tools[{index}]", holders) for index, tool in enumerate(tools)])


def _tool_name(tool: object, where: str, holders: tuple[str, ...]) -> str:
    for holder in (tool, *[tool.get(name) for name in holders if isinstance(tool, dict)]):
        name = holder.get("name") if isinstance(holder, dict) else None
        if isinstance(name, str) and name:
            return name
    raise BadRequest(f"'{where}': expected a tool with a name, got {clip(repr(tool))}")


def forced_tool(choice: object, tools: tuple[str, ...], *, any_words: tuple[str, ...]) -> str | None:
    """Return the tool that a request's `tool_choice` asks for.

    Args:
        choice: The choice, a word or a mapping with `type` and the name of a tool.
        tools: Names of those that are offered.
        any_words: What a choice says when some tool has to be called, whichever it is.
    """
    kind = choice.get("type") if isinstance(choice, dict) else choice
    if kind in any_words:
        if not tools:
            raise BadRequest("'tool_choice' needs 'tools' in the same request")
        return tools[0]
    if not isinstance(choice, dict) or kind in ("auto", "none"):
        return None
    name = _tool_name(choice, "tool_choice", ("function", "custom"))
    if name not in tools:
        raise BadRequest(f"'tool_choice': expected the name of a tool in 'tools', got {clip(repr(name))}")
    return name
