"""Lists of messages in every dialect, as users have them, drawn at random: with tool turns, images and odd objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pydantic
from hypothesis import strategies as st

# Objects with the fields of those of google-genai and LangChain; the real ones are in test_sdks.py.


class Blob(pydantic.BaseModel):
    data: bytes = b""
    mime_type: str = "image/png"


class Part(pydantic.BaseModel):
    text: str | None = None
    inline_data: Blob | None = None
    function_call: dict[str, Any] | None = None
    function_response: dict[str, Any] | None = None


class Content(pydantic.BaseModel):
    parts: list[Part] | None = None
    role: str | None = None


class BaseMessage(pydantic.BaseModel):
    content: str | list[Any]
    type: str
    id: str | None = None
    tool_calls: list[Any] = []
    tool_call_id: str | None = None

    def __init__(self, content: Any, **fields: Any) -> None:
        super().__init__(content=content, **fields)


class HumanMessage(BaseMessage):
    type: str = "human"


class AIMessage(BaseMessage):
    type: str = "ai"


class SystemMessage(BaseMessage):
    type: str = "system"


class ToolMessage(BaseMessage):
    type: str = "tool"


# Other SDKs' messages, and users' own.


class ChatMessage(pydantic.BaseModel):
    role: str
    content: Any = None
    tool_calls: list[Any] | None = None


@dataclass
class Turn:
    role: str
    content: Any
    more: dict[str, Any] = field(default_factory=dict)


class Said(NamedTuple):
    role: str
    content: Any


class Slotted:
    """An object that can be copied and set, and no more."""

    def __init__(self, role: str, content: Any) -> None:
        self.role = role
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Hostile:
    """An object of which every field raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Unequal:
    """An object that refuses to be compared, as an array of numbers does."""

    def __eq__(self, other: object) -> bool:
        raise ValueError(other)

    __hash__ = None  # type: ignore[assignment]


text = st.text(max_size=4)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


def typed(kind: str, *others: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    part = st.builds(lambda said: {"type": kind, "text": said}, text)
    return st.lists(part | st.sampled_from(others) if others else part, min_size=1, max_size=3)


def lists(*turns: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[list[Any]]:
    """Lists of which each member is some turns that belong together."""
    several = st.lists(st.one_of(*turns), min_size=1, max_size=4)
    return several.map(lambda groups: [element for group in groups for element in group])


def plain(roles: list[str], content: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.builds(lambda role, said: [{"role": role, "content": said}], st.sampled_from(roles), content)


chat = lists(
    plain(["system", "user", "assistant", "developer"], text | typed("text", IMAGE)),
    text.map(
        lambda said: [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]},
            {"role": "tool", "tool_call_id": "c1", "content": said},
        ]
    ),
)
anthropic = lists(
    plain(
        ["user", "assistant"], text | typed("text", {"type": "image", "source": {"type": "url", "url": "u"}})
    ),
    text.map(
        lambda said: [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "n", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": said}]},
        ]
    ),
)
bedrock = lists(
    st.builds(
        lambda role, said: [{"role": role, "content": [{"text": said}, {"image": {"format": "png"}}]}],
        st.sampled_from(["user", "assistant"]), text,
    ),
    text.map(
        lambda said: [
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "n", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": said}]}}]},
        ]
    ),
)  # fmt: skip
responses = lists(
    plain(["system", "user", "developer"], typed("input_text", {"type": "input_image", "image_url": "u"})),
    plain(["assistant"], typed("output_text")),
    text.map(
        lambda said: [
            {"type": "reasoning", "id": "r1", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "n", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": said},
        ]
    ),
)
gemini_parts = st.lists(
    text.map(lambda said: {"text": said}) | st.just({"inline_data": {"data": b"", "mime_type": "image/png"}}),
    min_size=1,
    max_size=3,
)
gemini = lists(
    st.builds(
        lambda role, parts: [{"role": role, "parts": parts}], st.sampled_from(["user", "model"]), gemini_parts
    ),
    st.builds(lambda parts: [{"parts": parts}], gemini_parts),
    text.map(
        lambda said: [
            {"role": "model", "parts": [{"function_call": {"name": "n", "args": {}}}]},
            {"role": "user", "parts": [{"function_response": {"name": "n", "response": {"said": said}}}]},
        ]
    ),
)
gemini_objects = lists(
    st.builds(
        lambda role, said: [Content(role=role, parts=[Part(text=said), Part(inline_data=Blob())])],
        st.sampled_from(["user", "model", None]), text,
    ),
    text.map(
        lambda said: [
            Content(role="model", parts=[Part(function_call={"name": "n"})]),
            Content(role="user", parts=[Part(function_response={"said": said})]),
        ]
    ),
)  # fmt: skip
gemini_loose = lists(
    text.map(lambda said: [said]),
    text.map(lambda said: [Part(text=said)]),
    st.just([Part(inline_data=Blob())]),
    text.map(lambda said: [{"text": said}]),
)
langchain = lists(
    text.map(lambda said: [HumanMessage(said)]),
    typed("text", IMAGE).map(lambda parts: [HumanMessage(parts)]),
    text.map(lambda said: [SystemMessage(said), AIMessage(said, id="run-1")]),
    text.map(lambda said: [AIMessage("", tool_calls=[{"id": "c1"}]), ToolMessage(said, tool_call_id="c1")]),
)
langchain_pairs = lists(
    st.builds(lambda role, said: [(role, said)], st.sampled_from(["human", "ai", "system"]), text),
    text.map(lambda said: [("human", said), said]),
)
objects = st.sampled_from([ChatMessage, Turn, Said, Slotted]).flatmap(
    lambda kind: lists(
        st.builds(
            lambda role, said: [kind(role=role, content=said)],
            st.sampled_from(["user", "assistant"]),
            text | typed("text", IMAGE),
        )
    )
)

parts = typed("text", IMAGE) | typed("input_text", {"type": "input_image", "image_url": "u"})

LISTS: dict[str, tuple[str, st.SearchStrategy[list[Any]]]] = {
    "chat": ("chat", chat),
    "anthropic": ("chat", anthropic),
    "bedrock": ("bedrock", bedrock),
    "responses": ("responses", responses),
    "gemini": ("gemini", gemini),
    "gemini objects": ("gemini", gemini_objects),
    "gemini loose": ("gemini", gemini_loose),
    "langchain": ("langchain", langchain),
    "langchain pairs": ("langchain", langchain_pairs),
    "objects": ("chat", objects),
    "parts": ("parts", parts),
}
"""Name -> the dialect that its lists are in, and the lists."""

ROLES = {
    "chat": {"system", "developer", "user", "assistant", "tool"},
    "bedrock": {"user", "assistant"},
    "responses": {"system", "developer", "user", "assistant"},
    "gemini": {"user", "model"},
    "parts": {"text", "input_text"},
    "langchain": {"system", "human", "ai", "user", "assistant"},
}
"""Dialect -> the roles that a turn may have there."""
