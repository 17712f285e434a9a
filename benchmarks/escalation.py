"""Check whether the failures of two servers alone predict the failures of an escalation from one to the other.

    python benchmarks/escalation.py [--tasks 48] [--output benchmarks/results/FILE.txt]

The small model is the local one, with the schema and two examples in its prompt. The larger model has the same weights
behind a second server, with a grammar. Each gets every task alone, then both in an escalation: attempt 1 goes to the
small one, and attempt 2 of a failed call to the larger one. The calls that both fail alone predict the calls without a
valid value. The corrected prompt of attempt 2 differs from the first prompt, so the prediction is not exact. The script
needs the extra local.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard import About, connect, guard
from schema_guard.bench.suites.load import load_suite
from schema_guard.limits import Limits
from schema_guard.prompting import Example
from schema_guard.stats import bounds
from schema_guard.testing import serve
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard import Outcome

PRICES = {
    "small": {"p_in": 1.0, "p_cached": 1.0, "p_out": 1.0, "as_of": "2026-11-26"},
    "large": {"p_in": 10.0, "p_cached": 10.0, "p_out": 10.0, "as_of": "2026-11-26"},
}
WAYS = {"small": ["few_shot"], "large": ["strict_schema"], "small, then large": ["few_shot", "strict_schema"]}


def tasks(count: int) -> Iterator[tuple[Any, Any]]:
    """Yield *count* built-in tasks, from all schemas in turn."""
    entries = load_suite("small").schemas
    for at in range(count):
        entry = entries[at % len(entries)]
        result = entry.tasks_of("test")
        yield entry, result[at // len(entries) % len(result)]


def asked(models: list[Any], strategies: list[str], entry: Any, task: Any) -> Outcome[Any]:
    """Return the outcome of one task."""
    ask = guard(
        entry.schema,
        models=models,
        strategy=strategies,
        max_attempts=len(models),
        examples=[Example(example.gold, example.text) for example in entry.tasks_of("dev")[:2]],
        limits=Limits(output_tokens=task.output_tokens),
        about=About(prices=PRICES),
        on_failure="return",
        store=None,
    )(models[0])
    return ask.outcome(task.text)


def share(count: int, of: int) -> str:
    """Return a rate with its bounds as text."""
    result = bounds(count, of)
    return f"{count}/{of} ({percent(count / of)} {interval(result.lower, result.upper)})"


def lines(found: dict[str, list[Any]]) -> Iterator[str]:
    """Yield the lines of the result."""
    both = [not one.ok and not other.ok for one, other in zip(found["small"], found["large"], strict=True)]
    together = found["small, then large"]
    failed, n = sum(not one.ok for one in together), len(together)
    predicted = bounds(sum(both), n)
    yield f"escalation over two servers, {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"{n} tasks of the built-in schemas; small: few_shot; large: the same weights, strict_schema"
    yield ""
    for name in ("small", "large"):
        yield f"{name} alone fails {share(sum(not one.ok for one in found[name]), n)}"
    yield f"predicted: both fail {share(sum(both), n)}"
    yield f"realised: without a value {share(failed, n)}"
    stored = predicted.lower <= failed / n <= predicted.upper
    yield f"the realised rate is {'inside' if stored else 'OUTSIDE'} of the bounds that are predicted"
    yield ""
    yield "attempts        provider               adapted     n  tokens in/out         cost"
    ways = [(one.model, one.provider, one.adapted is not None) for call in together for one in call.attempts]
    for (model, provider, adapted), count in sorted(Counter(ways).items(), reverse=True):
        own = [
            a
            for call in together
            for a in call.attempts
            if (a.model, a.provider, a.adapted is not None) == (model, provider, adapted)
        ]
        used = f"{sum(a.usage.input_tokens or 0 for a in own):,}/{sum(a.usage.output_tokens or 0 for a in own):,}"
        cost = sum(a.cost or 0.0 for a in own)
        yield f"{model:15} {provider:20} {'yes' if adapted else 'no':8} {count:4}  {used:>13}  ${cost:.6f}"


def main() -> None:
    """Run the tasks, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=48)
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    results: dict[str, list[Any]] = {name: [] for name in WAYS}
    with connect("local") as local, serve(local) as first, serve(local) as second:
        small = connect(f"{first.openai_url}#small", provider="llamacpp-llguidance", key="k")
        large = connect(f"{second.openai_url}#large", provider="llamacpp-llguidance", key="k")
        models = {"small": [small], "large": [large], "small, then large": [small, large]}
        with small, large:
            for number, (entry, task) in enumerate(tasks(value.tasks), 1):
                for name, strategies in WAYS.items():
                    results[name].append(asked(models[name], strategies, entry, task))
                print(f"{number}/{value.tasks} {task.id}", file=sys.stderr, flush=True)
    text = "\n".join(lines(results)) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
