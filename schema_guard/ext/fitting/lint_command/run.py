# SPDX-License-Identifier: Apache-2.0
"""`schema lint`: the effects of a provider or an engine on a schema."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.options import build_command, naming, option, print_json, takes
from schema_guard.ext.fitting.lint_command.fix import fixed
from schema_guard.ext.fitting.lint_command.output import as_json, as_text, fixes_as_text
from schema_guard.ext.fitting.lint_command.sarif import as_sarif
from schema_guard.ext.fitting.lint_command.sources import Linted, has_errors, sources_of
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.probed_rules import probed_provider, table_of
from schema_guard.ext.fitting.rules.tables import RULES, rules_of
from schema_guard.text import safe

_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Linting:
    """The rules to lint with, and the fixes to write."""

    providers: tuple[str, ...] = option(
        "--provider",
        envvar="SCHEMA_GUARD_LINT_PROVIDER",
        setting="provider",
        metavar="NAME,...",
        help="Provider or engine to which you send the schema, such as openai or gemini. Use 'all' for all known providers and engines. Repeatable. Default: `provider` in pyproject.toml.",
    )
    rules: str | None = option(
        metavar="FILE",
        help="Result file of `schema-guard schema probe -o FILE`. Its rules replace the built-in rules for the provider.",
    )
    folder: str | None = option(
        "--fix",
        metavar="FOLDER",
        help="Folder for the schemas that the command adapts to each provider. The folder also gets a report of the keywords that each adapted schema lost.",
    )

    def names(self) -> list[str]:
        """Return the providers, each once, in their order."""
        given = [name.strip() for part in self.providers for name in part.split(",") if name.strip()]
        names = [one for name in given for one in (RULES if name == _ALL else (name,))]
        for name in names:
            with naming(provider="--provider"):
                rules_of(name)
        if names or self.rules is None:
            return list(dict.fromkeys(names))
        return [probed_provider(self.rules)]


@build_command("lint")
@click.argument("schemas", nargs=-1, metavar="SCHEMA...")
@takes(asked=Linting)
@click.option(
    "--format",
    "form",
    cls=Option,
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    help="Format of the result. Code-hosting platforms and editors can read SARIF files.",
)
def command(schemas: tuple[str, ...], asked: Linting, form: str) -> int:
    """Show whether a provider or an engine rejects SCHEMA, ignores a part of it, or makes right answers impossible.

    SCHEMA is a JSON file, a pattern such as 'schemas/**/*.json', '-' for standard input, or module:Model. The command
    uses the built-in rules of schema_guard. It sends nothing to the provider.

    Exit status: 0 if no problem is known, 1 if a problem is known (also with --fix), or 2 if a SCHEMA cannot be read.

    \b
    schema-guard schema lint invoice.schema.json --provider gemini
    schema-guard schema lint app.models:Invoice --provider anthropic,openai
    schema-guard schema lint invoice.schema.json --provider openai --fix sent
    """
    names = asked.names()
    if not schemas:
        raise click.UsageError("SCHEMA is missing. Pass a JSON file or module:Model")
    if not names:
        raise click.UsageError(
            f"--provider is missing: expected one of {', '.join(RULES)}, or an alias of one of them"
        )
    sources, problems = sources_of(schemas)
    tables = {provider: table_of(provider, asked.rules) for provider in names}
    linted = [
        Linted(source, provider, tables[provider], lint(source.schema, provider, rules=tables[provider]))
        for source in sources
        for provider in names
    ]
    written = [] if asked.folder is None else fixed(linted, asked.folder)
    if form == "text":
        print("\n".join([*as_text(linted), *fixes_as_text(written)]))
    else:
        print_json(as_json(linted, written) if form == "json" else as_sarif(linted))
    for problem in problems:
        print(f"schema-guard: {safe(problem)}", file=sys.stderr)
    return 2 if problems else int(has_errors(linted))
