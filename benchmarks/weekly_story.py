"""Play five weeks of a function that fails more on weekends, and print what `decide` answers.

    python benchmarks/weekly_story.py [--seed 4] [--output FILE.txt]

The function runs on a simulated clock, 400 calls a day. Its calls fail 3% on Saturdays and Sundays and 0.3% on other days.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from schema_guard import About, guard
from schema_guard.records import open_store
from tests.public.clock import stopped_clock

SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["a", "b"]}},
    "required": ["team"],
}
PER_DAY, DAYS, SATURDAY = 400, 35.2, 5


def play(url: str, seed: int) -> None:
    """Record the calls."""
    rng = random.Random(seed)  # a simulation
    with stopped_clock() as clock, open_store(url) as store:
        about = About(version="v1", model="m1")

        @guard(SCHEMA, store=store, on_failure="return", name="shop.extract", about=about, max_attempts=1)
        def extract(prompt: str) -> str:
            is_weekend = datetime.fromtimestamp(clock.now, UTC).weekday() >= SATURDAY
            return "{}" if rng.random() < (0.03 if is_weekend else 0.003) else '{"team": "a"}'

        for number in range(round(PER_DAY * DAYS)):
            if number % 2_000 == 0:
                store.flush(60.0)
            extract(f"ticket {number}")
            clock.now += 86_400 / PER_DAY


def main() -> int:
    """Play the story and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/weeks.db"
        play(url, arguments.seed)
        command = [sys.executable, "-m", "schema_guard", "decide", "--store", url, "--max-failure-rate", "2%"]
        root = str(Path(__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": root}
        text = subprocess.run(command, check=False, capture_output=True, text=True, env=environment).stdout
    text = text.replace(f"{folder}/", "")
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
