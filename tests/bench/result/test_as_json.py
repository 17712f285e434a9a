"""A result as a file: what is written can be read, and what is no result is refused with its places."""

import json
import re
from copy import deepcopy

import pytest
from hypothesis import given

from schema_guard.bench.result.as_json import (
    result_as_json,
    result_file,
    result_from_file,
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

    assert result_from_file(text) == result
    assert result_file(result_from_file(text)) == text


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
    """Every variant, comparison, failure, example and call has a line of its own."""
    lines = result_file(RESULT).splitlines()
    rows = (RESULT.variants, RESULT.comparisons, RESULT.failures, RESULT.examples, RESULT.calls)

    assert [line[0] for line in lines[1:-1]].count("{") == sum(len(result) for result in rows[:-1])
    assert [line[0] for line in lines[1:-1]].count("[") == len(RESULT.calls)


def test_call_is_a_compact_row():
    """A call is an array of what `call_fields` names."""
    failed = scored("t1", how="fixed_by_retry", failures=(FAILURES[1],), cost=0.25)

    assert result_file(result_of(run_of(failed))).splitlines()[-3] == (
        '[0,"s","s","t1",0,"easy","fixed_by_retry",true,4,4,2,[["structure","required","required","/lines/*"]],'
        "100,20,0.25,0.5,null]"
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
    """A file of another version says which one it is and which is read."""
    assert refused({"format": 2}, name="old.json") == (
        "old.json: it has format 2, this version of schema-guard reads format 1: "
        "read it with the version that wrote it, or run the benchmark again"
    )


@pytest.mark.parametrize("document", [None, [], "x", {"format": True}, {"format": "1"}, {}])
def test_what_is_no_result_is_refused(document):
    """JSON of anything else is refused as no result of the command."""
    assert refused(document).startswith(
        "result: expected a result of `schema-guard bench run --format json`\n  at "
    )


def test_all_problems_are_told():
    """Every problem is told with its place, the first ten of them."""
    document = result_as_json(RESULT)
    document["calls"] = [[*row[:4], -1, *row[5:]] for row in document["calls"][:12]]

    lines = refused(document).splitlines()
    assert len(lines) == 12
    assert re.fullmatch(r"  at /calls/\d+/4: expected .*, got .*", lines[1])
    assert lines[-1] == "  and 2 more"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("variant", 2, "at /calls/0/0: expected the index of one of 2 variants, got 2"),
        ("leaves_right", 5, "expected leaves_right of at most leaves"),
        ("leaves_right", 3, "expected leaves_right of at most leaves"),
        ("format", "failed", "expected leaves_right of at most leaves"),
    ],
)
def test_calls_that_contradict_themselves_are_refused(field, value, told):
    """A call of no variant and a score that cannot be are refused with their place."""
    document = result_as_json(result_of(run_of(scored("t1"), scored("t1", "b"))))
    document["calls"][0][document["call_fields"].index(field)] = value

    assert told in refused(document)


def test_whole_numbers_may_be_written_with_a_point():
    """JSON Schema calls 1.0 an integer: a file in which another program wrote whole numbers so is read the same."""
    failed = scored("t1", how="failed", failures=FAILURES[:1], cost=0.25)
    result = result_of(run_of(failed, scored("t2", input_tokens=None), currency="USD"))
    text = result_file(result)

    assert result_file(result_from_json(pointed(json.loads(text)))) == text


def pointed(value):
    """The same JSON, its whole numbers as floats."""
    if isinstance(value, dict):
        return {key: pointed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [pointed(item) for item in value]
    return float(value) if type(value) is int else value


def test_call_that_is_told_twice_is_refused():
    """No call counts twice."""
    document = result_as_json(RESULT)
    document["calls"].append(deepcopy(document["calls"][0]))

    assert "at /calls/80: expected each variant, schema, task and epoch once, got this one again" in refused(
        document
    )


def test_example_of_no_variant_is_refused():
    """An example belongs to a variant of the result."""
    document = result_as_json(RESULT)
    document["examples"][0]["variant"] = 7

    assert "at /examples/0/variant: expected the index of one of 2 variants" in refused(document)


def test_variants_of_one_name_are_refused():
    """Variants are told apart by their names."""
    document = result_as_json(RESULT)
    document["variants"][1]["name"] = "few_shot"

    assert "at /variants: expected names that are all different" in refused(document)


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"format": Infinity}', "[" * 100_000])
def test_text_that_is_no_json_is_refused(text):
    """Broken JSON, NaN and what is nested too deep are refused by the name of the file."""
    with pytest.raises(InvalidArgument, match=r"^x\.json: expected the JSON of `schema-guard bench run`: "):
        result_from_file(text, name="x.json")


def test_score_of_a_repaired_value_is_kept():
    """A valid value that is partly right keeps its share of right leaves."""
    result = result_of(run_of(scored("t1", how="repaired", content=content(2))))

    assert result_from_file(result_file(result)).calls[0].leaves_right == 2
