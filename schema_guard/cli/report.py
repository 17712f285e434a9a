# SPDX-License-Identifier: Apache-2.0
"""`report`: how often guarded functions fail."""

from __future__ import annotations

import click

from schema_guard.cli.options import print_json, readable, shared, since_of
from schema_guard.report import as_json, report_on
from schema_guard.report.as_text import as_text
from schema_guard.report.recorded import document_of


@click.command("report")
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only calls from then on: 2026-11-01, 2026-11-01T08:00, or 90m, 24h, 7d ago.",
)
@shared("store", "format", "debug")
def command(schema: str | None, function: str | None, since: str | None, store: str | None, form: str) -> int:
    """Show failure rates with bounds, what failed and where, tokens and seconds.

    \b
    schema-guard report
    schema-guard report --since 24h --function shop.extract_invoice
    schema-guard report --format json | jq '.configurations[].unhandled'
    """
    found = report_on(readable(store), since=since_of(since), schema=schema, function=function)
    if form == "json":
        print_json(as_json(found))
    else:
        print(as_text(document_of(found)))
    return 0
