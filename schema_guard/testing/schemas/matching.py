# SPDX-License-Identifier: Apache-2.0
"""Does a text match a pattern, or have a format? As the engine that judges instances says."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from schema_guard.validation.fast_engine import fast
from schema_guard.validation.patterns import for_python

# No text of any format: neither a name, nor a number, nor a pattern, nor a part of a URI.
_GARBAGE = "\x00(~{%\\"


class Matching:
    """What matches the texts of one dialect.

    Args:
        dialect: Its URI.
        formats: Whether `format` is asserted.
    """

    def __init__(self, dialect: str, *, formats: bool) -> None:
        self._dialect = dialect
        self._formats = formats
        self.pattern = cache(self._pattern)
        self.format = cache(self._format)
        self._compiled = cache(self._compiled_of)

    def asserts(self, name: str) -> bool:
        """Say whether a format refuses any text."""
        return self._formats and not self.format(name, _GARBAGE)

    def _pattern(self, pattern: str, text: str) -> bool:
        judge = self._compiled("pattern", pattern)
        if judge is None:
            return re.search(for_python(pattern), text) is not None
        return bool(judge.is_valid(text))

    def _format(self, name: str, text: str) -> bool:
        judge = self._compiled("format", name)
        return judge is None or bool(judge.is_valid(text))

    def _compiled_of(self, keyword: str, value: str) -> Any:
        try:
            return fast({keyword: value}, self._dialect, formats=True)
        except ValueError:
            # A pattern in Python's own syntax, which the schema was loaded with all the same.
            return None
