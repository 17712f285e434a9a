"""Check whether the bounds of a decision model's calibration hold, and whether they find an overconfident model.

A scripted decision model answers with known probabilities, through `guard`. A calibrated model is right as often as its
confidence states. An overconfident one is right in half of the calls at any confidence. The bounds are read after every
100 calls.

    python benchmarks/calibration_simulation.py [--seeds N] [--output FILE]
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from schema_guard import guard
from schema_guard.ext.right.figures import calibration
from schema_guard.records.rows import confidence_text

TEAM = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"enum": ["a", "b"]}},
    "required": ["team"],
}
CALLS, LOOK, ALPHA = 2_000, 100, 0.05
Right: TypeAlias = Callable[[float], float]
MODELS: dict[str, Right] = {"calibrated": lambda sure: sure, "overconfident": lambda _: 0.5}


def calls_of(seed: int, right: Right) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield the tenth and the wrong places of each call of a scripted model."""
    draw = random.Random(seed)
    sure = 0.0

    @guard(TEAM, strategy="decision", provider="openai-decisions", store=None)
    def ask(prompt: str, *, options: dict[str, Any] | None = None) -> Any:
        listed = [{"value": "a", "probability": sure}, {"value": "b", "probability": 1 - sure}]
        return {"answers": [{"type": "choice", "name": "q0", "choice": "a", "probabilities": listed}]}

    for number in range(CALLS):
        sure = draw.uniform(0.5, 1.0)
        outcome = ask.outcome(f"Ticket {number}")
        yield json.loads(confidence_text(outcome))["at"], [] if draw.random() < right(sure) else ["/team"]


def looks_of(seed: int, right: Right) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of calls and the calibration at each look."""
    calls = list(calls_of(seed, right))
    for n in range(LOOK, CALLS + 1, LOOK):
        yield n, calibration(calls[:n], ALPHA)


def truth(name: str, tenth: int) -> float:
    """Return the true share of right values in a tenth."""
    return tenth / 10 + 0.05 if name == "calibrated" else 0.5


def accepted(name: str, threshold: float) -> float:
    """Return the true share of wrong calls above a threshold."""
    return 1 - (1 + max(threshold, 0.5)) / 2 if name == "calibrated" else 0.5


def is_covered(name: str, found: dict[str, Any]) -> bool:
    """Return whether all bounds contain the truth."""
    error = 0.0 if name == "calibrated" else 0.25  # the mean distance of 0.5 from the tenths, at their middle
    tenths = all(one["lower"] <= truth(name, one["tenth"]) <= one["upper"] for one in found["tenths"])
    above = all(one["lower"] <= accepted(name, one["threshold"]) <= one["upper"] for one in found["above"])
    return tenths and above and found["error"]["lower"] <= error <= found["error"]["upper"]


def simulated(name: str, seeds: int) -> tuple[int, list[int]]:
    """Return how many seeds the bounds hold in at every look, and the looks at which an error is found."""
    held = 0
    detected: list[int] = []
    for seed in range(seeds):
        looks = list(looks_of(seed, MODELS[name]))
        held += all(is_covered(name, found) for _, found in looks)
        first = next((n for n, found in looks if found["error"]["lower"] > 0), None)
        detected += [] if first is None else [first]
    return held, sorted(detected)


def main() -> None:
    """Print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    began = time.process_time()
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}: python benchmarks/calibration_simulation.py --seeds {asked.seeds}",
        f"{CALLS:,} calls, read after every {LOOK}, {1 - ALPHA:.0%} confidence for all bounds and looks together",
    ]
    for name in MODELS:
        held, detected = simulated(name, asked.seeds)
        found = f"; found after {detected[len(detected) // 2]} calls (median)" if detected else ""
        lines.append(
            f"{name}: all bounds hold at every look in {held} of {asked.seeds} seeds; an error is proved in {len(detected)}{found}"
        )
    lines.append(f"{time.process_time() - began:.0f} s of CPU")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if asked.output is not None:
        asked.output.write_text(text)


if __name__ == "__main__":
    main()
