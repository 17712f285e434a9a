"""Compare a routed function's failure rate with its prediction, and count the calls until a bad rollout goes back.

    python benchmarks/routing.py [--seeds 100] [--calls 10000] [--output benchmarks/results/FILE.txt]

One input in twenty is hard, and both models fail the hard inputs much more often. So their failures are not
independent. Before routing, the prompt answers all calls, the tuned model runs as a shadow (share 0, shadow 1), and a
store records both. The prediction uses only this store: the primary inputs that both failed, and the other inputs that
the prompt failed, divided by all inputs, with bounds of 97.5% per side. Then the requested number of new calls is
routed, and their results are compared with the prediction. The table also has the common product of the two rates,
which assumes independent failures.

A rollout starts at its first share, with a tuned model of a known failure rate. The script counts the calls of the
tuned model until the rollout goes back, because the bound proves that the rate exceeds the target, or because the
latest calls show a rise. The last lines are times on this machine.
"""

from __future__ import annotations

import argparse
import logging
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from schema_guard import About, Evidence, Rollout, Router, guard, open_store, tags
from schema_guard.stats import Bounds, bounds, log_e_value
from schema_guard.text import interval, percent

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD, BAD = '{"total": 1}', "I cannot say."
TARGET = 0.01
RECORDED = 3_000
PRIMARY = 0.8
HARD = 0.05
# Shares of replies that fail: of hard inputs, and of all others.
RATES = {"tuned": (0.4, 0.012), "prompt": (0.2, 0.004)}
DOWN = 0.002
ROLLOUTS = (0.002, 0.005, 0.02, 0.03, 0.05, 0.10, 0.30)


class Inputs:
    """Inputs with results drawn in advance: the failures of each branch, and whether an input is primary."""

    def __init__(self, seed: int, count: int, *, down: float = 0.0) -> None:
        random = Random(seed)
        self.fates: list[dict[str, Any]] = []
        for _ in range(count):
            is_hard = random.random() < HARD
            fate: dict[str, Any] = {
                branch: random.random() < rates[not is_hard] for branch, rates in RATES.items()
            }
            fate["down"] = random.random() < down
            fate["primary"] = random.random() < PRIMARY
            self.fates.append(fate)

    def lost(self, number: int) -> bool:
        """Return whether no branch can answer: the prompt fails, and also the tuned model if the input is primary."""
        fate = self.fates[number]
        first = fate["tuned"] or fate["down"] if fate["primary"] else True
        return bool(first and fate["prompt"])


def router_of(inputs: Inputs, store: Any = None, **settings: Any) -> Any:
    """Return a router over two functions that return the drawn results."""

    def tuned(prompt: str) -> str:
        fate = inputs.fates[int(prompt)]
        if fate["down"]:
            raise ConnectionError
        return BAD if fate["tuned"] else GOOD

    def prompt(prompt: str) -> str:
        return BAD if inputs.fates[int(prompt.rpartition("\n")[2])]["prompt"] else GOOD

    both: dict[str, Any] = {"store": store, "max_attempts": 1, "name": "extract"}
    return Router(
        tuned=guard(SCHEMA, strategy="bare", about=About(tuned=True, model="small", version="1"), **both)(
            tuned
        ),
        prompt=guard(SCHEMA, about=About(model="large", version="1"), **both)(prompt),
        **settings,
    )


class Prediction(NamedTuple):
    """The prediction of the records before routing for the calls after it."""

    bounds: Bounds
    point: float
    product: Bounds
    product_point: float


def predicted(seed: int) -> Prediction:
    """Return the failure rate of routing, predicted from a store with answers of the prompt and of the tuned model."""
    inputs = Inputs(seed, RECORDED)
    with open_store("sqlite://") as store:
        router = router_of(inputs, store, primary=Evidence(segments=["primary"]), share=0.0, shadow=1.0)
        for number, fate in enumerate(inputs.fates):
            with tags(segment="primary" if fate["primary"] else "edge"):
                router.outcome(str(number))
            if number % 50 == 0:
                router.flush(60)
        router.flush(60)
        store.flush(60)
        rows = {(row.tuned, row.segment): row for row in store.configurations()}
        first, shadow, edge = (
            rows[False, "primary"],
            rows[True, "primary"],
            rows[False, "edge"],
        )
        n, only_prompt, _ = store.pairs(first.id, shadow.id)
    assert n == first.calls == shadow.calls
    both = first.failed - only_prompt
    calls = first.calls + edge.calls
    result = bounds(both + edge.failed, calls, alpha=0.025)
    # The usual arithmetic, with bounds of its factors.
    rates = [bounds(row.failed, row.calls, alpha=0.025) for row in (first, shadow)]
    edges, share = bounds(edge.failed, edge.calls, alpha=0.025), first.calls / calls
    lower = share * rates[0].lower * rates[1].lower + (1 - share) * edges.lower
    upper = share * rates[0].upper * rates[1].upper + (1 - share) * edges.upper
    point = share * first.failed / n * shadow.failed / n + edge.failed / calls
    return Prediction(result, (both + edge.failed) / calls, Bounds(lower, upper), point)


