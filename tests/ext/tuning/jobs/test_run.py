"""A job at a host: done once, whatever happens on the way."""

from collections import Counter
from dataclasses import replace

import pytest

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.tuning.jobs import run
from schema_guard.ext.tuning.jobs.hosts import HostError
from schema_guard.ext.tuning.jobs.state import load_job
from schema_guard.testing import serve_tuning
from tests.ext.tuning.jobs.sets import (
    AT_ONCE,
    host_of,
    new_job,
    training_set,
    tuned,
    tuning_of,
)

pytest.importorskip("openai", reason="needs the extra 'openai'")

# What a host is asked in a job without faults: at most so often.
REQUESTS = 9
FAULTS = ("http_429", "http_500", "http_503", "reset", "lost", "http_500_done")
METHODS = ("upload", "file", "start", "job")


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A host whose process is gone at one call: before the request, or after it and before its answer is read."""

    def __init__(self, host, method, number, *, is_sent):
        self.host, self.at, self.is_sent = host, (method, number), is_sent
        self.calls = Counter()

    def __getattr__(self, name):
        call = getattr(self.host, name)
        if name not in METHODS:
            return call

        def called(*arguments):
            self.calls[name] += 1
            dies = (name, self.calls[name]) == self.at
            if dies and not self.is_sent:
                raise Killed
            result = call(*arguments)
            if dies:
                raise Killed
            return result

        return called


@pytest.fixture
def orders(tmp_path):
    """A training set."""
    return training_set(tmp_path / "orders")


def kept(server):
    """How many files the host has, names without content apart, and how many jobs."""
    return sum(one.content is not None for one in server.files.values()), len(server.jobs)


def test_a_job_is_uploaded_begun_and_followed(orders):
    """In the end there is a model, and the file says what it cost and how it came about."""
    with serve_tuning(bases=["small"], key="k") as server:
        new_job(orders)
        job = tuned(orders, host_of(server))

        assert kept(server) == (2, 1)
        (begun,) = server.jobs.values()
        assert (begun.epochs, begun.training.rows[0]["messages"][0]["content"]) == (2, "Order 0")
        assert len(begun.validation.rows) == 4
    assert job == load_job(orders)
    assert (job.status, len(job.files), job.id) == ("succeeded", 2, *server.jobs)
    assert job.result.model.startswith("openai:")
    assert job.mark in job.result.model
    assert job.cost["trained_epochs"] == 2


def faults_at_each_request():
    # The first upload and the beginning of the job are tried always.
    yield pytest.param("lost", (0, 4), id="lost-where-it-counts")
    for fault in FAULTS:
        yield pytest.param(fault, range(REQUESTS), marks=pytest.mark.slow, id=fault)


@pytest.mark.parametrize(("fault", "requests"), [*faults_at_each_request()])
def test_a_fault_at_any_request_changes_nothing(tmp_path, fault, requests):
    """What was not done is done again, what was done without an answer is found: one upload each, one job."""
    for at in requests:
        folder = training_set(tmp_path / f"{at}")
        with serve_tuning(bases=["small"], faults={at: fault}) as server:
            new_job(folder)
            host = host_of(server)
            job = tuned(folder, host)
            host.close()

            assert (job.status, kept(server)) == ("succeeded", (2, 1)), at


def test_a_job_that_the_host_has_no_more_is_asked_for_once(orders):
    """A refusal does not pass by waiting: it is told at once."""
    looks = []

    def lose(request):
        if request.method == "GET" and "/jobs/" in request.path:
            looks.append(request.path)
            server.jobs.clear()

    with serve_tuning(bases=["small"], faults=lose) as server:
        new_job(orders)
        with pytest.raises(HostError):
            tuned(orders, host_of(server))

    assert len(looks) == 1


def deaths():
    for method, number in (("upload", 1), ("upload", 2), ("file", 1), ("start", 1), ("job", 1), ("job", 3)):
        for is_sent in (False, True):
            is_first = number == 1 and method in ("upload", "start")
            marks = () if is_first and is_sent else pytest.mark.slow
            text = f"{method}-{number}-{'after' if is_sent else 'before'}"
            yield pytest.param(method, number, is_sent, marks=marks, id=text)


@pytest.mark.parametrize(("method", "number", "is_sent"), [*deaths()])
def test_the_same_call_goes_on_after_a_death(orders, method, number, is_sent):
    """Before a request, and after it with its answer unread: nothing is uploaded and nothing begun twice."""
    with serve_tuning(bases=["small"]) as server:
        new_job(orders)
        with pytest.raises(Killed):
            tuned(orders, Dying(host_of(server), method, number, is_sent=is_sent))
        job = tuned(orders, host_of(server))

        assert (job.status, kept(server)) == ("succeeded", (2, 1))


@pytest.mark.costly
def test_the_same_call_goes_on_after_a_death_at_any_word_in_the_file(tmp_path, monkeypatch):
    """A process that ends right after job.json was written, whichever time, loses nothing."""
    save = run.save_job
    for at in range(1, 9):
        folder, count = training_set(tmp_path / f"{at}"), iter(range(1, 99))

        def dying(directory, job, at=at, count=count):
            save(directory, job)
            if next(count) == at:
                raise Killed

        with serve_tuning(bases=["small"]) as server:
            new_job(folder)
            monkeypatch.setattr(run, "save_job", dying)
            with pytest.raises(Killed):
                tuned(folder, host_of(server))
            monkeypatch.setattr(run, "save_job", save)

            assert (tuned(folder, host_of(server)).status, kept(server)) == ("succeeded", (2, 1))


def test_each_step_is_written_down_before_it_is_begun(orders):
    """When a request comes the file says already that it is on its way."""
    seen = {}

    def look(request):
        job = load_job(orders)
        if request.method == "POST":
            seen.setdefault(request.path, job.status)

    with serve_tuning(bases=["small"], faults=look) as server:
        new_job(orders)
        tuned(orders, host_of(server))

    assert seen == {"/v1/files": "uploading", "/v1/fine_tuning/jobs": "starting"}


def test_what_a_host_refuses_is_told_once(orders):
    """An unknown base model is the host's word, with its status; nothing is tried again."""
    with serve_tuning(bases=["small"]) as server:
        new_job(orders, base="unheard-of")
        with pytest.raises(HostError, match=r"replied with status 40[04]: ") as caught:
            tuned(orders, host_of(server))
        begun = [one for one in server.requests if one.method == "POST" and one.path.endswith("jobs")]

        assert (caught.value.is_passing, len(begun), kept(server)) == (False, 1, (2, 0))


