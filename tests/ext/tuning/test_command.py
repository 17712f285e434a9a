"""The command `tune`, by its arguments, its output and its exit status."""

import codecs
import json
import signal
import subprocess
import sys
from functools import partial

import pytest

from schema_guard.ext.tuning.commands import run as tune
from schema_guard.ext.tuning.jobs.run import Following
from schema_guard.ext.tuning.jobs.state import TuningJob, digests, load_job, lock_job, save_job
from schema_guard.ext.tuning.local.plan import LoraSettings
from schema_guard.testing import serve_tuning
from tests.ext.tuning.jobs.sets import training_set
from tests.public.commands.command_lines import run

pytest.importorskip("openai", reason="needs the extra 'openai'")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nothing is waited for, and each host has a key."""
    monkeypatch.setattr(tune, "Following", partial(Following, first_s=0.0, wait=lambda seconds: None))
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "canary-key")
    monkeypatch.setenv("OPENAI_API_KEY", "k")


@pytest.fixture
def orders(tmp_path):
    return training_set(tmp_path / "orders")


@pytest.fixture
def begin(capsys, orders):
    """Tune on a server that is named by its URL."""

    def begun(server, *more, base="small"):
        where = ("--backend", "openai-compatible", "--url", server.openai_url, "--base", base)
        return run(capsys, "tune", "run", orders, *where, *more)

    return begun


def test_a_set_becomes_a_model(begin, orders):
    """Size, tokens and cost on stderr before; the model, its cost and the next commands on stdout; exit status 0."""
    with serve_tuning(key="canary-key") as server:
        status, out, err = begin(server, "--yes", "--epochs", "2", "--price", "3")
        mark = load_job(orders).mark

        assert (status, out.splitlines()) == (
            0,
            [
                "openai-compatible, small: succeeded (ftjob-3)",
                f"  tuned model: {server.openai_url}#ft:small:shop:sg-{mark}:3",
                "  cost: $0.001842, 614 billed tokens",
                f"  measure the model: schema-guard bench run {orders} --model tuned:{orders} --sample all",
                f'  use the model: guard(SCHEMA, strategy="bare", about=About(tuned=True))(connect("tuned:{orders}"))',
            ],
        )
    assert "tokens: 400 per epoch, according to the manifest; 2 epochs" in err
    assert "cost: $0.0024, at $3 per million tokens (your price)" in err


def test_nothing_is_uploaded_that_nobody_agreed_to(begin, orders):
    """Without a terminal and without --yes the size is told, nothing is sent, and nothing written; exit status 2."""
    with serve_tuning() as server:
        status, out, err = begin(server)

        assert (status, out, server.requests, load_job(orders)) == (2, "", [], None)
    assert "nothing was uploaded, because no terminal is available to ask for confirmation. Add --yes" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--base", "gpt-4-0613"), "gpt-4-0613 has been unavailable since 2026-10-23. Use another --base. Nothing"),
        (("--base", "b"), "train.jsonl has 2 rows, but OpenAI needs at least 10"),
        ((), "a new job needs --base, as in"),
        (("--status",), "has no job.json, so it has no job. Start one with --backend"),
        (("--status", "--cancel"), "--status and --cancel can't be combined. Use only one of them"),
        (("--base", "b", "--url", "http://u:p@h/v1"), "expected a URL without a password"),
        (("--base", "b", "--backend", "openai-compatible"), "--url is missing: expected http://HOST:PORT/v1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_before_anything_is_sent(capsys, tmp_path, arguments, told):
    """A closed model, rows that the host refuses, and options that say too little; exit status 2."""
    folder = training_set(tmp_path / "orders", rows=2)
    status, out, err = run(capsys, "tune", "run", folder, "--backend", "openai", "--yes", *arguments)

    assert (status, out, load_job(folder)) == (2, "", None)
    assert told in err


def test_the_same_command_goes_on(begin, orders):
    """What is done is not done again: the tuned model is told once more, without a request."""
    with serve_tuning() as server:
        first = begin(server, "--yes")
        asked = len(server.requests)
        again = begin(server, "--yes")

        assert first[:2] == again[:2]
        assert len(server.requests) == asked


@pytest.mark.costly
def test_another_job_is_not_gone_on_with(begin, orders):
    """Another base than that of the job is told, with the way out, which begins a new one."""
    with serve_tuning(bases=["small", "other"]) as server:
        begin(server, "--yes")
        status, _, err = begin(server, "--yes", base="other")

        assert status == 2
        assert (
            "--base other: the job in job.json has small. Omit the option to resume that job, or start a new job with "
            "--again" in err
        )
        assert begin(server, "--yes", "--again", base="other")[0] == 0
        assert load_job(orders).base == "other"


def test_what_the_host_refuses_can_be_begun_otherwise(begin, orders):
    """A base that it does not tune is its word, and the next job takes another one."""
    with serve_tuning() as server:
        status, _, err = begin(server, "--yes", base="smal")

        assert status == 2
        assert "status 400: Model smal is not available for fine-tuning" in err
        assert (
            "fix the fault. Then run the same command to resume the job, or add --again to start a new job"
            in err
        )
        assert begin(server, "--yes", "--again")[0] == 0
        assert [one.base for one in server.jobs.values()] == ["small"]


def test_an_interrupt_leaves_the_job_running(begin, capsys, orders, monkeypatch):
    """It says how to go on; --status asks once, --cancel ends it there."""

    def interrupted(seconds):
        raise KeyboardInterrupt

    waits = partial(Following, first_s=0.0, wait=interrupted)
    with serve_tuning(looks=50) as server:
        with monkeypatch.context() as patched:
            patched.setattr(tune, "Following", waits)
            status, out, err = begin(server, "--yes")

        assert (status, out.splitlines()[0]) == (2, "openai-compatible, small: queued (ftjob-3)")
        assert f"  continue: schema-guard tune run {orders}" in out.splitlines()
        assert "interrupted. The job at the server still runs" in err
        assert run(capsys, "tune", "run", orders, "--status")[0] == 0
        assert run(capsys, "tune", "run", orders, "--again", "--base", "small")[0] == 2
        status, out, _ = run(capsys, "tune", "run", orders, "--cancel", "--format", "json")
        assert (status, json.loads(out)["status"]) == (1, "cancelled")
        assert [one.status for one in server.jobs.values()] == ["cancelled"]


@pytest.mark.costly
def test_a_deployment_has_a_name_of_its_own(begin, capsys, orders):
    """Where a tuned model answers under another name, that is what is connected."""
    with serve_tuning() as server:
        begin(server, "--yes")
        status, out, _ = run(capsys, "tune", "run", orders, "--served-as", "orders-1")

    assert status == 0
    assert f"  tuned model: {server.openai_url}#orders-1" in out.splitlines()
    assert load_job(orders).result.model == f"{server.openai_url}#orders-1"


def test_host_with_its_own_api_is_planned_and_named(capsys, orders):
    """The plan is printed, then the page that describes how to begin the job; nothing is sent."""
    status, _, err = run(capsys, "tune", "run", orders, "--backend", "together", "--base", "m-8b", "--yes")

    assert status == 2
    assert "Together tunes the model m-8b on 12 rows" in err
    assert "schema_guard can't start jobs at Together" in err
    assert "docs.together.ai/docs/fine-tuning/quickstart describes" in err
    assert not (orders / "job.json").exists()


def test_two_at_once_are_told(begin, capsys, orders):
    """While one is at it the other does nothing, but for saying what that one has seen."""
    with serve_tuning() as server:
        begin(server, "--yes")
        with lock_job(orders):
            status, _, err = begin(server, "--yes")
            seen = run(capsys, "tune", "run", orders, "--status")

    assert status == 2
    assert "another process is working on this job. Wait for that process, or use --status" in err
    assert (seen[0], seen[1].splitlines()[0]) == (0, "openai-compatible, small: succeeded (ftjob-3)")


@pytest.mark.costly
def test_a_failed_job_is_told_with_its_words(begin, orders):
    """Exit status 1, the host's words, and how to begin anew."""
    with serve_tuning(ends="failed") as server:
        status, out, _ = begin(server, "--yes")

    assert status == 1
    assert out.splitlines() == [
        "openai-compatible, small: failed: the training ended with an error (ftjob-3)",
        f"  start a new job: schema-guard tune run {orders} --again",
    ]


