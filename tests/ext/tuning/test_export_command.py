"""`schema-guard tune prepare` together with the files of `bench`."""

from schema_guard.bench.suites.load import load_suite
from tests.public.ext.commands.test_export import GOOD, ask, lines, record

__all__ = ["ask"]


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
