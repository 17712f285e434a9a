"""Repair held against what other libraries' authors expect: never below the best that did not write the cases."""

import json
from collections import Counter

import jsonschema_rs
import pytest

from schema_guard import Limits
from schema_guard import reading as extract
from schema_guard.ext.repair.scanner import readings
from schema_guard.parsing import NotJson, parse

# Exact values that the best library reaches which is not the source of the cases: (source, kind) -> hits.
BARS = {
    ("jsonrepair-js", "repair"): 96,
    ("json_repair", "repair"): 44,
    ("json5-tests", "repair"): 23,
    ("untruncate-json", "repair"): 10,
    ("partialjson", "repair"): 5,
    ("baml-jsonish", "schema_guided"): 51,
}


def repair(text, **settings):
    """The readings of a text."""
    return readings(text, **settings).repaired


@pytest.fixture(scope="module")
def rows(corpora):
    return [json.loads(line) for line in (corpora / "repair.jsonl").read_text().splitlines()]


def pieces(text):
    """The parts of a text that may be JSON, by the reading rule; the whole text when none may."""
    reading = extract.read(text)
    results = [text[span.start : span.end] for span in reading.candidates]
    results += [text[start:] for start in reading.unclosed[:2]]
    return results or [text]


def first_valid(text, schema, level):
    """The first value that validates, parsed as it is, else repaired; wrapped in a tuple, or None."""
    accepts = (
        (lambda value: True) if schema is None else jsonschema_rs.validator_for(schema, offline=True).is_valid
    )
    texts = pieces(text)
    texts += [reading.text for piece in pieces(text) for reading in repair(piece, level=level, finished=True)]
    values = (parse(candidate, Limits()) for candidate in texts)
    return next(((value,) for value in values if not isinstance(value, NotJson) and accepts(value)), None)


def same(one, other):
    """Whether two JSON values are equal: 1 is 1.0 and is not true."""
    return one == other and [repr(one).count(word) for word in ("True", "False")] == [
        repr(other).count(word) for word in ("True", "False")
    ]


def test_exact_values_by_source(rows):
    """By source, as many texts give exactly the expected value as the best outsider reaches, or more."""
    hits = Counter()
    for row in rows:
        value = first_valid(row["text"], row.get("schema"), "lossy")
        hits[row["source"], row["kind"]] += value is not None and same(value[0], row["expected"])

    assert {key: hits[key] for key, bar in BARS.items() if hits[key] < bar} == {}


def test_what_must_fail_fails(rows):
    """Texts that mean no value of their schema give none."""
    must_fail = [row for row in rows if row["kind"] == "must_fail"]

    assert must_fail
    assert [row["text"] for row in must_fail if first_valid(row["text"], row["schema"], "lossy")] == []


def test_valid_texts_come_back_as_they_are(rows):
    """A text that was valid is given back unchanged."""
    valid = [row["text"] for row in rows if row["kind"] == "already_valid"]

    assert [text for text in valid if repair(text, level="lossy", finished=True)[0].steps] == []


def scalars(value):
    """The strings and numbers of a JSON value."""
    if isinstance(value, dict):
        return [leaf for item in value.items() for part in item for leaf in scalars(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in scalars(part)]
    return [str(value)] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else []


def bare(text):
    """A text without what JSON may write otherwise: white space, backslashes and escaped characters."""
    for escape in ("\\n", "\\t", "\\r", "\\f", "\\b", "\\"):
        text = text.replace(escape, "")
    return "".join(char for char in text if char not in "\n\t\r\f\b ")


@pytest.mark.costly
def test_lossless_repair_invents_nothing(corpora):
    """Every key, string and number of a losslessly repaired reply stands in it; and some replies are repaired."""
    repaired = 0
    for line in (corpora / "real_outputs.jsonl").read_text().splitlines():
        row = json.loads(line)
        text = row["text"]
        for piece in pieces(text) if "\\u" not in text else ():
            for reading in repair(piece, level="lossless", finished=True):
                value = parse(reading.text, Limits())
                if reading.steps and not isinstance(value, NotJson):
                    repaired += 1
                    assert [leaf for leaf in scalars(value) if bare(leaf) not in bare(piece)] == []

    assert repaired
