import hashlib
import hmac
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.core.values import Failure, Message, Usage, Violation
from schema_guard.records.rows import COLUMNS, rows, store_text

KEY = b"k" * 32


def as_dicts(outcome, task=None):
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows(outcome, task, KEY)]


def hashed(text):
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:32]


def test_one_row_for_each_attempt(make):
    """A call of two attempts gives two rows, of which the last is final."""
    made = as_dicts(make.outcome(make.failed, {}))

    assert [(row["number"], row["final"], row["kind"], row["form"]) for row in made] == [
        (1, 0, "structure", None),
        (2, 1, None, "exact"),
    ]


def test_a_row_whole(make):
    """A row holds what was called, what came of it, sizes and hashes."""
    attempt = {
        **make.failed, "reply": "nül", "usage": Usage(1, 2, 3, 4), "cost": 0.25, "repairs": ("fence",),
        "model": "m", "snapshot": "m-2026-01-01", "exception": "ValueError", "unseen": True, "healed": True,
        "stopped_at": 7,
        "retries": 2,
    }  # fmt: skip

    (row,) = as_dicts(make.outcome(attempt, segment="s", cluster="c", tuned=True), "the task")

    assert row == {
        "call_id": "0" * 32,
        "started_at": 1_000.0,
        "function": "app.extract",
        "schema_name": "invoice",
        "schema_fingerprint": "f" * 16,
        "model": "m1",
        "target": None,
        "strategies": "bare",
        "settings": "{}",
        "version": "v1",
        "tuned": 1,
        "segment": "s",
        "cluster": "c",
        "input_hash": hashed("the task"),
        "parent_call_id": None,
        "number": 1,
        "final": 1,
        "strategy": "bare",
        "kind": "structure",
        "code": "type",
        "form": None,
        "repairs": '["fence"]',
        "finish_reason": "stop",
        "input_tokens": 1,
        "cached_input_tokens": 3,
        "output_tokens": 2,
        "reasoning_tokens": 4,
        "elapsed_s": 0.5,
        "cost": 0.25,
        "prompt_chars": len("extract it"),
        "reply_bytes": 4,
        "reply_hash": hashed("nül"),
        "violations": '[["/total","type"]]',
        "reply_model": "m",
        "snapshot": "m-2026-01-01",
        "exception": "ValueError",
        "unseen": 1,
        "adapted": 0,
        "healed": 1,
        "stopped_at": 7,
        "retries": 2,
    }


def test_messages_are_hashed_as_compact_sorted_json(make):
    """Equal messages give one input hash, whatever the order of their fields."""
    one = (Message("user", "hi", {"name": "a", "id": 1}),)
    other = (Message("user", "hi", {"id": 1, "name": "a"}),)

    hashes = {as_dicts(make.outcome(), task)[0]["input_hash"] for task in (one, other)}

    assert hashes == {hashed('[{"content":"hi","id":1,"name":"a","role":"user"}]')}


def test_messages_that_json_cannot_say_are_hashed_too(make):
    """A part of a message that is no JSON still gives a hash."""
    (row,) = as_dicts(make.outcome(), (Message("user", {1: b"x", "a": object}),))

    assert len(row["input_hash"]) == 32


def nested(levels):
    document = "the innermost"
    for _ in range(levels):
        document = [document]
    return document


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize("content", [nested(100_000), {"a": [Unspeakable()]}], ids=["deep", "no repr"])
def test_messages_that_nothing_can_say_are_hashed_too(make, content):
    """A message nested deeper than Python can follow, or of objects that fail, still gives a row."""
    task = (Message("user", content),)

    (row,) = as_dicts(make.outcome({"prompt": task}), task)

    assert len(row["input_hash"]) == 32
    assert row["prompt_chars"] > 0


@pytest.mark.costly
def test_equal_deep_messages_have_one_hash(make):
    """What is cut is cut in the same way each time, and shallow differences are seen."""
    tasks = [(Message("user", [name, nested(100_000)]),) for name in ("a", "a", "b")]

    hashes = [as_dicts(make.outcome(), task)[0]["input_hash"] for task in tasks]

    assert (hashes[0] == hashes[1], hashes[0] == hashes[2]) == (True, False)


def test_a_hash_that_the_call_has_is_kept(make):
    """An input hash that was made before is not made again."""
    (row,) = as_dicts(make.outcome(input_hash="ab"), "the task")

    assert row["input_hash"] == "ab"


def test_at_most_ten_distinct_violations(make):
    """A row keeps the ten most relevant pairs of location and keyword, each once."""
    found = [Violation(f"/p{n}", f"/properties/p{n}/type", "type", "", "") for n in (0, *range(15))]

    (row,) = as_dicts(make.outcome({"failure": Failure("structure", "type", "", tuple(found)), "form": None}))

    assert json.loads(row["violations"]) == [[f"/p{n}", "type"] for n in range(10)]


@pytest.mark.parametrize("count", [2**63, 10**9 + 1, -1, True + 2**70])
def test_an_impossible_count_is_unknown(make, count):
    """A count of tokens that no provider can mean is stored as unknown."""
    (row,) = as_dicts(make.outcome({"usage": Usage(count, count)}))

    assert (row["input_tokens"], row["output_tokens"]) == (None, None)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_unknown(make, number):
    """Seconds and costs that are not finite are stored as unknown."""
    (row,) = as_dicts(make.outcome({"elapsed_s": number, "cost": number}))

    assert (row["elapsed_s"], row["cost"]) == (None, None)


def test_sizes_of_messages_are_those_of_their_contents(make):
    """The characters of a prompt of messages are those of the contents, parts as JSON."""
    prompt = (Message("system", "abc"), Message("user", [{"text": "x"}]))

    (row,) = as_dicts(make.outcome({"prompt": prompt, "reply": None}))

    assert (row["prompt_chars"], row["reply_bytes"], row["reply_hash"]) == (
        3 + len('[{"text":"x"}]'),
        None,
        None,
    )


@given(st.text(st.characters(codec=None)))
def test_store_text_gives_what_every_store_takes(text):
    """Escaped text is UTF-8 without NUL, and text that is so already does not change."""
    escaped = store_text(text)

    assert b"\0" not in escaped.encode()
    assert escaped == text or "\\u" in escaped
