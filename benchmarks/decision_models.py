"""Measure the local model as a decision model: python benchmarks/decision_models.py --journal FILE.jsonl --output FILE.txt.

A decision is one enum, boolean, or scale of a task with a known right value. The tasks are those of the built-in suite, and
those of `tasks.jsonl` in $SCHEMA_GUARD_CORPORA, which has function calls of the Berkeley leaderboard. Three ways answer the
same fields: scored options, the same divided by an empty text, and `strict_schema`. The journal makes a run resumable.

The decisions of one task depend on each other. So each task counts once in an interval, with the mean of its decisions.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from openai import BadRequestError

from schema_guard import Limits, connect, guard
from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.decisions.fields import fields_of
from schema_guard.ext.decisions.hosts import HOSTS
from schema_guard.ext.decisions.questions import (
    ABSENT,
    AnswerReading,
    Choice,
    Record,
    Several,
    YesNo,
)
from schema_guard.ext.decisions.wire import answers_of, wire_questions
from schema_guard.ext.local import llama_server
from schema_guard.ext.local.weights import NAME
from schema_guard.schema import Schema
from schema_guard.stats import gap_bounds, mean_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOST = HOSTS["local-decisions"]
WAYS = ("scored", "divided", "strict_schema")
BUCKETS = 10
OUTPUT_TOKENS = 200
LENGTHS, REPEATS = (60, 1500), 4
TOO_LONG = "exceeds the available context size"  # words of the server of the local model
MOST_ITEMS = 8  # longer lists would outnumber all other decisions


class Field(NamedTuple):
    """A field with a known right value. For an item of a list, the right value is whether the list has this item."""

    path: tuple[str, ...]
    gold: Any
    options: int
    item: Any = None
    question: int | None = None


class Job(NamedTuple):
    """A task whose schema has fields for a decision model."""

    id: str
    schema: Schema[Any]
    text: str
    fields: tuple[Field, ...]


def jobs(corpora: Path) -> Iterator[Job]:
    """Yield the tasks that have decisions."""
    for each in load_suite("small").schemas:
        for task in each.tasks:
            yield from _job(
                f"{each.schema.name}/{task.id}", each.schema, f"{task.instruction}\n\n{task.input}", task.gold
            )
    for line in (corpora / "tasks.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        text = f"{row['instruction']}\n\n{row['text']}"
        yield from _job(row["id"], Schema.of(row["schema"], name="task"), text, row["gold"])


def _job(name: str, schema: Schema[Any], text: str, gold: Any) -> Iterator[Job]:
    found = fields_of(schema, HOST)
    fields = tuple(_fields(found.root, (), gold, found.questions))
    if fields and isinstance(found.root, Record):
        yield Job(name, schema, text, fields)


def _fields(node: Any, path: tuple[str, ...], gold: Any, questions: Any) -> Iterator[Field]:
    if isinstance(node, Record) and isinstance(gold, dict):
        for name, inner in node.fields:
            yield from _fields(inner, (*path, name), gold.get(name, ABSENT), questions)
    elif isinstance(node, YesNo | Choice):
        yield Field(path, gold, questions[node.question].size)
    elif isinstance(node, Several) and len(node.values) <= MOST_ITEMS:
        for question, value in zip(node.questions, node.values, strict=True):
            yield Field(path, isinstance(gold, list) and value in gold, 2, value, question)


def value_at(value: Any, path: tuple[str, ...]) -> Any:
    """Return the part of a value, or ABSENT."""
    for name in path:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def server_cpu_s() -> float:
    """Return the CPU seconds of the servers of local models."""
    ticks = 0
    for server in llama_server._shared.servers.values():  # noqa: SLF001 - no public name has it
        pid = server._process.pid  # noqa: SLF001 - as above
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Answer(NamedTuple):
    """The answers of one way to the fields of a task.

    Attributes:
        values: The value of each field. For an item of a list, whether the list has this item.
        confidence: The probability of each value, or None.
        tokens: The input tokens.
    """

    values: list[Any]
    confidence: list[float | None]
    tokens: int


def decided(model: Any, job: Job) -> dict[str, Answer]:
    """Return the answers of a decision model that divides, and the same before the division."""
    found = fields_of(job.schema, HOST)
    reply = model(job.text, options={"questions": wire_questions(found.questions)})
    divided = answers_of(reply, found.questions, HOST)
    biases = model._asked.biases  # noqa: SLF001 - so that one run has both ways
    scored = {
        at: normalized([p * bias for p, bias in zip(held, biases[found.questions[at]], strict=True)])
        for at, held in divided.items()
    }
    tokens = reply["usage"]["input_tokens"]
    return {
        "scored": _read(job, found.root, scored, tokens),
        "divided": _read(job, found.root, divided, tokens),
    }


def normalized(values: list[float]) -> list[float]:
    """Return values with the sum 1."""
    return [one / sum(values) for one in values]


def _read(job: Job, root: Any, answers: dict[int, list[float]], tokens: int) -> Answer:
    reading = AnswerReading(answers)
    value = root.read(reading, ())
    values: list[Any] = []
    confidence: list[float | None] = []
    for one in job.fields:
        if one.question is None:
            values.append(value_at(value, one.path))
            confidence.append(reading.confidence.get(one.path))
        else:
            yes = answers[one.question][0]
            values.append(yes >= 0.5)
            confidence.append(max(yes, 1 - yes))
    return Answer(values, confidence, tokens)


def written(model: Any, job: Job) -> dict[str, Answer]:
    """Return the fields of the value that the model writes under a grammar. A failed call has none."""
    asked = guard(
        job.schema,
        strategy="strict_schema",
        store=None,
        max_attempts=1,
        limits=Limits(output_tokens=OUTPUT_TOKENS),
    )(model)
    outcome = asked.outcome(job.text)
    held = [value_at(outcome.value, one.path) for one in job.fields]
    values = [
        value if one.question is None else isinstance(value, list) and one.item in value
        for one, value in zip(job.fields, held, strict=True)
    ]
    # A call without a value is wrong everywhere.
    values = values if outcome.ok else [None if one.gold is not None else ABSENT for one in job.fields]
    return {"strict_schema": Answer(values, [None] * len(values), outcome.usage.input_tokens or 0)}


def run(todo: list[Job], journal: Path) -> list[dict[str, Any]]:
    """Make the calls that the journal does not have. Return all rows."""
    rows = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    done = {(row["way"], row["job"]) for row in rows}
    with (
        connect("local-decisions", options={"divide_by_empty_text": True}) as decider,
        connect("local") as writer,
        journal.open("a") as file,
    ):
        for job in todo:
            for first_way, ask, model in (("scored", decided, decider), ("strict_schema", written, writer)):
                if (first_way, job.id) in done:
                    continue
                before = server_cpu_s()
                answers: Mapping[str, Answer | None]
                try:
                    answers = ask(model, job)
                except BadRequestError as error:
                    if TOO_LONG not in str(error):
                        raise
                    answers = {first_way: None}
                spent = server_cpu_s() - before
                for way, answer in answers.items():
                    row = {TOO_LONG: True, "fields": []} if answer is None else _row(job, answer)
                    rows.append({"way": way, "job": job.id, "cpu_s": spent, **row})
                    file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
    return rows


def _row(job: Job, answer: Answer) -> dict[str, Any]:
    fields = [
        {
            "field": f"{'/'.join(one.path)} {one.item or ''}",
            "right": value == one.gold and isinstance(value, bool) is isinstance(one.gold, bool),
            "confidence": p,
        }
        for one, value, p in zip(job.fields, answer.values, answer.confidence, strict=True)
    ]
    return {"tokens": answer.tokens, "fields": fields}


def task_means(decisions: Iterable[tuple[str, float]]) -> list[float]:
    """Return the mean of each task, from the tasks and values of decisions, in their order."""
    by_task: dict[str, list[float]] = defaultdict(list)
    for task, value in decisions:
        by_task[task].append(value)
    return [fmean(values) for values in by_task.values()]


def mean_text(decisions: Iterable[tuple[str, float]], digits: int = 3) -> str:
    """Return the mean over tasks of a value in [0, 1], and its interval."""
    means = task_means(decisions)
    found = mean_bounds(means)
    assert found is not None
    return f"{fmean(means):.{digits}f} [{found.lower:.{digits}f}, {found.upper:.{digits}f}] in {len(means)} tasks"


def gap_text(decisions: Iterable[tuple[str, float]]) -> str:
    """Return the mean over tasks of a difference, and its interval."""
    means = task_means(decisions)
    found = gap_bounds(means)
    return f"{fmean(means):+.3f} [{found.lower:+.3f}, {found.upper:+.3f}]"


def calibration(fields: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines about the probabilities of a way."""
    gaps = gap_text((one["job"], one["confidence"] - one["right"]) for one in fields)
    yield f"  mean probability {fmean(one['confidence'] for one in fields):.3f}; minus the right share, as a mean of tasks: {gaps}"
    buckets: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in fields:
        buckets[min(int(one["confidence"] * BUCKETS), BUCKETS - 1)].append(one)
    error = sum(
        abs(sum(one["confidence"] - one["right"] for one in held)) for held in buckets.values()
    ) / len(fields)
    yield f"  expected calibration error {error:.3f} (buckets of 0.1, {len(fields)} decisions)"
    for bucket, held in sorted(buckets.items()):
        right = mean_text(((one["job"], float(one["right"])) for one in held), 2)
        yield f"    {bucket / BUCKETS:.1f}: {len(held):4} decisions, mean probability {fmean(one['confidence'] for one in held):.2f}, right {right}"


