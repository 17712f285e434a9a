"""Sizes above one step: long reads, many batches, long deletions, and limits on the number of names."""

import json
import logging
from collections import Counter

import pytest

from schema_guard import guard, open_store, tags
from tests.needs import needs
from tests.public.records.counting import expected_counts, stored_counts, stored_hours
from tests.public.records.outcomes import FAILED, outcome

HOUR = 3_600.0
CALLS = [
    outcome(
        *[FAILED] * (number % 4 == 0),
        *[{}] * (number % 12 > 0 or number % 4 > 0),
        id=f"{number:05}",
        started_at=number * 20.0,
        segment=f"s{number % 2}",
        input_hash=f"i{number % 700}",
    )
    for number in range(2_600)
]
ATTEMPTS = sum(len(one.attempts) for one in CALLS)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A store with 2,600 calls over fourteen hours."""
    path = tmp_path_factory.mktemp("large") / "records.db"
    with open_store(str(path), payload="hash") as store:
        for one in CALLS:
            store.record(one)
        assert store.flush(60.0) == 0
        assert store.counts().stored == ATTEMPTS
    return path


def test_long_read_returns_every_attempt_once(path):
    """Attempts that span several reads come back in order, also within a time range."""
    with open_store(str(path)) as store:
        results = [(row["call_id"], row["number"]) for row in store.attempts()]
        part = [
            row["call_id"] for row in store.attempts(since=100 * 20.0, until=2_400 * 20.0) if row["final"]
        ]

    assert results == [(one.call.id, attempt.number) for one in CALLS for attempt in one.attempts]
    assert part == [f"{number:05}" for number in range(100, 2_400)]


def test_counts_of_many_calls_match_plain_python(path):
    """Counts of all calls, and of a range that cuts hours, are exact."""
    with open_store(str(path)) as store:
        assert stored_counts(store) == expected_counts(CALLS)
        since, until = 1_234 * 20.0, 2_345 * 20.0 + 1
        assert stored_counts(store, since=since, until=until) == expected_counts(CALLS[1_234:2_346])
        assert store.check().is_sound


@needs("transfer")
def test_long_export_and_import_keeps_every_attempt(path, cli, tmp_path):
    """Thousands of attempts are the same after an export and an import."""
    exported = cli("store", "export", "--store", path, "-o", tmp_path / "a.jsonl")[1].replace(",", "")
    text = cli("store", "import", tmp_path / "a.jsonl", "--store", tmp_path / "b.db")[1].replace(",", "")

    assert exported.startswith(f"exported {ATTEMPTS} attempts")
    assert f"{ATTEMPTS} of {ATTEMPTS} attempts added" in text
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == {"end": {"attempts": ATTEMPTS}}
    with open_store(str(path)) as one, open_store(f"{tmp_path}/b.db") as other:
        assert list(one.attempts()) == list(other.attempts())
        assert stored_counts(other) == expected_counts(CALLS)


@pytest.mark.parametrize(
    ("option", "value", "left"), [("--function", "app.extract", 0), ("--max-rows", "10", 10)]
)
def test_deletion_in_several_steps_is_complete(path, cli_json, tmp_path, option, value, left):
    """More rows than one step deletes are all deleted. The counts stay."""
    (tmp_path / "c.db").write_bytes(path.read_bytes())

    text = cli_json("store", "delete", "--yes", option, value, "--store", tmp_path / "c.db")

    assert (text["removed"], text["left"]) == (ATTEMPTS - left, left)
    with open_store(f"{tmp_path}/c.db") as store:
        assert sum(1 for _ in store.attempts()) == left
        assert sum(one.calls for one in store.configurations()) == len(CALLS)
        assert store.check().is_sound


@pytest.mark.parametrize("durability", ["queue", "sync"])
def test_batches_of_one_hour_are_summed(durability):
    """Forty batches of two hours, some of them late, have the same counts as one batch."""
    calls = [
        outcome(
            *[FAILED] * (n % 3 == 0), {}, id=str(n), started_at=HOUR * (n % 5 == 4) + n, segment=f"s{n % 2}",
            input_hash=f"i{n % 7}",
        )
        for n in range(40)
    ]  # fmt: skip
    with open_store("sqlite://", durability=durability) as store:
        for one in calls:
            store.record(one)
            store.flush()
        assert stored_counts(store) == expected_counts(calls)
        assert stored_counts(store, since=5.5, until=HOUR + 20) == expected_counts(
            [one for one in calls if 5.5 <= one.call.started_at < HOUR + 20]
        )
        assert sum(counts["calls"] for counts in stored_hours(store).values()) == 40


@pytest.mark.costly
def test_outcomes_of_thousands_of_calls_are_in_order():
    """Nine thousand outcomes of one configuration are stored in order."""
    failures = [number % 7 == 0 for number in range(9_000)]
    with open_store("sqlite://") as store:
        for number, failed in enumerate(failures):
            store.record(outcome(*[FAILED] * failed, id=str(number)))
            if number % 2_500 == 0:
                store.flush(60.0)
        store.flush(60.0)
        (result,) = store.configurations()

    assert [bool(result.outcomes[n // 8] >> (7 - n % 8) & 1) for n in range(9_000)] == failures


def test_segments_are_bounded(caplog):
    """Segments after the 200th of a function are recorded as `others`, with one warning."""
    with open_store("sqlite://") as store, caplog.at_level(logging.WARNING, "schema_guard"):
        ask = guard({"type": "integer"}, name="many.segments", store=store)(lambda prompt: "1")
        for number in (*range(203), 0, 202):
            with tags(segment=f"s{number}"):
                ask("t")
        counts = Counter(row["segment"] for row in store.attempts())

    assert counts == {**{f"s{number}": 1 for number in range(200)}, "s0": 2, "others": 4}
    assert len(caplog.records) == 1
    assert "more than 200 segments" in caplog.text


def test_models_of_replies_are_bounded(caplog):
    """Models of replies after the 50th are recorded as `others`, with one warning."""
    models = iter(f"m{number}" for number in range(53))
    with open_store("sqlite://") as store, caplog.at_level(logging.WARNING, "schema_guard"):
        ask = guard({"type": "integer"}, name="many.models", store=store)(
            lambda prompt: {
                "id": "c",
                "object": "chat.completion",
                "model": next(models),
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": "1"}, "finish_reason": "stop"}
                ],
            }
        )
        for _ in range(53):
            ask("t")
        counts = Counter(row["model"] for row in store.attempts())

    assert counts == {**{f"m{number}": 1 for number in range(50)}, "others": 3}
    assert len(caplog.records) == 1


def test_violation_locations_omit_indices_and_unknown_keys():
    """All items of an array share one location. So do all keys that the schema does not name."""
    schema = {
        "type": "object",
        "properties": {
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"n": {"type": "integer"}},
                    "additionalProperties": {"type": "integer"},
                },
            }
        },
    }
    reply = '{"lines":[{"n":1},{"n":"x","Ann":"y"},{"n":"z"}]}'
    with open_store("sqlite://") as store:
        guard(schema, store=store, on_failure="return", max_attempts=1)(lambda prompt: reply)("t")
        (row,) = store.attempts()

    assert row["violations"] == [["/lines/*/n", "type"], ["/lines/*/*", "type"]]


@needs("streaming")
def test_report_counts_stopped_replies(tmp_path, cli_json):
    """A stream that is stopped early stores its length. The report has their number and median."""
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["id", "note"],
        "additionalProperties": False,
    }
    with open_store(f"{tmp_path}/r.db") as store:

        @guard(schema, early_stop=True, max_attempts=2, store=store, name="order")
        def order(prompt):
            number = int(prompt.partition("Order ")[2].split()[0])
            wrong = number % 4 == 0 and "was not valid" not in prompt
            reply = json.dumps({"id": "four" if wrong else number, "note": "desk " * 20})
            for at in range(0, len(reply), 4):
                yield reply[at : at + 4]

        for number in range(10, 50):
            order(f"Order {number} is here.")
        stopped = [row["stopped_at"] for row in store.attempts() if row["stopped_at"] is not None]
    (group,) = cli_json("report", "--store", tmp_path / "r.db")["groups"]

    assert stopped == [8] * 10
    result = group["stopped"]
    assert (result["attempts"], result["judged"], result["median_characters"]) == (10, 50, 8)
