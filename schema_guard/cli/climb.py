"""`climb`: the next remedies, measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from schema_guard.cli.group import command, json_file, option, print_json, progress, reasoned, shared
from schema_guard.text import did_you_mean, safe


@command.command()
@click.argument("suite", default="builtin")
@click.option(
    "--schema",
    required=True,
    metavar="NAME",
    help="A schema of the suite, or a JSON Schema file with --inputs.",
)
@click.option(
    "--inputs",
    metavar="FILE",
    help="Your own inputs: .txt or .jsonl, one a line. Else the suite's test tasks.",
)
@click.option(
    "--model", default="local", show_default=True, metavar="NAME", help="Whom to ask, as in `bench`."
)
@click.option("--larger", metavar="NAME", help="Whom the last rung asks.")
@click.option(
    "--target",
    type=float,
    default=0.01,
    show_default=True,
    metavar="RATE",
    help="The unhandled rate that is good enough.",
)
@click.option("--first", default="system_prompt", show_default=True, metavar="RUNG", help="Where to begin.")
@click.option("--decline", multiple=True, metavar="RUNG=REASON", help="A remedy that is not to be tried.")
@click.option(
    "--with", "given", metavar="FILE", help="JSON of what no climb measures: economics, feasibility ..."
)
@click.option("--max-calls", type=click.IntRange(min=1), help="Over all rungs.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), help="Generated over all rungs.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="From the first call.")
@click.option(
    "--output-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Limit of one attempt.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="The provider's own arguments: temperature=0.7.",
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of the inputs.")
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
)
@shared("store", "format", "debug")
def climb(
    suite: str, schema: str, inputs: str | None, model: str, larger: str | None, target: float, first: str,
    decline: tuple[str, ...], given: str | None, max_calls: int | None, max_output_tokens: int | None,
    max_seconds: float | None, output_tokens: int, options: tuple[str, ...], concurrency: int, seed: int,
    output: str | None, store: str | None, form: str, debug: bool,
) -> int:  # fmt: skip
    """Measure the next remedies of the ladder on a real model, each on the same inputs, until the verdict is clear.

    A rung stops as soon as its rate is proved to be on one side of --target. Exit status as in `decide`.

    \b
    schema-guard climb --schema ticket --model local --target 0.1
    schema-guard climb --schema invoice.schema.json --inputs mails.jsonl --model openai:gpt-5-mini --max-calls 2000
    """
    from schema_guard.climb.result import climb_as_json, document_of
    from schema_guard.climb.run import climb as climbed
    from schema_guard.climb.settings import ClimbBudget, ClimbSettings
    from schema_guard.decide.ladder import RUNGS
    from schema_guard.models import connect
    from schema_guard.records import default_store, resolve_store
    from schema_guard.report.as_text import as_text

    asked = _climb_inputs(suite, schema, inputs, seed)
    declined = dict(reasoned(text, RUNGS) for text in decline)
    settings = ClimbSettings(
        target=target,
        first=first,
        declined=declined,
        given={} if given is None else json_file(given),
        output_tokens=output_tokens,
        options=dict(map(option, options)),
        budget=ClimbBudget(max_calls, max_output_tokens, max_seconds),
        concurrency=concurrency,
    )
    records = default_store() if store is None else resolve_store(store)
    told = f"{len(asked.tasks)} inputs a rung; records go to {records.url if records else 'no store'}"
    print(told, file=sys.stderr)
    with progress(len(asked.tasks)) as on_call:
        result = climbed(
            asked,
            connect(model),
            larger=None if larger is None else connect(larger),
            store=records,
            settings=settings,
            on_asked=lambda one: on_call(one.rung, one.outcome is not None and one.outcome.ok),
        )
    if records is not None:
        records.flush(10.0)
        # What `decide` will say of these calls later is to know of them too.
        for rung, reason in declined.items():
            records.declare_rung(asked.schema.fingerprint, rung, "declined", reason)
    if output is not None:
        Path(output).write_text(json.dumps(climb_as_json(result), indent=2) + "\n", encoding="utf-8")
    if form == "json":
        print_json(climb_as_json(result))
    else:
        print(as_text(document_of(result)))
    return result.verdict.exit_code()


def _climb_inputs(suite: str, schema: str, inputs: str | None, seed: int) -> Any:
    """Give what a climb asks: a suite's schema, or a file's with inputs of the user's."""
    from schema_guard.bench.suites.load import load_suite
    from schema_guard.climb.inputs import inputs_of, read_texts, suite_inputs
    from schema_guard.core.schema import Schema

    texts = None if inputs is None else read_texts(inputs)
    if schema.endswith(".json"):
        if texts is None:
            raise click.UsageError("--schema FILE needs --inputs FILE: a schema of one's own has no tasks")
        return inputs_of(Schema.of(Path(schema)), texts, seed=seed)
    entries = {entry.name: entry for entry in load_suite(suite).schemas}
    if schema not in entries:
        raise click.UsageError(
            f"no schema {safe(schema)!r} in the suite, only {', '.join(entries)}{did_you_mean(schema, entries)}"
        )
    return suite_inputs(entries[schema], texts=texts, seed=seed)
