"""Every value that evidence can have, one at a time: the verdict's figures that a change of it changes."""

import json
from hashlib import sha256

import pytest

from schema_guard import InvalidArgument
from schema_guard.decide import decide, what_if
from tests.public.decide.examples import economics, exhausted, failing, feasibility, ladder, strategy
from tests.public.decide.leaves import DROPPED, changes, flat, schema_leaves
from tests.public.golden import expected, normalized

COST = economics()["prompt_cost"]
CHANGE = {
    "direction": "rise",
    "at": 1_400,
    "alarm_at": 1_500,
    "n": 500,
    "k": 60,
    "since_n": 600,
    "since_k": 70,
    "prior_n": 1_400,
    "prior_k": 10,
    "open": True,
    "with": ["version v2"],
    "days": ["2026-10-01", "2026-10-03"],
    "first_failed": "01999e9b3c007a3b8c1d2e3f4a5b6c7d",
    "part": "weekends",
    "pattern_from": "2026-10-12",
    "growing_since": "2026-09-20",
}
HOURS = " ".join(["4"] * 168)
WEEKLY = {
    "zone": "Europe/Berlin", "complete": 3, "weeks": [{"begins": "2026-09-28T10:00:00+02:00", "n": HOURS, "k": HOURS.replace("4", "0")}],
    "whole": 2, "n": 600, "k": 6, "parts": [{"name": "weekends", "n": 200, "k": 5, "hours": [[120, 167]], "splits": [
        {"candidate": "weekends", "direction": "more", "e": [50.5], "product": 2_550.25}]}],
}  # fmt: skip
ARRIVAL = {"absent": 5, "longest_absence": 2, "last_day": "2026-11-01", "hours": [22, 6]}
ABOUT = {
    "function": "shop.extract", "schema": "ticket", "models": ["m1", "m2"], "period": ["2026-10-01", "2026-11-01"], "calls": 2_000,
    "latest_days": 7, "latest_calls": 900, "schemas_of_function": 2, "left_out": 5, "lost_records": {"queue_full": 3},
    "schema_fingerprint": "0123456789abcdef", "texts": 3, "storing": "guard(..., store='r.db?payload=redacted')",
    "clocks": {"calls": 2_000, "ahead": 3, "behind": 40},
    "is_silent": True,
}  # fmt: skip
REPEATED = [[10, 1], [20, 0, 40], [5, 3]]
BEST = strategy(
    n=1_000, k=20, attempts=[[1_000, 90], [90, 30], [30, 20]],
    failure_kinds={"syntax": 3, "structure": 4, "value": 5, "semantic": 1, "truncation": 4, "refusal": 2, "transport": 1},
    failure_codes={"enum": 12, "required": 8}, model="m1", tuned=False, early_stop=False, traffic_share=0.6,
    inputs={"n": 900, "k": 12.5}, prompt_cost={**COST, "latency_s": 2}, hot=[["ab12", 40, 9], ["cd34", 30, 1]], sent={"temperature": 0.7, "top_p": 0.9, "examples": 3}, guard="guard(..., strategy='few_shot')",
    right={"n": 200, "k": 4}, latency={"n": 900, "k": 30},
    fails_at=[{"place": "/lines/*/price", "code": "minimum", "k": 60, "n": 90}, {"place": "/team", "code": "enum", "k": 25, "n": 90}],
)  # fmt: skip
SECOND = strategy(
    "strict_schema", n=700, k=3, model="m2", traffic_share=0.4, prompt_cost={**COST, "fixed": 400}, latency={"n": 700, "k": 9},
    right={"n": 200, "k": 4}, bursts={"entries": 2, "at_risk": 650, "failures": 3, "calls": 700, "longest": 2},
    history={"calls": 4_000, "outages": 1, "since_outage": 2_500}, behind={"n": 40, "asked": 30, "k": 3},
    excluded=[{"code": "provider_error", "exception": "Timeout", "calls": 7}, {"code": "call_raised", "exception": "KeyError", "calls": 9}],
)  # fmt: skip
TRIAL = strategy(
    "smaller_model", n=400, k=1, model="m0", trial={"input_tokens": 4e4, "output_tokens": 9e3, "seconds": 300, "dollars": 4.5}
)  # fmt: skip
CONFIG = {
    "target": 0.02, "alpha": 0.05, "horizon_months": 12, "lead_months": 1, "min_train_examples": 100, "fdr": 0.1,
    "content_margin": 0.05, "primary_share_min": 0.5, "right": 0.95, "latency_p95_s": 2.0, "burst_length": 5,
}  # fmt: skip
TUNING = {
    "economics": economics(
        upfront={"labels": 800, "training": 48, "machine": 25}, latency_cost_per_s=0.001,
        prompt_cost={**COST, "latency_s": 2}, tuned_cost={**economics()["tuned_cost"], "hit": 0.2, "latency_s": 1},
    ),
    "feasibility": feasibility(base_model="gpt-4o-mini-2024-07-18"),
    "day": "2026-05-01",
    "config": CONFIG,
    "content": {"n": 300, "right": 280},
    "latency": {"budget_s": 3, "p50_s": 1.5, "p95_s": 2.5, "tuned_p50_s": 1, "tuned_p95_s": 2},
    "sources": [{"name": "prices of ours", "as_of": "2026-05"}],
}  # fmt: skip
PILOT = {
    "n": 3_000, "k_final": 3, "traffic_share": 0.1, "paired": {"b": 34, "c": 6}, "content": {"n": 500, "worse": 12, "better": 5},
    "right": {"n": 400, "k": 6}, "latency": {"n": 3_000, "k": 40}, "forms": 2,
    "segments": [
        {"name": "eu", "share": 0.7, "prompt_n": 1_400, "prompt_k": 80, "tuned_n": 2_000, "tuned_k": 2},
        {"name": "us", "share": 0.3, "prompt_n": 600, "prompt_k": 40, "tuned_n": 1_000, "tuned_k": 1},
    ],
}  # fmt: skip
SEGMENTS = [
    {"name": "eu", "share": 0.6, "n": 1_200, "k": 100},
    {"name": "us", "share": 0.4, "n": 800, "k": 20},
]
BATCHED = {"p_cache_write": 3.75, "batch_share": 0.4, "batch_price": 0.5}
EVIDENCE = {
    "prompted": {
        "calls_per_month": 30_000, "current": "few_shot", "day": "2026-11-29", "strategies": [BEST, SECOND, TRIAL],
        "ladder": ladder(json_mode="declined", temperature="untested"), "config": CONFIG, "about": ABOUT,
        "options": {"store": "sqlite:///r.db", "answers": ["one.json", "two.json"]}, "target_sources": {"target": "with.json"},
        "notes": ["one note", "another note"], "target_history": [["2026-10-01", 0.01], ["2026-11-01", 0.02]],
        "economics": TUNING["economics"], "comparisons": [{"before": "few_shot", "after": "strict_schema", "n": 300, "b": 20, "c": 3}],
    },
    "enforced": {
        "current": "few_shot", "ladder": ladder(strict_schema="untested"),
        "strategies": [strategy(n=400, k=100, failure_kinds={"syntax": 100}, failure_codes={"malformed": 100})],
        "values": {
            "measure": "right", "n": 120, "before": {"id": "few_shot", "share": 0.32, "lower": 0.24, "upper": 0.41},
            "after": {"id": "strict_schema", "share": 0.15, "lower": 0.1, "upper": 0.22}, "lower": -0.26, "upper": -0.08,
        },
    },
    "a budget of seconds": {
        "calls_per_month": 30_000, "strategies": [strategy(n=3_000, k=5)], "ladder": ladder(),
        "latency": {"budget_s": 3, "p50_s": 1.5, "p95_s": 3.5, "tuned_p50_s": 1, "tuned_p95_s": 2},
    },
    "in use": {
        "current": "few_shot", "n_functions": 3, "priority": "shop.extract", "about": ABOUT,
        "strategies": [
            strategy(n=3_000, k=5, traffic_share=0.9, arrival={"absent": 0, "longest_absence": 3}, ungrounded_rise={
                "since": "2026-11-20", "n": 400, "above": 90, "prior_n": 2_000, "prior_above": 180,
            }),
            strategy("strict_schema", n=300, k=90, traffic_share=0.1, arrival=ARRIVAL),
        ],
        "pilot": {"n": 300, "k_final": 90, "traffic_share": 0.1, "arrival": ARRIVAL},
    },
    "labeled": {
        "config": {"right": 0.95}, "ladder": ladder(few_shot="untested"),
        "strategies": [strategy(n=3_000, k=5, right={
            "lower": 0.01, "upper": 0.04, "alpha": 0.02, "unit": "value", "lam": 0.6, "blocks": 200, "skipped": 3, "wrong": 4.5,
            "configuration": "0123456789abcdef",
        })],
    },
    "changed": {"calls_per_month": 30_000, "strategies": [strategy(n=2_000, k=80, change=CHANGE)], "ladder": ladder()},
    "weekly": {
        "config": {"target": 0.02, "time_zone": "Europe/Berlin"},
        "strategies": [strategy(n=900, k=9, weekly=WEEKLY, traffic_share=1), strategy("strict_schema", n=90, k=1, weekly={
            name: WEEKLY[name] for name in ("zone", "complete", "weeks")
        })],
    },
    "part of a week": {
        "strategies": [strategy(n=900, k=9, traffic_share=1, weekly={
            **WEEKLY, "whole": 0, "days": ["2026-10-20", "2026-10-22"], "whole_on": "2026-11-02",
        })],
    },
    "enums": {
        "strategies": [strategy("system_prompt", n=900, k=90, failure_kinds={"value": 90}, failure_codes={"enum": 80, "repeated": 10})],
        "ladder": ladder(strict_schema="untested", json_mode="untested", few_shot="untested"),
    },
    "cut off": {
        "strategies": [strategy("bare", n=900, k=90, failure_kinds={"truncation": 90}, failure_codes={"truncated": 80, "reasoning_budget": 10})],
        "ladder": ladder(raise_max_output_tokens="untested", few_shot="untested"),
    },
    "few steps": {
        "strategies": [strategy("bare", n=900, k=90)], "current": "bare",
        "ladder": [{"rung": "few_shot", "status": "declined", "reason": "too long"}, {"rung": "strict_schema", "status": "tested"}],
    },
    "repeated inputs": {"strategies": [strategy(n=815, k=4, clusters=REPEATED)], "ladder": ladder(few_shot="untested")},
    "imported": {
        "calls_per_month": 3_000,
        "strategies": [strategy(n=500, k=30, traffic={"part": "sampled", "tool": "langfuse", "share": 0.1})],
    },
    "imported failures": {
        "strategies": [strategy(n=500, k=500, traffic={"part": "failures", "tool": "langfuse"}, failure_codes={"enum": 500})],
    },
    "outages": {
        "config": {"target": 0.05, "burst_length": 20},
        "strategies": [strategy(
            n=3_000, k=30, bursts={"entries": 3, "at_risk": 2_900, "failures": 30, "calls": 3_000, "longest": 12},
            history={"calls": 9_000, "outages": 3, "since_outage": 2_500},
        )],
    },
    "to be tuned": {**exhausted(), **TUNING, "segments": SEGMENTS},
    "to be tuned at OpenAI": {
        **exhausted(), "feasibility": {"train_examples": 150, "base_model": "gpt-4o-mini-2024-07-18", "active_tuner": True},
        "day": "2026-08-01",
    },
    "with all costs": {
        **exhausted(), "feasibility": feasibility(months_to_shutdown=4, next_life_months=1.5), "calls_per_month": 300_000,
        "strategies": [strategy(n=1_000, k=60), strategy("larger_model", n=1_000, k=90, prompt_cost={**COST, **BATCHED})],
        "economics": economics(
            prompt_cost={**COST, **BATCHED}, tuned_cost={**economics()["tuned_cost"], **BATCHED},
            hosting_per_call=0.001, retuning_cost=300, retuning_every_months=4, next_tuning=500,
        ),
    },
    "piloted": {**exhausted(), **TUNING, "pilot": PILOT},
    "decided": failing(strategies=[
        strategy("few_shot", 2_000, 120),
        strategy("decision_model", 500, 0, content={"n": 400, "worse": 20, "better": 15, "beside": "few_shot", "compared": 3}),
    ]),
    "piloted in part": exhausted(pilot={"n": 3_000, "k_final": 3}),
    "schemas": {"config": {"fdr": 0.1}, "schemas": [["a", 400, 2], ["b", 50, 1], ["c", 600, 30], ["d", 3, 0]]},
}  # fmt: skip


