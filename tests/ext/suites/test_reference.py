"""A result takes its place among recorded results of 17 models."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from schema_guard.bench.result.figures import result_of
from schema_guard.errors import InvalidArgument
from schema_guard.ext.suites.reference import document_of, placement, reference
from schema_guard.report.as_text import as_text
from tests.bench.simulated_runs import content, run_of, scored

CORPORA = os.environ.get("SCHEMA_GUARD_CORPORA")


def result(tasks, *, right, fingerprint=None):
    """Return a result on the first documents of the reference, with so many right answers."""
    documents = reference()["documents"][:tasks]
    calls = [
        scored(task, "mine", "clean", **({} if index < right else {"content": content(0)}))
        for index, (task, *_) in enumerate(documents)
    ]
    run = run_of(*calls)
    return result_of(
        replace(run, setup=replace(run.setup, suite_fingerprint=fingerprint or reference()["suite"]))
    )


def test_perfect_result_is_first():
    """A result with only right answers is decided to be better than every model."""
    found = placement(result(140, right=140))

    row = next(row for row in found.rows if row.is_new)
    assert (row.best, row.worst, found.tasks, len(found.rows)) == (1, 1, 140, 18)
    assert as_text(document_of(found)).startswith("mine has place 1 of 18 by right leaves (100%).")


def test_wrong_result_is_last():
    """A result with only wrong answers is decided to be worse than every model."""
    row = next(row for row in placement(result(140, right=0)).rows if row.is_new)

    assert (row.best, row.worst) == (18, 18)


def test_few_tasks_decide_no_place():
    """A result on three documents has any place, and the table has only these documents."""
    found = placement(result(3, right=2))

    row = next(row for row in found.rows if row.is_new)
    assert (row.best, row.worst, found.tasks, {one.valid.n for one in found.rows}) == (1, 18, 3, {3})


def test_ties_are_named():
    """Models with equally many right values name each other."""
    rows = {row.name: row for row in placement().rows}

    for row in rows.values():
        assert all(
            row.name in rows[other].tied and rows[other].right.count == row.right.count for other in row.tied
        )
    assert sum(bool(row.tied) for row in rows.values()) == 7


def test_other_documents_are_refused():
    """A result on other documents is an error that names the suite to run."""
    with pytest.raises(InvalidArgument, match="To create this result, run `schema-guard bench run real`"):
        placement(result(5, right=5, fingerprint="0" * 16))


def test_reference_has_no_texts():
    """The recorded evaluation has ids, names of models, and counts only."""
    recorded = reference()

    for model in recorded["models"].values():
        assert set(model["format"]) <= set("vsn")
        assert set(model["right"]) <= set("01")
        assert all(isinstance(count, int) for key in ("leaves", "invented") for count in model[key])
    assert all(len(task) == 16 for task, *_ in recorded["documents"])
    assert len(recorded["models"]) == 17


@pytest.mark.skipif(CORPORA is None, reason="SCHEMA_GUARD_CORPORA is not set")
def test_evaluation_repeats():
    """The command in `benchmarks` computes the recorded counts from the documents again."""
    from benchmarks.reference import evaluated

    assert evaluated(Path(CORPORA) / "sob.jsonl.gz") == reference()
