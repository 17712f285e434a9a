"""A row, column by column: what is known of an attempt, without a word of prompt and reply."""

import hashlib
import hmac
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure, Message, Usage, Violation, open_store
from tests.public.records.outcomes import FAILED, outcome

KEY = "of the team"


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    """Hash with a known key."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", KEY)


def stored(made, task=None):
    """Return the rows of one outcome, from a store in memory."""
    with open_store("sqlite://") as store:
        store.record(made, task)
        return list(store.attempts())


def hashed(text):
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def test_a_row_has_every_fact():
    """A row holds the call, its configuration, what came of the attempt, sizes, and hashes."""
    attempt = {
        **FAILED, "reply": "nül", "usage": Usage(1, 2, 3, 4), "cost": 0.25, "repairs": ("fence",),
        "model": "m", "snapshot": "m-2026-01-01", "exception": "ValueError", "unseen": True, "healed": True,
        "stopped_at": 7, "retries": 2, "strategy": "few_shot", "finish_reason": "length",
    }  # fmt: skip

    (row,) = stored(
        outcome(
            attempt, segment="s", cluster="c", tuned=True, target="openai", parent_call_id="9" * 32,
            settings='{"max_attempts":2}', strategies="bare>few_shot",
        ),
        "the task",
    )  # fmt: skip

    assert row == {
        "call_id": "0" * 32,
        "started_at": 1_000.0,
        "function": "app.extract",
        "schema_name": "invoice",
        "schema_fingerprint": "f" * 16,
        "model": "m1",
        "target": "openai",
        "strategies": "bare>few_shot",
        "settings": '{"max_attempts":2}',
        "version": "v1",
        "tuned": True,
        "segment": "s",
        "cluster": "c",
        "input_hash": hashed("the task"),
        "parent_call_id": "9" * 32,
        "number": 1,
        "final": True,
        "strategy": "few_shot",
        "kind": "structure",
        "code": "type",
        "form": None,
        "repairs": ["fence"],
        "finish_reason": "length",
        "input_tokens": 1,
        "cached_input_tokens": 3,
        "output_tokens": 2,
        "reasoning_tokens": 4,
        "elapsed_s": 0.5,
        "cost": 0.25,
        "prompt_chars": len("extract it"),
        "reply_bytes": 4,
        "reply_hash": hashed("nül"),
        "violations": [["/total", "type"]],
        "reply_model": "m",
        "snapshot": "m-2026-01-01",
        "exception": "ValueError",
        "unseen": True,
        "adapted": False,
        "healed": True,
        "stopped_at": 7,
        "retries": 2,
    }


def test_what_is_unknown_is_none():
    """A valid attempt of which little is known has None, False, or nothing in the other columns."""
    (row,) = stored(outcome({"finish_reason": None, "reply": None, "prompt": None}, model=None))

    assert {name for name, value in row.items() if value is None} == {
        "model", "target", "segment", "cluster", "input_hash", "parent_call_id", "kind", "code", "finish_reason",
        "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost", "reply_bytes",
        "reply_hash", "reply_model", "snapshot", "exception", "stopped_at", "retries",
    }  # fmt: skip
    assert [name for name, value in row.items() if value is False] == ["tuned", "unseen", "adapted", "healed"]
    assert (row["form"], row["repairs"], row["violations"], row["prompt_chars"]) == ("exact", [], [], 0)


def test_zero_is_not_unknown():
    """Zero tokens, seconds, costs, retries, and an empty reply are facts."""
    zero = {"usage": Usage(0, 0, 0, 0), "cost": 0.0, "elapsed_s": 0.0, "retries": 0, "reply": ""}

    (row,) = stored(outcome(zero))

    names = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cost", "elapsed_s")
    assert [row[name] for name in (*names, "retries", "reply_bytes")] == [0] * 8
    assert row["reply_hash"] == hashed("")


def test_messages_are_hashed_as_compact_sorted_json():
    """Equal messages have one input hash, whatever the order of their fields."""
    one = (Message("user", "hi", {"name": "a", "id": 1}),)
    other = (Message("user", "hi", {"id": 1, "name": "a"}),)

    hashes = {stored(outcome(), task)[0]["input_hash"] for task in (one, other)}

    assert hashes == {hashed('[{"content":"hi","id":1,"name":"a","role":"user"}]')}


def nested(levels):
    document = "the innermost"
    for _ in range(levels):
        document = [document]
    return document


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    "content",
    [nested(100_000), {"a": [Unspeakable()]}, {1: b"x", "a": object}],
    ids=["deep", "no repr", "no JSON"],
)
def test_messages_that_nothing_can_say_are_hashed_too(content):
    """A message that is nested too deep, or that holds objects that fail, still gives a row."""
    task = (Message("user", content),)

    (row,) = stored(outcome({"prompt": task}), task)

    assert len(row["input_hash"]) == 32
    assert row["prompt_chars"] > 0


@pytest.mark.costly
def test_equal_deep_messages_have_one_hash():
    """A deep message is cut in the same way each time, and shallow differences change the hash."""
    tasks = [(Message("user", [name, nested(100_000)]),) for name in ("a", "a", "b")]

    hashes = [stored(outcome(), task)[0]["input_hash"] for task in tasks]

    assert (hashes[0] == hashes[1], hashes[0] == hashes[2]) == (True, False)


def test_a_hash_that_the_call_has_is_stored():
    """An input hash that was made before is not made again."""
    (row,) = stored(outcome(input_hash="ab"), "the task")

    assert row["input_hash"] == "ab"


def test_at_most_ten_distinct_violations():
    """A row has the ten most relevant pairs of location and keyword, each once."""
    found = [Violation(f"/p{n}", f"/properties/p{n}/type", "type", "", "") for n in (0, *range(15))]

    (row,) = stored(outcome({"failure": Failure("structure", "type", "", tuple(found)), "form": None}))

    assert row["violations"] == [[f"/p{n}", "type"] for n in range(10)]


def test_a_location_has_no_key_that_the_schema_does_not_name():
    """A key that only the reply names is not stored: it may be a person's name."""
    found = Violation(
        "/people/Ann Canary/age", "/properties/people/additionalProperties/type", "type", "", ""
    )

    (row,) = stored(outcome({"failure": Failure("structure", "type", "", (found,)), "form": None}))

    assert "Canary" not in str(row)
    assert row["violations"][0][0].startswith("/people")


