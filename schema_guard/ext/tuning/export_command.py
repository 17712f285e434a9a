# SPDX-License-Identifier: Apache-2.0
"""`export`: a training set out of records, labelled files and a person's answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.suites.load import load_suite
from schema_guard.cli.shared.options import (
    imported,
    option,
    print_json,
    readable,
    schema_of,
    shared,
    since_of,
    takes,
)
from schema_guard.cli.shared.progress import steps
from schema_guard.ext.tuning.export.from_files import Answers, from_suite, read_answers, read_failed
from schema_guard.ext.tuning.export.from_store import StoredCall, from_store, stored_calls
from schema_guard.ext.tuning.export.hosts import HOSTS
from schema_guard.ext.tuning.export.run import export_set
from schema_guard.ext.tuning.export.schemas import plain_schema, shown_schema
from schema_guard.ext.tuning.export.told import KEEP_TEXTS, document_of, export_as_json
from schema_guard.ext.tuning.export.values import ExportSettings, GatheredRows
from schema_guard.prices.charges import default_charges, given_charges
from schema_guard.records.attempts import Where
from schema_guard.records.chosen import chosen_of
from schema_guard.records.rows import TRIALS
from schema_guard.report.as_text import as_text
from schema_guard.schema import Schema
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from schema_guard.bench.suites.load import Suite
    from schema_guard.records.store import Store

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Sources:
    """From what a training set is made."""

    schema: str | None = option(
        metavar="NAME",
        help="What answers keep to: its name in the store or the suite, a JSON Schema file, module:Model, or module:function, a guarded one.",
    )
    function: str | None = option(
        metavar="NAME", help="Whose calls, as recorded: its name, or an end of it behind a dot."
    )
    segment: str | None = option(metavar="NAME", help="Only calls of this part of the traffic.")
    since: str | None = option(
        metavar="TIME", help="Only calls from then on: 2026-11-01, or 90m, 24h, 7d ago."
    )
    suite: str | None = option(
        metavar="PATH",
        help="Labelled inputs, in any form that `bench` reads; the store is then read with --function alone.",
    )
    bench: tuple[str, ...] = option(
        multiple=True,
        metavar="FILE",
        help="Journal or result of a run on that suite: what failed there, and with which reply.",
    )
    answers: str | None = option(
        metavar="FILE", help='A person\'s answers, a line each: {"call_id" or "input": ..., "answer": ...}.'
    )
    prompt_from: str | None = option(
        metavar="module:function", help="Gives what a function that builds its own prompt sends for a task."
    )

    @property
    def reads_store(self) -> bool:
        """Whether recorded calls are among them."""
        return self.suite is None or self.function is not None


def _share() -> Any:
    return option(
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        default=0.1,
        show_default=True,
        help="Share of the rows.",
    )


@dataclass(frozen=True, kw_only=True)
class Making:
    """How a training set is made, and where."""

    output: str = option(
        "--output", "-o", required=True, metavar="DIR", help="A new folder, or that of an earlier set."
    )
    method: str = option(
        "--form",
        type=click.Choice(["sft", "dpo"]),
        default="sft",
        show_default=True,
        help="Answers, or preferred and rejected ones.",
    )
    host: str = option(
        "--for", type=click.Choice(HOSTS), default="messages", show_default=True, help="In whose spelling."
    )
    strategy: str = option(
        type=click.Choice(["bare", "system_prompt"]),
        default="bare",
        show_default=True,
        help="By which the tuned model will be asked.",
    )
    min_examples: int = option(
        type=click.IntRange(min=1),
        metavar="N",
        default=100,
        show_default=True,
        help="Rows to train on; fewer are exit status 1.",
    )
    max_examples: int | None = option(
        type=click.IntRange(min=1), metavar="N", help="Rows in all, by turns from every segment and failure."
    )
    max_tokens: int | None = option(
        type=click.IntRange(min=1), metavar="N", help="Of a row, as estimated; else what the host says."
    )
    accept_unchecked: bool = option(
        is_flag=True, help="Also answers of which nobody has looked at the values; with --base."
    )
    base: str | None = option(
        metavar="MODEL", help="The model that is to be tuned: its own unchecked answers are never taken."
    )
    validation: float = _share()
    test: float = _share()
    prices: str | None = option(
        metavar="SOURCE",
        help="Token prices, as in `bench`, for calls whose cost was not recorded. Else $SCHEMA_GUARD_PRICES.",
    )
    seed: int = option(type=int, metavar="N", default=0, show_default=True, help="Of the split.")

    def settings(self, prompt_from: str | None) -> ExportSettings:
        """Give how the set is made."""
        if self.accept_unchecked and self.base is None:
            raise click.UsageError(
                "--accept-unchecked needs --base MODEL, the model that is to be tuned: its own answers teach it its mistakes"
            )
        from schema_guard.models.weights import NAME  # the name by which records know "local"

        return ExportSettings(
            form=self.method,
            host=self.host,
            strategy=self.strategy,
            min_examples=self.min_examples,
            max_examples=self.max_examples,
            max_tokens=self.max_tokens,
            accept_unchecked=self.accept_unchecked,
            base=NAME if self.base == "local" else self.base,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
            charges=default_charges() if self.prices is None else given_charges(self.prices),
            prompt_from=None
            if prompt_from is None
            else imported(prompt_from, expected="--prompt-from module:function"),
        )


@click.command("export")
@takes(sources=Sources, making=Making)
@shared("store", "format", "debug")
def command(sources: Sources, making: Making, store: str | None, form: str) -> int:
    """Write a training set out of recorded calls, labelled files and a person's answers: clean, split, and told apart.

    Rows are asked as a guard asks a tuned model. Answers that nobody has looked at are left out unless asked for, what
    comes twice is taken once, and train, validation and test share no input and nothing nearly like one. Exit status 1
    where there are too few.

    \b
    schema-guard export --schema Invoice --function app.extract --output set
    schema-guard export --schema invoice.schema.json --output set --answers set/to_label.jsonl --for openai
    schema-guard export --schema ticket --suite tickets.jsonl --output set
    """
    settings = making.settings(sources.prompt_from)
    suite = None if sources.suite is None else load_suite(sources.suite)
    schema = _named_schema(sources.schema, suite)
    function: str | None = None
    recorded: list[StoredCall] = []
    if sources.reads_store:
        found = readable(store)
        function, recorded = _recorded(found, sources, schema)
        if schema is None and sources.since is not None and not recorded:
            raise click.UsageError(
                f"--since {safe(sources.since)!r}: no call under {safe(str(sources.schema))!r} is recorded in {safe(found.url)} "
                "since then"
            )
        schema = schema or _shown(recorded, str(sources.schema), found)
    if schema is None:
        raise click.UsageError(
            f"--schema {safe(str(sources.schema))!r}: expected a schema of the suite, or a file"
        )
    schema = plain_schema(schema)
    gathered = _gathered(sources, schema, settings, suite, recorded)
    result = export_set(gathered, schema, making.output, settings, function=function)
    if form == "json":
        print_json(export_as_json(result))
    else:
        print(as_text(document_of(result)))
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
        failed = {key: one for path in sources.bench for key, one in read_failed(path, suite).items()}
        gathered.add(from_suite(suite, schema, settings, failed))
    elif sources.bench:
        raise click.UsageError("--bench needs --suite, the suite that was run: a run keeps no inputs")
    return gathered


def _named_schema(named: str | None, suite: Suite | None) -> Schema[Any] | None:
    """Give the schema of a file, a Python type or a suite; None where only a store can know the name."""
    if named is None:
        if suite is None or len(suite.schemas) != 1:
            raise click.UsageError("--schema NAME is missing: what the answers keep to")
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


def _recorded(
    store: Store, sources: Sources, schema: Schema[Any] | None
) -> tuple[str | None, list[StoredCall]]:
    """Give the function whose calls are meant, and these."""
    names = store.names()
    named = sources.schema
    if schema is not None:
        alike = {row.schema_name for row in names if row.schema_fingerprint == schema.fingerprint}
        named = next(iter(sorted(alike)), schema.fingerprint)
        if not alike and sources.answers is not None and sources.function is None:
            return None, []  # a person's answers to inputs need no store
    chosen = chosen_of(store, names, schema=named, function=sources.function, segment=sources.segment)
    function = chosen.function
    if function is None:
        known = {row.function for row in names if chosen.takes(row)}
        users = sorted(name for name in known if not name.startswith(TRIALS))
        if len(users) > 1:
            told = ", ".join(map(clip, users[:_MOST_NAMED])) + (" ..." if len(users) > _MOST_NAMED else "")
            raise click.UsageError(
                f"--schema {safe(str(named))}: several functions have it, name one with --function: {safe(told)}"
            )
        function = users[0] if users else None
    where = Where(since_of(sources.since), None, chosen.schema, function)
    with steps("read", store.info().rows) as on_step:
        found = stored_calls(store, where, on_step)
    if sources.segment is not None:
        found = [call for call in found if call.attempts[0]["segment"] == sources.segment]
    return function, found


def _shown(recorded: list[StoredCall], named: str, store: Store) -> Schema[Any]:
    """Give the schema that recorded prompts show, or say how to name it."""
    found = shown_schema(recorded, (named,))
    if found is None:
        has_texts = any(texts is not None and texts.prompt for call in recorded for texts in call.texts)
        raise click.UsageError(
            f"--schema {safe(named)!r}: {safe(store.url)} has its name, and no recorded prompt shows its document: name "
            "its file, module:Model, or module:function of the guarded function"
            if has_texts
            else f"{safe(store.url)} keeps no text of these calls: {KEEP_TEXTS}"
        )
    return found
