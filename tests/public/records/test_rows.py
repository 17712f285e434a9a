"""The columns of a row: all facts about an attempt, without any text of prompt or reply."""

import hashlib
import hmac
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Coercion, Failure, Message, Usage, Violation, open_store
from tests.public.records.outcomes import FAILED, outcome

KEY = "of the team"


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    """Hash with a known key."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", KEY)


def stored(one, task=None):
    """Record one outcome in memory and return its rows."""
    with open_store("sqlite://") as store:
        store.record(one, task)
        return list(store.attempts())


def hashed(text):
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def test_row_has_every_column():
    """A row has the call, its configuration, the attempt's outcome, sizes, and hashes."""
    attempt = {
        **FAILED, "reply": "nül", "usage": Usage(1, 2, 3, 4), "cost": 0.25, "repairs": ("fence",), "coercions": (Coercion("/n", "string", "integer"),),
        "model": "m", "snapshot": "m-2026-01-01", "exception": "ValueError", "unseen": True, "gateway_repaired": True,
        "stopped_at": 7, "strategy": "few_shot", "finish_reason": "length",
    }  # fmt: skip

    (row,) = stored(
        outcome(
            attempt, segment="s", cluster="c", tuned=True, provider="openai", parent_call_id="9" * 32,
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
        "provider": "openai",
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
        "coercions": [["/n", "string -> integer"]],
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
        "gateway_repaired": True,
        "stopped_at": 7,
    }


def test_unknown_facts_are_none():
    """A valid attempt with few known facts has None, False, or empty values in the other columns."""
    (row,) = stored(outcome({"finish_reason": None, "reply": None, "prompt": None}, model=None))

    assert {name for name, value in row.items() if value is None} == {
        "model", "provider", "segment", "cluster", "input_hash", "parent_call_id", "kind", "code", "finish_reason",
        "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost", "reply_bytes",
        "reply_hash", "reply_model", "snapshot", "exception", "stopped_at",
    }  # fmt: skip
    assert [name for name, value in row.items() if value is False] == [
        "tuned",
        "unseen",
        "adapted",
        "gateway_repaired",
    ]
    assert (row["form"], row["repairs"], row["violations"], row["prompt_chars"]) == ("clean", [], [], 0)


def test_zero_is_a_known_value():
    """Zero tokens, seconds, and costs are stored as 0. So is the size of an empty reply."""
    zero = {"usage": Usage(0, 0, 0, 0), "cost": 0.0, "elapsed_s": 0.0, "reply": ""}

    (row,) = stored(outcome(zero))

    names = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cost", "elapsed_s")
    assert [row[name] for name in (*names, "reply_bytes")] == [0] * 7
    assert row["reply_hash"] == hashed("")


def test_messages_are_hashed_as_compact_sorted_json():
    """Equal messages have one input hash, in any order of their fields."""
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
def test_unprintable_messages_are_hashed(content):
    """Messages that are nested too deep, or have objects without a repr, are stored with a hash."""
    task = (Message("user", content),)

    (row,) = stored(outcome({"prompt": task}), task)

    assert len(row["input_hash"]) == 32
    assert row["prompt_chars"] > 0


@pytest.mark.costly
def test_equal_deep_messages_have_one_hash():
    """Deep messages are cut the same way each time. Shallow differences change the hash."""
    tasks = [(Message("user", [name, nested(100_000)]),) for name in ("a", "a", "b")]

    hashes = [stored(outcome(), task)[0]["input_hash"] for task in tasks]

    assert (hashes[0] == hashes[1], hashes[0] == hashes[2]) == (True, False)


def test_existing_input_hash_is_stored():
    """A call that has an input hash keeps it."""
    (row,) = stored(outcome(input_hash="ab"), "the task")

    assert row["input_hash"] == "ab"


def test_at_most_ten_distinct_violations():
    """A row has the first ten pairs of location and keyword, each once."""
    results = [Violation(f"/p{n}", f"/properties/p{n}/type", "type", "", "") for n in (0, *range(15))]

    (row,) = stored(outcome({"failure": Failure("structure", "type", "", tuple(results)), "form": None}))

    assert row["violations"] == [[f"/p{n}", "type"] for n in range(10)]


def test_violation_location_omits_unknown_keys():
    """A key that the schema does not name is not stored, because it can be personal data."""
    result = Violation(
        "/people/Ann Canary/age", "/properties/people/additionalProperties/type", "type", "", ""
    )

    (row,) = stored(outcome({"failure": Failure("structure", "type", "", (result,)), "form": None}))

    assert "Canary" not in str(row)
    assert row["violations"][0][0].startswith("/people")


@pytest.mark.parametrize(
    ("count", "stored_count"),
    [(2**63, None), (10**9 + 1, None), (-1, None), (True + 2**70, None), (10**9, 10**9), (1, 1)],
)
def test_an_impossible_count_is_unknown(count, stored_count):
    """A count of tokens below 0 or above a thousand million is stored as unknown."""
    (row,) = stored(outcome({"usage": Usage(count, count, count, count)}))

    names = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    assert [row[name] for name in names] == [stored_count] * 4


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_unknown(number):
    """Seconds and costs that are not finite are stored as unknown."""
    (row,) = stored(outcome({"elapsed_s": number, "cost": number}))

    assert (row["elapsed_s"], row["cost"]) == (None, None)


def test_prompt_size_is_the_length_of_the_contents():
    """The size of a prompt of messages is the length of their contents, with parts as JSON."""
    prompt = (Message("system", "äbc"), Message("user", [{"text": "x"}]))

    (row,) = stored(outcome({"prompt": prompt, "reply": "ä" * 5}))

    assert (row["prompt_chars"], row["reply_bytes"]) == (3 + len('[{"text":"x"}]'), 10)
    assert stored(outcome({"prompt": "äöü"}))[0]["prompt_chars"] == 3


@given(st.text(st.characters(codec=None)))
def test_text_is_stored_with_escapes(text):
    """Text is stored unchanged, except that NUL and lone surrogates become escapes."""
    (row,) = stored(outcome(segment=text))

    assert row["segment"] == re.sub("[\0\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