@pytest.mark.parametrize(
    ("count", "stored_count"),
    [(2**63, None), (10**9 + 1, None), (-1, None), (True + 2**70, None), (10**9, 10**9), (1, 1)],
)
def test_an_impossible_count_is_unknown(count, stored_count):
    """A count of tokens above a thousand million, or below 0, is stored as unknown."""
    (row,) = stored(outcome({"usage": Usage(count, count, count, count), "retries": count}))

    names = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "retries")
    assert [row[name] for name in names] == [stored_count] * 5


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_unknown(number):
    """Seconds and costs that are not finite are stored as unknown."""
    (row,) = stored(outcome({"elapsed_s": number, "cost": number}))

    assert (row["elapsed_s"], row["cost"]) == (None, None)


def test_the_size_of_messages_is_that_of_their_contents():
    """The characters of a prompt of messages are those of the contents, parts as JSON."""
    prompt = (Message("system", "äbc"), Message("user", [{"text": "x"}]))

    (row,) = stored(outcome({"prompt": prompt, "reply": "ä" * 5}))

    assert (row["prompt_chars"], row["reply_bytes"]) == (3 + len('[{"text":"x"}]'), 10)
    assert stored(outcome({"prompt": "äöü"}))[0]["prompt_chars"] == 3


@given(st.text(st.characters(codec=None)))
def test_any_text_is_stored(text):
    """Text that holds neither NUL nor lone surrogates is read back as it was, other text with escapes."""
    (row,) = stored(outcome(segment=text))

    assert "\0" not in row["segment"]
    assert isinstance(row["segment"].encode(), bytes)
    assert row["segment"] == text or "\\u" in row["segment"]
