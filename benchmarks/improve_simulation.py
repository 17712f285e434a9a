"""Find planted weaknesses of scripted models: python benchmarks/improve_simulation.py [--seeds 100] [--output FILE].

Each model answers an order, and fails in one way unless the prompt says something about it. The right candidate must win
the race and be proved. A model that no prompt helps must be proved better by none.
"""

import argparse
import json
import random
import re
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from schema_guard import Schema
from schema_guard.ext.improve.run import improve
from schema_guard.ext.improve.values import (
    ImproveInput,
    ImproveResult,
    ImproveSettings,
    ImproveTask,
    PromptInUse,
)
from schema_guard.models.scripted import ScriptedModel

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "priority": {"enum": ["low", "normal", "high"]},
            "due": {"type": "string", "format": "date"},
            "reason": {"type": "string", "maxLength": 80},
            "reference": {"type": "string"},
        },
        "required": ["priority", "due", "reason", "reference"],
        "additionalProperties": False,
    }
)
_RIGHT = {"priority": "high", "due": "2026-03-14", "reason": "The customer asked.", "reference": "none"}
_WRONG = {
    "enum": {**_RIGHT, "priority": "urgent"},
    "date": {**_RIGHT, "due": "14 March 2026"},
    "field": {key: part for key, part in _RIGHT.items() if key != "reference"},
    "order": {**_RIGHT, "reason": "x" * 200},
    "no prompt helps": {**_RIGHT, "priority": "urgent"},
}
# The text in a prompt with which a model fails less.
_HELPED = {
    "enum": lambda text: '"priority" is one of' in text,
    "date": lambda text: "YYYY-MM-DD" in text,
    "field": lambda text: "always has the keys" in text,
    "order": lambda text: 0 < text.find('"reason":{') < text.find('"priority":{'),
    "no prompt helps": lambda text: False,
}
# The candidates that say it.
_RIGHT_CANDIDATES = {
    "enum": re.compile("sentence|descriptions"),
    "date": re.compile("sentence|descriptions|words"),
    "field": re.compile("sentence"),
    "order": re.compile("key order"),
}
_FAILS, _STILL_FAILS = 0.4, 0.05
_INPUTS = 180


class PlantedModel(ScriptedModel):
    """A model with one weakness. Its reply depends only on the seed and the prompt."""

    def __init__(self, weakness: str, seed: int) -> None:
        super().__init__([], name="planted")
        self._weakness, self._seed = weakness, seed

    async def acall(self, prompt: Any, *, options: Any = None) -> str:
        """Return the reply of this seed to a prompt."""
        text = prompt if isinstance(prompt, str) else "\n".join(str(one["content"]) for one in prompt)
        rate = _STILL_FAILS if _HELPED[self._weakness](text) else _FAILS
        is_wrong = random.Random(f"{self._seed} {text}").random() < rate
        return json.dumps(_WRONG[self._weakness] if is_wrong else _RIGHT)


def improved(weakness: str, seed: int) -> ImproveResult:
    """Improve the prompt of a model with a weakness."""
    inputs = tuple(ImproveInput(f"Order {seed * 1000 + at}: {_text(seed, at)}") for at in range(_INPUTS))
    with tempfile.TemporaryDirectory() as folder:
        task = ImproveTask(
            schema=ORDER,
            inputs=inputs,
            model=PlantedModel(weakness, seed),
            folder=Path(folder),
            prompt=PromptInUse(),
        )
        return improve(task, ImproveSettings(seed=seed))


def _text(seed: int, at: int) -> str:
    return " ".join(
        random.Random(f"{seed} {at}").choices(
            ["we", "need", "it", "soon", "please", "send", "more", "boxes", "to", "the", "yard"], k=12
        )
    )


def simulated(weakness: str, seeds: int) -> dict:
    """Improve the prompts of a model with each seed, and count."""
    winners: Counter[str] = Counter()
    found = proved = calls = 0
    for seed in range(seeds):
        result = improved(weakness, seed)
        calls += result.calls
        name = result.winner.name if result.winner and result.is_proved else "nothing proved"
        winners[name] += 1
        proved += result.is_proved
        right = _RIGHT_CANDIDATES.get(weakness)
        found += bool(result.is_proved and right and right.search(name))
    return {
        "weakness": weakness,
        "seeds": seeds,
        "proved": proved,
        "right": found,
        "calls": calls / seeds,
        "winners": dict(winners.most_common()),
    }


def main() -> None:
    """Simulate each weakness."""
    parser = argparse.ArgumentParser(description="Find planted weaknesses of scripted models.")
    parser.add_argument("--seeds", type=int, default=100, help="Seeds of each weakness. Default: 100.")
    parser.add_argument("--output", type=Path, help="Text file for the result. Default: none.")
    options = parser.parse_args()
    began = perf_counter()
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}: python {' '.join(sys.argv)}",
        f"{_INPUTS} inputs; the prompt in use fails on {_FAILS:.0%}, a prompt that answers the weakness on {_STILL_FAILS:.0%}",
    ]
    for weakness in _WRONG:
        row = simulated(weakness, options.seeds)
        right = "" if weakness not in _RIGHT_CANDIDATES else f"right candidate proved {row['right']}, "
        lines.append(
            f"{weakness}: {right}proved {row['proved']} of {row['seeds']}, {row['calls']:.0f} calls; "
            + ", ".join(f"{name} {n}" for name, n in row["winners"].items())
        )
        print(lines[-1], flush=True)
    lines.append(f"{perf_counter() - began:.0f} s")
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
