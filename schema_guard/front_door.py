# SPDX-License-Identifier: Apache-2.0
"""Public names of a package that are imported at their first use, so that a process loads only what it uses."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any


def find(package: str, home_of: Mapping[str, str], name: str, of_parts: Collection[str] = ()) -> Any:
    """Return a name of a package from the module that defines it, and store it in the package.

    Args:
        package: `__name__` of the package, whose `__getattr__` calls this.
        home_of: Name -> module, relative to the package: `"judging"`; one more dot for a neighbor of the package.
        name: The name.
        of_parts: Names that optional parts define.

    Raises:
        AttributeError: No module defines it.
        MissingPart: This installation lacks the part that defines it.
    """
    from importlib import import_module  # loaded with the first name that is used

    if name in of_parts:
        from schema_guard.extensions import load

        value = load(f"name:{name}")
    elif name in home_of:
        value = getattr(import_module(f".{home_of[name]}", package), name)
    else:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    setattr(sys.modules[package], name, value)
    return value
