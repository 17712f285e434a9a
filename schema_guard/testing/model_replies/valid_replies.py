# SPDX-License-Identifier: Apache-2.0
"""A Hypothesis strategy for replies with a valid value, in the forms that real models send.

Rules:
1. The value of a drawn reply follows from its construction by the reading rule of `judge`. `judge` is not called here.
2. No prose contains text that can be read as JSON. Otherwise, it is prose that models write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import reject
from hypothesis import strategies as st

from schema_guard.schema import Schema
from schema_guard.testing import instances
from schema_guard.testing.model_replies.writing import fenced, in_chunks, written

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_BEFORE = st.sampled_from(
    (
        "Here is the JSON you asked for:",
        "Sure! That's what I found in the text.",
        "JSON:",
        "**Answer**",
        "Voilà le résultat :",
        "以下が結果です。",
        'The "total" is 5" wide, so:',
        "In set notation {x | x > 0}, that is:",
        "# Result\n\n- one object\n- no comments",
    )
)
_AFTER = st.sampled_from(
    (
        "Let me know if you need anything else!",
        "Note: I've left out what the text doesn't say.",
        "This object holds the {values} that you asked for.",
        "---\nConfidence: high (see above).",
        "**Hinweis:** Alle Angaben ohne Gewähr.",
    )
)
_GAP = st.sampled_from(("\n", "\n\n", " "))
_SPACE = st.text(" \n\t\r", max_size=4)
_THOUGHTS = st.sampled_from(
    (
        "The user wants JSON.",
        'First draft: {"draft": 1}. No, that is not it.',
        "An array would open with [ and an object with {",
        "",
        "```json\n{}\n```\nis too short.",
        "Schritt 1: lesen.\nSchritt 2: antworten.",
    )
)
_BLOCKS = st.sampled_from(
    (
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<reasoning>", "</reasoning>"),
        ("<THINK>", "</THINK>"),
        ("[THINK]", "[/THINK]"),
    )
)


@dataclass(frozen=True)
class Sent:
    """A reply with a valid value.

    Attributes:
        text: The reply.
        value: The value that `judge` returns for the reply, in the schema's Python type.
        chunks: Chunks of the reply, as a stream delivers them. The joined chunks are the text. Some chunks can be
            empty.
        wrapping: Name of the way in which the text contains the value: `bare`, `white_space`, `byte_order_mark`,
            `fenced`, `inline_fence`, `prose_before`, `prose_after`, `prose_around`, `reasoning`, `closed_reasoning`, or
            `json_string`.
    """

    text: str
    value: Any
    chunks: tuple[str, ...]
    wrapping: str


def replies(schema: Any) -> SearchStrategy[Sent]:
    """Return a Hypothesis strategy for valid replies, in the forms that real models send.

    Each reply is complete and has the finish reason `stop`. The value is the whole reply, follows reasoning, or is
    inside a code fence, prose, or a JSON string. White space, escapes, the order of keys, and the chunks of the stream
    vary. Hypothesis shrinks examples to the value alone, in one chunk.

    Args:
        schema: A schema in a form that `Schema.of` accepts.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: schema_guard found no instance that is valid for the schema.
    """
    loaded = Schema.of(schema)
    return _replies(loaded, instances(loaded))


@st.composite
def _replies(draw: DrawFn, schema: Schema[Any], values: SearchStrategy[Any]) -> Sent:
    instance = draw(values)
    try:
        value = schema.convert(instance)
    except Exception:  # noqa: BLE001 - a validator of the schema's Python type is stricter than the schema
        reject()
    text = written(draw, instance)
    wrapping = draw(st.sampled_from(_possible(schema, instance, text)))
    sent = wrapping.wrap(draw, json.dumps(text) if wrapping is _IN_STRING else text)
    return Sent(sent, value, in_chunks(draw, sent), wrapping.name)


class _Wrapping(NamedTuple):
    """A form of a reply around a JSON text.

    Attributes:
        name: Name of the form.
        before: Texts before the JSON text.
        after: Texts after the JSON text.
        fenced: Whether the JSON text is in a fence: always, never, or sometimes.
    """

    name: str
    before: tuple[SearchStrategy[str], ...] = ()
    after: tuple[SearchStrategy[str], ...] = ()
    fenced: SearchStrategy[bool] = st.just(False)

    def wrap(self, draw: DrawFn, text: str) -> str:
        """Return a reply with a JSON text in it."""
        before = "".join(map(draw, self.before))
        text = fenced(draw, text) if draw(self.fenced) else text
        return before + text + "".join(map(draw, self.after))


def _possible(schema: Schema[Any], value: Any, text: str) -> tuple[_Wrapping, ...]:
    """Return the wrappings from which a value is read. In prose, only objects and arrays are found."""
    if not isinstance(value, dict | list):
        return _OF_ANY
    # If a string is valid, its content is not read.
    return _OF_BRACKETS if schema.is_valid(text) else (*_OF_BRACKETS, _IN_STRING)


_SOMETIMES = st.booleans()
_REASONING = st.builds(lambda block, thought: block[0] + thought + block[1], _BLOCKS, _THOUGHTS)
# The opening mark can be in the chat template.
_CLOSED_REASONING = _THOUGHTS.map(lambda thought: f"Okay. {thought}</think>")

_OF_ANY = (
    _Wrapping("bare"),
    _Wrapping("white_space", (_SPACE,), (_SPACE,)),
    _Wrapping("byte_order_mark", (st.just("\ufeff"),)),
    _Wrapping("fenced", fenced=st.just(True)),
    _Wrapping("reasoning", (_REASONING, _GAP), fenced=_SOMETIMES),
    _Wrapping("closed_reasoning", (_CLOSED_REASONING, _GAP)),
)
_OF_BRACKETS = (
    *_OF_ANY,
    _Wrapping("inline_fence", (st.just("```json "),), (st.just("```"),)),
    _Wrapping("prose_before", (_BEFORE, _GAP), fenced=_SOMETIMES),
    _Wrapping("prose_after", (), (_GAP, _AFTER), _SOMETIMES),
    _Wrapping("prose_around", (_BEFORE, _GAP), (_GAP, _AFTER), _SOMETIMES),
)
_IN_STRING = _Wrapping("json_string", fenced=_SOMETIMES)
