# SPDX-License-Identifier: Apache-2.0
"""`report`: how often guarded functions fail."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import WhichCalls, print_json, readable, shared, since_of, takes
from schema_guard.errors import InvalidArgument
from schema_guard.ext.serving.live import LiveReport, chosen_in, query_of
from schema_guard.ext.serving.server import PageServer
from schema_guard.report import as_json, report_on
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.figures import GROUPINGS
from schema_guard.report.page import check_extra, page
from schema_guard.report.recorded import document_of
from schema_guard.report.trends import trends_of
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.records import Store
    from schema_guard.report.figures import By


@click.command("report")
@takes(which=WhichCalls)
@click.option(
    "--by", type=click.Choice(GROUPINGS), default="function", show_default=True, help="What a row is."
)
@click.option(
    "--serve",
    is_flag=True,
    help="Show it as a page that follows the store, on this machine only, until Ctrl-C.",
)
@click.option("--port", type=int, metavar="N", help="Of --serve; else a free one.")
@shared("store", "pages", "debug")
def command(which: WhichCalls, by: By, serve: bool, port: int | None, store: str | None, form: str) -> int:
    """Show failure rates with bounds, what failed and where, tokens and seconds: of each function, the worst first.

    \b
    schema-guard report
    schema-guard report --since 24h --function extract_invoice --by version
    schema-guard report --format json | jq '.groups[] | [.function, .unhandled.rate]'
    schema-guard report --format html > report.html
    schema-guard report --serve
    """
    if serve:
        if form != "text":
            raise click.UsageError(f"--serve gives a page: leave --format {form} out")
        return _serve(readable(store), query_of(**asdict(which), by=by), port or 0)
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


def _serve(store: Store, query: str, port: int) -> int:
    """Serve the page until the user ends it."""
    check_extra("--serve")
    page_of = LiveReport(store, _since)
    # What is asked for at first is checked here, where an error ends the command.
    page_of.report(chosen_in(query))
    with PageServer(page_of, port=port, start=query) as server:
        print(
            f"{safe(store.url)} at {server.url}\nfor whoever has this address on this machine; Ctrl-C ends it",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _since(text: str) -> float | None:
    try:
        return since_of(text)
    except click.UsageError as error:
        raise InvalidArgument(error.message) from error
