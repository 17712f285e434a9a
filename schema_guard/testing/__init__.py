"""What tests of code that asks for JSON need.

A name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.testing.server import FAULTS, Request, ScriptedModel, Server, serve

_NAMES = {"server": ("FAULTS", "Request", "ScriptedModel", "Server", "serve")}
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["FAULTS", "Request", "ScriptedModel", "Server", "serve"]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as above

    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
