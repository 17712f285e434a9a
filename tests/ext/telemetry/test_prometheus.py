"""Counters for Prometheus: their text, the file and the endpoint, bounded in their names."""

import gc
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from schema_guard import GuardFailed, InvalidArgument, guard, open_store
from schema_guard.ext import telemetry
from schema_guard.ext.telemetry.counters import Counters
from tests.public.records.outcomes import BROKEN, outcome

SCHEMA = {"title": "ticket", "type": "object", "required": ["team"]}


def call(name="triage", reply='{"team": 1}', **settings):
    """Call a function of a name whose model gives a reply."""

    @guard(SCHEMA, name=name, **{"store": None, "max_attempts": 1, **settings})
    def function(prompt: str):
        return reply

    with suppress(GuardFailed):
        function("a")


def samples(text):
    """The lines that are no comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def get(port, path="/metrics", host=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host} if host else {})
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - of ours
        return answer.read().decode()


def test_the_text_is_prometheus():
    """Each counter has its help, its type and a line for each of its names."""
    on = telemetry.enable(otel=False)

    call()
    call(reply="{}")

    text = on.text()
    # Other tests of this process have lost records too.
    assert [line for line in samples(text) if "lost_records" not in line] == [
        'schema_guard_attempts_total{function="triage",schema="ticket"} 2',
        'schema_guard_failures_total{function="triage",schema="ticket",kind="structure",code="required"} 1',
        'schema_guard_calls_total{function="triage",schema="ticket",way="failed"} 1',
        'schema_guard_calls_total{function="triage",schema="ticket",way="valid_first_time"} 1',
        "schema_guard_untold_total{} 0",
    ]
    assert "# TYPE schema_guard_failures_total counter\n" in text


def test_attempts_that_were_stopped_are_counted():
    """A stopped attempt is counted once more, and what it took is in no sum of tokens that a provider has told."""
    counters = Counters()
    cut = {"failure": BROKEN, "form": None, "stopped_at": 2}

    counters.count(outcome(cut, {}))

    read = counters.read()
    assert read["stopped"] == {("app.extract", "invoice"): 1}
    assert (read["attempts"], read["tokens"]) == ({("app.extract", "invoice"): 2}, {})


def test_names_are_escaped():
    """Quotes, backslashes, line ends and lone surrogates in a name break no line."""
    on = telemetry.enable(otel=False)

    call(name='a"b\\c\nd\ud800')

    assert 'function="a\\"b\\\\c\\nd\\\\ud800"' in samples(on.text())[0]


def test_names_over_the_most_are_others():
    """So many functions and codes are counted by name; what is over is added up."""
    on = telemetry.enable(otel=False, most_names=2)

    for number in range(5):
        call(name=f"f{number}")
    for number in range(5):
        check = lambda value: "no"  # noqa: E731
        check.__name__ = f"check{number}"
        call(name="f0", checks=[check])

    lines = samples(on.text())
    assert [line for line in lines if "attempts" in line] == [
        'schema_guard_attempts_total{function="f0",schema="ticket"} 6',
        'schema_guard_attempts_total{function="f1",schema="ticket"} 1',
        'schema_guard_attempts_total{function="others",schema="others"} 3',
    ]
    assert [line.partition('code="')[2] for line in lines if "failures" in line] == [
        'check0"} 1', 'check1"} 1', 'others"} 3'
    ]  # fmt: skip


@pytest.mark.costly
def test_lost_records_are_counted(tmp_path):
    """What a store of this process could not store is counted by its reason, also when the store is gone."""

    def lost_records():
        return on.counters.read()["lost_records"].get(("store_unavailable",), 0)

    gc.collect()
    on = telemetry.enable(otel=False)
    before = lost_records()
    store = open_store(str(tmp_path / "records.db"))
    store.close()

    call(store=store)
    first = lost_records()
    del store
    gc.collect()

    assert (first - before, lost_records() - before) == (1, 1)
    assert 'schema_guard_lost_records_total{reason="store_unavailable"}' in on.text()


def test_the_endpoint_answers_on_loopback():
    """The endpoint gives the counters at /metrics, and nothing else."""
    on = telemetry.enable(prometheus_port=0)

    call()

    assert get(on.port) == on.text()
    for path, host, status in (("/", None, 404), ("/metrics", "evil.example:80", 403)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(on.port, path, host)
        refused.value.close()
        assert refused.value.code == status


def test_a_port_that_is_taken_is_an_error():
    """A port where somebody listens already is told at once, and what was on stays on."""
    on = telemetry.enable(prometheus_port=0)

    with pytest.raises(InvalidArgument, match=f"prometheus_port={on.port}: opening the port failed"):
        telemetry.enable(prometheus_port=on.port)

    assert get(on.port)


def test_the_file_is_always_whole(tmp_path):
    """The file is written at once, again and again, and when telemetry is switched off; nothing lies beside it."""
    path = tmp_path / "schema_guard.prom"
    on = telemetry.enable(prometheus_file=path, every_s=0.02)
    deadline = time.monotonic() + 5.0

    call()
    while not (path.exists() and "triage" in path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    whole = path.read_text()
    call()
    telemetry.disable()

    assert 'attempts_total{function="triage",schema="ticket"} 1' in whole
    assert path.read_text() == on.text()
    assert [file.name for file in tmp_path.iterdir()] == ["schema_guard.prom"]


def test_a_file_of_each_process_ends_with_it(tmp_path):
    """With `{pid}` in its path the samples name the process, and the file goes when the process has no telemetry."""
    on = telemetry.enable(prometheus_file=str(tmp_path / "{pid}.prom"), every_s=60.0)

    call()
    on.outlets[0].write()
    text = (tmp_path / f"{os.getpid()}.prom").read_text()
    telemetry.disable()

    assert f'schema_guard_untold_total{{pid="{os.getpid()}"}} 0' in text
    assert list(tmp_path.iterdir()) == []


def test_two_that_write_at_once_do_not_meet(tmp_path, caplog):
    """The writer of the file and callers that have it written: none takes the unfinished file from another."""
    on = telemetry.enable(prometheus_file=tmp_path / "x.prom", every_s=60.0)
    threads = [threading.Thread(target=lambda: [on.outlets[0].write() for _ in range(100)]) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert caplog.records == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("name", ["x.prom", "x-{pid}.prom"])
def test_a_fork_in_the_middle_of_writing_lets_the_child_end(tmp_path, name):
    """What a thread of the parent held is nobody's in the child: its end waits for nothing."""
    outlet = telemetry.enable(prometheus_file=tmp_path / name, every_s=60.0).outlets[0]
    is_held, is_done = threading.Event(), threading.Event()

    def write():
        with outlet._writing:
            is_held.set()
            is_done.wait()

    writer = threading.Thread(target=write)
    writer.start()
    is_held.wait()
    child = os.fork()
    if not child:
        signal.alarm(5)  # ends it where it would wait for ever
        telemetry.disable()
        os._exit(0)
    is_done.set()
    writer.join()

    assert os.waitpid(child, 0) == (child, 0)


