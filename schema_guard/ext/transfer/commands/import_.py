# SPDX-License-Identifier: Apache-2.0
"""`store import`: exported files, other stores, and replies from other tools."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import build_command, option, print_json, readable, shared, takes
from schema_guard.cli.shared.progress import steps
from schema_guard.cli.shared.quantities import SHARE
from schema_guard.configuration.recorded_settings import PARTS
from schema_guard.extensions import load
from schema_guard.records import resolve_store
from schema_guard.records.urls import is_same_place, masked
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.transfer.importer import Added
    from schema_guard.records import Store

_SQLITE = b"SQLite format 3\0"
_SCHEMES = ("sqlite://", "postgresql://", "postgres://")


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Replies that another tool has stored."""

    tool: str | None = option(
        "--from",
        metavar="TOOL",
        help="Tool that wrote the files: langfuse, phoenix, mlflow, or openai-evals. Use jsonl for your own rows, or auto to detect the tool. Default: none, which means that SOURCE is an exported file or a store.",
    )
    traffic: str | None = option(
        type=click.Choice(PARTS),
        help="Part of your calls that the files contain: all calls from a period, a sample, only failures, or an unknown part. Required with --from.",
    )
    schema: tuple[str, ...] = option(
        metavar="SCHEMA",
        help="JSON Schema file or module:Model that the replies must match. If rows name their schema, use NAME=SCHEMA for each schema. Repeatable.",
    )
    function: str | None = option(
        metavar="NAME",
        help="Name of the function to which the imported calls belong. Default: the name in the trace.",
    )
    field: tuple[str, ...] = option(
        metavar="OURS=PATH",
        help="Field and its path in each row, such as version=metadata.prompt_version. The fields are function, version, segment, cluster, and schema. With --from jsonl, you can also use reply, prompt, and other fields. Repeatable.",
    )
    only: tuple[str, ...] = option(
        metavar="NAME",
        advanced=True,
        help="Name of the calls to import, as the tool recorded it. Repeatable. Default: all calls.",
    )
    sample_share: float | None = option(
        type=SHARE,
        advanced=True,
        help="Share of your calls that the files contain, such as 10%. Only with --traffic sampled.",
    )
    prices: str | None = option(
        metavar="SOURCE",
        advanced=True,
        help="Token prices: a JSON file, or genai-prices. Default: $SCHEMA_GUARD_PRICES, or the costs in the trace.",
    )


@dataclass(frozen=True, kw_only=True)
class Coming:
    """How exported files and stores are imported."""

    texts: bool = option(help="Also import the texts of prompts and replies, if SOURCE contains them.")
    unlinked: bool = option(
        advanced=True,
        help="Also import records from a store with another hash key. Without this option, they are an error. The command then counts equal inputs of the two stores as different inputs.",
    )


@build_command("import")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@takes(traces=Traces, coming=Coming)
@shared("dry-run", "store", "format")
def command(
    sources: tuple[str, ...], traces: Traces, coming: Coming, dry_run: bool, store: str | None, form: str
) -> int:
    """Import exported files, other stores, or replies from tracing tools and logs.

    SOURCE is a file that `store export` wrote, a SQLite store, a store URL (sqlite:///... or postgresql://...), or
    '-' for an exported file on standard input. The command recognizes a SQLite file by its content. With --from, SOURCE
    is a JSON Lines, JSON, CSV, or Parquet file of another tool.

    If you import a call twice, the store contains it once, because each call has an ID. If one exported file or store
    has an error, the command imports none of them. It validates the replies of other tools during the import, and
    doesn't store their texts.

    Exit status: 0 if everything was imported, 1 if a part of a trace file could not be read, or 2 if nothing was imported.

    \b
    schema-guard store import records.jsonl a.db --store sqlite:///all.db
    schema-guard store import records.db --store postgresql://db.example/records --dry-run
    schema-guard store import traces.jsonl --from langfuse --schema invoice.json --traffic all
    schema-guard store import log.csv --from jsonl --field reply=answer --schema s.json --traffic sampled --sample-share 10%
    """
    if traces.tool is not None:
        _refuse(coming, f"has no effect with --from {safe(traces.tool)}. Omit it")
        import_replies = load("option:--from").import_replies
        return int(import_replies(sources, readable(store), form, dry_run=dry_run, **asdict(traces)))
    _refuse(traces, "applies only to files of another tool. Add --from TOOL")
    into = readable(store)
    with ExitStack() as stack:
        added = _imported(stack, sources, into, coming, dry_run=dry_run)
    _report(added, form, dry_run=dry_run)
    return 0


