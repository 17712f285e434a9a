"""Run constrained-decoding engines on real schemas: the valid and invalid instances that each accepts, and its cost.

    python benchmarks/engines.py [--suite FILE]... [--engine NAME]... [--every 1] [--seconds 20] [--gibibytes 4]
        [--output benchmarks/results/FILE.json]

The script reads maskbench.jsonl and jsonschemabench.jsonl in the folder that SCHEMA_GUARD_CORPORA names, or the suites
of --suite. It cuts texts into the tokens of the local model, which it downloads if necessary (98 MB). --every 10 takes
each tenth schema. Engines that are not installed are reported and omitted: pip install 'schema-guard[engines]', and
separately xgrammar, which requires torch.

With --output, a text file is written beside the JSON, which names the schemas that each engine does not support.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks import (
    ENGINES,
    EngineLimits,
    document_of,
    engines_as_json,
    engines_of,
    run_engines,
)
from benchmarks.engine_checks.suite import engine_suite
from schema_guard.models import local_weights
from schema_guard.report.as_text import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.engine_checks import EngineResult, EnginesResult, Progress

FILES = ("maskbench.jsonl", "jsonschemabench.jsonl")
SHOWN_EVERY_S = 10.0


def shower() -> Callable[[Progress], None]:
    """Return a function that prints the progress of an engine on stderr every ten seconds."""
    told = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= SHOWN_EVERY_S:
            told = time.monotonic()
            print(f"{progress.engine}: {progress.number} of {progress.schemas} schemas", file=sys.stderr)

    return show


def kept(engine: EngineResult) -> dict[str, Any]:
    """Return the names of the schemas that one engine does not support, instead of the results of all schemas."""
    return {
        "unsound": [each.schema for each in engine.checked if each.is_under_constrained],
        "narrowed": [each.schema for each in engine.checked if each.is_over_constrained],
        "not_judged": {each.schema: each.state for each in engine.checked if each.state != "judged"},
    }


def summary(result: EnginesResult) -> dict[str, Any]:
    """Return a result without the results of single schemas, which take a megabyte."""
    plain: dict[str, Any] = engines_as_json(
        replace(result, engines=tuple(replace(engine, checked=()) for engine in result.engines))
    )
    for row, engine in zip(plain["engines"], result.engines, strict=True):
        row["checked"] = kept(engine)
    return plain


def asked() -> argparse.Namespace:
    """Read the command line, and report its errors before the run, which takes hours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", action="append", help="a suite's folder or file, or 'small'")
    parser.add_argument("--engine", action="append", choices=[engine.name for engine in ENGINES])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=EngineLimits().schema_s)
    parser.add_argument("--gibibytes", type=float, default=EngineLimits().memory_bytes / 2**30)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if not arguments.suite and not os.environ.get("SCHEMA_GUARD_CORPORA"):
        parser.error(
            "no suite: set SCHEMA_GUARD_CORPORA to the folder that holds them, or name one with --suite"
        )
    if arguments.every < 1:
        parser.error(f"--every {arguments.every}: expected an int >= 1")
    output = arguments.output
    if output is not None and (output.suffix == ".txt" or not output.parent.is_dir()):
        parser.error(f"--output {output}: expected FILE.json in a folder that is there")
    return arguments


def main() -> int:
    """Measure, print, and write the results if requested."""
    arguments = asked()
    output = arguments.output
    suites = arguments.suite or [str(Path(os.environ["SCHEMA_GUARD_CORPORA"]) / name) for name in FILES]
    limits = EngineLimits(schema_s=arguments.seconds, memory_bytes=int(arguments.gibibytes * 2**30))
    weights = local_weights(report=lambda line: print(line, file=sys.stderr))
    results = []
    for path in suites:
        suite = engine_suite(Path(path))
        part = replace(suite, schemas=suite.schemas[:: arguments.every])
        engines = engines_of(arguments.engine)
        results.append(run_engines(part, engines, weights=weights, limits=limits, on_schema=shower()))
    text = "\n\n\n".join(as_text(document_of(result)) for result in results) + "\n"
    print(text, end="")
    if output is not None:
        written = {
            "command": shlex.join(["python", "benchmarks/engines.py", *sys.argv[1:]]),
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "results": [summary(result) for result in results],
        }
        output.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        output.with_suffix(".txt").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
