"""What a playbook run has shown: one set of numbers, as a document and as JSON."""

import json
from dataclasses import fields, replace

import pytest

from schema_guard.decide.explanation.reasons import CONTENT_WARNING
from schema_guard.ext.playbook.result import PlaybookResult, document_of, playbook_as_json
from schema_guard.ext.playbook.steps import NOT_NAMED, PlaybookSettings
from schema_guard.report.as_text import as_text
from schema_guard.stats import bounds
from schema_guard.text import interval, percent
from tests.ext.playbook.playbook_models import (
    PROSE,
    SCHEMA,
    VALID,
    Answering,
    always,
    inputs,
    inputs_of,
    is_strict,
    run_playbook,
    texts,
)
from tests.report.written import left_out

SETTINGS = PlaybookSettings(
    target=0.2, concurrency=1, declined={"schema_simplify": "one field is all there is"}
)

UNTESTED = ["raise_max_output_tokens", "lenient_parse", "json_mode", "few_shot", "temperature", "reason_then_format",
            "repair_retry"]  # fmt: skip


def playbook_as_text(result):
    return as_text(document_of(result))


def told(document):
    """What stands behind each label of the head."""
    return dict(document.facts)


@pytest.fixture
def result():
    """A playbook run that strict decoding ends: 4 calls failed, then 28 passed."""

    def answer(number, prompt, options):
        used = {"input_tokens": 30, "output_tokens": 4 if is_strict(options) else 9}
        return {"reply": VALID if is_strict(options) else PROSE, "usage": used}

    results = run_playbook(inputs(), Answering(answer, name="m1"), settings=SETTINGS)
    timed = [replace(step, elapsed_s=0.5) for step in results.steps]
    return replace(results, id="playbook:0123", started_at="2026-11-24T00:00:00+00:00", steps=tuple(timed))


def test_text_is_read_from_step_to_verdict(result):
    """Each step with its rate, bounds, end, and tokens, then why it ended and the verdict."""
    failing, passing = (bounds(k, n, alpha=0.05 / 2) for k, n in ((4, 4), (0, 28)))
    document = document_of(result)
    steps, others, figures = document.sections

    assert document.title == f"playbook of Count ({SCHEMA.fingerprint})"
    assert list(document.facts) == [
        ("VERDICT", "PROMPTING_ENOUGH - prompting is good enough in the trial; use the fix that passed"),
        (
            "measured",
            f"system_prompt: 100% of calls failed (4 of 4; at least {percent(failing.lower, -1)} with 95% confidence). Target: 20%",
        ),
        (
            "measured",
            f"strict_schema: 0% of calls failed (0 of 28; at most {percent(passing.upper, 1)} with 95% confidence)",
        ),
        (
            "next",
            (
                "use guard(..., strategy='strict_schema', limits=Limits(output_tokens=256)) on m1 in your function. "
                "Then `watch` checks the recorded calls of the function"
            ),
        ),
        ("ended", "the verdict is PROMPTING_ENOUGH"),
        ("model", "m1, at most 256 output tokens per attempt"),
        ("inputs", "60 inputs in the order of seed 0, 32 calls"),
        (
            "target",
            "at most 20% of the calls fail, and each trial ends as soon as its result is clear",
        ),
        ("content", CONTENT_WARNING),
        ("recorded", "as playbook:0123, 2026-11-24T00:00:00+00:00"),
    ]
    assert list(figures.lines) == [
        result.verdict.why,
        "target: at most 20% of the calls fail; a trial stops when it proves that its rate is above or below the target (error probability 0.00556)",
        "each bound is wrong with a probability of at most 0.025, at any time",
    ]
    assert list(steps.table.rows) == [
        ("system_prompt", "4/4", "100%", interval(failing.lower, 1.0), "30/9", "0.50"),
        ("strict_schema", "0/28", "0%", interval(0.0, passing.upper), "30/4", "0.50"),
    ]
    assert list(steps.lines) == [
        "system_prompt: failed after 4 calls; failures by kind: syntax 4",
        "strict_schema: passed after 28 calls",
    ]
    assert list(others.lines) == [
        "untested: " + ", ".join(UNTESTED),
        f"reasoning_limit: declined ({NOT_NAMED['reasoning_limit']})",
        "strict_only: not applicable (it fixes only wrong values, but you set no target for right values)",
        "reason_then_strict: not applicable (it fixes only wrong values, but you set no target for right values)",
        f"improved_prompt: declined ({NOT_NAMED['improved_prompt']})",
        f"decision_model: declined ({NOT_NAMED['decision_model']})",
        "schema_simplify: declined (one field is all there is)",
        f"smaller_model: declined ({NOT_NAMED['smaller_model']})",
        "larger_model: declined (you named no larger model)",
    ]


def test_bounds_of_the_table_are_those_of_the_verdict(result):
    """The bounds that are shown are the verdict's, at its own part of alpha."""
    shown = result.verdict.figures["rates"]["strict_schema"]

    assert (shown["lower"], shown["upper"]) == (0.0, bounds(0, 28, alpha=0.05 / 2).upper)


def test_every_writer_shows_all_of_it(result):
    """Text, Markdown and page leave nothing of a playbook run out."""
    assert left_out(document_of(result)) == []


def test_json_holds_every_field(result):
    """The JSON is plain and has the names of the fields; the verdict is as `decide` gives it."""
    plain = json.loads(json.dumps(playbook_as_json(result)))

    assert list(plain) == [field.name for field in fields(PlaybookResult)]
    assert plain["verdict"] == json.loads(json.dumps(result.verdict.as_dict()))
    assert plain["evidence"] == result.evidence
    assert [(step["step"], step["n"], step["k"]) for step in plain["steps"]] == [
        ("system_prompt", 4, 4),
        ("strict_schema", 28, 0),
    ]


def test_what_is_unknown_is_said_to_be():
    """Without usage the tokens are unknown; a step without a validated reply has no data."""
    steps = document_of(run_playbook(inputs(3), always(ConnectionError("x")), settings=SETTINGS)).sections[0]

    assert steps.table.rows[0] == ("system_prompt", "0/0", "no data", "no data", "unknown/unknown", "no data")
    assert steps.lines[0].endswith("; 3 calls without a validated reply")


def test_attempts_and_repeated_inputs_are_told():
    """A step with retries shows how often each attempt failed; repeated inputs are said to be left out."""
    asked = inputs_of(SCHEMA, [*texts(20), *texts(5)])
    results = run_playbook(asked, always(PROSE), settings=replace(SETTINGS, first="repair_retry"))
    document = document_of(results)
    lines = document.sections[0].lines

    assert told(document)["inputs"].startswith(
        "20 inputs (5 repeated inputs not counted) in the order of seed 0, "
    )
    at = next(
        n for n, line in enumerate(lines) if line.startswith("repair_retry (system_prompt max_attempts=3): ")
    )
    assert lines[at + 1] == "repair_retry: failures in attempt 1, 2, ...: 4/4, 4/4, 4/4"


def test_larger_model_is_named(result):
    """A playbook run with a larger model names it."""
    assert told(document_of(replace(result, larger="big")))["model"].startswith("m1, larger model big, ")


def test_words_of_strangers_are_escaped(result):
    """Names and errors that come from elsewhere cannot move the cursor."""
    text = playbook_as_text(replace(result, model="\x1b[2J", ended="\x1b[2J", schema="\x1b[2J"))

    assert "\x1b" not in text