def test_a_wrong_key_is_told_without_it(orders):
    """The message has the host's words, and not the key."""
    with serve_tuning(bases=["small"], key="k") as server:
        new_job(orders)
        with pytest.raises(HostError, match="status 401: Incorrect API key") as caught:
            tuned(orders, host_of(server, key="canary-key"))

    assert "canary" not in str(caught.value)
    assert "canary" not in (orders / "job.json").read_text()


def test_too_few_rows_are_the_jobs_failure(tmp_path):
    """A host that counts them when it begins fails the job, and its words are kept."""
    folder = training_set(tmp_path / "orders", rows=2, measured=0)
    with serve_tuning(bases=["small"]) as server:
        new_job(folder)
        job = tuned(folder, host_of(server))

    assert (job.status, job.result) == ("failed", None)
    assert "Training file has 2 example(s), but must have at least" in job.message


@pytest.mark.parametrize("ends", ["failed", "cancelled"])
def test_a_job_that_ends_otherwise_has_no_model(orders, ends):
    """What failed there, or was cancelled meanwhile, is told as that."""
    with serve_tuning(bases=["small"], ends=ends) as server:
        new_job(orders)
        job = tuned(orders, host_of(server))

    assert (job.status, job.result) == (ends, None)


def test_a_file_that_has_changed_is_refused(orders):
    """What was begun with other rows is not gone on with, before anything is sent."""
    new_job(orders)
    with (orders / "train.jsonl").open("a") as rows:
        rows.write((orders / "validation.jsonl").read_text())
    with (
        serve_tuning(bases=["small"]) as server,
        pytest.raises(
            InvalidArgument, match=r"^train.jsonl changed after the job began. Restore each file.* --again$"
        ),
    ):
        tuned(orders, host_of(server))

    assert server.requests == []


def test_a_host_without_an_answer_is_given_up(orders):
    """After some tries what is wrong is told, and the same call goes on later."""
    waited = []
    slow = replace(AT_ONCE, first_s=1.0, wait=waited.append)
    with serve_tuning(bases=["small"], faults=lambda request: "http_429") as server:
        new_job(orders)
        with pytest.raises(HostError, match="OpenAI replied with status 429"):
            tuned(orders, host_of(server), following=slow)
        server._faults = None
        assert tuned(orders, host_of(server)).status == "succeeded"

    assert len(waited) == 8
    assert all(1.0 <= seconds <= 60.0 for seconds in waited)


def test_a_running_job_is_ended(orders):
    """Also where its beginning was not answered: it is looked for and ended."""
    with serve_tuning(bases=["small"], looks=50) as server:
        new_job(orders)
        with pytest.raises(Killed):
            tuned(orders, Dying(host_of(server), "start", 1, is_sent=True))
        job = tuning_of(orders, host_of(server)).cancel(load_job(orders))

        assert (job.status, [one.status for one in server.jobs.values()]) == ("cancelled", ["cancelled"])
    with pytest.raises(SchemaGuardError, match="the job has already ended with the status 'cancelled'"):
        tuning_of(orders, host_of(server)).cancel(job)


def test_a_job_that_was_never_begun_is_ended_without_its_host(orders):
    """There is nothing there to end."""
    job = new_job(orders)
    with serve_tuning(bases=["small"]) as server:
        ended = tuning_of(orders, host_of(server)).cancel(job)

        assert (ended.status, server.requests) == ("cancelled", [])


def test_a_look_writes_down_how_it_is(orders):
    """One request, and the file has the host's word."""
    with serve_tuning(bases=["small"], looks=2) as server:
        job = new_job(orders)
        assert tuning_of(orders, host_of(server)).look_at(job) == job
        with pytest.raises(Killed):
            tuned(orders, Dying(host_of(server), "job", 1, is_sent=False))
        before = len(server.requests)
        now = tuning_of(orders, host_of(server)).look_at(load_job(orders))

        assert (now.status, load_job(orders), len(server.requests) - before) == ("queued", now, 1)


def test_a_job_that_may_be_begun_is_looked_for_whatever_a_look_says(orders):
    """Begun without an answer, then no key for a look: it is not forgotten, and found by the next one."""
    with serve_tuning(bases=["small"], key="k") as server:
        new_job(orders)
        with pytest.raises(Killed):
            tuned(orders, Dying(host_of(server), "start", 1, is_sent=True))
        with pytest.raises(HostError, match="status 401"):
            tuned(orders, host_of(server, key="other"))

        assert (tuned(orders, host_of(server)).status, kept(server)) == ("succeeded", (2, 1))