class Realised(NamedTuple):
    """The results that callers got."""

    rate: float
    lost: int
    fallbacks: int
    errors: int


def realised(seed: int, calls: int) -> Realised:
    """Route new calls, and count the results. *lost* counts the calls without a value that a branch could answer."""
    inputs = Inputs(seed, calls, down=DOWN)
    router = router_of(inputs, primary=lambda prompt: inputs.fates[int(prompt)]["primary"])
    ok = [router.outcome(str(number)).ok for number in range(calls)]
    lost = sum(not one and not inputs.lost(number) for number, one in enumerate(ok))
    counts = router.counts()
    return Realised(ok.count(False) / calls, lost, counts.fallbacks, counts.tuned_errors)


def changed_by_shadows(seed: int, calls: int) -> tuple[int, int, int]:
    """Return the numbers of answers that shadows changed, of shadows, and of dropped shadows."""
    inputs = Inputs(seed, calls)
    with_them, without = (router_of(inputs, share=0.5, shadow=shadow) for shadow in (1.0, 0.0))
    differ = 0
    for number in range(calls):
        one, other = with_them.outcome(str(number)), without.outcome(str(number))
        differ += (one.ok, one.value, one.call.tuned) != (other.ok, other.value, other.call.tuned)
    with_them.flush(60)
    counts = with_them.counts()
    return differ, counts.shadows, counts.shadows_dropped


class Rolled(NamedTuple):
    """The result of a rollout."""

    is_back: bool
    is_full: bool
    own: int
    calls: int
    share: float
    needed: int | None


def rolled_out(rate: float, seed: int, calls: int) -> Rolled:
    """Run a rollout with a tuned model that fails at a rate."""
    random = Random(seed)
    seen: list[bool] = []

    def tuned(prompt: str) -> str:
        seen.append(random.random() < rate)
        return BAD if seen[-1] else GOOD

    both: dict[str, Any] = {"store": None, "max_attempts": 1, "name": "extract"}
    router = Router(
        tuned=guard(SCHEMA, strategy="bare", about=About(tuned=True, version="1"), **both)(tuned),
        prompt=guard(SCHEMA, about=About(version="1"), **both)(lambda prompt: GOOD),
        share=Rollout(target=TARGET),
    )
    highest = 0.0
    for number in range(1, calls + 1):
        router.outcome(f"{seed} {number}")
        highest = max(highest, router.share)
        if router.why_back or router.share == 1:
            break
    return Rolled(router.why_back is not None, router.share == 1, len(seen), number, highest, needed_by(seen))


def needed_by(seen: list[bool]) -> int | None:
    """Return the call at which the bound alone proves that the rate exceeds the target. None if it does not."""
    failed = 0
    for n, one in enumerate(seen, 1):
        failed += one
        if one and failed > n * TARGET and log_e_value(failed, n, TARGET, side="bad") >= 2.995732273553991:
            return n
    return None


def overheads(calls: int = 20_000) -> list[tuple[str, float]]:
    """Return the CPU microseconds per call of each case, the best of three runs."""
    both: dict[str, Any] = {"store": None, "max_attempts": 1, "name": "extract"}
    tuned = guard(SCHEMA, strategy="bare", about=About(tuned=True, version="1"), **both)(lambda prompt: GOOD)
    prompt = guard(SCHEMA, about=About(version="1"), **both)(lambda prompt: GOOD)
    off = Path("/no/such/file")
    ways: list[tuple[str, Any]] = [
        ("the guarded function of the tuned model alone", tuned.outcome),
        ("routed, share 1", Router(tuned=tuned, prompt=prompt).outcome),
        (
            "routed, share 0.5, the prompt's text built in half of the calls",
            Router(tuned=tuned, prompt=prompt, share=0.5).outcome,
        ),
        (
            "routed, primary, kill switch as a file, share 1",
            Router(tuned=tuned, prompt=prompt, primary=lambda prompt: True, kill_switch=off).outcome,
        ),
        ("routed, a rollout that is at 1", _at_one(tuned, prompt).outcome),
    ]
    return [(name, min(_seconds(way, calls) for _ in range(3)) / calls * 1e6) for name, way in ways]


def _at_one(tuned: Any, prompt: Any) -> Any:
    router = Router(tuned=tuned, prompt=prompt, share=Rollout(target=0.2))
    number = 0
    while router.share < 1:
        router.outcome(str(number))
        number += 1
    return router


