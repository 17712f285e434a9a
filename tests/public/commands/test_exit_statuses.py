"""The exit statuses that the help texts and pages promise: a case for each of them."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from schema_guard import guard, open_store, testing
from tests.enforcing_model import EnforcingModel
from tests.needs import needs, with_parts
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lay_out, lines
from tests.public.commands.training_rows import TICKET, recorded
from tests.public.decide.examples import exhausted, failing, passing, strategy
from tests.public.decide.production import Production

GOOD, CUT = '{"team": "billing"}', {"when": "", "reply": "{", "finish_reason": "length"}
PLAYBOOK = "bench run --playbook --schema item.json --inputs inputs.txt --concurrency 1 --max-calls 200"
TRACES = "store import --from jsonl {} --schema ticket.json --traffic all --field reply=answer --store new.db"
EXPORT = "tune prepare --schema ticket --store tickets.db --function app.triage -o out"
UNDECIDED = {**passing(), "strategies": [strategy(n=40, k=0)]}
# A tuned model with most of the traffic, and without proved failures.
IN_SERVICE = {
    **exhausted(), "current": "tuned", "strategies": [
        *exhausted()["strategies"], {"id": "tuned", "rung": "bare", "n": 3_000, "k_final": 3, "tuned": True, "traffic_share": 0.9},
    ],
}  # fmt: skip
STATUSES = {
    # A verdict for prompting or for more data is 0. With --require-proof, more data is 1.
    "decide --evidence passing.json": 0,
    "decide --evidence passing.json --require-proof": 0,
    "decide --evidence failing.json": 1,
    "decide --evidence exhausted.json": 1,
    "decide --evidence in_service.json": 0,
    "decide --evidence in_service.json --what-if calls_per_month=1": 0,
    "decide --evidence undecided.json": 0,
    "decide --evidence undecided.json --require-proof": 1,
    "decide --evidence none.json": 2,
    "decide --store calls.db --function app.good --max-failure-rate 0.2": 0,
    "decide --store calls.db --function app.bad": 1,
    "decide --store calls.db --function app.few": 0,
    "decide --store calls.db --function app.few --require-proof": 1,
    "decide --store calls.db --function app.raises": 1,
    "decide --store calls.db": 1,
    "decide --store calls.db --function app.none": 2,
    "decide --store none.db": 2,
    "watch --store calls.db --function app.good --max-failure-rate 0.2": 0,
    "watch --store calls.db --function app.bad --max-failure-rate 0.2": 1,
    "watch --store calls.db --function app.bad --max-failure-rate 0.9": 0,
    "watch --store calls.db --function app.few --max-failure-rate 0.01": 0,
    "watch --store calls.db --function app.raises --max-failure-rate 0.2": 1,
    "watch --store calls.db --max-failure-rate 0.2": 1,
    "watch --store calls.db --function app.none --max-failure-rate 0.2": 2,
    "watch --store none.db --max-failure-rate 20%": 2,
    "report --store calls.db": 0,
    "report --store calls.db --function app.bad": 0,
    "report --store none.db": 2,
    "store info --store calls.db": 0,
    "store info --store none.db": 2,
    "store check --store calls.db": 0,
    "store check --store damaged.db": 1,
    "store check --store damaged.db --format json": 1,
    "store check --store none.db": 2,
    "store check --store s.json": 2,
    "doctor --store calls.db": 0,
    "doctor --store none": 0,
    "doctor --store new.db": 1,
    "doctor --store s.json": 1,
    "doctor none --store none": 2,
    "schema check s.json yes.txt": 0,
    "schema check s.json yes.txt no.txt": 1,
    "schema check s.json no.txt yes.txt": 1,
    "schema check s.json none.txt": 2,
    "schema lint fine.json --provider openai": 0,
    "schema lint doubtful.json --provider openai": 0,
    "schema lint refused.json --provider openai": 1,
    "schema lint fine.json refused.json --provider openai": 1,
    "schema lint refused.json --provider openai --fix sent": 1,
    "schema lint fine.json --provider openai --fix sent": 0,
    "schema lint refused.json --provider openai --format sarif": 1,
    "schema lint none.json --provider openai": 2,
    "bench compare good.result.json good.result.json --gate": 0,
    "bench compare good.result.json worst.result.json --gate": 1,
    "bench compare worst.result.json good.result.json --gate": 0,
    "bench compare good.result.json worst.result.json --gate --max-drop 0.99": 0,
    "bench compare good.result.json good.result.json --gate --require-proof": 1,
    "bench compare none.json good.result.json --gate": 2,
    "bench compare good.result.json worst.result.json": 0,
    "bench compare worst.result.json good.result.json": 0,
    "bench compare good.result.json item.json": 2,
    TRACES.format("plain.jsonl"): 0,
    TRACES.format("broken.jsonl"): 1,
    TRACES.format("plain.jsonl broken.jsonl"): 1,
    TRACES.format("broken.jsonl") + " --dry-run": 1,
    TRACES.format("broken.jsonl") + " --format json": 1,
    TRACES.format("none.jsonl"): 2,
    f"{EXPORT} --min-examples 5 --accept-unchecked --base m9": 0,
    f"{EXPORT} --min-examples 9999 --accept-unchecked --base m9": 1,
    f"{EXPORT} --accept-unchecked --base m9": 1,
    f"{EXPORT} --min-examples 9999 --accept-unchecked --base m9 --format json": 1,
    f"{EXPORT} --function app.none": 2,
    f"{PLAYBOOK} --model scripted:clean.jsonl --max-failure-rate 20%": 0,
    f"{PLAYBOOK} --model scripted:hopeless.jsonl --max-failure-rate 20%": 1,
    f"{PLAYBOOK} --model scripted:dead.jsonl": 2,
    "help decide": 0,
    "help nothing": 2,
    "--version": 0,
    "--help": 0,
    "nothing": 2,
    "report --nothing": 2,
}  # fmt: skip


def calls(path):
    """Record four functions: one good, one bad, one with few calls, and one that raises."""
    with stopped_clock() as clock, open_store(f"sqlite:///{path}") as store:
        production = Production(store, clock, path.parent)
        production.calls(400, 0, name="app.good")
        production.calls(200, 2, name="app.bad")
        production.calls(5, 0, name="app.few")
        production.calls(100, 0, name="app.raises")
        production.calls(60, 0, name="app.raises", raises=KeyError("code"))


def damage(path):
    """Cut off the last third of the pages of a SQLite file."""
    content = path.read_bytes()
    page = int.from_bytes(content[16:18], "big")
    path.write_bytes(content[: len(content) // page * 2 // 3 * page])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the files of all lines."""
    place = tmp_path_factory.mktemp("statuses")
    lay_out(place)
    documents = {
        "passing": passing(), "failing": failing(), "exhausted": exhausted(), "undecided": UNDECIDED, "in_service": IN_SERVICE, "s": {"type": "object"},
        "fine": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False},
        "refused": {"type": "object", "properties": {"a": {"not": {"type": "string"}}}},
        "doubtful": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}, "required": ["a"],
                     "additionalProperties": False},
    }  # fmt: skip
    for name, document in documents.items():
        (place / f"{name}.json").write_text(json.dumps(document))
    (place / "yes.txt").write_text("{}")
    (place / "no.txt").write_text("[]")
    lines(place / "dead.jsonl", [{"when": "", "raise": "TimeoutError: down"}])
    calls(place / "calls.db")
    shutil.copy(place / "calls.db", place / "damaged.db")
    damage(place / "damaged.db")
    recorded(
        place / "tickets.db", [[GOOD]] * 40, tasks=[f"Task {n} " + "abcdefgh"[n % 8] * n for n in range(40)]
    ).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name in ("good", "worst"):
            line = f"bench run suite.jsonl --model m=scripted:{name}.jsonl --strategy bare --concurrency 1 --sample all"
            status, _, err = command(*line.split(), "--store", "none", "--output", f"{name}.result.json")
            assert status == 0, err
    return place


