# SPDX-License-Identifier: Apache-2.0
"""`climb`: the next remedies, measured."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.suites.load import load_suite
from schema_guard.cli.shared.options import (
    argument,
    json_file,
    key_value,
    option,
    print_json,
    reasoned,
    shared,
    store_of,
    takes,
)
from schema_guard.cli.shared.progress import progress
from schema_guard.decide.ladder import RUNGS
from schema_guard.decide.recorded.configurations import is_trial
from schema_guard.ext.climb.inputs import inputs_of, read_texts, suite_inputs
from schema_guard.ext.climb.result import climb_as_json, document_of
from schema_guard.ext.climb.run import climb
from schema_guard.ext.climb.settings import ClimbBudget, ClimbSettings
from schema_guard.models import connect
from schema_guard.records.chosen import chosen_of
from schema_guard.records.private import write_private
from schema_guard.report.as_text import as_text
from schema_guard.schema import Schema
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.climb.inputs import Inputs
    from schema_guard.models import Model
    from schema_guard.records import ConfigurationCounts, Store

_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class ClimbOptions:
    """Whom a climb asks what, and when it is enough."""

    suite: str = argument(default="builtin")
    schema: str = option(
        required=True,
        metavar="NAME",
        help="A schema of the suite, or a JSON Schema file with --inputs.",
    )
    function: str | None = option(
        metavar="NAME",
        help="Whose remedies they are, as recorded: its name, or an end of it behind a dot. Else the training set's, or the schema's only one.",
    )
    inputs: str | None = option(
        metavar="FILE",
        help="Your own inputs: .txt or .jsonl, one a line. Else the suite's test tasks.",
    )
    models: tuple[str, ...] = option(
        "--model",
        multiple=True,
        default=("local",),
        show_default=True,
        metavar="NAME",
        help="Whom to ask, as in `bench`; and, behind the ladder, a tuned one: tuned:DIR.",
    )
    larger: str | None = option(metavar="NAME", help="Whom the last rung asks.")
    target: float = option(
        type=float,
        default=0.01,
        show_default=True,
        metavar="RATE",
        help="The unhandled rate that is good enough.",
    )
    first: str = option(default="system_prompt", show_default=True, metavar="RUNG", help="Where to begin.")
    decline: tuple[str, ...] = option(
        multiple=True, metavar="RUNG=REASON", help="A remedy that is not to be tried."
    )
    given: str | None = option(
        "--with", metavar="FILE", help="JSON of what no climb measures: economics, feasibility ..."
    )
    max_calls: int | None = option(type=click.IntRange(min=1), help="Over all rungs.")
    max_output_tokens: int | None = option(type=click.IntRange(min=1), help="Generated over all rungs.")
    max_seconds: float | None = option(
        type=click.FloatRange(min=0, min_open=True), help="From the first call."
    )
    output_tokens: int = option(
        type=click.IntRange(min=1), default=256, show_default=True, help="Limit of one attempt."
    )
    options: tuple[str, ...] = option(
        "--option",
        multiple=True,
        metavar="KEY=VALUE",
        help="The provider's own arguments: temperature=0.7.",
    )
    concurrency: int = option(type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once.")
    seed: int = option(type=int, default=0, show_default=True, help="Of the order of the inputs.")
    output: str | None = option(
        type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
    )

    def load_inputs(self) -> Inputs:
        """Load what is asked: a suite's schema, or a file's with inputs of the user's."""
        texts = None if self.inputs is None else read_texts(self.inputs)
        if self.schema.endswith(".json"):
            if texts is None:
                raise click.UsageError(
                    "--schema FILE needs --inputs FILE: a schema of one's own has no tasks"
                )
            return inputs_of(Schema.of(Path(self.schema)), texts, seed=self.seed)
        entries = {entry.name: entry for entry in load_suite(self.suite).schemas}
        if self.schema not in entries:
            near = did_you_mean(self.schema, entries)
            raise click.UsageError(
                f"no schema {safe(self.schema)!r} in the suite, only {', '.join(entries)}{near}"
            )
        return suite_inputs(entries[self.schema], texts=texts, seed=self.seed)

    def connect(self) -> tuple[Model, Model | None]:
        """Give the model that the ladder is for, and the tuned one that is asked behind it."""
        models = [connect(name) for name in self.models]
        tuned = [model for model in models if getattr(model, "tuned", False)]
        others = [model for model in models if model not in tuned]
        if len(others) != 1 or len(tuned) > 1:
            named = ", ".join(map(safe, self.models))
            raise click.UsageError(
                f"--model {named}: expected one model for the ladder, and at most one tuned:DIR beside it"
            )
        return others[0], tuned[0] if tuned else None

    def settings(self, schema: Schema[Any], records: Store | None) -> ClimbSettings:
        """Give how the climb goes."""
        return ClimbSettings(
            target=self.target,
            first=self.first,
            declined=dict(reasoned(text, RUNGS) for text in self.decline),
            given={} if self.given is None else json_file(self.given),
            output_tokens=self.output_tokens,
            options=dict(map(key_value, self.options)),
            budget=ClimbBudget(self.max_calls, self.max_output_tokens, self.max_seconds),
            function=self._function(schema, records),
            concurrency=self.concurrency,
        )

    def _function(self, schema: Schema[Any], records: Store | None) -> str | None:
        """Give the function that is meant, which has to be recorded under this schema."""
        if records is None:
            if self.function is not None:
                raise click.UsageError("--function needs a store that has its calls: name one with --store")
            return None
        rows = records.configurations()
        if self.function is None:
            named = None if self.schema.endswith(".json") else load_suite(self.suite).function
            if any((row.function, row.schema_fingerprint) == (named, schema.fingerprint) for row in rows):
                return named
            _say_whose(schema, rows)
            return None
        name = chosen_of(records, rows, function=self.function).function
        known = {row.schema_fingerprint: row.schema_name for row in rows if row.function == name}
        if schema.fingerprint not in known:
            others = ", ".join(f"{clip(title)} ({content})" for content, title in known.items())
            raise click.UsageError(
                f"--function {safe(str(name))!r}: expected one under the schema {schema.name} ({schema.fingerprint}), "
                f"got one under {others}: calls under another content of a schema are no evidence on this one"
            )
        return name


