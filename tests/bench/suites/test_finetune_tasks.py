"""The tasks that a model is tuned on and measured on are drawn from templates, and no set knows those of another."""

import pytest

from benchmarks.finetune_tasks import KINDS, SIZES, tasks_of, write_tasks
from schema_guard import Schema
from schema_guard.bench.suites.load import load_suite


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """One kind of task with its files."""
    return request.param, tasks_of(request.param)


def test_every_answer_is_valid(kind):
    """What the slots say is valid for the schema."""
    name, files = kind
    schema = Schema.of(KINDS[name].schema)

    assert [
        task["id"] for lines in files.values() for task in lines if not schema.is_valid(task["gold"])
    ] == []


def test_no_text_comes_twice(kind):
    """All texts of all sets are different."""
    texts = [task["input"] for lines in kind[1].values() for task in lines]

    assert len(set(texts)) == len(texts) == sum(SIZES.values())


def test_templates_are_never_shared(kind):
    """Training has templates that are neither those of what is unseen nor of what is hard; `shared` has its own."""
    sets = {}
    for lines in kind[1].values():
        for task in lines:
            sets.setdefault(task["tags"][0], set()).add(task["tags"][-1])

    assert sets["shared"] <= sets["train"]
    assert not sets["train"] & (sets["unseen"] | sets["hard"])
    assert len(sets["train"]) >= 8


def test_the_same_seed_gives_the_same_tasks(kind):
    """What is drawn depends on the seed alone."""
    name, files = kind

    assert tasks_of(name) == files
    assert tasks_of(name, seed=18) != files


def test_suites_are_read(kind, tmp_path):
    """One suite has all of training to learn from, the other two tasks of it to show; both hold out the same tasks."""
    paths = write_tasks(tmp_path, kind[0], sizes={"train": 6, "unseen": 3, "hard": 4})

    ((learned,), (asked,)) = (load_suite(paths[name]).schemas for name in ("all", "test"))
    assert asked.tasks_of("test") == learned.tasks_of("test")
    assert {task.tags[0] for task in asked.tasks_of("test")} == {"unseen", "hard"}
    assert (len(learned.tasks_of("dev")), asked.tasks_of("dev")) == (6, learned.tasks_of("dev")[:2])
