# SPDX-License-Identifier: Apache-2.0
"""Stretches of broken JSON that need no look around: taken whole, and repaired at once.

Rules:
1. A stretch is taken up to an item that a further item or a closer follows: nothing that a string with an
   unescaped quote in it could pretend to be.
2. What a stretch means is what the scanner would read in it, step by step; here Python sees no single fault.
   Where the scanner would have to guess where a string ends, the stretch may know: it sees the bare key behind a
   missing comma, and the comment before a colon.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.ext.repair.patterns import GAP, NAME, NUMBER, QUOTED, STRING, WS
from schema_guard.ext.repair.scalars import written

if TYPE_CHECKING:
    from collections.abc import Callable

_LITERAL = r"(?:true|false|null|True|False|None)\b"


class Runs(NamedTuple):
    """What takes members and elements whole."""

    members: re.Pattern[str]
    elements: re.Pattern[str]


@cache
def runs() -> Runs:
    """Give the patterns of whole stretches; compiled when repair is first used.

    Two levels of nesting cover rows of a table; more cost more.
    """
    loose = r"""(?:"[^"\\]*+(?:\\(?s:.)[^"\\]*+)*+"|'[^'\\]*+(?:\\(?s:.)[^'\\]*+)*+'|“[^“”"\\\n]*+”)"""
    plain = rf"(?:{NUMBER}|{_LITERAL})"
    strict = rf"{STRING}|{plain}|{QUOTED}"
    key = rf'(?:{STRING}|{QUOTED}|{NAME}|“[^“”"\\\n]*+”){GAP}:'
    short = r"""(?:"[^"\\\n]{0,200}+"|'[^'\\\n]{0,200}+')"""
    item_ahead = rf"(?=(?:{STRING}|{QUOTED}){GAP}[,\]]|{short}{WS}[\"']|[{{\[])"
    # Two numbers may be one that is written in groups of three digits.
    plain_pair = rf"{plain}(?=[ \t\r\n/]){GAP}(?=(?![0-9]{{3}}(?![0-9])){plain}[ \t\r\n,\]\"'{{\[/])"
    # A loose string has line breaks and bad escapes too. The mark behind it must say that it ends there: a comma
    # does, and a closer does inside of brackets that are taken whole.
    inner = rf"(?:{strict}|{loose}(?={GAP}[,}}\]]))"
    brackets = ""
    for _ in range(2):
        member = rf"{key}{GAP}{inner}{GAP}(?:,{GAP}(?!,)|(?=}})|(?={key}))"
        element = rf"(?:{inner}{GAP}(?:,{GAP}(?!,)|(?=\])|{item_ahead})|{plain_pair})"
        brackets = rf"\{{{GAP}(?:{member})*+\}}|\[{GAP}(?:{element})*+\]"
        inner = rf"(?:{strict}|{loose}(?={GAP}[,}}\]])|{brackets})"
    value = rf"(?:{strict}|{loose}(?={GAP},)|{brackets})"
    closed = rf"{GAP}[\]}}]{GAP}(?:[,\]}}{{\[]|\Z)"
    start = rf"(?:{STRING}|{QUOTED}|[{{\[0-9-]|{_LITERAL})"
    members = rf"(?:{GAP}{key}{GAP}{value}{GAP}(?:,(?={GAP}{key})|(?={key})|,?+(?={closed})))*+"
    elements = rf"(?:{GAP}(?:{value}{GAP}(?:,(?={GAP}{start})|{item_ahead}|,?+(?={closed}))|{plain_pair}))*+"
    return Runs(re.compile(members), re.compile(elements))


_OTHER_MARKS = re.compile(r"[\"\\/“]")
_TOKEN = re.compile(
    r"""("[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+'|“[^”]*+”|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)""",
    re.DOTALL,
)
# What stands for a string and for a comment while the rest is repaired; neither stands outside of those.
_STRING_MARK, _COMMENT_MARK = "\0", "\1"
_SPACES = rf"[ \t\r\n{_COMMENT_MARK}]"


class _Fault(NamedTuple):
    """A fault between strings.

    Attributes:
        step: The step that repairs it.
        signs: What is there wherever the fault is, and begins with a rare character: its absence is soon known.
        repairs: Places, and what is put there. Each works on all of a stretch, without a step of Python for each
            fault: with thousands of them that is ten times as fast as a function that repairs one.
    """

    step: str
    signs: re.Pattern[str]
    repairs: tuple[tuple[re.Pattern[str], str], ...]


@cache
def _faults() -> tuple[_Fault, ...]:
    """Give the faults, in the order in which they can be repaired; compiled when repair is first used."""
    mark, spaces = _STRING_MARK, _SPACES
    colon = re.compile(rf":(?<=[\w$ \t\r\n{_COMMENT_MARK}]:)")
    name = re.compile(rf"(?<![\w$])(?={NAME}{spaces}*+:)")
    name_end = re.compile(rf"(?<=[\w$])(?={spaces}*+:)")
    trailing = re.compile(rf",(?={spaces}*+[}}\]])")
    apart = re.compile(rf"{spaces}(?<=[\w{mark}}}\]]{spaces}){spaces}*+(?=[{mark}{{\[\w$-])")
    before_space = re.compile(rf"(?<=[\w{mark}}}\]])(?={spaces}++[{mark}{{\[\w$\"-])")
    touching = re.compile(rf"[{mark}{{}}\[\]](?:(?<=[{mark}}}\]])(?=[{mark}{{\[\w$-])|(?<=\w[{mark}{{\[]))")
    before_value = re.compile(rf"(?<=[{mark}}}\]])(?=[{mark}{{\[\w$\"-])|(?<=\w)(?=[{mark}{{\[])")
    literals = {
        put: re.compile(rf"{python}(?<![\w$]{python})(?![\w$\"])")
        for python, put in (("True", "true"), ("False", "false"), ("None", "null"))
    }
    return (
        _Fault("unquoted_key", colon, ((name, '"'), (name_end, '"'))),
        _Fault("trailing_comma", trailing, ((trailing, ""),)),
        *(_Fault("python_literal", python, ((python, put),)) for put, python in literals.items()),
        _Fault("missing_comma", apart, ((before_space, ","),)),
        _Fault("missing_comma", touching, ((before_value, ","),)),
    )


def repaired(chunk: str, took: Callable[[str], None]) -> str:
    """Give a stretch as JSON; *took* is told each step, in the order of the text."""
    # Where each step is first taken: behind so many strings, before the next one or in it, at which character.
    firsts: dict[str, tuple[int, int, int]] = {}
    if "'" in chunk and not _OTHER_MARKS.search(chunk):
        # Every quote is a delimiter here.
        firsts["single_quotes"] = (0, 1, 0)
        chunk = chunk.replace("'", '"')
    pieces = _TOKEN.split(chunk)
    strings = pieces[1::2]
    if "/" in chunk:
        comments = [token[0] == "/" for token in strings]
        pieces[1::2] = [_COMMENT_MARK if comment else _STRING_MARK for comment in comments]
        strings = [token for token, comment in zip(strings, comments, strict=True) if not comment]
        bare = "".join(pieces)
    else:
        bare = _STRING_MARK.join(pieces[::2])
    for index, token in enumerate(strings):
        if token[0] != '"' or "\\" in token or not token.isprintable():
            steps = ["single_quotes"] if token[0] != '"' else []
            strings[index] = written(token[1:-1], steps.append)
            for step in steps:
                firsts.setdefault(step, (index, 1, 0))
    repaired_bare = _repaired_between(bare, firsts)
    _note(firsts, "comment", bare, bare.find(_COMMENT_MARK))
    for step in sorted(firsts, key=firsts.__getitem__):
        took(step)
    pieces = [""] * (2 * len(strings) + 1)
    pieces[::2], pieces[1::2] = repaired_bare.replace(_COMMENT_MARK, "").split(_STRING_MARK), strings
    return "".join(pieces)


def _repaired_between(bare: str, firsts: dict[str, tuple[int, int, int]]) -> str:
    """Repair what stands between strings."""
    repaired = bare
    for step, signs, repairs in _faults():
        if signs.search(bare):
            for places, put in repairs:
                repaired = places.sub(put, repaired)
            first = repairs[0][0].search(bare)
            _note(firsts, step, bare, first.start() if first else -1)
    return repaired


def _note(firsts: dict[str, tuple[int, int, int]], step: str, bare: str, at: int) -> None:
    """Keep where a step is first taken between strings, if it is."""
    if at >= 0:
        place = (bare.count(_STRING_MARK, 0, at), 0, at)
        firsts[step] = min(place, firsts.get(step, place))
