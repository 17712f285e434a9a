"""Counters for Prometheus: the endpoint, the file, and their limits."""

import http.client
import os
import time
from contextlib import suppress

import pytest

from schema_guard import GuardFailed, InvalidArgument, guard
from schema_guard.ext import telemetry

SCHEMA = {"title": "ticket", "type": "object", "required": ["team"]}


def call(name="triage", reply='{"team": 1}', **settings):
    """Call a guarded function whose model gives this reply."""
    function = guard(SCHEMA, name=name, **{"store": None, "max_attempts": 1, **settings})(
        lambda prompt: reply
    )
    with suppress(GuardFailed):
        function("a")


def get(port, path="/metrics", host=None):
    """Request a path of the endpoint. Return the status and the text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return status, text


def samples(text, *words):
    """Return the sample lines that have all of these words."""
    return [
        line
        for line in text.splitlines()
        if not line.startswith("#") and all(word in line for word in words) and "lost_records" not in line
    ]


def until(condition, seconds=5.0):
    """Wait until a condition holds. Return whether it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_counters_match_the_calls():
    """Each attempt, failure, and call is counted with its function, schema, and kind."""
    on = telemetry.enable(otel=False)
    call()
    call(reply="{}")

    assert samples(on.text()) == [
        'schema_guard_attempts_total{function="triage",schema="ticket"} 2',
        'schema_guard_failures_total{function="triage",schema="ticket",kind="structure",code="required"} 1',
        'schema_guard_calls_total{function="triage",schema="ticket",way="failed"} 1',
        'schema_guard_calls_total{function="triage",schema="ticket",way="valid_first_time"} 1',
        "schema_guard_untold_total{} 0",
    ]
    assert "# TYPE schema_guard_failures_total counter\n" in on.text()


def test_names_beyond_the_limit_are_counted_together():
    """`most_names` functions have counters of their own. The counters of the rest are summed."""
    on = telemetry.enable(otel=False, most_names=2)
    for number in range(5):
        call(name=f"f{number}")

    assert samples(on.text(), "attempts") == [
        'schema_guard_attempts_total{function="f0",schema="ticket"} 1',
        'schema_guard_attempts_total{function="f1",schema="ticket"} 1',
        'schema_guard_attempts_total{function="others",schema="others"} 3',
    ]


def test_endpoint_serves_only_metrics_on_this_machine():
    """The port is as given, or a free one for 0. Other paths and other hosts are refused."""
    free = telemetry.enable(prometheus_port=0).port
    telemetry.disable()
    on = telemetry.enable(prometheus_port=free)
    call()

    assert on.port == free > 0
    assert get(free) == (200, on.text())
    assert samples(on.text(), 'attempts_total{function="triage"') != []
    assert (get(free, "/")[0], get(free, host="evil.example:80")[0]) == (404, 403)
    with pytest.raises(InvalidArgument, match=f"prometheus_port={free}"):
        telemetry.enable(prometheus_port=free)


def test_file_is_written_at_the_named_interval(tmp_path):
    """The file has the counters after `every_s` seconds, and no other file is beside it."""
    path = tmp_path / "x.prom"
    on = telemetry.enable(prometheus_file=path, every_s=0.02)
    call()

    assert until(lambda: path.exists() and samples(path.read_text(), 'function="triage"'))
    call()
    telemetry.disable()
    assert path.read_text() == on.text()
    assert [file.name for file in tmp_path.iterdir()] == ["x.prom"]


def test_file_is_not_written_before_its_interval(tmp_path):
    """With a long interval, the file lacks a call that was made a moment ago."""
    path = tmp_path / "x.prom"
    telemetry.enable(prometheus_file=path, every_s=600.0)
    assert until(path.exists)
    call(name="late")

    assert not until(lambda: samples(path.read_text(), 'function="late"'), 0.2)
    telemetry.disable()
    assert samples(path.read_text(), 'function="late"')


def test_file_of_a_process_is_deleted_at_its_end(tmp_path):
    """`{pid}` in the path is the process id, which is also a label."""
    telemetry.enable(prometheus_file=str(tmp_path / "{pid}.prom"), every_s=0.02)
    path = tmp_path / f"{os.getpid()}.prom"
    call()

    assert until(lambda: path.exists() and samples(path.read_text(), f'pid="{os.getpid()}"', "triage"))
    telemetry.disable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("otel", "spans"), [(None, 0), (False, 0), (True, 1)])
def test_opentelemetry_is_off_by_default_beside_prometheus(sdk, otel, spans):
    """`otel` decides whether a call is a span too."""
    telemetry.enable(prometheus_port=0, otel=otel, tracer_provider=sdk.tracers, logger_provider=sdk.loggers)
    call()

    assert len(sdk.spans()) == spans


@pytest.mark.parametrize(
    "settings", [{"every_s": 0}, {"most_names": 0}, {"prometheus_file": "x.txt"}, {"prometheus_port": -1}]
)
def test_unusable_argument_is_named(settings):
    """The error names the argument."""
    (name,) = settings
    with pytest.raises(InvalidArgument, match=name):
        telemetry.enable(otel=False, **settings)
