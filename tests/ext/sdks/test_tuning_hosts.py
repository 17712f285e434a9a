"""What the packages of hosts of tuning do on the loopback hosts is what our own requests do there."""

import pytest

from schema_guard.testing import serve_tuning
from tests.ext.tuning.jobs.sets import BASES, host_of, new_job, training_set, tuned

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def orders(tmp_path):
    """A training set."""
    return training_set(tmp_path / "orders", measured=0)


def ours(name, folder):
    """Tune by our own requests, and give what the host has then."""
    pytest.importorskip("openai", minversion="3", reason="needs the package openai, 3 or later")
    with serve_tuning(name, bases=[BASES[name]], key="k") as server:
        new_job(folder, name)
        job = tuned(folder, host_of(server, name))
        return job, kept(server)


def kept(server):
    """Give the host's file and job, without their names."""
    (file,), (job,) = server.desk.files.values(), server.desk.jobs.values()
    return file.content, file.purpose, job.base, job.epochs, job.form, job.training is file, job.status


def test_openai(orders):
    """Its package uploads, begins and reads as we do."""
    openai = pytest.importorskip("openai", minversion="3", reason="needs the package openai, 3 or later")
    with serve_tuning("openai", bases=["small"], key="k") as server:
        client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
        file = client.files.create(file=(orders / "train.jsonl").open("rb"), purpose="fine-tune")
        method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
        job = client.fine_tuning.jobs.create(model="small", training_file=file.id, method=method)
        while job.status not in ("succeeded", "failed"):
            job = client.fine_tuning.jobs.retrieve(job.id)

        theirs = kept(server)
    our_job, our_kept = ours("openai", orders)
    assert our_kept == theirs
    assert (job.status, job.trained_tokens) == (our_job.status, our_job.cost["trained_tokens"])


def test_together(orders):
    """Its package asks where the file goes, puts it there, has it looked at, and reads the same job."""
    together = pytest.importorskip("together", reason="needs the package together")
    base = BASES["together"]
    with serve_tuning("together", bases=[base], key="k") as server:
        client = together.Together(api_key="k", base_url=server.url, max_retries=0)
        file = client.files.upload(orders / "train.jsonl", purpose="fine-tune")
        job = client.fine_tuning.create(training_file=file.id, model=base, n_epochs=2, suffix="mine")
        while str(job.status) not in ("completed", "error"):
            job = client.fine_tuning.retrieve(job.id)

        theirs = kept(server)
    our_job, our_kept = ours("together", orders)
    assert our_kept == theirs
    assert job.token_count == our_job.cost["trained_tokens"]
    assert job.total_price / 1e9 == pytest.approx(our_job.cost["dollars"])


def test_fireworks(orders):
    """Its package makes a dataset, fills it, and begins a job of it as we do."""
    fireworks = pytest.importorskip("fireworks", reason="needs the package fireworks-ai")
    base = BASES["fireworks"]
    with serve_tuning("fireworks", bases=[base], key="k") as server:
        client = fireworks.Fireworks(api_key="k", account_id="shop", base_url=server.url, max_retries=0)
        dataset = {"user_uploaded": {}, "format": "CHAT", "example_count": "12"}
        client.datasets.create(dataset=dataset, dataset_id="orders")
        client.datasets.upload("orders", file=orders / "train.jsonl")
        name = client.datasets.get("orders").name
        job = client.supervised_fine_tuning_jobs.create(dataset=name, base_model=base, epochs=2)
        while job.state not in ("JOB_STATE_COMPLETED", "JOB_STATE_FAILED"):
            job = client.supervised_fine_tuning_jobs.get(job.name.rpartition("/")[2])

        theirs = kept(server)
    our_job, our_kept = ours("fireworks", orders)
    assert our_kept == theirs
    assert int(job.estimated_cost.units) + job.estimated_cost.nanos / 1e9 == our_job.cost["dollars"]
