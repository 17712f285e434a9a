# SPDX-License-Identifier: Apache-2.0
"""`watch`: has a failure rate risen?"""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import (
    WhichCalls,
    absent,
    build_command,
    common,
    option,
    print_json,
    readable,
    shared,
    takes,
)
from schema_guard.cli.shared.quantities import RATE
from schema_guard.cli.shared.repeated import aims_of
from schema_guard.extensions import load
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.decide.watch import Watched
    from schema_guard.records import Store


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """The other aims, and how the functions share the error probability."""

    min_right: float | None = common("min_right")
    max_p95: float | None = common("max_p95")
    time_zone: str | None = common("time_zone", advanced=True)
    priority: str | None = common("priority", advanced=True)
    notify: str | None = option(
        metavar="URL",
        envvar="SCHEMA_GUARD_NOTIFY",
        help="URL of a webhook, for example in Slack, to which the command posts each new BREACH. Default: no message.",
    )
    allow_empty: bool = option(
        help="Exit with status 0 if the store, the function, or its calls don't exist yet. Use this option in CI until your program records its first calls.",
    )


@build_command("watch")
@click.option(
    "--max-failure-rate",
    cls=Option,
    type=RATE,
    required=True,
    setting="max_failure_rate",
    metavar="RATE",
    help="Highest acceptable failure rate, such as 1%. Default: `max_failure_rate` in pyproject.toml.",
)
@takes(asked=WatchOptions, which=WhichCalls)
@shared("store")
@click.option(
    "--format",
    "form",
    cls=Option,
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    help="Format of the result. CI systems can read JUnit files.",
)
def command(
    *,
    max_failure_rate: float,
    asked: WatchOptions,
    which: WhichCalls,
    store: str | None,
    form: str,
) -> int:
    """Check whether a failure rate in production is too high or has risen.

    The command prints one line for each function and schema, the worst first. It sends messages only with --notify. Run
    it from cron or CI.

    \b
    BREACH     a rate is above --max-failure-rate, or has risen and may stay above it
    UNKNOWN    too many calls raised an exception that nobody explains
    UNDECIDED  the calls so far prove nothing
    NO CALLS   not called in the week before the last call of the store
    OK         all rates are proved to be below

    \b
    Exit status:
      0  OK, UNDECIDED, or NO CALLS
      1  BREACH or UNKNOWN
      2  nothing was checked: there is no store, no recent call, or wrong usage;
         with --allow-empty, only wrong usage

    \b
    schema-guard watch --max-failure-rate 1%
    schema-guard watch --max-failure-rate 1% --max-p95 2.5s --since 7d
    schema-guard watch --max-failure-rate 0.5% --function extract_invoice
    """
    records = readable(store)
    empty = absent(records, store)
    if empty is None:
        watched, empty = _watched(records, max_failure_rate, which, asked)
    else:
        watched = []
    if watched and asked.notify is not None:
        load("channels").notify(records, watched, max_failure_rate, asked.notify)
    if watched or form != "text":
        _print(watched, max_failure_rate, form)
    if not all(one.is_fine for one in watched):
        return 1
    if empty is not None and not asked.allow_empty:
        raise click.UsageError(safe(empty))
    note(*filter(None, [empty]))
    return 0


def _watched(
    records: Store, limit: float, which: WhichCalls, asked: WatchOptions
) -> tuple[list[Watched], str | None]:
    """Return the configurations in use, and one sentence if there was no call to check."""
    from schema_guard.decide.recorded.from_store import SILENT_S
    from schema_guard.decide.watch import watch
    from schema_guard.records.selection import NotRecorded, no_calls
    from schema_guard.records.times import moment

    extra = {"config": aims_of(asked)}
    try:
        watched = watch(records, limit, **which.named(), priority=asked.priority, extra=extra)
    except NotRecorded as error:
        return [], str(error)
    if not any(one.n for one in watched):
        nothing = "no validated call is recorded" if which.are_all else no_calls(records, **which.named())
        return watched, f"nothing was checked: {nothing} in {records.url}"
    if all(one.is_silent for one in watched):
        return watched, f"nothing was checked: no recent call of these functions is recorded in {records.url}"
    last = max(one.last_call or "" for one in watched)
    if which.until is None and "" < last < moment(time() - SILENT_S, hours=False):
        note(f"the last call was on {last}, so the result describes only the calls up to this date")
    return watched, None


def _print(watched: list[Watched], limit: float, form: str) -> None:
    if form == "json":
        from schema_guard.report import as_json

        print_json({"slo": limit, "watched": as_json([vars(one) for one in watched])})
        return
    if form == "junit":
        print(load("channels").as_junit(watched, limit))
        return
    from schema_guard.cli.shared.forms import columns, text_for
    from schema_guard.report.watch_document import by_function, document_of

    # One line for each function and schema. JSON has all of its configurations.
    number = len({one.function for one in watched})
    if number > 1:
        bad = len({one.function for one in watched if not one.is_fine})
        print(f"{bad or 'none'} of {number:,} functions {'need' if bad > 1 else 'needs'} attention")
    for function in by_function(watched):
        document = document_of(function, limit)._replace(sections=())
        print(safe(document.title) if columns() is None else text_for(None, document))
