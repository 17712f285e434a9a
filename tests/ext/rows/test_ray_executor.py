"""Runs on real Ray workers, which are killed while they work; all of it is compared with runs without Ray."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from schema_guard.bench.run import runner
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import RunSettings
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.ext.rows.bench_on_ray import run_on_ray
from schema_guard.ext.rows.cluster import connected
from schema_guard.models import connect
from schema_guard.models.interface import Closing
from schema_guard.models.scripted import ScriptedModel
from schema_guard.records import open_store
from tests.bench.small_suites import small_suite

pytestmark = pytest.mark.filterwarnings("default")
slow = pytest.mark.slow
ADDRESS = {"_node_ip_address": "127.0.0.1", "log_to_driver": False, "logging_level": "ERROR"}


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine, gone with the tests."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray", reason="no Ray: pip install 'schema-guard[ray]'")
    ray.init(num_cpus=2, include_dashboard=False, **ADDRESS)
    yield ray
    ray.shutdown()


@pytest.fixture(autouse=True)
def _one_key(monkeypatch):
    """All stores hash with one key, so that their hashes can be compared."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "test")


@pytest.fixture
def script(tmp_path):
    """A model in a file: what it replies follows from the prompt alone; number 2 needs a retry, 3 stays wrong."""
    asked_again = "Your last reply"
    lines = [
        {"when": asked_again, "reply": '{"n": 2}'},
        {"when": "first 2", "reply": "no"},
        {"when": "second 3", "raise": "TimeoutError: too slow"},
        *(
            {"when": f"{name} {n}", "reply": json.dumps({"n": n})}
            for name in ("first", "second")
            for n in range(1, 9)
        ),
    ]
    path = tmp_path / "model.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return f"scripted:{path}"


def plan_for(models=("model",), strategies=("bare", "few_shot"), **settings):
    return plan_of(
        small_suite(tasks=6), variants_of(list(models), list(strategies)), PlanSettings(**settings)
    )


def kept(path):
    """The replies of a journal by call and attempt, without what is of the clock."""
    rows = [json.loads(line) for line in path.read_text().splitlines()][1:]
    return Counter(
        json.dumps({key: value for key, value in row.items() if key not in ("id", "at")}) for row in rows
    )


def recorded(store):
    """The attempts of a store, without what is of the clock."""
    own = ("call_id", "started_at", "elapsed_s", "function")
    return Counter(
        json.dumps({key: value for key, value in row.items() if key not in own}, sort_keys=True)
        for row in store.attempts()
    )


def run_both(plan, models, tmp_path, *, settings=None, **on_ray):
    """Run a plan here and on Ray; gives each one's run, journal and records."""
    results = []
    for where, carry_out, more in (("here", runner.run, {}), ("ray", run_on_ray, on_ray)):
        path = tmp_path / f"{where}.jsonl"
        with open_store(f"sqlite:///{tmp_path / where}.db") as store, Journal.begin(path, plan) as journal:
            run = carry_out(plan, models(where), store=store, journal=journal, settings=settings, **more)
            results.append((run, kept(path), recorded(store)))
    return results


def deadly(folder, task, times, name="model"):
    """A model that answers what it is asked, and kills its process the first times that it is asked one task."""

    # Made inside of a function, so that it goes to workers by value: they cannot import tests.
    class Deadly(Closing):
        is_timed = False
        provider = "openai"
        capabilities = frozenset({"bare", "few_shot"})

        def __init__(self):
            self.name = name
            self.deaths = [folder / f"{name}-death-{number}" for number in range(times)]

        async def acall(self, prompt, *, options=None):
            text = prompt[-1]["content"]
            if text.endswith(task):
                for death in self.deaths:
                    if not death.exists():
                        death.touch()
                        os.kill(os.getpid(), signal.SIGKILL)
            return json.dumps({"n": int(text[-1])})

    return Deadly()


@slow
def test_a_run_on_ray_is_the_run_without_it(cluster, script, tmp_path):
    """Result, journal and store are those of a local run: two strategies, retries and lost calls included."""
    here, ray = run_both(plan_for(), lambda _: {"model": connect(script)}, tmp_path, names={"model": script})

    assert ray == here


