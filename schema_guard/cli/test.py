# SPDX-License-Identifier: Apache-2.0
"""`test`: do the library's laws hold for a schema?"""

from __future__ import annotations

from pathlib import Path

import click

from schema_guard.cli.shared.options import print_json, shared
from schema_guard.errors import missing_extra
from schema_guard.report import as_json
from schema_guard.report.as_text import as_text
from schema_guard.schema import Schema


@click.command("test")
@click.argument("schema", type=click.Path())
@click.option(
    "--examples", type=click.IntRange(min=1), default=100, show_default=True, help="Draws for each law."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@shared("format", "debug")
def command(schema: str, examples: int, seed: int, form: str) -> int:
    """Try on SCHEMA the laws that must hold for every schema, with drawn instances and replies; exit 1 if one fails.

    \b
    schema-guard test invoice.schema.json
    schema-guard test invoice.schema.json --examples 2000 --format json
    """
    try:
        from schema_guard.testing.laws import document_of, try_laws  # needs the extra 'testing'
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise missing_extra("schema-guard test", "hypothesis", "testing") from error
    loaded = Schema.of(Path(schema))
    tried = list(try_laws(loaded, examples=examples, seed=seed))
    if form == "json":
        print_json({"schema": loaded.name, "fingerprint": loaded.fingerprint, "laws": as_json(tried)})
    else:
        print(as_text(document_of(loaded, tried)))
    return 1 if any(one.held is False for one in tried) else 0
