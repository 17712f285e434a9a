"""The layout of a function's prompts is a part of its configuration, and trials for the function have it."""

import json

import pytest

from schema_guard import connect, guard, open_store
from tests.needs import needs
from tests.public.commands.command_lines import run, script

SCHEMA = {"title": "ticket", "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
SYSTEM, USER = {"role": "system", "content": "Sort."}, {"role": "user", "content": "One."}
GOOD = '{"a": 1}'


def record(ask, *task, **settings):
    with open_store("r.db") as store:
        guarded = guard(SCHEMA, name="shop.sort", store=store, **settings)(ask)
        for _ in range(4):
            guarded(*task)


def settings_of(function):
    with open_store("r.db") as store:
        rows = store.configurations()
    return [json.loads(row.settings) for row in rows if row.function.startswith(function)]


def ask_text(prompt: str):
    return GOOD


def ask_messages(messages: list):
    return GOOD


def ask_itself(text: str, instructions: str = ""):
    return GOOD


@pytest.mark.parametrize(
    ("ask", "task", "layout"),
    [
        (ask_text, "One.", "text"),
        (ask_messages, [SYSTEM, USER], "turns"),
        (ask_messages, [USER], "user_turn"),
        (ask_itself, "One.", "instructions"),
    ],
)
def test_the_settings_have_the_layout(folder, ask, task, layout):
    """The layout shows which part of a request has the text about the format."""
    record(ask, task)

    assert [settings["layout"] for settings in settings_of("shop")] == [layout]


def test_a_function_that_is_called_in_two_layouts_has_two_configurations(folder):
    """Messages with and without a system message are different requests."""
    record(ask_messages, [SYSTEM, USER])
    record(ask_messages, [USER])

    assert {settings["layout"] for settings in settings_of("shop")} == {"turns", "user_turn"}


def test_a_model_gets_turns(folder):
    """A model takes a text as the user's turn after a system message."""
    with connect(script(folder, *[GOOD] * 4)) as model:
        record(model, "One.")

    assert [settings["layout"] for settings in settings_of("shop")] == ["turns"]


def test_an_observed_function_has_no_layout(folder):
    """An observed function sends its own prompt, which nobody knows."""
    record(ask_text, "One.", observe=True)

    assert [settings.get("layout") for settings in settings_of("shop")] == [None]


def bench(folder, capsys, *more):
    (folder / "ticket.json").write_text(json.dumps(SCHEMA))
    rows = [
        {"id": str(at), "input": f"Bill {at}.", "gold": {"a": 1}, "schema_file": "ticket.json"}
        for at in range(3)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    model = script(folder, *[GOOD] * 3)
    asked = ("--model", model, "--store", "r.db", "--strategy", "system_prompt", *more)
    return run(capsys, "bench", "run", "tasks.jsonl", *asked)


def test_bench_has_the_layout_of_the_only_function(folder, capsys):
    """Trials count for the only function of a schema, so they send its requests."""
    record(ask_text, "One.")

    status, _, err = bench(folder, capsys)

    assert (status, "layout of the prompts for ticket: text" in err) == (0, True)
    assert [settings["layout"] for settings in settings_of("bench")] == ["text"]


def test_bench_without_a_function_sends_turns(folder, capsys):
    """A model is called as `connect` gives it."""
    bench(folder, capsys)

    assert [settings["layout"] for settings in settings_of("bench")] == ["turns"]


def test_bench_has_the_output_limit_of_the_function(folder, capsys):
    """A limit of the trial's own would cut off replies that the function gets whole."""
    record(ask_text, "One.")

    bench(folder, capsys)

    assert "limits" not in settings_of("bench")[0]


@needs("playbook")
def test_the_playbook_has_the_layout_of_its_function(folder, capsys):
    """Each step sends the requests that the function would send."""
    record(ask_text, "One.")
    (folder / "s.json").write_text(json.dumps(SCHEMA))
    (folder / "inputs.txt").write_text("one\ntwo\nthree")

    run(
        capsys, "bench", "run", "--playbook", "--schema", "s.json", "--inputs", "inputs.txt",
        "--model", script(folder, *[GOOD] * 3), "--store", "r.db", "--function", "shop.sort",
    )  # fmt: skip

    assert [settings["layout"] for settings in settings_of("playbook")] == ["text"]


def decided(capsys):
    """Return the number of calls that count in the verdict, and its notes about layouts."""
    _, out, _ = run(capsys, "decide", "--store", "r.db", "--format", "json")
    verdict = json.loads(out)
    return verdict["calls"], [note for note in verdict["notes"] if "layout" in note]


def test_trials_of_the_same_layout_are_evidence(folder, capsys):
    """The trial sent the requests of the function."""
    record(ask_text, "One.")
    bench(folder, capsys)

    assert decided(capsys) == (7, [])


@pytest.mark.parametrize(
    ("ask", "task", "layout"), [(ask_text, "One.", "text"), (ask_messages, [USER], "user_turn")]
)
def test_trials_of_another_layout_are_left_out(folder, capsys, ask, task, layout):
    """The trial was made before the first call of the function, so it sent turns."""
    bench(folder, capsys)
    record(ask, task)

    assert decided(capsys) == (
        4,
        [f"3 calls of trials not counted, because their layout is turns and the function's is {layout}"],
    )


def test_a_verdict_says_that_trials_lack_the_own_instructions_of_a_function(folder, capsys):
    """The store does not have the text that the function adds, so the trials sent other requests."""
    record(ask_itself, "One.")
    bench(folder, capsys)

    calls, notes = decided(capsys)

    assert calls == 7
    assert ["without the function's own instructions" in note for note in notes] == [True]


def test_a_function_that_changes_its_layout_needs_new_trials(folder, capsys):
    """Evidence in one layout is no evidence for the other one."""
    record(ask_text, "One.")
    bench(folder, capsys)
    record(ask_messages, [SYSTEM, USER])

    _, notes = decided(capsys)

    assert notes == [
        "3 calls of trials not counted, because their layout is text and the function's is turns"
    ]


@needs("tuning")
def test_calls_of_a_model_are_training_rows(folder, capsys):
    """A tuned model gets the user's turn that the function sent, without the text about the format."""
    with connect(script(folder, *[GOOD] * 4)) as model, open_store("r.db", payload="full") as store:
        guarded = guard(SCHEMA, name="shop.sort", store=store, checks=[bool])(model)
        for number in range(4):
            guarded(f"Bill {number}.")

    status, out, _ = run(
        capsys, "tune", "prepare", "--schema", "ticket", "--store", "r.db", "--output", "set", "--min-examples", "1",
    )  # fmt: skip

    assert status == 0, out
    texts = [file.read_text() for file in (folder / "set").glob("t*.jsonl")]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    assert rows
    assert all(len(row["messages"]) == 2 for row in rows)
    assert all(row["messages"][0]["content"].startswith("Bill") for row in rows)


@needs("playbook")
def test_the_playbook_shows_recorded_clean_replies(folder, capsys):
    """The result has the examples, because a guard without them sends other requests."""
    with open_store("r.db", payload="full") as store:
        guarded = guard(SCHEMA, name="shop.sort", store=store)(ask_text)
        for number in range(4):
            guarded(f"Bill {number}.")

    _, out, _ = run(
        capsys, "bench", "run", "--playbook", "--function", "shop.sort", "--store", "r.db",
        "--model", script(folder, *[GOOD] * 2), "--first-step", "few_shot",
    )  # fmt: skip

    words = " ".join(out.split())
    assert "inputs 2 inputs in the order" in words
    assert "sent examples=[('Bill 3.', {'a': 1}), ('Bill 2.', {'a': 1})]" in words
