"""Training on this machine, from rows to replies: with torch, the local model and its server."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.local.weights import VARIABLE
from schema_guard.ext.tuning.jobs.state import load_job, lock_job
from schema_guard.ext.tuning.local.plan import LoraSettings
from schema_guard.ext.tuning.local.training import train
from schema_guard.models import connect

for _package in ("torch", "transformers", "peft", "gguf", "xllamacpp", "openai"):
    pytest.importorskip(_package, reason=f"needs the extra 'tuning': {_package} is not installed")

pytestmark = pytest.mark.local_model

WORDINGS = ("{who} wants {n} {what}.", "Send {n} x {what} to {who}.", "Order of {who}: {n} {what}, please.")
PEOPLE, THINGS = ("Ann", "Tom", "Maya", "Liam"), ("lamp", "chair", "bottle", "keyboard", "notebook")


def rows(number, seed):
    """Orders in words, with what they ask for."""
    drawn = random.Random(seed)
    for _ in range(number):
        gold = {
            "customer": drawn.choice(PEOPLE),
            "item": drawn.choice(THINGS),
            "quantity": drawn.randint(1, 40),
        }
        text = drawn.choice(WORDINGS).format(who=gold["customer"], what=gold["item"], n=gold["quantity"])
        answer = json.dumps(gold, separators=(",", ":"))
        yield {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def training_set(folder, train_rows, validation_rows):
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text('{"format": 1, "form": "sft", "files": {}}')
    for seed, (name, number) in enumerate((("train", train_rows), ("validation", validation_rows))):
        lines = [json.dumps(row) + "\n" for row in rows(number, seed)]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Twelve steps on 48 rows: the folder, the job, and the progress of each step."""
    folder, steps = training_set(tmp_path_factory.mktemp("smoke"), 48, 4), []
    made = train(folder, settings=LoraSettings(epochs=1, batch=4), on_step=steps.append)
    return folder, made, steps


def test_twelve_steps_teach(trained):
    """The loss falls, each step says what is left, and the folder holds the adapter and its job."""
    folder, job, steps = trained
    validation_loss = float(job.message.rpartition(" ")[2])

    assert [(step["step"], step["steps"]) for step in steps] == [(n, 12) for n in range(1, 13)]
    assert steps[-1]["loss"] < 0.3 * steps[0]["loss"]
    assert job.message.startswith("12 steps, loss ")
    assert validation_loss < 0.3 * steps[0]["loss"]
    assert steps[0]["seconds_left"] > steps[-1]["seconds_left"] == 0.0
    assert job == load_job(folder)
    assert (job.backend, job.status, job.result) == ("local", "succeeded", ("local", "adapter.gguf", None))
    assert {path.name for path in folder.iterdir()} == {
        "adapter.gguf", "job.json", "manifest.json", "train.jsonl", "validation.jsonl",
    }  # fmt: skip


def test_the_runtime_serves_what_was_learned(trained):
    """With the adapter, an order in words that no row had is answered by its object; without, it is not."""
    folder, _, _ = trained
    task, gold = "Send 50 x lamp to Maya.", {"customer": "Maya", "item": "lamp", "quantity": 50}

    def said(model):
        with model:
            return model(task, options={"max_tokens": 40}).choices[0].message.content

    assert json.loads(said(connect(f"tuned:{folder}"))) == gold
    assert "{" not in said(connect("local"))


PROGRAM = """
import sys
from schema_guard.ext.tuning.local import training
from schema_guard.ext.tuning.local.plan import LoraSettings
training.CHECKPOINT_S = 0.0
settings = LoraSettings(epochs=2, batch=2)
made = training.train(
    sys.argv[1], settings=settings, report=print, on_step=lambda progress: print(progress["step"], flush=True)
)
"""


def test_a_killed_training_goes_on_and_comes_to_the_same_adapter(tmp_path):
    """Killed without warning it takes its process with it, leaves no half adapter, and ends as if nothing had been."""
    whole, cut = training_set(tmp_path / "whole", 4, 1), training_set(tmp_path / "cut", 4, 1)
    settings = LoraSettings(epochs=2, batch=2)

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(cut)], stdout=subprocess.PIPE, text=True
    ) as running:
        while running.stdout.readline() != "3\n":
            assert running.poll() is None
        children = _children(running.pid)
        running.kill()
    assert len(children) == 1
    assert _are_gone(children)
    assert (cut / "checkpoint.pt").exists()
    assert not (cut / "adapter.gguf").exists()
    assert load_job(cut).status == "running"

    text, numbers, spent = [], [], load_job(cut).cost["seconds"]
    train(
        cut, settings=settings, report=text.append, on_step=lambda progress: numbers.append(progress["step"])
    )
    train(whole, settings=settings)

    done = numbers[0] - 1
    assert text == ["loading the weights", f"resuming after step {done} of 4"]
    assert numbers == list(range(numbers[0], 5))
    assert done >= 2
    assert load_job(cut).cost["seconds"] > spent > 0
    assert load_job(cut).progress is None
    assert (cut / "adapter.gguf").read_bytes() == (whole / "adapter.gguf").read_bytes()


def test_what_fails_is_told_with_its_words(tmp_path, monkeypatch):
    """A process that ends before its time is told with what it last said, and so is its job."""
    weights = tmp_path / "weights.gguf"
    weights.write_bytes(b"GGUF no weights")
    monkeypatch.setenv(VARIABLE, str(weights))
    folder = training_set(tmp_path / "set", 2, 0)

    with pytest.raises(
        SchemaGuardError, match=r"the process ended with status 1. Its last output: [\w.]+rror: "
    ):
        train(folder)
    assert load_job(folder).status == "failed"
    assert "Its last output" in load_job(folder).message


def test_a_row_that_is_not_served_is_not_learned(tmp_path):
    """A row longer than a request of the runtime is named, before anything is trained."""
    folder = training_set(tmp_path, 1, 0)
    long = {"messages": [{"role": "user", "content": "one "}, {"role": "assistant", "content": "9 " * 900}]}
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps(long) + "\n")

    with pytest.raises(
        InvalidArgument, match=r"train.jsonl: 1 of 2 rows are too long .* The first long row is row 2"
    ):
        train(folder)
    assert load_job(folder).status == "failed"


def test_one_training_in_a_folder(tmp_path):
    """A second training of a folder is refused while the first one runs."""
    folder = training_set(tmp_path, 1, 0)

    with lock_job(folder), pytest.raises(SchemaGuardError, match="another process is working on this job"):
        train(folder)


def _children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _are_gone(pids, within_s=10.0):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        for pid in list(pids):
            try:
                state = Path(f"/proc/{pid}/stat").read_text().split(") ")[1]
            except OSError:
                return True
            if state.startswith("Z"):
                return True
        time.sleep(0.05)
    return False
