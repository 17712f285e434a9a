# SPDX-License-Identifier: Apache-2.0
"""Calls of guarded functions as OpenTelemetry events, spans and metrics, and as metrics for Prometheus.

Off unless switched on by `enable`, or by $SCHEMA_GUARD_TELEMETRY; until then nothing of it is imported.
"""

from schema_guard.ext.telemetry.switch import disable, enable, flush
from schema_guard.ext.telemetry.telemetry import Telemetry

__all__ = ["Telemetry", "disable", "enable", "flush"]
