"""Count the messages of `watch --notify` at constant rates, with weekly cycles, and after one planted rise.

    python benchmarks/notify_simulation.py [--months 100] [--seed N] [--processes 2] [--output FILE.txt]

A function is called 100 times a day on a simulated clock, and `watch` looks once a day. Each store has four months of 30
days. The messages go to a function instead of a webhook. The exit status is 1 if a promise is not kept: at most one message
without a change, and exactly one for each planted rise.

Without --seed, a fresh seed is drawn and printed.
"""

from __future__ import annotations

import argparse
import platform
import random
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from schema_guard import About, __version__, guard
from schema_guard.decide.watch import watch
from schema_guard.ext.channels import notify
from schema_guard.records import open_store
from tests.public.clock import stopped_clock

SCHEMA = {"title": "ticket", "type": "object", "required": ["team"]}
PER_DAY, MONTHS, DAYS = 100, 4, 120
DAY_S, SATURDAY = 86_400, 5
LIMIT = 0.03
CHANGE_FROM, CHANGE_TO = 40, 80


class Scenario(NamedTuple):
    """A name, and the failure rate on a day: its weekday, its number, and the day of the change."""

    name: str
    rate: Callable[[int, int, int], float]
    changes: int = 0


SCENARIOS = (
    Scenario("constant, 2.5%", lambda *_: 0.025),
    Scenario("weekly: 1%, 4% on weekends", lambda weekday, *_: 0.04 if weekday >= SATURDAY else 0.01),
    Scenario("one rise from 1% to 15%", lambda _, day, change: 0.15 if day >= change else 0.01, changes=1),
)


def _nowhere(url: str, text: str) -> None:
    """Send nothing."""


def messages(number: int, seed: str) -> list[int]:
    """Return the days on which a message is sent in one store of a scenario, counted from the change if there is one."""
    scenario, rng = SCENARIOS[number], random.Random(seed)
    change, sent = rng.randrange(CHANGE_FROM, CHANGE_TO), []
    with stopped_clock() as clock, open_store("sqlite://") as store:
        about = About(version="v1", model="m1")
        state = {"rate": 0.0}

        @guard(SCHEMA, store=store, on_failure="return", name="shop.triage", about=about, max_attempts=1)
        def triage(prompt: str) -> str:
            return "{}" if rng.random() < state["rate"] else '{"team": "a"}'

        for day in range(DAYS):
            weekday = datetime.fromtimestamp(clock.now, UTC).weekday()
            state["rate"] = scenario.rate(weekday, day, change)
            for call in range(PER_DAY):
                triage(f"ticket {day} {call}")
                clock.now += DAY_S / PER_DAY
            if notify(store, watch(store, LIMIT), LIMIT, "https://localhost/", now=clock.now, post=_nowhere):
                sent.append(day - change if scenario.changes else day)
    return sent


def main() -> int:
    """Simulate all scenarios and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    stores = -(-arguments.months // MONTHS)
    lines = [
        f"schema-guard {__version__}, Python {platform.python_version()}, {datetime.now(UTC).date()}, seed {seed}",
        f"{stores} stores of {MONTHS} months, {PER_DAY} calls a day, one look a day, --max-failure-rate {LIMIT:.0%}",
        "",
        f"{'scenario':34}{'stores':>7}{'months':>8}{'changes':>9}{'messages':>10}{'days until the message':>24}",
    ]
    kept = True
    for number, scenario in enumerate(SCENARIOS):
        seeds = [f"{seed} {number} {store}" for store in range(stores)]
        with ProcessPoolExecutor(arguments.processes) as pool:
            each = list(pool.map(messages, [number] * stores, seeds))
        days = [day for one in each for day in one]
        kept &= all(len(one) == 1 and one[0] >= 0 for one in each) if scenario.changes else len(days) <= 1
        waited = f"{min(days)} to {max(days)}" if scenario.changes and days else "-"
        lines.append(
            f"{scenario.name:34}{stores:>7}{stores * MONTHS:>8}{stores * scenario.changes:>9}{len(days):>10}{waited:>24}"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    lines += ["", "promises kept" if kept else "A PROMISE IS NOT KEPT"]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
