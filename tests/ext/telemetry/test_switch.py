"""Telemetry is off unless asked for, harms no call, and survives forks and ends."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

import schema_guard
from schema_guard import InvalidArgument, guard
from schema_guard.ext import telemetry
from schema_guard.ext.telemetry.switch import settings_of
from schema_guard.ext.telemetry.telemetry import MOST_WAITING
from schema_guard.records import recorder

ROOT = Path(schema_guard.__file__).parents[1]
GUARDED = """
import json, os, sys, time
from schema_guard import guard
from schema_guard.ext import telemetry
@guard({"title": "t"}, store=None, name="f", observe=True)
def f(prompt: str): return "{}"
"""
SDK = """
from opentelemetry import trace, _logs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
class Exporter(SpanExporter):
    def export(self, spans):
        os.write(1, b"s" * len(spans)); return SpanExportResult.SUCCESS
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Exporter()))
trace.set_tracer_provider(provider)
"""


def run(script, **environment):
    """Run a script in a process of its own; gives what it wrote."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **environment}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def needs_sdk():
    pytest.importorskip(
        "opentelemetry.sdk", reason="needs opentelemetry-sdk: pip install 'schema-guard[otel]'"
    )


@pytest.fixture
def f():
    return guard({"title": "t"}, store=None, observe=True, name="f")(lambda prompt: "{}")


def test_off_imports_nothing():
    """Without being switched on no module of telemetry, and none of OpenTelemetry's, is imported by a call."""
    done = run(
        GUARDED.replace("from schema_guard.ext import telemetry\n", "")
        + 'f("a"); print(json.dumps(sorted(sys.modules)))'
    )

    loaded = json.loads(done.stdout)
    assert [name for name in loaded if "telemetry" in name] == ["schema_guard.preparing.telemetry"]


@pytest.mark.costly
def test_the_environment_switches_it_on(tmp_path):
    """The variable asks for OpenTelemetry, a file and an endpoint, with commas between them."""
    needs_sdk()
    script = SDK + GUARDED + 'f("a"); print(telemetry.enable.__module__, telemetry.flush())'
    path = tmp_path / "x.prom"

    done = run("import os\n" + script, SCHEMA_GUARD_TELEMETRY=f"otel,file:{path},port:0")

    assert done.stdout.count("s") - "schema_guard.ext.telemetry.switch".count("s") == 1
    assert 'schema_guard_calls_total{function="f",schema="t",way="valid_first_time"} 1' in path.read_text()


@pytest.mark.costly
@pytest.mark.parametrize("text", ["otle", "file:", "port:x", "file:/tmp/x.txt"])
def test_a_variable_that_says_nothing_sensible_harms_no_call(text):
    """What cannot be had is said once, and calls go on without."""
    done = run(GUARDED + 'f("a"); f("b"); print("done")', SCHEMA_GUARD_TELEMETRY=text)

    assert done.stdout == "done\n"
    assert done.stderr.count("calls continue without telemetry") == 1


def test_the_variable_is_read_by_its_words():
    """Its parts are the arguments of `enable`."""
    expected = {"otel": True, "prometheus_file": "/a", "prometheus_port": 1}
    assert settings_of("otel, file:/a,port:1") == expected
    with pytest.raises(InvalidArgument, match=r"'prom': expected one or more of 'otel', 'file:PATH\.prom', "):
        settings_of("otel,prom")


@pytest.mark.parametrize("wrong", [{"every_s": 0}, {"most_names": 0}])
def test_senseless_arguments_are_refused(wrong):
    """Seconds and numbers of names are at least something."""
    with pytest.raises(InvalidArgument, match="expected"):
        telemetry.enable(otel=False, **wrong)


def test_switched_off_nobody_is_told(f):
    """After `disable` nobody follows calls."""
    on = telemetry.enable(otel=False)
    f("a")
    telemetry.disable()
    f("b")

    assert recorder.follower is None
    assert "calls_total" in on.text()
    assert on.counters.read()["calls"] == {("f", "t", "valid_first_time"): 1}


