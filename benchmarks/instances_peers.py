"""Compare instances drawn from real schemas by schema_guard.testing.instances and by hypothesis-jsonschema.

    python benchmarks/instances_peers.py [--examples 100] [--peer-examples 3] [--peer-every 4] [--seconds 5]
        [--peer-site FOLDER] [--output benchmarks/results/FILE.json]

The script reads jsonschemabench.jsonl in the folder that SCHEMA_GUARD_CORPORA names. hypothesis-jsonschema 0.23.1, its
last release, uses a removed part of Hypothesis. --peer-site names a folder with an older Hypothesis
(`pip install --target FOLDER --no-deps hypothesis==6.120.0 hypothesis-jsonschema==0.23.1`).

schema_guard draws from each schema --examples times. Both libraries draw from each --peer-every-th schema
--peer-examples times, because the other library takes an hour for all of them. Hypothesis' health checks are on. A
process that takes longer than --seconds for one schema is ended. A schema counts as drawn if every value is valid by
jsonschema-rs with formats asserted, and no error occurred. Otherwise, the first reason is stored. Times are for one
example, including the construction of the strategy and Hypothesis' own work.

With --output, a text file is written beside the JSON. The exit status is 1 if schema_guard draws from fewer than 98% of
jsonschemabench.jsonl, or if the median example takes more than 5 ms.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import sys
import time
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

FILE = "jsonschemabench.jsonl"
PEER = "hypothesis-jsonschema"
LEAST_DRAWN = 0.98
MOST_MS = 5.0


class Drawn(NamedTuple):
    """The result of one schema: the reason why it was not drawn, or None, and milliseconds per example."""

    reason: str | None
    ms: float


def strategy_of(library: str, document: Any) -> Any:
    """Return a library's strategy for a schema."""
    if library == PEER:
        from hypothesis_jsonschema import from_schema

        return from_schema(document)
    from schema_guard.testing import instances

    return instances(document)


def draw(library: str, document: Any, examples: int) -> Drawn:
    """Draw from one schema."""
    # Imported now, so that each library finds its own Hypothesis on the path that was set before.
    from hypothesis import Phase, given, settings

    schema = Schema.of(document)
    count = invalid = 0
    start = time.perf_counter()

    def check(value: Any) -> None:
        nonlocal count, invalid
        count += 1
        invalid += not schema.is_valid(value)

    run = settings(
        max_examples=examples, database=None, derandomize=True, deadline=None, phases=[Phase.generate]
    )
    try:
        run(given(strategy_of(library, document))(check))()
    except Exception as error:  # noqa: BLE001 - whatever a library raises is its reason
        return Drawn(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200], 0.0)
    ms = 1_000 * (time.perf_counter() - start) / max(count, 1)
    return Drawn(f"{invalid} of {count} values are invalid" if invalid else None, ms)


def serve(library: str, examples: int, site: Path | None, connection: Connection) -> None:
    """Draw from each schema that comes through a connection, and send the result."""
    if site is not None:
        sys.path.insert(0, str(site))
    warnings.simplefilter("ignore")
    while True:
        connection.send(draw(library, connection.recv(), examples))


def drawn(
    library: str, documents: list[Any], examples: int, seconds: float, site: Path | None
) -> Iterator[Drawn]:
    """Draw from all schemas, in a process that restarts if one takes too long."""
    process = connection = None
    for document in documents:
        if process is None or connection is None:
            # A new interpreter, so that each library imports its own Hypothesis.
            fresh = multiprocessing.get_context("spawn")
            connection, other = fresh.Pipe()
            process = fresh.Process(target=serve, args=(library, examples, site, other), daemon=True)
            process.start()
        connection.send(document)
        if connection.poll(seconds):
            yield connection.recv()
        else:
            process.kill()
            process = connection = None
            yield Drawn(f"took more than {seconds:g} s", 0.0)
    if process is not None:
        process.kill()


def row(library: str, examples: int, rows: list[dict[str, Any]], results: list[Drawn]) -> dict[str, Any]:
    """Return the figures of one library."""
    times = sorted(result.ms for result in results if result.reason is None)
    return {
        "library": library,
        "examples": examples,
        "schemas": len(rows),
        "drawn": len(times),
        "median_ms": median(times) if times else None,
        "p95_ms": times[int(0.95 * len(times))] if times else None,
        "not_drawn": {
            each["id"]: result.reason
            for each, result in zip(rows, results, strict=True)
            if result.reason is not None
        },
    }


def versions_in(site: Path | None) -> dict[str, str]:
    """Return the versions of the other library and of its Hypothesis."""
    path = [str(site), *sys.path] if site is not None else sys.path
    results: dict[str, str] = {}
    for name in (PEER, "hypothesis"):
        one = next(iter(importlib.metadata.distributions(name=name, path=path)), None)
        results[name] = one.version if one else "not installed"
    return results


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text."""
    lines = [
        f"{FILE}, health checks on, every value judged by jsonschema-rs with formats",
        "",
        f"{'library':<22} {'examples':>8} {'drawn':>11} {'share':>7} {'median':>9} {'95th':>9}",
    ]
    lines += [
        f"{each['library']:<22} {each['examples']:>8} {each['drawn']:>5} / {each['schemas']:<3}"
        f" {each['drawn'] / each['schemas']:>7.1%} {each['median_ms'] or 0:>6.2f} ms {each['p95_ms'] or 0:>6.1f} ms"
        for each in rows
    ]
    for each in rows:
        lines += ["", f"not drawn by {each['library']} in {each['examples']} examples:"]
        named = each["library"] == "schema_guard"
        lines += _reasons(each["not_drawn"], by_name=named) or ["  none"]
    return "\n".join(lines) + "\n"


def _reasons(reasons: dict[str, str], *, by_name: bool) -> list[str]:
    if by_name:
        return [f"  {name}: {reason}" for name, reason in reasons.items()]
    count = Counter(
        "values are invalid" if "invalid" in why else why.partition(":")[0] for why in reasons.values()
    )
    return [f"  {number:>4}  {why}" for why, number in count.most_common()]


def main(write: Callable[[str], Any] = sys.stdout.write) -> int:
    """Draw, print a table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--peer-examples", type=int, default=3)
    parser.add_argument("--peer-every", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--peer-site", type=Path, help="a folder with hypothesis-jsonschema and its Hypothesis"
    )
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    folder = Path(os.environ["SCHEMA_GUARD_CORPORA"])
    results = []
    schemas = [json.loads(line) for line in (folder / FILE).read_text(encoding="utf-8").splitlines()]
    plans = (
        ("schema_guard", arguments.examples, 1, None),
        ("schema_guard", arguments.peer_examples, arguments.peer_every, None),
        (PEER, arguments.peer_examples, arguments.peer_every, arguments.peer_site),
    )
    for library, examples, every, site in plans:
        part = schemas[::every]
        documents = [each["schema"] for each in part]
        items = list(drawn(library, documents, examples, arguments.seconds, site))
        results.append(row(library, examples, part, items))
    text = table(results)
    write(text)
    if arguments.output is not None:
        command = (
            f"python benchmarks/instances_peers.py --examples {arguments.examples} --peer-examples"
            f" {arguments.peer_examples} --peer-every {arguments.peer_every} --seconds {arguments.seconds:g}"
        )
        result = {
            "command": command,
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "hypothesis": importlib.metadata.version("hypothesis"),
            "peer": versions_in(arguments.peer_site),
            "rows": results,
        }
        arguments.output.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(text, encoding="utf-8")
    own = results[0]
    return 0 if own["drawn"] >= LEAST_DRAWN * own["schemas"] and own["median_ms"] <= MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
