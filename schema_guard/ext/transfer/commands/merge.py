# SPDX-License-Identifier: Apache-2.0
"""`store merge`: the stores of several machines in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import readable, shared, takes
from schema_guard.cli.shared.progress import steps
from schema_guard.ext.transfer.adding import Taking
from schema_guard.ext.transfer.arriving import merge
from schema_guard.ext.transfer.commands.coming import Coming, say
from schema_guard.records import resolve_store
from schema_guard.records.urls import masked
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.records import Store


@click.command("merge")
@click.argument("stores", nargs=-1, required=True, metavar="STORE...")
@takes(coming=Coming)
@shared("store", "format", "debug")
def command(stores: tuple[str, ...], coming: Coming, store: str | None, form: str) -> int:
    """Copy the records of other stores into one store: SQLite files, or any URL.

    The other stores are only read. Calls are known by their id, so that a merge that comes twice changes nothing; of
    declarations the latest holds. Inputs of two stores are known as equal where both hashed with one
    SCHEMA_GUARD_HASH_KEY.

    \b
    schema-guard store merge a.db b.db --store sqlite:///all.db
    schema-guard store merge records.db --store postgresql://db/records --dry-run
    """
    into = readable(store)
    others = [_other(named, into) for named in stores]
    total = sum(other.info().rows for other in others)
    with steps("merged", total) as on_step:
        taking = Taking(coming.unlinked, coming.dry_run, coming.texts, on_step)
        found = [
            merge(into.backend, masked(named), other.backend, taking)
            for named, other in zip(stores, others, strict=True)
        ]
    say(found, form, dry_run=coming.dry_run)
    return 0


def _other(named: str, into: Store) -> Store:
    """Give a store that is read; `click.UsageError` where there is none, or it is the one that is written."""
    found = resolve_store(named)
    info = found.info() if found is not None else None
    if found is None or info is None or info.schema_version is None:
        raise click.UsageError(
            f"no store {safe(masked(named))!r}: expected a SQLite file that has records, or a URL"
        )
    path, own = info.path, into.info().path
    is_same = found.url == into.url or (
        path is not None and own is not None and Path(own).exists() and Path(path).samefile(own)
    )
    if is_same:
        raise click.UsageError(
            f"{safe(masked(named))!r} is the store itself: name the others, and with --store the one to fill"
        )
    return found
