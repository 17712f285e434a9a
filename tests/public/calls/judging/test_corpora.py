"""Frozen counts of results for the public corpora of replies. A changed result changes a count."""

import json
from collections import Counter

import pytest

import schema_guard
from schema_guard import Schema, judge
from tests.needs import marked, needs

TEXT_OF = {"real_outputs": "text", "local_replies": "reply", "repair": "text"}


@pytest.fixture(scope="module")
def rows(corpora):
    """Return the schema, text, and expected value of each reply of each corpus."""
    return {
        name: [
            (Schema.of(row.get("schema", True)), row[key], row.get("expected"))
            for row in map(json.loads, (corpora / f"{name}.jsonl").read_text().splitlines())
        ]
        for name, key in TEXT_OF.items()
    }


def count_results(rows, repair):
    """Return the counts of forms and failures, of violations, and of steps of repair."""
    counts, violations, steps = Counter(), 0, Counter()
    for schema, text, _ in rows:
        for finish_reason in (None, "length", "stop"):
            judged = judge(text, schema, repair=repair, finish_reason=finish_reason)
            counts[judged.form or f"{judged.failure.kind} {judged.failure.code}"] += 1
            violations += len(judged.failure.violations) if judged.failure else 0
            steps.update(judged.repairs)
    return dict(counts), violations, dict(steps)


COUNTS = {
    ("real_outputs", "off"): (
        {
            "clean": 600,
            "unwrapped": 63,
            "truncation unfinished": 81,
            "truncation max_tokens": 83,
            "syntax malformed": 113,
            "structure type": 1155,
            "structure required": 12,
            "truncation runaway": 7,
            "syntax no_json": 4,
            "structure additionalProperties": 6,
        },
        4881,
        {},
    ),
    ("real_outputs", "lossless"): (
        {
            "clean": 600,
            "unwrapped": 63,
            "truncation unfinished": 81,
            "truncation max_tokens": 83,
            "syntax malformed": 88,
            "structure type": 1155,
            "repaired_lossless": 25,
            "structure required": 12,
            "truncation runaway": 7,
            "syntax no_json": 4,
            "structure additionalProperties": 6,
        },
        4881,
        {"missing_quote": 6, "missing_closer": 10, "invalid_escape": 15, "trailing_comma": 1},
    ),
    ("real_outputs", "lossy"): (
        {
            "clean": 600,
            "unwrapped": 63,
            "truncation unfinished": 67,
            "truncation max_tokens": 69,
            "syntax malformed": 78,
            "repaired_lossy": 38,
            "structure type": 1155,
            "repaired_lossless": 25,
            "structure required": 12,
            "truncation runaway": 7,
            "syntax no_json": 4,
            "structure additionalProperties": 6,
        },
        4881,
        {
            "guessed_quote": 6,
            "truncated_string": 18,
            "closed_truncation": 28,
            "missing_quote": 6,
            "missing_closer": 14,
            "raw_newline": 3,
            "invalid_escape": 15,
            "truncated_tail": 6,
            "trailing_comma": 3,
        },
    ),
    ("local_replies", "off"): (
        {
            "truncation unfinished": 44,
            "truncation max_tokens": 44,
            "syntax malformed": 93,
            "clean": 279,
            "structure required": 120,
            "structure additionalProperties": 15,
            "syntax duplicate_key": 93,
            "value pattern": 33,
            "truncation runaway": 20,
            "syntax several_documents": 6,
            "value format": 6,
            "structure type": 6,
            "value enum": 3,
        },
        621,
        {},
    ),
    ("local_replies", "lossless"): (
        {
            "truncation unfinished": 44,
            "truncation max_tokens": 44,
            "syntax malformed": 88,
            "clean": 279,
            "structure required": 120,
            "structure additionalProperties": 15,
            "syntax duplicate_key": 93,
            "value pattern": 33,
            "truncation runaway": 20,
            "repaired_lossless": 5,
            "syntax several_documents": 6,
            "value format": 6,
            "structure type": 6,
            "value enum": 3,
        },
        621,
        {"missing_closer": 5, "missing_quote": 2, "trailing_comma": 1},
    ),
    ("local_replies", "lossy"): (
        {
            "truncation unfinished": 40,
            "truncation max_tokens": 40,
            "syntax malformed": 88,
            "clean": 279,
            "structure required": 120,
            "structure additionalProperties": 15,
            "syntax duplicate_key": 93,
            "value pattern": 33,
            "truncation runaway": 18,
            "repaired_lossy": 10,
            "repaired_lossless": 5,
            "syntax several_documents": 6,
            "value format": 6,
            "structure type": 6,
            "value enum": 3,
        },
        621,
        {
            "closed_truncation": 10,
            "missing_closer": 5,
            "truncated_string": 4,
            "missing_quote": 2,
            "trailing_comma": 3,
        },
    ),
    ("repair", "off"): (
        {
            "clean": 186,
            "structure type": 24,
            "syntax no_json": 158,
            "truncation max_tokens": 146,
            "truncation unfinished": 63,
            "syntax malformed": 629,
            "structure required": 12,
            "unwrapped": 120,
            "syntax several_documents": 18,
            "value enum": 15,
            "value const": 3,
            "syntax duplicate_key": 3,
            "structure additionalProperties": 3,
        },
        81,
        {},
    ),
    ("repair", "lossless"): (
        {
            "clean": 186,
            "structure type": 24,
            "repaired_lossless": 353,
            "syntax no_json": 110,
            "truncation max_tokens": 135,
            "truncation unfinished": 63,
            "structure required": 12,
            "unwrapped": 120,
            "syntax malformed": 335,
            "syntax several_documents": 18,
            "value enum": 15,
            "value const": 3,
            "syntax duplicate_key": 3,
            "structure additionalProperties": 3,
        },
        81,
        {
            "python_literal": 12,
            "missing_quote": 12,
            "missing_closer": 36,
            "trailing_comma": 50,
            "literal_case": 3,
            "unquoted_key": 48,
            "comment": 36,
            "single_quotes": 39,
            "unquoted_string": 27,
            "trailing_prose": 7,
            "raw_newline": 37,
            "odd_space": 12,
            "number_syntax": 39,
            "raw_control": 9,
            "missing_comma": 19,
            "parentheses": 6,
            "extra_closer": 5,
            "quote_escape": 3,
            "unescaped_quote": 15,
            "invalid_escape": 3,
        },
    ),
    ("repair", "lossy"): (
        {
            "clean": 186,
            "structure type": 24,
            "repaired_lossless": 353,
            "syntax no_json": 110,
            "truncation max_tokens": 75,
            "repaired_lossy": 439,
            "structure required": 12,
            "unwrapped": 120,
            "syntax malformed": 15,
            "syntax several_documents": 18,
            "truncation unfinished": 4,
            "value enum": 15,
            "value const": 3,
            "syntax duplicate_key": 3,
            "structure additionalProperties": 3,
        },
        81,
        {
            "python_literal": 12,
            "truncated_string": 72,
            "missing_quote": 12,
            "closed_truncation": 132,
            "missing_closer": 65,
            "trailing_comma": 105,
            "literal_case": 3,
            "unquoted_key": 96,
            "guessed_quote": 84,
            "single_quotes": 57,
            "comment": 51,
            "unquoted_text": 45,
            "raw_newline": 58,
            "unquoted_string": 36,
            "digit_grouping": 3,
            "trailing_prose": 16,
            "odd_space": 12,
            "number_syntax": 39,
            "raw_control": 9,
            "missing_comma": 39,
            "dropped_text": 24,
            "truncated_tail": 27,
            "unescaped_quote": 21,
            "implied_object": 9,
            "guessed_closer": 20,
            "ellipsis": 21,
            "set_as_array": 3,
            "parentheses": 6,
            "number_as_string": 27,
            "truncated_number": 9,
            "extra_closer": 15,
            "extra_comma": 18,
            "missing_value": 9,
            "quote_escape": 3,
            "invalid_escape": 3,
            "unescaped_text": 3,
            "missing_colon": 21,
            "not_a_value": 3,
            "call_wrapper": 3,
            "truncated_literal": 6,
        },
    ),
}


