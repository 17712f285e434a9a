# SPDX-License-Identifier: Apache-2.0
"""`lint`: what would a provider or an engine do with this schema?"""

from __future__ import annotations

import sys

import click

from schema_guard.cli.shared.options import print_json, shared
from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.lint_command.fix import fixed
from schema_guard.ext.fitting.lint_command.linted import Linted, has_errors
from schema_guard.ext.fitting.lint_command.sarif import as_sarif
from schema_guard.ext.fitting.lint_command.sources import sources_of
from schema_guard.ext.fitting.lint_command.table import document_of
from schema_guard.ext.fitting.lint_command.told import as_json, as_text, fixes_as_text
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.probed import probed_target, table_of
from schema_guard.ext.fitting.rules.tables import RULES, rules_of
from schema_guard.report.as_text import as_text as text_of
from schema_guard.text import safe

_ALL = "all"


@click.command("lint")
@click.argument("schemas", nargs=-1, metavar="SCHEMA...")
@click.option(
    "--target",
    "targets",
    multiple=True,
    envvar="SCHEMA_GUARD_LINT_TARGET",
    metavar="T,...",
    help="Whom the schema is for: providers or engines, `all` for every table of rules.",
)
@click.option("--table", is_flag=True, help="Show what becomes of each keyword, without a SCHEMA.")
@click.option(
    "--fix",
    "folder",
    metavar="FOLDER",
    help="Write there, for each SCHEMA and target, the schema to send and a report of what is lost on the way.",
)
@click.option(
    "--rules",
    metavar="FILE",
    help="What `schema-guard probe --output` wrote of the server: it stands over what is known of its target.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True
)
@shared("debug")
def command(
    schemas: tuple[str, ...],
    targets: tuple[str, ...],
    table: bool,
    folder: str | None,
    rules: str | None,
    form: str,
) -> int:
    """Say what a provider or an engine would do with SCHEMA: refuse it, ignore a part, or rule right answers out.

    SCHEMA is a JSON file, a pattern such as 'schemas/**/*.json', `-` for standard input, or module:Model. Exits 1 where
    something is known to go wrong, 0 where it is only likely; with --fix too, for SCHEMA stays as it is.

    \b
    schema-guard lint invoice.schema.json --target openai
    schema-guard lint app.models:Invoice --target anthropic,gemini --format sarif
    schema-guard lint invoice.schema.json --target openai --fix sent
    schema-guard lint --table --target openai,anthropic,gemini
    schema-guard lint invoice.schema.json --rules rules.json
    """
    names = _targets(targets) or ([] if rules is None else [probed_target(rules)])
    if table:
        print(text_of(document_of(names or list(RULES))))
        return 0
    if not schemas or not names:
        missing = (
            "SCHEMA, a file or module:Model"
            if not schemas
            else f"--target, one of {', '.join(RULES)} or another name of theirs"
        )
        raise click.UsageError(f"expected {missing}")
    sources, problems = sources_of(schemas)
    tables = {target: table_of(target, rules) for target in names}
    linted = [
        Linted(source, target, tables[target], lint(source.schema, target, rules=tables[target]))
        for source in sources
        for target in names
    ]
    written = [] if folder is None else fixed(linted, folder)
    if form == "text":
        print("\n".join([*as_text(linted), *fixes_as_text(written)]))
    else:
        print_json(as_json(linted, written) if form == "json" else as_sarif(linted))
    for problem in problems:
        print(f"schema-guard: {safe(problem)}", file=sys.stderr)
    return 2 if problems else int(has_errors(linted))


def _targets(given: tuple[str, ...]) -> list[str]:
    """Give the names of targets, each once, in their order."""
    named = [name.strip() for part in given for name in part.split(",") if name.strip()]
    names = [one for name in named for one in (RULES if name == _ALL else (name,))]
    for name in names:
        try:
            rules_of(name)
        except InvalidArgument as error:
            raise click.UsageError(f"--{error}") from error
    return list(dict.fromkeys(names))
