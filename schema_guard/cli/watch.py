# SPDX-License-Identifier: Apache-2.0
"""`watch`: has a failure rate risen?"""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.options import WhichCalls, build_command, existing, print_json, shared, takes
from schema_guard.cli.shared.quantities import DURATION, Share
from schema_guard.text import safe


@build_command("watch")
@click.option(
    "--max-failure-rate",
    cls=Option,
    type=Share(is_open=True),
    required=True,
    metavar="RATE",
    help="Largest failure rate that is good enough, such as 1%.",
)
@click.option(
    "--max-p95",
    cls=Option,
    type=DURATION,
    metavar="DURATION",
    help="Time within which 95% of the calls must end, such as 2.5s. Default: no limit.",
)
@click.option(
    "--time-zone",
    cls=Option,
    metavar="ZONE",
    help="Time zone of the weeks in which failures can have a pattern, such as Europe/Berlin. Default: UTC.",
)
@takes(which=WhichCalls)
@shared("store", "format")
def command(
    max_failure_rate: float,
    max_p95: float | None,
    time_zone: str | None,
    which: WhichCalls,
    store: str | None,
    form: str,
) -> int:
    """Exit 1 if a failure rate in production is too high or has risen.

    Prints one line for each function, the worst first, and sends nothing. Use it in cron or CI.

    \b
    BREACH     a rate is above --max-failure-rate, or has risen and may stay above it
    UNKNOWN    too many calls raised an exception that nobody explains
    UNDECIDED  the calls so far prove nothing
    OK         all rates are proved to be below

    \b
    Exit status:
      0  OK or UNDECIDED
      1  BREACH or UNKNOWN
      2  nothing was checked: there is no store, no call, or wrong usage

    \b
    schema-guard watch --max-failure-rate 1%
    schema-guard watch --max-failure-rate 1% --max-p95 2.5s --since 7d
    schema-guard watch --max-failure-rate 0.5% --function extract_invoice
    """
    from schema_guard.decide.watch import watch

    records = existing(store)
    aims = {"latency_p95_s": max_p95, "time_zone": time_zone}
    asked = {name: value for name, value in aims.items() if value is not None}
    watched = watch(records, max_failure_rate, **which.named(), extra={"config": asked})
    if form == "json":
        from schema_guard.report import as_json

        print_json({"slo": max_failure_rate, "watched": as_json(watched)})
    else:
        from schema_guard.report.as_text import as_text
        from schema_guard.report.watch_document import by_function, document_of

        # One line a function. The other forms list all of its configurations.
        for function in by_function(watched):
            print(as_text(document_of(function, max_failure_rate)._replace(sections=())))
    if not all(one.is_fine for one in watched):
        return 1
    if not any(one.n for one in watched):
        where = safe(records.url)
        raise click.UsageError(
            f"nothing was checked: no validated call is recorded in {where}"
            if which.are_all
            else f"nothing was checked: no validated call in {where} fits these filters"
        )
    return 0