@pytest.fixture
def here(files, folder):
    """A copy of these files in the working folder."""
    shutil.copytree(files, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("line", with_parts(STATUSES))
def test_exit_status_is_as_promised(here, line):
    """Each line ends with the status that its help text promises. A reason on stderr comes with each 2."""
    status, _, err = command(*shlex.split(line))

    assert status == STATUSES[line], err
    assert "Traceback" not in err
    if status == 2:
        assert "schema-guard: " in err or err.startswith("Usage: ")


SERVERS = {
    "enforced": (lambda: EnforcingModel(holds=1.0), {}, "", 0),
    "ignored": (lambda: EnforcingModel(holds=0), {}, "", 1),
    "sometimes": (
        lambda: EnforcingModel(holds=lambda number: number % 2 == 0),
        {},
        "--requests 6",
        1,
    ),
    "refused": (lambda: EnforcingModel(refuses=lambda schema: True), {}, "", 1),
    "no answer": (lambda: EnforcingModel(holds=1.0), {"faults": "http_500"}, "", 2),
    "cut off": (lambda: lambda prompt: CUT, {}, "", 2),
    "schema accepted": (lambda: EnforcingModel(holds=1.0), {}, "--schema fine.json", 0),
    "schema refused": (
        lambda: EnforcingModel(refuses=["maxLength"]),
        {},
        "--schema doubtful.json",
        1,
    ),
    "keyword ignored": (lambda: EnforcingModel(ignores=["enum"]), {}, "--keywords", 1),
}


@needs("fitting", "loopback")
@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_probe_ends_with_the_status_of_its_verdict(here, name, form):
    """Only a server that enforces each schema is 0. A server without an answer is 2."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    model, serving, more, expected_status = SERVERS[name]
    with testing.serve(model(), **serving) as server:
        line = f"schema probe --model {server.openai_url}#m --yes --format {form} {more}"
        status, out, err = command(*line.split())

    assert status == expected_status, (out, err)


# The host ends a job after so many looks, in this way.
JOBS = {
    "running": (10_000, "succeeded"),
    "succeeded": (0, "succeeded"),
    "failed": (0, "failed"),
    "cancelled": (0, "cancelled"),
}
TUNED = {
    "running": {"--status": 0, "--cancel": 1, "--again": 2, "Ctrl-C": 2},
    "succeeded": {"": 0, "--status": 0, "--cancel": 2, "--served-as x": 0, "--again --yes": 0},
    "failed": {"": 1, "--status": 1, "--cancel": 2, "--served-as x": 2, "--again --yes": 1},
    "cancelled": {"": 1, "--status": 1, "--cancel": 2, "--served-as x": 2, "--again --yes": 1},
    None: {"": 2, "--status": 2, "--cancel": 2, "--served-as x": 2},
}


@pytest.fixture
def training(folder, monkeypatch):
    """A training set, and the key of its host."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
    (folder / "set").mkdir()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{}"}]
    lines(folder / "set" / "train.jsonl", [{"messages": turns}] * 12)
    return folder


def looks(server):
    return sum("jobs/" in request.path and request.method == "GET" for request in server.requests)


def interrupted(server, *line):
    """Run a command line, and press Ctrl-C after the host was asked about its job."""
    before = looks(server)

    def press():
        deadline = time.monotonic() + 20
        while looks(server) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        return command(*line)
    finally:
        presser.join()


def begun(server):
    return f"tune run set --backend openai-compatible --url {server.openai_url} --base small --yes".split()


CASES = [(job, action, form) for job in TUNED for action in TUNED[job] for form in ("text", "json")]


@needs("loopback", "tuning")
@pytest.mark.parametrize(("job", "action", "form"), CASES)
def test_tune_ends_with_the_status_of_the_job(training, job, action, form):
    """A tuned model is 0, a job without one is 1, and a job that runs is 2. `--status` of a job that runs is 0."""
    looks_before_end, ends = JOBS.get(job, (0, "succeeded"))
    with testing.serve_tuning(key="k", looks=looks_before_end, ends=ends) as server:
        if job == "running":
            status, _, err = interrupted(server, *begun(server))
            assert (status, "interrupted" in err) == (2, True)
        elif job is not None:
            command(*begun(server))
        line = ["tune", "run", "set", *("" if action == "Ctrl-C" else action).split(), "--format", form]
        if action.startswith("--again --yes"):
            line += begun(server)[3:-1]
        status, out, err = interrupted(server, *line) if action == "Ctrl-C" else command(*line)

    assert status == TUNED[job][action], (out, err)
    if form == "json" and status != 2:
        assert json.loads(out)["status"] in JOBS or job == "running"


@needs("loopback", "tuning")
@pytest.mark.costly
def test_tune_status_of_a_job_that_another_process_follows(training):
    """While one process follows the job, `--status` is 0 and another follower is 2. Ctrl-C ends the first with 2."""
    with testing.serve_tuning(key="k", looks=10_000) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "schema_guard", *begun(server)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while not looks(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        status, other = command("tune", "run", "set", "--status")[0], command("tune", "run", "set")[0]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

        assert (status, other, process.returncode) == (0, 2, 2)
        assert b"continue: schema-guard tune run" in out
        assert len(server.jobs) == 1


def test_report_counts_a_function_that_was_never_valid(folder):
    """A report of failures only is still a report."""
    with open_store("r.db") as store:
        guard(TICKET, store=store, name="app.bad", on_failure="return", max_attempts=1)(lambda prompt: "no")(
            "x"
        )

    assert command("report", "--store", "r.db")[0] == 0
