# SPDX-License-Identifier: Apache-2.0
"""Read a reply's text: find the JSON texts that it may mean, by the reading rule.

The rule is the same for the judge and the prefix checker. Skip a byte order mark, white space, closed reasoning blocks,
and one opening fence line. If the rest opens a JSON value, the reply is *direct*. Its first JSON text is the only
candidate, and a second one right after it makes the reply fail. Otherwise the reply is *prose*, and every JSON text in
it is a candidate. Refusal prose has none.

Everything here is one pass, linear in the length of the text, for any text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.parsing import NotJson, parse
from schema_guard.values import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.limits import Limits
    from schema_guard.values import Form

# Prose may have brackets inside brackets. These limit the parses of each character, and the number of parsed texts.
_PARSES_PER_CHARACTER = 8
_MAX_PARSES = 4_096
# Number of unclosed brackets of prose to read. If JSON was cut off, one of the outermost brackets opens it.
_UNCLOSED_READ = 4
TOO_MANY = NotJson("too_costly", "the reply has too many brackets to check. Expected one JSON text")

# The reasoning marks of open models. The mark of an unclosed block doesn't start a block.
_MARKS = "(?:think|thinking|thought|reasoning|analysis|reflection)"
REASONING = re.compile(rf"<{_MARKS}>|\[THINK\]", re.IGNORECASE)
REASONING_END = re.compile(rf"</{_MARKS}>|\[/THINK\]", re.IGNORECASE)
# A label is any text but JSON, including attributes such as `title="x"` and `{.json}`.
_FENCE = re.compile(r"""(?:```|~~~)(?:[^\n`{\["=]++|="[^"\n]*+"|=|\{[.#][^\n}]*+\})*+(?:\n|(?=[{\["]))""")
# All possessive, because backtracking would skip white space again, once for each of its characters.
_CLOSING_FENCE = re.compile(r"\s*+(?:(?:```|~~~)(?=\s|\Z))?+\s*+")
_SCALAR = re.compile(
    r"(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?=\s*+(?:```|~~~)?+\s*+\Z)"
)
_SPACE = re.compile(r"[ \t\r\n]*+")
_FENCES = ("```", "~~~")
# Phrases in the first sentences of models that refuse. A model that answers hardly ever writes them.
_REFUSAL = re.compile(
    r"\b(?:i(?:'|\u2019)?m sorry,? (?:but )?(?:i )?(?:can|am|cannot|won)|i (?:can(?:'|\u2019)?t|cannot|won(?:'|\u2019)?t|will not|am (?:not able|unable)"
    r" to) (?:help|assist|provide|comply|fulfil|create|generate|do that|do this|answer|share|continue|process|produce|give)"
    r"|i must (?:decline|refuse)|(?:against|violates?) (?:my|our|the) (?:guidelines|policy|policies))",
    re.IGNORECASE,
)
_REFUSAL_WITHIN = 400
# Every refusal has one of these. This search is faster than the expression, which starts at each "i" or "a".
_REFUSAL_WORDS = ("sorry", "i can", "i won", "i will", "i am", "i must", "against", "violat")


class Span(NamedTuple):
    """A bracketed part of a text."""

    start: int
    end: int
    text: str

    @property
    def inside(self) -> Brackets:
        """The brackets inside it. They are searched at each access, because most parts are read whole."""
        return brackets(self.text, self.start + 1, self.end - 1, inside=True)


class Reading(NamedTuple):
    """Possible meanings of a reply.

    Attributes:
        direct: Whether the reply opens with a JSON value. If so, there is one candidate, up to the end of the text or
            of its fence.
        clean: Whether nothing but white space was skipped.
        candidates: Places of JSON texts, in order. More text may follow a direct one.
        unclosed: Places of the brackets in prose that nothing closes, outermost first.
        complete: Whether these are all. If not, the text has more brackets than are read.
        refusal: Whether the text refuses in prose.
        start: Index of the content in the text.
    """

    direct: bool
    clean: bool
    candidates: tuple[Span, ...]
    unclosed: tuple[int, ...] = ()
    complete: bool = True
    refusal: bool = False
    start: int = 0


def read(text: str, thoughts: int = 0) -> Reading:
    """Apply the reading rule to a reply. *thoughts* is `end_of_thoughts` of its beginning, if that is known."""
    start, clean = _skip(text, thoughts)
    if text[start : start + 1] in ("{", "[", '"'):
        end = len(text) if clean else _end_before_fence(text, start)
        return Reading(direct=True, clean=clean, candidates=(Span(start, end, text),), start=start)
    scalar = _SCALAR.match(text, start)
    if scalar:
        return Reading(
            direct=True,
            clean=clean and not text_after(text, scalar.end()),
            candidates=(Span(*scalar.span(), text),),
            start=start,
        )
    if _refuses(text, start):
        return Reading(direct=False, clean=False, candidates=(), refusal=True)
    return Reading(False, False, *brackets(text, start), start=start)


def _refuses(text: str, start: int) -> bool:
    """Return whether the first sentences refuse."""
    head = text[start : start + _REFUSAL_WITHIN].lower()
    return any(map(head.__contains__, _REFUSAL_WORDS)) and bool(
        _REFUSAL.search(text, start, start + _REFUSAL_WITHIN)
    )


def _skip(text: str, thoughts: int = 0) -> tuple[int, bool]:
    """Return the start of the content, and whether only white space is before it."""
    thoughts = end_of_thoughts(text, thoughts)
    start, plain = _space(text, thoughts), not thoughts
    if plain and text.startswith("\ufeff", start):
        start, plain = _space(text, start + 1), False
    fence = _FENCE.match(text, start)
    if fence:
        start, plain = _space(text, fence.end()), False
    return start, plain


def end_of_thoughts(text: str, known: int = 0) -> int:
    """Return the end of the closed reasoning blocks at the start of a text. 0 if there are none.

    *known* is the end of the blocks that were found in a beginning of the text. They are not read again.
    """
    start = _space(text, known)
    if not known and text.startswith("\ufeff", start):
        start = _space(text, start + 1)
    block = REASONING.match(text, start)
    # Chat templates may open the block. In this case, the reply starts inside it and only closes it.
    if block is None and not known and text[start : start + 1] not in '{["`~':
        closed = REASONING_END.search(text, start) if "</" in text or "[/" in text else None
        if closed and REASONING.search(text, start, closed.start()) is None:
            known = closed.end()
            block = REASONING.match(text, _space(text, known))
    while block:
        closing = closing_of(block[0].lower()).search(text, block.end())
        if closing is None:
            break
        known = closing.end()
        block = REASONING.match(text, _space(text, known))
    return known


@cache
def closing_of(mark: str) -> re.Pattern[str]:
    """Return the pattern that closes a reasoning block, by the mark that opens it."""
    return re.compile(re.escape(f"{mark[0]}/{mark[1:]}"), re.IGNORECASE)


def _space(text: str, start: int) -> int:
    """Return the end of the white space at *start*."""
    space = _SPACE.match(text, start)
    return space.end() if space else start


def _end_before_fence(text: str, start: int) -> int:
    """Return the end of the JSON text at *start* if it is whole and a closing fence follows. Otherwise the text's end.

    A text counts as whole if it has as many opening as closing brackets of each kind, and its first and last brackets
    match. Any other text is left to the parser, which reports the fault and its place.
    """
    end = len(text.rstrip())
    if not text.endswith(_FENCES, start, end):
        return len(text)
    end = len(text[start : end - 3].rstrip()) + start
    if text[start] + text[end - 1] not in ("{}", "[]"):
        return len(text)
    balanced = all(
        text.count(opener, start, end) == text.count(other, start, end) for opener, other in ("{}", "[]")
    )
    return end if balanced else len(text)


def text_after(text: str, end: int) -> str:
    """Return the text after a JSON text, its closing fence, and the next opening fence. It is often empty."""
    closing = _CLOSING_FENCE.match(text, end)
    position = closing.end() if closing else end
    opening = _FENCE.match(text, position)
    return text[opening.end() if opening else position :]


_OPENS_JSON = re.compile(
    r"""\{\s*+(?:["'}]|[\w$]++\s*+:)|\[\s*+(?:[\[{"'\]]|-?[0-9]|(?:true|false|null)\b)"""
)


def opens_json(text: str) -> bool:
    """Return whether a bracket opens JSON, valid or not, rather than prose: `{"a`, `{a:`, `[1`, and not `{see`."""
    return _OPENS_JSON.match(text) is not None


# Text between brackets. A string ends at a line break at the latest.
_BETWEEN = r"""(?:[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+(?:["\n]|\\?\Z))*+"""
# Levels of brackets in one match. Each further level doubles the pattern. Rows in a list in an object have three.
_LEVELS = 4


def _group(levels: int) -> str:
    """Return the pattern of balanced brackets of so many levels."""
    within = f"{_BETWEEN}(?:{_group(levels - 1)}{_BETWEEN})*+" if levels > 1 else _BETWEEN
    return rf"(?:\{{{within}\}}|\[{within}\])"


# Group 1: whole brackets. Group 2: an opener of more levels, or one that nothing closes. Group 3: a closer.
_INSIDE = re.compile(rf"{_BETWEEN}(?:({_group(_LEVELS)})|([{{\[])|([}}\]])|\Z)", re.DOTALL)
_OUTSIDE = re.compile(r"[{\[]")
# So many in a row are one step, because a row of millions would be stored bracket by bracket.
_OPENERS = re.compile(r"[{\[]{1,64}+")
_CLOSERS = re.compile(r"\}++|\]++")
_OPENER_OF = {"}": "{", "]": "["}
# About 10 ms. Whole brackets inside other brackets cost one look. Everything else is also read later, so it costs more.
_MAX_LOOKS = 16_000
_LOOKS_OUTSIDE = 4


class Brackets(NamedTuple):
    """The brackets of a text.

    Attributes:
        spans: The outermost balanced ones.
        unclosed: Places of the brackets that stay open, outermost first.
        complete: Whether these are all. If not, the text has more brackets than are read.
    """

    spans: tuple[Span, ...]
    unclosed: tuple[int, ...]
    complete: bool


def brackets(text: str, position: int, end: int | None = None, *, inside: bool = False) -> Brackets:
    """Return the outermost balanced brackets of a text from *position* on, and the places of brackets that stay open.

    A quote counts only inside brackets, and a string ends at a line break at the latest. So an apostrophe or a stray
    brace in prose affects only its line and not the rest of the text.

    Args:
        text: Any text.
        position: Start.
        end: End. None for the end of the text.
        inside: Whether it starts inside brackets, where quotes count.
    """
    end = len(text) if end is None else end
    spans: list[Span] = []
    # Places of the open brackets.
    stack: list[int] = []
    looks_left = _MAX_LOOKS
    while looks_left > 0:
        if not (stack or inside):
            opener = _OUTSIDE.search(text, position, end)
            if opener is None:
                return Brackets(tuple(spans), tuple(stack), complete=True)
            position = opener.start()
        token = _INSIDE.match(text, position, end)
        assert token is not None
        position = token.end()
        if token.lastindex is None:
            return Brackets(tuple(spans), tuple(stack), complete=True)
        looks_left -= 1 if stack and token.lastindex == 1 else _LOOKS_OUTSIDE
        if token.lastindex == 1:
            spans.append(Span(token.start(1), position, text))
        elif token.lastindex == 2:
            position = _open(text, position - 1, stack)
        else:
            position = _close(text, position - 1, stack, spans)
    return Brackets(tuple(spans), tuple(stack), complete=False)


def _open(text: str, at: int, stack: list[int]) -> int:
    """Open the brackets at *at*. Return where to continue. In a row of them, only the last few may be matched whole."""
    openers = _OPENERS.match(text, at)
    assert openers is not None
    end = max(at + 1, openers.end() - _LEVELS)
    stack.extend(range(at, end))
    return end


def _close(text: str, at: int, stack: list[int], spans: list[Span]) -> int:
    """Close the brackets of the closers at *at*, or all open ones if the kinds differ. Return where to continue."""
    if not stack:
        return at + 1
    closers = _CLOSERS.match(text, at)
    assert closers is not None
    opener = _OPENER_OF[text[at]]
    row = min(closers.end() - at, len(stack))
    first = stack[-row]
    if stack[-1] - first != row - 1 or text[first : first + row] != opener * row:
        row, first = 1, stack[-1]
    if text[first] != opener:
        stack.clear()
        return at + 1
    del stack[-row:]
    while spans and spans[-1].start > first:
        spans.pop()
    spans.append(Span(first, at + row, text))
    return at + row


class Documents(NamedTuple):
    """The JSON texts of a reply.

    Attributes:
        values: The values, each with the length of its text.
        form: The form of the values in the reply.
        inside: The values inside the only value, if that is a string of JSON.
        rest: The texts after the first value, or None without any.
        broken: Texts that repair may help.
        refused: Reasons why the texts in `broken`, and others, are not JSON.
        is_cut: Whether the reply ends inside its only JSON text, or that text is broken.
        content: The reply from where its content starts, for a value without brackets or quotes.
        is_reasoning: Whether the reply is a reasoning block that was not closed.
        failure: The failure of a reply that has no value for any schema.
        is_refused: Whether the schema is known to reject the values.
    """

    values: list[tuple[int, Any]] = []  # noqa: RUF012 - a named tuple
    form: Form = "unwrapped"
    inside: tuple[Any, ...] = ()
    rest: Documents | None = None
    broken: tuple[str, ...] = ()
    refused: tuple[NotJson, ...] = ()
    is_cut: bool = False
    content: str = ""
    is_reasoning: bool = False
    failure: Failure | None = None
    is_refused: bool = False

    @property
    def bare(self) -> str:
        """The content without a closing fence."""
        content = self.content.rstrip()
        return (
            content.removesuffix("```").removesuffix("~~~").rstrip() if content.endswith(_FENCES) else content
        )

    @property
    def is_cut_short(self) -> bool:
        """Whether the text has more brackets than are parsed."""
        return TOO_MANY in self.refused


SEVERAL = Failure("syntax", "several_documents", "expected exactly one JSON text, but a second one follows")


def documents(text: str, limits: Limits, known: Any = None) -> Documents:
    """Read and parse the JSON texts of a reply.

    Args:
        text: The reply.
        limits: Limits on the size of the reply.
        known: The result of parsing the whole text, or None. If it is a value, the schema has rejected it.
    """
    if isinstance(known, dict | list):
        return Documents([(len(text), known)], is_refused=True)
    size = _size_beyond(text, limits.max_bytes)
    if size:
        message = f"the reply has {size} bytes or more, but max_bytes is {limits.max_bytes}"
        return Documents(failure=Failure("syntax", "too_large", message))
    reading = read(text)
    if reading.refusal:
        return Documents(failure=Failure("refusal", "refusal", "the model refused in prose"))
    return _parsed_documents(text, reading, limits, known)


def _parsed_documents(text: str, reading: Reading, limits: Limits, known: Any) -> Documents:
    if not reading.direct:
        opened = REASONING.match(text, reading.start)
        is_reasoning = opened is not None and not closing_of(opened[0].lower()).search(text, opened.end())
        found = _all_documents(text, reading, limits)
        return found._replace(content=text[reading.start :], is_reasoning=is_reasoning)
    # The first JSON text of a reply that opens with JSON is the only candidate.
    form: Form
    span, rest = reading.candidates[0], ""
    document, form = text[span.start : span.end], "clean" if reading.clean else "unwrapped"
    value = parse(document, limits) if known is None or span.start else known
    if type(value) is NotJson and value.end is not None:
        data = document.encode()
        document, rest = data[: value.end].decode(), data[value.end :].decode()
        form, value = "unwrapped", parse(document, limits)
    behind = text_after(rest, 0)
    if behind[:1] in ("{", "[") and behind:
        second = parse(behind, limits)
        if type(second) is not NotJson or second.code == "unfinished" or second.end is not None:
            return Documents(failure=SEVERAL)
    if type(value) is NotJson:
        # No repair takes values away by the thousand.
        is_mendable = value.code != "too_many_nodes"
        return Documents(broken=(document,) if is_mendable else (), refused=(value,), is_cut=True)
    is_encoded = isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and value
    inside = [part for part in (parse(value, limits),) if type(part) is not NotJson] if is_encoded else ()
    content = "" if isinstance(value, dict | list) else text[span.start :]
    found = Documents([(len(document), value)], form, tuple(inside), content=content)
    return found._replace(rest=_rest(rest, limits)) if rest.strip() else found


def _size_beyond(text: str, most: int) -> int:
    """Return the least number of bytes of a text, if it is more than *most*. Otherwise 0."""
    # A character has at most 4 bytes. Counting them needs a copy of the text.
    if 4 * len(text) <= most:
        return 0
    size = len(text) if len(text) > most else len(text.encode("utf-8", "surrogatepass"))
    return size if size > most else 0


def _rest(rest: str, limits: Limits) -> Documents:
    """Parse the text after a JSON text."""
    spans, unclosed, complete = brackets(rest, 0)
    opened = tuple(start for start in unclosed[:_UNCLOSED_READ] if opens_json(rest[start:]))
    found = _all_documents(rest, Reading(False, False, spans, opened, complete), limits)
    return Documents(failure=SEVERAL) if found.is_cut else found


def _all_documents(text: str, reading: Reading, limits: Limits) -> Documents:
    """Parse the JSON texts of prose."""
    values, refused, parts = [], [], _parsed_parts(text, reading, limits)
    for start in reading.unclosed[:_UNCLOSED_READ]:
        value = parse(text[start:], limits)
        if type(value) is NotJson and value.code == "unfinished":
            # The text ends inside JSON. No part of that is a value, and any text before it may be a draft.
            return Documents(broken=(text[start:],), refused=(value,), is_cut=True)
    broken = [text[start:] for start in reading.unclosed[:1]]
    for document, value in parts:
        if type(value) is not NotJson:
            values.append((len(document), value))
            continue
        refused.append(value)
        if value.code == "malformed":
            broken.append(document)
    return Documents(values, broken=tuple(broken), refused=tuple(refused))


def _parsed_parts(text: str, reading: Reading, limits: Limits) -> Iterator[tuple[str, Any]]:
    """Parse bracketed parts from the outside in. A part that parses hides the parts inside it."""
    budget = _PARSES_PER_CHARACTER * len(text)
    known: set[str] = set()
    complete, stack = reading.complete, list(reversed(reading.candidates))
    while stack:
        span = stack.pop()
        document = text[span.start : span.end]
        if document in known:
            continue
        budget -= span.end - span.start
        if budget < 0 or len(known) >= _MAX_PARSES:
            yield document, TOO_MANY
            return
        known.add(document)
        value = parse(document, limits)
        yield document, value
        # JSON may be inside braces of prose. But the model doesn't mean a part of its broken JSON.
        if type(value) is NotJson and value.code == "malformed" and not opens_json(document):
            inside = span.inside
            complete = complete and inside.complete
            stack += reversed(inside.spans)
    if not complete:
        yield text, TOO_MANY
