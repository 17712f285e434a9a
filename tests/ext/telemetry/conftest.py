"""Switch telemetry off around each test, and provide the OpenTelemetry SDK."""

from tests.public.ext.telemetry.conftest import _off, sdk

__all__ = ["_off", "sdk"]
