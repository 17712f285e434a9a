"""How far a job is, in a file."""

import json
import stat
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.tuning.jobs.state import (
    TuningJob,
    digests,
    load_job,
    lock_job,
    new_mark,
    save_job,
)
from schema_guard.ext.tuning.tuned_model import JOB_FILE, TunedModel

WORDS = st.text(min_size=1).filter(str.strip)
MAYBE = st.none() | WORDS
JOBS = st.builds(
    TuningJob,
    backend=st.sampled_from(["local", "openai", "azure", "openai-compatible"]),
    base=WORDS,
    url=MAYBE,
    set=st.dictionaries(st.text(), st.just("0" * 64), max_size=2),
    mark=st.builds(new_mark),
    status=st.sampled_from(["planned", "uploading", "starting", "queued", "running", "failed"]),
    files=st.dictionaries(st.text(), WORDS, max_size=2),
    id=MAYBE,
    result=st.none() | st.builds(TunedModel, model=WORDS, adapter=st.sampled_from([None, "a.gguf"]), provider=MAYBE),
    cost=st.dictionaries(st.text(), st.none() | st.integers(-9, 9), max_size=2),
    message=MAYBE,
)  # fmt: skip
JOB = TuningJob(backend="openai", base="small", url=None, set={}, mark="0123456789ab")


@given(JOBS)
def test_what_is_written_is_read(tmp_path_factory, job):
    """A job comes out of its file as it went in."""
    folder = tmp_path_factory.getbasetemp()
    save_job(folder, job)

    assert load_job(folder) == job


def test_a_file_is_whole_and_its_owners(tmp_path):
    """There is one file for its owner, and none beside it."""
    save_job(tmp_path, JOB)
    save_job(tmp_path, replace(JOB, status="uploading"))

    assert [path.name for path in tmp_path.iterdir()] == [JOB_FILE]
    assert stat.S_IMODE((tmp_path / JOB_FILE).stat().st_mode) == 0o600
    assert load_job(tmp_path).status == "uploading"


def test_a_folder_is_held_by_one(tmp_path):
    """Who comes while another is at it is told, and it is free afterwards."""
    with (
        lock_job(tmp_path),
        pytest.raises(SchemaGuardError, match="another process is working on this job"),
        lock_job(tmp_path),
    ):
        pass
    with lock_job(tmp_path):
        pass


def test_what_is_no_job_is_told(tmp_path):
    """A file of another shape is told with its place."""
    assert load_job(tmp_path) is None
    save_job(tmp_path, JOB)
    broken = {**json.loads((tmp_path / JOB_FILE).read_text()), "status": "runing"}
    (tmp_path / JOB_FILE).write_text(json.dumps(broken))

    with pytest.raises(InvalidArgument, match=r"job.json at /status: .* Did you mean 'running'\?"):
        load_job(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "expected a JSON file"), ("[" * 100_000, "expected a JSON file"), ('{"format": 2}', "at /format: expected 1")],
    ids=["broken", "deep", "a later one"],
)  # fmt: skip
def test_a_job_that_cannot_be_read_says_the_way_on(tmp_path, text, told):
    """What was begun goes on at the host, and a new one is begun without the file."""
    (tmp_path / JOB_FILE).write_text(text)

    with pytest.raises(InvalidArgument) as caught:
        load_job(tmp_path)
    assert told in str(caught.value)
    assert str(caught.value).endswith(", or move it away to begin again. A job at a host continues there")


def test_a_digest_is_that_of_the_file(tmp_path):
    """Files are known by what is in them; one that is not there is told."""
    (tmp_path / "train.jsonl").write_text("")

    assert digests(tmp_path, ("train.jsonl",))["train.jsonl"].startswith("e3b0c44298fc1c14")
    with pytest.raises(InvalidArgument, match="this file of the training set cannot be read: No such file"):
        digests(tmp_path, ("test.jsonl",))
