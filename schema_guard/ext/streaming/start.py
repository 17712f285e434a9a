# SPDX-License-Identifier: Apache-2.0
"""Where the JSON of a reply begins that is still being written: the reading rule, a piece at a time.

Rules:
1. A place is given once no continuation of the text can make the reading rule choose another.
2. What may still turn out to be prose, a root that is a string or a scalar, is never given: nothing is said of it.
3. Of a reasoning block no more is kept than the longest mark that may close it.
"""

from __future__ import annotations

import re

from schema_guard.reading import REASONING, REASONING_END, closing_of, end_of_thoughts

_SPACE = " \t\r\n"
_LONGEST_MARK = 16
_LONGEST_LABEL = 400
# A fence whose label says nothing that a quote or a brace behind it could still change.
_FENCED = re.compile(r"(?:```|~~~)[^\n`{\[\"=]*+(?:\n|(?=\[)|(?=\{[^.#]))")
_MAY_BE_FENCED = re.compile(r"(?:`{1,3}|~{1,3}|(?:```|~~~)[^\n`{\[\"=]++\{?+|(?:```|~~~)\{)\Z")
_MARK_BEGUN = re.compile(r"<[a-z]{0,10}+\Z|\[(?:t(?:h(?:i(?:nk?+)?+)?+)?+)?+\Z", re.IGNORECASE)


class Start:
    """The search for the place where JSON begins.

    Attributes:
        is_over: Whether that place will not be given any more: nothing is said of this reply.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._head = ""
        # What closes the block that the text stands in; None outside of one.
        self._closing: re.Pattern[str] | None = None
        self._is_first = True
        self._may_be_marked = True
        self._in_prose = False
        self._is_fenced = False

    def feed(self, text: str) -> str | None:
        """Return the JSON text as far as it was read, when it is known where it begins; None before."""
        if self._may_be_marked and text[:1] == "{":
            return text
        self._head += text
        while not self.is_over:
            if (self._in_prose or self._closing) and not self._has_skipped():
                break
            before = self._head = self._head.lstrip(_SPACE)
            if self._may_be_marked and before:
                # One byte order mark, and that before all else.
                self._may_be_marked = False
                self._head = before.removeprefix("\ufeff").lstrip(_SPACE)
            if self._opens():
                return self._head
            if self._head == before and not (self._in_prose or self._closing):
                break
        return None

    def _opens(self) -> bool:
        """Say whether JSON begins here; else take away what is skipped, or note that nothing will be said."""
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
        """Skip to the end of a reasoning block, or of prose that turns out to be the end of one, if it has come."""
        closed = (self._closing or REASONING_END).search(self._head)
        if self._in_prose:
            opened = REASONING.search(self._head)
            if opened and (closed is None or opened.start() < closed.start()):
                # Prose, and a block inside of it.
                self.is_over = True
                return False
        if closed is None:
            self._head = self._head[-_LONGEST_MARK:]
            return False
        # All closed blocks at once, because each slice is a copy.
        self._head = self._head[end_of_thoughts(self._head, closed.end()) :]
        self._closing, self._in_prose, self._is_first = None, False, False
        return True
