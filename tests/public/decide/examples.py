"""Evidence that the tests start from: each call gives a new plain dict, which they then change."""

STEPS = (
    "raise_max_output_tokens", "reasoning_limit", "lenient_parse", "system_prompt", "strict_schema", "json_mode",
    "few_shot", "temperature", "reason_then_format", "improved_prompt", "decision_model", "schema_simplify", "repair_retry", "smaller_model",
    "larger_model",
)  # fmt: skip

TARGET = 0.01


def strategy(rung="few_shot", n=2000, k=120, **more):
    """Counts of one strategy, which has its step's name as its id."""
    return {"id": rung, "rung": rung, "n": n, "k_final": k, **more}


def ladder(**status):
    """Every step tested but for those that are given another status."""
    return [{"rung": rung, **_claim(status.get(rung, "tested"))} for rung in STEPS]


def _claim(status):
    return (
        {"status": status, "reason": "it is so"}
        if status in {"declined", "not_applicable"}
        else {"status": status}
    )


def economics(**changes):
    """Prompting for $0.00525 + 0.0012 a retry, a tuned model for $0.0014; $0.40 a failure."""
    return {
        "prompt_cost": {
            "fixed": 1000, "var": 500, "out": 100, "repair": 400, "hit": 0.5, "latency_s": 0,
            "p_in": 3.0, "p_cached": 0.3, "p_out": 21.0,
        },
        "tuned_cost": {
            "fixed": 100, "var": 500, "out": 100, "repair": 400, "hit": 0.0, "latency_s": 0,
            "p_in": 1.0, "p_cached": 0.5, "p_out": 8.0,
        },
        "failure_cost": 0.4,
        "tuned": {"hazards": [0.02, 0.5], "residual": {"opt": 0.001, "point": 0.004, "pess": 0.009}},
        "upfront": {"labels": 800, "training": 50, "engineering": 2000},
        "hosting_per_month": 50,
        "refresh_per_month": 70,
        **changes,
    }  # fmt: skip


def feasibility(**changes):
    """A tuned model can be had."""
    return {"train_examples": 500, "new_jobs_allowed": True, "months_to_shutdown": 12, **changes}


def passing(**more):
    """One strategy far below the target, and no costs."""
    return {"calls_per_month": 2000, "strategies": [strategy(n=1000, k=0)], "ladder": ladder(), **more}


def failing(**more):
    """One strategy far above the target, and no costs."""
    attempts = [[2000, 200], [200, 150], [150, 120]]
    return {
        "calls_per_month": 100_000,
        "strategies": [strategy(attempts=attempts, failure_kinds={"syntax": 20, "value": 100})],
        "ladder": ladder(),
        **more,
    }


def exhausted(**more):
    """One strategy far above the target, every step tested, and fine-tuning that pays."""
    return failing(economics=economics(), feasibility=feasibility(), **more)


def piloted(pilot, **more):
    """`exhausted` with a pilot."""
    return exhausted(pilot=pilot, **more)
