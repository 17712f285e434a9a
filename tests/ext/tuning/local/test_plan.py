"""What a training takes is told before it begins, and refused where it is not there."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument, MissingExtra, SchemaGuardError
from schema_guard.ext.tuning.jobs.state import TuningJob, load_job, save_job
from schema_guard.ext.tuning.local import training
from schema_guard.ext.tuning.local.plan import (
    LoraSettings,
    available_bytes,
    key_of,
    needed_bytes,
    plan_training,
    planned,
)
from schema_guard.ext.tuning.training_rows import SftRow, TrainingSet

GB = 10**9
ROW = SftRow([{"role": "user", "content": "Two lamps for Ann, please."}], '{"item":"lamp","quantity":2}')


def training_set(folder, rows=1):
    row = {"messages": [*ROW.prompt, {"role": "assistant", "content": ROW.answer}]}
    (folder / "train.jsonl").write_text((json.dumps(row) + "\n") * rows)
    (folder / "manifest.json").write_text('{"format": 1, "form": "sft"}')
    return folder


@given(st.integers(1, 400), st.integers(1, 64), st.none() | st.integers(1, 5))
def test_steps_are_whole_epochs(rows, batch, epochs):
    """Each row is seen equally often; without a number, often enough for 50 steps, and no more than 10 times."""
    plan = planned(TrainingSet([ROW] * rows, []), LoraSettings(epochs=epochs, batch=batch))

    in_epoch = -(-rows // batch)
    assert plan.steps == plan.epochs * in_epoch
    if epochs is not None:
        assert plan.epochs == epochs
    elif plan.steps < 50:
        assert plan.epochs == 10
    else:
        assert plan.epochs == 1 or plan.steps - in_epoch < 50


@given(st.integers(1, 400), st.integers(1, 500))
def test_chosen_steps_replace_epochs(rows, steps):
    """The last epoch may be incomplete, and fewer steps take less time."""
    plan = planned(TrainingSet([ROW] * rows, []), LoraSettings(steps=steps))
    more = planned(TrainingSet([ROW] * rows, []), LoraSettings(steps=steps + 1))

    in_epoch = -(-rows // 8)
    assert (plan.steps, plan.epochs) == (steps, -(-steps // in_epoch))
    assert plan.seconds < more.seconds


def test_a_plan_of_two_hundred_rows(tmp_path):
    """The plan says how long and how large it will be, and more rows take longer, not more memory."""
    plan = plan_training(training_set(tmp_path, rows=200))
    more = plan_training(training_set(tmp_path, rows=400), settings=LoraSettings(epochs=2))

    assert (plan.rows, plan.validation_rows, plan.epochs, plan.steps) == (200, 0, 2, 50)
    assert 60 < plan.seconds < more.seconds < 2 * plan.seconds
    assert 2 * GB < plan.memory_bytes == more.memory_bytes < 5 * GB


def test_rows_that_are_only_checked_take_time_as_well():
    """They go through the model once an epoch, which takes less than learning them."""
    alone, checked, learned = (
        planned(TrainingSet([ROW] * train, [ROW] * validation), LoraSettings(epochs=2)).seconds
        for train, validation in ((100, 0), (100, 100), (200, 0))
    )

    assert alone < checked < learned


@given(st.sampled_from(["epochs", "batch", "rank", "seed", "learning_rate"]), st.data())
def test_trainings_are_told_apart(name, data):
    """Other settings or other rows are another training, whose checkpoint is not gone on from."""
    rows, settings = TrainingSet([ROW], []), LoraSettings(epochs=2)
    value = data.draw(st.floats(0.1, 0.9) if name == "learning_rate" else st.integers(3, 7))
    other = settings._replace(**{name: value})

    key = key_of(planned(rows, settings), rows)
    assert key == key_of(planned(rows, settings), rows)
    assert (key == key_of(planned(rows, other), rows)) == (other == settings)
    less = TrainingSet([ROW._replace(answer="{}")], [])
    assert key != key_of(planned(less, settings), less)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", 0, "an int from 1 to 1000"),
        ("steps", 0, "an int from 1 to 100000"),
        ("batch", 2.0, "an int from 1 to 1024"),
        ("rank", True, "an int from 1 to 256"),
        ("seed", -1, "an int from 0 to 4294967296"),
        ("learning_rate", 1, "a float above 0 and below 1"),
        ("learning_rate", float("nan"), "a float above 0 and below 1"),
    ],
)
def test_settings_out_of_their_range_are_told(tmp_path, name, value, expected):
    """What cannot be trained with is refused with its range."""
    words = re.escape(f"{name}={value!r}: expected {expected}")
    with pytest.raises(InvalidArgument, match=words):
        plan_training(training_set(tmp_path), settings=LoraSettings(**{name: value}))


def test_what_is_not_installed_is_told_with_its_extra(tmp_path, monkeypatch):
    """Without torch the error names the pip command, and no job is begun."""
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda package: None)

    with pytest.raises(
        MissingExtra, match=r"local tuning needs torch. Run pip install 'schema-guard\[tuning\]'"
    ):
        training.train(training_set(tmp_path))
    assert load_job(tmp_path) is None


def test_memory_that_is_not_there_is_told(tmp_path, monkeypatch):
    """A training that would not fit is not begun."""
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda package: package)
    monkeypatch.setattr(training, "available_bytes", lambda: GB)

    with pytest.raises(
        SchemaGuardError, match=r"needs 3\.6 GB of memory, but only 1\.0 GB is free. Close other"
    ):
        training.train(training_set(tmp_path))
    assert load_job(tmp_path) is None


def test_a_job_at_a_host_is_left_alone(tmp_path, monkeypatch):
    """What is known of a job that runs elsewhere is not written over."""
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda package: package)
    monkeypatch.setattr(training, "local_weights", lambda **_: tmp_path)
    job = TuningJob(backend="openai", base="small", url=None, set={}, mark="0" * 12, status="running")
    save_job(training_set(tmp_path), job)

    with pytest.raises(
        InvalidArgument, match=r"has a job at openai with the status 'running'. Cancel it with"
    ):
        training.train(tmp_path)
    assert load_job(tmp_path) == job


def test_memory_is_what_the_machine_and_its_group_leave(tmp_path):
    """The tighter of the two counts; a group's cache of files can be had back; where nothing is said it is None."""
    meminfo, group = tmp_path / "meminfo", tmp_path / "group"
    assert available_bytes(meminfo=meminfo, group=group) is None

    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    assert available_bytes(meminfo=meminfo, group=group) == 8_192_000_000

    group.mkdir()
    (group / "memory.max").write_text("4000000000\n")
    (group / "memory.current").write_text("3000000000\n")
    (group / "memory.stat").write_text("anon 2500000000\ninactive_file 500000000\n")
    assert available_bytes(meminfo=meminfo, group=group) == 1_500_000_000

    (group / "memory.max").write_text("max\n")
    assert available_bytes(meminfo=meminfo, group=group) == 8_192_000_000


def test_larger_weights_take_more_memory():
    """What is needed grows with the weights and with what goes through them at once."""
    assert needed_bytes(1024, 98_362_432) < needed_bytes(2048, 98_362_432) < needed_bytes(2048, 200_000_000)
