# SPDX-License-Identifier: Apache-2.0
"""The set of `tune prepare`, gathered from its sources and written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.suites.load import load_suite
from schema_guard.cli.shared.forms import text_for
from schema_guard.cli.shared.options import existing, imported, print_json, readable, schema_of
from schema_guard.cli.shared.progress import steps
from schema_guard.decide.recorded.configurations import is_trial, last_call
from schema_guard.errors import InvalidSchema
from schema_guard.ext.tuning.export.from_files import Answers, from_suite, read_answers
from schema_guard.ext.tuning.export.from_store import StoredCall, from_store, stored_calls
from schema_guard.ext.tuning.export.run import export_set
from schema_guard.ext.tuning.export.summary import document_of, export_as_json
from schema_guard.ext.tuning.export.values import GatheredRows
from schema_guard.records.attempts import Where
from schema_guard.records.selection import select, stored_schema
from schema_guard.schema import Schema
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from schema_guard.bench.suites.values import Suite
    from schema_guard.ext.tuning.commands.sources import Sources
    from schema_guard.ext.tuning.export.values import ExportSettings
    from schema_guard.records.selection import Selection
    from schema_guard.records.store import Store

__all__ = ["write_set"]

_MOST_NAMED = 5


def write_set(sources: Sources, output: str, settings: ExportSettings, store: str | None, form: str) -> int:
    """Write a training set, and print the result.

    Args:
        sources: The sources.
        output: The folder of the set.
        settings: The settings of the set.
        store: The value of `--store`.
        form: The value of `--format`.

    Returns:
        The exit status: 1 if there are too few rows.
    """
    suite = None if sources.suite is None else load_suite(sources.suite)
    schema = _named_schema(sources.schema, suite, is_known=sources.function is not None)
    function: str | None = None
    recorded: list[StoredCall] = []
    url: str | None = None
    if sources.reads_store:
        # Answers to inputs need no recorded calls.
        is_needed = sources.answers is None or sources.function is not None
        found = existing(store) if is_needed else readable(store)
        url = found.url
        chosen = _chosen(found, sources, schema)
        if chosen is not None:
            function, recorded = chosen.function, _recorded(found, sources, chosen)
            settings = replace(settings, wrong=_wrong_values(found, chosen))
            schema = schema or _stored(found, chosen, suite)
        if (sources.since or sources.until) is not None and not recorded and chosen is not None:
            raise click.UsageError(
                f"--{'since' if sources.since is not None else 'until'}: {safe(found.url)} has no calls with the schema "
                f"{safe(str(sources.schema or chosen.schema))!r} in this period. Choose a longer period"
            )
    if schema is None:
        raise click.UsageError(
            f"--schema {safe(str(sources.schema))!r}: the store does not have the document of this schema. Pass its file, "
            "module:Model, or module:function of the guarded function"
        )
    settings = replace(settings, typed=schema if schema.is_typed else None)
    schema = _plain_schema(schema)
    gathered = _gathered(sources, schema, settings, suite, recorded)
    result = export_set(gathered, schema, output, settings, function=function, store=url)
    if form == "json":
        print_json(export_as_json(result))
    else:
        print(text_for(None, document_of(result)))
    return 0 if result.is_written else 1


def _gathered(
    sources: Sources,
    schema: Schema[Any],
    settings: ExportSettings,
    suite: Suite | None,
    recorded: list[StoredCall],
) -> GatheredRows:
    gathered = GatheredRows()
    answers = Answers({}, []) if sources.answers is None else read_answers(sources.answers, schema, settings)
    gathered.rows += answers.rows
    if recorded:
        gathered.add(from_store(recorded, schema, settings, answers.by_call))
    unknown = answers.by_call.keys() - {call.attempts[0]["call_id"] for call in recorded}
    if unknown:
        gathered.left_out["an answer to a call that the store does not have"] += len(unknown)
    if suite is not None:
        gathered.add(from_suite(suite, schema, settings))
    return gathered


def _named_schema(named: str | None, suite: Suite | None, *, is_known: bool) -> Schema[Any] | None:
    """Return the schema of a file, a Python type, or a suite; None if only a store can know it.

    Args:
        named: The value of `--schema`.
        suite: The suite; None if there is none.
        is_known: Whether a function is named, whose schema the store knows.
    """
    if named is None:
        if is_known:
            return None
        if suite is None or len(suite.schemas) != 1:
            raise click.UsageError("--schema is missing. Pass the schema of the answers")
        return suite.schemas[0].schema
    if suite is not None:
        for entry in suite.schemas:
            if named in (entry.name, entry.schema.name, entry.schema.fingerprint):
                return entry.schema
    module, colon, _ = named.partition(":")
    if colon and module.replace(".", "").isidentifier() and not Path(named).exists():
        guarded = getattr(imported(named), "schema", None)
        return guarded if isinstance(guarded, Schema) else schema_of(named)
    return schema_of(named) if named.endswith(".json") or Path(named).is_file() else None


def _chosen(store: Store, sources: Sources, schema: Schema[Any] | None) -> Selection | None:
    """Return the function and the fingerprint of its schema; None if no recorded call is needed."""
    rows = [row for row in store.configurations() if not is_trial(row) or sources.function is None]
    named = sources.schema
    if schema is not None:
        named = schema.fingerprint
        is_recorded = any(row.schema_fingerprint == named for row in rows)
        if not is_recorded and sources.answers is not None and sources.function is None:
            return None  # a person's answers to inputs need no store
    chosen = select(store, rows, schema=named, function=sources.function, segment=sources.segment)
    taken = [row for row in rows if chosen.takes(row)]
    if chosen.function is None:
        users = sorted({row.function for row in taken if not is_trial(row)})
        if len(users) > 1:
            told = ", ".join(map(clip, users[:_MOST_NAMED])) + (" ..." if len(users) > _MOST_NAMED else "")
            raise click.UsageError(
                f"--schema {safe(str(named))}: several functions use this schema. Choose one with --function: {safe(told)}"
            )
        chosen = chosen._replace(function=users[0] if users else None)
    if named is None:
        chosen = chosen._replace(schema=max(taken, key=last_call).schema_fingerprint)
    return chosen


def _recorded(store: Store, sources: Sources, chosen: Selection) -> list[StoredCall]:
    """Return the calls of a function under a schema."""
    where = Where(sources.since, sources.until, chosen.schema, chosen.function)
    with steps("read", store.info().rows) as on_step:
        found = stored_calls(store, where, on_step)
    if sources.segment is not None:
        found = [call for call in found if call.attempts[0]["segment"] == sources.segment]
    return found


def _wrong_values(store: Store, chosen: Selection) -> dict[str, Any] | None:
    """Return the bounds that labels prove for the wrong values of the calls; None without labels.

    The bounds are those of the configuration with the most calls.
    """
    calls: Counter[tuple[Any, ...]] = Counter()
    ids: dict[tuple[Any, ...], list[int]] = {}
    for row in store.configurations():
        if chosen.takes(row) and not is_trial(row) and row.id is not None:
            key = row.schema_fingerprint, row.strategies, row.model, row.version, row.settings
            calls[key] += row.calls
            ids.setdefault(key, []).append(row.id)
    content = store.content(ids[calls.most_common(1)[0][0]]) if calls else None
    right = content["right"] if content else None
    if right is None:
        return None
    labels = right["blocks"] - right["skipped"]
    return {"lower": right["lower"], "upper": right["upper"], "unit": right["unit"], "labels": labels}


def _stored(store: Store, chosen: Selection, suite: Suite | None) -> Schema[Any] | None:
    """Return the schema of recorded calls from the suite or from its stored text. A name is only a label."""
    newest = max((row for row in store.configurations() if chosen.takes(row)), key=last_call)
    for entry in () if suite is None else suite.schemas:
        if entry.schema.fingerprint == newest.schema_fingerprint:
            return entry.schema
    return stored_schema(store, newest.schema_fingerprint, newest.schema_name)


def _plain_schema(schema: Schema[Any]) -> Schema[Any]:
    """Return a schema whose values are plain JSON, whatever Python type it was made of."""
    try:
        plain = Schema.of(schema.document, name=schema.name, formats=schema.formats, allow_unknown=True)
    except InvalidSchema:
        return schema  # with resources of its own, so a document
    return plain if plain.fingerprint == schema.fingerprint else schema
