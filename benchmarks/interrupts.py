"""Check that guarded calls pass on exceptions from outside: python benchmarks/interrupts.py.

A timer's signal interrupts a whole, a streamed, or an observed call at a random moment, and its handler raises. In
1,500 calls, it raises an exception like that of a soft time limit, of types that a library can mistake for a failure.
In 1,500 calls, it raises KeyboardInterrupt. The call must raise the same exception. `--output FOLDER` also writes a
dated JSON file and the printed text. `--seed` draws other moments.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import signal
import sys
import warnings
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from schema_guard import CallFailed, GuardFailed, guard, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["KINDS", "run"]

COUNT = 1_500


class TimeLimit(Exception):
    """An exception from outside the library."""


class ValueLimit(ValueError):
    """A time limit that looks like a wrong value."""


class TypeLimit(TypeError):
    """A time limit that looks like a wrong type."""


class RuntimeLimit(RuntimeError):
    """A time limit that looks like an error at run time."""


class SlowLimit(TimeoutError):
    """A time limit that looks like a slow server."""


KINDS: tuple[type[BaseException], ...] = (TimeLimit, ValueLimit, TypeLimit, RuntimeLimit, SlowLimit)

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "lines": {"type": "array", "items": {"type": "string"}}},
    "required": ["total"],
}
GOOD = '{"total": 1, "lines": ["a", "b"]}'


class Total(BaseModel):
    """A value of a Python type."""

    total: float
    lines: list[str] = []


def completion(text: str) -> dict[str, Any]:
    """Return a whole reply of a provider."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 12, "completion_tokens": 7}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


class Part(BaseModel):
    """A piece of a reply. Access to a missing field is as slow as for the objects of SDKs."""

    choices: list[dict[str, Any]]
    model: str = "m"
    object: str = "chat.completion.chunk"


class Message(BaseModel):
    """An SDK's object for the message of a whole reply."""

    content: str
    refusal: str | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None


class Choice(BaseModel):
    """An SDK's object for the choice with the message."""

    message: Message
    finish_reason: str = "stop"


class Whole(BaseModel):
    """An SDK's object for the whole reply."""

    choices: list[Choice]
    model: str = "m"


def chunks(text: str) -> Iterator[Part]:
    """Yield a reply of a provider in pieces."""
    for at in range(0, len(text), 4):
        yield Part(choices=[{"index": 0, "delta": {"content": text[at : at + 4]}}])
    yield Part(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])


def awaited(call: Any) -> object:
    """Run a coroutine that waits for nothing. An event loop would hang if an exception reached asyncio's own code."""
    try:
        call.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError


def shapes(store: Any) -> dict[str, Callable[[], object]]:
    """Return a call of each shape by name."""

    def plain(text: str, **settings: Any) -> Callable[[], object]:
        function = guard(settings.pop("schema", SCHEMA), store=store, name="ask", **settings)(
            lambda prompt: text
        )
        return lambda: function("t")

    def replies(prompt: str) -> Any:
        return completion(GOOD)

    def streams(prompt: str) -> Any:
        yield from chunks(f"Here it is: {GOOD}")

    async def later(prompt: str) -> Any:
        for chunk in chunks(GOOD):
            yield chunk

    async def soon(prompt: str) -> str:
        return GOOD

    as_object = Whole(choices=[Choice(message=Message(content=GOOD))])
    whole = guard(SCHEMA, store=store)(replies)
    text_later = guard(SCHEMA, store=store)(soon)
    in_object = guard(SCHEMA, store=store)(lambda prompt: as_object)
    streamed = guard(SCHEMA, store=store)(streams)
    watched = guard(SCHEMA, store=store, observe=True)(replies)
    watched_stream = guard(SCHEMA, store=store, observe=True)(streams)
    asynchronous = guard(SCHEMA, store=store)(later)
    return {
        "a text": plain(GOOD),
        "a text of a type, with a check": plain(GOOD, schema=Total, checks=[lambda value: None]),
        "broken JSON, fixed": plain("{'total': 1, lines: [a, b],}", repair="lossless"),
        "three attempts": plain('{"total": "one"}'),
        "an asynchronous text": lambda: awaited(text_later("t")),
        "a reply of a provider": lambda: whole("t"),
        "an object of its package": lambda: in_object("t"),
        "a stream": lambda: streamed("t"),
        "growing values": lambda: list(streamed.stream("t")),
        "an asynchronous stream": lambda: awaited(asynchronous("t")),
        "an observed reply": lambda: watched("t"),
        "an observed stream": lambda: list(watched_stream("t")),
    }