def _say_whose(schema: Schema[Any], rows: Sequence[ConfigurationCounts]) -> None:
    """Say before it is paid for that a climb for nobody will count for nobody."""
    names = sorted(
        {row.function for row in rows if row.schema_fingerprint == schema.fingerprint and not is_trial(row)}
    )
    if len(names) > 1:
        told = ", ".join(map(clip, names[:_MOST_NAMED])) + (" ..." if len(names) > _MOST_NAMED else "")
        print(
            safe(
                f"{schema.name} has several functions ({told}): without --function this climb counts for none of them"
            ),
            file=sys.stderr,
        )


@click.command("climb")
@takes(asked=ClimbOptions)
@shared("store", "format", "debug")
def command(asked: ClimbOptions, store: str | None, form: str) -> int:
    """Measure the next remedies of the ladder on a real model, each on the same inputs, until the verdict is clear.

    A rung stops as soon as its rate is proved to be on one side of --target. Exit status as in `decide`; 2
    where no call was answered.

    \b
    schema-guard climb --schema ticket --model local --target 0.1
    schema-guard climb --schema invoice.schema.json --inputs mails.jsonl --model openai:gpt-5-mini --max-calls 2000
    schema-guard climb --schema invoice.schema.json --inputs mails.jsonl --function extract_invoice
    """
    inputs, records = asked.load_inputs(), store_of(store)
    settings = asked.settings(inputs.schema, records)
    told = f"{len(inputs.tasks)} inputs a rung; records go to {records.url if records else 'no store'}"
    print(told, file=sys.stderr)
    model, tuned = asked.connect()
    with progress(len(inputs.tasks)) as on_call:
        result = climb(
            inputs,
            model,
            tuned=tuned,
            larger=None if asked.larger is None else connect(asked.larger),
            store=records,
            settings=settings,
            on_asked=lambda one: on_call(one.rung, one.outcome is not None and one.outcome.ok),
        )
    if records is not None:
        records.flush(10.0)
        # What `decide` will say of these calls later is to know of them too.
        for rung, reason in settings.declined.items():
            records.declare_rung(
                inputs.schema.fingerprint, rung, "declined", reason, function=settings.function
            )
    if asked.output is not None:
        write_private(asked.output, json.dumps(climb_as_json(result), indent=2) + "\n")
    if form == "json":
        print_json(climb_as_json(result))
    else:
        print(as_text(document_of(result)))
    if result.is_unanswered:
        told = (
            f"no call got a reply that could be judged: {result.ended or 'the provider refuses the request'}"
        )
        print(f"schema-guard: {safe(told)}", file=sys.stderr)
        return 2
    return result.verdict.exit_code()
