"""Compare early stop on and off, paired by task, on tasks that a retry can rescue: its savings and its losses.

    python benchmarks/early_stop_rescues.py scripted [--tasks 1000] [--output benchmarks/results/FILE.txt]
    python benchmarks/early_stop_rescues.py local [--minutes 25] [--schemas NAME,NAME: no pilot] [--output benchmarks/results/FILE.txt]

A stopped reply shows one violation, and a whole reply up to ten. So with early stop, the model gets fewer corrections.

`scripted`: The model fixes each reported violation with probability p, and each other one with q. The rows differ in p,
q, and the number of violations in the first reply.

`local`: The local model gets two examples and temperature .7. It runs on the named built-in schemas, or on those that
fail in 20 to 80% of a pilot. The rows are for all schemas, and for those whose first replies failed in 20 to 80% of the
reported calls. It needs the extra local.

Both arms of a task get the same replies to the same prompts. So the arms differ only by early stop. A selection by
first replies, which are the same in both, favors neither. The rows compare the rescued calls among those whose first
reply failed. The bounds are valid at any time, for each row alone (`stats.gap_bounds`).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard import connect, guard
from schema_guard.bench.suites.load import load_suite
from schema_guard.prompting import Example
from schema_guard.stats import gap_bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SEED = 20261127
ATTEMPTS = 3
FIELDS = 12
VIOLATIONS = (1, 2, 5, 10)
FIXES = ((0.9, 0.0), (0.9, 0.3), (0.9, 0.6), (0.9, 0.9), (0.6, 0.3))
CHARACTERS_A_TOKEN = 4
TEMPERATURE = 0.7
PILOT = 5
# The local server answers as many at once, on one thread.
AT_ONCE = 4
ALLOWED = 0.05
_TOLD = re.compile(r"At /f(\d+)")


class Arm(NamedTuple):
    """The result of one call in one arm.

    Attributes:
        ok: Whether it returned a value.
        stopped: Number of attempts that were stopped early.
        attempts: Number of attempts.
        tokens: Output tokens until the end of each attempt. For a script, a quarter of its characters.
        seconds: Seconds until they arrived. 0 for a script.
    """

    ok: bool
    stopped: int
    attempts: int
    tokens: float
    seconds: float


class Pair(NamedTuple):
    """The results of a task in both arms. Its first reply failed."""

    off: Arm
    on: Arm


# A scripted model that fixes reported violations


def scripted(count: int) -> Iterator[str]:
    """Yield the lines of the scripted part: a row for each number of violations and each kind of model."""
    yield f"a scripted model of {FIELDS} fields, {count} tasks a row, {ATTEMPTS} attempts, seed {SEED}; output tokens estimated"
    yield _HEAD.format("violations  p    q")
    for wrong, (text, other) in product(VIOLATIONS, FIXES):
        pairs = [scripted_pair(number, wrong, text, other) for number in range(count)]
        yield _row(f"{wrong:10}  {text:.1f}  {other:.1f}", pairs)


def scripted_pair(number: int, wrong: int, text: float, other: float) -> Pair:
    """Run one task in both arms, with the same random numbers for each field and attempt."""
    luck = random.Random(f"{SEED}:{number}")
    broken = frozenset(luck.sample(range(FIELDS), wrong))
    draws = [[luck.random() for _ in range(FIELDS)] for _ in range(ATTEMPTS)]
    return Pair(*(_scripted_arm(broken, draws, text, other, early_stop=on) for on in (False, True)))


def _scripted_arm(
    broken: frozenset[int], draws: list[list[float]], shown: float, other: float, *, early_stop: bool
) -> Arm:
    left, came, attempt = set(broken), 0, 0

    def ask(prompt: str) -> Iterator[str]:
        nonlocal left, came, attempt
        known = {int(one) for one in _TOLD.findall(prompt)}
        if attempt:
            left = {one for one in left if draws[attempt][one] >= (shown if one in known else other)}
        attempt += 1
        text = json.dumps({f"f{one}": "twelve" if one in left else 12 for one in range(FIELDS)})
        for at in range(0, len(text), CHARACTERS_A_TOKEN):
            came += 1
            yield text[at : at + CHARACTERS_A_TOKEN]

    guarded = _guarded(_NUMBERS, ask, early_stop=early_stop, max_attempts=ATTEMPTS)
    outcome = guarded.outcome("Give the numbers.")
    return _arm(outcome, came, 0.0)


_NUMBERS = {
    "type": "object",
    "properties": {f"f{one}": {"type": "number"} for one in range(FIELDS)},
    "required": [f"f{one}" for one in range(FIELDS)],
}


def _guarded(schema: Any, ask: Callable[[Any], Iterator[Any]], **settings: Any) -> Any:
    return guard(schema, on_failure="return", store=None, **settings)(ask)


def _arm(outcome: Any, tokens: float, seconds: float) -> Arm:
    stopped = sum(getattr(one, "stopped_at", None) is not None for one in outcome.attempts)
    return Arm(outcome.ok, stopped, len(outcome.attempts), tokens, seconds)


# The local model


class Recorded(NamedTuple):
    """A recorded reply: its chunks, and the seconds until each one arrived."""

    chunks: list[Any]
    at_s: list[float]


class LocalTask:
    """A task of the suite with a seed. Equal prompts get the same reply, which the model generates once."""

    def __init__(self, model: Any, entry: Any, task: Any, seed: int) -> None:
        self.schema = entry.name
        self._model, self._entry, self._task, self._seed = model, entry, task, seed
        self._replies: dict[str, Recorded] = {}
        self._tokens, self._seconds = 0, 0.0

    def first_fails(self) -> bool:
        """Return whether a call with one attempt fails."""
        return not self._asked(early_stop=False, max_attempts=1).ok

    def pair(self) -> Pair:
        """Run the task in both arms. Early stop is second, because only whole replies can be replayed."""
        return Pair(*(self._asked(early_stop=on, max_attempts=ATTEMPTS) for on in (False, True)))

    def _asked(self, *, early_stop: bool, max_attempts: int) -> Arm:
        self._tokens, self._seconds = 0, 0.0
        examples = [Example(one.gold, one.text) for one in self._entry.tasks_of("dev")[:2]]
        settings: dict[str, Any] = {"strategy": "few_shot", "examples": examples}
        ask = _guarded(
            self._entry.schema, self._answer, early_stop=early_stop, max_attempts=max_attempts, **settings
        )
        outcome = ask.outcome(
            [{"role": "system", "content": ""}, {"role": "user", "content": self._task.text}]
        )
        return _arm(outcome, self._tokens, self._seconds)

    def _answer(self, prompt: Any) -> Iterator[Any]:
        key = json.dumps(prompt, default=str)
        known = self._replies.get(key)
        came = self._came(key, prompt) if known is None else zip(*known, strict=True)
        before = self._seconds
        for chunk, at_s in came:
            self._tokens += bool(chunk.choices and chunk.choices[0].delta.content)
            self._seconds = before + at_s
            yield chunk

    def _came(self, key: str, prompt: Any) -> Iterator[tuple[Any, float]]:
        options = {"temperature": TEMPERATURE, "seed": self._seed, "max_tokens": self._task.output_tokens}
        began, taken = monotonic(), Recorded([], [])
        for chunk in self._model.stream(prompt, options=options):
            taken.chunks.append(chunk)
            taken.at_s.append(monotonic() - began)
            yield chunk, taken.at_s[-1]
        # Only a whole reply is stored for this prompt.
        self._replies[key] = taken


def local(minutes: float, named: list[str]) -> Iterator[str]:
    """Yield the lines of the local model's part."""
    with connect("local") as model, ThreadPoolExecutor(AT_ONCE) as pool:
        entries = load_suite("small").schemas
        yield f"{model.name}, few_shot, temperature {TEMPERATURE}, {ATTEMPTS} attempts, seeds from {SEED}"
        if not named:
            failing = _pilot(model, entries, pool)
            named = [name for name, count in failing.items() if 0.2 <= count / PILOT <= 0.8]
            yield f"failed of {PILOT} in the pilot: {', '.join(f'{name} {n}' for name, n in failing.items())}"
        chosen = [entry for entry in entries if entry.name in named]
        yield f"asked: {', '.join(named)}"
        until = monotonic() + 60 * minutes
        result = _both(model, chosen, pool, until)
    yield from _local_lines(result)


