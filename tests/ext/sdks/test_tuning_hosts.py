"""The package of OpenAI does on the loopback host what our own requests do there."""

import pytest

from schema_guard.testing import serve_tuning
from tests.ext.tuning.jobs.sets import host_of, new_job, training_set, tuned

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def orders(tmp_path):
    """A training set."""
    return training_set(tmp_path / "orders", measured=0)


def ours(folder):
    """Tune by our own requests, and give what the host has then."""
    pytest.importorskip("openai", minversion="3", reason="needs the package openai, 3 or later")
    with serve_tuning(bases=["small"], key="k") as server:
        new_job(folder)
        job = tuned(folder, host_of(server))
        return job, kept(server)


def kept(server):
    """Give the host's file and job, without their names."""
    (file,), (job,) = server.files.values(), server.jobs.values()
    return file.content, file.purpose, job.base, job.epochs, job.training is file, job.status


def test_openai(orders):
    """Its package uploads, begins and reads as we do."""
    openai = pytest.importorskip("openai", minversion="3", reason="needs the package openai, 3 or later")
    with serve_tuning(bases=["small"], key="k") as server:
        client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
        file = client.files.create(file=(orders / "train.jsonl").open("rb"), purpose="fine-tune")
        method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
        job = client.fine_tuning.jobs.create(model="small", training_file=file.id, method=method)
        while job.status not in ("succeeded", "failed"):
            job = client.fine_tuning.jobs.retrieve(job.id)

        theirs = kept(server)
    our_job, our_kept = ours(orders)
    assert our_kept == theirs
    assert (job.status, job.trained_tokens) == (our_job.status, our_job.cost["trained_tokens"])
