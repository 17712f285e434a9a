"""`check`, `test` and `doctor`: what needs no model and no records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.group import command, print_json, shared
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator


@command.command()
@click.argument("schema", type=click.Path())
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@shared("format", "debug")
def check(schema: str, files: tuple[str, ...], form: str, debug: bool) -> int:
    """Judge replies, or plain JSON documents, against SCHEMA.

    FILE is a text file, `-` for standard input, or a .jsonl file with one document a line.

    \b
    schema-guard check invoice.schema.json reply.txt
    model-call | schema-guard check invoice.schema.json -
    """
    from schema_guard.core.judge import judge  # each command imports what it needs
    from schema_guard.core.schema import Schema

    loaded = Schema.of(Path(schema))
    judged = [(name, judge(text, loaded, finish_reason="stop")) for name, text in _texts(files)]
    if form == "json":
        from schema_guard.report.figures import as_json

        print_json(
            [
                {
                    "file": name,
                    "ok": j.ok,
                    "form": j.form,
                    "failure": as_json(j.failure) if j.failure else None,
                }
                for name, j in judged
            ]
        )
    else:
        for name, judgement in judged:
            print("\n".join(_check_lines(name, judgement)))
    return 0 if all(judgement.ok for _, judgement in judged) else 1


def _check_lines(name: str, judgement: Any) -> list[str]:
    from schema_guard.core.explain import violation_lines

    if judgement.ok:
        return [f"{safe(name)}: valid ({judgement.form})"]
    failure = judgement.failure
    told = violation_lines(failure.violations) or [f"    {safe(failure.message)}"]
    return [f"{safe(name)}: {failure.kind} {safe(failure.code)}", *told]


def _texts(files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{safe(name)}: {error.strerror}") from error
        # What is not UTF-8 becomes lone surrogates, which are refused as bad_unicode with their place.
        text = data.decode("utf-8", "surrogateescape")
        if name.endswith(".jsonl"):
            lines = text.splitlines() if "\u2028" not in text and "\x85" not in text else text.split("\n")
            yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
        else:
            yield name, text


@command.command()
@click.argument("schema", type=click.Path())
@click.option(
    "--examples", type=click.IntRange(min=1), default=100, show_default=True, help="Draws for each law."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@shared("format", "debug")
def test(schema: str, examples: int, seed: int, form: str, debug: bool) -> int:
    """Try on SCHEMA the laws that must hold for every schema, with drawn instances and replies; exit 1 if one fails.

    \b
    schema-guard test invoice.schema.json
    schema-guard test invoice.schema.json --examples 2000 --format json
    """
    from schema_guard.core.schema import Schema
    from schema_guard.errors import missing_extra
    from schema_guard.report import as_json
    from schema_guard.report.as_text import as_text

    try:
        from schema_guard.testing.laws import document_of, try_laws
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise missing_extra("schema-guard test", "hypothesis", "testing") from error
    loaded = Schema.of(Path(schema))
    tried = list(try_laws(loaded, examples=examples, seed=seed))
    if form == "json":
        print_json({"schema": loaded.name, "fingerprint": loaded.fingerprint, "laws": as_json(tried)})
    else:
        print(as_text(document_of(loaded, tried)))
    return 1 if any(one.held is False for one in tried) else 0


@command.command()
@shared("store", "format", "debug")
def doctor(store: str | None, form: str, debug: bool) -> int:
    """Show versions, extras, the store and the local model's weights: what to send with a bug report.

    \b
    schema-guard doctor
    schema-guard doctor --format json --store sqlite:///records.db
    """
    from schema_guard.cli.doctor import findings

    found = findings(store)
    if form == "json":
        print_json(found)
        return 0
    for name, value in found.items():
        lines = [f"{key}: {part}" for key, part in value.items()] if isinstance(value, dict) else [str(value)]
        print(f"{name:<12}{safe(lines[0])}")
        for line in lines[1:]:
            print(f"{'':<12}{safe(line)}")
    return 0
