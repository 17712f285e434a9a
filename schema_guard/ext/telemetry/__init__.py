# SPDX-License-Identifier: Apache-2.0
"""Calls of guarded functions as OpenTelemetry events, spans and metrics, and as metrics for Prometheus.

Off unless switched on by `enable`, or by $SCHEMA_GUARD_TELEMETRY; until then nothing of it is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.ext.telemetry.switch import disable, enable, flush
    from schema_guard.ext.telemetry.telemetry import Telemetry

_HOME_OF = {"disable": "switch", "enable": "switch", "flush": "switch", "Telemetry": "telemetry"}

__all__ = ["Telemetry", "disable", "enable", "flush"]


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # only what is used is paid for

    return find(__name__, _HOME_OF, name)
