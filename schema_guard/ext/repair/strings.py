# SPDX-License-Identifier: Apache-2.0
"""The ends of strings in broken JSON, whose quotes are odd, unescaped, missing, or cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.ext.repair.patterns import (
    AFTER_CLOSERS,
    ANY_SPACE,
    BACK,
    CLOSERS,
    CUT_ESCAPE,
    ITEM_HERE,
    KEY_HERE,
    KEY_TEXT,
    KEY_WITHOUT_END,
    MAY_FOLLOW,
    NEXT_KEY_ENDS,
    NEXT_MEMBER,
    OPENER_OF,
    PLAIN_TO_END,
    PLUS,
    PROSE,
    TO_QUOTE,
)
from schema_guard.ext.repair.scalars import written

if TYPE_CHECKING:
    import re

    from schema_guard.ext.repair.cursor import Cursor, Role


class _End(NamedTuple):
    """The end of a string's content, the position after the string, and whether the text ends inside it."""

    end: int
    after: int
    cut: bool = False


def string(scan: Cursor, role: Role) -> bool:
    """Read a string, or several joined by `+`. Return False if the text was cut off in it and it is left out."""
    parts: list[str] = []
    joined: re.Match[str] | None = None
    while joined or not parts:
        opener = scan.text[scan.at]
        start = scan.at + 1
        end = _find_end(scan, role, start, TO_QUOTE[opener])
        if scan.chosen == "drop_cut" and end.cut and role != "top":
            scan.at = scan.size
            return False
        if opener != '"':
            scan.took("single_quotes")
        parts.append(written(scan.text[start : end.end], scan.took))
        scan.at = end.after
        joined = PLUS.match(scan.text, scan.at) if role != "key" else None
        if joined:
            scan.took("concatenation")
            scan.at = joined.end()
    scan.emit(parts[0] if len(parts) == 1 else '"' + "".join(part[1:-1] for part in parts) + '"')
    return True


def _find_end(scan: Cursor, role: Role, start: int, to_quote: re.Pattern[str]) -> _End:
    """Find the quote that ends the string whose content begins at *start*."""
    inner: list[int] = []
    at = start
    while True:
        scan.worked()
        at = scan.past(to_quote, at)
        if at >= scan.size:
            return _without_end(scan, role, start)
        if _may_end(scan, role, at):
            break
        forgotten = _forgotten(scan, role, start, at, first=not inner)
        if forgotten is not None:
            scan.took("guessed_quote")
            return forgotten
        inner.append(at)
        at += 1
    if inner:
        scan.took("unescaped_quote" if _pair_up(scan, inner) else "guessed_quote")
    return _End(at, at + 1)


def _may_end(scan: Cursor, role: Role, at: int) -> bool:
    """Return whether the text after the quote at *at* may follow a string."""
    text = scan.text
    if text[at + 1 : at + 2].isalnum():
        return False
    following = scan.past(ANY_SPACE, at + 1)
    if text[following : following + 1] in OPENER_OF and role not in ("key", "top"):
        return _closers_fit(scan, following)
    return MAY_FOLLOW[role].match(text, at + 1) is not None


def _closers_fit(scan: Cursor, at: int) -> bool:
    """Return whether the closers at *at* close open brackets, and end at a place for closers."""
    text = scan.text
    if not scan.open[OPENER_OF[text[at]]]:
        return False
    closers = CLOSERS.match(text, at)
    assert closers is not None
    end = closers.end()
    if AFTER_CLOSERS.match(text, end):
        return True
    depth = sum(map(closers[0].count, OPENER_OF))
    return depth >= len(scan.kinds) and PROSE.match(text, end) is not None


def _forgotten(scan: Cursor, role: Role, start: int, at: int, *, first: bool) -> _End | None:
    """Return the end of a string without a last quote if the quote at *at* opens the next one, otherwise None."""
    scan.worked()
    if role == "top":
        return None
    if role == "key":
        key = KEY_WITHOUT_END.match(scan.text, start, at) if first else None
        return _End(key.end() - 1, key.end() - 1) if key else None
    before = scan.text[max(start, at - BACK) : at]
    text = before.rstrip()
    end = at - len(before) + len(text)
    if role == "member" and text.endswith(":"):
        bare = NEXT_KEY_ENDS.search(scan.text, max(start, at - BACK), at)
        return _End(bare.start(), bare.start()) if bare else None
    return _forgotten_before(scan, role, at, end, text, broken="\n" in before[len(text) :])


def _forgotten_before(scan: Cursor, role: Role, at: int, end: int, text: str, *, broken: bool) -> _End | None:
    """Return the end of a string before the item whose quote is at *at*: at a comma, or at the line end."""
    comma = text.endswith(",")
    if not (comma or (broken and role == "member")):
        return None
    if not (KEY_HERE if role == "member" else ITEM_HERE).match(scan.text, at):
        return None
    content = len(text[:-1].rstrip()) if comma else len(text)
    return _End(end - len(text) + content, end - comma)


def _pair_up(scan: Cursor, inner: list[int]) -> bool:
    """Return whether quotes inside a string are content, because they open and close in turn, or are apostrophes."""
    text = scan.text
    marks = [at for at in inner if not (text[at - 1].isalnum() and text[at + 1 : at + 2].isalnum())]
    opening = all(not text[at + 1 : at + 2].isspace() for at in marks[::2])
    closing = all(not text[at - 1].isspace() for at in marks[1::2])
    odd = any(text[at] == '"' for at in inner) and len(marks) != len(inner)
    return len(marks) % 2 == 0 and opening and closing and not odd


def _without_end(scan: Cursor, role: Role, start: int) -> _End:
    """Return the end of a string without a last quote: before the next member, at closers, or at the cut."""
    guess = _next_member(scan, role, start)
    if guess is None and scan.kinds and role != "key":
        guess = _before_closers(scan, start)
    if guess is not None:
        scan.took("guessed_quote")
        return guess
    end = scan.size
    escape = CUT_ESCAPE.search(scan.text, max(start, end - 6), end)
    if escape:
        head = scan.text[start : escape.start()]
        end -= (len(head) - len(head.rstrip("\\")) + 1) % 2 * (end - escape.start())
    plain = scan.finished and end == scan.size and PLAIN_TO_END.match(scan.text, start, end)
    if role != "key":
        scan.offer("drop_cut", start - 1)
        scan.took("missing_quote" if plain else "truncated_string")
    return _End(end, scan.size, cut=True)


def _next_member(scan: Cursor, role: Role, start: int) -> _End | None:
    if role not in ("key", "member") or not scan.retries:
        return None
    # Each retry reads the rest again, so a fixed number keeps the work linear.
    scan.retries -= 1
    if role == "key":
        key = KEY_TEXT.match(scan.text, start, scan.size)
        return _End(key.end() - 1, key.end() - 1) if key else None
    member = NEXT_MEMBER.search(scan.text, start, scan.size)
    return _End(member.start(), member.start()) if member else None


def _before_closers(scan: Cursor, start: int) -> _End | None:
    closers = "".join(closer for closer, kind in OPENER_OF.items() if scan.open[kind])
    text = scan.text[start : scan.size].rstrip(closers + "`; \t\r\n")
    tail = scan.text[start + len(text) : scan.size]
    if not any(char in OPENER_OF for char in tail):
        return None
    scan.offer("other_end", start - 1)
    if scan.finished == (scan.chosen == "other_end"):
        return None
    end = start + len(text)
    return _End(end, end)
