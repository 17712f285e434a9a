"""Measure right values from guarded calls to verdicts: python benchmarks/right_calls.py --output FILE.txt.

1. Verdicts: two scripted models have errors that occur together. Each simulation guards a function, records its calls and
   second opinions, labels with the known answers, and decides after each of several numbers of labels. The targets are just
   above and just below the true share of right values, so "met" is wrong for one and "missed" for the other.
2. Cost: CPU time in the caller's thread, and in the thread that writes.
3. Limits: a provider refuses more than 5 requests a second, from both models together.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import platform
import random
import time
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from schema_guard import Content, Second, guard, open_store
from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.ext.right.questions import configuration_to_label, draw, save

FIELDS = ("item", "color", "size", "total")
SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {name: {"type": "string"} for name in FIELDS},
    "required": list(FIELDS),
}
CALLS, LOOKS, NEAR, FAR = 1000, (25, 50, 100), 0.001, 0.15
REQUESTS_A_SECOND = 5
USER_A_SECOND = 4


def number_of(prompt: str) -> int:
    """Return the number at the end of a prompt."""
    return int(prompt.rsplit(" ", 1)[1])


def truth(number: int) -> dict[str, str]:
    """Return the right values of an input."""
    return {name: f"{name} {number}" for name in FIELDS}


def replies(seed: int, number: int, wrong: float, shared: float) -> tuple[str, str]:
    """Return the replies of both models. *shared* is the probability that the second repeats an error of the first."""
    rng = random.Random(f"{seed} {number}")
    first, second = truth(number), truth(number)
    hard = rng.random() < 2 * wrong  # errors of one reply occur together
    for name in FIELDS:
        if hard and rng.random() < 0.5:
            first[name] = f"wrong {rng.random()}"
            second[name] = first[name] if rng.random() < shared else second[name]
        elif rng.random() < 0.02:
            second[name] = f"wrong {rng.random()}"
    return json.dumps(first), json.dumps(second)


def simulate(seed: int) -> dict[str, Any]:
    """Return whether any look gave a wrong verdict, and the last bounds."""
    rng = random.Random(seed)
    wrong, shared = rng.choice((0.01, 0.03, 0.05, 0.1, 0.2)), rng.choice((0.1, 0.5, 0.9))
    with open_store("sqlite://", payload="second_opinion") as store:
        second = Second(lambda prompt: replies(seed, number_of(prompt), wrong, shared)[1], share=1)

        @guard(SCHEMA, store=store, name="extract", content=Content(second_opinion=second))
        def extract(prompt: str) -> str:
            return replies(seed, number_of(prompt), wrong, shared)[0]

        for number in range(CALLS):
            extract(f"Read order {number}")
            if number % 500 == 499:
                store.flush(60)
                second.flush(120)
        store.flush(60)
        assert second.flush(120) == 0
        store.flush()
        configuration = configuration_to_label(store, "extract", None)
        found = {"met": False, "missed": False, "proved": False}
        labels = 0
        for look in LOOKS:
            while labels < look and (question := draw(store, configuration)) is not None:
                save(store, question.call_id, question.wrong_values_beside(truth(number_of(question.source))))
                labels += 1
            evidence = gather(store, extra={"config": {"right": 1 - wrong}}).evidence
            for right, state, name in (
                (1 - wrong + NEAR, "pass", "met"),
                (1 - wrong - NEAR, "fail", "missed"),
            ):
                config = {**evidence["config"], "right": right}
                verdict = decide({**evidence, "config": config})
                met = verdict.figures["rates"]["system_prompt"]["met"]["right"]
                found[name] = found[name] or met["state"] == state
        far = decide({**evidence, "config": {**evidence["config"], "right": 1 - wrong - FAR}})
        found["proved"] = far.figures["rates"]["system_prompt"]["met"]["right"]["state"] == "pass"
    return {**found, "wrong": wrong, "shared": shared, "lower": met["lower"], "upper": met["upper"]}


def verdicts(seeds: int) -> list[str]:
    """Return the table of wrong verdicts."""
    results: list[dict[str, Any]] = []
    with get_context("spawn").Pool(2) as pool:
        for result in pool.imap_unordered(simulate, range(seeds)):
            results.append(result)
            if len(results) % 20 == 0:
                print(len(results), time.strftime("%H:%M:%S"), flush=True)
    lines = [
        f"verdicts: {seeds} simulations of {CALLS} guarded calls, looks at {', '.join(map(str, LOOKS))} labels, alpha 0.05",
        "wrong values  simulations  wrongly met  wrongly missed  met, 15 points below the true share  median width",
    ]
    for wrong in sorted({one["wrong"] for one in results}):
        some = [one for one in results if one["wrong"] == wrong]
        width = median(one["upper"] - one["lower"] for one in some)
        met, missed, proved = (sum(one[name] for one in some) for name in ("met", "missed", "proved"))
        lines.append(f"{wrong:12.0%}  {len(some):11}  {met:11}  {missed:14}  {proved:34}  {width:12.2f}")
    either = sum(one["met"] or one["missed"] for one in results)
    lines.append(
        f"all: {either} of {seeds} simulations ({either / seeds:.1%}) have a wrong verdict at any look"
    )
    return lines


def cost(calls: int = 3000) -> list[str]:
    """Return CPU microseconds of a call in the caller's thread, and of a check in the thread that writes."""
    source = " ".join(f"word{number} {number * 7}" for number in range(400))[:4096]
    fields = {f"field{number}": source[40 * number : 40 * number + 33] for number in range(22)}
    reply = json.dumps(fields)

    def in_caller(content: Content | None) -> float:
        with open_store("sqlite://") as store:
            function = guard({"type": "object"}, store=store, content=content)(lambda prompt: reply)
            for _ in range(200):
                function(source)
            store.flush(30)
            began = time.thread_time()
            for place in range(calls):
                function(source)
                if place % 200 == 199:
                    paused = time.thread_time()
                    store.flush(30)
                    began += time.thread_time() - paused
            return (time.thread_time() - began) / calls * 1e6

    plain = min(in_caller(None) for _ in range(3))
    checked = min(in_caller(Content(grounded=True)) for _ in range(3))
    seconds: list[float] = []
    from schema_guard.ext.right import content as module  # the method is timed where it is called

    original = module.CallChecks.row

    def timed(self: Any, outcome: Any, key: bytes) -> Any:
        began = time.thread_time()
        row = original(self, outcome, key)
        seconds.append(time.thread_time() - began)
        return row

    module.CallChecks.row = timed  # type: ignore[method-assign]
    in_caller(Content(grounded=True))
    module.CallChecks.row = original  # type: ignore[method-assign]
    deciles = quantiles(seconds, n=10)
    return [
        f"cost: value of {len(reply):,} characters, source of {len(source):,}",
        f"caller: {checked - plain:.1f} us more CPU time a call ({plain:.1f} us without content)",
        f"check: median {1e6 * deciles[4]:.0f} us, 90% point {1e6 * deciles[8]:.0f} us of CPU time in the thread that writes",
    ]