def figures_of(evidence):
    """Return each figure of the verdict by its place, or the error."""
    try:
        verdict = decide(evidence)
    except InvalidArgument as error:
        return {"error": str(error)}
    return flat(
        json.loads(json.dumps({**verdict.as_dict(), "strict_exit": verdict.exit_code(require_proof=True)}))
    )


# Values that can only change together with others, or to a value that other parts of the evidence name.
TOGETHER = {
    "prompted": [
        ["current=strict_schema"], ["comparisons.0.before=smaller_model"], ["comparisons.0.after=smaller_model"],
        ["comparisons.0.before=strict_schema", "comparisons.0.after=few_shot"],
    ],
    "repeated inputs": [
        ["clusters.0.0=5", "clusters.2.0=10"], ["clusters.0.1=0", "clusters.2.1=4"],
        ["clusters.1.2=20", "strategies.few_shot.n=415"],
    ],
    "to be tuned": [
        ["segments.eu.share=0.7", "segments.us.share=0.3"], ["segments.eu.share=0.1", "segments.us.share=0.9"],
    ],
    "piloted": [
        ["pilot.segments.eu.share=0.3", "pilot.segments.us.share=0.7"],
        ["pilot.segments.eu.share=0.9", "pilot.segments.us.share=0.1"],
    ],
}  # fmt: skip
CHANGED_TOGETHER = {
    ("current",), ("comparisons", "ITEM", "before"), ("comparisons", "ITEM", "after"), ("segments", "ITEM", "share"),
    ("pilot", "segments", "ITEM", "share"), *(("strategies", "ITEM", "clusters", "ITEM", number) for number in "012"),
}  # fmt: skip