class Strike:
    """A signal that fires once, and raises at the interrupted place."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.is_on = False
        self.lost = 0

    def handle(self, number: int, frame: object) -> None:
        """Raise if the call is still running."""
        if self.is_on and self.error is not None:
            self.is_on = False
            raise self.error

    def unraisable(self, text: Any) -> None:
        """Count an exception that was lost where Python cannot raise it."""
        if text.exc_value is self.error:
            self.lost += 1

    def during(self, call: Callable[[], object], error: BaseException, after_s: float) -> str | None:
        """Interrupt a call after some seconds. Return the outcome, or None if the call ended before."""
        # Objects of an earlier interrupted call are finalized now, not during the next one. The collector is off,
        # because callbacks of other libraries in it swallow exceptions.
        gc.collect()
        gc.disable()
        self.error, self.is_on, lost = error, True, self.lost
        outcome = "nothing"
        try:
            signal.setitimer(signal.ITIMER_REAL, after_s)
            call()
            self.is_on, struck = False, not self.is_on
        except BaseException as raised:  # noqa: BLE001 - it is compared
            struck = not self.is_on
            self.is_on = False
            ordinary = isinstance(raised, (GuardFailed, CallFailed))
            outcome = "itself" if raised is error else "nothing" if ordinary else type(raised).__name__
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        if not struck:
            return None
        return "lost in a finalizer" if self.lost > lost else outcome


def run(count: int, kinds: tuple[type[BaseException], ...], seed: int) -> dict[str, Counter[str]]:
    """Interrupt *count* calls, and count the outcomes by the shape of the call."""
    results: dict[str, Counter[str]] = {}
    strike, draw = Strike(), random.Random(seed)
    handler = signal.signal(signal.SIGALRM, strike.handle)
    hook, sys.unraisablehook = sys.unraisablehook, strike.unraisable
    try:
        with open_store("sqlite://") as store, warnings.catch_warnings():
            # An exception between the creation of a coroutine and its first step leaves it unawaited.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited")
            calls = shapes(store)
            took = {name: _seconds(call) for name, call in calls.items()}
            gc.freeze()
            struck = 0
            while struck < count:
                name = list(calls)[struck % len(calls)]
                error = kinds[struck % len(kinds)]("from outside")
                outcome = strike.during(calls[name], error, draw.uniform(1e-6, took[name]))
                if outcome is not None:
                    results.setdefault(name, Counter())[outcome] += 1
                    struck += 1
    finally:
        gc.unfreeze()
        signal.signal(signal.SIGALRM, handler)
        sys.unraisablehook = hook
    return results


def _seconds(call: Callable[[], object]) -> float:
    """Return the seconds of a call after all imports."""
    times = []
    for _ in range(7):
        begun = perf_counter()
        with suppress(GuardFailed):
            call()
        times.append(perf_counter() - begun)
    return median(times[2:])


def _table(title: str, found: dict[str, Counter[str]]) -> str:
    total = sum((row for row in found.values()), Counter())
    lines = [f"{title}: {total['itself']} of {total.total()} came out as themselves"]
    for name, row in found.items():
        others = ", ".join(f"{what} {n}" for what, n in row.items() if what != "itself")
        lines.append(f"  {name:32} {row['itself']:5} of {row.total():5}{'  ' + others if others else ''}")
    return "\n".join(lines)


def main() -> None:
    """Interrupt the calls, and print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--output", type=Path)
    value = parser.parse_args()
    raised = run(value.count, KINDS, value.seed)
    interrupts = run(value.count, (KeyboardInterrupt,), value.seed + 1)
    text = "\n".join(
        [
            f"python {platform.python_version()}, seed {value.seed}",
            _table("exceptions of a signal's handler", raised),
            _table("interrupts", interrupts),
        ]
    )
    print(text)
    if value.output is not None:
        stem = value.output / f"{datetime.now(UTC):%Y-%m-%d}-interrupts"
        figures = {
            "seed": value.seed,
            "python": platform.python_version(),
            "raised": raised,
            "interrupts": interrupts,
        }
        stem.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n")
        stem.with_suffix(".txt").write_text(text + "\n")


if __name__ == "__main__":
    main()