def report(todo: list[Job], rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the result."""
    too_long = {row["job"] for row in rows if TOO_LONG in row}
    if too_long:
        lost = sum(len(job.fields) for job in todo if job.id in too_long)
        yield f"left out: {lost} decisions in {len(too_long)} tasks, whose request is longer than the context of the model"
    todo = [job for job in todo if job.id not in too_long]
    # The bounds assume a random order, but the short texts were asked first.
    order = [job.id for job in todo]
    Random(0).shuffle(order)
    place = {name: at for at, name in enumerate(order)}
    rows = sorted((row for row in rows if row["job"] in place), key=lambda row: place[row["job"]])
    total = sum(len(job.fields) for job in todo)
    chance = fmean(1 / one.options for job in todo for one in job.fields)
    yield f"{total} decisions in {len(todo)} tasks; a random option is right in {chance:.3f} of them"
    by_way: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for way in WAYS:
        held = [row for row in rows if row["way"] == way]
        fields = [{"job": row["job"], **one} for row in held for one in row["fields"]]
        if not fields:
            continue
        by_way[way] = {(one["job"], one["field"]): one for one in fields}
        right = mean_text((one["job"], float(one["right"])) for one in fields)
        yield f"{way}: right {sum(one['right'] for one in fields)} of {len(fields)}; as a mean of tasks {right}"
        if way != "strict_schema":
            yield from calibration(fields)
    for way in ("scored", "divided"):
        if way in by_way and "strict_schema" in by_way:
            written_values = by_way["strict_schema"]
            gaps = [
                (key[0], float(one["right"] - written_values[key]["right"]))
                for key, one in by_way[way].items()
                if key in written_values
            ]
            yield f"{way} minus strict_schema on the same {len(gaps)} fields, as a mean of tasks: {gap_text(gaps)}"


def costs() -> Iterator[str]:
    """Yield CPU seconds and tokens of five questions about a short and a long text."""
    names = ("urgent", "refund", "angry", "known_customer", "spam")
    document = {
        "type": "object",
        "properties": {n: {"type": "boolean"} for n in names},
        "required": list(names),
    }
    schema = Schema.of(document, name="five")
    word = "The parcel has not arrived and I want my money back now. "
    for length in LENGTHS:
        for way in WAYS:
            measured = []
            with _connected(way) as model:
                for repeat in range(REPEATS):
                    before = server_cpu_s()
                    tokens = _asked(way, model, schema, f"Mail {repeat}: {word * (length // 13)}")
                    measured.append((server_cpu_s() - before, *tokens))
            first, *later = measured
            yield f"text of about {length} tokens, five booleans, {way}"
            yield f"  first call: {_cost_text([first])}"
            yield f"  later calls with other texts: {_cost_text(later)}"


def _connected(way: str) -> Any:
    if way == "strict_schema":
        return connect("local")
    return connect("local-decisions", options={"divide_by_empty_text": way == "divided"})


def _asked(way: str, model: Any, schema: Schema[Any], text: str) -> tuple[int, int, int]:
    """Return the input tokens of a call, those that were not cached, and its output tokens."""
    if way == "strict_schema":
        limits = Limits(output_tokens=OUTPUT_TOKENS)
        ask = guard(schema, strategy=way, store=None, max_attempts=1, limits=limits)(model)
        used = ask.outcome(text).usage
        total, cached, output = used.input_tokens, used.cached_input_tokens, used.output_tokens
    else:
        questions = wire_questions(fields_of(schema, HOST).questions)
        usage = model(text, options={"questions": questions})["usage"]
        total, output = usage["input_tokens"], usage["output_tokens"]
        cached = usage["input_tokens_details"]["cached_tokens"]
    return total or 0, (total or 0) - (cached or 0), output or 0


def _cost_text(measured: list[tuple[float, int, int, int]]) -> str:
    spent, total, new, output = (fmean(column) for column in zip(*measured, strict=True))
    return f"{spent:.2f} CPU seconds, {total:,.0f} input tokens ({new:,.0f} not cached), {output:.0f} output tokens"


def main() -> None:
    """Make the missing calls, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--output")
    parser.add_argument("--limit", type=int, help="Number of tasks. Default: all.")
    asked = parser.parse_args()
    # Short texts first, so that a run that is interrupted has many decisions.
    todo = sorted(jobs(Path(os.environ["SCHEMA_GUARD_CORPORA"])), key=lambda job: len(job.text))[
        : asked.limit
    ]
    started = time.process_time()
    lines = [*report(todo, run(todo, Path(asked.journal))), *costs()]
    head = f"python benchmarks/decision_models.py, {datetime.now(UTC):%Y-%m-%d}, {NAME}, one thread; CPU of this process {time.process_time() - started:.0f} s"
    text = "\n".join([head, "intervals: 95% confidence, at any time", "", *lines]) + "\n"
    print(text)
    if asked.output:
        Path(asked.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
