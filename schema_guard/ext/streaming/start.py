# SPDX-License-Identifier: Apache-2.0
"""The place where the JSON begins in a reply that is still being written: the reading rule, applied piece by piece.

Rules:
1. The place is returned once no continuation of the text can make the reading rule choose another one.
2. It is never returned for a text that may still be prose, or for a root that is a string or another scalar.
3. Of a reasoning block, only as many characters are stored as the longest closing mark has.
"""

from __future__ import annotations

import re

from schema_guard.reading import REASONING, REASONING_END, closing_of, end_of_thoughts

_SPACE = " \t\r\n"
_LONGEST_MARK = 16
_LONGEST_LABEL = 400
# A fence whose label has a meaning that no later quote or brace can change.
_FENCED = re.compile(r"(?:```|~~~)[^\n`{\[\"=]*+(?:\n|(?=\[)|(?=\{[^.#]))")
_MAY_BE_FENCED = re.compile(r"(?:`{1,3}|~{1,3}|(?:```|~~~)[^\n`{\[\"=]++\{?+|(?:```|~~~)\{)\Z")
_MARK_BEGUN = re.compile(r"<[a-z]{0,10}+\Z|\[(?:t(?:h(?:i(?:nk?+)?+)?+)?+)?+\Z", re.IGNORECASE)


class Start:
    """The search for the place where JSON begins.

    Attributes:
        is_over: Whether the search has ended without a result, so that this reply isn't checked.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._head = ""
        # Pattern of the mark that closes the current block; None outside of blocks.
        self._closing: re.Pattern[str] | None = None
        self._is_first = True
        self._may_be_marked = True
        self._in_prose = False
        self._is_fenced = False

    def feed(self, text: str) -> str | None:
        """Return the JSON text so far once the place where it begins is known, otherwise None."""
        if self._may_be_marked and text[:1] == "{":
            return text
        self._head += text
        while not self.is_over:
            if (self._in_prose or self._closing) and not self._has_skipped():
                break
            before = self._head = self._head.lstrip(_SPACE)
            if self._may_be_marked and before:
                # One byte order mark is allowed, at the very beginning.
                self._may_be_marked = False
                self._head = before.removeprefix("\ufeff").lstrip(_SPACE)
            if self._opens():
                return self._head
            if self._head == before and not (self._in_prose or self._closing):
                break
        return None

    def _opens(self) -> bool:
        """Return whether JSON begins here. Otherwise, remove skipped text, or end the search."""
        head = self._head
        first = head[:1]
        if first == "{" or (first == "[" and self._is_fenced):
            return True
        if not first or (not self._is_fenced and _MARK_BEGUN.match(head)):
            return False
        if self._is_fenced or first == '"':
            self.is_over = True
        elif first in "`~":
            self._fence()
        elif opened := REASONING.match(head):
            self._closing, self._head = closing_of(opened[0].lower()), head[opened.end() :]
        elif first == "[":
            return True
        elif self._is_first:
            self._in_prose = True
        else:
            self.is_over = True
        return False

    def _fence(self) -> None:
        opened = _FENCED.match(self._head)
        if opened:
            self._is_fenced, self._head = True, self._head[opened.end() :]
        elif not _MAY_BE_FENCED.match(self._head) or len(self._head) > _LONGEST_LABEL:
            self.is_over = True

    def _has_skipped(self) -> bool:
        """Skip a reasoning block, or prose that turns out to be the end of one. Return whether its end has arrived."""
        closed = (self._closing or REASONING_END).search(self._head)
        if self._in_prose:
            opened = REASONING.search(self._head)
            if opened and (closed is None or opened.start() < closed.start()):
                # Prose with a block inside it.
                self.is_over = True
                return False
        if closed is None:
            self._head = self._head[-_LONGEST_MARK:]
            return False
        # All closed blocks at once, because each slice is a copy.
        self._head = self._head[end_of_thoughts(self._head, closed.end()) :]
        self._closing, self._in_prose, self._is_first = None, False, False
        return True
