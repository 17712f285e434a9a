# SPDX-License-Identifier: Apache-2.0
"""Names of functions in records.

Rules: The name is `module.qualname`, the same in every process that imports or runs the file. A name that the user
chose stays unchanged. Functions of one module and qualname whose code differs are numbered, `shop.<lambda>` and
`shop.<lambda>#2`. If several functions have the same chosen name, their versions distinguish them. A function that is
defined again, as in a notebook or after a reload, counts as the same function.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.locks import fork_safe_lock
from schema_guard.preparing.shapes import implementation, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Codes: TypeAlias = tuple[Any, ...]

# Module name of a file that is run, in its own process and in those that multiprocessing starts.
_RUN = ("__main__", "__mp_main__")

# Schemas that are created at run time make any number of names. Clearing them only loses warnings and numbers.
_MOST_NAMES = 10_000

# Name and schema -> `module.qualname` -> the code of each such function, in the order in which they were guarded. All
# functions of a factory have the same code.
_used_names: dict[tuple[str, str], dict[str, list[_Codes]]] = {}
_lock = fork_safe_lock()


def full_name(function: Any) -> str:
    """Return `module.qualname` of a callable. A file that is run has the module name that importing it would give."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None)
    if not isinstance(module, str):
        return name_of(function)
    return f"{_run_as(module) if module in _RUN else module}.{name_of(function)}"


def recorded_name(function: Any, chosen_name: str | None, schema_fingerprint: str) -> str:
    """Return the recorded name of a function that is being guarded. Warn once if another function has the name.

    Args:
        function: Function to guard.
        chosen_name: Name that the user chose. None if they chose none.
        schema_fingerprint: Functions with different schemas never share a name.
    """
    origin, codes = full_name(function), tuple(_codes(function))
    name = chosen_name or origin
    if not codes:
        return name
    with _lock:
        if len(_used_names) > _MOST_NAMES:
            _used_names.clear()
        known = _used_names.setdefault((name, schema_fingerprint), {})
        before = sum(map(len, known.values()))
        number = _number(codes, known.setdefault(origin, []))
        is_first = before < 2 <= sum(map(len, known.values()))
    if is_first:
        _warn(name, chosen_name)
    return name if chosen_name or number == 1 else f"{name}#{number}"


def _run_as(name: str) -> str:
    """Return the module of `python -m`, or the stem of the file. `__main__` for code that was typed in."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is not None and isinstance(spec.name, str) and spec.name not in _RUN:
        return spec.name.removesuffix(".__main__")
    file = getattr(module, "__file__", None)
    # Code in a file has a name under which it can be imported. `<stdin>` has none.
    if not isinstance(file, str) or file.startswith("<"):
        return "__main__"
    return os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122 - loading pathlib takes 1 ms


def _number(codes: _Codes, known: list[_Codes]) -> int:
    """Return the number of a function among those of its name, from 1, and register it."""
    if codes not in known:
        if known and _replaces(codes[0], known[-1][0]):
            known.pop()
        known.append(codes)
    return known.index(codes) + 1


def _codes(function: Any) -> Iterator[Any]:
    """Yield the code of a function, and of the functions that its decorators wrap."""
    while function is not None:
        function = implementation(function)
        if hasattr(function, "__code__"):
            yield function.__code__
        function = getattr(function, "__wrapped__", None)


def _replaces(new: Any, old: Any) -> bool:
    """Return whether code replaces earlier code: the code that defines it now doesn't also define the earlier one."""
    from inspect import currentframe  # needed only if the name is already taken

    frame = currentframe()
    while frame is not None:
        constants = frame.f_code.co_consts
        if new in constants:
            return old not in constants
        frame = frame.f_back
    return False


def _warn(name: str, chosen_name: str | None) -> None:
    import logging  # needed only if the name is already taken

    logging.getLogger("schema_guard").warning(
        "%r is the name of several functions with different code. Records distinguish them by %s. Give each function its own name with guard(..., name=)",
        name,
        "their versions alone" if chosen_name else f"a number, {name}#2",
    )
