"""Stories about the step `decision_model`, from a failing function to the verdict, by printed commands."""

import json
import random
from shlex import split

import pytest

from schema_guard import connect, flush, guard
from schema_guard.testing import serve
from tests.public.commands.command_lines import run

pytest.importorskip("openai", minversion="3.57")

TEAMS = ("billing", "shipping", "returns")
TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {
        "team": {"enum": list(TEAMS), "description": "Who answers"},
        "urgent": {"type": "boolean", "description": "The sender cannot wait"},
    },
    "required": ["team", "urgent"],
    "additionalProperties": False,
}
WITH_NOTE = {
    **TICKET,
    "properties": {**TICKET["properties"], "note": {"type": "string"}},
    "required": ["team", "urgent", "note"],
}
TASKS = [f"Ticket {number:03}" for number in range(320)]
BEFORE = ("strict_schema", "json_mode", "few_shot", "temperature", "reason_then_format", "improved_prompt")
DECLINED = [word for step in BEFORE for word in ("--decline", f"{step}=not here")]
STORE = ("--store", "r.db")


def gold_of(text, schema=TICKET):
    """Return the right answer of a task, or of a prompt with a task."""
    number = text.partition("Ticket ")[2][:3]
    draw = random.Random(number)
    gold = {"team": draw.choice(TEAMS), "urgent": draw.random() < 0.4, "note": f"number {number}"}
    return {name: gold[name] for name in schema["required"]}


def decision(text, right):
    """Return the answers of a decision model that is sure of everything, and right about the team in a share of the calls."""
    gold, draw = gold_of(text), random.Random(f"decision {text}")
    team = gold["team"] if draw.random() < right else TEAMS[TEAMS.index(gold["team"]) - 1]
    sure = {name: 0.98 if name == team else 0.01 for name in TEAMS}
    return json.dumps({"q0": sure, "q1": 0.98 if gold["urgent"] else 0.02})


@pytest.fixture
def production(folder, monkeypatch):
    """Return a function that starts two models behind one server, and a guarded function of 300 calls."""
    with_servers = []

    def started(*, fails=0.2, right=1.0, schema=TICKET):
        def reply(text):
            if "schema" not in text.lower():
                return decision(text, right)
            if '"team"' not in text:
                return json.dumps({"note": gold_of(text, WITH_NOTE)["note"]})
            is_wrong = random.Random(f"prompt {text}").random() < fails
            return json.dumps({**gold_of(text, schema), **({"team": "other"} if is_wrong else {})})

        server = serve(reply)
        with_servers.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        lines = [json.dumps({"input": task, "gold": gold_of(task, schema)}) for task in TASKS]
        (folder / "tasks.jsonl").write_text("\n".join(lines))
        called(connect("openai:writer"), schema, max_attempts=1)

    yield started
    for server in with_servers:
        server.close()


def called(model, schema=TICKET, **settings):
    """Make 300 calls of the function with a model."""
    store = "sqlite:///r.db?payload=full"
    triage = guard(schema, store=store, name="app.triage", on_failure="return", **settings)(model)
    for task in TASKS[:300]:
        triage(task)
    flush()


def decided(capsys, *more):
    """Return the exit status and the JSON of `decide`."""
    options = ("--function", "triage", *STORE, "--format", "json")
    status, out, _ = run(capsys, "decide", *options, "--max-failure-rate", "2%", *more)
    return status, json.loads(out)


def printed(capsys, verdict, *more):
    """Run the command that a verdict prints, with the options that it asks for."""
    command = verdict["next_step"].partition("schema-guard ")[2]
    return run(capsys, *split(command), *more)


NAMED = ("--inputs", "tasks.jsonl", "--model", "openai-decisions:decider")


def step_of(verdict):
    """Return the status of the step."""
    return next(one for one in verdict["ladder"] if one["rung"] == "decision_model")


def test_a_decision_model_is_proposed_measured_and_chosen(production, capsys):
    """The printed command, with the options that it asks for, leads to the verdict that names the decision model."""
    production()
    _, before = decided(capsys, *DECLINED)
    status, out, _ = printed(capsys, before, *NAMED)
    _, after = decided(capsys)

    assert before["next_rung"] == "decision_model"
    assert before["next_step"].startswith(
        "name the decision model with --model, and right answers with --inputs:"
    )
    assert status == 1
    assert "use guard(..., strategy='decision') on decider" in out
    assert (after["verdict"], after["switch_to"]) == ("PROMPTING_ENOUGH", "decision")
    assert after["rates"]["decision"]["content"]["worse"] == 0
    assert "known answers" in after["why"]


def test_the_command_as_printed_says_what_is_missing(production, capsys):
    """It sends nothing, and names the two things that only the reader has."""
    production()
    _, before = decided(capsys, *DECLINED)
    status, out, _ = printed(capsys, before)

    assert status == 1
    assert "the decision model (name it with --model" in out
    assert "right answers, to compare the values (--inputs FILE.jsonl" in out


