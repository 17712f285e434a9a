"""The story from the verdict to a tuned model and back: its tasks, its steps, and what it says of them."""

import json
import sys
from math import inf
from pathlib import Path

import pytest

from benchmarks.finetune_tasks import write_tasks
from schema_guard.bench.suites.load import load_suite
from schema_guard.cli import main
from schema_guard.decide.playbook import STEPS
from schema_guard.errors import SchemaGuardError
from schema_guard.ext.demo.finetune import loop as looping
from schema_guard.ext.demo.finetune import plan
from schema_guard.ext.demo.finetune.loop import COSTS, DECLINED, Loop
from schema_guard.ext.demo.finetune.router_step import is_english
from schema_guard.ext.demo.finetune.summary import Predicted
from schema_guard.records import urls
from schema_guard.text import percent

FOLDER = Path(looping.__file__).parent
SIZES = {"train": 200, "shared": 13, "unseen": 13, "hard": 14}


def _loop(folder, **changes):
    return Loop(
        **{
            "kind": "order",
            "folder": folder,
            "learned": FOLDER / "order.jsonl",
            "suite": FOLDER / "order-test.jsonl",
            "report": lambda _: None,
            **changes,
        }
    )


def test_its_tasks_are_those_of_the_generator(tmp_path):
    """What is shipped is what the seeded generator draws: to write it anew, call `write_tasks` like this on the folder."""
    paths = write_tasks(tmp_path, "order", seed=18, sizes=SIZES)

    for path in (*paths.values(), tmp_path / "order.json"):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


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
    assert (result.where, result.text) == (where, f"5.77% [{lower:.2%}, 16.59%]")


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


@pytest.mark.parametrize("more", [("finetune", "--offline"), ("finetune", "--store", "x.db")])
def test_options_of_the_other_story_are_refused(capsys, more):
    """The story of a tuned model has its own model and its own store."""
    assert main(["demo", *more]) == 2

    assert "finetune" in capsys.readouterr().err


def test_an_interrupted_run_is_continued_in_its_folder(capsys, tmp_path, monkeypatch):
    """The next run is in the latest folder that has no page."""
    monkeypatch.setattr(urls, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(plan, "_NEEDED", {})
    for name in ("demo-finetune-1", "demo-finetune-2"):
        (tmp_path / name).mkdir()
    (tmp_path / "demo-finetune-2" / "page.html").touch()

    assert main(["demo", "finetune", "--dry-run"]) == 0
    assert f"files go to {tmp_path / 'demo-finetune-1'}\n" in capsys.readouterr().out


def test_the_router_tells_the_language_of_a_task_from_that_of_what_is_asked():
    """English orders are for the tuned model; German and Spanish ones are not, though what to do with them is said in English."""
    (entry,) = load_suite(FOLDER / "order-test.jsonl").schemas

    results = {task.id: is_english(task.text) for task in entry.tasks_of("test")}

    assert results == {task.id: "language" not in task.tags for task in entry.tasks_of("test")}
