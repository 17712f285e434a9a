"""MaskBench: schemas of the real world with instances that are known to be valid or not."""

import json

import pytest

from schema_guard import Schema
from schema_guard.plain_reply import acceptor
from schema_guard.values import Missed


@pytest.fixture(scope="module")
def judged(corpora):
    """For every instance: the schema's id, its label, schema and value, the answers to every way to ask, and the violations."""
    results = []
    for line in (corpora / "maskbench.jsonl").read_text().splitlines():
        row = json.loads(line)
        schema = Schema.of(row["schema"], allow_unknown=True)
        for case in row["tests"]:
            violations = schema.violations(case["data"])
            answers = {schema.is_valid(case["data"]), schema.accepts(case["data"]), not violations}
            results.append((row["id"], case["valid"], schema, case["data"], answers, violations))
    return results


@pytest.mark.costly
def test_every_instance_is_judged_right(judged):
    """All 2,340 instances are judged as they are labelled, by every way to ask."""
    assert len(judged) == 2340
    assert [name for name, valid, _, _, answers, _ in judged if answers != {valid}] == []


@pytest.mark.costly
def test_the_short_way_takes_what_is_valid(judged):
    """Of every object and array it is the label that says whether its text is taken."""
    texts = [
        (name, valid, acceptor(schema)(json.dumps(data)))
        for name, valid, schema, data, *_ in judged
        if isinstance(data, dict | list)
    ]

    assert [name for name, valid, taken in texts if valid is (type(taken) is Missed)] == []


def test_no_real_instance_is_too_costly(judged):
    """No instance of a real schema comes near the limit on steps."""
    assert [name for name, *_, result in judged if any(v.keyword == "too_costly" for v in result)] == []


def test_every_violation_is_short(judged):
    """No instance has more than 50 violations, and what came is cut at the kind and 80 characters."""
    assert max(len(result) for *_, result in judged) <= 50
    assert max(len(violation.actual) for *_, result in judged for violation in result) <= 100