def test_a_file_that_cannot_be_written_harms_no_call(tmp_path, caplog):
    """A folder that is not there is said once."""
    on = telemetry.enable(prometheus_file=tmp_path / "no" / "x.prom", every_s=60.0)

    call()
    for _ in range(3):
        on.outlets[0].write()
    deadline = time.monotonic() + 5.0
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)

    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["telemetry: writing the file of counters failed: FileNotFoundError. Calls continue"]


def test_what_two_threads_find_at_once_is_said_once(tmp_path, caplog, monkeypatch):
    """The writer of the file and a caller that has it written: one warning, and neither waits for the other."""
    on = telemetry.enable(prometheus_file=tmp_path / "no" / "x.prom", every_s=60.0)
    deadline = time.monotonic() + 5.0
    while not caplog.records and time.monotonic() < deadline:
        time.sleep(0.01)
    caplog.clear()
    both = threading.Barrier(2)

    class Later(float):
        def __sub__(self, before):
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
            return float(self) - before

    later = Later(time.monotonic() + 600.0)
    monkeypatch.setattr("schema_guard.ext.telemetry.telemetry.time.monotonic", lambda: later)
    writers = [threading.Thread(target=on.outlets[0].write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(caplog.records) == 1


def test_a_path_that_no_collector_reads_is_refused(tmp_path):
    """The collector reads files that end in .prom."""
    with pytest.raises(InvalidArgument, match=r"expected a path that ends in \.prom"):
        telemetry.enable(prometheus_file=tmp_path / "metrics.txt")


def test_absurd_numbers_are_not_counted():
    """What a provider says is no counter's undoing: a negative or endless number adds nothing."""
    on = telemetry.enable(otel=False)
    usage = {"prompt_tokens": -5, "completion_tokens": 10**12}
    message = {"role": "assistant", "content": json.dumps({"team": 1})}
    chat = {"object": "chat.completion", "model": "m", "usage": usage,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip

    call(reply=chat)

    assert [line for line in samples(on.text()) if "tokens" in line] == []
