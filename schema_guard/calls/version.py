# SPDX-License-Identifier: Apache-2.0
"""The version of a function: a hash of what its author would call a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.calls.shapes import implementation
from schema_guard.core.digest import hex_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.core.enforce import Step

__all__ = ["version_of"]


def version_of(function: Any, steps: Sequence[Step]) -> str:
    """Give 12 hex digits of the function's code and of what the strategy says."""
    said = [
        [step.strategy.name, step.instructions, [[example.task, example.value] for example in step.examples]]
        for step in steps
    ]
    return hex_digest(json.dumps([said, [_code_text(code) for code in _codes(function)]], default=repr), 12)


def _codes(function: Any) -> Iterator[Any]:
    """Give the code of a function, and of those that its decorators wrap."""
    while function is not None:
        function = implementation(function)
        if hasattr(function, "__code__"):
            yield function.__code__
        function = getattr(function, "__wrapped__", None)


def _code_text(code: Any) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[_constant_text(part) for part in code.co_consts]}"


def _constant_text(part: Any) -> str:
    """Give a constant as a text that is the same in every process."""
    # The repr of a code object holds an address, and that of a set the order of its hashes.
    if hasattr(part, "co_code"):
        return _code_text(part)
    if isinstance(part, (tuple, frozenset)):
        texts = [_constant_text(member) for member in part]
        return f"{type(part).__name__} {texts if isinstance(part, tuple) else sorted(texts)}"
    return repr(part)
