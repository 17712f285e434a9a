# SPDX-License-Identifier: Apache-2.0
"""`watch`: has a failure rate risen?"""

from __future__ import annotations

import click

from schema_guard.cli.shared.options import WhichCalls, print_json, readable, shared, takes
from schema_guard.decide.watch import watch
from schema_guard.report import as_json
from schema_guard.report.as_text import as_text
from schema_guard.report.watched import by_function, document_of


@click.command("watch")
@click.option(
    "--slo", type=float, required=True, metavar="RATE", help="The largest unhandled rate that is good enough."
)
@click.option(
    "--latency-p95", type=float, metavar="SECONDS", help="Seconds within which 95 % of the calls must end."
)
@takes(which=WhichCalls)
@shared("store", "format", "debug")
def command(slo: float, latency_p95: float | None, which: WhichCalls, store: str | None, form: str) -> int:
    """Say in one line whether something in production is proved to be wrong, as `decide` says it; exit 1 if so.

    A line for each function, the worst first. BREACH: a rate is above --slo, or has risen and may stay above it. UNKNOWN,
    exit 1 too: calls raised what nobody explains, 5 or more and more than --slo of all. OK: all rates are proved to be
    below. UNDECIDED: neither. For cron and CI: nothing is sent anywhere.

    \b
    schema-guard watch --slo 0.01 --since 7d
    """
    asked = {} if latency_p95 is None else {"latency_p95_s": latency_p95}
    watched = watch(readable(store), slo, **which.named(), given={"config": asked})
    if form == "json":
        print_json({"slo": slo, "watched": as_json(watched)})
    else:
        # One line a function: the configurations that are not its worst are in the other forms.
        for function in by_function(watched) or [[]]:
            print(as_text(document_of(function, slo)._replace(sections=())))
    return 0 if all(one.is_fine for one in watched) else 1
