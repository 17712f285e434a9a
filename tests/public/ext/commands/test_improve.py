"""Facts about the command `improve`, from a failing function to the verdict."""

import json

import pytest

from tests.public.commands.command_lines import run

APP = """
import json
import random

from schema_guard import Params, flush, guard

ORDER = {{
    "title": "Order",
    "type": "object",
    "properties": {{
        "priority": {{"enum": ["low", "normal", "high"]}},
        "due": {{"type": "string", "format": "date"}},
    }},
    "required": ["priority", "due"],
    "additionalProperties": False,
}}
WORDS = "send boxes lamps chairs to yard dock by friday monday noon call anna peter before you come with a van".split()
HELPED = {helped!r}


def ask(prompt):
    text = prompt if isinstance(prompt, str) else "\\n".join(one["content"] for one in prompt)
    is_wrong = random.Random(text).random() < (0.0 if HELPED in text else 0.4)
    return json.dumps({{"priority": "urgent" if is_wrong else "high", "due": "2026-03-14"}})


guarded = guard(ORDER, name="read_order", store=None)(ask)


def calls(count, seed, **settings):
    @guard(ORDER, store="sqlite:///orders.db?payload=full", max_attempts=2, on_failure="return", name="read_order", **settings)
    def read_order(prompt):
        return ask(prompt)

    draw = random.Random(seed)
    for _ in range(count):
        read_order(" ".join(draw.choices(WORDS, k=14)))
    flush()
"""
SENTENCE = '"priority" is one of'
OTHERS = ("strict_schema", "json_mode", "few_shot", "temperature", "reason_then_format")
DECLINED = [word for step in OTHERS for word in ("--decline", f"{step}=not here")]
STORE = ("--store", "orders.db")


@pytest.fixture
def orders(folder, monkeypatch):
    """Write the functions of a model with a weakness, and import them."""
    monkeypatch.syspath_prepend(str(folder))

    def written(helped):
        (folder / "orders.py").write_text(APP.format(helped=helped))
        monkeypatch.delitem(__import__("sys").modules, "orders", raising=False)
        return __import__("orders")

    return written


def improved(capsys, *more):
    return run(capsys, "improve", "read_order", "--model", "orders:ask", *STORE, *more)


def decided(capsys, *more):
    status, out, _ = run(capsys, "decide", "--function", "read_order", *STORE, "--format", "json", *more)
    return status, json.loads(out)


def status_of(verdict, step):
    return next(one for one in verdict["ladder"] if one["rung"] == step)


def test_a_better_prompt_is_found_proved_and_used(folder, capsys, orders):
    """The verdict names the step, the command proves a prompt, and with its file prompting is enough."""
    app = orders(SENTENCE)
    app.calls(200, 1)
    _, before = decided(capsys, *DECLINED)

    status, out, _ = improved(capsys)
    line = next(line for line in out.splitlines() if line.startswith("use it"))
    app.calls(900, 2, params=eval(line.partition("params=")[2][:-1], vars(app)))  # noqa: S307 - our own line
    done, after = decided(capsys)

    assert before["next_rung"] == "improved_prompt"
    assert before["next_step"].startswith("schema-guard improve read_order")
    assert status == 0
    assert "IMPROVED_PROMPT_PROVED" in out
    assert (done, after["verdict"]) == (0, "PROMPTING_ENOUGH")
    assert status_of(after, "improved_prompt")["status"] == "tested"


def test_the_report_shows_the_function_before_and_after(folder, capsys, orders):
    """The improved prompt is a version of its own."""
    app = orders(SENTENCE)
    app.calls(200, 1)
    improved(capsys)
    from schema_guard import Params

    app.calls(50, 2, params=Params(prompt_file="read_order_prompt/prompt.md"))
    _, out, _ = run(capsys, "report", "--function", "read_order", *STORE, "--format", "json")
    groups = [one for one in json.loads(out)["groups"] if one["function"] == "read_order"]

    assert [one["calls"] for one in groups] == [250]
    assert "version" in groups[0]["varies"]


