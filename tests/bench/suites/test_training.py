"""A training set that `export` wrote is a suite: what was held out of training, asked as it was trained."""

import json

import pytest

from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, Variant, plan_of, variants_of
from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument
from tests.needs import needs

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
MANIFEST = {
    "format": 1,
    "schema": {"name": "number", "fingerprint": "0" * 16, "document": SCHEMA},
    "function": "app.read",
    "form": "sft",
}


def _row(n, answer=None):
    answer = json.dumps({"n": n}) if answer is None else answer
    return {"messages": [{"role": "user", "content": f"n is {n}"}, {"role": "assistant", "content": answer}]}


def _set(folder, *, test, train=(1, 2, 3), manifest=MANIFEST):
    rows = {"train": map(_row, train), "test": test}
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_what_was_held_out_is_asked(tmp_path):
    """The rows of the test file are scored, the first two of training are shown, and nothing is added to a text."""
    suite = load_suite(_set(tmp_path, test=[_row(8), {"prompt": "n is 9", "completion": '{"n": 9}'}]))

    (entry,) = suite.schemas
    assert (entry.name, entry.schema.document, suite.function) == ("number", SCHEMA, "app.read")
    assert [(task.text, task.gold) for task in entry.tasks_of("test")] == [
        ("n is 8", {"n": 8}),
        ("n is 9", {"n": 9}),
    ]
    assert [task.text for task in entry.tasks_of("dev")] == ["n is 1", "n is 2"]


SYSTEM = {"role": "system", "content": "You read numbers."}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [SYSTEM, *_row(8)["messages"]]},
        {"system": SYSTEM["content"], "messages": _row(8)["messages"]},
    ],
)
def test_what_stands_before_a_text_is_asked_too(tmp_path, row):
    """A task with a system message is asked behind it, and the format of a strategy joins it."""
    suite = load_suite(_set(tmp_path, test=[row]))
    (task,) = suite.schemas[0].tasks_of("test")

    assert (task.text, task.before) == ("n is 8", (SYSTEM,))


@needs("playbook")
def test_playbook_asks_behind_the_system_message(tmp_path):
    """A playbook run over the suite has the system message before each task."""
    from schema_guard.ext.playbook.inputs import suite_inputs

    rows = [{"messages": [SYSTEM, *_row(8)["messages"]]}]
    assert suite_inputs(load_suite(_set(tmp_path, test=rows)).schemas[0]).before == (SYSTEM,)


@needs("playbook")
def test_playbook_takes_one_beginning(tmp_path):
    """A playbook run asks all tasks behind the same messages; where they differ, `bench` is named."""
    from schema_guard.ext.playbook.inputs import suite_inputs

    suite = load_suite(_set(tmp_path, test=[_row(8), {"messages": [SYSTEM, *_row(9)["messages"]]}]))

    with pytest.raises(InvalidArgument, match="or use `bench run` without --playbook"):
        suite_inputs(suite.schemas[0])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"messages": [*_row(8)["messages"], SYSTEM]},
            "test.jsonl:1: expected messages that end with a user message and an assistant message",
        ),
        (_row(8, "eight"), "test.jsonl:1: expected an answer that is JSON"),
        (
            _row(8, '{"n": "8"}'),
            "test.jsonl:1: the gold is not valid at /n: expected integer, got string '8'",
        ),
        ({"messages": _row(8)["messages"][:1]}, "test.jsonl:1: at /messages: expected"),
    ],
)
def test_rows_that_are_no_tasks_are_told(tmp_path, row, told):
    """A row whose answer is no JSON or not valid, or that is no question with its answer, is a problem of the file."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite(_set(tmp_path, test=[row]))

    assert told in str(caught.value)


def test_tuned_model_is_asked_as_it_was_trained():
    """A tuned model has one column, bare; the others have all strategies."""
    columns = variants_of(["m", "t"], ["few_shot", "strict_schema"], tuned=["t"])

    assert columns == (
        Variant("m few_shot", "m", "few_shot"),
        Variant("m strict_schema", "m", "strict_schema"),
        Variant("t bare", "t", "bare", tuned=True),
    )


@pytest.mark.parametrize(
    ("strategies", "asked"),
    [
        (["few_shot", "strict_schema"], ["bare", "strict_only"]),
        (["few_shot>strict_schema"], ["bare", "strict_only"]),
        (["few_shot"], ["bare"]),
    ],
)
def test_tuned_model_on_its_own_weights_is_also_asked_with_a_grammar(strategies, asked):
    """If a strategy enforces the schema, the same prompt is sent with a grammar."""
    variants = variants_of(["t"], strategies, tuned=["t"], enforced=["t"])

    assert variants == tuple(Variant(name, "t", name, tuned=True) for name in asked)


def test_records_name_the_function_that_is_meant(tmp_path):
    """A run is recorded under the function that it measures fixes for, and that changes no plan."""
    suite = load_suite(_set(tmp_path, test=[_row(8)]))
    plain, whose = (
        plan_of(suite, variants_of(["m"], ["bare"]), PlanSettings(function=name))
        for name in (None, "app.read")
    )

    assert Journal.of(whose).name.endswith("::app.read")
    assert "::" not in Journal.of(plain).name
    assert plain.fingerprint == whose.fingerprint
