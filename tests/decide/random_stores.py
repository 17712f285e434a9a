"""Random stores, and what `watch` and `decide` say of them: `python -m benchmarks.verdict_agreement` asks many."""

from __future__ import annotations

import json
from random import Random
from types import SimpleNamespace
from typing import NamedTuple

from schema_guard.decide import decide
from schema_guard.decide.playbook import STEPS
from schema_guard.decide.recorded.from_store import gather_each
from schema_guard.decide.watch import watch
from schema_guard.records import open_store
from tests.decide.records import record, record_excluded
from tests.needs import is_installed
from tests.public.decide.examples import economics, feasibility
from tests.public.decide.recompute import repeated

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
        if chance.random() < 0.5:
            mixed(store, chance, now, function=function, model=models[0], version="v1")


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


def mixed(store, chance, now, *, function, model, version):
    """Record a canary or a shift beside a model, in one order, and then maybe calls of one of them alone."""
    rate, part = chance.choice(RATES), chance.choice((1, 3, 20))
    blocks = chance.choice(("main", "canary")), chance.choice((0, 5, 60))
    for number in range(chance.randint(3, 12)):
        begun = now + 3_600.0 * number
        record(store, 20, 0, flush=False, first=chance.randrange(10**9), gap_s=30.0, started_at=begun, function=function,
               model=model, version=version)  # fmt: skip
        failed = sum(chance.random() < rate for _ in range(part))
        record(store, part, failed, flush=False, first=chance.randrange(10**9), gap_s=30.0, started_at=begun, function=function,
               model="canary", version=version)  # fmt: skip
    which, rest = blocks
    name = model if which == "main" else "canary"
    record(store, rest, round(rate * rest) if which == "canary" else 0, flush=False, first=chance.randrange(10**9),
           started_at=now + 3_600.0 * 13, function=function, model=name, version=version)  # fmt: skip
    store.flush(30.0)


