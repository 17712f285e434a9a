# SPDX-License-Identifier: Apache-2.0
"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy.

Rules:
1. Lossless: every character of data that the model wrote is in the value and none is invented. Only syntax
   changes: quotes, commas, comments, literals of Python, raw line breaks; missing closers only when the
   model had finished. Where two readings are possible it is not lossless.
2. Lossy: whatever drops, invents, guesses or closes what was cut off. Every such step is named too.
3. A text that is JSON comes back as it is.
4. The work is linear in the length of the text, whatever the text, and bounded by `MAX_WORK`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schema_guard.ext.repair.cursor import MAX_WORK
from schema_guard.ext.repair.scanner import Scanner
from schema_guard.ext.repair.steps import STEPS

__all__ = ["MAX_WORK", "Readings", "Repaired", "readings"]


class Repaired(NamedTuple):
    """A reading of a malformed text.

    Attributes:
        text: JSON; limits, duplicate keys and the size of numbers are still for the parser to judge.
        steps: Names of the steps, in order of first use; empty when the text was JSON.
        lossless: Whether every step is lossless.
    """

    text: str
    steps: tuple[str, ...]
    lossless: bool


class Readings(NamedTuple):
    """The readings of a malformed text.

    Attributes:
        repaired: Readings, best first.
        work: Places that were looked at, by which the time is bounded: one takes 1 to 3 us.
        complete: Whether the whole text was read. If not, it has too many faults to say what it means.
    """

    repaired: list[Repaired]
    work: int
    complete: bool


def readings(
    text: str, *, level: Literal["lossless", "lossy"], finished: bool, max_work: int = MAX_WORK
) -> Readings:
    """Return the readings of a malformed JSON text, best first, and whether those are all of them.

    Never raises, whatever the text. Linear in its length, and no more than *max_work* places are looked at.

    Args:
        text: From the first character of JSON on.
        level: `lossless` gives lossless readings only, `lossy` any.
        finished: Whether the model is known to have finished; if not, the text may be cut off, and then
            what is missing at its end cannot be added without loss.
        max_work: How many places may be looked at, all readings together.

    Returns:
        At most four readings that differ; none when the text cannot be read at this level. Prefer the first
        whose value validates.

    >>> readings("{'a': 1,}", level="lossless", finished=True).repaired
    [Repaired(text='{"a":1}', steps=('single_quotes', 'trailing_comma'), lossless=True)]
    """
    results: list[Repaired] = []
    budget = max_work
    waiting = [Scanner(text, level=level, finished=finished)]
    while waiting:
        scanner = waiting.pop(0)
        begun = scanner.work
        scanner.most = begun + budget
        read = scanner.scan()
        budget -= scanner.work - begun
        if budget < 0:
            return Readings(results, max_work, complete=False)
        waiting += scanner.forks.values()
        if read is not None and all(read != other.text for other in results):
            lossless = all(STEPS[step].lossless for step in scanner.steps)
            results.append(Repaired(read, tuple(scanner.steps), lossless))
    return Readings(results, max_work - budget, complete=True)