def _local_lines(found: list[tuple[str, Pair | None]]) -> Iterator[str]:
    """Yield lines about the calls, each with its schema."""
    asked = Counter(schema for schema, _ in found)
    failed = Counter(schema for schema, pair in found if pair is not None)
    yield f"failed at first: {', '.join(f'{name} {failed[name]}/{asked[name]}' for name in sorted(asked))}"
    stored = {name for name in asked if 0.2 <= failed[name] / asked[name] <= 0.8}
    yield f"of {len(stored)} schemas that failed in 20 to 80 %: {sum(asked[name] for name in stored)} calls"
    pairs = [pair for schema, pair in found if pair is not None and schema in stored]
    yield ""
    yield _HEAD.format("")
    yield _row("these", pairs)
    yield _row("all that were asked", [pair for _, pair in found if pair is not None])
    if pairs:
        off, on = (sum(arm.seconds for arm in arms) / len(pairs) for arms in zip(*pairs, strict=True))
        yield f"seconds of these, a call that failed at first: {off:.1f} off, {on:.1f} on"
        calls = sum(asked[name] for name in stored)
        off, on = (sum(not arm.ok for arm in arms) / calls for arms in zip(*pairs, strict=True))
        yield f"failed of their {calls} calls: {off:.1%} off, {on:.1%} on"


