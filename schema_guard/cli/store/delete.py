# SPDX-License-Identifier: Apache-2.0
"""`store delete`: delete the records of somebody, or old ones."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from schema_guard.cli.shared.completing import complete_functions
from schema_guard.cli.shared.notes import confirm, note
from schema_guard.cli.shared.options import build_command, existing, option, print_json, shared, takes
from schema_guard.cli.shared.quantities import COUNT, DURATION
from schema_guard.records.payloads.retention import Forgotten, Retention
from schema_guard.records.rows import CONFIGURATION_COLUMNS, keyed_hash
from schema_guard.records.selection import select
from schema_guard.records.sql.removal import count_of, is_counted
from schema_guard.text import did_you_mean, plural, safe

if TYPE_CHECKING:
    from schema_guard.records import Store

_COUNTED = ("segment", "function")
_STAYS = {
    "input": "Counts stay, without the input.",
    "cluster": "Counts stay, without the cluster.",
    "segment": "Counts of the segment stay. To delete them too, add --counts.",
    "function": "Counts of the function stay. To delete them too, add --counts.",
}


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Names of the records to delete."""

    call: str | None = option(metavar="ID", help="ID of the call to delete.")
    input: str | None = option(
        metavar="TEXT", help="Prompt of the calls to delete, or '-' to read the prompt from standard input."
    )
    input_hash: str | None = option(
        metavar="HASH",
        advanced=True,
        help="Input hash of the calls to delete, from an exported file.",
    )
    cluster: str | None = option(
        metavar="NAME", help="Cluster of the calls to delete, such as the ID of one customer."
    )
    segment: str | None = option(metavar="NAME", help="Traffic segment of the calls to delete.")
    function: str | None = option(
        metavar="NAME",
        shell_complete=complete_functions,
        help="Function of the calls to delete. Use its full name, or the part after a dot.",
    )
    counts: bool = option(
        is_flag=True,
        help="With --function or --segment: also delete the counts of calls and failures. The report then shows no failure rate for them.",
    )

    def named(self) -> tuple[str, str] | None:
        """Return the option that was given, as the field's name, and its value."""
        names = ("call", "input", "input_hash", "cluster", "segment", "function")
        given = [(name, value) for name in names if (value := getattr(self, name)) is not None]
        if len(given) > 1:
            flags = " and ".join(f"--{name.replace('_', '-')}" for name, _ in given)
            raise click.UsageError(f"{flags} can't be combined. Use only one of them")
        if self.counts and (not given or given[0][0] not in _COUNTED):
            raise click.UsageError(
                "--counts needs --function or --segment, because the store has no counts of single calls or clusters"
            )
        return given[0] if given else None


@dataclass(frozen=True, kw_only=True)
class Old:
    """Limits for old records."""

    older_than: float | None = option(
        type=DURATION, metavar="DURATION", help="Minimum age of the calls to delete, such as 90d, 12h, or 2w."
    )
    max_rows: int | None = option(
        type=COUNT,
        metavar="COUNT",
        advanced=True,
        help="Maximum number of attempts to keep in the store, such as 500k. The command deletes the oldest attempts first.",
    )

    def retention(self) -> Retention | None:
        """Return the limits; None if there are none."""
        found = Retention(self.older_than, self.max_rows)
        return found if found.is_limited else None


class _Deletion(NamedTuple):
    """The attempts that a command deletes.

    Attributes:
        rows: Number of attempts.
        words: Words for them: "of the cluster 'a'".
        by: Kind of name that they have in common; "" for old ones.
        configurations: Number of configurations that lose their counts; None if counts stay.
        is_known: Whether the counts still know an input or a cluster without attempts.
        is_estimate: Whether the number of attempts is an estimate.
    """

    rows: int
    words: str
    by: str = ""
    configurations: int | None = None
    is_known: bool = False
    is_estimate: bool = False

    def as_text(self) -> str:
        about = "about " if self.is_estimate else ""
        rows = f"{about}{plural(self.rows, 'attempt')} {self.words}"
        counts = (
            ""
            if self.configurations is None
            else f", and the counts of {plural(self.configurations, 'configuration')}"
        )
        return f"{rows}{counts}"


