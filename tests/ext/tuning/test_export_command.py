"""`schema-guard tune prepare` together with the files of `bench`."""

import json

from schema_guard.bench.run.journal import JournalReply, row_of
from schema_guard.bench.suites.load import load_suite
from schema_guard.received.replies import Reply
from schema_guard.values import Usage
from tests.public.ext.commands.test_export import BAD, GOOD, ask, lines, record, suite

__all__ = ["ask"]


def test_a_journal_tells_what_failed_and_gives_the_rejected_replies(tmp_path, ask):
    """The gold of the task is preferred to the reply that a benchmark got."""

    suite(tmp_path)
    stored = [
        JournalReply(1, "c", 1.0, "p", Reply(text, "stop", Usage(), None, None, None), 0.1)
        for text in (BAD, GOOD, "no")
    ]
    entries = [row_of(("m", f"t{n}", 0), one) for n, one in enumerate(stored)]
    head = {"journal": 1, "plan": "p", "name": "bench:x", "started_at": 1.0, "summary": "x"}
    text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in [head, *entries])
    (tmp_path / "run.jsonl").write_text(text + '{"call":["m"', encoding="utf-8")

    status, _ = ask(
        "--suite",
        "tickets.jsonl",
        "--bench",
        "run.jsonl",
        "-o",
        "set",
        "--method",
        "dpo",
        "--min-examples",
        "1",
    )

    assert status == 0
    pairs = [
        row for name in ("train", "validation", "test") for row in lines(tmp_path / "set", f"{name}.jsonl")
    ]
    assert sorted(pair["non_preferred_output"][0]["content"] for pair in pairs) == ["no", BAD]


def test_an_exported_set_is_a_suite_that_bench_reads(tmp_path, ask):
    """What was held out is what a tuned model is measured on."""

    record(tmp_path / "r.db", [[GOOD]] * 8)
    ask("--schema", "ticket", "--store", "r.db", "-o", "set", "--min-examples", "1", "--test", "0.4")

    suite = load_suite(tmp_path / "set")

    held_out = lines(tmp_path / "set", "test.jsonl")
    (entry,) = suite.schemas
    assert [task.text for task in entry.tasks_of("test")] == [
        row["messages"][0]["content"] for row in held_out
    ]
    assert suite.function == "app.triage"