def changed_of(evidence, name):
    """Yield a label and the changed evidence, for each change."""
    for _, place, other, changed in changes(evidence):
        value = "left out" if other is DROPPED else json.dumps(other)
        yield f"{'.'.join(map(str, place))}: {value}", changed
    for several in TOGETHER.get(name, ()):
        yield " ".join(several), what_if(evidence, several)


def figure(value, *, has_sentences):
    """Return a value without its last digits. Without sentences, return an empty text for one."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return "" if isinstance(value, str) and " " in value and not has_sentences else value


def sections_of(before, after):
    """Return the sections of the verdict that a change changed."""
    if "error" in after:
        return ["error"]
    return sorted(
        {key.split("/")[1] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    )


def effect(before, after, *, has_sentences=False):
    """Return the verdict, the sections of it that changed, and a digest of all changed places and their figures.

    Args:
        before: Figures of a verdict by their place.
        after: Figures of another verdict.
        has_sentences: Whether the digest is of the sentences, too.
    """
    if "error" in after:
        return after["error"].partition(": ")[0]
    places = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    results = [[key, figure(after.get(key), has_sentences=has_sentences)] for key in places]
    digest = sha256(json.dumps(results).encode()).hexdigest()[:8]
    return f"{after['/verdict']}, {len(places)} values changed ({digest}): {', '.join(sections_of(before, after))}"


@pytest.mark.parametrize("name", EVIDENCE)
def test_each_value_changes_the_recorded_figures(name):
    """A change of one value changes the recorded figures of the verdict to the recorded values."""
    evidence = EVIDENCE[name]
    before = figures_of(evidence)
    lines = [f"{name}: {before['/verdict']}, {len(before)} figures"]
    lines += [
        f"{label} -> {effect(before, figures_of(changed))}" for label, changed in changed_of(evidence, name)
    ]
    text = normalized("\n".join([*lines, ""]))

    assert text == expected(f"decide/values/{name.replace(' ', '_').replace(',', '')}.txt", text)


def test_each_value_changes_a_figure():
    """Each value of the JSON Schema has a change that changes more than its own copy in the verdict."""
    effective = {*CHANGED_TOGETHER}
    for evidence in EVIDENCE.values():
        before = figures_of(evidence)
        for path, _, other, changed in changes(evidence):
            if path in effective or other is DROPPED:
                continue
            if {*sections_of(before, figures_of(changed))} - {"counted", "error"}:
                effective.add(path)

    assert sorted(".".join(path) for path in {*schema_leaves()} - effective) == []


@pytest.mark.parametrize("name", TOGETHER)
def test_values_that_change_together_change_a_figure(name):
    """Each of these changes is valid and changes the verdict."""
    before = figures_of(EVIDENCE[name])

    for several in TOGETHER[name]:
        after = figures_of(what_if(EVIDENCE[name], several))
        assert "error" not in after, (several, after)
        assert after != before, several