def test_a_decision_model_in_use_keeps_the_answers_of_its_trial(production, capsys):
    """After the switch, the verdict is to keep it."""
    production()
    _, before = decided(capsys, *DECLINED)
    printed(capsys, before, *NAMED)
    called(connect("openai-decisions:decider"), strategy="decision")
    called(connect("openai-decisions:decider"), strategy="decision")
    status, after = decided(capsys)

    assert after["verdict"] == "PROMPTING_ENOUGH"
    assert after["rates"][after["strategy"]]["model"] == "decider"
    assert (status, "switch_to" in after) == (0, False)


def test_wrong_with_high_confidence_is_not_chosen(production, capsys):
    """All its replies are valid and sure. Many are wrong, so the verdict names the next step."""
    production(right=0.4)
    _, before = decided(capsys, *DECLINED)
    printed(capsys, before, *NAMED)
    _, after = decided(capsys)
    _, report, _ = run(capsys, "report", *STORE, "--format", "json")
    rows = json.loads(report)["configurations"]
    (sure,) = [one["content"]["confidence"] for one in rows if one["strategies"] == "decision"]

    assert sure["above"][-1]["share"] == 1
    assert sure["above"][-1]["lower"] > 0.4
    assert sure["error"]["lower"] > 0
    assert after["rates"]["decision"]["k"] == 0
    assert after["rates"]["decision"]["state"] == "fail"
    assert "switch_to" not in after
    assert (step_of(after)["status"], after["next_rung"]) == ("tested", "schema_simplify")


def test_calls_of_production_have_a_confidence_and_no_calibration(production, capsys):
    """Nobody knows their right answers."""
    production()
    called(connect("openai-decisions:decider"), strategy="decision")
    _, out, _ = run(capsys, "report", *STORE)
    text = " ".join(out.split())

    assert "confidence: in 100% of 300 calls" in text
    assert "calibration: not known without right answers" in text


def test_cheaper_but_worse_is_not_chosen(production, capsys, folder):
    """The prompt is good enough, and the decision model costs a hundredth. It is less often right."""
    production(fails=0.0, right=0.8)
    prices = {
        "writer": {"p_in": 10, "p_cached": 1, "p_out": 30},
        "decider": {"p_in": 0.1, "p_cached": 0.1, "p_out": 0},
    }
    (folder / "prices.json").write_text(json.dumps(prices))
    command = "bench run --playbook --function app.triage --first-step decision_model --max-failure-rate 2%"
    run(capsys, *split(command), *STORE, *NAMED)
    _, after = decided(capsys, "--prices", "prices.json")

    assert after["verdict"] == "PROMPTING_ENOUGH"
    assert "switch_to" not in after
    assert after["rates"]["decision"]["content"]["state"] == "fail"


def test_without_right_answers_a_trial_decides_nothing(production, capsys):
    """A trial of a benchmark without answers has a perfect format, and the step is still untested."""
    production()
    model = connect("openai-decisions:decider")
    triage = guard(
        TICKET, strategy="decision", store="sqlite:///r.db", name="playbook:0f:decision_model:app.triage"
    )(model)
    for task in TASKS:
        triage(task)
    flush()
    _, verdict = decided(capsys, *DECLINED)

    assert verdict["rates"]["decision"]["k"] == 0
    assert (verdict["verdict"], verdict["next_rung"]) == ("TRY_NEXT_FIX", "decision_model")
    assert step_of(verdict)["status"] == "untested"


def test_a_text_model_writes_the_other_fields_of_a_trial(production, capsys):
    """Both models are asked, and a call whose parts were valid at the first try is valid first time."""
    production(schema=WITH_NOTE)
    _, before = decided(capsys, *DECLINED)
    _, out, _ = printed(capsys, before, *NAMED)
    _, after = decided(capsys)
    _, report, _ = run(capsys, "report", *STORE, "--format", "json")
    (group,) = [one for one in json.loads(report)["groups"] if one["strategies"] == "decision>system_prompt"]

    assert (
        "strategy=['decision', 'system_prompt'], models=[...], max_attempts=2) on decider, then writer"
        in " ".join(out.split())
    )
    assert after["switch_to"] == "decision>system_prompt"
    assert group["valid_first_time"]["count"] == group["calls"]


def test_a_schema_of_texts_is_not_asked(folder, capsys):
    """The playbook has the reason."""
    schema = {
        "title": "note",
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    }
    note = guard(schema, store="sqlite:///r.db", name="app.note", on_failure="return", max_attempts=1)(
        lambda prompt: "{}"
    )
    for task in TASKS:
        note(task)
    flush()
    _, out, _ = run(capsys, "decide", "--function", "note", *STORE, "--format", "json")

    assert step_of(json.loads(out)) == {
        "rung": "decision_model",
        "status": "not_applicable",
        "reason": "a decision model can answer no field. For example, the schema lists no options for the string",
        "strategies": [],
    }


def test_failures_in_texts_are_not_asked(folder, capsys):
    """Two of three fields can be asked, and all failures are in the third."""

    def reply(prompt):
        return json.dumps({**gold_of(prompt, WITH_NOTE), "note": 1})

    triage = guard(WITH_NOTE, store="sqlite:///r.db", name="app.triage", on_failure="return", max_attempts=1)(
        reply
    )
    for task in TASKS:
        triage(task)
    flush()
    _, verdict = decided(capsys)

    assert (
        step_of(verdict)["reason"]
        == "a decision model can answer 2 of 3 fields, but only 0 of 320 failures are in them"
    )
