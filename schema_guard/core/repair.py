"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy.

Rules:
1. Lossless: every character of data that the model wrote is in the value and none is invented. Only syntax
   changes: quotes, commas, comments, literals of Python, raw line breaks; missing closers only when the
   model had finished. Where two readings are possible it is not lossless.
2. Lossy: whatever drops, invents, guesses or closes what was cut off. Every such step is named too.
3. A text that is JSON comes back as it is.
4. One pass with a stack of its own, no recursion; lookahead is bounded or ends at the next candidate, so the
   work is linear in the length of the text, whatever the text.

Stretches that are well formed are taken whole by one regular expression: Python sees the faults only.
"""

from __future__ import annotations

import re
from copy import copy
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    _State: TypeAlias = Callable[[], "_State | None"]

Role = Literal["key", "member", "element", "top"]


class Step(NamedTuple):
    """What a repair step does.

    Attributes:
        lossless: Whether it keeps every character of data and invents none.
        description: One line for users.
    """

    lossless: bool
    description: str


class Repaired(NamedTuple):
    """A reading of a malformed text.

    Attributes:
        text: JSON; limits, duplicate keys and the size of numbers are still for the parser to judge.
        steps: Names of the steps, in order of first use; empty when the text was JSON.
        lossless: Whether every step is lossless.
    """

    text: str
    steps: tuple[str, ...]
    lossless: bool


_LOSSLESS = {
    "trailing_comma": "a comma before a closer, or at the end, is dropped",
    "missing_comma": "a comma is put between two values that stand side by side",
    "comment": "comments (//, /* */, #) are dropped",
    "odd_space": "white space that JSON does not know is dropped",
    "single_quotes": "a string in single quotes, backticks or typographic quotes gets double quotes",
    "unquoted_key": "a key of one word gets quotes",
    "unquoted_string": "a value of one word inside brackets gets quotes",
    "python_literal": "True, False, None become true, false, null",
    "literal_case": "TRUE, Null and the like are written in lower case",
    "number_syntax": "+1, .5, 5., 0x1F and 1_000 are written as JSON numbers of the same value",
    "raw_newline": "a line break inside a string is escaped",
    "raw_control": "a tab or another control character inside a string is escaped",
    "invalid_escape": "a backslash that escapes nothing is kept as a backslash",
    "quote_escape": "an escaped quote that needs no escape is written plainly",
    "line_continuation": "a backslash at the end of a line inside a string joins the lines",
    "unescaped_quote": "quotes that open and close inside a string are escaped",
    "concatenation": "strings joined by + become one",
    "parentheses": "round brackets become an array, or nothing around a single value",
    "escaped_quotes": "a whole text with escaped quotes is unescaped once",
    "extra_closer": "a closer that closes nothing is dropped",
    "missing_closer": "the model had finished: closers that it left out are added",
    "missing_quote": "the model had finished: the closing quote of the last string is added",
    "trailing_prose": "a fence, or text without quotes and brackets, behind the JSON text is skipped",
}
_LOSSY = {
    "guessed_quote": "where a string ends was guessed",
    "guessed_comma": "two numbers side by side, which may be one, were read as two values",
    "guessed_closer": "where an object or array ends was guessed",
    "unquoted_text": "text without quotes was read as a string",
    "number_as_string": "what looks like a number and is none was read as a string",
    "leading_zero": "the leading zeros of a number are dropped",
    "digit_grouping": "commas between digits are dropped: 1,000 is read as 1000",
    "not_a_value": "NaN, Infinity and undefined become null",
    "missing_value": "a key without value gets null",
    "missing_colon": "a colon is put between a key and its value",
    "extra_comma": "a comma without a value is dropped",
    "ellipsis": "an ellipsis in place of values is dropped",
    "set_as_array": "values in curly brackets without keys become an array",
    "implied_object": "a key and value inside an array become an object",
    "early_closer": "members behind the closed object are put into it",
    "call_wrapper": "the name of a function around a value is dropped",
    "unescaped_text": "a text with quotes escaped here and there is unescaped once",
    "dropped_text": "text that fits nowhere is dropped",
    "closed_truncation": "the text may be cut off: what was open is closed",
    "truncated_tail": "the incomplete last part is dropped",
    "truncated_string": "a string that was cut off is closed",
    "truncated_literal": "true, false or null that was cut off is completed",
    "truncated_number": "a number that was cut off loses its incomplete end",
}
STEPS: Mapping[str, Step] = MappingProxyType(
    {name: Step(True, told) for name, told in _LOSSLESS.items()}
    | {name: Step(False, told) for name, told in _LOSSY.items()}
)


def repair(text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> list[Repaired]:
    """Give the readings of a malformed JSON text, best first.

    Never raises, whatever the text. Linear in its length.

    Args:
        text: From the first character of JSON on.
        level: `lossless` gives lossless readings only, `lossy` any.
        finished: Whether the model is known to have finished; if not, the text may be cut off, and then
            what is missing at its end cannot be added without loss.

    Returns:
        At most four readings that differ; none when the text cannot be read at this level. Prefer the first
        whose value validates.

    >>> repair("{'a': 1,}", level="lossless", finished=True)
    [Repaired(text='{"a": 1}', steps=('single_quotes', 'trailing_comma'), lossless=True)]
    """
    readings: list[Repaired] = []
    waiting = [_Scanner(text, level=level, finished=finished)]
    while waiting:
        scanner = waiting.pop(0)
        found = scanner.scan()
        waiting += scanner.forks.values()
        if found is not None and all(found.text != other.text for other in readings):
            readings.append(found)
    return readings


# White space of JSON; what follows is written "ws".
_WS = r"[ \t\r\n]*+"
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?![\w.+-])"
_QUOTED = r"'[^'\"\\\x00-\x1f]*+(?:\\(?:[\"\\/bfnrt']|u[0-9a-fA-F]{4})[^'\"\\\x00-\x1f]*+)*+'"

# A key that follows, quoted or not; bounded, so that looking ahead costs no more than a constant.
_QUOTED_KEY = (
    r"(?:\"(?:[^\"\\\n]|\\.){0,200}+\"|'(?:[^'\\\n]|\\.){0,200}+'"
    r"|[`\xb4\u2018\u2019][^`\xb4\u2018\u2019\n]{0,200}+[`\xb4\u2018\u2019]|[“”][^“”\n]{0,200}+[“”])\s*+:"
)
_BARE_KEY = r"[\w$][\w$.-]{0,60}+\s*+:(?!//)"
_COMMENT_AHEAD = r"/[/*]|\#\s"


# White space and comments, between the tokens of a stretch that is taken whole.
_GAP = r"(?:[ \t\r\n]++|//[^\r\n]*+[\r\n]|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
_NAME = r"[A-Za-z_$][\w$]*+"


class _Runs(NamedTuple):
    """What takes stretches whole whose faults need no look around, and what finds those faults in them."""

    members: re.Pattern[str]
    elements: re.Pattern[str]
    faults: re.Pattern[str]


@cache
def _runs() -> _Runs:
    """Give the patterns of whole stretches; compiled when repair is first used.

    A stretch is taken up to an item that a further item or a closer follows: nothing that a string with an
    unescaped quote in it could pretend to be. Two levels of nesting cover rows of a table; more cost more.
    """
    value = rf"(?:{_STRING}|{_NUMBER}|{_QUOTED}|(?:true|false|null|True|False|None)\b)"
    scalar = value
    key = rf"(?:{_STRING}|{_QUOTED}|{_NAME}){_GAP}:"
    item_ahead = rf"(?=(?:{_STRING}|{_QUOTED}){_GAP}[,\]]|[{{\[])"
    for _ in range(2):
        member = rf"{key}{_GAP}{value}{_GAP}(?:,{_GAP}(?!,)|(?=}})|(?={key}))"
        element = rf"{value}{_GAP}(?:,{_GAP}(?!,)|(?=\])|{item_ahead})"
        value = rf"(?:{scalar}|\{{{_GAP}(?:{member})*+\}}|\[{_GAP}(?:{element})*+\])"
    closed = rf"{_GAP}[\]}}]{_GAP}(?:[,\]}}{{\[]|\Z)"
    start = rf"(?:{_STRING}|{_QUOTED}|[{{\[0-9-]|(?:true|false|null|True|False|None)\b)"
    members = rf"(?:{_GAP}{key}{_GAP}{value}{_GAP}(?:,(?={_GAP}{key})|(?={key})|,?+(?={closed})))*+"
    elements = rf"(?:{_GAP}{value}{_GAP}(?:,(?={_GAP}{start})|{item_ahead}|,?+(?={closed})))*+"
    settled = rf"(?={_GAP}(?:[,}}\]]|\Z))"
    plain = (
        rf"(?:[ \t\r\n:{{\[]++|{_STRING}(?={_GAP}(?:[,:}}\]]|\Z))|,(?!{_GAP}[}}\]])"
        rf"|(?:{_NUMBER}|(?:true|false|null)\b|[}}\]]){settled})"
    )
    fault = (
        rf"(?P<comment>//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)|(?P<comma>,)|(?P<name>{_NAME})(?={_GAP}:)"
        rf"|(?:(?P<quoted>{_QUOTED})|(?:True|False|None)\b|{_STRING}|{_NUMBER}|true|false|null|[}}\]])"
        rf"(?=(?P<gap>{_GAP}[\"'{{\[\w$-])?)"
    )
    return _Runs(*map(re.compile, (members, elements, rf"({plain}*+)(?:{fault}|\Z)")))


_OTHER_MARKS = re.compile(r"[\"\\/]")
_FROM_PYTHON = {"True": "true", "False": "false", "None": "null"}

_SPACE = re.compile(_WS)
_ANY_SPACE = re.compile(r"[\s\u200b\ufeff]*+")
_ODD_SPACE = re.compile(
    r"[\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]++"
)
_LINE_COMMENT = re.compile(r"(?://|\#)[^\r\n]*+")
_BLOCK_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/)?+")
_STRUCTURE = re.compile(r"[\[\]{}\":,]")
_SKIPPED = frozenset("/#\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff").union(
    map(chr, range(0x2000, 0x200C))
)

_DOUBLE = '"“”„'
_SINGLE = "'\u2018\u2019`\xb4"
_QUOTES = frozenset(_DOUBLE + _SINGLE)
# From one candidate for the end of a string to the next, by the quote that opened it.
_CLOSING = (
    {'"': '"', "'": "'"}
    | dict.fromkeys("“”„", '"“”')
    | dict.fromkeys("\u2018\u2019", "'\u2018\u2019")
    | dict.fromkeys("`\xb4", "`\xb4'")
)
_TO_QUOTE = {
    quote: re.compile(rf"(?:[^\\{closing}]++|\\.?)*+", re.DOTALL) for quote, closing in _CLOSING.items()
}
_QUOTE_CLASS = "[\"'`\xb4\u2018\u2019“”„]"

_VALUE_AHEAD = rf"{_QUOTE_CLASS}|[{{\[(\d.+-]|(?:true|false|null|True|False|None)\b|[^\W\d][^,\[\]{{}}\"'\n]{{0,60}}+[,\]\n]"
_ENDING = rf"\Z|;|```\s*+\Z|{_COMMENT_AHEAD}|\+\s*+(?:/\*[^*]{{0,100}}+\*/\s*+)?[\"']"
# What may follow the quote that ends a string; closers are weighed against the stack besides.
_MAY_FOLLOW: dict[str, re.Pattern[str]] = {
    "key": re.compile(
        rf"\s*+(?::|\Z|[,}}]|{_COMMENT_AHEAD}|(?<=\s)(?:\"[^\"\n]{{0,200}}+\"|'[^'\n]{{0,200}}+'"
        r"|[“”][^“”\n]{0,200}+[“”]|true|false|null|-?\d[\d.]{0,30}+)\s*+[,}])"
    ),
    "member": re.compile(
        rf"\s*+(?:{_ENDING}|,\s*+(?:{_QUOTED_KEY}|{_BARE_KEY}|[}}\]]|\Z|{_COMMENT_AHEAD}|\.\.\.|\w{{1,40}}\s++{_QUOTED_KEY})|{_QUOTED_KEY})"
        rf"|[ \t\r]*+\n\s*+{_BARE_KEY}"
    ),
    "element": re.compile(
        rf"\s*+(?:{_ENDING}|,\s*+(?:{_VALUE_AHEAD}|[}}\]),]|\Z|{_COMMENT_AHEAD})"
        rf"|(?:\"[^\"\n]{{0,200}}+\"|'[^'\n]{{0,200}}+')\s*+(?:[,\]:]|{_QUOTE_CLASS}|\d|\Z)|[{{\[]|:\s*+(?:{_VALUE_AHEAD})"
        r"|(?:(?:-?\d[\d.]{0,30}+|true|false|null|True|False|None)\s*+){1,3}(?:[,\]]|\Z))"
    ),
    "top": re.compile(rf"\s*+(?:{_ENDING}|,\s*+\Z)"),
}
_CLOSERS = re.compile(r"[\]})\s]*+")
_AFTER_CLOSERS = re.compile(
    rf"\Z|,\s*+(?:{_VALUE_AHEAD}|[}}\]]|{_BARE_KEY}|{_COMMENT_AHEAD}|\Z)|{_QUOTE_CLASS}|[{{\[;]|{_COMMENT_AHEAD}"
)
_PROSE = re.compile(r'[^"{}\[\]]*+\Z')
_KEY_HERE = re.compile(_QUOTED_KEY)
_ITEM_HERE = re.compile(r"\"[^\"\n]{0,200}+\"\s*+[,\]]")
_KEY_WITHOUT_END = re.compile(r"\s{0,60}[\w$][\w$ .-]{0,60}:")
_PLUS = re.compile(r"\s*+\+\s*+(?:/\*[^*]{0,100}+\*/\s*+)?(?=[\"'])")
_NEXT_KEY_ENDS = re.compile(r",\s*+[^\W\d][\w$]{0,60}+\s*+:\s*+\Z")
_NEXT_MEMBER = re.compile(r",\s*+(?:\"?[^\W\d][\w$]{0,60}+\"?|'[^\W\d][\w$]{0,60}+')\s*+:(?!//)")
_CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_PLAIN_TO_END = re.compile(r"[^\"{}\[\]:\\]*+\Z")
_VALID_BODY = re.compile(r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
# The parser reads no deeper than about this, so nothing deeper can be repaired.
_MAX_DEPTH = 200
# How far back a comma or a line break is looked for before a quote.
_BACK = 80

_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_ESCAPED = re.compile(r'\\(?:u[0-9a-fA-F]{4}|\r\n|.)?|["\x00-\x1f]', re.DOTALL)
_CONTROL = {chr(code): f"\\u{code:04x}" for code in range(32)}
_CONTROL |= {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TO_ESCAPE = str.maketrans(_CONTROL | {'"': '\\"'})
_NEWLINE = re.compile(r"[\r\n]")
_OTHER_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")

_WORD = re.compile(r"[^\W\d][\w$]*+|[$][\w$]*+")
_SIMPLE = re.compile(r"[^\W\d][\w$.@-]*+(?=\s*+[,}\])])")
_CALL = re.compile(r"(?:new\s{1,8})?[A-Za-z_$][\w$.]{0,60}\s{0,8}\(")
_VALUE_ENDS = re.compile(
    rf"\s*+(?:[,}}\])]|\Z|```|;|{_COMMENT_AHEAD}|{_QUOTE_CLASS}|[{{\[])|[^\S\r\n]*+[\r\n]"
    r"|\s++(?:[(\d-]|(?:true|false|null|True|False|None)\b|[\w$]{1,60}+\s*+:)"
)
_KEY = re.compile(rf"((?:[^\s\"'`{{}}\[\],:\\/]|/(?![/*])|\\u[0-9a-fA-F]{{4}})++)(?:\s*+|{_GAP}):")
_KEY_END_QUOTE = re.compile(r"([\w$][\w$ .-]{0,100}?)[\"'”\u2019]\s{0,100}:")
_KEY_TEXT = re.compile(r"([^\"'{}\[\],:\n]{1,100}+):")
_KEY_NO_COLON = re.compile(
    rf"([\w$]++)\s++(?={_QUOTE_CLASS}[^\"'\n]{{0,200}}+[\"'”\u2019]\s*+[,}}]|-?\d[\d.]{{0,30}}+\s*+[,}}])"
)
_PLAIN_KEY = re.compile(r"(?:[\w$.-]|\\u[0-9a-fA-F]{4})++")
_MEMBER_HERE = re.compile(rf"{_QUOTED_KEY}|{_BARE_KEY}|\"[^\"\n]{{0,100}}+\"\s*+\"")
_CUT_LITERALS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
_FENCE = re.compile(r"```\w*+")
_SAME = re.compile(r"(.)\1*+")
_ELLIPSIS = re.compile(r"\.{3,100}|…")
_GARBAGE = re.compile(r"\.{3,100}|…|[^,}\]\"'{\[\n]++|.", re.DOTALL)
_LITERALS = {"true": "true", "false": "false", "null": "null", "none": "null"}
_NO_VALUES = {"undefined", "nan", "infinity"}
_TEXT_END: dict[str, re.Pattern[str]] = {
    "member": re.compile(
        rf"(?:,\s*+(?:{_QUOTED_KEY}|{_BARE_KEY}|[}}\]]|\Z)|[}}\]]|(?<=\s)(?:{_QUOTED_KEY}|{_COMMENT_AHEAD})|(?P<stray>[\"'])\s*+[,}}]"
        rf"|\n[ \t]*+(?:{_BARE_KEY}|{_QUOTED_KEY})|\Z)"
    ),
    "element": re.compile(rf"[,\]}}\n]|(?P<stray>[\"'])\s*+[,\]]|(?<=\s)(?:{_COMMENT_AHEAD})|\Z"),
    "top": re.compile(r"```|(?P<stray>\")\s*+\Z|\Z"),
}

_TOKEN = re.compile(r"(?:[^\s,\[\]{}()\"'`:;/]|/(?![/*]))++")
_JSON_NUMBER = re.compile(_NUMBER)
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]{1,16})")
_LOOSE_NUMBER = re.compile(r"([+-]?)(0|[1-9][0-9]*+)?(?:\.([0-9]*+))?([eE][+-]?[0-9]++)?")
_SPLIT_NUMBER = re.compile(r"[+-]?[0-9]++(?:_[0-9]++)++")
_ZEROS = re.compile(r"(-?)0++([0-9]++)")
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}+(?:,[0-9]{3})++(?:\.[0-9]++)?+(?=\s*+(?:[}\n]|,(?![0-9])))")
_CUT_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?)[eE][+-]?")
_DIGITS_SPLIT = re.compile(r"[0-9]{3}(?![0-9])")

_ALL_ESCAPED = re.compile(r"\s*+[\[{]?(?:\s|\\[nrt])*+\\\"")
_BARE_QUOTE = re.compile(r"(?:[^\\\"]++|\\.?)*+\"", re.DOTALL)
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OPENER_OF = {"}": "{", "]": "[", ")": "("}


class _Refused(Exception):  # noqa: N818 - control flow: no reading at this level
    """The text has no reading at this level."""


class _Scanner:
    """One reading of one text: a state per place in the grammar, each giving the next."""

    def __init__(self, text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> None:
        self.original = text
        self.text = text
        self.size = len(text)
        self.at = 0
        self.lossless_only = level == "lossless"
        self.finished = finished
        # Where another reading is possible: what reads on from there, by the name of the choice.
        self.forks: dict[str, _Scanner] = {}
        self.chosen = ""
        self.steps: dict[str, None] = {}
        self.out: list[str] = []
        # What is open: "{", "[", "(", and "<" for curly brackets that hold values without keys.
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.open = {"{": 0, "[": 0, "(": 0}
        self.comma = False
        # Where the last key began in `out`, and whether a comma was due before it: to take it back.
        self.key_at = 0
        self.key_comma = False
        self.retries = 8
        # Candidates and tokens looked at: what the tests hold against the length of the text.
        self.work = 0

    def scan(self) -> Repaired | None:
        """Read the text; None when it has no reading at this level."""
        try:
            state: _State | None = self._value if self.chosen else self._begin()
            while state is not None:
                self.work += 1
                state = state()
        except _Refused:
            return None
        if not self.steps:
            return Repaired(self.original, (), True)
        lossless = all(STEPS[step].lossless for step in self.steps)
        return Repaired("".join(self.out), tuple(self.steps), lossless)

    # Bookkeeping

    def _took(self, step: str) -> None:
        if self.lossless_only and not STEPS[step].lossless:
            raise _Refused
        self.steps[step] = None

    def _emit(self, piece: str) -> None:
        if self.comma:
            self.out.append(",")
            self.comma = False
        self.out.append(piece)

    def _push(self, kind: str, piece: str) -> None:
        if len(self.kinds) >= _MAX_DEPTH:
            raise _Refused
        self._emit(piece)
        self.kinds.append(kind)
        self.starts.append(len(self.out) - 1)
        self.open[kind] += 1

    def _pop(self) -> None:
        kind, start = self.kinds.pop(), self.starts.pop()
        self.open["{" if kind == "<" else kind] -= 1
        self.comma = False
        if kind == "(" and self.out[start] == "(":
            single = len(self.out) > start + 1
            self.out[start] = "" if single else "["
            self.out.append("" if single else "]")
        else:
            self.out.append("}" if kind == "{" else "]")

    def _offer(self, choice: str, at: int) -> None:
        """Keep a copy that will read on from the value at *at* and choose otherwise."""
        if self.chosen or choice in self.forks:
            return
        fork = copy(self)
        fork.chosen, fork.at, fork.forks = choice, at, {}
        fork.steps, fork.out = self.steps.copy(), self.out.copy()
        fork.kinds, fork.starts, fork.open = self.kinds.copy(), self.starts.copy(), self.open.copy()
        self.forks[choice] = fork

    @property
    def _role(self) -> Role:
        if not self.kinds:
            return "top"
        return "member" if self.kinds[-1] == "{" else "element"

    def _resume(self) -> _State:
        """Give the state for what stands behind a value."""
        return self._after if self.kinds else self._rest

    def _past(self, pattern: re.Pattern[str], at: int) -> int:
        """Give where a match of the pattern at *at* ends."""
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def _skip(self) -> str:
        """Skip white space and comments; give the next character, or the empty text at the end."""
        at = self._past(_SPACE, self.at)
        while at < self.size and self.text[at] in _SKIPPED:
            end = self._skip_odd(at)
            if end == at:
                break
            at = self._past(_SPACE, end)
        self.at = min(at, self.size)
        return self.text[at] if at < self.size else ""

    def _skip_odd(self, at: int) -> int:
        """Give where a comment or white space unknown to JSON ends; *at* when there is none."""
        odd = _ODD_SPACE.match(self.text, at)
        if odd:
            self._took("odd_space")
            return odd.end()
        if self.text.startswith("/*", at):
            comment = _BLOCK_COMMENT.match(self.text, at)
        elif self.text.startswith("//", at) or self._hash_comment(at):
            comment = _LINE_COMMENT.match(self.text, at)
        else:
            return at
        assert comment is not None
        # A comment that runs to the end may have swallowed what was meant as JSON.
        swallowed = comment.end() >= self.size and _STRUCTURE.search(self.text, at + 2)
        self._took("dropped_text" if swallowed else "comment")
        return comment.end()

    def _hash_comment(self, at: int) -> bool:
        """Say whether `#` opens a comment: at the start of a line, or between spaces; `#fff` is none."""
        if self.text[at] != "#":
            return False
        before = self.text[at - 1 : at]
        return before in ("", "\n", "\r") or (before.isspace() and self.text[at + 1 : at + 2].isspace())

    # States

    def _begin(self) -> _State:
        if _ALL_ESCAPED.match(self.text):
            self._took("unescaped_text" if _BARE_QUOTE.match(self.text) else "escaped_quotes")
            self.text = _UNESCAPE.sub(_unescaped, self.text)
            self.size = len(self.text)
        char = self._skip()
        if not char or char in "}]),:":
            raise _Refused
        opens = char in "{[(" or char in _QUOTES or char.isdigit()
        if not (opens or _CALL.match(self.text, self.at)):
            opener = min((i for i in map(self.text.find, "{[") if i > 0), default=-1)
            if opener > 0:
                self._took("dropped_text")
                self.at = opener
        return self._value

    def _key(self) -> _State:
        char = self._skip()
        if not char:
            return self._end
        if self._run(_runs().members):
            return self._after
        self.key_at, self.key_comma = len(self.out), self.comma
        if char in _OPENER_OF:
            return self._close(char, self._key)
        if char in _QUOTES and not self.text.startswith("```", self.at):
            return self._string("key")
        return self._odd_key(char)

    def _odd_key(self, char: str) -> _State:
        """Go on where a key without quotes stands, or none."""
        if char == ",":
            return self._extra_comma(self._key)
        if char == "`":
            return self._drop_fence(self._key)
        if char in "{[" and self.kinds[-2:-1] == ["["]:
            self._took("guessed_closer")
            self._pop()
            return self._after
        return self._bare_key()

    def _colon(self) -> _State:
        char = self._skip()
        if char == ":":
            self.at += 1
        elif not char:
            return self._end_of_member
        elif char in ",}])":
            return self._no_value(char)
        else:
            self._took("missing_colon")
        self.out.append(":")
        return self._value

    def _no_value(self, char: str) -> _State:
        """Go on behind a key that has no colon: the values of a set, or a key without value."""
        if self.key_at == self.starts[-1] + 1 and not self.key_comma and char in ",}":
            self._took("set_as_array")
            self.kinds[-1], self.out[self.starts[-1]] = "<", "["
            if char == "}":
                self.at += 1
                self._pop()
                return self._resume()
        else:
            self._took("missing_value")
            self.out.append(":null")
        return self._after

    def _value(self) -> _State:
        char = self._skip()
        role = self._role
        if not char:
            return self._end_of_member if role == "member" else self._end
        if role == "element":
            if char in _OPENER_OF:
                return self._close(char, self._value)
            if char == ",":
                return self._extra_comma(self._value)
            # In round brackets it matters whether there is a comma, and a run would hide it.
            if self.kinds[-1] != "(" and self._run(_runs().elements):
                return self._after
        elif char in ",}])":
            self._took("missing_value")
            self._emit("null")
            return self._resume()
        return self._item(char, role)

    def _item(self, char: str, role: Role) -> _State:
        if char == "`" and self.text.startswith("```", self.at):
            return self._drop_fence(self._value)
        if char in _QUOTES:
            return self._string(role)
        if char in "{[(":
            return self._open(char)
        if _ELLIPSIS.match(self.text, self.at):
            return self._drop(self._value)
        return self._number() if char in "0123456789-+." else self._bare()

    def _open(self, char: str) -> _State:
        self.at += 1
        if char == "(":
            self._took("parentheses")
        self._push(char, char)
        return self._key if char == "{" else self._value

    def _after(self) -> _State:
        char = self._skip()
        if char == ",":
            self.at += 1
            self.comma = True
            if self.kinds[-1] == "(":
                self.out[self.starts[-1]] = "["
            return self._next()
        if char in _OPENER_OF:
            return self._close(char, self._after)
        if not char:
            return self._end
        if self.text.startswith("```", self.at):
            self._took("dropped_text" if _STRUCTURE.search(self.text, self.at) else "trailing_prose")
            self.size = self.at
            return self._end
        return self._missing_comma(char)

    def _next(self) -> _State:
        return self._key if self.kinds[-1] == "{" else self._value

    def _missing_comma(self, char: str) -> _State:
        """Go on at something that stands behind a value without a comma."""
        if self.kinds[-1] == "{":
            if char not in _QUOTES and not _KEY.match(self.text, self.at):
                return self._drop(self._after)
        elif char == ":":
            return self._implied_object()
        elif char in ";!?=":
            self._took("dropped_text")
            self.at += 1
            return self._after
        last = self.out[-1][-1:]
        split = char.isdigit() and last.isdigit() and "\n" not in self.text[self.at - 1 : self.at]
        self._took("guessed_comma" if split and _DIGITS_SPLIT.match(self.text, self.at) else "missing_comma")
        self.comma = True
        if self.kinds[-1] == "(":
            self.out[self.starts[-1]] = "["
        return self._next()

    def _implied_object(self) -> _State:
        """Open an object around the last string of an array: it is a key."""
        if not self.out[-1].startswith('"') or len(self.out) - 1 == self.starts[-1]:
            return self._drop(self._after)
        self._took("implied_object")
        key = self.out.pop()
        self._push("{", "{")
        self.key_at, self.key_comma = len(self.out), False
        self.out.append(key)
        return self._colon

    def _extra_comma(self, state: _State) -> _State:
        self._took("extra_comma")
        self.at = self._past(_SAME, self.at)
        return state

    def _drop(self, state: _State) -> _State:
        """Drop text that fits nowhere, up to what may fit again."""
        garbage = _GARBAGE.match(self.text, self.at)
        assert garbage is not None
        self._took("ellipsis" if _ELLIPSIS.match(garbage[0]) else "dropped_text")
        self.at = garbage.end()
        return state

    def _drop_fence(self, state: _State) -> _State:
        fence = _FENCE.match(self.text, self.at)
        assert fence is not None
        self._took("dropped_text")
        self.at = fence.end()
        return state

    def _close(self, char: str, state: _State) -> _State:
        kind = _OPENER_OF[char]
        if not self.open[kind]:
            self._took("extra_closer")
            self.at = self._past(_SAME, self.at)
            return state
        self.at += 1
        if self.comma:
            self._took("trailing_comma")
        while self.kinds[-1] != kind and not (kind == "{" and self.kinds[-1] == "<"):
            self._took("missing_closer" if self.finished else "guessed_closer")
            self._pop()
        self._pop()
        return self._resume()

    def _end_of_member(self) -> None:
        """Take back a key whose value was cut off, and close what is open."""
        self._took("truncated_tail")
        del self.out[self.key_at :]
        self.comma = False
        self._end()

    def _end(self) -> None:
        """Close what is open at the end of the text."""
        if not self.kinds:
            raise _Refused
        self._took("missing_closer" if self.finished else "closed_truncation")
        if self.comma:
            self._took("trailing_comma")
        while self.kinds:
            self._pop()

    def _rest(self) -> _State | None:
        """Look at what stands behind the value."""
        char = self._skip()
        if not char:
            return None
        if char in _OPENER_OF:
            self._took("extra_closer")
            self.at = self._past(_SAME, self.at)
            return self._rest
        if self.text.startswith(("```", "~~~"), self.at):
            self._took("trailing_prose")
            self.at += 3
            return self._rest
        if char == ",":
            return self._behind_comma()
        if char in "{[" or not self._closed:
            raise _Refused
        self._took("trailing_prose" if _PROSE.match(self.text, self.at) else "dropped_text")
        return None

    @property
    def _closed(self) -> bool:
        """Whether the value is an object or array: behind it, text may be dropped; behind a word, it is part."""
        return self.out[-1][-1:] in ("}", "]", "")

    def _behind_comma(self) -> _State | None:
        self.at += 1
        char = self._skip()
        if not char:
            self._took("trailing_comma")
            return None
        if self.out[0] == "{" and self.out[-1] == "}" and _MEMBER_HERE.match(self.text, self.at):
            self._took("early_closer")
            self.out.pop()
            self.kinds.append("{")
            self.starts.append(0)
            self.open["{"] += 1
            self.comma = len(self.out) > 1
            return self._key
        if char in "{[" or not self._closed:
            raise _Refused
        self._took("dropped_text")
        return None

    # Well-formed stretches

    def _run(self, items: re.Pattern[str]) -> bool:
        """Take members or elements whole, and mend what needs no look around; say whether there were any."""
        run = items.match(self.text, self.at)
        assert run is not None
        if run.end() == self.at:
            return False
        chunk = run[0]
        if "'" in chunk and not _OTHER_MARKS.search(chunk):
            # Every quote is a delimiter here.
            self._took("single_quotes")
            chunk = chunk.replace("'", '"')
        chunk = _runs().faults.sub(self._mended, chunk)
        self.at = run.end()
        if chunk[-1] == ",":
            # The comma is read again, so that one place decides what a comma means.
            self.at -= 1
            chunk = chunk[:-1]
        self._emit(chunk)
        return True

    def _mended(self, found: re.Match[str]) -> str:
        """Mend one fault of a stretch; group 1 is what stands before it."""
        kind, before = found.lastgroup, found[1]
        if kind == "name":
            self._took("unquoted_key")
            return f'{before}"{found["name"]}"'
        if kind in ("comment", "comma"):
            self._took("comment" if kind == "comment" else "trailing_comma")
            return before
        piece = found[0][len(before) :]
        if found["quoted"]:
            self._took("single_quotes")
            piece = self._written(piece[1:-1])
        elif piece in _FROM_PYTHON:
            self._took("python_literal")
            piece = _FROM_PYTHON[piece]
        if kind == "gap":
            self._took("missing_comma")
            piece += ","
        return before + piece

    # Strings

    def _string(self, role: Role) -> _State:
        parts: list[str] = []
        joined: re.Match[str] | None = None
        while joined or not parts:
            opener = self.text[self.at]
            start = self.at + 1
            found = self._find_end(role, start, _TO_QUOTE[opener])
            if self.chosen == "drop_cut" and found.cut and role != "top":
                self.at = self.size
                return self._end_of_member if role == "member" else self._end
            if opener != '"':
                self._took("single_quotes")
            parts.append(self._written(self.text[start : found.end]))
            self.at = found.after
            joined = _PLUS.match(self.text, self.at) if role != "key" else None
            if joined:
                self._took("concatenation")
                self.at = joined.end()
        self._emit(parts[0] if len(parts) == 1 else '"' + "".join(part[1:-1] for part in parts) + '"')
        return self._colon if role == "key" else self._resume()

    def _find_end(self, role: Role, start: int, to_quote: re.Pattern[str]) -> _End:
        """Find the quote that ends the string whose content begins at *start*."""
        inner: list[int] = []
        at = start
        while True:
            self.work += 1
            at = self._past(to_quote, at)
            if at >= self.size:
                return self._without_end(role, start)
            if self._may_end(role, at):
                break
            forgotten = self._forgotten(role, start, at, first=not inner)
            if forgotten is not None:
                self._took("guessed_quote")
                return forgotten
            inner.append(at)
            at += 1
        if inner:
            self._took("unescaped_quote" if self._pair_up(inner) else "guessed_quote")
        return _End(at, at + 1)

    def _may_end(self, role: Role, at: int) -> bool:
        """Say whether what follows the quote at *at* may follow a string."""
        text = self.text
        if text[at + 1 : at + 2].isalnum():
            return False
        following = self._past(_ANY_SPACE, at + 1)
        if text[following : following + 1] in _OPENER_OF and role not in ("key", "top"):
            return self._closers_fit(following)
        return _MAY_FOLLOW[role].match(text, at + 1) is not None

    def _closers_fit(self, at: int) -> bool:
        """Say whether the closers at *at* close what is open and end in a place where closers end."""
        text = self.text
        if not self.open[_OPENER_OF[text[at]]]:
            return False
        closers = _CLOSERS.match(text, at)
        assert closers is not None
        end = closers.end()
        if _AFTER_CLOSERS.match(text, end):
            return True
        depth = sum(map(closers[0].count, _OPENER_OF))
        return depth >= len(self.kinds) and _PROSE.match(text, end) is not None

    def _forgotten(self, role: Role, start: int, at: int, *, first: bool) -> _End | None:
        """Say where the string ended if the quote at *at* opens the next one: its end was forgotten."""
        if role == "top":
            return None
        if role == "key":
            key = _KEY_WITHOUT_END.match(self.text, start, at) if first else None
            return _End(key.end() - 1, key.end() - 1) if key else None
        before = self.text[max(start, at - _BACK) : at]
        kept = before.rstrip()
        end = at - len(before) + len(kept)
        if role == "member" and kept.endswith(":"):
            bare = _NEXT_KEY_ENDS.search(self.text, max(start, at - _BACK), at)
            return _End(bare.start(), bare.start()) if bare else None
        return self._forgotten_before(role, at, end, kept, broken="\n" in before[len(kept) :])

    def _forgotten_before(self, role: Role, at: int, end: int, kept: str, *, broken: bool) -> _End | None:
        """Say where a string ended before the item whose quote is at *at*: at a comma, or at the line's end."""
        comma = kept.endswith(",")
        if not (comma or (broken and role == "member")):
            return None
        if not (_KEY_HERE if role == "member" else _ITEM_HERE).match(self.text, at):
            return None
        content = len(kept[:-1].rstrip()) if comma else len(kept)
        return _End(end - len(kept) + content, end - comma)

    def _pair_up(self, inner: list[int]) -> bool:
        """Say whether quotes inside a string open and close in turn, or are apostrophes: then they are content."""
        text = self.text
        marks = [at for at in inner if not (text[at - 1].isalnum() and text[at + 1 : at + 2].isalnum())]
        opening = all(not text[at + 1 : at + 2].isspace() for at in marks[::2])
        closing = all(not text[at - 1].isspace() for at in marks[1::2])
        odd = any(text[at] == '"' for at in inner) and len(marks) != len(inner)
        return len(marks) % 2 == 0 and opening and closing and not odd

    def _without_end(self, role: Role, start: int) -> _End:
        """Say where a string ends that no quote ends: where the next member begins, at closers, or it was cut."""
        guess = self._next_member(role, start)
        if guess is None and self.kinds and role != "key":
            guess = self._before_closers(start)
        if guess is not None:
            self._took("guessed_quote")
            return guess
        end = self.size
        escape = _CUT_ESCAPE.search(self.text, max(start, end - 6), end)
        if escape:
            head = self.text[start : escape.start()]
            end -= (len(head) - len(head.rstrip("\\")) + 1) % 2 * (end - escape.start())
        plain = self.finished and end == self.size and _PLAIN_TO_END.match(self.text, start, end)
        if role != "key":
            self._offer("drop_cut", start - 1)
            self._took("missing_quote" if plain else "truncated_string")
        return _End(end, self.size, cut=True)

    def _next_member(self, role: Role, start: int) -> _End | None:
        if role not in ("key", "member") or not self.retries:
            return None
        # Each retry reads the rest again: a fixed number keeps the work linear.
        self.retries -= 1
        if role == "key":
            key = _KEY_TEXT.match(self.text, start, self.size)
            return _End(key.end() - 1, key.end() - 1) if key else None
        member = _NEXT_MEMBER.search(self.text, start, self.size)
        return _End(member.start(), member.start()) if member else None

    def _before_closers(self, start: int) -> _End | None:
        closers = "".join(closer for closer, kind in _OPENER_OF.items() if self.open[kind])
        kept = self.text[start : self.size].rstrip(closers + "`; \t\r\n")
        tail = self.text[start + len(kept) : self.size]
        if not any(char in _OPENER_OF for char in tail):
            return None
        self._offer("other_end", start - 1)
        if self.finished == (self.chosen == "other_end"):
            return None
        end = start + len(kept)
        return _End(end, end)

    def _written(self, body: str) -> str:
        """Write the content of a string as a JSON string."""
        if not _SPECIAL.search(body) or _VALID_BODY.fullmatch(body):
            return f'"{body}"'
        if "\\" in body:
            return f'"{_ESCAPED.sub(self._escaped, body)}"'
        if _NEWLINE.search(body):
            self._took("raw_newline")
        if _OTHER_CONTROL.search(body):
            self._took("raw_control")
            return f'"{body.translate(_TO_ESCAPE)}"'
        # Ten times as fast as to translate.
        body = body.replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return f'"{body}"'

    def _escaped(self, found: re.Match[str]) -> str:
        """Write one escape, quote or control character of a string."""
        piece = found[0]
        if piece[0] != "\\":
            if piece != '"':
                self._took("raw_newline" if piece in "\r\n" else "raw_control")
            return piece.translate(_TO_ESCAPE)
        char = piece[1:]
        if len(char) > 2 or (char and char in '"\\/bfnrt'):  # noqa: PLR2004 - four hex digits
            return piece
        if char in _QUOTES:
            self._took("quote_escape")
            return char
        if char and char in "\r\n":
            self._took("line_continuation")
            return ""
        self._took("invalid_escape")
        return "\\\\" + char.translate(_TO_ESCAPE)

    # What has no quotes

    def _bare_key(self) -> _State:
        key = _KEY.match(self.text, self.at)
        if key:
            self._took("unquoted_key" if _PLAIN_KEY.fullmatch(key[1]) else "unquoted_text")
            return self._found_key(key[1], key.end(1))
        key = _KEY_END_QUOTE.match(self.text, self.at)
        if key:
            self._took("guessed_quote")
            return self._found_key(key[1], key.end() - 1)
        key = _KEY_TEXT.match(self.text, self.at)
        if key and key[1].strip():
            self._took("unquoted_text")
            return self._found_key(key[1].strip(), key.end() - 1)
        key = _KEY_NO_COLON.match(self.text, self.at)
        if key:
            self._took("unquoted_key")
            return self._found_key(key[1], key.end())
        return self._drop(self._key)

    def _found_key(self, key: str, at: int) -> _State:
        self._emit(self._written(key))
        self.at = at
        return self._colon

    def _bare(self) -> _State:
        call = _CALL.match(self.text, self.at)
        if call:
            self._took("call_wrapper")
            self.at = call.end()
            self._push("(", "(")
            return self._value
        word = _WORD.match(self.text, self.at)
        literal = self._literal(word) if word else None
        if word and literal:
            self._emit(literal)
            self.at = word.end()
            return self._resume()
        simple = _SIMPLE.match(self.text, self.at) if self.kinds else None
        if simple and not any(literal.startswith(simple[0].lower()) for literal in _LITERALS):
            self._took("unquoted_string")
            self._emit(f'"{simple[0]}"')
            self.at = simple.end()
            return self._resume()
        return self._bare_text("unquoted_text")

    def _literal(self, word: re.Match[str]) -> str | None:
        """Give the literal that a word means; None when it is text."""
        if not _VALUE_ENDS.match(self.text, word.end()):
            return None
        written, lower = word[0], word[0].lower()
        if written in ("true", "false", "null"):
            return written
        if lower in _LITERALS:
            self._took("python_literal" if written in _FROM_PYTHON else "literal_case")
            return _LITERALS[lower]
        if lower in _NO_VALUES:
            self._took("not_a_value")
            return "null"
        if word.end() >= self.size:
            for known, literal in _CUT_LITERALS.items():
                if known.startswith(written):
                    self._took("truncated_literal")
                    return literal
        return None

    def _bare_text(self, step: str) -> _State:
        role = self._role
        end = _TEXT_END[role].search(self.text, self.at, self.size)
        assert end is not None
        body = self.text[self.at : end.start()].strip()
        self._took(step)
        self._emit(self._written(body))
        quoted = bool(end["stray"])
        if quoted:
            self._took("guessed_quote")
        self.at = end.start() + quoted
        return self._resume()

    # Numbers

    def _number(self) -> _State:
        grouped = _GROUPED.match(self.text, self.at) if self._role == "member" else None
        if grouped:
            self._offer("numbers", self.at)
            if self.chosen != "numbers":
                self._took("digit_grouping")
                return self._found_number(grouped[0].replace(",", ""), grouped.end())
            self._took("number_as_string")
            return self._found_number(f'"{grouped[0]}"', grouped.end())
        token = _TOKEN.match(self.text, self.at)
        assert token is not None
        written = self._as_number(token[0]) if _VALUE_ENDS.match(self.text, token.end()) else None
        if written is not None:
            if token.end() >= self.size and not self.finished:
                self._offer("drop_cut", self.at)
            return self._found_number(written, token.end())
        if token.end() >= self.size and token[0] in "+-":
            self.at = self.size
            return self._end_of_member if self._role == "member" else self._end
        return self._bare_text("number_as_string")

    def _found_number(self, written: str, end: int) -> _State:
        self.at = end
        if end >= self.size and self.chosen == "drop_cut" and self.kinds:
            return self._end_of_member if self._role == "member" else self._end
        self._emit(written)
        return self._resume()

    def _as_number(self, token: str) -> str | None:
        """Write a token as a JSON number; None when it is text."""
        if _JSON_NUMBER.fullmatch(token):
            return token
        at_end = self.at + len(token) >= self.size and not self.finished
        written = _loose_number(token)
        if written is not None:
            self._took("truncated_number" if at_end else "number_syntax")
            return written
        cut = _CUT_NUMBER.fullmatch(token)
        if cut:
            self._took("truncated_number")
            return cut[1]
        if token.lstrip("+-").lower() in _NO_VALUES:
            self._took("not_a_value")
            return "null"
        zeros = _ZEROS.fullmatch(token)
        if zeros:
            self._offer("numbers", self.at)
            if self.chosen == "numbers":
                self._took("leading_zero")
                return zeros[1] + (zeros[2].lstrip("0") or "0")
        return None


class _End(NamedTuple):
    """Where the content of a string ends, where to go on, and whether the text ends in it."""

    end: int
    after: int
    cut: bool = False


def _loose_number(token: str) -> str | None:
    """Write a number of JSON5 or Python as JSON with the same value; None when it is neither."""
    hexadecimal = _HEX.fullmatch(token)
    if hexadecimal:
        return hexadecimal[1].strip("+") + str(int(hexadecimal[2], 16))
    if _SPLIT_NUMBER.fullmatch(token):
        token = token.replace("_", "")
    loose = _LOOSE_NUMBER.fullmatch(token)
    if loose is None or not (loose[2] or loose[3]):
        return None
    sign, whole, fraction, exponent = loose.groups()
    point = "" if fraction is None else "." + (fraction or "0")
    return sign.strip("+") + (whole or "0") + point + (exponent or "")


def _unescaped(found: re.Match[str]) -> str:
    char = found[1]
    if char in "nrt":
        return {"n": "\n", "r": "\r", "t": "\t"}[char]
    return char if char in '"\\/' else found[0]
