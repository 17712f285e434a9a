# SPDX-License-Identifier: Apache-2.0
"""Calls that a framework makes, recorded without a change of any of them."""

from __future__ import annotations

from typing import Any

from schema_guard.light.lazy import find

_HOME_OF = {"counts": "recording"}

__all__ = ["counts"]


def __getattr__(name: str) -> Any:
    return find(__name__, _HOME_OF, name)


def __dir__() -> list[str]:
    return __all__