@pytest.mark.parametrize(("name", "repair"), marked(COUNTS, "repair", lambda row: row[1] != "off"))
def test_counts_of_results(rows, name, repair):
    """The number of replies with each form, failure, and step of repair is unchanged."""
    assert count_results(rows[name], repair) == COUNTS[name, repair]


STOPS = {
    "real_outputs": ({"malformed": 8, "type": 394, "additionalProperties": 3, "required": 2}, 903886),
    "local_replies": (
        {"additionalProperties": 94, "pattern": 18, "enum": 3, "type": 6, "format": 2},
        32045,
    ),
    "repair": (
        {
            "type": 8,
            "malformed": 180,
            "required": 3,
            "enum": 2,
            "duplicate_key": 1,
            "additionalProperties": 1,
        },
        30344,
    ),
}


@needs("streaming")
@pytest.mark.parametrize("name", TEXT_OF)
def test_counts_of_stopped_streams(rows, name):
    """The codes of stopped streams and the number of characters read are unchanged."""
    codes, read = Counter(), 0
    for schema, text, _ in rows[name]:
        checker = schema_guard.prefix_checker(schema)
        for at in range(0, len(text), 16):
            if checker.feed(text[at : at + 16]):
                codes[checker.failure.code] += 1
                break
        read += checker.read

    assert (dict(codes), read) == STOPS[name]


@pytest.mark.parametrize(
    ("repair", "hits"),
    marked([("off", 98), ("lossless", 192), ("lossy", 316)], "repair", lambda row: row[0] != "off"),
)
def test_counts_of_expected_values(rows, repair, hits):
    """The number of texts with exactly the value that their author expects is unchanged."""
    results = [
        judge(text, schema, repair=repair).value == expected for schema, text, expected in rows["repair"]
    ]

    assert sum(results) == hits