def test_refused_key_leaves_the_folder_as_it_was(begin, orders):
    """No job is written, and the key is not printed. Another host can take the set."""
    with serve_tuning(key="other") as server:
        status, _, err = begin(server, "--yes")

    assert (status, load_job(orders)) == (2, None)
    assert "status 401: Incorrect API key provided" in err
    assert "canary" not in err
    with serve_tuning(key="canary-key") as server:
        assert begin(server, "--yes")[0] == 0


def test_refused_key_keeps_the_tuned_model(begin, orders):
    """With --again, the earlier model stays until the host accepts the key."""
    with serve_tuning() as server:
        begin(server, "--yes")
    known = load_job(orders)
    with serve_tuning(key="other") as server:
        assert begin(server, "--yes", "--again")[0] == 2

    assert load_job(orders) == known


def test_status_shows_the_step_and_the_loss_that_the_host_reports(begin, capsys, orders, monkeypatch):
    """The newest event of a running job has its last step."""

    def interrupted(seconds):
        raise KeyboardInterrupt

    with serve_tuning(looks=50) as server:
        with monkeypatch.context() as patched:
            patched.setattr(tune, "Following", partial(Following, first_s=0.0, wait=interrupted))
            begin(server, "--yes")
        lines = [run(capsys, "tune", "run", orders, "--status")[1].splitlines()[0] for _ in range(2)]

    assert lines[-1] == "openai-compatible, small: running: step 1 of 3, loss 0.500 (ftjob-3)"


@pytest.mark.parametrize("option", ["--steps", "--rank", "--rate"])
def test_settings_of_this_machine_are_refused_for_a_host(begin, orders, option):
    """A host chooses its own steps, rank, and rate."""
    with serve_tuning() as server:
        status, _, err = begin(server, "--yes", option, "1")

        assert (status, server.requests, load_job(orders)) == (2, [], None)
    assert f"{option} has an effect only with --backend local. Omit it" in err


