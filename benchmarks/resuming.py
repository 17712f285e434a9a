"""What becomes of replies that the output limit cuts off: gone on with, or asked for anew with a larger limit.

    python benchmarks/resuming.py [--tasks 40] [--seconds 420] [--output benchmarks/results/FILE.txt]

The local model is asked tasks of small built-in schemas, `few_shot` at temperature 0, with a limit of half of the tokens
that the reply takes where it is not cut off; what runs on to three times the right answer is left out. The first reply is
the same for all; of each that a guard would go on with each way is followed to its end. Tokens are those after the first reply, as the server counts them;
what it has in its cache counts as any other.
Needs the extra local; one thread. It ends with the last task that was begun within the seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import Budget, connect, guard
from schema_guard.bench.suites.load import load_suite
from schema_guard.stats import bounds, paired
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard import Outcome

SCHEMAS = ("contact", "event", "payment", "poll", "product", "sensor", "ticket", "tool_call")
_LEAST_TOKENS = 4


class Way(NamedTuple):
    """By what a cut-off reply is followed."""

    name: str
    attempts: int
    goes_on: bool
    limits: int


WAYS = (
    Way("gone on with once", 2, goes_on=True, limits=1),
    Way("gone on with up to 3 times", 4, goes_on=True, limits=1),
    Way("anew, twice the limit", 2, goes_on=False, limits=2),
    Way("anew, 4 times the limit", 2, goes_on=False, limits=4),
)


class Followed:
    """A model whose first reply is given; it is asked for the others."""

    target = "llamacpp-llguidance"

    def __init__(self, model: Any, first: Any, *, goes_on: bool) -> None:
        self.name, self.capabilities, self.goes_on = model.name, model.capabilities, goes_on
        self._model, self._first = model, first

    def __call__(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the first reply, then those of the model."""
        first, self._first = self._first, None
        return self._model(prompt, options=options) if first is None else first

    acall = stream = astream = close = aclose = __enter__ = __exit__ = __aenter__ = __aexit__ = __call__


class Asked(NamedTuple):
    """A task of a schema, with two others that are shown."""

    schema: Any
    task: Any
    examples: list[tuple[str, Any]]


def asked(model: Any, one: Asked, way: Way, limit: int) -> Outcome[Any]:
    """Make a call whose first limit is *limit*."""
    # The limit is doubled once for each time that a reply is asked for anew: four times at once is asked for as such.
    budget = Budget(output_tokens=limit * max(1, way.limits // 2), max_output_tokens=limit * way.limits)
    if way.goes_on:
        budget = Budget(output_tokens=limit)
    ask = guard(
        one.schema,
        strategy="few_shot",
        examples=one.examples,
        max_attempts=way.attempts,
        budget=budget,
        store=None,
    )
    return ask(model).outcome(one.task.text)


class _Kept:
    """A model that keeps its last reply."""

    def __init__(self, model: Any) -> None:
        self.name, self.capabilities, self.target = model.name, model.capabilities, model.target
        self._model, self.last = model, None

    def __call__(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give a reply of the model."""
        self.last = self._model(prompt, options=options)
        return self.last

    acall = stream = astream = close = aclose = __enter__ = __exit__ = __aenter__ = __aexit__ = __call__


def tasks(most: int) -> Iterator[Asked]:
    """Give tasks, one of each schema after the other."""
    of_each = [
        [
            Asked(one.schema, task, [(dev.text, dev.gold) for dev in one.tasks_of("dev")[:2]])
            for task in one.tasks_of("test")
        ]
        for one in load_suite("builtin").schemas
        if one.name in SCHEMAS
    ]
    found = [one for row in zip_longest(*of_each) for one in row if one is not None]
    yield from found[:most]


def share(count: int, of: int) -> str:
    """Say a rate with its bounds."""
    found = bounds(count, of)
    return f"{count}/{of}" + (f" ({percent(count / of)} {interval(found.lower, found.upper)})" if of else "")


def measured(most: int, seconds: float) -> tuple[int, int, list[dict[str, Outcome[Any]]]]:
    """Ask; give how many replies end by themselves, how many of these are valid, and what came of those that are cut."""
    count = valid = 0
    rows: list[dict[str, Outcome[Any]]] = []
    ends = time.monotonic() + seconds
    with connect("local") as model:
        for one in tasks(most):
            if time.monotonic() > ends:
                break
            alone = Way("", 1, goes_on=True, limits=1)
            uncut = asked(model, one, alone, one.task.output_tokens)
            if uncut.failure is not None and uncut.failure.kind == "truncation":
                continue
            count += 1
            valid += uncut.ok
            limit = max(_LEAST_TOKENS, (uncut.usage.output_tokens or 0) // 2)
            kept = _Kept(model)
            asked(kept, one, alone, limit)
            row: dict[str, Outcome[Any]] = {}
            for way in WAYS:
                row[way.name] = asked(Followed(model, kept.last, goes_on=way.goes_on), one, way, limit)
                if len(row[WAYS[0].name].attempts) == 1:
                    break
            else:
                rows.append(row)
            print(one.task.id, limit, [found.ok for found in row.values()], file=sys.stderr, flush=True)
    return count, valid, rows


def lines(count: int, valid: int, rows: list[dict[str, Outcome[Any]]]) -> Iterator[str]:
    """Give what came out, a line at a time."""
    yield f"replies that are cut off, {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"xllamacpp {version('xllamacpp')}, SmolLM2-135M, few_shot, a limit of half of the reply's own tokens"
    yield f"{count} replies that end by themselves, of {', '.join(SCHEMAS)}: valid uncut {share(valid, count)}"
    yield f"cut off and gone on with: {len(rows)}"
    yield ""
    yield f"{'':<28}{'valid then':<34}{'tokens in':>10}{'out':>6}  by one that is valid"
    for way in WAYS:
        outcomes = [row[way.name] for row in rows]
        after = [attempt.usage for one in outcomes for attempt in one.attempts[1:]]
        out, good = sum(one.output_tokens or 0 for one in after), sum(one.ok for one in outcomes)
        told = f"{sum(one.input_tokens or 0 for one in after):>10}{out:>6}"
        yield f"{way.name:<28}{share(good, len(rows)):<34}{told}" + (
            f"  {out / good:.0f} out" if good else ""
        )
    yield ""
    for one, other in ((WAYS[0], WAYS[2]), (WAYS[1], WAYS[3])):
        more = sum(row[one.name].ok and not row[other.name].ok for row in rows)
        less = sum(row[other.name].ok and not row[one.name].ok for row in rows)
        found = paired(more, less, len(rows))
        yield f"{one.name} beside {other.name}: {more} more, {less} less, difference {interval(found.lower, found.upper)}"


def main() -> None:
    """Ask, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=420.0, help="after which no task is begun")
    parser.add_argument("--output", type=Path, help="also write the result there")
    given = parser.parse_args()
    text = "\n".join(lines(*measured(given.tasks, given.seconds))) + "\n"
    print(text, end="")
    if given.output:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
