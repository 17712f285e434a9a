"""Evidence of every verdict, and what its figures look like in words."""

from schema_guard.decide import decide
from schema_guard.decide.economics import months
from schema_guard.report.decision.words import time_text
from schema_guard.text import dollars, interval, odds, percent
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

PASSES = {"n": 3000, "k_final": 3, "paired": {"b": 100, "c": 2}}
SEGMENTS = [
    {"name": "scans", "share": 0.3, "n": 600, "k": 118},
    {"name": "mails", "share": 0.7, "n": 1400, "k": 1},
]
CHEAP = passing(calls_per_month=2_000_000, economics=economics(failure_cost=0), feasibility=feasibility())
UNTESTED = ladder(strict_schema="untested", larger_model="untested", schema_simplify="declined")

# Every key that a verdict may have is in one of these.
EVIDENCE = {
    "prompting enough": passing(content={"n": 200, "right": 166}),
    "cost": CHEAP,
    "cost, blocked": {**CHEAP, "feasibility": feasibility(train_examples=9)},
    "more data": failing(strategies=[strategy("few_shot", 300, 2)], calls_per_month=1000),
    "more data, no volume": {"strategies": [strategy("few_shot", 300, 2)]},
    "more data, too late": failing(
        strategies=[strategy("few_shot", 300, 2)],
        calls_per_month=100,
        economics=economics(),
    ),
    "more data, never": failing(strategies=[strategy(n=1000, k=10)]),
    "no data yet": failing(strategies=[strategy(n=0, k=0)]),
    "playbook": failing(ladder=UNTESTED),
    "strict": failing(
        strategies=[strategy(failure_kinds={"syntax": 100, "value": 20})],
        ladder=UNTESTED,
        comparisons=None,
    ),
    "stopped beside whole": failing(
        strategies=[
            strategy("few_shot", 2000, 100, failure_kinds={"syntax": 80, "value": 20}, early_stop=True),
            strategy("bare", 2000, 600, failure_kinds={"structure": 600}),
        ],
        comparisons=None,
    ),
    "pilot": exhausted(
        sources=[{"name": "price list", "as_of": "2026-03-01"}],
        target_history=[["2026-01-01", 0.005], ["2026-02-01", 0.01]],
        latency={"budget_s": 2, "p50_s": 1, "p95_s": 3},
    ),
    "ship": piloted({**PASSES, "content": {"n": 2000, "worse": 2, "better": 4}}),
    "pilot without a call": piloted({"n": 0, "k_final": 0}),
    "pilot failed": piloted({"n": 1000, "k_final": 40}),
    "content lost": piloted({**PASSES, "content": {"n": 500, "worse": 90, "better": 5}}),
    "content unclear": piloted({**PASSES, "content": {"n": 100, "worse": 4, "better": 4}}),
    "route": exhausted(segments=SEGMENTS),
    "blocked": exhausted() | {"feasibility": feasibility(train_examples=9, new_jobs_allowed=False)},
    "never pays": failing(economics=economics(failure_cost=0, prompt_cost=economics()["tuned_cost"])),
    "too slow": failing(economics=economics(upfront={"labels": 2_000_000})),
    "no economics": failing(),
    "compared": failing(
        strategies=[strategy("system_prompt", 2000, 300), strategy("few_shot", 2000, 120)],
        comparisons=[{"before": "system_prompt", "after": "few_shot", "n": 500, "b": 40, "c": 10}],
    ),
    "beside the format": failing(
        strategies=[
            strategy("bare", 2000, 240, right={"n": 500, "k": 120}, sent={"temperature": 1, "top_p": 0.9}),
            strategy(
                "few_shot",
                2000,
                60,
                right={"n": 500, "k": 70},
                sent={"temperature": 0, "examples": 3},
                trial={"input_tokens": 900_000, "output_tokens": 100_000, "seconds": 3500, "dollars": 3.5},
            ),
        ],
        comparisons=[{"before": "bare", "after": "few_shot", "n": 2000, "b": 190, "c": 10}],
        pilot={"n": 2000, "k_final": 20, "paired": {"b": 50, "c": 10}, "right": {"n": 500, "k": 10}},
        economics=economics(upfront={"labels": 800, "training": 16.8}),
    ),
    "schemas": {"schemas": [["a", 100, 30], ["b", 1000, 1]], "config": {"target": 0.02}},
    "schemas, none": {"schemas": [["a", 100, 0]]},
}
VERDICTS = {name: decide(evidence) for name, evidence in EVIDENCE.items()}


