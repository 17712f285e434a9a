"""Every figure of many verdicts, digit for digit, and the output of some of them."""

import json
import re

import pytest

from schema_guard.decide import decide, what_if
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.examples import (
    economics,
    exhausted,
    failing,
    feasibility,
    ladder,
    passing,
    piloted,
    strategy,
)
from tests.public.decide.test_verdicts import ROUTED, VERDICTS
from tests.public.golden import expected, normalized, transcript, words_of, wrapped_json

IN_USE = {"model": "m1", "traffic_share": 0.6, "inputs": {"n": 900, "k": 12.5}, "hot": [["ab12", 40, 9]]}
PRODUCTION = {
    "calls_per_month": 30_000,
    "current": "few_shot",
    "day": "2026-11-29",
    "strategies": [
        strategy(
            n=1_000, k=20, attempts=[[1_000, 90], [90, 30], [30, 20]], failure_kinds={"structure": 12, "value": 8}, **IN_USE
        ),
        strategy(
            "strict_schema", n=700, k=3, model="m2", traffic_share=0.4, latency={"n": 700, "k": 9}, right={"n": 200, "k": 4},
            bursts={"entries": 2, "at_risk": 650, "failures": 3, "calls": 700, "longest": 2},
            history={"calls": 4_000, "outages": 1, "since_outage": 2_500},
            excluded=[{"code": "provider_error", "exception": "Timeout", "calls": 7}, {"code": "call_raised", "calls": 2}],
        ),
        strategy("smaller_model", n=400, k=1, model="m0", trial={"input_tokens": 4e4, "output_tokens": 9e3, "seconds": 300}),
    ],
    "ladder": ladder(json_mode="declined", temperature="untested"),
}  # fmt: skip
PILOT = {"n": 3000, "k_final": 3}
EVIDENCE = {
    "production": PRODUCTION,
    "production and a budget": {**PRODUCTION, "config": {"target": 0.02, "latency_p95_s": 0.5, "right": 0.95}},
    "production and outages": {**PRODUCTION, "config": {"target": 0.05, "burst_length": 20}},
    "production at 99 %": {**PRODUCTION, "config": {"alpha": 0.01, "target": 0.03}},
    "passing": passing(),
    "failing": failing(),
    "exhausted": exhausted(),
    "exhausted with answers": exhausted(content={"n": 300, "right": 270}),
    "exhausted with few examples": {**exhausted(), "feasibility": feasibility(train_examples=20)},
    "exhausted and the model ends": {**exhausted(), "feasibility": feasibility(months_to_shutdown=2)},
    "exhausted and no new jobs": {**exhausted(), "feasibility": feasibility(new_jobs_allowed=False)},
    "hosting by graphics cards": {
        **exhausted(),
        "economics": economics(upfront={"labels": 800, "gpu_hours": 10, "gpu_price": 2.5}, hosting_per_month=900),
    },
    "slow to pay back": {**exhausted(), "config": {"horizon_months": 1, "lead_months": 0.5}},
    "piloted": piloted(PILOT),
    "piloted and failing": piloted({"n": 400, "k_final": 40}),
    "piloted with content": piloted({**PILOT, "paired": {"b": 34, "c": 6}, "content": {"n": 500, "worse": 12, "better": 5}}),
    "compared": failing(comparisons=[{"before": "few_shot", "after": "few_shot", "n": 300, "b": 9, "c": 3}]),
    "piloted and routed": piloted(ROUTED),
    "segments": failing(segments=[{"name": "eu", "share": 0.6, "n": 1200, "k": 100}, {"name": "us", "share": 0.4, "n": 800, "k": 20}]),
    "clusters": failing(strategies=[strategy(n=100, k=10, clusters=[[10, 9], [10, 1], [20, 0, 4]])]),
    "history": {**failing(), "target_history": [["2026-10-01", 0.05], ["2026-11-01", 0.01]]},
    "schemas": {"schemas": [["a", 400, 2], ["b", 50, 1], ["c", 600, 30], ["d", 3, 0]]},
}  # fmt: skip


def outcome_of(evidence):
    """Return the verdict on an evidence, or its error, as text."""
    try:
        verdict = decide(evidence)
    except Exception as error:  # noqa: BLE001 - the error is what is compared
        return f"{type(error).__name__}: {error}\n"
    results = {
        "exit": [verdict.exit_code(), verdict.exit_code(require_proof=True)],
        "verdict": verdict.as_dict(),
    }
    return wrapped_json(json.loads(json.dumps(results))) + "\n"


def slug(text):
    return re.sub(r"\W+", "_", text)[:70]


@pytest.mark.parametrize("name", EVIDENCE)
def test_verdict_matches_the_recording(name):
    """Every figure and every sentence of the verdict equals the recorded one."""
    text = normalized(outcome_of(EVIDENCE[name]))
    base = max(
        (other for other in EVIDENCE if other != name and name.startswith(other)), key=len, default="failing"
    )

    assert text == expected(
        f"decide/{slug(name)}.json", text, f"decide/{base}.json" if base != name else None
    )


NUMBERS = {
    "rates",
    "odds",
    "economics",
    "verdict",
    "stage",
    "n_more",
    "months_to_answer",
    "next_rung",
    "breach",
    "figures",
}


def test_figures_of_the_verdict_table_match_the_recording():
    """The figures of each case equal the recorded ones."""
    lines = []
    for case in VERDICTS:
        document = json.loads(json.dumps(decide(case.evidence).as_dict()))
        numbers = {key: value for key, value in sorted(document.items()) if key in NUMBERS}
        lines.append(f"{case.id}\n  {json.dumps(numbers)}\n")
    text = normalized("".join(lines))

    assert text == expected("decide/cases.txt", text)


CHANGES = (
    "target=0.2",
    "failure_cost=5",
    "calls_per_month=1000",
    "alpha=0.2",
    "horizon_months=60",
    "train_examples=10",
)


@pytest.mark.parametrize("change", CHANGES)
def test_what_if_matches_the_recording(change):
    """The verdict on the changed evidence equals the recorded one."""
    text = normalized(outcome_of(what_if(exhausted(content={"n": 300, "right": 290}), [change])))

    assert text == expected(f"decide/what_if_{slug(change)}.json", text, "decide/exhausted.json")


PAGES = (
    "production",
    "exhausted",
    "piloted",
    "production and a budget",
    "schemas",
    "exhausted with few examples",
)


@pytest.mark.parametrize("name", PAGES)
def test_output_of_decide_matches_the_recording(name, tmp_path, monkeypatch):
    """The short text, the full text, and the Markdown of a verdict equal the recorded ones."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.json").write_text(json.dumps(EVIDENCE[name]))
    lines = [
        f"decide --evidence e.json{more}"
        for more in ("", " --full", " --format markdown", " --require-proof")
    ]
    with stopped_clock():
        text = "\n".join(
            normalized(transcript(line.split(), command(*line.split())), tmp_path) for line in lines
        )

    assert text == expected(f"decide/{slug(name)}.txt", text)


@pytest.mark.parametrize("name", ["production", "piloted"])
def test_words_of_the_verdict_page_match_the_recording(name, tmp_path, monkeypatch):
    """The words of the page and of its drawings equal the recorded ones."""
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.json").write_text(json.dumps(EVIDENCE[name]))
    with stopped_clock():
        _, out, _ = command("decide", "--evidence", "e.json", "--format", "html")
    text = normalized(words_of(out), tmp_path)

    assert text == expected(f"decide/{slug(name)}_page.txt", text)