def local_job(folder, **changes):
    """Write a job on this machine that has done some steps."""
    settings = {"epochs": 2, "steps": 4, "rank": 8, "rate": 0.01, "seed": 0, "seconds": 30.5}
    job = TuningJob(
        backend="local",
        base="SmolLM2-135M-Instruct-Q4_1",
        url=None,
        set=digests(folder, ("train.jsonl", "validation.jsonl")),
        mark="0" * 12,
        cost={"dollars": None, **settings},
        **{
            "status": "running",
            "progress": {"step": 3, "steps": 4, "loss": 0.25, "seconds_left": 10.0},
            **changes,
        },
    )
    save_job(folder, job)
    return job


def test_status_of_a_training_shows_step_loss_and_time_left(capsys, orders):
    """While a process trains, its last step is shown."""
    local_job(orders)
    with lock_job(orders):
        status, out, _ = run(capsys, "tune", "run", orders, "--status")

    assert (status, out.splitlines()) == (
        0,
        [
            "local, SmolLM2-135M-Instruct-Q4_1: running: step 3 of 4, loss 0.250, 0:00:10 left",
            f"  show the state: schema-guard tune run {orders} --status",
        ],
    )


def test_status_of_a_killed_training_is_interrupted(capsys, orders):
    """If no process trains, the command that continues is shown, and no time left."""
    local_job(orders)
    status, out, _ = run(capsys, "tune", "run", orders, "--status", "--format", "json")
    printed = json.loads(out)

    assert (status, printed["status"], printed["next"]) == (
        0,
        "interrupted",
        [f"continue: schema-guard tune run {orders}"],
    )
    assert run(capsys, "tune", "run", orders, "--status")[1].splitlines()[0] == (
        "local, SmolLM2-135M-Instruct-Q4_1: interrupted: step 3 of 4, loss 0.250"
    )


def test_resumed_training_has_the_settings_of_its_job(capsys, orders, monkeypatch):
    """The command without options resumes with the steps, rank, and rate that the job began with."""
    job, used = local_job(orders), []
    monkeypatch.setattr(tune, "train", lambda directory, *, settings, **_: used.append(settings) or job)
    run(capsys, "tune", "run", orders, "--yes")

    assert used == [LoraSettings(steps=4, rank=8, learning_rate=0.01)]
    status, _, err = run(capsys, "tune", "run", orders, "--yes", "--rank", "4")
    assert status == 2
    assert "--rank 4: the job in job.json has 8. Omit the option to resume that job" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--steps", "4", "--epochs", "2"), "--steps and --epochs can't be combined"),
        (("--rate", "2"), "--rate 2.0: expected a float above 0 and below 1"),
        (("--rate", "0"), "--rate 0.0: expected a float above 0 and below 1"),
        (("--rank", "300"), "--rank 300: expected an int from 1 to 256"),
    ],
)
def test_settings_out_of_range_name_the_option(capsys, orders, options, words):
    """The error has the option that the user typed."""
    status, _, err = run(capsys, "tune", "run", orders, "--backend", "local", "--dry-run", *options)

    assert status == 2
    assert words in err


def test_azure_answers_from_a_deployment(capsys, orders, monkeypatch):
    """Its rows begin with a mark, its model answers under the name of a deployment, and that this costs is said."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "canary-key")
    line = ("tune", "run", orders, "--backend", "azure", "--base", "small", "--yes")
    with serve_tuning(key="canary-key") as server:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
        assert "has no byte-order mark" in run(capsys, *line)[2]
        train = orders / "train.jsonl"
        train.write_bytes(codecs.BOM_UTF8 + train.read_bytes())
        status, out, err = run(capsys, *line)
        named = run(capsys, "tune", "run", orders, "--served-as", "orders-1")[1]

    assert status == 0
    assert f"  tuned model: azure:ft:small:shop:sg-{load_job(orders).mark}:3" in out.splitlines()
    for text in (out, err):
        assert "before the tuned model can reply, it needs a deployment of it, made in the portal" in text
    assert "  tuned model: azure:orders-1" in named.splitlines()


@pytest.mark.costly
@pytest.mark.parametrize("at", [0, 2, 4, 6])
def test_a_process_that_is_killed_in_a_request_is_gone_on_from(begin, orders, at):
    """Killed while an upload, the beginning or a look is on its way and done: the next one uploads and begins nothing."""
    running = {}

    def kill(request):
        if "process" in running and len(server.requests) == at + 1:
            running.pop("process").kill()

    with serve_tuning(faults=kill) as server:
        line = (
            "tune",
            "run",
            orders,
            "--backend",
            "openai-compatible",
            "--url",
            server.openai_url,
            "--base",
            "small",
            "--yes",
        )
        process = running["process"] = subprocess.Popen(
            [sys.executable, "-m", "schema_guard", *map(str, line)]
        )
        assert process.wait(60) == -signal.SIGKILL
        status, _, _ = begin(server, "--yes")

        assert (status, len(server.files), len(server.jobs)) == (0, 2, 1)
