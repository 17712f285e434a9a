"""Facts about what a fake tuning host refuses, because OpenAI does."""

# ruff: noqa: S310 - loopback

import json
from urllib.request import Request

import pytest

from schema_guard.testing import serve_tuning
from tests.ext.loopback.answers import answer_to

FILE = 'name="file"; filename="rows.jsonl"'
JOB = {"model": "small", "training_file": "file-1"}


def form(*parts):
    """Fields and files as one form."""
    return (
        "".join(f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts)
        + "--b--\r\n"
    )


def answered(server, path, body):
    """Return the status of a request, and the message of its error."""
    kind = "multipart/form-data; boundary=b" if path == "files" else "application/json"
    sent = Request(f"{server.openai_url}/{path}", body.encode(), {"Content-Type": kind})
    return answer_to(sent)


@pytest.fixture
def server():
    """A host with a file to train on, and one for another purpose."""
    with serve_tuning() as running:
        for purpose in ("fine-tune", "batch"):
            parts = ('name="purpose"', purpose), (FILE, "{}")
            assert answered(running, "files", form(*parts)) == (200, "")
        yield running


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("files", form(('name="purpose"', "tune"), (FILE, "{}")), "'tune' is not one of ['fine-tune', 'assistants'"),
        ("files", form((FILE, "{}")), "'None' is not one of"),
        ("files", form(('name="purpose"', "fine-tune")), "'file' is a required property"),
        ("fine_tuning/jobs", "{", "We could not parse the JSON body of your request."),
        ("fine_tuning/jobs", json.dumps({"model": "small"}), "you must provide a training_file parameter"),
        ("fine_tuning/jobs", json.dumps({**JOB, "model": ""}), "you must provide a model parameter"),
        ("fine_tuning/jobs", json.dumps({**JOB, "suffix": "s" * 65}), f"'{'s' * 65}' is too long - 'suffix'"),
        ("fine_tuning/jobs", json.dumps({**JOB, "training_file": "file-2"}), "invalid training_file: file-2"),
        ("fine_tuning/jobs", json.dumps({**JOB, "validation_file": "file-2"}), "invalid validation_file: file-2"),
    ],
)  # fmt: skip
def test_what_a_host_refuses_is_refused(server, path, body, message):
    """Nothing is stored, and the status is 400."""
    status, text = answered(server, path, body)

    assert (status, text[: len(message)]) == (400, message)
    assert (len(server.files), len(server.jobs)) == (2, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"suffix": "s" * 64},
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "auto"}}}},
    ],
    ids=str,
)
def test_a_job_that_openai_begins_is_begun(server, more):
    """The longest suffix is accepted, and so is a number of epochs that the host chooses."""
    assert answered(server, "fine_tuning/jobs", json.dumps({**JOB, **more})) == (200, "")
    assert [job.look().as_json()["hyperparameters"] for job in server.jobs.values()] == [{"n_epochs": 3}]