def test_an_exporter_that_raises_harms_no_call(sdk, f, caplog):
    """Whatever whoever is told raises, the call has its value, and it is said once."""
    from opentelemetry.sdk.trace import SpanProcessor

    class Broken(SpanProcessor):
        def on_end(self, span):
            raise RuntimeError("secret of the collector")

    sdk.tracers.add_span_processor(Broken())
    sdk.enable()

    assert [f("a") for _ in range(5)] == ["{}"] * 5
    assert telemetry.flush(5.0) == 0
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["telemetry: reporting a call failed: RuntimeError. Calls continue"]


def test_a_span_that_cannot_begin_harms_no_call(sdk, f, caplog):
    """A sampler or processor that raises when a span begins costs the span alone."""
    from opentelemetry.sdk.trace import SpanProcessor

    class Broken(SpanProcessor):
        def on_start(self, span, parent_context=None):
            raise RuntimeError("no")

    sdk.tracers.add_span_processor(Broken())
    on = sdk.enable()

    assert f("a") == "{}"
    assert on.counters.read()["calls"] == {("f", "t", "valid_first_time"): 1}
    assert [record.getMessage() for record in caplog.records] == [
        "telemetry: starting a span failed: RuntimeError. Calls continue"
    ]


@pytest.mark.costly
def test_an_exporter_that_hangs_is_not_waited_for(sdk, f):
    """Calls go on while nobody takes what is told; what is too much is counted, and not kept."""
    from opentelemetry.sdk.trace import SpanProcessor

    continuation = Event()

    class Hanging(SpanProcessor):
        def on_end(self, span):
            continuation.wait(30.0)

    sdk.tracers.add_span_processor(Hanging())
    on = sdk.enable()
    begun = time.monotonic()

    for _ in range(MOST_WAITING + 100):
        f("a")

    assert time.monotonic() - begun < 5.0
    assert telemetry.flush(0.05) > 0
    assert 90 <= on.counters.read()["untold"][()] <= 100
    continuation.set()


def test_counting_from_many_threads_is_exact(f):
    """No count is lost between threads."""
    on = telemetry.enable(otel=False)
    threads = [Thread(target=lambda: [f("a") for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert on.counters.read()["calls"] == {("f", "t", "valid_first_time"): 4_000}


@pytest.mark.costly
def test_what_waits_is_told_at_the_end_of_a_process():
    """A process that returns after its calls has told of all of them, and so has a forked child."""
    needs_sdk()
    script = f"""import os
{SDK}{GUARDED}
telemetry.enable()
for _ in range(20): f("a")
child = os.fork()
if not child:
    for _ in range(5): f("a")
    sys.exit()
os.waitpid(child, 0)
"""
    assert run(script).stdout == "s" * 25


@pytest.mark.costly
def test_a_child_counts_for_itself(tmp_path):
    """A forked child begins at nothing, leaves its parent's file and port alone, and has a file of its own by `{pid}`."""
    script = f"""{GUARDED}
on = telemetry.enable(prometheus_file={str(tmp_path / "one.prom")!r}, prometheus_port=0, every_s=60.0)
f("a"); f("a")
child = os.fork()
if not child:
    f("a")
    on.outlets[1].write()
    print(sum(on.counters.read()["calls"].values()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
import urllib.request
on.outlets[1].write()
print(sum(on.counters.read()["calls"].values()), len(urllib.request.urlopen(f"http://127.0.0.1:{{on.port}}/metrics").read()) > 100)
"""
    assert run(script).stdout == "1\n2 True\n"
    assert 'valid_first_time"} 2' in (tmp_path / "one.prom").read_text()


@pytest.mark.costly
def test_forks_among_calls_hang_nobody():
    """Forks while other threads call and are told: every child calls, is told, and ends."""
    needs_sdk()
    script = f"""import os
{SDK}{GUARDED}
from threading import Event, Thread
telemetry.enable()
f("a")  # whatever is imported at a first call: Python holds locks of its own while it imports
stop = Event()
def work():
    while not stop.is_set():
        f("a"); time.sleep(0.001)
threads = [Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
longest, codes = 0.0, []
for _ in range(10):
    time.sleep(0.01)
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        f("a")
        os._exit(telemetry.flush(5.0))
    longest = max(longest, time.perf_counter() - begun)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads: thread.join()
print(json.dumps([codes, longest < 0.5]), file=sys.stderr)
"""
    assert json.loads(run(script).stderr) == [[0] * 10, True]
