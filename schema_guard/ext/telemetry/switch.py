# SPDX-License-Identifier: Apache-2.0
"""Switch telemetry on and off, by a call or by the environment, and handle forks and the end of the process."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import schema_guard
from schema_guard.errors import InvalidArgument
from schema_guard.ext.telemetry.counters import MOST_NAMES, Counters
from schema_guard.ext.telemetry.telemetry import Faults, Telemetry
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.records import recorder
from schema_guard.text import clip

if TYPE_CHECKING:
    from os import PathLike

VARIABLE = "SCHEMA_GUARD_TELEMETRY"
EVERY_S = 15.0

_logger = logging.getLogger("schema_guard")
_lock = fork_safe_lock()


class _Switch:
    """The active telemetry."""

    telemetry: Telemetry | None = None
    ends_well_in: int | None = None  # the process that reports waiting calls at its end


def enable(  # noqa: PLR0913 - one keyword-only argument for each choice
    *,
    otel: bool | None = None,
    prometheus_file: str | PathLike[str] | None = None,
    prometheus_port: int | None = None,
    every_s: float = EVERY_S,
    most_names: int = MOST_NAMES,
    tracer_provider: Any = None,
    meter_provider: Any = None,
    logger_provider: Any = None,
) -> Telemetry:
    """Report the calls of all guarded functions in this process, from now on. These settings replace earlier settings.

    Args:
        otel: Whether to report to OpenTelemetry: one event for each attempt, one span for each call, and counters.
            Default: True, unless you enable only Prometheus.
        prometheus_file: Path that ends in `.prom`, for the textfile collector of node_exporter. The process id replaces
            `{pid}` in the path, so that each process has its own file.
        prometheus_port: Port of the endpoint `http://127.0.0.1:PORT/metrics`. With 0, the server uses a free port,
            which you can read from `Telemetry.port`.
        every_s: Seconds between two updates of the file.
        most_names: Maximum number of functions with their own counters, and of codes with their own counters.
            All other functions and codes share the counters named `others`.
        tracer_provider: Provider for spans. None means the global provider of OpenTelemetry.
        meter_provider: Provider for metrics. None means the global provider.
        logger_provider: Provider for events. None means the global provider.

    Raises:
        MissingExtra: OpenTelemetry isn't installed.
        InvalidArgument: A path or port is invalid.
    """
    if otel is None:
        otel = prometheus_file is None and prometheus_port is None
    _require(every_s, most_names)
    faults, counters = Faults(), Counters(most_names)
    signals = None
    if otel:
        from schema_guard.ext.telemetry.otel import Signals, metered

        signals = Signals(tracer_provider, logger_provider, schema_guard.__version__)
        metered(meter_provider, _counters, schema_guard.__version__)
    telemetry = Telemetry(counters, signals, faults, _end_well)
    if prometheus_port is not None:
        from schema_guard.ext.telemetry.prometheus import MetricsEndpoint

        telemetry.outlets.append(MetricsEndpoint(prometheus_port, counters))
    if prometheus_file is not None:
        from schema_guard.ext.telemetry.prometheus import TextFile

        telemetry.outlets.append(TextFile(os.fspath(prometheus_file), counters, every_s, faults.say))
        _end_well()
    with _lock:
        before, _Switch.telemetry = _Switch.telemetry, telemetry
        recorder.follower = telemetry
    if before is not None:
        before.stop()
    return telemetry


def disable(timeout_s: float = 2.0) -> int:
    """Stop reporting. Return the number of finished calls that were not reported within *timeout_s* seconds."""
    with _lock:
        before, _Switch.telemetry, recorder.follower = _Switch.telemetry, None, None
    return 0 if before is None else before.stop(timeout_s)


def flush(timeout_s: float = 2.0) -> int:
    """Wait until OpenTelemetry has received all finished calls.

    Return the number of calls that OpenTelemetry hasn't received yet.
    """
    telemetry = _Switch.telemetry
    return 0 if telemetry is None else telemetry.flush(timeout_s)


def settings_of(text: str) -> dict[str, Any]:
    """Read the variable: `otel`, `file:PATH` and `port:N`, separated by commas. Return the arguments of `enable`.

    Raises:
        InvalidArgument: It has another part.

    >>> settings_of("otel, port:9464")
    {'otel': True, 'prometheus_port': 9464}
    """
    options: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        word, _, value = part.partition(":")
        if part == "otel":
            options["otel"] = True
        elif word == "file" and value:
            options["prometheus_file"] = value
        elif word == "port" and value.isdecimal():
            options["prometheus_port"] = int(value)
        else:
            raise InvalidArgument(
                f"{VARIABLE}: {clip(repr(part))}: expected one or more of 'otel', 'file:PATH.prom', and 'port:N', separated by commas"
            )
    return options


def enable_from_env(text: str) -> None:
    """Enable the telemetry of the variable. If that fails, log it once, so that calls continue."""
    try:
        if options := settings_of(text):
            enable(**options)
    except Exception as error:
        if is_interruption(error):
            raise
        _logger.warning("calls continue without telemetry: %s", error)


def _require(every_s: float, most_names: int) -> None:
    if not every_s > 0:
        raise InvalidArgument(f"every_s={every_s!r}: expected a number of seconds > 0")
    if most_names < 1:
        raise InvalidArgument(f"most_names={most_names!r}: expected an int >= 1")


def _counters() -> Counters | None:
    telemetry = _Switch.telemetry
    return None if telemetry is None else telemetry.counters


def _end_well() -> None:
    """Report waiting calls when this process ends, also in children of multiprocessing, which skip atexit."""
    if _Switch.ends_well_in == os.getpid():
        return
    is_first, _Switch.ends_well_in = _Switch.ends_well_in is None, os.getpid()
    if is_first:
        atexit.register(disable)
    if "multiprocessing.util" in sys.modules:
        import_module("multiprocessing.util").Finalize(None, disable, exitpriority=0)


def _at_fork(hook: str) -> None:
    if _Switch.telemetry is not None:
        getattr(_Switch.telemetry, hook)()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=partial(_at_fork, "before_fork"),
        after_in_parent=partial(_at_fork, "after_fork_in_parent"),
        after_in_child=partial(_at_fork, "after_fork_in_child"),
    )