@slow
def test_a_killed_worker_loses_and_doubles_nothing(cluster, tmp_path):
    """A worker is killed in the middle of its requests: every call is there once, as if nothing had been."""
    here, ray = run_both(
        plan_for(),
        lambda where: {"model": deadly(tmp_path, "first 4", 0 if where == "here" else 2)},
        tmp_path,
    )

    assert len(list(tmp_path.glob("model-death-*"))) == 2
    assert ray == here
    assert set(ray[1].values()) == set(ray[2].values()) == {1}


@slow
def test_a_call_that_always_kills_its_worker_is_lost_alone(cluster, tmp_path):
    """After four deaths the calls of the task are lost, with these words; all others are made."""
    run = run_on_ray(plan_for(), {"model": deadly(tmp_path, "first 4", 99)})

    lost = [one for one in run.calls if one.is_lost]
    words = "WorkerCrashedError: 4 workers died one after the other while they made this call"
    assert [(one.task, one.error) for one in lost] == [("first-4", words)] * 2
    assert len(run.calls) == 24
    assert run.setup.stopped == ()


@slow
def test_two_models_in_two_columns_each(cluster, script, tmp_path):
    """Each model is asked its own variants, one by a name and one as it is."""
    models = ["named", "sent"]
    here, ray = run_both(
        plan_for(models),
        lambda _: {"named": connect(script), "sent": deadly(tmp_path, "", 0, name="sent")},
        tmp_path,
        names={"named": script},
    )

    assert ray == here
    assert [variant.name for variant in ray[0].setup.variants] == [
        "named bare", "named few_shot", "sent bare", "sent few_shot"
    ]  # fmt: skip


@slow
def test_replies_that_are_kept_are_not_asked_for(cluster, script, tmp_path):
    """A run goes on with a journal that was cut in the middle of a call, and ends as an uninterrupted one."""
    plan = plan_for()
    (whole, replies, _), _ = run_both(
        plan, lambda _: {"model": connect(script)}, tmp_path, names={"model": script}
    )
    lines = (tmp_path / "here.jsonl").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:9]))

    with Journal.resume(cut, plan) as journal:
        run = run_on_ray(plan, {"model": connect(script)}, names={"model": script}, journal=journal)

    assert replace(run, setup=replace(run.setup, started_at=None)) == whole
    assert kept(cut) == replies
    assert cut.read_text().startswith("".join(lines[:9]))


@slow
def test_a_budget_ends_the_run(cluster, script):
    """The result names the budget, and no call begins after it is used up."""
    settings = RunSettings(concurrency=1, max_time_s=1e-6)
    run = run_on_ray(plan_for(), {"model": connect(script)}, names={"model": script}, settings=settings)

    assert run.calls == ()
    assert run.setup.stopped == ("the budget of 1e-06 seconds is used up",)


@slow
def test_an_interrupt_ends_the_run(cluster, tmp_path):
    """Ctrl-C gives what was finished; the workers' calls are given up."""

    def interrupt(_):
        signal.raise_signal(signal.SIGINT)

    run = run_on_ray(
        plan_for(), {"model": deadly(tmp_path, "", 0)}, settings=RunSettings(concurrency=1), on_call=interrupt
    )

    assert run.setup.stopped[0] == "interrupted"
    assert 1 <= len(run.calls) < 24


@slow
def test_a_model_that_cannot_be_asked_this_ends_the_run(cluster):
    """What is the caller's fault is raised here as it would be without Ray."""

    class Refusing(Closing):
        name, provider, capabilities = "model", "openai", frozenset({"bare", "few_shot"})

        async def acall(self, prompt, *, options=None):
            raise InvalidArgument("no such thing can be asked")

    with pytest.raises(InvalidArgument, match=r"^no such thing can be asked$"):
        run_on_ray(plan_for(), {"model": Refusing()})


@slow
def test_an_exception_that_cannot_be_sent_is_no_death(cluster):
    """The words of an error end the run, even if the exception can't be pickled."""

    class Unsent(InvalidArgument):
        def __reduce__(self):
            raise TypeError("no pickle")

    class Refusing(Closing):
        name, provider, capabilities = "model", "openai", frozenset({"bare", "few_shot"})

        async def acall(self, prompt, *, options=None):
            raise Unsent("no such thing can be asked")

    with pytest.raises(InvalidArgument, match=r"^no such thing can be asked$"):
        run_on_ray(plan_for(), {"model": Refusing()})


