# SPDX-License-Identifier: Apache-2.0
"""Words that a shell offers for an option: names from the store, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from schema_guard.records.attempts import Names

__all__ = ["complete_files", "complete_functions", "complete_schemas"]


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def complete_functions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recorded functions that start with the word. The word can also start a part of the name after a dot."""
    names = {row.function for row in _names(ctx)}
    ends = {name.rpartition(".")[2] for name in names}
    return [CompletionItem(name) for name in sorted(names | ends) if name.startswith(incomplete)]


def complete_schemas(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the recorded schemas that start with the word."""
    names = {row.schema_name for row in _names(ctx)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def _names(ctx: click.Context) -> set[Names]:
    # A shell shows what is printed while it completes, so a store that cannot be read offers nothing.
    from schema_guard.errors import SchemaGuardError
    from schema_guard.records import default_store, resolve_store

    url = ctx.params.get("store")
    try:
        store = default_store() if url is None else resolve_store(url)
        return set() if store is None else store.names()
    except (SchemaGuardError, OSError):
        return set()
