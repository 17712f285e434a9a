# SPDX-License-Identifier: Apache-2.0
"""Names, whole modules and properties that are imported or made when they are first used: only what is used is paid for."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

__all__ = ["LaterModule", "cached_property", "find"]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from functools import cached_property
    from typing import Any
else:

    class cached_property:  # noqa: N801 - its name in `functools`
        """`functools.cached_property` without a lock.

        That of Python 3.11 holds one of its class while it makes a value: a child that is forked meanwhile would wait
        for ever. Two threads that ask at once make the value twice.
        """

        def __init__(self, make: Any) -> None:
            self._make = make
            self.__doc__ = make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            # Whoever kept one meanwhile has handed it out.
            return instance.__dict__.setdefault(self._name, self._make(instance))


def find(package: str, home_of: Mapping[str, str], name: str) -> Any:
    """Give a name of a package from the module that is its home, and keep it in the package.

    Args:
        package: `__name__` of the package, whose `__getattr__` asks.
        home_of: Name -> module, as seen from the package: `"core.judge"`; a dot more for a neighbour of it.
        name: What is asked for.

    Raises:
        AttributeError: No module is its home.
    """
    if name not in home_of:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    from importlib import import_module  # only what is used is paid for

    value = getattr(import_module(f".{home_of[name]}", package), name)
    setattr(sys.modules[package], name, value)
    return value


class LaterModule:
    """A module that is imported when a name of it is used first.

    The name is an attribute from then on: it costs 40 ns more than one of a module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module  # as in find()

        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value
