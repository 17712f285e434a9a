# SPDX-License-Identifier: Apache-2.0
"""What a function is called in records.

Rules: the name is `module.qualname`, the same in every process that imports or runs the file; a name that is given
stays as it is given. Functions of one module and qualname whose code differs are counted, `shop.<lambda>` and
`shop.<lambda>#2`; those that were given one name are told apart by their versions. That a function is defined again, as
a notebook and a reload do, makes no second one.
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

# The module of a file that is run, in its own process and in those that multiprocessing starts.
_RUN = ("__main__", "__mp_main__")

# Where schemas are made at run time there is no end of names; forgetting them costs a warning.
_MOST_NAMES = 10_000

# By name and schema: the code of each function that has it, by `module.qualname`, in the order in which they were
# guarded. All that one factory makes have the same code.
_used_names: dict[tuple[str, str], dict[str, list[_Codes]]] = {}
_lock = fork_safe_lock()


def full_name(function: Any) -> str:
    """Give `module.qualname` of a callable; a file that is run is the module that it would be if it were imported."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None)
    if not isinstance(module, str):
        return name_of(function)
    return f"{_run_as(module) if module in _RUN else module}.{name_of(function)}"


def recorded_name(function: Any, chosen_name: str | None, schema_fingerprint: str) -> str:
    """Return the name of a function that is guarded now; warn once where another one has it.

    Args:
        function: Whatever is guarded.
        chosen_name: The name that its user gave; None for none.
        schema_fingerprint: Under another schema a name is no other function's.
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
    """Give the module that is run with `python -m`, or the stem of the file; its own name for what is typed in."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if spec is not None and isinstance(spec.name, str) and spec.name not in _RUN:
        return spec.name.removesuffix(".__main__")
    file = getattr(module, "__file__", None)
    # What stands in a file has a name by which it can be imported; `<stdin>` has none.
    if not isinstance(file, str) or file.startswith("<"):
        return "__main__"
    return os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122 - loading pathlib takes 1 ms


def _number(codes: _Codes, known: list[_Codes]) -> int:
    """Return the place of a function among those of its name, and take it."""
    if codes not in known:
        if known and _replaces(codes[0], known[-1][0]):
            known.pop()
        known.append(codes)
    return known.index(codes) + 1


def _codes(function: Any) -> Iterator[Any]:
    """Yield the code of a function, and of those that its decorators wrap."""
    while function is not None:
        function = implementation(function)
        if hasattr(function, "__code__"):
            yield function.__code__
        function = getattr(function, "__wrapped__", None)


def _replaces(new: Any, old: Any) -> bool:
    """Say whether code takes the place of an earlier one: what defines it now does not define the other as well."""
    from inspect import currentframe  # only a name that is taken needs it

    frame = currentframe()
    while frame is not None:
        constants = frame.f_code.co_consts
        if new in constants:
            return old not in constants
        frame = frame.f_back
    return False


def _warn(name: str, chosen_name: str | None) -> None:
    import logging  # only a name that is taken needs it

    logging.getLogger("schema_guard").warning(
        "%r is the name of several functions whose code differs. Records distinguish them by %s. Give each a "
        "name of its own with guard(..., name=)",
        name,
        "their versions alone" if chosen_name else f"a number, {name}#2",
    )
