# SPDX-License-Identifier: Apache-2.0
"""A request and its reply in a form that is independent of the provider, and the definition of a wire format.

Rules: A format is a set of functions, an `Api`. It converts a request's body to a `Question`, and an `Answer` to a
body or to events. For a request that it cannot accept, it raises `BadRequest`, in the provider's own terms. Nothing
here opens a socket or asks a model.
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

# Maximum number of characters in an event of a stream, because providers send a few tokens at a time.
PIECE_CHARS = 16
# Name of the tool in a tool call, if the request offers no tool.
UNKNOWN_TOOL = "reply"


class BadRequest(Exception):
    """A request that the provider would answer with status 400.

    Attributes:
        more: More fields of the body of the error.
    """

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more = more


@dataclass(frozen=True, slots=True)
class Question:
    """The content of a request.

    Attributes:
        index: Number of earlier requests for a reply.
        model: Name of the model in the request.
        prompt: Messages, including the provider's system text.
        options: All other fields of the request, under the provider's names.
        tools: Names of the offered tools.
        forced: Tool that the model must call, or None if the model may choose.
        is_stream: Whether the client wants events.
        with_usage: Whether a stream must include its usage.
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
    """A tool call. Its arguments are JSON, or a text that should have been JSON."""

    name: str
    arguments: str

    @property
    def value(self) -> Any:
        """The arguments as a value. Providers discard arguments that are no JSON, so these are `{}`."""
        try:
            return json.loads(self.arguments)
        except (ValueError, RecursionError):
            return {}


class Answer(NamedTuple):
    """A reply.

    Attributes:
        text: Text of the reply, or None if there is none, as beside a tool call.
        calls: Tool calls.
        finish_reason: Finish reason in schema_guard's terms.
        usage: Tokens. Input and output are known on the wire.
        refusal: Text of a refusal, or None if the model did not refuse.
        pieces: The text as the model streamed it. Empty if the model didn't stream it.
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
        """The pieces of the text for the events of a stream."""
        return self.pieces or tuple(pieces(self.text or ""))

    @property
    def written(self) -> str | None:
        """The text of the refusal, or the text of the reply."""
        return self.text if self.refusal is None else self.refusal


class Event(NamedTuple):
    """One event of a stream.

    Attributes:
        data: Data of the event, sent as JSON. A text is sent unchanged.
        name: Name of the event, or None.
        is_piece: Whether the event carries a piece of the model's output.
    """

    data: Mapping[str, Any] | str
    name: str | None = None
    is_piece: bool = False

    def as_bytes(self) -> bytes:
        """Return the bytes of the event, including the empty line after it."""
        content = self.data.encode() if isinstance(self.data, str) else as_json(self.data)
        head = b"" if self.name is None else b"event: %s\n" % self.name.encode()
        return b"%sdata: %s\n\n" % (head, content)


@dataclass(frozen=True, slots=True)
class Api:
    """One API of a provider for replies.

    Attributes:
        providers: Providers of the models that accept its options unchanged, as keys of
            `schema_guard.providers.options.PROVIDER_OPTIONS`.
        holds: Field of a reply that contains the model's output.
        question: Reads a request from its index and body.
        whole: Writes a reply.
        events: Writes a reply as a stream.
        error: Writes the body of an error from its status, its message, and more fields.
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
    """Return a value as compact JSON. Characters are escaped only if UTF-8 doesn't have them."""
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
        role: Role, or None for a call or a result that is a separate item.
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
            raise BadRequest(f"'{where}': expected a tool call before this result. Add the tool call")
        if role not in (None, "tool") and unanswered.difference(results):
            raise BadRequest(
                f"'{where}': expected the results of all tool calls before this message. Add the results"
            )
        if isinstance(role, str) and (content or not calls):
            check_content(content, f"{where}.content", roles[role])
        unanswered = unanswered.difference(results).union(calls)
    if unanswered:
        raise BadRequest(
            f"'{where}': expected the results of all tool calls after this message. Add the results"
        )


def options_of(body: Mapping[str, Any], ours: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a request without *ours*: the prompt and the way to send the reply."""
    return {key: value for key, value in body.items() if key not in ours}


def tool_names(body: Mapping[str, Any], *holders: str) -> tuple[str, ...]:
    """Return the names of the offered tools. The name of a tool may be inside one of *holders*."""
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
    """Return the tool that a request's `tool_choice` forces, or None.

    Args:
        choice: The choice, as a word or as a mapping with `type` and the name of a tool.
        tools: Names of the offered tools.
        any_words: Choices that force a call of any tool.
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
