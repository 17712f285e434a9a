"""What the tests of tuning share: training sets, hosts on loopback, and a job that is run without waiting."""

import json
from pathlib import Path

from schema_guard.ext.tuning.jobs.hosts import JobHost
from schema_guard.ext.tuning.jobs.run import Following, HostTuning
from schema_guard.ext.tuning.jobs.state import TuningJob, digests, load_job, new_mark, save_job
from schema_guard.ext.tuning.training_rows import read_set
from schema_guard.models.endpoint import Endpoint

AT_ONCE = Following(first_s=0.0, wait=lambda seconds: None)


def row(number):
    """A conversation that ends with its answer."""
    answer = json.dumps({"n": number}, separators=(",", ":"))
    return {
        "messages": [{"role": "user", "content": f"Order {number}"}, {"role": "assistant", "content": answer}]
    }


def training_set(folder, *, rows=12, measured=4, tokens=400):
    """Write a training set."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, numbers in (("train", range(rows)), ("validation", range(rows, rows + measured))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row(one)) + "\n" for one in numbers))
    manifest = {
        "format": 1,
        "schema": {"name": "order"},
        "files": {"train": {"rows": rows, "tokens": tokens}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def host_of(server, *, key="k", timeout_s=5.0):
    """Connect a host to its server."""
    return JobHost("OpenAI", Endpoint(server.openai_url, key, timeout_s), "openai:")


def new_job(folder, *, base="small"):
    """Write a job that was agreed to."""
    job = TuningJob(
        backend="openai",
        base=base,
        url=None,
        set=digests(folder, tuple(read_set(folder).bytes)),
        mark=new_mark(),
        cost={"epochs": 2},
    )
    save_job(folder, job)
    return job


def tuning_of(folder, host, *, following=AT_ONCE):
    """The tuning of a folder's rows at a host."""
    return HostTuning(directory=folder, host=host, following=following)


def tuned(folder, host, *, following=AT_ONCE):
    """Do what is left of a folder's job."""
    return tuning_of(folder, host, following=following).run(load_job(folder))
