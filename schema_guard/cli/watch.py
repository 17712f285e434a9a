# SPDX-License-Identifier: Apache-2.0
"""`watch`: has a failure rate risen?"""

from __future__ import annotations

import click

from schema_guard.cli.options import WhichCalls, print_json, readable, shared, takes
from schema_guard.decide.watch import watch
from schema_guard.report import as_json
from schema_guard.report.as_text import as_text
from schema_guard.report.watched import by_function, document_of


@click.command("watch")
@click.option(
    "--slo", type=float, required=True, metavar="RATE", help="The largest unhandled rate that is good enough."
)
@takes(which=WhichCalls)
@shared("store", "format", "debug")
def command(slo: float, which: WhichCalls, store: str | None, form: str) -> int:
    """Say in one line whether a function's unhandled rate is proved to be above --slo, or has risen; exit 1 if so.

    A line for each function, the worst first: BREACH, UNKNOWN (exit 1 too: calls raised what nobody explains, 5 or
    more and more than --slo of all) or OK. For cron and CI: nothing is sent anywhere.

    \b
    schema-guard watch --slo 0.01 --since 7d
    """
    watched = watch(readable(store), slo, **which.named())
    if form == "json":
        print_json({"slo": slo, "watched": as_json(watched)})
    else:
        # One line a function: the configurations that are not its worst are in the other forms.
        for function in by_function(watched) or [[]]:
            print(as_text(document_of(function, slo)._replace(sections=())))
    return 0 if all(one.is_fine for one in watched) else 1
