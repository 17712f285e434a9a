# SPDX-License-Identifier: Apache-2.0
"""Calls of guarded functions as OpenTelemetry events, spans, and metrics, and as metrics for Prometheus.

Telemetry is off until `enable` or $SCHEMA_GUARD_TELEMETRY switches it on. Until then, none of it is imported.
"""

from schema_guard.ext.telemetry.switch import disable, enable, flush
from schema_guard.ext.telemetry.telemetry import Telemetry

__all__ = ["Telemetry", "disable", "enable", "flush"]
