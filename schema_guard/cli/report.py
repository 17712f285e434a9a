# SPDX-License-Identifier: Apache-2.0
"""`report`: how often guarded functions fail."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import WhichCalls, print_json, readable, shared, takes
from schema_guard.extensions import load
from schema_guard.report import as_json, report_on
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.figures import GROUPINGS
from schema_guard.report.page import check_extra, page
from schema_guard.report.recorded import document_of
from schema_guard.report.trends import trends_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.report.figures import By


@click.command("report")
@takes(which=WhichCalls)
@click.option(
    "--by", type=click.Choice(GROUPINGS), default="function", show_default=True, help="What a row is."
)
@click.option(
    "--serve",
    "is_served",
    is_flag=True,
    help="Show it as a page that follows the store, on this machine only, until Ctrl-C.",
)
@click.option("--port", type=int, metavar="N", help="Of --serve; else a free one.")
@shared("store", "pages", "debug")
def command(
    which: WhichCalls, by: By, is_served: bool, port: int | None, store: str | None, form: str
) -> int:
    """Show failure rates with bounds, what failed and where, tokens and seconds: of each function, the worst first.

    \b
    schema-guard report
    schema-guard report --since 24h --function extract_invoice --by version
    schema-guard report --format json | jq '.groups[] | [.function, .unhandled.rate]'
    schema-guard report --format html > report.html
    schema-guard report --serve
    """
    if is_served:
        if form != "text":
            raise click.UsageError(f"--serve gives a page: leave --format {form} out")
        serve: Callable[..., int] = load("option:--serve")
        return serve(readable(store), {**asdict(which), "by": by}, port=port or 0)
    if port is not None:
        raise click.UsageError("--port goes with --serve")
    has_hours = form in ("json", "html")
    if form == "html":
        check_extra("--format html")
    found = report_on(readable(store), **which.named(), by=by, hours=has_hours)
    if form == "json":
        print_json(as_json(found))
    elif form == "html":
        print(page(document_of(found), plots=trends_of(found)))
    else:
        print({"text": as_text, "markdown": as_markdown}[form](document_of(found)))
    return 0
