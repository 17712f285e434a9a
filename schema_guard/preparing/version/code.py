# SPDX-License-Identifier: Apache-2.0
"""Names and constants of code: what stands for a function without source.

They are the same where the bytes of the code are not: each Python compiles in its own way.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import TYPE_CHECKING

from schema_guard.preparing.version.canonical import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["code_text", "names_of"]

# inspect.CO_HAS_DOCSTRING, from Python 3.14 on; before, the first constant is the docstring or None.
_HAS_DOCSTRING = 0x4000000


def code_text(code: CodeType) -> str:
    """Give the names and the constants of code."""
    return as_text([*sorted(names_of(code)), *sorted(set(_constants(code)))])


def names_of(code: CodeType) -> set[str]:
    """Give the names that code takes from outside of it, and the attributes that it asks for."""
    # Not what inner code takes from this: before Python 3.12 a comprehension was inner code.
    return {*code.co_freevars, *_names(code)}


def _names(code: CodeType) -> set[str]:
    inner = (part for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _constants(code: CodeType) -> Iterator[str]:
    """Give the texts and numbers; not how they are put into tuples, which differs."""
    waiting = list(code.co_consts)
    if _has_docstring(code):
        del waiting[0]
    while waiting:
        part = waiting.pop()
        if isinstance(part, CodeType):
            yield from _constants(part)
        elif isinstance(part, (tuple, frozenset)):
            waiting += part
        # An f-string may leave an empty text behind, and a function without docstring a None.
        elif part != "" and not isinstance(part, (bool, type(None), type(...))):
            yield as_text(part)
    # From Python 3.14 on a small number is part of the instruction.
    yield from (
        as_text(part.argval) for part in dis.get_instructions(code) if part.opname == "LOAD_SMALL_INT"
    )


def _has_docstring(code: CodeType) -> bool:
    if sys.version_info >= (3, 14):
        return bool(code.co_flags & _HAS_DOCSTRING)
    return not code.co_name.startswith("<") and isinstance((*code.co_consts, None)[0], str)
