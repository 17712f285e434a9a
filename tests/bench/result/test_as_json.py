"""A result as a file: what is written can be read, and what is no result is refused with its places."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given

from schema_guard.bench.result.as_json import (
    read_result,
    result_as_json,
    result_file,
    result_from_json,
    result_schema,
)
from schema_guard.bench.result.figures import result_of
from schema_guard.errors import InvalidArgument
from tests.bench.simulated_runs import FAILURES, RUNS, content, run_of, runs, scored, simulated

RESULT = result_of(simulated(7, {"few_shot": 0.3, "strict_schema": 0.1}, tasks=20, schemas=2, epochs=2))


@RUNS
@given(runs())
def test_file_is_read_as_it_was_written(run):
    """A result survives its file, with every figure, and the file is the same bytes again."""
    result = result_of(run)
    text = result_file(result)

    assert result_from_json(json.loads(text)) == result
    assert result_file(result_from_json(json.loads(text))) == text


@RUNS
@given(runs())
def test_every_result_is_valid(run):
    """The plain JSON of any result is valid for the published schema, in both engines."""
    document = result_as_json(result_of(run))

    assert result_schema().violations(document) == []
    assert list(result_schema().reference().errors(document)) == []


@pytest.mark.costly
@RUNS
@given(runs())
def test_file_is_the_plain_json(run):
    """The file holds the plain JSON, in ASCII, so that no reply can do anything to a terminal."""
    result = result_of(run)
    text = result_file(result)

    assert json.loads(text) == result_as_json(result)
    assert text.isascii()


def test_file_has_one_row_a_line():
    """Every variant, comparison, example and call has a line of its own."""
    lines = result_file(RESULT).splitlines()
    rows = (RESULT.variants, RESULT.comparisons, RESULT.examples, RESULT.calls)

    assert [line[0] for line in lines[1:-1]].count("{") == sum(len(result) for result in rows[:-1])
    assert [line[0] for line in lines[1:-1]].count("[") == len(RESULT.calls)


def test_call_is_a_compact_row():
    """A call is an array of what `call_fields` names."""
    failed = scored("t1", how="fixed_by_retry", failures=(FAILURES[1],), cost=0.25)

    assert result_file(result_of(run_of(failed))).splitlines()[-3] == (
        '[0,"s","s","t1",0,"easy","fixed_by_retry",true,4,4,2,[["structure","required","required","/lines/*"]],'
        "100,20,0.25,0.5,null,null]"
    )


def test_figures_of_a_file_are_computed_from_its_calls():
    """Whatever figures a file tells, those of its calls count."""
    document = result_as_json(RESULT)
    document["variants"][0]["failed"] = {"count": 0, "n": 20, "rate": 0.0, "lower": 0.0, "upper": 0.1}
    document["comparisons"] = []

    assert result_from_json(document) == RESULT


def test_times_of_a_model_without_one_are_null():
    """When no model has a time of its own, no time is in the file."""
    run = run_of(scored("t1", elapsed_s=None), scored("t2", elapsed_s=None), started_at=None)
    document = result_as_json(result_of(run))

    assert document["started_at"] is None
    assert [row[document["call_fields"].index("elapsed_s")] for row in document["calls"]] == [None, None]
    assert document["variants"][0]["elapsed_p50_s"] is None


def test_half_a_surrogate_pair_can_be_written():
    """A reply that is no Unicode is escaped, and the result is valid all the same."""
    broken = FAILURES[0]._replace(reply="a\ud800b", message="\udfff")
    document = result_as_json(result_of(run_of(scored("t1", how="failed", failures=(broken,)))))

    assert document["examples"][0]["reply"] == r"a\ud800b"
    assert result_schema().is_valid(document)


def refused(document, **others):
    with pytest.raises(InvalidArgument) as caught:
        result_from_json(document, **others)
    return str(caught.value)


def test_other_version_is_refused():
    """A file of another version says which version is read."""
    assert "at /format: expected 1, got " in refused({**result_as_json(RESULT), "format": 2})


@pytest.mark.parametrize("document", [None, [], "x", {"format": True}, {"format": "1"}, {}])
def test_what_is_no_result_is_refused(document):
    """JSON of anything else is refused as no result of the command."""
    assert refused(document).startswith(("result at (root): expected ", "result at /format: expected "))


def test_a_problem_is_named_with_its_place():
    """The most relevant problem has its place in the file."""
    document = result_as_json(RESULT)
    document["calls"] = [[*row[:4], -1, *row[5:]] for row in document["calls"][:12]]

    assert re.fullmatch(r"r\.json at /calls/\d+/4: expected .*, got .*", refused(document, name="r.json"))


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"format": Infinity}', "[" * 100_000])
def test_text_that_is_no_json_is_refused(text, tmp_path, monkeypatch):
    """Broken JSON, NaN and what is nested too deep are refused by the name of the file."""
    monkeypatch.chdir(tmp_path)
    Path("x.json").write_text(text, encoding="utf-8")
    with pytest.raises(
        InvalidArgument,
        match=r"^x\.json: expected a result of `schema-guard bench run`, but reading it failed: ",
    ):
        read_result("x.json")


def test_score_of_a_repaired_value_is_kept():
    """A valid value that is partly right keeps its share of right leaves."""
    result = result_of(run_of(scored("t1", how="repaired", content=content(2))))

    assert result_from_json(json.loads(result_file(result))).calls[0].leaves_right == 2
