# SPDX-License-Identifier: Apache-2.0
"""Requests that show what a server does with the schemas that it accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.ext.fitting.probe.enforcement import Enforcement, probe_enforcement

__all__ = ["Enforcement", "probe_enforcement"]

_HOME_OF = {"Enforcement": "enforcement", "probe_enforcement": "enforcement"}


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # loads a module at its first use

    return find(__name__, _HOME_OF, name)