class TooManyRequests(Exception):
    """The provider refuses a request."""

    status_code = 429


def limits(seconds: float = 120.0) -> list[str]:
    """Return the refused calls of a user, beside a second model on the same limit."""
    times: list[float] = []
    refused = {"user": 0, "second": 0}

    def ask(who: str) -> str:
        now = time.monotonic()
        times[:] = [at for at in times if now - at < 1]
        if len(times) >= REQUESTS_A_SECOND:
            refused[who] += 1
            raise TooManyRequests
        times.append(now)
        return json.dumps(truth(1))

    def run(content: Content | None) -> tuple[int, int]:
        times.clear()
        refused.update(user=0, second=0)
        with open_store("sqlite://", payload="second_opinion") as store:
            function = guard(SCHEMA, store=store, content=content, max_attempts=1)(lambda prompt: ask("user"))
            calls = int(seconds * USER_A_SECOND)
            for _ in range(calls):
                began = time.monotonic()
                with contextlib.suppress(Exception):  # refused calls are counted
                    function("Read order 1")
                time.sleep(max(0.0, 1 / USER_A_SECOND - (time.monotonic() - began)))
        return refused["user"], calls

    alone = run(None)
    left = 60 * (REQUESTS_A_SECOND - USER_A_SECOND)
    beside = run(Content(second_opinion=Second(lambda prompt: ask("second"), share=0.05, per_minute=left)))
    return [
        f"limits: {REQUESTS_A_SECOND} requests a second for both models, the user makes {USER_A_SECOND} a second, per_minute={left}",
        f"alone: {alone[0]} of {alone[1]} calls of the user were refused",
        f"with a second opinion on 5% of the calls: {beside[0]} of {beside[1]} calls of the user were refused",
    ]


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--output", type=Path, help="file for the results")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    load = os.getloadavg()[0]
    lines = [
        f"python benchmarks/right_calls.py --simulations {options.simulations}",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors, load {load:.1f}",
        "",
        *cost(),
        "",
        *limits(),
        "",
    ]
    print("\n".join(lines), flush=True)
    lines += verdicts(options.simulations)
    print("\n".join(lines[-8:]))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