def _both(
    model: Any, chosen: list[Any], pool: ThreadPoolExecutor, until: float
) -> list[tuple[str, Pair | None]]:
    """Run tasks until the time is over. Return the schema of each, and a pair if its first reply failed."""

    def answered(task: LocalTask) -> tuple[str, Pair | None] | None:
        if monotonic() > until:
            return None
        results = task.schema, task.pair() if task.first_fails() else None
        print(json.dumps(results), file=sys.stderr, flush=True)
        return results

    return [result for result in pool.map(answered, _rounds(model, chosen)) if result is not None]


def _pilot(model: Any, entries: Iterable[Any], pool: ThreadPoolExecutor) -> dict[str, int]:
    """Return how many of the first tasks of each schema fail with one attempt."""
    first = [
        LocalTask(model, entry, task, SEED) for entry in entries for task in entry.tasks_of("test")[:PILOT]
    ]
    failing: dict[str, int] = {}
    for task, fails in zip(first, pool.map(LocalTask.first_fails, first), strict=True):
        failing[task.schema] = failing.get(task.schema, 0) + fails
        print(f"pilot: {task.schema} {'fails' if fails else 'valid'}", file=sys.stderr, flush=True)
    return failing


def _rounds(model: Any, chosen: Iterable[Any]) -> Iterator[LocalTask]:
    """Yield the tasks of the chosen schemas, with one seed after another, at most 400 tasks."""
    most = 400
    seeds = range(SEED, SEED + 100)
    tasks = (
        LocalTask(model, entry, task, seed)
        for seed in seeds
        for place in range(8)
        for entry in chosen
        for task in entry.tasks_of("test")[place : place + 1]
    )
    return (task for _, task in zip(range(most), tasks, strict=False))


# The lines of the result


_HEAD = "{:20}  failed   rescued off, on        lost, with bounds   5 points  stopped   tokens off, on"


def _row(name: str, pairs: list[Pair]) -> str:
    """Return a row with the rescued calls that early stop lost, and its savings."""
    n = len(pairs)
    if not n:
        return f"{name:20}  no data"
    off, on = (sum(arm.ok for arm in arms) for arms in zip(*pairs, strict=True))
    between = gap_bounds([float(pair.off.ok) - pair.on.ok for pair in pairs])
    word = "excluded" if between.upper <= ALLOWED else "lost" if between.lower > ALLOWED else "open"
    stopped = sum(pair.on.stopped > 0 for pair in pairs)
    tokens = [sum(arm.tokens for arm in arms) / n for arms in zip(*pairs, strict=True)]
    lost = f"{100 * (off - on) / n:+.1f} [{100 * between.lower:+.1f}, {100 * between.upper:+.1f}]"
    return (
        f"{name:20}  {n:6}   {off / n:10.1%}, {on / n:6.1%} {lost:>24}   {word:8}  {stopped / n:6.0%}"
        f"   {tokens[0]:6.0f}, {tokens[1]:6.0f}"
    )


def main() -> None:
    """Measure one part, and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("scripted", "local"))
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--schemas", default="", help="with commas; without it a pilot finds them")
    parser.add_argument("--output", type=Path, help="also write the result there")
    value = parser.parse_args()
    named = [name for name in value.schemas.split(",") if name]
    result = scripted(value.tasks) if value.part == "scripted" else local(value.minutes, named)
    shown = f"early stop, {value.part}, {datetime.now(UTC).isoformat(timespec='seconds')}"
    text = "\n".join([shown, *result]) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
