"""Measure the cost of telemetry and of the log: python benchmarks/telemetry_overhead.py.

    python benchmarks/telemetry_overhead.py [--calls 2000] [--repeat 7] [--output FILE]

The figures are CPU microseconds per call of the calling thread and of the whole process, the least of the repeats.
Telemetry is off, counts for Prometheus, or uses the SDK of OpenTelemetry with batch processors and exporters that do
nothing. The log is removed from the code, off, or at INFO with a handler that does nothing. It is removed twice, to
show the noise. The script needs opentelemetry-sdk.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import logging
import random
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard import guard, open_store
from schema_guard.ext import telemetry
from schema_guard.preparing import prepare
from schema_guard.records import store as stores

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = {
    "title": "invoice",
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}},
}


@guard(SCHEMA, store=None)
def extract(prompt: str) -> str:
    """Return a fixed reply instead of a model's."""
    return '{"number": 12, "total": 99.5, "lines": [{"qty": 1}, {"qty": 2}]}'


def on_otel() -> None:
    """Switch on all three signals of OpenTelemetry."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import (
        BatchLogRecordProcessor,
        LogRecordExporter,
        LogRecordExportResult,
    )
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Spans(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    class Logs(LogRecordExporter):
        def export(self, batch: object) -> LogRecordExportResult:
            return LogRecordExportResult.SUCCESS

        def shutdown(self) -> None:
            """Do nothing."""

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(BatchSpanProcessor(Spans()))
    loggers.add_log_record_processor(BatchLogRecordProcessor(Logs()))
    meters = MeterProvider(metric_readers=[InMemoryMetricReader()])
    telemetry.enable(tracer_provider=tracers, logger_provider=loggers, meter_provider=meters)


STATES: dict[str, Callable[[], object]] = {
    "off": telemetry.disable,
    "counters (Prometheus)": lambda: telemetry.enable(otel=False),
    "OpenTelemetry": on_otel,
}


def measured(calls: int, repeat: int) -> tuple[float, float]:
    """Return the CPU microseconds per call: of its thread, and of the process."""
    thread, process = [], []
    for _ in range(repeat):
        gc.collect()
        begun = (time.thread_time(), time.process_time())
        for _ in range(calls):
            extract("Invoice 12")
        thread.append(time.thread_time() - begun[0])
        telemetry.flush(30.0)
        process.append(time.process_time() - begun[1])
    return min(thread) / calls * 1e6, min(process) / calls * 1e6


_LOGGER = logging.getLogger("schema_guard")
_LOG_CODE = {(prepare, "log_only"): prepare.log_only, (stores, "log_call"): stores.log_call}


def set_log(state: str) -> None:
    """Remove the code of the log, switch the log off, or switch it on."""
    for (module, name), function in _LOG_CODE.items():
        setattr(module, name, (lambda *_: None) if "removed" in state else function)
    _LOGGER.setLevel(logging.INFO if state == "INFO" else logging.WARNING)


def log_lines(calls: int, repeat: int) -> list[str]:
    """Return a row for each state of the log. The states take turns, so that a busy machine slows all of them."""
    _LOGGER.addHandler(logging.NullHandler())
    _LOGGER.propagate = False
    with open_store("sqlite://") as store:
        replies = itertools.cycle(["Sorry.", '{"total": 1}'])
        functions = {
            "valid": guard(SCHEMA, store=None, name="valid")(lambda prompt: '{"total": 1}'),
            "retried": guard(SCHEMA, store=None, name="retried")(lambda prompt: next(replies)),
            "retried, stored": guard(SCHEMA, store=store, name="stored")(lambda prompt: next(replies)),
        }
        states = ("removed", "off", "INFO", "removed again")
        least = dict.fromkeys(itertools.product(states, functions), float("inf"))
        draw = random.Random(1)
        for state, name in (one for _ in range(repeat) for one in draw.sample([*least], len(least))):
            set_log(state)
            begun = time.thread_time()
            for _ in range(calls):
                functions[name]("Invoice 12")
            least[state, name] = min(least[state, name], (time.thread_time() - begun) / calls * 1e6)
            store.flush(30.0)
    rows = [f"{state:26}" + "".join(f"{least[state, name]:>20.2f}" for name in functions) for state in states]
    return [f"{'log, calling thread':26}" + "".join(f"{name:>20}" for name in functions), *rows]


def main() -> None:
    """Print a row for each state."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_900)  # fewer than the queue holds
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    extract("Invoice 12")
    lines = [
        f"python benchmarks/telemetry_overhead.py --calls {arguments.calls} --repeat {arguments.repeat}",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, opentelemetry-sdk "
            f"{version('opentelemetry-sdk')}; microseconds of CPU a call, least of {arguments.repeat} ({5 * arguments.repeat} for the log)"
        ),
        "",
        f"{'telemetry':26}{'the calling thread':>20}{'the process':>14}",
    ]
    for name, switch in STATES.items():
        switch()
        thread, process = measured(arguments.calls, arguments.repeat)
        lines.append(f"{name:26}{thread:>20.1f}{process:>14.1f}")
    telemetry.disable()
    lines += ["", *log_lines(arguments.calls, 5 * arguments.repeat)]
    text = "\n".join(lines) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
