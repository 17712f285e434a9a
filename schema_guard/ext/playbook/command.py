# SPDX-License-Identifier: Apache-2.0
"""`bench run --playbook`: try the fixes of the playbook, one after the other."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.bench.stand_ins import stand_in
from schema_guard.cli.shared.given import is_given
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import json_file, key_value, naming, reasoned, store_of
from schema_guard.cli.shared.progress import progress
from schema_guard.decide.playbook import STEPS
from schema_guard.decide.recorded.configurations import is_trial
from schema_guard.ext.playbook.estimate import estimate_of
from schema_guard.ext.playbook.inputs import inputs_of, read_texts, suite_inputs
from schema_guard.ext.playbook.result import document_of, playbook_as_json
from schema_guard.ext.playbook.run import run_playbook
from schema_guard.ext.playbook.settings import PlaybookBudget, PlaybookSettings
from schema_guard.models import connect
from schema_guard.prices.tokens import token_prices
from schema_guard.records.private import write_private
from schema_guard.records.selection import select
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.page import page
from schema_guard.schema import Schema
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.cli.bench.options import PlanOptions, PlaybookOptions, RunOptions, SuiteOptions
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.result import PlaybookResult
    from schema_guard.models import Model
    from schema_guard.prices.tokens import TokenPrices
    from schema_guard.records import ConfigurationCounts, Store

_MOST_NAMED = 3
_TARGET = 0.01
# Names of arguments, as the errors of this part begin with them.
_OPTIONS = {"step": "--first-step", "first": "--first-step", "extra": "--with", "inputs": "--inputs"}


def run_command(
    suite: SuiteOptions,
    asked: PlanOptions,
    how: RunOptions,
    steps: PlaybookOptions,
    store: str | None,
    outputs: Sequence[tuple[Path | None, str]],
) -> int:
    """Try the fixes on a model, each on the same inputs, and print the verdict.

    Args:
        suite: The suite, and the schema.
        asked: The models, the number of inputs, and the seed of their order.
        how: The limits and the function.
        steps: The options of the playbook.
        store: URL of the store; None for the default store.
        outputs: Files and their forms; stdout is None.

    Returns:
        The exit status.
    """
    with naming(**_OPTIONS):
        inputs, records = _inputs(suite, asked, steps), store_of(store)
        settings = _settings(suite, how, steps, inputs.schema, records)
        ask = stand_in if how.dry_run else partial(connect, max_retries=how.retries)
        model, tuned = _connected(asked, ask)
        larger = None if steps.larger is None else ask(steps.larger)
        planned = estimate_of(inputs, model, larger=larger, tuned=tuned, settings=settings)
        prices = [] if how.prices is None else _prices(how.prices, model, larger, tuned)
        lines = (planned.as_text(prices), f"records go to {records.url if records else 'no store'}")
        if how.dry_run:
            print(*map(safe, lines), "dry run: nothing was sent", sep="\n")
            return 0
        note(*lines)
        with progress(len(inputs.tasks)) as on_call:
            result = run_playbook(
                inputs,
                model,
                tuned=tuned,
                larger=larger,
                store=records,
                settings=settings,
                on_asked=lambda one: on_call(one.step, one.outcome is not None and one.outcome.ok),
            )
    if records is not None:
        _store_declined(records, inputs, settings)
    return _show(result, outputs)


def _inputs(suite: SuiteOptions, asked: PlanOptions, steps: PlaybookOptions) -> Inputs:
    """Load the schema and its inputs: of a suite, or of files."""
    texts = None if steps.inputs is None else read_texts(steps.inputs)
    named = suite.suite_schema
    is_file = named is not None and named.endswith(".json")
    if is_file and not is_given("suite"):
        if texts is None:
            raise click.UsageError(
                "--schema FILE needs --inputs FILE or a SUITE: a schema file has no tasks of its own"
            )
        inputs = inputs_of(Schema.of(Path(str(named))), texts, seed=asked.seed)
    else:
        entries = {entry.name: entry for entry in suite.load(is_schema_used=is_file).schemas}
        chosen = next(iter(entries)) if len(entries) == 1 and (named is None or is_file) else named
        if chosen is None:
            raise click.UsageError(f"--playbook needs --schema NAME, one of {', '.join(entries)}")
        if chosen not in entries:
            raise click.UsageError(
                f"--schema {safe(chosen)!r}: no such schema in the suite, which has {', '.join(entries)}"
                f"{did_you_mean(chosen, entries)}"
            )
        inputs = suite_inputs(entries[chosen], texts=texts, seed=asked.seed)
    if is_given("sample") and asked.sample != "all":
        return replace(inputs, tasks=inputs.tasks[: int(asked.sample)])
    return inputs


def _connected(asked: PlanOptions, connect: Callable[[str], Model]) -> tuple[Model, Model | None]:
    """Return the model for the steps, and the tuned model that is measured after them."""
    models = [connect(name) for name in asked.models]
    tuned = [model for model in models if getattr(model, "tuned", False)]
    others = [model for model in models if model not in tuned]
    if len(others) != 1 or len(tuned) > 1:
        named = ", ".join(map(safe, asked.models))
        raise click.UsageError(
            f"--model {named}: expected one model for --playbook, and at most one tuned:DIR beside it"
        )
    return others[0], tuned[0] if tuned else None


def _settings(
    suite: SuiteOptions,
    how: RunOptions,
    steps: PlaybookOptions,
    schema: Schema[Any],
    records: Store | None,
) -> PlaybookSettings:
    if steps.first_step not in STEPS:
        raise click.UsageError(
            f"--first-step {safe(steps.first_step)!r}: expected one of {', '.join(STEPS)}"
            f"{did_you_mean(steps.first_step, STEPS)}"
        )
    return PlaybookSettings(
        target=_TARGET if how.max_failure_rate is None else how.max_failure_rate,
        first=steps.first_step,
        declined=dict(reasoned(text, STEPS) for text in steps.decline),
        extra={} if steps.given is None else json_file(steps.given),
        output_tokens=steps.reply_tokens,
        options=dict(map(key_value, steps.options)),
        budget=PlaybookBudget(steps.max_calls, steps.max_output_tokens, how.max_time),
        function=_function(suite, how, schema, records),
        concurrency=how.concurrency,
    )


def _function(suite: SuiteOptions, how: RunOptions, schema: Schema[Any], records: Store | None) -> str | None:
    """Return the function that the results belong to, which has calls under this schema."""
    if records is None:
        if how.function is not None:
            raise click.UsageError("--function needs a store that has its calls: name one with --store")
        return None
    rows = records.configurations()
    if how.function is None:
        is_file = suite.suite_schema is not None and suite.suite_schema.endswith(".json")
        named = None if is_file else suite.load(is_schema_used=False).function
        if any((row.function, row.schema_fingerprint) == (named, schema.fingerprint) for row in rows):
            return named
        _note_functions(schema, rows)
        return None
    name = select(records, rows, function=how.function).function
    known = {row.schema_fingerprint: row.schema_name for row in rows if row.function == name}
    if schema.fingerprint not in known:
        others = ", ".join(f"{clip(title)} ({content})" for content, title in known.items())
        raise click.UsageError(
            f"--function {safe(str(name))!r}: expected a function with the schema {schema.name} ({schema.fingerprint}), "
            f"got one with {others}: calls under another schema are no evidence about this one"
        )
    return name


def _note_functions(schema: Schema[Any], rows: Sequence[ConfigurationCounts]) -> None:
    """Note before the first call that the results will belong to no function."""
    names = sorted(
        {row.function for row in rows if row.schema_fingerprint == schema.fingerprint and not is_trial(row)}
    )
    if len(names) > 1:
        listed = ", ".join(map(clip, names[:_MOST_NAMED])) + (" ..." if len(names) > _MOST_NAMED else "")
        note(
            f"{schema.name} has several functions ({listed}): without --function these results count for none of them"
        )


def _prices(source: str, *models: Model | None) -> list[TokenPrices]:
    """Return the prices of the models."""
    return [token_prices(model.name, source=source) for model in models if model is not None]


def _store_declined(records: Store, inputs: Inputs, settings: PlaybookSettings) -> None:
    """Store the declined steps, because `decide` needs them for a verdict on these calls."""
    records.flush(10.0)
    for step, reason in settings.declined.items():
        records.declare_step(inputs.schema.fingerprint, step, "declined", reason, function=settings.function)


def _show(result: PlaybookResult, outputs: Sequence[tuple[Path | None, str]]) -> int:
    """Print and write the result, and return the exit status."""
    write: dict[str, Callable[[], str]] = {
        "json": lambda: json.dumps(playbook_as_json(result), indent=2),
        "html": lambda: page(document_of(result)),
        "markdown": lambda: as_markdown(document_of(result)),
        "text": lambda: as_text(document_of(result)),
    }
    for path, form in outputs:
        if path is None:
            print(write[form]())
        else:
            write_private(path, write[form]() + "\n")
    if result.is_unanswered:
        reason = result.ended or "the provider refuses the request"
        print(f"schema-guard: no call got a reply that could be validated: {safe(reason)}", file=sys.stderr)
        return 2
    return result.verdict.exit_code()