def test_no_candidate_helps(folder, capsys, orders):
    """The command proves nothing, writes no prompt, and the verdict says that the step was tried."""
    app = orders("no prompt has this text")
    app.calls(200, 1)

    status, out, _ = improved(capsys)
    _, verdict = decided(capsys, *DECLINED)
    step = status_of(verdict, "improved_prompt")

    assert status == 1
    assert "NO_CANDIDATE_HELPS" in out or "NOT_PROVED" in out
    assert not (folder / "read_order_prompt" / "prompt.md").exists()
    assert step["status"] in ("declined", "tested")
    assert verdict.get("next_rung") != "improved_prompt"


def test_diff_prints_each_line_with_its_reason(folder, capsys, orders):
    """Nothing is sent."""
    orders(SENTENCE).calls(200, 1)
    improved(capsys)

    status, out, _ = run(capsys, "improve", "--diff", "read_order_prompt")

    assert status == 0
    assert '+ "priority" is one of "low", "normal", "high".  # ' in out
    assert "calls failed at /priority (enum)" in out


def test_diff_without_a_prompt_names_the_command(folder, capsys):
    """A folder without a proved prompt has no lines."""
    status, _, err = run(capsys, "improve", "--diff", "nothing")

    assert status == 2
    assert "Run `schema-guard improve` first" in err


def test_too_few_inputs_prove_nothing(folder, capsys, orders):
    """The output says how many are missing."""
    orders(SENTENCE).calls(40, 1)

    status, out, _ = improved(capsys)

    assert status == 1
    assert "TOO_FEW_INPUTS" in out
    assert "record 20 more different inputs" in out


def test_texts_that_are_not_stored_are_missing(folder, capsys, orders):
    """The output has the line that stores them."""
    app = orders(SENTENCE)
    from schema_guard import guard

    @guard(app.ORDER, store="sqlite:///plain.db", name="read_order", on_failure="return")
    def read_order(prompt):
        return app.ask(prompt)

    read_order("one order")
    status, out, _ = run(capsys, "improve", "read_order", "--model", "orders:ask", "--store", "plain.db")

    assert status == 1
    assert "the store has no texts of this function" in out
    assert "payload=redacted" in out


@pytest.mark.parametrize("model", ["orders:ask", "orders:guarded"])
def test_a_file_of_tasks_measures_values(folder, capsys, orders, model):
    """Right answers of the tasks are compared before and after. Of a guarded function, the function inside is asked."""
    app = orders(SENTENCE)
    (folder / "schema.json").write_text(json.dumps(app.ORDER))
    draw = app.random.Random(3)
    rows = [
        {
            "input": " ".join(draw.choices(app.WORDS, k=14)),
            "output": {"priority": "high", "due": "2026-03-14"},
        }
        for _ in range(180)
    ]
    lines = [
        {"id": f"t{at}", "schema_file": "schema.json", "input": row["input"], "gold": row["output"]}
        for at, row in enumerate(rows)
    ]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    status, out, _ = run(capsys, "improve", "tasks.jsonl", "--model", model, "--store", "none")

    assert status == 0, out
    assert "right before" in out


def test_unknown_sources_are_refused(folder, capsys, orders):
    """The error names what SOURCE may be."""
    orders(SENTENCE).calls(3, 1)

    status, _, err = run(capsys, "improve", "no_such_function", "--model", "orders:ask", *STORE)
    alone, _, other = run(capsys, "improve", "no_such_function", "--store", "none")

    assert status == alone == 2
    assert "no_such_function" in err
    assert "name the store of its calls with --store" in other


def test_refuses_an_unknown_optimizer(folder, capsys, orders):
    """Nothing is sent."""
    orders(SENTENCE).calls(60, 1)
    status, _, err = improved(capsys, "--optimizer", "dspy")

    assert status == 2
    assert "'--optimizer': 'dspy': expected gepa or gepa:MODEL" in err
    assert not (folder / "read_order_prompt").exists()


def test_a_function_can_write_candidates_with_gepa(folder, capsys, orders):
    """The race has the candidates that another function of yours wrote."""
    pytest.importorskip("gepa")
    app = orders("Never call an order urgent.")
    app.write = lambda prompt: f"```\n{prompt.split('```')[1].strip()}\nNever call an order urgent.\n```"
    app.calls(120, 1)
    status, out, _ = improved(capsys, "--optimizer", "gepa:orders:write")

    assert status == 0
    assert "# written by orders:write; " in out
