"""Runs that never happened: calls drawn from a seed, with rates that are known."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from schema_guard import __version__
from schema_guard.bench.run.plan import Variant
from schema_guard.bench.run.scored_call import (
    CallRow,
    FailedExample,
    FailedRow,
    Run,
    Setup,
    general_location,
    utf8_text,
)
from tests.thinned import examples

# An example is a whole run: fewer of them than of texts and numbers.
RUNS = examples(20)

LEAVES = 4


class FailedAttempt(NamedTuple):
    """An attempt of a simulated call that failed."""

    number: int
    kind: str
    code: str
    location: str | None
    keyword: str | None
    message: str
    reply: str | None


@dataclass(frozen=True)
class SimulatedCall:
    """A call that never happened; `content` counts its right leaves."""

    variant: str
    schema: str
    group: str
    task: str
    epoch: int
    difficulty: str | None
    format: str
    content: int
    attempts: int
    failures: tuple[FailedAttempt, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    elapsed_s: float | None
    error: str | None

    def row(self, index):
        """The call as a run has it."""
        failures = (
            FailedRow(
                f.kind,
                utf8_text(f.code),
                f.keyword,
                None if f.location is None else general_location(f.location),
            )
            for f in self.failures
        )
        is_valid = self.format not in ("failed", "lost")
        return CallRow(
            index,
            self.schema,
            self.group,
            self.task,
            self.epoch,
            self.difficulty,
            self.format,
            is_valid and self.content == LEAVES,
            self.content if is_valid else 0,
            LEAVES,
            self.attempts,
            tuple(failures),
            self.input_tokens,
            self.output_tokens,
            self.cost,
            self.elapsed_s,
            self.error and utf8_text(self.error),
        )

    def failed(self, index):
        """The failed attempts as a run has them."""
        for f in self.failures:
            code, message = utf8_text(f.code), utf8_text(f.message)
            reply = None if f.reply is None else utf8_text(f.reply)
            yield FailedExample(
                index, self.schema, self.task, self.epoch, f.number, f.kind, code, message, reply
            )


FAILURES = (
    FailedAttempt(1, "syntax", "no_json", None, None, "no JSON in the reply", "I am sorry"),
    FailedAttempt(
        1, "structure", "required", "/lines/3", "required", "expected property 'qty'", '{"lines": []}'
    ),
    FailedAttempt(
        1, "value", "minimum", "/lines/0/qty", "minimum", "expected a number >= 1, got 0", '{"qty": 0}'
    ),
    FailedAttempt(1, "truncation", "max_tokens", None, None, "cut off at the output limit", None),
)
DIFFICULTIES = ("easy", "medium", "hard", None)


def content(right):
    """The content of a value with so many of its leaves right."""
    return right


def scored(task, variant="a", how="clean", **others):
    """A call; unless told otherwise it is right where it is valid, and failed once where it is not."""
    valid = how not in ("failed", "lost")
    values = {
        "schema": "s",
        "group": "s",
        "epoch": 0,
        "difficulty": "easy",
        "content": content(LEAVES if valid else 0),
        "attempts": 2 if how == "fixed_by_retry" else 1,
        "failures": FAILURES[:1] if how in ("fixed_by_retry", "failed") else (),
        "input_tokens": 100,
        "output_tokens": 20,
        "cost": None,
        "elapsed_s": 0.5,
        "error": "HTTP 503" if how == "lost" else None,
    }
    return SimulatedCall(variant=variant, task=task, format=how, **{**values, **others})


def run_of(*calls, variants=None, **others):
    """A run of these calls."""
    names = list(dict.fromkeys(call.variant for call in calls)) if variants is None else variants
    tasks = len({(call.schema, call.task) for call in calls})
    values = {
        "suite": "small",
        "suite_fingerprint": "e" * 16,
        "plan": "f" * 16,
        "tasks": tasks,
        "suite_tasks": tasks,
        "epochs": 1 + max((call.epoch for call in calls), default=0),
        "seed": 0,
        "max_attempts": 2,
        "started_at": "2026-11-01T00:00:00+00:00",
        "currency": None,
        "stopped": (),
        "left_out": (),
        "target": None,
        "library_version": __version__,
    }
    variants = tuple(Variant(n, "m1", n) for n in names)
    setup = Setup(variants=variants, **{**values, **others})
    index = {variant.name: at for at, variant in enumerate(variants)}
    return Run(
        setup,
        tuple(call.row(index[call.variant]) for call in calls),
        tuple(failed for call in calls for failed in call.failed(index[call.variant])),
    )


def drawn(random, task, variant, *, failed, right=0.7, **others):
    """A call that fails, and whose valid value is right, with these probabilities."""
    how = (
        "failed"
        if random.random() < failed
        else random.choice(("clean", "clean", "unwrapped", "fixed_by_retry"))
    )
    made = {}
    if how == "failed":
        made["failures"] = tuple(random.choices(FAILURES, k=2))
    else:
        made["content"] = content(LEAVES if random.random() < right else random.randrange(LEAVES))
    return scored(task, variant, how, **{**made, **others})


def simulated(seed, rates, *, tasks, epochs=1, schemas=1, **others):
    """A run in which every variant fails on a task with its own constant rate.

    Args:
        seed: Of everything that is drawn.
        rates: Variant -> failure rate.
        tasks: How many tasks every variant is asked.
        epochs: How often.
        schemas: Over which the tasks are spread.
    """
    random = Random(seed)  # repeatable, no secret
    calls = [
        drawn(
            random,
            f"t{task}",
            variant,
            failed=rate,
            schema=f"s{task % schemas}",
            group=f"g{task % schemas % 3}",
            epoch=epoch,
            difficulty=DIFFICULTIES[task % 3],
            elapsed_s=random.random(),
        )
        for epoch in range(epochs)
        for task in range(tasks)
        for variant, rate in rates.items()
    ]
    return run_of(*calls, variants=list(rates), **others)


TEXT = st.text(max_size=6)


@st.composite
def runs(draw):
    """Any run: some variants, tasks and epochs, of which calls are missing, lost, costly and timeless."""
    variants = draw(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3, unique=True))
    epochs = draw(st.integers(1, 3))
    calls = []
    for epoch in range(epochs):
        for task in range(draw(st.integers(0, 5))):
            asked = [variant for variant in variants if draw(st.integers(0, 9))]
            calls += [draw(a_call(f"t{task}", variant, epoch, f"s{task % 2}")) for variant in asked]
    return run_of(
        *calls,
        variants=variants,
        suite=draw(TEXT),
        epochs=epochs,
        currency=draw(st.sampled_from([None, "USD"])),
        suite_tasks=draw(st.integers(5, 9)),
        stopped=tuple(draw(st.lists(TEXT, max_size=1))),
    )


@st.composite
def a_call(draw, task, variant, epoch, schema):
    how = draw(st.sampled_from(["clean", "unwrapped", "repaired", "fixed_by_retry", "failed", "lost"]))
    right = draw(st.integers(0, LEAVES)) if how not in ("failed", "lost") else 0
    failures = st.builds(
        FailedAttempt,
        st.integers(1, 3),
        st.sampled_from(["syntax", "structure", "semantic"]),
        TEXT,
        st.sampled_from([None, "", "/lines/0", "/a~1b"]),
        st.sampled_from([None, "required"]),
        TEXT,
        st.none() | st.text(),
    )
    amount = st.none() | st.floats(0, 5)
    return scored(
        task,
        variant,
        how,
        schema=schema,
        group=draw(st.sampled_from(["g", schema])),
        epoch=epoch,
        difficulty=draw(st.sampled_from(DIFFICULTIES)),
        content=content(right),
        attempts=draw(st.integers(1, 3)),
        failures=tuple(draw(st.lists(failures, max_size=2))) if how != "clean" else (),
        input_tokens=draw(st.none() | st.integers(0, 2000)),
        output_tokens=draw(st.none() | st.integers(0, 2000)),
        cost=draw(amount),
        elapsed_s=draw(amount),
    )
