"""Reply text -> the JSON texts that it may mean, by the reading rule.

The rule, the same for judge and prefix checker: skip a byte order mark, white space, closed reasoning blocks
and one opening fence line. If what follows opens a JSON value the reply is *direct*: that first JSON text is the
only candidate. Otherwise it is *prose*, and every JSON text in it is a candidate; refusal prose has none.

Everything here is one pass: linear in the length of the text, whatever the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# The reasoning marks of open models; the mark of an unclosed block makes no block.
_MARKS = "(?:think|thinking|thought|reasoning|analysis|reflection)"
_REASONING = re.compile(rf"<{_MARKS}>|\[THINK\]", re.IGNORECASE)
_REASONING_END = re.compile(rf"</{_MARKS}>|\[/THINK\]", re.IGNORECASE)
# A label is anything but JSON, attributes such as `title="x"` and `{.json}` included.
_FENCE = re.compile(r"""(?:```|~~~)(?:[^\n`{\["=]++|="[^"\n]*+"|=|\{[.#][^\n}]*+\})*+(?:\n|(?=[{\["]))""")
# All possessive: white space that is given back would be skipped again, once for each of its characters.
_CLOSING_FENCE = re.compile(r"\s*+(?:(?:```|~~~)(?=\s|\Z))?+\s*+")
_SCALAR = re.compile(
    r"(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?=\s*+(?:```|~~~)?+\s*+\Z)"
)
_SPACE = " \t\r\n"
_TOKEN = re.compile(r'["{}\[\]]')
_STRING_END = re.compile(r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(["\n])', re.DOTALL)
# Said in the first sentences by models that refuse, and hardly by one that answers.
_REFUSAL = re.compile(
    r"\b(?:i(?:'|\u2019)?m sorry,? (?:but )?(?:i )?(?:can|am|cannot|won)|i (?:can(?:'|\u2019)?t|cannot|won(?:'|\u2019)?t|will not|am (?:not able|unable)"
    r" to) (?:help|assist|provide|comply|fulfil|create|generate|do that|do this|answer|share|continue|process|produce|give)"
    r"|i must (?:decline|refuse)|(?:against|violates?) (?:my|our|the) (?:guidelines|policy|policies))",
    re.IGNORECASE,
)
_REFUSAL_WITHIN = 400


class Span(NamedTuple):
    """A bracketed part of a text, and the bracketed parts directly inside it."""

    start: int
    end: int
    inner: tuple[Span, ...] = ()


class Reading(NamedTuple):
    """What a reply may mean.

    Attributes:
        direct: Whether the reply opens with a JSON value: then there is one candidate, up to the end of the text.
        exact: Whether nothing but white space was skipped.
        candidates: Places of JSON texts, in order; behind a direct one more text may follow.
        unclosed: Where brackets of prose open that nothing closes, outermost first.
        refusal: Whether the text refuses in prose.
    """

    direct: bool
    exact: bool
    candidates: tuple[Span, ...]
    unclosed: tuple[int, ...] = ()
    refusal: bool = False


def read(text: str) -> Reading:
    """Apply the reading rule to a reply."""
    start, exact = _skip(text)
    if text[start : start + 1] in ("{", "[", '"'):
        return Reading(direct=True, exact=exact, candidates=(Span(start, len(text)),))
    scalar = _SCALAR.match(text, start)
    if scalar:
        return Reading(
            direct=True, exact=exact and not after(text, scalar.end()), candidates=(Span(*scalar.span()),)
        )
    if _REFUSAL.search(text, start, start + _REFUSAL_WITHIN):
        return Reading(direct=False, exact=False, candidates=(), refusal=True)
    spans, unclosed = bracketed(text, start)
    return Reading(direct=False, exact=False, candidates=spans, unclosed=unclosed)


def _skip(text: str) -> tuple[int, bool]:
    """Give where the content starts, and whether only white space stands before it."""
    start = _space(text, 0)
    plain = True
    if text.startswith("\ufeff", start):
        start, plain = _space(text, start + 1), False
    # Chat templates may open the block themselves: then the reply begins inside it and only closes it.
    if text[start : start + 1] not in ("{", "[", '"', "`") and (closed := _REASONING_END.search(text, start)):
        opened = _REASONING.search(text, start, closed.start())
        if opened is None:
            start, plain = _space(text, closed.end()), False
    while block := _REASONING.match(text, start):
        closing = re.compile(re.escape(f"{block[0][0]}/{block[0][1:]}"), re.IGNORECASE).search(
            text, block.end()
        )
        if closing is None:
            break
        start, plain = _space(text, closing.end()), False
    fence = _FENCE.match(text, start)
    if fence:
        start, plain = _space(text, fence.end()), False
    return start, plain


def _space(text: str, start: int) -> int:
    while start < len(text) and text[start] in _SPACE:
        start += 1
    return start


def after(text: str, end: int) -> str:
    """Give what follows a JSON text, its closing fence and the next opening one skipped; often the empty text."""
    closing = _CLOSING_FENCE.match(text, end)
    position = closing.end() if closing else end
    opening = _FENCE.match(text, position)
    return text[opening.end() if opening else position :]


_OPENS_JSON = re.compile(
    r"""\{\s*+(?:["'}]|[\w$]++\s*+:)|\[\s*+(?:[\[{"'\]]|-?[0-9]|(?:true|false|null)\b)"""
)


def opens_json(text: str) -> bool:
    """Say whether a bracket opens JSON, be it broken, rather than prose: `{"a`, `{a:`, `[1`, and not `{see`."""
    return _OPENS_JSON.match(text) is not None


def bracketed(text: str, position: int) -> tuple[tuple[Span, ...], tuple[int, ...]]:
    """Give the outermost balanced brackets of a text from *position* on, and where brackets stay open.

    A quote counts only inside brackets, and a string ends at a line break at the latest: an apostrophe or a
    stray brace in prose costs that line and not the rest of the text.
    """
    stack: list[tuple[str, int, list[Span]]] = []
    found: list[Span] = []
    while token := _TOKEN.search(text, position):
        position = token.end()
        char = token[0]
        if char == '"':
            if stack:
                end = _STRING_END.match(text, position)
                position = end.end() if end else len(text)
        elif char in "{[":
            stack.append((char, token.start(), []))
        elif stack and stack[-1][0] == ("{" if char == "}" else "["):
            _, start, inner = stack.pop()
            (stack[-1][2] if stack else found).append(Span(start, position, tuple(inner)))
        else:
            found += [span for _, _, inner in stack for span in inner]
            stack.clear()
    found += [span for _, _, inner in stack for span in inner]
    return tuple(found), tuple(start for _, start, _ in stack)