def _refuse(options: Any, reason: str) -> None:
    """Refuse options that would have no effect."""
    for one in fields(options):
        if getattr(options, one.name):
            raise click.UsageError(f"--{one.name.replace('_', '-')} {reason}")


def _imported(
    stack: ExitStack, sources: tuple[str, ...], into: Store, coming: Coming, *, dry_run: bool
) -> list[Added]:
    """Read and check all sources, then import them in their order."""
    from schema_guard.ext.transfer.files import opened
    from schema_guard.ext.transfer.importer import (
        Taking,  # imported here because it takes 60 ms, which the help doesn't need
        check,
        import_file,
        merge,
    )

    stores = {name: store for name in sources if (store := _store(name, into)) is not None}
    files = {
        name: check(name, stack.enter_context(opened(name, into.backend)))
        for name in sources
        if name not in stores
    }
    total = sum(file.attempts for file in files.values())
    total += sum(store.info().rows for store in stores.values())
    with steps("imported", total) as on_step:
        taking = Taking(coming.unlinked, dry_run, coming.texts, on_step)
        return [
            merge(into.backend, masked(name), stores[name].backend, taking)
            if name in stores
            else import_file(into.backend, files[name], taking)
            for name in sources
        ]


def _store(name: str, into: Store) -> Store | None:
    """Return a source that is a store. None for a file, which has neither a scheme nor the first bytes of SQLite.

    Raises:
        UsageError: The store does not exist, or it is the target.
    """
    is_url = name.startswith(_SCHEMES)
    # Opening the target and closing it would drop the POSIX locks that SQLite holds on it.
    if not (is_url or is_same_place(f"sqlite:///{name}", into.url) or _is_sqlite(name)):
        return None
    found = resolve_store(name)
    if found is None or found.info().schema_version is None:
        raise click.UsageError(
            f"store {safe(masked(name))!r}: expected a SQLite file with records, or the URL of a store"
        )
    if is_same_place(found.url, into.url):
        raise click.UsageError(
            f"{safe(masked(name))!r} is the target store. Name the target only with --store, and other stores as sources"
        )
    return found


def _is_sqlite(name: str) -> bool:
    try:
        with Path(name).open("rb") as stream:
            return name != "-" and stream.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _report(found: Sequence[Added], form: str, *, dry_run: bool) -> None:
    """Print the number of attempts that each source added."""
    if form == "json":
        print_json({"dry_run": dry_run, "sources": [asdict(one) for one in found]})
        return
    for one in found:
        print(f"{safe(one.source)}: {_counted(one, dry_run=dry_run)}")
        if one.is_of_another_key:
            note(
                f"{one.source}: this store hashes new calls with another key, so it does not recognize these inputs. To recognize them, set SCHEMA_GUARD_HASH_KEY to the key of the source."
            )


def _counted(one: Added, *, dry_run: bool) -> str:
    there = one.attempts - one.added
    parts = [
        f"{one.added:,} of {plural(one.attempts, 'attempt')} {'would be added' if dry_run else 'added'}",
        f"{there:,} {'was' if there == 1 else 'were'} already in the store" if there else "",
        plural(one.declarations, "declaration") if one.declarations else "",
        plural(one.lost_records, "count") + " of lost records" if one.lost_records else "",
        "its inputs count as different from those in the store" if one.unlinked else "",
    ]
    return "; ".join(filter(None, parts))
