# SPDX-License-Identifier: Apache-2.0
"""Models to ask: hosted ones, any OpenAI-compatible server, and scripted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.extensions import local_weights
    from schema_guard.models.interface import Model
    from schema_guard.models.names import connect

__all__ = ["Model", "connect", "local_weights"]

_HOME_OF = {"Model": "interface", "connect": "names"}


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # only what is used is paid for

    return find(__name__, _HOME_OF, name, ("local_weights",))