@build_command("delete")
@takes(whose=Whose, old=Old)
@shared("dry-run", "yes", "store", "format")
def command(whose: Whose, old: Old, dry_run: bool, yes: bool, store: str | None, form: str) -> int:
    """Delete old records, or the records of a call, an input, a customer, a segment, or a function.

    The command overwrites the deleted rows and texts in the file and its log. It keeps the counts, so failure rates
    don't change, unless you add --counts. It doesn't delete copies of the file, such as backups.

    The command asks for confirmation. Exit status: 0 if the records are deleted, or 2 if no record matches.

    \b
    schema-guard store delete --cluster customer-4711 --dry-run
    schema-guard store delete --cluster customer-4711
    schema-guard store delete --older-than 90d --yes
    schema-guard store delete --function app.triage --counts
    """
    named, retention = whose.named(), old.retention()
    if (named is None) == (retention is None):
        both = "" if named is None else ", but not both in one command"
        raise click.UsageError(
            f"select the records with --call, --input, --cluster, --segment, or --function, or with a limit such as --older-than 90d{both}"
        )
    found = existing(store)
    what = None if named is None else _what(found, *named)
    deletion = _old(found, retention) if what is None else _named(found, what, whose.counts)
    if dry_run:
        return _report(deletion, form, dry_run=True, left=found.info().rows)
    _confirm(deletion, found, yes=yes)
    removed = found.prune(retention) if what is None else found.forget(what, counts=whose.counts)
    deletion = deletion._replace(
        rows=removed.attempts, configurations=removed.configurations, is_estimate=False
    )
    return _report(deletion, form, left=found.info().rows, is_shredded=removed.is_shredded)


def _old(store: Store, retention: Retention | None) -> _Deletion:
    """Return the attempts beyond the limits; `click.UsageError` if there are none."""
    assert retention is not None
    with store.reading() as snapshot:
        rows = snapshot.excess(retention, time.time())
    words = _limits(retention)
    if not rows:
        raise click.UsageError(
            f"{safe(store.url)} has no attempts {words}, so there is nothing to delete. The store has "
            f"{plural(store.info().rows, 'attempt')}"
        )
    return _Deletion(rows, words, is_estimate=retention.max_rows is not None)


def _what(store: Store, name: str, value: str) -> Forgotten:
    """Return the function, segment, or call to delete. Raise `InvalidArgument` if no function or segment has the name."""
    if name == "function":
        return Forgotten("function", select(store, store.names(), function=value).function or value)
    if name == "segment":
        select(store, store.names(), segment=value)
        return Forgotten("segment", value)
    if name == "input":
        text = sys.stdin.read() if value == "-" else value
        with store.reading() as snapshot:
            return Forgotten("input", keyed_hash(text, snapshot.key() or b""))
    if name == "input_hash":
        return Forgotten("input", value)
    return Forgotten("call", value) if name == "call" else Forgotten("cluster", value)


def _named(store: Store, what: Forgotten, counts: bool) -> _Deletion:
    """Return the attempts to delete; `click.UsageError` if there are none."""
    words = f"of the input {what.name[:16]}..." if what.by == "input" else f"of the {what.by} {what.name!r}"
    with store.reading() as snapshot:
        rows = count_of(snapshot.connection, what)
        is_known = not rows and is_counted(snapshot.connection, what)
        near = "" if rows or what.by != "cluster" else did_you_mean(what.name, snapshot.clusters())
        configurations = snapshot.names() if counts else {}
    if counts:
        column = CONFIGURATION_COLUMNS.index(what.by)
        number = sum(row[column] == what.name for row in configurations)
        return _Deletion(rows, words, what.by, number)
    if not rows and not is_known:
        more = "; --counts deletes its counts" if what.by in _COUNTED else near
        raise click.UsageError(f"{safe(store.url)} has no attempts {safe(words)}{safe(more)}")
    return _Deletion(rows, words, what.by, is_known=is_known)


def _confirm(deletion: _Deletion, store: Store, *, yes: bool) -> None:
    question = f"Delete {deletion.as_text()} from {store.url}?"
    if deletion.is_known:
        question = f"No attempts {deletion.words} are left. Delete its name from the counts in {store.url}?"
    confirm(safe(question), yes=yes, refused="nothing was deleted")


def _report(
    deletion: _Deletion, form: str, *, left: int, dry_run: bool = False, is_shredded: bool = True
) -> int:
    """Print the number of attempts that were deleted, or would be, and the number left."""
    if form == "json":
        counted = {} if deletion.configurations is None else {"configurations": deletion.configurations}
        told = {
            "dry_run": dry_run,
            "removed": deletion.rows,
            **counted,
            "left": left,
            "is_shredded": is_shredded,
        }
        print_json(told)
        return 0
    print(safe(f"{'would delete' if dry_run else 'deleted'} {deletion.as_text()}"))
    if not dry_run:
        print(f"{plural(left, 'attempt')} left")
    if deletion.configurations is None:
        note(_STAYS.get(deletion.by, "Counts and failure rates stay as they are."))
    if not is_shredded:
        note("Another process reads the store, so its log still has these attempts. Run this again later.")
    return 0


def _limits(retention: Retention) -> str:
    if retention.max_rows is None:
        return "that are too old"
    return "that are too old or beyond the limit" if retention.max_age_s is not None else "beyond the limit"