def expected_words(figures):
    """Give what a rendering has to hold of these figures, from the figures themselves."""
    messages = [figures["why"], figures["content_warning"], figures["next_step"], *figures["notes"]]
    messages += [line for key in ("assumptions", "not_measured", "choices") for line in figures.get(key, ())]
    messages += [reason["line"] for reason in figures.get("reasons_to_tune", ()) if reason["measured"]]
    messages += [reason["reason"].replace("_", " ") for reason in figures.get("reasons_to_tune", ())]
    messages += [text for source in figures.get("sources", ()) for text in source.values()]
    messages += [step["rung"] for step in figures.get("ladder", ())] + [figures.get("ladder_line", "")]
    return [*messages, *_rate_words(figures), *_pair_words(figures), *_cost_words(figures)]


def _rate_words(figures):
    rates = {**figures.get("rates", {}), **figures.get("schemas", {})}
    rates |= {"(tuned model)": figures["tuned"]} if "tuned" in figures else {}
    for name, rate in rates.items():
        yield name
        if rate["rate"] is not None:
            yield from (percent(rate["rate"]), interval(rate["lower"], rate["upper"]), rate["state"])
        right, trial = rate.get("right", {}), rate.get("trial", {})
        yield from (f"{percent(1 - right['rate'])} of {right['n']:,}" for _ in [0] if right)
        yield from (dollars(trial["dollars"]) for _ in [0] if trial.get("dollars") is not None)
        retry = rate.get("retry", {})
        yield from (percent(retry[key]) for key in ("residual", "geometric") if retry.get(key) is not None)
        yield from (f"{retry['rho']:.2f}" for _ in [0] if retry.get("rho") is not None)
    yield from (odds(value[side]) for value in figures.get("odds", {}).values() for side in ("ok", "bad"))
    yield from map(odds, figures.get("e_bad", {}).values())
    yield from (percent(f) for fs in figures.get("hazards", {}).values() for f in fs if f is not None)


def _pair_words(figures):
    for part in figures.get("segments", ()):
        yield from (part["name"], interval(*part["prompt"]))
    for pair in [*figures.get("comparisons", ()), *([figures["paired"]] if "paired" in figures else [])]:
        yield from (odds(pair["e_value"]), interval(pair["lower"], pair["upper"]))
    for key in ("content", "content_right"):
        if key in figures:
            yield interval(figures[key]["lower"], figures[key]["upper"])
    if figures.get("n_more") is not None:
        yield f"{figures['n_more']:,}"
    if figures.get("months_to_answer") is not None:
        yield time_text(figures["months_to_answer"])


def _cost_words(figures):
    if "cost" not in figures:
        return
    cost, money = figures["cost"], figures["economics"]
    for column in ("pess", "point", "opt"):
        result = money[column]
        yield from (dollars(result[key]) for key in result if key != "payback_months")
        yield "never" if result["payback_months"] is None else months(result["payback_months"])
    yield from (dollars(money["upfront"]), dollars(money["hosting_plus_refresh"]))
    yield from (
        dollars(cost[key]) for key in ("prompt_tokens_per_call", "tuned_tokens_per_call", "largest_upfront")
    )
    yield f"{cost['calls_per_month']:,.0f}"
    if money["break_even_calls_per_month"] is not None:
        yield f"{money['break_even_calls_per_month']:,.0f}"
    if money["max_tuned_residual_for_horizon"] is not None:
        yield f"{100 * money['max_tuned_residual_for_horizon']:.2f}%"
    yield from cost["lines"]
    for flip in cost["flips"]:
        yield flip["change"]
        yield "never" if flip["payback_months"] is None else months(flip["payback_months"])
