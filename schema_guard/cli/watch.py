# SPDX-License-Identifier: Apache-2.0
"""`watch`: has a failure rate risen?"""

from __future__ import annotations

import click

from schema_guard.cli.options import print_json, readable, shared, since_of
from schema_guard.decide.watch import watch
from schema_guard.report import as_json
from schema_guard.report.as_text import as_text
from schema_guard.report.watched import document_of


@click.command("watch")
@click.option(
    "--slo", type=float, required=True, metavar="RATE", help="The largest unhandled rate that is good enough."
)
@click.option("--schema", metavar="NAME", help="Only this schema, by name or fingerprint.")
@click.option("--function", metavar="NAME", help="Only this function.")
@click.option("--since", metavar="TIME", help="Only calls from then on, as in `report`.")
@shared("store", "format", "debug")
def command(
    slo: float, schema: str | None, function: str | None, since: str | None, store: str | None, form: str
) -> int:
    """Say in one line whether a function's unhandled rate is proved to be above --slo, or has risen; exit 1 if so.

    For cron and CI: nothing is sent anywhere.

    \b
    schema-guard watch --slo 0.01 --since 7d
    """
    watched = watch(readable(store), slo, schema=schema, function=function, since=since_of(since))
    if form == "json":
        print_json({"slo": slo, "watched": as_json(watched)})
    else:
        # One line: the configurations that are not the worst are in the other forms.
        print(as_text(document_of(watched, slo)._replace(sections=())))
    return 0 if all(one.is_fine for one in watched) else 1
