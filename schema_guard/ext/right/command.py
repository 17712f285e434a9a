# SPDX-License-Identifier: Apache-2.0
"""`label`: a person marks replies as right or wrong."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.group import Option
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import (
    build_command,
    complete_functions,
    complete_schemas,
    existing,
    output_path,
    shared,
)
from schema_guard.errors import InvalidArgument
from schema_guard.ext.right.agreement import compare_answers
from schema_guard.ext.right.pool import BLOCK_CALLS, bound_of, counts_of
from schema_guard.ext.right.questions import (
    LabelQuestion,
    WrongValues,
    configuration_to_label,
    draw,
    most_differing,
    question_of,
    save,
    second_value,
)
from schema_guard.pointer import pointer
from schema_guard.text import clip, interval, percent, plural, safe

if TYPE_CHECKING:
    from schema_guard.ext.right.questions import LabeledConfiguration
    from schema_guard.records import Store

_ALPHA = 0.05
_FIELDS = ("call_id", "source", "reply", "wrong", "right")
_KEYS = "a: all right  w: some fields are wrong  v: type the right value  s: skip  q: stop"
_SKIP = "skip"
_STOP = WrongValues(-1.0)


@build_command("label")
@click.option(
    "--function",
    cls=Option,
    metavar="NAME",
    required=True,
    shell_complete=complete_functions,
    help="Function whose replies you label. Use its full name, such as app.extract, or the part after a dot, such as extract.",
)
@click.option(
    "--schema",
    cls=Option,
    metavar="NAME",
    shell_complete=complete_schemas,
    help="Schema of the replies, by name or fingerprint. Default: all schemas.",
)
@click.option(
    "--n",
    "count",
    cls=Option,
    type=click.IntRange(min=1),
    default=50,
    help="Maximum number of replies to label in this session.",
)
@click.option(
    "--read",
    "answers",
    cls=Option,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="File that -o wrote, with your labels in the column 'wrong' or 'right'.",
)
@click.option(
    "--find-errors",
    cls=Option,
    is_flag=True,
    help="Print the replies that differ most from those of the second model. The command then asks for no labels.",
)
@click.option(
    "-o",
    "--output",
    cls=Option,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="File for the replies (.jsonl or .csv), if you label them in another program. Default: the command asks for labels in the terminal.",
)
@shared("store")
def command(  # noqa: PLR0913 - one argument an option
    *,
    function: str,
    schema: str | None,
    count: int,
    answers: str | None,
    find_errors: bool,
    output: str | None,
    store: str | None,
) -> int:
    """Label replies as right or wrong, to estimate the share of wrong values.

    The command asks you to label one in ten of the replies that have a second opinion. It selects these replies at
    random, so that the estimate holds for all calls. You can stop at any time and continue later. Each reply that you saw
    but did not label makes the estimate less precise.

    Exit status: 0 if a reply can be labeled, or 2 if none can be labeled.

    \b
    schema-guard label --function extract_invoice
    schema-guard label --function extract_invoice -o replies.csv
    schema-guard label --function extract_invoice --read replies.csv
    schema-guard label --function extract_invoice --find-errors
    """
    if sum(map(bool, (answers, find_errors, output))) > 1:
        raise click.UsageError("--read, --find-errors, and -o can't be combined. Use only one of them")
    records = existing(store)
    configuration = configuration_to_label(records, function, schema)
    if find_errors:
        _print_errors(records, configuration, count)
        return 0
    if answers:
        _read(records, configuration, Path(answers))
    elif output:
        _write(records, configuration, count, output_path(output))
    else:
        _ask(records, configuration, count)
    print(_progress(records, configuration))
    return 0


def _ask(store: Store, configuration: LabeledConfiguration, count: int) -> None:
    """Ask about replies in the terminal."""
    if not has_terminal():  # a reply that is shown would count as skipped
        raise click.UsageError(
            "no terminal is available to ask for labels. Write the replies with -o FILE, and read the labels with --read FILE"
        )
    note(configuration.name, _effort(store, configuration))
    for number in range(1, count + 1):
        question = draw(store, configuration)
        if question is None:
            note(f"No block of {BLOCK_CALLS} second opinions is left. Record more calls, and continue later.")
            return
        print(f"\nreply {number}\n{_shown(question)}\n{_KEYS}")
        wrong = _answer(question)
        if wrong is None:
            continue
        if wrong == _STOP:
            return
        save(store, question.call_id, wrong)
        print(_difference(question, second_value(store, configuration, question.call_id)))


def has_terminal() -> bool:
    """Return whether a person can press keys."""
    return sys.stdin.isatty()


def _answer(question: LabelQuestion) -> WrongValues | None:
    """Return the wrong values; None to skip the reply, or _STOP."""
    while True:
        key = click.getchar().lower()
        try:
            if key == "a":
                return WrongValues(0.0)
            if key == "w":
                return question.wrong_values(
                    click.prompt("wrong fields, such as total lines/0/price").split()
                )
            if key == "v":
                return question.wrong_values_beside(json.loads(click.prompt("right value, as JSON")))
        except (InvalidArgument, ValueError) as error:
            print(safe(f"{error}. Press a, w, v, s, or q"))
            continue
        if key == "s":
            return None
        if key in ("q", "\x03", "\x04", ""):
            return _STOP


def _shown(question: LabelQuestion) -> str:
    source = "\n".join(f"  | {safe(line)}" for line in question.source.splitlines())
    fields = [f"  {pointer(place)}: {safe(_json(value))}" for place, value in question.leaves()]
    return "\n".join([source, *fields])


def _difference(question: LabelQuestion, second: Any) -> str:
    """Return the fields in which the second model's value differs."""
    if second is None:
        return "The second model gave no valid reply."
    found = compare_answers(question.value, second)
    if found.equal == found.leaves:
        return "The second model agrees."
    return (
        f"The second model agrees on {found.equal} of {found.leaves} values: {safe(clip(_json(second), 200))}"
    )


