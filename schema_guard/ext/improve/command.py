# SPDX-License-Identifier: Apache-2.0
"""`improve`: find a better prompt for a function, and prove it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.forms import rendered, write_output
from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import build_command, complete_functions, shared, store_of
from schema_guard.cli.shared.progress import progress
from schema_guard.decide.playbook import IMPROVED
from schema_guard.ext.improve.reflection import sdk
from schema_guard.ext.improve.result import (
    PROVENANCE,
    answer_of,
    diff_document,
    document_of,
    race_text,
    read_provenance,
)
from schema_guard.ext.improve.run import improve
from schema_guard.ext.improve.sources import connected, task_of
from schema_guard.ext.improve.values import LEAST_INPUTS, ImproveSettings
from schema_guard.ext.playbook.missing import Missing, missing_document
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from schema_guard.ext.improve.values import ImproveResult
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.report.document import Document


@build_command("improve")
@click.argument("source", shell_complete=complete_functions)
@click.argument("folder", required=False)
@click.option(
    "--model",
    cls=Option,
    metavar="NAME",
    help="Model that gets the prompts, as in `bench run --model`. Default: the model of the function's latest calls.",
)
@click.option(
    "--optimizer",
    cls=Option,
    metavar="gepa[:MODEL]",
    help="Let MODEL also write candidates, with the package gepa. Default for MODEL: the model of --model.",
)
@click.option(
    "--diff",
    cls=Option,
    is_flag=True,
    help="Print each line that a proved prompt adds, with the reason. SOURCE is then the folder of the prompt, and the command sends nothing.",
)
@shared("store")
def command(
    *,
    source: str,
    folder: str | None,
    model: str | None,
    optimizer: str | None,
    diff: bool,
    store: str | None,
) -> int:
    """Find a better prompt for a function, and prove that it is better on new inputs.

    SOURCE is a function whose prompts are in the store, or a file or folder of tasks with one schema. The command finds
    the fields that fail, and tests candidate prompts that address these failures. It then compares the best candidate
    with the prompt in use, on inputs that no candidate saw. The command needs at least 60 different inputs, and makes at
    most 600 calls. If it proves that the candidate is better, it writes the candidate into FOLDER. Default: SOURCE_prompt. To
    continue an interrupted run, run the same command again. If schema_guard has recorded new inputs since that run, the command starts a new run.

    \b
    Exit status:
      0  a better prompt is proved
      1  nothing is proved, or something is missing
      2  wrong usage, interrupted, or no call was answered

    \b
    schema-guard improve extract_invoice
    schema-guard improve tasks.jsonl invoice_prompt --model local
    schema-guard improve --diff extract_invoice_prompt
    """
    target = Path(folder or f"{_plain(source)}_prompt")
    if diff:
        named = Path(source)
        _print(diff_document(read_provenance(named if (named / PROVENANCE).exists() else target)))
        return 0
    records = store_of(store)
    task = task_of(source, records, target, model)
    if isinstance(task, Missing):
        _print(missing_document(task))
        return 1
    task = replace(task, writer=_writer(optimizer, task.model))
    settings = ImproveSettings(store=None if task.function is None else records)
    if len(task.inputs) >= LEAST_INPUTS:
        note(
            f"model {task.model.name}: {plural(len(task.inputs), 'input')}, at most {settings.max_calls:,} calls. Folder for the results: {target}"
        )
    with progress(settings.max_calls) as on_call:
        result = improve(task, settings, on_call=on_call)
    return _show(result, records)


def _writer(optimizer: str | None, model: Model) -> Model | None:
    """Return the model that writes candidates. None without an optimizer."""
    if optimizer is None:
        return None
    kind, _, name = optimizer.partition(":")
    if kind != "gepa":
        raise click.BadParameter(
            f"{safe(optimizer)!r}: expected gepa or gepa:MODEL", param_hint="'--optimizer'"
        )
    sdk()  # before a call is paid for
    return connected(name, "--optimizer") if name else model


def _plain(source: str) -> str:
    name = Path(source).stem if Path(source).exists() else source
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name).lstrip(".-")


def _show(result: ImproveResult, records: Store | None) -> int:
    """Print the result, store that the step was tried, and return the exit status."""
    _print(document_of(result))
    answer = answer_of(result)
    if answer == "NO_CANDIDATE_HELPS" and records is not None and result.function is not None:
        reason = f"improve found no better prompt: {race_text(result)}"
        records.declare_step(
            result.schema_fingerprint, IMPROVED, "declined", reason, function=result.function
        )
    if result.ended or (result.calls and not any(one.n for one in result.runners) and not result.failures):
        return 2
    return 0 if result.is_proved else 1


def _print(document: Document) -> None:
    write_output(None, rendered("text", lambda: document, as_json=str, output=None))