def beside(store, chance, now, function):
    """Record what is beside the calls of a function: excluded calls, trials, imported calls."""
    if chance.random() < 0.3:
        code = chance.choice(("call_raised", "provider_error"))
        record_excluded(store, chance.randint(1, 40), code=code, function=function, started_at=now - 3_600)
    if chance.random() < 0.3:
        rung = chance.choice(TRIALS)
        n = chance.choice((50, 600))
        name = f"playbook:1:{rung}:{function}"
        record(store, n, chance.choice((0, n // 10)), function=name, strategies=rung, started_at=now)
    if chance.random() < 0.2:
        part = chance.choice(("all", "sampled", "failures", "unknown"))
        settings = json.dumps({"max_attempts": 1, "observe": True, "imported": "langfuse", "traffic": part})
        n = chance.randint(50, 400)
        record(store, n, n if part == "failures" else n // 50, function=function, settings=settings, strategies="bare",
               started_at=now, gap_s=30.0)  # fmt: skip


def asked(chance):
    """What is asked of both, and what no store knows."""
    config, value = {"target": chance.choice((0.005, 0.01, 0.05))}, {}
    if chance.random() < 0.3:
        config["latency_p95_s"] = chance.choice((0.1, 2.0))
    if chance.random() < 0.3:
        config["right"] = 0.95
        value["content"] = {"n": 30, "right": chance.choice((15, 29, 30))}
    if chance.random() < 0.3:
        config["burst_length"] = 20
    if chance.random() < 0.5:
        value["economics"] = economics(failure_cost=chance.choice((0, 0.05, 20)))
        value["feasibility"] = feasibility(train_examples=chance.choice((50, 500)))
        value["calls_per_month"] = chance.choice((5_000, 1_000_000))
    if chance.random() < 0.5:
        status = chance.choice((("declined",), ("untested", "declined", "not_applicable")))
        value["ladder"] = [
            {"rung": rung, "status": chance.choice(status), "reason": "a story"} for rung in STEPS
        ]
    return config, value


class Asked(NamedTuple):
    """One function of a random store.

    Attributes:
        seed: Of the store.
        function: Its name; None where only trials are recorded.
        verdict: What `decide` says.
        exit_code: Of `decide`.
        breaches: What is wrong in production, by `decide`. Of a function that is no longer called, `watch` lists nothing.
        watched: What is wrong in production, by `watch`.
        is_fine: Whether `watch` is quiet.
        differences: What the verdict's JSON says and its own counts do not give.
        others: Verdicts of a playbook run, and of `watch` for this function alone, that differ.
    """

    seed: int
    function: str | None
    verdict: str
    exit_code: int
    breaches: list[str]
    watched: list[str]
    is_fine: bool
    differences: list[str]
    others: list[str]

    @property
    def disagreements(self) -> list[str]:
        """What `watch` and `decide` say otherwise."""
        where = f"store {self.seed}, {self.function}"
        results = []
        if self.breaches != self.watched:
            results.append(f"{where}: decide {self.breaches}, watch {self.watched}")
        if self.exit_code == 0 and not self.is_fine:
            results.append(f"{where}: decide is content with {self.verdict}, watch is not")
        return [*results, *(f"{where}: {other}" for other in self.others)]

    @property
    def wrong(self) -> list[str]:
        """All that should not be."""
        return [
            *self.disagreements,
            *(f"store {self.seed}, {self.function}: {one}" for one in self.differences),
        ]


def asked_of(seed, most=400):
    """Give what both say of each function of one random store, and whether each verdict can be repeated."""
    chance = Random(seed)
    with open_store("sqlite://") as store:
        fill(store, chance, most)
        config, value = asked(chance)
        functions = [result.function for result in gather_each(store, extra={"config": config})]
        named = [name for name in functions if name is not None]
        priority = chance.choice(named) if named and chance.random() < 0.3 else None
        everything = watch(store, config["target"], extra={"config": config}, priority=priority)
        return [
            _asked(seed, store, function, everything, {"config": config, **value}, priority)
            for function in functions
        ]


def _of_playbook(store, gathered, given, priority):
    """Return what a playbook run decides on before its first call: the production code of its evidence."""
    from schema_guard.ext.playbook.run import PlaybookRun
    from schema_guard.ext.playbook.steps import PlaybookSettings

    run = SimpleNamespace(
        inputs=SimpleNamespace(schema=SimpleNamespace(fingerprint=gathered.schema_fingerprint)),
        settings=PlaybookSettings(function=gathered.function, priority=priority),
        _claim=lambda step: None,
        _values=dict,
    )
    return decide(PlaybookRun._with_production(run, store, given))


def _others(store, gathered, verdict, seen, given, priority):
    """Return the answers that differ from the verdict and from `watch` over the whole store."""
    results = []
    if gathered.function is None:
        return results
    if "ladder" not in given and is_installed("playbook"):
        played = _of_playbook(store, gathered, given, priority)
        if (played.verdict, played.figures["breach"]) != (verdict.verdict, verdict.figures["breach"]):
            results.append(f"decide {verdict.verdict}, playbook {played.verdict}")
    if "content" not in given:
        alone = watch(
            store, given["config"]["target"], function=gathered.function, extra={"config": given["config"]},
            priority=priority,
        )  # fmt: skip
        if list(map(vars, alone)) != list(map(vars, seen)):
            results.append("watch of the function differs from watch of the store")
    return results


def _asked(seed, store, function, everything, given, priority):
    (gathered,) = gather_each(store, function=function, extra=given, priority=priority)
    verdict = decide(gathered.evidence)
    seen = [one for one in everything if one.function == function]
    if "content" in given:  # known answers are of one function
        known = {"config": given["config"], "content": given["content"]}
        seen = watch(store, given["config"]["target"], function=function, extra=known, priority=priority)
    is_silent = bool(seen) and all(one.is_silent for one in seen)
    watched = [breach.what for one in seen for breach in one.breaches]
    watched += ["excluded"] if any(one.unexplained and not one.is_silent for one in seen) else []
    return Asked(
        seed=seed,
        function=function,
        verdict=verdict.verdict,
        exit_code=verdict.exit_code(),
        breaches=[] if is_silent else sorted(breach["what"] for breach in verdict.figures["breach"]),
        watched=sorted(watched),
        is_fine=all(one.is_fine for one in seen),
        others=_others(store, gathered, verdict, seen, given, priority),
        differences=repeated(json.loads(json.dumps(verdict.as_dict()))),
    )
