"""Whether a probe is right: on servers of which it is known what they do, and what it says of the local model.

    python benchmarks/probe.py [--runs 100] [--no-local] [--output benchmarks/results/FILE.txt]

Four kinds of servers on loopback are asked with other constants each time: they enforce schemas, ignore them, refuse them,
or enforce some. The last kind is there as a gateway before two servers of which one enforces, and by chance. Then a keyword
that is refused is planted at each place of each built-in schema, and looked for. Last, the local model is asked twice: with
a grammar of llguidance, as its provider has it, and the same server by `response_format`. Needs the extra local for that.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard import connect
from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.fitting.probe import probe_enforcement
from schema_guard.ext.fitting.probe.bisection import find_refused, most_requests
from schema_guard.ext.fitting.probe.keywords import probe_keywords
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.pointer import split
from schema_guard.stats import bounds
from schema_guard.testing import EnforcingModel, serve
from schema_guard.text import interval
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.models import Model

PLANTED = "uniqueItems"
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
    """Probe each kind of server, with other constants each time."""
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


def planted() -> Iterator[str]:
    """Plant a keyword at each place of the built-in schemas, one at a time, and look for it."""
    count = results = within = 0
    most: list[int] = []
    for entry in load_suite("small").schemas:
        document: Any = entry.schema.document
        for place in list(subschemas(document, "", "")):
            if not isinstance(place.schema, dict) or PLANTED in place.schema:
                continue
            with_it = deepcopy(document)
            at = with_it
            for step in split(place.location):
                at = at[int(step) if isinstance(at, list) else step]
            at[PLANTED] = True
            result = find_refused(with_it, lambda sent, own=document: (_is_taken(sent, own), "no"))
            count += 1
            text = result.refused
            results += text is not None and (text.location, text.keyword) == (place.location, PLANTED)
            within += result.requests <= most_requests(with_it)
            most.append(result.requests)
    yield f"a keyword planted at {count} places of the built-in schemas: found {results}"
    yield f"requests: {min(most)} to {max(most)}, within log2(keywords) + 5 in {within} of {count}"


def _is_taken(sent: Any, own: Any) -> bool:
    """Say whether a schema has the keyword no more often than the schema that it was planted into."""
    return _count(sent) <= _count(own)


def _count(document: Any) -> int:
    return sum(
        isinstance(place.schema, dict) and PLANTED in place.schema for place in subschemas(document, "", "")
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
    """Measure, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--no-local", action="store_true")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [f"probe, {datetime.now(UTC).date().isoformat()}", ""]
    for part in (verdicts(arguments.runs), planted(), () if arguments.no_local else local()):
        for line in part:
            print(line, flush=True)
            lines.append(line)
        lines.append("")
    if arguments.output is not None:
        arguments.output.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
