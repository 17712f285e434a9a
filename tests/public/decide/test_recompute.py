"""A verdict can be repeated from its JSON alone, by rules that were written a second time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide import decide
from tests.public.decide.examples import economics, exhausted, piloted, strategy
from tests.public.decide.recompute import repeated
from tests.public.decide.test_laws import KINDS, counts, evidences
from tests.public.decide.test_scenarios import IDS

CODES = (
    "enum",
    "pattern",
    "max_tokens",
    "reasoning_exhausted",
    "malformed",
    "encoded_value",
    "type",
    "policy",
)


def differences(evidence):
    """What cannot be repeated of the verdict that evidence gives."""
    return repeated(json.loads(json.dumps(decide(evidence).as_dict())))


@pytest.mark.parametrize("name", IDS)
def test_scenario_is_repeated(corpora, name):
    """Each worked scenario's verdict follows from its own figures."""
    known = json.loads((corpora / "decision_scenarios.json").read_text(encoding="utf-8"))
    scenario = next(one for one in known["scenarios"] if one["id"] == name)

    assert differences(scenario["input"]) == []


@given(evidences())
def test_any_verdict_is_repeated(evidence):
    """Evidence of any kind: the rule, the states, what is next and the exit status follow from the figures."""
    assert differences(evidence) == []


@st.composite
def parts_of(draw, n):
    """So many of n."""
    few = st.integers(0, min(n, 40))
    return draw(few | st.integers(0, n))


@st.composite
def changed(draw, n, k):
    """A change among n calls, k of which fail."""
    after = draw(st.integers(0, n))
    after_k = min(after, draw(st.integers(0, k)))
    return {
        "direction": draw(st.sampled_from(["rise", "fall"])),
        "at": max(1, n - after - 20),
        "alarm_at": n - after,
        "n": after,
        "k": after_k,
        "since_n": after + 20,
        "since_k": after_k + draw(st.integers(0, 20)),
        "prior_n": 100,
        "prior_k": draw(st.integers(0, 5)),
        "open": draw(st.booleans()),
        "with": [],
    }


@st.composite
def bursts_of(draw, n, k):
    """Bursts of k failures among n calls."""
    entries = draw(st.integers(1, k))
    return {
        "entries": entries,
        "at_risk": draw(st.integers(entries, n)),
        "failures": k,
        "calls": n,
        "longest": min(n, k),
    }


@st.composite
def in_production(draw, name):
    """A configuration with a part of the latest calls, and what production knows of it."""
    n, k = draw(counts())
    kinds = draw(st.sampled_from(KINDS))
    result = strategy(draw(st.sampled_from(["bare", "system_prompt", "few_shot"])), n, k, id=name)
    result["traffic_share"] = draw(st.sampled_from([0.05, 0.3, 0.65]))
    result["history"] = {"calls": n + 100, "outages": 0, "since_outage": n + 100}
    if draw(st.booleans()):
        result["failure_kinds"] = {kinds: k}
        result["failure_codes"] = {draw(st.sampled_from(CODES)): k} if draw(st.booleans()) and k else {}
        result["early_stop"] = draw(st.none() | st.booleans())
    if draw(st.booleans()):
        result["model"] = f"model {name}"
        result["tuned"] = draw(st.booleans())
        result["prompt_cost"] = {
            **economics()["prompt_cost"],
            "p_in": draw(st.sampled_from([1.0, 3.0, 9.0])),
        }
    if draw(st.booleans()):
        result["change"] = draw(changed(n, k))
        result.pop("failure_kinds", None)
        result.pop("failure_codes", None)
    elif k and draw(st.booleans()):
        result["bursts"] = draw(bursts_of(n, k))
        result["history"] |= {"outages": 2, "since_outage": draw(st.integers(0, n))}
    for what in ("right", "latency"):
        if draw(st.booleans()):
            some = draw(st.integers(1, n))
            result[what] = {"n": some, "k": draw(parts_of(some))}
    if draw(st.booleans()):
        result["excluded"] = [
            {"code": "call_raised", "exception": "KeyError", "calls": draw(st.integers(1, 30))},
            {"code": "provider_error", "calls": 3},
        ]
    return result


@st.composite
def recorded(draw):
    """Evidence as a store gives it."""
    evidence = draw(evidences())
    own = [draw(in_production(name)) for name in draw(st.sampled_from([("v2",), ("v2", "v1")]))]
    for one in evidence["strategies"]:
        one["id"] = f"trial {one['id']}"
    evidence["strategies"] = [*own, *evidence["strategies"]]
    evidence["current"] = "v2"
    evidence.pop("segments", None)
    if "pilot" in evidence:
        evidence["pilot"]["traffic_share"] = draw(st.sampled_from([0.05, 0.4]))
    config = evidence["config"]
    config["burst_length"] = draw(st.sampled_from([1, 20]))
    if draw(st.booleans()):
        config["right"] = 0.95
    if draw(st.booleans()):
        config["latency_p95_s"] = 1.0
    return evidence


@given(recorded())
def test_any_verdict_on_a_store_is_repeated(evidence):
    """The same with what production adds: shares, changes, bursts, aims beside the format, prices, excluded calls."""
    assert differences(evidence) == []


def test_schemas_are_repeated():
    """Which schemas fail follows from their counts."""
    schemas = [["a", 1_000, 40], ["b", 1_000, 3], ["c", 500, 30], ["d", 20, 0]]

    assert differences({"schemas": schemas}) == []


def test_a_verdict_that_was_tampered_with_is_not():
    """Another verdict, another bound, another step, another exit status: each is a difference."""
    result = decide(exhausted()).as_dict()

    for key, other in (
        ("verdict", "PROMPTING_ENOUGH"),
        ("stage", "ship"),
        ("exit_code", 0),
        ("alpha_each", 0.01),
    ):
        assert repeated({**result, key: other}) != []
    rates = {name: {**rate, "upper": rate["upper"] * 1.01} for name, rate in result["rates"].items()}
    assert repeated({**result, "rates": rates}) != []


def test_a_pilot_on_segments_is_repeated():
    """What is routed follows from each segment's counts."""
    segments = [
        {"name": "a", "share": 0.7, "prompt_n": 2_000, "prompt_k": 150, "tuned_n": 2_000, "tuned_k": 1},
        {"name": "b", "share": 0.3, "prompt_n": 2_000, "prompt_k": 1, "tuned_n": 1_000, "tuned_k": 80},
    ]

    assert differences(piloted({"n": 3_000, "k_final": 81, "segments": segments})) == []