@slow
def test_a_worker_that_cannot_have_the_model_ends_the_run(cluster):
    """The error names the fault of the worker, and calls are not lost one after the other."""

    def broken():
        raise ModuleNotFoundError("No module named 'sdk'")

    class Elsewhere(Closing):
        name, provider, capabilities = "model", "openai", frozenset({"bare", "few_shot"})
        acall = None

        def __reduce__(self):
            return broken, ()

    with pytest.raises(InvalidArgument, match=r"^a Ray worker can't send requests: ModuleNotFoundError.*sdk"):
        run_on_ray(plan_for(), {"model": Elsewhere()})


@slow
def test_a_model_with_connections_needs_a_name(cluster):
    """What cannot be pickled is an error before anything is asked."""
    with pytest.raises(
        InvalidArgument, match=r"model 'model' can't be sent to the Ray workers .*. Pass the name"
    ):
        run_on_ray(plan_for(), {"model": ScriptedModel({"": "{}"})})


@slow
def test_a_model_that_only_raises_is_not_asked_any_more(cluster, tmp_path):
    """After twenty lost calls in a row, no call begins."""
    path = tmp_path / "model.jsonl"
    path.write_text('{"when": "", "raise": "TimeoutError: too slow"}')
    plan = plan_of(small_suite(tasks=40), variants_of(["model"], ["bare"]))
    spec = f"scripted:{path}"
    run = run_on_ray(
        plan, {"model": connect(spec)}, names={"model": spec}, settings=RunSettings(concurrency=1)
    )

    assert run.setup.stopped[0] == (
        "20 calls of model in a row were lost (last error: TimeoutError: too slow)"
    )
    assert 20 <= len(run.calls) < 40
    assert all(one.is_lost for one in run.calls)


@slow
def test_an_address_beside_a_connection_is_refused(cluster, script):
    """A process has one cluster."""
    with pytest.raises(
        InvalidArgument, match=r"^address='auto': this process is already connected to a Ray cluster"
    ):
        run_on_ray(plan_for(), {"model": connect(script)}, address="auto")


OUTSIDE = """
import json, sys
from schema_guard.bench.run.plan import variants_of, plan_of
from schema_guard.ext.rows.bench_on_ray import run_on_ray
from schema_guard.models import connect
from tests.bench.small_suites import small_suite

address, spec = sys.argv[1:]
plan = plan_of(small_suite(tasks=6), variants_of(["model"], ["bare", "few_shot"]))
run = run_on_ray(plan, {"model": connect(spec)}, names={"model": spec}, address=address)
print(json.dumps([repr(one) for one in run.calls]))
"""


@slow
def test_a_process_outside_of_the_cluster_gets_the_same(cluster, script):
    """By `ray://` too the result is that of a local run, although Ray's client takes no streams."""
    pytest.importorskip("grpc", reason="no Ray client: pip install 'ray[client]'")
    from ray.util.client.server.server import serve  # only where Ray is

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve("127.0.0.1", port)
    try:
        command = [sys.executable, "-c", OUTSIDE, f"ray://127.0.0.1:{port}", script]
        ended = subprocess.run(  # our own command
            command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        server.stop(0)

    here = runner.run(plan_for(), {"model": connect(script)})
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout.splitlines()[-1]) == [repr(one) for one in here.calls]


def test_a_cluster_of_another_version_is_told():
    """What Ray says of it stands in the message; nothing is asked."""

    def init(**_):
        raise RuntimeError("Version mismatch: the cluster was started with Ray 1")

    ray = SimpleNamespace(is_initialized=lambda: False, init=init)
    words = "connecting to the Ray cluster 'auto' failed: Version mismatch: the cluster was started with Ray 1. Check the address"
    with pytest.raises(InvalidArgument, match=f"^{words}$"), connected(ray, "auto"):
        pytest.fail("there is no cluster")


def test_without_ray_its_extra_is_named(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra) as caught:
        run_on_ray(plan_for(), {"model": ScriptedModel({"": "{}"})})

    assert str(caught.value) == "executor 'ray' needs ray. Run pip install 'schema-guard[ray]'"
