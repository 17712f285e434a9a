"""The questions that commands ask before they upload, send, or delete: the effect of each answer."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from schema_guard import open_store, tags, testing
from tests.enforcing_model import EnforcingModel
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import main
from tests.public.commands.desk import lines
from tests.public.decide.production import Production


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def answered(line, answer, *, has_terminal=True):
    """Run a command line and type an answer. Return the exit status, stdout, and stderr."""
    kind = Terminal if has_terminal else io.StringIO
    out, err = kind(), kind()
    with mock.patch("sys.stdin", kind(answer)), redirect_stdout(out), redirect_stderr(err):
        status = main(line.split())
    return status, out.getvalue(), err.getvalue()


YES = ("y\n", "yes\n", "Y\n")
# The last one is the end of input.
NO = ("n\n", "no\n", "\n", "maybe\nn\n", "")


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A store with the calls of two functions in two segments."""
    place = tmp_path_factory.mktemp("counted")
    with stopped_clock() as clock, open_store(f"sqlite:///{place}/r.db", payload="full") as store:
        production = Production(store, clock, place)
        for name, segment, n in (("app.one", "eu", 10), ("app.one", "us", 6), ("app.two", "eu", 4)):
            with tags(segment=segment):
                production.calls(n, 2, name=name)
    return place / "r.db"


@pytest.fixture
def store(counted, folder):
    """A copy of that store."""
    shutil.copy(counted, folder / "r.db")
    return folder / "r.db"


def state(path):
    """Return the number of attempts, and of the counted calls by function and segment."""
    with open_store(f"sqlite:///{path}") as store:
        counts = {}
        for row in store.configurations():
            key = row.function, row.segment
            counts[key] = counts.get(key, 0) + row.calls
        return sum(1 for _ in store.attempts()), counts


def display(path):
    return f"sqlite:///{path}"


WHOLE = (20, {("app.one", "eu"): 10, ("app.one", "us"): 6, ("app.two", "eu"): 4})
FORGET = {
    "--function app.one": (4, {("app.two", "eu"): 4}),
    "--segment eu": (6, {("app.one", "us"): 6}),
}


@pytest.mark.parametrize("answer", YES)
@pytest.mark.parametrize("what", FORGET)
def test_delete_with_counts_deletes_after_a_yes(store, what, answer):
    """Rows and counts of the named part are gone, and the rest stays."""
    status, _, err = answered(f"store delete --counts {what} --store r.db", answer)

    assert (status, state(store)) == (0, FORGET[what])
    assert f"from {display(store)}? [y/N]" in err


@pytest.mark.parametrize("answer", NO)
@pytest.mark.parametrize("what", FORGET)
def test_delete_deletes_nothing_without_a_yes(store, what, answer):
    """After a no, an empty line, or the end of input, all rows and counts are still there."""
    status, out, _ = answered(f"store delete --counts {what} --store r.db", answer)

    assert (status, out, state(store)) == (2, "", WHOLE)


@pytest.mark.parametrize(
    "what", ["--function app.one", "--segment eu --counts", "--older-than 1s", "--max-rows 5"]
)
def test_delete_without_a_terminal_takes_no_answer(store, what):
    """A piped answer does not count. The message names `--yes`."""
    status, out, err = answered(f"store delete {what} --store r.db", "y\n", has_terminal=False)

    assert (status, out, state(store)) == (2, "", WHOLE)
    assert (
        err
        == "schema-guard: nothing was deleted, because no terminal is available to ask for confirmation. Add --yes\n"
    )


@pytest.mark.parametrize(
    "what", ["--function app.one", "--segment eu --counts", "--older-than 1s", "--max-rows 5"]
)
def test_dry_run_of_delete_asks_and_deletes_nothing(store, what):
    """`--dry-run` prints the number of attempts and changes nothing."""
    before = store.read_bytes()

    status, out, err = answered(f"store delete {what} --store r.db --dry-run", "n\n")

    assert (status, "[y/N]" in err) == (0, False)
    assert out.startswith("would delete ")
    assert store.read_bytes() == before


@pytest.mark.parametrize("what", FORGET)
def test_delete_with_yes_asks_nothing(store, what):
    """`--yes` deletes without a question."""
    status, _, err = answered(f"store delete --counts {what} --store r.db --yes", "n\n")

    assert (status, err, state(store)) == (0, "", FORGET[what])