def _effort(store: Store, configuration: LabeledConfiguration) -> str:
    with store.reading() as snapshot:
        opinions = counts_of(snapshot.connection, configuration.ids).opinions
    return (
        f"{plural(opinions, 'second opinion')}, so at most {plural(opinions // BLOCK_CALLS, 'label')}. A bound within 5 "
        "points takes about 150 labels and 1,500 second opinions. With a share of 5%, these are 30,000 calls."
    )


def _progress(store: Store, configuration: LabeledConfiguration) -> str:
    """Return the number of labels, and the bound."""
    with store.reading() as snapshot:
        counts = counts_of(snapshot.connection, configuration.ids)
        bound = bound_of(snapshot.connection, configuration.ids, _ALPHA)
    done = f"{plural(counts.labels, 'label')}, {counts.skipped:,} skipped, {plural(counts.opinions, 'second opinion')}"
    if bound is None:
        return f"{done}. There is no bound without a label"
    what = "values" if bound["unit"] == "value" else "calls without a wrong value"
    return f"{done}. Right: {interval(1 - bound['upper'], 1 - bound['lower'])} of {what} (95% confidence)"


def _print_errors(store: Store, configuration: LabeledConfiguration, count: int) -> None:
    print("These replies are chosen because they differ. They say nothing about the share of wrong values.")
    for call_id, share in most_differing(store, configuration.ids, count):
        question = question_of(store, configuration, call_id)
        if question is not None:
            second = second_value(store, configuration, call_id)
            print(
                f"\n{call_id}: {percent(share)} of the values differ\n{_shown(question)}\n{_difference(question, second)}"
            )


def _write(store: Store, configuration: LabeledConfiguration, count: int, path: Path) -> None:
    """Write replies to a file, with empty columns for the labels."""
    rows: list[dict[str, Any]] = []
    while len(rows) < count and (question := draw(store, configuration)) is not None:
        rows.append(
            {
                "call_id": question.call_id,
                "source": question.source,
                "reply": _json(question.value),
                "wrong": "",
                "right": "",
            }
        )
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, _FIELDS)
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(f"{_json(row)}\n" for row in rows)
    note(
        f"{plural(len(rows), 'reply') if len(rows) == 1 else f'{len(rows):,} replies'} in {path}. In 'wrong', write 'none', or "
        "the wrong fields with spaces between them. Or write the right value into 'right', as JSON."
    )


def _read(store: Store, configuration: LabeledConfiguration, path: Path) -> None:
    """Read labels from a file. Rows without a label stay skipped."""
    stored = 0
    for number, row in enumerate(_rows(path), start=1):
        if (row.get("wrong") or row.get("right") or _SKIP) == _SKIP:
            continue
        try:
            question = question_of(store, configuration, row.get("call_id", ""))
            wrong = None if question is None else _wrong_of(question, row)
        except (InvalidArgument, ValueError) as error:
            raise click.UsageError(f"--read {path}, row {number}: {error}") from error
        if question is None or wrong is None:
            raise click.UsageError(
                f"--read {path}, row {number}: the store does not have the text of this reply. Remove the row"
            )
        stored += save(store, question.call_id, wrong)
    note(f"{plural(stored, 'new label')} from {path}")


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                return list(csv.DictReader(file))
            rows = [json.loads(line) for line in file if line.strip()]
    except (ValueError, csv.Error) as error:
        raise click.UsageError(
            f"--read {path}: expected a file that -o wrote, but reading it failed: {error}"
        ) from error
    if not all(isinstance(row, dict) for row in rows):
        raise click.UsageError(f"--read {path}: expected a JSON Lines file that -o wrote")
    return rows


def _wrong_of(question: LabelQuestion, row: dict[str, Any]) -> WrongValues:
    """Return the wrong values that a row of a file states."""
    wrong, right = row.get("wrong") or "", row.get("right")
    if right:
        return question.wrong_values_beside(json.loads(right) if isinstance(right, str) else right)
    if isinstance(wrong, str):
        wrong = [] if wrong == "none" else wrong.split()
    if not isinstance(wrong, list) or not all(isinstance(name, str) for name in wrong):
        raise InvalidArgument(f"wrong {clip(repr(wrong))}: expected 'none' or the names of fields")
    return question.wrong_values(wrong)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
