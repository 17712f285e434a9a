# SPDX-License-Identifier: Apache-2.0
"""The sources of the schema, the inputs, the model, and the function of a playbook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import is_given, refuse
from schema_guard.configuration.recorded_settings import layout_of
from schema_guard.ext.playbook.inputs import inputs_of, read_answers, read_texts, suite_inputs
from schema_guard.ext.playbook.recorded import (
    RecordedInputs,
    function_of,
    model_of,
    owners_of,
    recorded_examples,
    recorded_inputs,
)
from schema_guard.records.payloads.texts import NO_TEXT
from schema_guard.records.selection import select, stored_schema
from schema_guard.schema import Schema
from schema_guard.text import clip, did_you_mean, plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.cli.bench.options import PlanOptions, PlaybookOptions, RunOptions, SuiteOptions
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.recorded import RecordedFunction
    from schema_guard.records import Store

_MOST_NAMED = 3
# Most recorded inputs of a playbook, unless --sample has another number.
_MOST_INPUTS = 1_000


class PlaybookArguments(NamedTuple):
    """The arguments of the command.

    Attributes:
        suite: The suite, and the schema.
        plan: The models, the number of inputs, and the seed of their order.
        run: The limits and the function.
        steps: The options of the playbook.
        records: The store; None for none.
    """

    suite: SuiteOptions
    plan: PlanOptions
    run: RunOptions
    steps: PlaybookOptions
    records: Store | None

    @property
    def has_schema_file(self) -> bool:
        """Whether the schema is a file."""
        return self.suite.suite_schema is not None and self.suite.suite_schema.endswith(".json")


class PlaybookSources(NamedTuple):
    """The parts of a playbook.

    Attributes:
        inputs: The schema and its inputs; None if one of them is missing.
        models: The models, as `connect` takes them.
        function: The function that the trial belongs to; None if it belongs to none.
        missing: The missing parts, one text each.
        kept_texts: Calls with stored texts, if the store has no inputs of the function; None if it has some.
        recorded: The function as the store knows it; None if nothing is read from the store.
    """

    inputs: Inputs | None
    models: tuple[str, ...]
    function: str | None
    missing: tuple[str, ...] = ()
    kept_texts: int | None = None
    recorded: RecordedFunction | None = None


def sources_of(given: PlaybookArguments) -> PlaybookSources:
    """Find the sources of a playbook: in the store for a function, otherwise in a suite or in files.

    Raises:
        InvalidArgument: A name is not recorded, or a file can't be used.
    """
    records, function, named = given.records, given.run.function, given.suite.suite_schema
    if function is not None and records is None:
        raise click.UsageError(
            "--function needs a store with calls of the function. Name the store with --store"
        )
    if (
        records is not None
        and not given.has_schema_file
        and not is_given("suite")
        and (function is not None or (named is not None and _is_only_recorded(records, given.suite, named)))
    ):
        recorded = function_of(records, function, named, **given.steps.filters())
        return _of_function(given, records, recorded)
    inputs = _of_files(given)
    function = _function(given, inputs.schema)
    if function is None:
        refuse("needs --function", given.steps.filters())
    return PlaybookSources(inputs, given.plan.models, function)


def _is_only_recorded(records: Store, suite: SuiteOptions, named: str) -> bool:
    """Return whether the store knows a schema that the built-in suite does not have."""
    known = {name for row in records.names() for name in (row.schema_name, row.schema_fingerprint)}
    return named in known and named not in {entry.name for entry in suite.load(is_schema_used=False).schemas}


def _of_function(given: PlaybookArguments, records: Store, recorded: RecordedFunction) -> PlaybookSources:
    """Read the sources of a function from the store."""
    missing: list[str] = []
    schema = stored_schema(records, recorded.fingerprint, recorded.schema_name)
    models = given.plan.models
    if schema is None:
        missing.append(
            f"the schema {clip(recorded.schema_name)} ({recorded.fingerprint}): the store does not have its text. Pass its file with --schema FILE"
        )
    if not is_given("models") or all(map(names_decisions, models)):
        model, unknown = model_of(recorded.rows)
        models = (*((model,) if model else ()), *(models if is_given("models") else ()))
        missing += [unknown] if unknown else []
    if recorded.rows and layout_of(recorded.rows[0].settings) == "instructions":
        note("the store has no instructions of the function, so the trial sends only those of the strategy")
    found = _texts(given, records, recorded)
    texts = found.texts
    if not texts:
        missing.append("inputs: the store has no inputs of this function")
    inputs = None
    if schema is not None and texts:
        shown = recorded_examples(records, recorded, schema, found.before)
        # An example that is also an input would show the model its own answer.
        asked_texts = [text for text in texts if text not in {one.task for one in shown.values()}]
        if not asked_texts:
            shown, asked_texts = {}, list(texts)
        inputs = inputs_of(schema, asked_texts, examples=shown.values(), seed=given.plan.seed)
        inputs = replace(inputs, before=found.before, examples_source=tuple(shown))
        if given.steps.inputs is not None:
            inputs = replace(inputs, answers=read_answers(given.steps.inputs, schema))
    kept = None if texts else sum(found.left_out.values()) - found.left_out.get(NO_TEXT, 0)
    return PlaybookSources(inputs, models, recorded.name, tuple(missing), kept, recorded)


def names_decisions(model: str) -> bool:
    """Return whether the name of a model is that of a decision model."""
    return model.partition(":")[0].endswith("-decisions")


def _texts(given: PlaybookArguments, records: Store, recorded: RecordedFunction) -> RecordedInputs:
    """Return the inputs of a file, or those of the latest calls."""
    most = None if given.plan.sample == "all" else given.plan.sample
    if given.steps.inputs is not None:
        texts = read_texts(given.steps.inputs)
        return RecordedInputs(tuple(texts[:most] if is_given("sample") else texts), (), {})
    found = recorded_inputs(records, recorded, most if is_given("sample") else _MOST_INPUTS)
    for reason, calls in found.left_out.items() if found.texts else ():
        note(f"not used: {plural(calls, 'call')}. Reason: {reason}")
    return found


def _of_files(given: PlaybookArguments) -> Inputs:
    """Load the schema and its inputs from a suite, or from files."""
    file, seed, sample = given.steps.inputs, given.plan.seed, given.plan.sample
    texts = None if file is None else read_texts(file)
    named, is_file = given.suite.suite_schema, given.has_schema_file
    if is_file and not is_given("suite"):
        if texts is None or file is None:
            raise click.UsageError(
                "--schema FILE needs --inputs FILE or a SUITE, because a schema file has no tasks"
            )
        inputs = inputs_of(Schema.of(Path(str(named))), texts, seed=seed)
        inputs = replace(inputs, answers=read_answers(file, inputs.schema))
    else:
        loaded = given.suite.load(is_schema_used=is_file)
        entries = {entry.name: entry for entry in loaded.schemas}
        chosen = next(iter(entries)) if len(entries) == 1 and (named is None or is_file) else named
        if chosen is None:
            raise click.UsageError(f"--playbook needs --schema NAME. Use one of {', '.join(entries)}")
        if chosen not in entries:
            raise click.UsageError(
                f"--schema {safe(chosen)!r}: expected one of the schemas of the suite: {', '.join(entries)}{did_you_mean(chosen, entries)}"
            )
        inputs = suite_inputs(entries[chosen], suite=loaded.name, texts=texts, seed=seed)
    if is_given("sample") and sample != "all":
        return replace(inputs, tasks=inputs.tasks[: int(sample)])
    return inputs


def _function(given: PlaybookArguments, schema: Schema[Any]) -> str | None:
    """Return the function that the results belong to, which has calls under this schema."""
    records = given.records
    if records is None:
        return None
    if given.run.function is None:
        named = None if given.has_schema_file else given.suite.load(is_schema_used=False).function
        owners = owners_of(records, schema.fingerprint, named)
        if len(owners) == 1:
            return owners[0]
        _note_functions(schema, owners)
        return None
    rows = records.configurations()
    name = select(records, rows, function=given.run.function).function
    known = {row.schema_fingerprint: row.schema_name for row in rows if row.function == name}
    if schema.fingerprint not in known:
        others = ", ".join(f"{clip(title)} ({content})" for content, title in known.items())
        raise click.UsageError(
            f"--function {safe(str(name))!r}: expected a function with the schema {schema.name} ({schema.fingerprint}), got one with {others}. Choose another function, because only calls with this schema count as evidence"
        )
    return name


def _note_functions(schema: Schema[Any], names: Sequence[str]) -> None:
    """Note before the first call that the results will belong to no function."""
    if names:
        listed = ", ".join(map(clip, names[:_MOST_NAMED])) + (" ..." if len(names) > _MOST_NAMED else "")
        note(
            f"several functions use {schema.name} ({listed}). Without --function, these results count for none of them"
        )
