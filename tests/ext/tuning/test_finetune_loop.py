"""The benchmark from the verdict to a tuned model and back: its steps, and what it says of them."""

import json
import sys
from math import inf

import pytest

from benchmarks.finetune import SMALL
from benchmarks.finetune_loop import COSTS, DECLINED, Loop
from benchmarks.finetune_router import is_english
from benchmarks.finetune_summary import Predicted
from benchmarks.finetune_tasks import write_tasks
from schema_guard.bench.suites.load import load_suite
from schema_guard.decide.playbook import STEPS
from schema_guard.errors import SchemaGuardError
from schema_guard.text import interval, percent


def _loop(folder):
    paths = write_tasks(folder, "order", seed=18, sizes=SMALL)
    return Loop(kind="order", folder=folder, learned=paths["all"], suite=paths["test"], report=lambda _: None)


def test_a_step_that_is_kept_is_not_run_again(tmp_path, monkeypatch):
    """The output of a command is kept under its name, and found there the next time, whatever the command is."""
    loop = _loop(tmp_path)

    loop._step("help.txt", "help")
    stored = loop.text("help.txt")
    monkeypatch.setattr(sys, "executable", "/nowhere")
    loop._step("help.txt", "help")

    assert "schema-guard" in stored
    assert loop.text("help.txt") == stored


def test_a_step_that_cannot_be_done_ends_the_loop_and_is_not_kept(tmp_path):
    """A command that exits with 2 says why on stderr, and is run again the next time."""
    loop = _loop(tmp_path)

    with pytest.raises(SchemaGuardError, match="bench ended with status 2, see above"):
        loop._step("x.txt", "bench", "run", "nowhere")

    assert not loop.path("x.txt").exists()


def test_every_fix_that_is_not_tried_is_declined_with_a_reason():
    """The verdict is about tuning, and not about a step that nobody has tried: each is tried or declined."""
    assert set(STEPS) - set(DECLINED) == {"strict_schema", "json_mode", "few_shot"}


@pytest.mark.parametrize(
    ("low", "high", "measured", "where"),
    [
        (0.0, 0.05, 0.05, "inside"),
        (0.0, 0.05, 0.06, "outside"),
        (2.0, None, None, "inside"),
        (2.0, 3.0, None, "outside"),
        (inf, None, 7.0, "outside"),
    ],
)
def test_what_was_measured_is_inside_or_outside_of_what_was_predicted(low, high, measured, where):
    """None is never: a payback that never comes is inside of a prediction whose careful end is never."""
    assert Predicted("x", low, high, measured, percent).where == where


@pytest.mark.parametrize(("lower", "where"), [(0.0069, "outside, not proved"), (0.0501, "outside")])
def test_a_rate_is_outside_of_what_was_predicted_only_where_its_bounds_are(lower, where):
    """6 of 104 are 5.77 %, and a true rate of 5 % may well give them."""
    result = Predicted("x", 0.0, 0.05, 0.0577, percent, (lower, 0.1659))
    assert (result.where, result.text) == (where, f"5.8% {interval(lower, 0.1659)}")


def test_what_the_tuned_model_takes_is_assumed_to_be_its_task_and_its_answer(tmp_path):
    """The costs of the first verdict are those of the file with the tokens of the tasks."""
    value, assumed = (json.loads(path.read_text()) for path in (COSTS, _loop(tmp_path)._assumed()))

    tokens = {
        name: assumed["economics"]["tuned_cost"].pop(name)
        for name in ("fixed", "var", "out", "repair", "latency_s")
    }
    assert assumed == value
    assert 30 < tokens["var"] < 120
    assert 30 < tokens["out"] < 120


def test_router_recognizes_english_orders(tmp_path):
    """English orders are for the tuned model; German and Spanish ones are not, though what to do with them is said in English."""
    (entry,) = load_suite(_loop(tmp_path).suite).schemas

    results = {task.id: is_english(task.text) for task in entry.tasks_of("test")}

    assert results == {task.id: "language" not in task.tags for task in entry.tasks_of("test")}
