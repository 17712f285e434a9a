"""The SDK of OpenTelemetry with exporters that store their input in memory."""

from types import SimpleNamespace

import pytest

from schema_guard.ext import telemetry


@pytest.fixture(autouse=True)
def _off():
    """Telemetry is off before and after each test."""
    telemetry.disable()
    yield
    telemetry.disable()


@pytest.fixture
def sdk():
    """Providers of the real SDK, the data that they received, and a function that enables telemetry with them."""
    pytest.importorskip(
        "opentelemetry.sdk", reason="needs opentelemetry-sdk: pip install 'schema-guard[otel]'"
    )
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, logs, metrics = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
    tracers, loggers = TracerProvider(), LoggerProvider()
    meters = MeterProvider(metric_readers=[metrics])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))

    def events():
        assert telemetry.flush(5.0) == 0
        return [record.log_record for record in logs.get_finished_logs()]

    def finished():
        assert telemetry.flush(5.0) == 0
        return list(spans.get_finished_spans())

    def points(name):
        """The sums of a metric by the values of their attributes."""
        read = metrics.get_metrics_data()
        return {
            tuple(point.attributes.values()): point.value
            for resource in (read.resource_metrics if read else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def everything():
        """All received data, as one text."""
        data = metrics.get_metrics_data()
        parts = [span.to_json() for span in finished()] + [str(vars(event)) for event in events()]
        return "\n".join([*parts, data.to_json() if data else ""])

    def enable(**given):
        return telemetry.enable(
            otel=True, tracer_provider=tracers, meter_provider=meters, logger_provider=loggers, **given
        )

    yield SimpleNamespace(
        enable=enable, events=events, spans=finished, points=points, everything=everything,
        tracer=tracers.get_tracer("test"), tracers=tracers, loggers=loggers,
    )  # fmt: skip
    telemetry.disable()
    for provider in (tracers, loggers, meters):
        provider.shutdown()
