# SPDX-License-Identifier: Apache-2.0
"""Collect the training set of `tune prepare` from its sources, and write it."""

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
from schema_guard.decide.recorded.configurations import is_trial
from schema_guard.errors import InvalidSchema
from schema_guard.ext.playbook.recorded import function_of
from schema_guard.ext.tuning.export.from_files import Answers, from_suite, read_answers
from schema_guard.ext.tuning.export.from_store import StoredCall, from_store, stored_calls
from schema_guard.ext.tuning.export.run import export_set
from schema_guard.ext.tuning.export.summary import document_of, export_as_json
from schema_guard.ext.tuning.export.values import GatheredRows
from schema_guard.records.selection import NO_SEGMENT, select, stored_schema
from schema_guard.schema import Schema
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from schema_guard.bench.suites.values import Suite
    from schema_guard.ext.playbook.recorded import RecordedFunction
    from schema_guard.ext.tuning.commands.sources import Sources
    from schema_guard.ext.tuning.export.values import ExportSettings
    from schema_guard.records.store import Store

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
    recorded: RecordedFunction | None = None
    calls: list[StoredCall] = []
    url: str | None = None
    if sources.reads_store:
        # Answers to inputs need no recorded calls.
        is_needed = sources.answers is None or sources.function is not None
        found = existing(store) if is_needed else readable(store)
        url = found.url
        recorded = _recorded(found, sources, schema)
        if recorded is not None:
            calls = _calls(found, sources, recorded)
            settings = replace(settings, wrong=_wrong_values(found, recorded))
            schema = schema or _stored(found, recorded, suite)
    if schema is None:
        raise click.UsageError(
            f"--schema {safe(str(sources.schema))!r}: the store does not have the document of this schema. Pass its file, "
            "module:Model, or module:function of the guarded function"
        )
    settings = replace(settings, typed=schema if schema.is_typed else None)
    schema = _plain_schema(schema)
    gathered = _gathered(sources, schema, settings, suite, calls)
    function = None if recorded is None else recorded.name
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
    calls: list[StoredCall],
) -> GatheredRows:
    gathered = GatheredRows()
    answers = Answers({}, []) if sources.answers is None else read_answers(sources.answers, schema, settings)
    gathered.rows += answers.rows
    if calls:
        gathered.add(from_store(calls, schema, settings, answers.by_call))
    unknown = answers.by_call.keys() - {call.attempts[0]["call_id"] for call in calls}
    if unknown:
        gathered.left_out["an answer to a call that the store does not have"] += len(unknown)
    if suite is not None:
        gathered.add(from_suite(suite, schema, settings))
    return gathered


def _named_schema(named: str | None, suite: Suite | None, *, is_known: bool) -> Schema[Any] | None:
    """Return the schema of a file, a Python type, or a suite, or None if only a store can have it.

    Args:
        named: The value of `--schema`.
        suite: The suite; None if there is none.
        is_known: Whether a function is named, whose schema is in the store.
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


def _recorded(store: Store, sources: Sources, schema: Schema[Any] | None) -> RecordedFunction | None:
    """Return the function from the store, or None if no recorded call is needed."""
    rows = store.configurations()
    named = sources.schema if schema is None else schema.fingerprint
    function = sources.function
    if function is None:
        is_recorded = any(row.schema_fingerprint == named for row in rows)
        if schema is not None and sources.answers is not None and not is_recorded:
            return None  # a person's answers to inputs need no store
        chosen = select(store, rows, schema=named, segment=sources.segment)
        users = sorted({row.function for row in rows if chosen.takes(row) and not is_trial(row)})
        if len(users) > 1:
            told = ", ".join(map(clip, users[:_MOST_NAMED])) + (" ..." if len(users) > _MOST_NAMED else "")
            raise click.UsageError(
                f"--schema {safe(str(named))}: several functions use this schema. Choose one with --function: {safe(told)}"
            )
        function = users[0] if users else None
    times = {"since": sources.since, "until": sources.until}
    found = function_of(store, function, named, segment=sources.segment, **times)
    # Calls with another version of the schema are read too, so that they are counted as left out.
    where = replace(found.where, schema=named or found.fingerprint, configuration_ids=None)
    return found._replace(where=where)


def _calls(store: Store, sources: Sources, recorded: RecordedFunction) -> list[StoredCall]:
    """Return the calls of a function."""
    with steps("read", store.info().rows) as on_step:
        calls = stored_calls(store, recorded.where, on_step)
    if sources.segment is not None:
        calls = [call for call in calls if (call.attempts[0]["segment"] or NO_SEGMENT) == sources.segment]
    return calls


def _wrong_values(store: Store, recorded: RecordedFunction) -> dict[str, Any] | None:
    """Return the bounds that labels prove for the wrong values of the calls, or None without labels.

    The bounds are those of the configuration with the most calls.
    """
    calls: Counter[tuple[Any, ...]] = Counter()
    ids: dict[tuple[Any, ...], list[int]] = {}
    for row in recorded.rows:
        if row.id is not None:
            key = row.schema_fingerprint, row.strategies, row.model, row.version, row.settings
            calls[key] += row.calls
            ids.setdefault(key, []).append(row.id)
    content = store.content(ids[calls.most_common(1)[0][0]]) if calls else None
    right = content["right"] if content else None
    if right is None:
        return None
    labels = right["blocks"] - right["skipped"]
    return {"lower": right["lower"], "upper": right["upper"], "unit": right["unit"], "labels": labels}


def _stored(store: Store, recorded: RecordedFunction, suite: Suite | None) -> Schema[Any] | None:
    """Return the schema of recorded calls from the suite or from its stored text. A name is only a label."""
    for entry in () if suite is None else suite.schemas:
        if entry.schema.fingerprint == recorded.fingerprint:
            return entry.schema
    return stored_schema(store, recorded.fingerprint, recorded.schema_name)


def _plain_schema(schema: Schema[Any]) -> Schema[Any]:
    """Return a schema whose values are plain JSON, for any Python type."""
    try:
        plain = Schema.of(schema.document, name=schema.name, formats=schema.formats, allow_unknown=True)
    except InvalidSchema:
        return schema  # it has resources, so it is already a document
    return plain if plain.fingerprint == schema.fingerprint else schema