def _seconds(call: Any, calls: int) -> float:
    began = process_time()
    for _ in range(calls):
        call("an input")
    return process_time() - began


def lines(seeds: int, calls: int) -> Any:
    """Yield the lines of the result."""
    pairs = []
    for seed in range(seeds):
        pairs.append((predicted(1_000 + seed), realised(seed, calls)))
        print(f"{seed + 1}/{seeds}", file=sys.stderr, flush=True)
    inside = sum(one.bounds.lower <= met.rate <= one.bounds.upper for one, met in pairs)
    product = sum(one.product.lower <= met.rate <= one.product.upper for one, met in pairs)
    yield f"{calls:,} routed calls, {seeds} seeds; {percent(PRIMARY)} of the inputs are primary, {percent(HARD)} are hard"
    yield f"the tuned model fails {percent(RATES['tuned'][0])} of the hard inputs and {percent(RATES['tuned'][1])} of the others,"
    yield f"the prompt {percent(RATES['prompt'][0])} and {percent(RATES['prompt'][1])}; the tuned model's server is down for {percent(DOWN)}"
    yield ""
    yield f"predicted from {RECORDED:,} recorded inputs, of which both were asked the primary ones:"
    yield (
        f"  median bounds {interval(median(one.bounds.lower for one, _ in pairs), median(one.bounds.upper for one, _ in pairs))}, "
        f"realised {percent(min(met.rate for _, met in pairs))} to {percent(max(met.rate for _, met in pairs))}, median "
        f"{percent(median(met.rate for _, met in pairs))}"
    )
    yield f"  the realised failure rate is inside of the bounds in {inside} of {seeds} seeds"
    yield (
        f"  the product of the two rates: median bounds "
        f"{interval(median(one.product.lower for one, _ in pairs), median(one.product.upper for one, _ in pairs))}, inside in "
        f"{product} of {seeds}"
    )
    yield (
        f"  medians of the points: read from the inputs {percent(median(one.point for one, _ in pairs))}, by the product "
        f"{percent(median(one.product_point for one, _ in pairs))}"
    )
    fallbacks, errors = (sum(getattr(met, name) for _, met in pairs) for name in ("fallbacks", "errors"))
    yield ""
    yield f"fallbacks: {fallbacks:,}, of these {errors:,} because the tuned function raised; calls lost that the prompt can answer: {sum(met.lost for _, met in pairs)}"
    results = [changed_by_shadows(seed, calls) for seed in range(3)]
    made, dropped = (sum(one[at] for one in results) for at in (1, 2))
    yield f"shadows: answers changed {sum(one[0] for one in results)} of {3 * calls:,}; made {made:,}, dropped {dropped:,} for too many were pending"
    yield ""
    yield from _rollouts(max(1, seeds // 2), calls)
    yield ""
    yield "microseconds of CPU a call, nothing recorded, best of 3 x 20,000"
    for name, spent in overheads():
        yield f"  {spent:5.1f}  {name}"


def _rollouts(seeds: int, calls: int) -> Any:
    yield f"a rollout with target {percent(TARGET)}, at most {calls:,} calls, {seeds} seeds a line"
    yield "  rate    at share 1  back by the bound: own calls   by the latest calls: own calls   all calls   highest share"
    yield "                      of how many, median (90 %)     of how many, median (90 %)       median      median"
    for rate in ROLLOUTS:
        results = [rolled_out(rate, seed, calls) for seed in range(seeds)]
        back = [one for one in results if one.is_back]
        text = f"  {percent(rate):6}  {sum(one.is_full for one in results):10}  "
        if back:
            by_bound = [one.own for one in back if one.needed == one.own]
            by_latest = [one.own for one in back if one.needed != one.own]
            text += (
                f"{_spread(by_bound):29}  {_spread(by_latest):31}  {median(one.calls for one in back):<10,.0f}  "
                f"{median(one.share for one in back):.0%}"
            )
        yield text.rstrip()
        print(f"rollout {percent(rate)}", file=sys.stderr, flush=True)


def _spread(found: list[int]) -> str:
    if not found:
        return "-"
    return f"{len(found)}: {median(found):,.0f} ({sorted(found)[int(0.9 * (len(found) - 1))]:,})"


def main() -> None:
    """Route, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    logging.disable(logging.WARNING)
    text = f"routing, {datetime.now(UTC).isoformat(timespec='seconds')}\n"
    text += "\n".join(lines(value.seeds, value.calls)) + "\n"
    spent = resource.getrusage(resource.RUSAGE_SELF)
    text += f"\n{spent.ru_utime + spent.ru_stime:.0f} s of CPU\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
