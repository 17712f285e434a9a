# SPDX-License-Identifier: Apache-2.0
"""`store delete`: delete the records of somebody, or old ones."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from schema_guard.cli.shared.notes import confirm, note
from schema_guard.cli.shared.options import (
    build_command,
    complete_functions,
    existing,
    option,
    print_json,
    shared,
    takes,
)
from schema_guard.cli.shared.quantities import COUNT, DURATION
from schema_guard.records.payloads.retention import Forgotten, Retention
from schema_guard.records.rows import CONFIGURATION_COLUMNS, keyed_hash
from schema_guard.records.selection import select
from schema_guard.records.sql.removal import count_of, is_counted
from schema_guard.text import did_you_mean, plural, safe

if TYPE_CHECKING:
    from schema_guard.records import Store
    from schema_guard.records.payloads.retention import DeletionKey

_NAMES = ("call", "input", "input_hash", "cluster", "segment", "function")
_COUNTED = frozenset({"segment", "function"})
_STAYS = {
    "input": "The counts of calls and failures stay, without the input.",
    "cluster": "The counts of calls and failures stay, without the cluster.",
    "segment": "The counts of the segment stay. To delete them too, add --counts.",
    "function": "The counts of the function stay. To delete them too, add --counts.",
}


@dataclass(frozen=True, kw_only=True)
class DeleteOptions:
    """The records to delete, by a name or by limits."""

    call: str | None = option(metavar="ID", help="ID of the call to delete.")
    input: str | None = option(
        metavar="TEXT", help="Prompt whose calls the command deletes, or '-' to read it from standard input."
    )
    input_hash: str | None = option(
        metavar="HASH", advanced=True, help="Input hash in an exported file, to delete the calls with it."
    )
    cluster: str | None = option(
        metavar="NAME", help="Cluster whose calls the command deletes, such as the ID of one customer."
    )
    segment: str | None = option(metavar="NAME", help="Traffic segment whose calls the command deletes.")
    function: str | None = option(
        metavar="NAME",
        shell_complete=complete_functions,
        help="Function whose calls the command deletes. Use its full name, such as app.extract, or the part after a dot, such as extract.",
    )
    counts: bool = option(
        help="Also delete the counts of calls and failures. Only with --function or --segment. The report then shows no failure rate for these calls.",
    )

    older_than: float | None = option(
        type=DURATION, help="Minimum age of the calls to delete, such as 90d, 12h, or 2w."
    )
    max_rows: int | None = option(
        type=COUNT,
        advanced=True,
        help="Maximum number of attempts to keep in the store, such as 500k. The command deletes the oldest attempts first.",
    )

    def check(self) -> None:
        """Check that the options select the records in one way."""
        names = [name for name in _NAMES if getattr(self, name) is not None]
        if len(names) > 1:
            flags = " and ".join(f"--{name.replace('_', '-')}" for name in names)
            raise click.UsageError(f"{flags} can't be combined. Use only one of them")
        if self.counts and not _COUNTED.intersection(names):
            raise click.UsageError(
                "--counts needs --function or --segment, because the store has no counts of single calls or clusters"
            )
        if bool(names) == Retention(self.older_than, self.max_rows).is_limited:
            both = ", but not both" if names else ""
            raise click.UsageError(
                f"expected one of --call, --input, --input-hash, --cluster, --segment, and --function, or a limit such as --older-than 90d{both}"
            )

    def chosen(self, store: Store) -> Forgotten | Retention:
        """Return the records to delete. Raise `InvalidArgument` if no function or segment has the name."""
        if self.function is not None:
            function = select(store, store.names(), function=self.function).function
            return Forgotten("function", function or self.function)
        if self.segment is not None:
            select(store, store.names(), segment=self.segment)
            return Forgotten("segment", self.segment)
        if self.input is not None:
            text = sys.stdin.read() if self.input == "-" else self.input
            with store.reading() as snapshot:
                return Forgotten("input", keyed_hash(text, snapshot.key() or b""))
        named: dict[DeletionKey, str | None] = {
            "input": self.input_hash,
            "call": self.call,
            "cluster": self.cluster,
        }
        for by, name in named.items():
            if name is not None:
                return Forgotten(by, name)
        return Retention(self.older_than, self.max_rows)


class _Deletion(NamedTuple):
    """The attempts that a command deletes.

    Attributes:
        what: The selected records.
        words: Words for them: "of the cluster 'a'".
        rows: Number of attempts. It is 0 if only the counts still know an input or a cluster.
        configurations: Number of configurations that lose their counts. None if counts stay.
        about: "about " if the number of attempts is an estimate.
    """

    what: Forgotten | Retention
    words: str
    rows: int
    configurations: int | None = None
    about: str = ""

    def as_text(self) -> str:
        rows = f"{self.about}{plural(self.rows, 'attempt')} {self.words}"
        lost = self.configurations
        return rows if lost is None else f"{rows}, and the counts of {plural(lost, 'configuration')}"


@build_command("delete")
@takes(asked=DeleteOptions)
@shared("dry-run", "yes", "store", "format")
def command(asked: DeleteOptions, dry_run: bool, yes: bool, store: str | None, form: str) -> int:
    """Delete old records, or the records of a call, an input, a customer, a segment, or a function.

    The command overwrites the deleted rows and texts in the file and its log. Unless you add --counts, it keeps the
    counts, so failure rates don't change. It doesn't delete copies of the file, such as backups.

    The command asks for confirmation. Exit status: 0 if the records are deleted, or 2 if no record matches.

    \b
    schema-guard store delete --cluster customer-4711 --dry-run
    schema-guard store delete --cluster customer-4711
    schema-guard store delete --older-than 90d --yes
    schema-guard store delete --function app.triage --counts
    """
    asked.check()
    found = existing(store)
    what = asked.chosen(found)
    deletion = _old(found, what) if isinstance(what, Retention) else _named(found, what, asked.counts)
    if dry_run:
        return _report(deletion, form, dry_run=True, left=found.info().rows)
    question = f"Delete {deletion.as_text()} from {found.url}?"
    if not deletion.rows and deletion.configurations is None:
        question = f"No attempts {deletion.words} are left. Delete its name from the counts in {found.url}?"
    confirm(safe(question), yes=yes, refused="nothing was deleted")
    removed = found.prune(what) if isinstance(what, Retention) else found.forget(what, counts=asked.counts)
    deletion = deletion._replace(rows=removed.attempts, configurations=removed.configurations, about="")
    return _report(deletion, form, left=found.info().rows, is_shredded=removed.is_shredded)


def _old(store: Store, limits: Retention) -> _Deletion:
    """Return the attempts beyond the limits. Raise `click.UsageError` if there are none."""
    with store.reading() as snapshot:
        rows = snapshot.excess(limits, time.time())
    parts = {"too old": limits.max_age_s, "beyond the limit": limits.max_rows}
    words = " or ".join(word for word, limit in parts.items() if limit is not None)
    words = words if words == "beyond the limit" else f"that are {words}"
    if not rows:
        raise click.UsageError(
            f"{safe(store.url)} has no attempts {words}, so there is nothing to delete. The store has {plural(store.info().rows, 'attempt')}"
        )
    return _Deletion(limits, words, rows, about="" if limits.max_rows is None else "about ")


def _named(store: Store, what: Forgotten, counts: bool) -> _Deletion:
    """Return the attempts to delete. Raise `click.UsageError` if there are none."""
    words = f"of the input {what.name[:16]}..." if what.by == "input" else f"of the {what.by} {what.name!r}"
    with store.reading() as snapshot:
        rows = count_of(snapshot.connection, what)
        is_known = bool(rows) or is_counted(snapshot.connection, what)
        near = "" if rows or what.by != "cluster" else did_you_mean(what.name, snapshot.clusters())
        configurations = snapshot.names() if counts else {}
    if counts:
        column = CONFIGURATION_COLUMNS.index(what.by)
        return _Deletion(what, words, rows, sum(row[column] == what.name for row in configurations))
    if not is_known:
        more = ". To delete its counts, add --counts" if what.by in _COUNTED else near
        raise click.UsageError(
            f"{safe(store.url)} has no attempts {safe(words)}, so there is nothing to delete{safe(more)}"
        )
    return _Deletion(what, words, rows)


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
        by = "" if isinstance(deletion.what, Retention) else deletion.what.by
        note(_STAYS.get(by, "Counts and failure rates stay as they are."))
    if not is_shredded:
        note("Another process reads the store, so its log still has these attempts. Run this again later.")
    return 0