@pytest.fixture
def enforcing():
    """A server that enforces schemas."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with testing.serve(EnforcingModel()) as server:
        yield server


@needs("fitting", "loopback")
@pytest.mark.parametrize("answer", YES)
def test_probe_sends_after_a_yes(enforcing, answer):
    """The requests are sent, and the verdict is the exit status."""
    status, out, err = answered(f"schema probe --model {enforcing.openai_url}#m", answer)

    assert status == 0, err
    assert out
    assert enforcing.requests


@needs("fitting", "loopback")
@pytest.mark.parametrize("answer", NO)
def test_probe_sends_nothing_without_a_yes(enforcing, answer):
    """No request is sent."""
    status, out, err = answered(f"schema probe --model {enforcing.openai_url}#m", answer)

    assert (out, enforcing.requests) == ("", [])
    assert status == 2
    assert "Send them? [y/N]" in err


@needs("fitting", "loopback")
def test_probe_without_a_terminal_takes_no_answer(enforcing):
    """A piped answer does not count."""
    status, out, err = answered(f"schema probe --model {enforcing.openai_url}#m", "y\n", has_terminal=False)

    assert (status, out, enforcing.requests) == (2, "", [])
    assert "Add --yes" in err


@needs("fitting", "loopback")
def test_probe_with_yes_asks_nothing(enforcing):
    """`--yes` sends without a question."""
    status, _, err = answered(f"schema probe --model {enforcing.openai_url}#m --yes", "n\n")

    assert status == 0
    assert "Send them?" not in err
    assert enforcing.requests


@pytest.fixture
def tuning(folder, monkeypatch):
    """A training set, and a host that tunes at once."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "k")
    (folder / "set").mkdir()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{}"}]
    lines(folder / "set" / "train.jsonl", [{"messages": turns}] * 12)
    with testing.serve_tuning(key="k", looks=0) as server:
        yield server


def tune(server, more=""):
    return f"tune run set --backend openai-compatible --url {server.openai_url} --base small {more}"


@needs("loopback", "tuning")
@pytest.mark.parametrize("answer", YES)
def test_tune_begins_after_a_yes(tuning, answer):
    """The rows are uploaded, and the job is in job.json."""
    status, _, err = answered(tune(tuning), answer)

    assert status == 0, err
    assert json.loads(Path("set/job.json").read_text())["base"] == "small"
    assert len(tuning.jobs) == 1


@needs("loopback", "tuning")
@pytest.mark.parametrize("answer", NO)
def test_tune_begins_nothing_without_a_yes(tuning, answer):
    """Nothing is sent or written."""
    status, out, err = answered(tune(tuning), answer)

    assert (out, tuning.requests, Path("set/job.json").exists()) == ("", [], False)
    assert status == 2
    assert "Begin tuning? [y/N]" in err


@needs("loopback", "tuning")
def test_tune_without_a_terminal_takes_no_answer(tuning):
    """A piped answer does not count."""
    status, out, err = answered(tune(tuning), "y\n", has_terminal=False)

    assert (status, out, tuning.requests, Path("set/job.json").exists()) == (2, "", [], False)
    assert "Add --yes" in err


@needs("loopback", "tuning")
def test_tune_with_yes_asks_nothing(tuning):
    """`--yes` begins without a question."""
    status, _, err = answered(tune(tuning, "--yes"), "n\n")

    assert status == 0
    assert "Begin tuning?" not in err
    assert len(tuning.jobs) == 1


@needs("loopback", "tuning")
@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_tune_asks_nothing_about_a_job_that_is_there(tuning, answer):
    """The question is asked once for a job."""
    answered(tune(tuning, "--yes"), "")
    status, _, err = answered(tune(tuning), answer)

    assert status == 0
    assert "Begin tuning?" not in err


@needs("loopback", "tuning")
@pytest.mark.parametrize(("answer", "status", "jobs"), [("y\n", 0, 2), ("n\n", 2, 1)])
def test_tune_asks_before_another_job(tuning, answer, status, jobs):
    """`--again` asks as a first job does."""
    answered(tune(tuning, "--yes"), "")
    before = Path("set/job.json").read_text()

    assert answered(tune(tuning, "--again"), answer)[0] == status
    assert len(tuning.jobs) == jobs
    assert (Path("set/job.json").read_text() == before) is (jobs == 1)
