# SPDX-License-Identifier: Apache-2.0
"""`bench engines`: what constrained-decoding engines really enforce."""

from __future__ import annotations

import json
from pathlib import Path

import click

from schema_guard.bench.engines import (
    EngineLimits,
    document_of,
    engines_as_json,
    engines_of,
    run_engines,
)
from schema_guard.cli.bench.compare import print_found
from schema_guard.cli.bench.options import SuiteOptions
from schema_guard.cli.shared.options import shared, takes
from schema_guard.cli.shared.progress import progress
from schema_guard.models import local_weights


@click.command("engines")
@takes(suite=SuiteOptions)
@click.option(
    "--engine", "names", multiple=True, metavar="NAME", help="Only this one; several times. All without it."
)
@click.option(
    "--max-seconds", type=float, default=20.0, show_default=True, help="For one schema in one engine."
)
@click.option(
    "--max-memory", type=float, default=4.0, show_default=True, metavar="GIB", help="Of an engine's process."
)
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
)
@shared("markdown", "debug")
def command(
    suite: SuiteOptions,
    names: tuple[str, ...],
    max_seconds: float,
    max_memory: float,
    output: str | None,
    form: str,
) -> int:
    """Say which engine enforces which schema of SUITE: compiles it, accepts what is valid, rejects what is not.

    \b
    schema-guard bench engines
    schema-guard bench engines maskbench.jsonl --engine llguidance --engine xgrammar
    """
    loaded = suite.load()
    chosen = engines_of(names or None)
    limits = EngineLimits(schema_s=max_seconds, memory_bytes=int(max_memory * 2**30))
    with progress(len(loaded.schemas), "not supported") as on_call:
        found = run_engines(
            loaded,
            chosen,
            weights=local_weights(),
            limits=limits,
            on_schema=lambda one: on_call(one.engine, one.checked.is_supported is not False),
        )
    if output is not None:
        Path(output).write_text(json.dumps(engines_as_json(found), indent=1) + "\n", encoding="utf-8")
    print_found(form, found, engines_as_json, document_of)
    return 0
