"""On any store `watch` and `decide` say the same of what is in production, and each verdict can be repeated."""

import json
from random import Random

import pytest

from schema_guard.decide import decide
from schema_guard.decide.recorded.gather import gather_each
from schema_guard.decide.watch import watch
from schema_guard.records import open_store
from tests.decide.recompute import repeated
from tests.decide.records import record, record_outside

FAILURES = (
    ("structure", "type"),
    ("value", "enum"),
    ("truncation", "max_tokens"),
    ("refusal", "policy"),
    ("syntax", "malformed"),
)
RATES = (0.0, 0.0, 0.002, 0.008, 0.02, 0.06, 0.3)
TRIALS = ("few_shot", "strict_schema", "larger_model")


def fill(store, chance, most):
    """Put a random history into a store: functions, versions, parts of the traffic, models, outages, trials, imports.

    Of no more than so many calls of a version and model at a rate.
    """
    for function in chance.sample(("shop.extract", "shop.sort", "mail.read"), chance.randint(1, 3)):
        now = 1_780_000_000.0
        models = chance.sample(("m1", "m2"), chance.choice((1, 1, 2)))
        for version in chance.choice((("v1",), ("v1",), ("v1", "v2"), ("v1", "v2", "v3"))):
            for _ in range(chance.randint(1, 3)):
                now = episode(store, chance, now, most, function=function, version=version, models=models)
        beside(store, chance, now, function)


def episode(store, chance, now, most, **asked):
    """Record some calls of a version, at one rate, and give when they ended."""
    models = asked.pop("models")
    kind, code = chance.choice(FAILURES)
    gap = chance.choice((5.0, 60.0, 3_600.0))
    n, rate = chance.randint(20, most), chance.choice(RATES)
    if chance.random() < 0.15:
        n, rate = 60, 1.0  # an outage
    for model in models:
        record(
            store, n, min(n, round(rate * n)), kind=kind, code=code, first=chance.randrange(10**9), gap_s=gap, flush=False,
            model=model, started_at=now, **asked, segment=chance.choice((None, "eu", "us")),
            tasks=chance.choice((None, None, None, 7, 90)), elapsed_s=chance.choice((0.05, 1.0)),
            tuned=chance.random() < 0.1,
        )  # fmt: skip
    store.flush(30.0)
    return now + n * gap


def beside(store, chance, now, function):
    """Record what is beside the calls of a function: calls outside of the rate, trials, imported calls."""
    if chance.random() < 0.3:
        code = chance.choice(("call_raised", "provider_error"))
        record_outside(store, chance.randint(1, 40), code=code, function=function, started_at=now - 3_600)
    if chance.random() < 0.3:
        rung = chance.choice(TRIALS)
        n = chance.choice((50, 600))
        name = f"climb:1:{rung}:{function}"
        record(store, n, chance.choice((0, n // 10)), function=name, strategies=rung, started_at=now)
    if chance.random() < 0.2:
        part = chance.choice(("all", "sampled", "failures", "unknown"))
        settings = json.dumps({"max_attempts": 1, "observe": True, "imported": "langfuse", "traffic": part})
        n = chance.randint(50, 400)
        record(store, n, n if part == "failures" else n // 50, function=function, settings=settings, strategies="bare",
               started_at=now, gap_s=30.0)  # fmt: skip


def asked(chance):
    """What is asked for."""
    config = {}
    if chance.random() < 0.3:
        config["latency_p95_s"] = chance.choice((0.1, 2.0))
    if chance.random() < 0.3:
        config["right"] = 0.95
    if chance.random() < 0.3:
        config["burst_length"] = 20
    return chance.choice((0.005, 0.01, 0.05)), config


def disagreements(seed, most=400):
    """What `watch` and `decide` say otherwise of one random store, and what of a verdict cannot be repeated."""
    chance, found = Random(seed), []
    with open_store("sqlite://") as store:
        fill(store, chance, most)
        target, config = asked(chance)
        seen = watch(store, target, given={"config": config})
        for gathered in gather_each(store, given={"config": {**config, "target": target}}):
            verdict = decide(gathered.evidence)
            own = [one for one in seen if one.function == gathered.function]
            wrong = [breach.what for one in own for breach in one.breaches]
            wrong += ["outside"] if any(one.unexplained for one in own) else []
            said = [breach["what"] for breach in verdict.figures["breach"]]
            if sorted(wrong) != sorted(said):
                found.append(f"{seed} {gathered.function}: decide {said}, watch {wrong}")
            if verdict.exit_code() == 0 and not all(one.is_fine for one in own):
                found.append(f"{seed} {gathered.function}: decide is content, watch is not")
            told = repeated(json.loads(json.dumps(verdict.as_dict())))
            found += [f"{seed} {gathered.function}: {line}" for line in told]
    return found


def test_a_part_of_the_traffic_without_a_judged_call_is_no_part():
    """A segment whose calls are all outside of the rate has no share, and evidence with a pilot does not trip over it."""
    with open_store("sqlite://") as store:
        for segment in ("eu", "us"):
            record(store, 300, 30, segment=segment)
            record(store, 50, 0, segment=segment, tuned=True, model="ft")
        record_outside(store, 2, segment="asia")

        (found,) = gather_each(store)

        assert [part["name"] for part in found.evidence["pilot"]["segments"]] == ["eu", "us"]


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_watch_and_decide_agree(first):
    """Of ten random stores both say the same is wrong, and each verdict follows from its own figures."""
    assert [told for seed in range(first, first + 10) for told in disagreements(seed, 120)] == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 1_100, 50))
def test_watch_and_decide_agree_on_larger_stores(first):
    """The same of fifty with more calls."""
    assert [told for seed in range(first, first + 50) for told in disagreements(seed)] == []
