# SPDX-License-Identifier: Apache-2.0
"""`report`: how often guarded functions fail."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.forms import form_for, json_text, rendered, write_output
from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import WhichCalls, absent, build_command, readable, refuse, shared, takes
from schema_guard.extensions import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from schema_guard.records import Store
    from schema_guard.report.figures import By

_GROUPINGS = ("function", "segment", "model", "version")


@build_command("report")
@takes(which=WhichCalls)
@click.option(
    "--by",
    cls=Option,
    type=click.Choice(_GROUPINGS),
    default="function",
    help="Group of calls that each row of the report describes, such as one version or one model.",
)
@click.option(
    "--serve",
    "port",
    is_flag=False,
    flag_value=0,
    type=click.IntRange(0, 65535),
    metavar="[PORT]",
    help="Port of a local web page that shows the report and updates when the store changes. If you omit PORT, the command uses a free port. Press Ctrl-C to stop.",
)
@shared("output", "store", "pages")
def command(
    *,
    which: WhichCalls,
    by: By,
    port: int | None,
    output: str | None,
    store: str | None,
    form: str,
) -> int:
    """Show failure rates with confidence limits, the fields that fail, tokens, and durations.

    The function with the worst failure rate comes first. With -o, the file extension selects the
    format: .html, .json, .md, or .txt.

    \b
    Exit status:
      0  the report is shown, or no call is recorded yet
      2  wrong usage, or --store names a store that does not exist

    \b
    schema-guard report
    schema-guard report --function extract_invoice --since 24h --by version
    schema-guard report -o report.html
    schema-guard report --serve
    """
    chosen = form_for(output, form)
    records = readable(store)
    missing = absent(records, store)
    if missing is not None and store is not None:
        raise click.UsageError(missing)
    if port is not None:
        refuse("has no effect with --serve, which shows a page", ["form", "output"])
        serve: Callable[..., int] = load("option:--serve")
        return serve(records, {**asdict(which), "by": by}, port=port)
    if missing is not None:
        if chosen == "text" and output is None:
            print(missing)
            return 0
        note(missing)
    write_output(output, _report(records, which.named(), by, chosen, output))
    return 0


def _report(records: Store, which: dict[str, Any], by: By, form: str, output: str | None) -> str:
    """Return the report in a form."""
    from schema_guard.report import as_json, report_on
    from schema_guard.report.page import check_extra
    from schema_guard.report.store_document import document_of

    if form == "html":
        check_extra("--format html")
    found = report_on(records, **which, by=by, hours=form in ("json", "html"))

    def drawn() -> str:
        from schema_guard.report.report_page import report_page

        return report_page(found, records, **which)

    return rendered(
        form,
        lambda: document_of(found),
        as_json=lambda: json_text(as_json(found)),
        as_page=drawn,
        output=output,
    )
