"""Check a probe on servers with known behavior, and print its verdict on the local model.

    python benchmarks/probe.py [--runs 100] [--no-local] [--output benchmarks/results/FILE.txt]

The script probes four kinds of servers on loopback, with other constants in each run. They enforce schemas, ignore
them, refuse them, or enforce some. The last kind has two variants: a gateway before two servers of which one enforces,
and a server that enforces at random. Then the script probes the local model twice: with a grammar of llguidance, like
its provider, and with `response_format` on the same server. This part needs the extra local.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard import connect
from schema_guard.ext.fitting.probe import probe_enforcement
from schema_guard.ext.fitting.probe.keywords import probe_keywords
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.stats import bounds
from schema_guard.testing import serve
from schema_guard.text import interval
from tests.enforcing_model import EnforcingModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.models import Model

KINDS: tuple[tuple[str, str, int, Callable[[int], EnforcingModel]], ...] = (
    ("enforces", "enforced", 3, lambda seed: EnforcingModel(seed=seed)),
    ("ignores", "ignored", 3, lambda seed: EnforcingModel(holds=0, seed=seed)),
    ("refuses", "refused", 3, lambda seed: EnforcingModel(refuses=["type"], seed=seed)),
    (
        "every second",
        "sometimes",
        3,
        lambda seed: EnforcingModel(holds=lambda at: at % 2 == seed % 2, seed=seed),
    ),
    ("half, by chance", "sometimes", 12, lambda seed: EnforcingModel(holds=0.5, seed=seed)),
    ("half, by chance", "sometimes", 3, lambda seed: EnforcingModel(holds=0.5, seed=seed)),
)


def verdicts(runs: int) -> Iterator[str]:
    """Probe each kind of server, with other constants in each run."""
    yield f"{'server':16} {'requests':>8}  right"
    for name, right, requests, made in KINDS:
        counts: Counter[str] = Counter()
        for seed in range(runs):
            with serve(made(seed)) as server, connect(f"{server.openai_url}#m") as model:
                counts[probe_enforcement(model, requests=requests, seed=seed).verdict] += 1
        wrong = {verdict: count for verdict, count in counts.items() if verdict != right}
        text = bounds(counts[right], runs)
        yield (
            f"{name:16} {requests:8}  {counts[right]} of {runs} {interval(text.lower, text.upper)}"
            + (f"; else {wrong}" if wrong else "")
        )


def local() -> Iterator[str]:
    """Probe the local model in two ways."""
    with connect("local") as model:
        yield f"the local model, {model.name}"
        yield from _told("a grammar (provider llamacpp-llguidance)", model)
        keywords = probe_keywords(model)
        judged = [one for one in keywords if one.agrees is not None]
        yield f"  keywords: {sum(bool(one.agrees) for one in judged)} of {len(judged)} as the rules say"
        for one in keywords:
            if not one.agrees:
                yield f"    {one.keyword}: {one.does or one.answer.did}, and the rules say {one.says}"
        plain = OpenAIModel(model.name, model.endpoint, provider="llamacpp", defaults={"temperature": 0})
        yield from _told("the same server by response_format (provider llamacpp)", plain)
        plain.close()


def _told(name: str, model: Model) -> Iterator[str]:
    result = probe_enforcement(model, requests=12, seed=0)
    yield f"  {name}: {result.verdict}, {result.counts['kept']} of {result.judged} requests"
    yield f"    by keyword: {', '.join(f'{word} {stored} of {n}' for word, (stored, n) in result.by_keyword.items())}"


def main() -> int:
    """Measure, print, and write the results if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--no-local", action="store_true")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [f"probe, {datetime.now(UTC).date().isoformat()}", ""]
    for part in (verdicts(arguments.runs), () if arguments.no_local else local()):
        for line in part:
            print(line, flush=True)
            lines.append(line)
        lines.append("")
    if arguments.output is not None:
        arguments.output.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
