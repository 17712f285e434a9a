# SPDX-License-Identifier: Apache-2.0
"""Faults of replies without a complete JSON value, each made from an instance.

Rules:
1. A function returns None if its fault is impossible for the drawn instance.
2. A reply has one fault, and its label is the first failure that `judge` finds.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from schema_guard.testing.model_replies.faults import Fault
from schema_guard.testing.model_replies.writing import written
from schema_guard.validation.failures import runaway

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from schema_guard.testing.model_replies.faults import Ground
    from schema_guard.values import FinishReason

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_OPENERS = ("{", "[")
_CLOSERS = ("}", "]")
_LITERALS = {"true": "True", "false": "False", "null": "None"}

_PROSE = st.sampled_from(
    (
        "I have read the text. It does not say.",
        "Sure, I can do that! What should the output look like?",
        "The total is 12 and the currency is EUR.",
        "name: Ann Lee\nage: 41\ncity: Oslo",
        "| item | qty |\n|---|---|\n| pipe | 2 |",
        "We need to extract the fields from the context. The question asks for the main points. So we",
        "Das steht nicht im Text.",
        "<answer>12</answer>",
    )
)
_REFUSALS = st.sampled_from(
    (
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "I am unable to provide personal data.",
        "Unfortunately, I must decline: this is against our policy.",
        "I\u2019m sorry, I can\u2019t do that.",
    )
)
_REFUSED_BY: SearchStrategy[FinishReason | None] = st.sampled_from(
    ("stop", None, "refusal", "content_filter")
)
_EMPTY = st.sampled_from(("", "\n", "   "))
_REASONS: SearchStrategy[FinishReason | None] = st.sampled_from(("stop", None, "length"))
# Of 98 cut-off replies in the corpora, 15 had reached the output limit, 2 had stopped, and 81 have an unknown reason.
_CUT_BY: SearchStrategy[FinishReason | None] = st.sampled_from(("length", None, "length", None, "stop"))
_LOOP_BY: SearchStrategy[FinishReason | None] = st.sampled_from(("length", None))
_BEFORE_CUT = st.sampled_from(("", "```json\n", "Here is the JSON:\n\n"))
_TIMES = st.integers(8, 60)
_UNITS = st.sampled_from((" and so on", "-", "\\n- the same", "0", " \\\\quad", ' \\"a\\",'))
_BAD_ESCAPES = st.sampled_from(("\\(", "\\mathcal{L}", "\\_", "\\'", "\\$", "\\,"))
_QUOTED = st.sampled_from((' "as is"', ' said "no" twice', 'a 5" pipe'))
_NOT_FINITE = st.sampled_from(("NaN", "Infinity", "-Infinity"))
_BETWEEN = st.sampled_from(("\n", "\n\n", " ", "", "\n```\n```json\n"))


def prose_only(ground: Ground) -> Fault:
    """Answer in prose."""
    return _nothing(ground, _PROSE, "no_json")


def empty(ground: Ground) -> Fault:
    """Answer with an empty text. With the finish reason `length`, reasoning used the whole output limit."""
    return _nothing(ground, _EMPTY, "empty")


def _nothing(ground: Ground, texts: SearchStrategy[str], code: str) -> Fault:
    text, reason = ground.draw(texts), ground.draw(_REASONS)
    if reason == "length":
        return Fault(text, "truncation", "max_tokens", reason)
    return Fault(text, "syntax", code, reason)


def refusal(ground: Ground) -> Fault:
    """Refuse in prose, or with the finish reason of a filter."""
    reason = ground.draw(_REFUSED_BY)
    code = "content_filter" if reason == "content_filter" else "refusal"
    return Fault(ground.draw(_REFUSALS), "refusal", code, reason)


def cut_off(ground: Ground) -> Fault | None:
    """Cut off the JSON text at any byte."""
    return _cut(ground, ground.text)


def cut_schema_echo(ground: Ground) -> Fault | None:
    """Repeat the schema, cut off."""
    document = ground.schema.document
    return _cut(ground, written(ground.draw, document)) if isinstance(document, dict) else None


def _cut(ground: Ground, text: str) -> Fault | None:
    if text[0] not in '{["':
        return None
    data = text.encode()
    # An incomplete character becomes U+FFFD.
    start = data[: 1 + ground.index(len(data) - 1)].decode(errors="replace")
    before = "" if text[0] == '"' else ground.draw(_BEFORE_CUT)
    return _unfinished(before + start, ground.draw(_CUT_BY))


def _unfinished(text: str, reason: FinishReason | None) -> Fault:
    if reason == "stop":
        return Fault(text, "syntax", "malformed", reason)
    code = "max_tokens" if reason == "length" else "unfinished"
    return Fault(text, "truncation", "runaway" if runaway(text) else code, reason)


def repetition_loop(ground: Ground) -> Fault | None:
    """Repeat an item or a piece of a string until the reply is cut off."""
    tokens = list(_TOKEN.finditer(ground.text))
    starts = [at for at in range(len(tokens)) if _is_text(tokens, at) or _is_first_item(tokens, at)]
    if not starts:
        return None
    at = starts[ground.index(len(starts))]
    token, times = tokens[at], ground.draw(_TIMES)
    if _is_first_item(tokens, at):
        text = ground.text[: token.end()] + f", {token[0]}" * times
    else:
        text = ground.text[: token.end() - 1] + ground.draw(_UNITS) * times
    return _unfinished(text, ground.draw(_LOOP_BY))


def trailing_comma(ground: Ground) -> Fault | None:
    """Add a comma after the last member or item."""
    tokens = list(_TOKEN.finditer(ground.text))
    lasts = [
        token for token, closer in pairwise(tokens) if closer[0] in _CLOSERS and token[0] not in _OPENERS
    ]
    return _changed(ground, lasts, lambda token: f"{token},")


def missing_comma(ground: Ground) -> Fault | None:
    """Remove the comma between two members or items."""
    commas = [token for token in _TOKEN.finditer(ground.text) if token[0] == ","]
    return _changed(ground, commas, lambda _: " ")


def bad_escape(ground: Ground) -> Fault | None:
    """Write LaTeX into a string without escaping its backslashes."""
    return _changed(ground, _texts(ground), lambda token: f'"{ground.draw(_BAD_ESCAPES)}{token[1:]}')


def unescaped_quote(ground: Ground) -> Fault | None:
    """Write quotes into a string without escaping them."""
    if not ground.has_brackets:
        return None
    return _changed(ground, _texts(ground), lambda token: f'{token[:-1]}{ground.draw(_QUOTED)}"')


def single_quotes(ground: Ground) -> Fault | None:
    """Write every string in single quotes."""
    return _changed_all(ground, lambda token: token[0] == '"', _in_single_quotes)


def python_literals(ground: Ground) -> Fault | None:
    """Write literals in the syntax of Python."""
    return _changed_all(ground, _LITERALS.__contains__, _LITERALS.__getitem__)


def not_finite(ground: Ground) -> Fault | None:
    """Write a number that JSON does not have."""
    numbers = [token for token in _TOKEN.finditer(ground.text) if token[0][0] in "-0123456789"]
    fault = _changed(ground, numbers, lambda _: ground.draw(_NOT_FINITE))
    return None if fault is None else fault._replace(code="not_finite")


def duplicate_key(ground: Ground) -> Fault | None:
    """Write a member twice, the first time with null if its value is not a scalar."""
    tokens = list(_TOKEN.finditer(ground.text))
    keys = [at for at, token in enumerate(tokens[1:]) if token[0] == ":"]
    if not keys:
        return None
    at = keys[ground.index(len(keys))]
    value = tokens[at + 2][0]
    member = f"{tokens[at][0]}: {'null' if value in _OPENERS else value}, "
    start = tokens[at].start()
    text = ground.text[:start] + member + ground.text[start:]
    return Fault(ground.framed(text), "syntax", "duplicate_key", ground.ended())


def several_documents(ground: Ground) -> Fault | None:
    """Write two JSON texts, one after the other."""
    if not ground.has_brackets:
        return None
    other = ground.another()
    if not isinstance(other, dict | list):
        return None
    text = ground.text + ground.draw(_BETWEEN) + written(ground.draw, other)
    return Fault(text, "syntax", "several_documents", ground.ended())


def _is_text(tokens: list[re.Match[str]], at: int) -> bool:
    """Return whether a token is a string but not a key."""
    return tokens[at][0][0] == '"' and not (at + 1 < len(tokens) and tokens[at + 1][0] == ":")


def _is_first_item(tokens: list[re.Match[str]], at: int) -> bool:
    """Return whether a token is a scalar that is the first item of an array."""
    return at > 0 and tokens[at - 1][0] == "[" and tokens[at][0] not in ("{", "[", "]")


def _texts(ground: Ground) -> list[re.Match[str]]:
    tokens = list(_TOKEN.finditer(ground.text))
    return [token for at, token in enumerate(tokens) if _is_text(tokens, at)]


def _in_single_quotes(token: str) -> str:
    body = token[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{body}'"


def _changed(ground: Ground, tokens: list[re.Match[str]], put: Callable[[str], str]) -> Fault | None:
    """Return the fault of the instance's text with one of the tokens changed."""
    if not tokens or not _opens(ground):
        return None
    token = tokens[ground.index(len(tokens))]
    return ground.malformed(ground.text[: token.start()] + put(token[0]) + ground.text[token.end() :])


def _changed_all(ground: Ground, wanted: Callable[[str], bool], put: Callable[[str], str]) -> Fault | None:
    """Return the fault of the instance's text with all tokens of a kind changed."""
    if not ground.has_brackets or not any(wanted(token[0]) for token in _TOKEN.finditer(ground.text)):
        return None
    return ground.malformed(
        _TOKEN.sub(lambda token: put(token[0]) if wanted(token[0]) else token[0], ground.text)
    )


def _opens(ground: Ground) -> bool:
    """Return whether the first character of the instance's text starts JSON for any continuation."""
    return ground.text[0] in '{["'
