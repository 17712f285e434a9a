# SPDX-License-Identifier: Apache-2.0
"""Progress on stderr: bars on a terminal, or a line every ten seconds on a pipe. `--quiet` switches both off."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schema_guard.cli.shared.notes import is_quiet, note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

# Calls may end faster than anybody reads.
_REDRAW_S = 0.1
# A shorter task ends before anybody reads its bar.
_SHORT_S = 1.0
# Logs need few lines.
_LINE_S = 10.0


class _Lines:
    """Lines for a pipe: at most one every ten seconds."""

    def __init__(self, bar: Progress) -> None:
        self._is_off = bar.console.is_terminal
        self._line_at = monotonic()
        self._begun: dict[str, float] = {}

    def show(self, word: str, done: int, total: int | None, more: str = "") -> None:
        """Print the steps of a task, their rate, and the time left, unless a line was printed just now."""
        now = monotonic()
        begun = self._begun.setdefault(word.partition(",")[0], now if self._begun else self._line_at)
        if self._is_off or now - self._line_at < _LINE_S or now == begun:
            return
        self._line_at = now
        rate = done / (now - begun)
        of = "" if total is None else f" of {total:,}"
        left = (
            "" if total is None or not rate else f", {timedelta(seconds=round((total - done) / rate))} left"
        )
        note(f"{word}: {done:,}{of}{more}, {rate:.3g} a second{left}")


@contextmanager
def steps(word: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr for a task that takes longer than a second. Yield a function that takes the added steps.

    Args:
        word: The verb of the task: `"exported"`.
        total: The number of steps.
    """
    done = 0
    with phases() as on_phase:

        def on_step(added: int) -> None:
            nonlocal done
            done += added
            on_phase(word, done, total)

        yield on_step


@contextmanager
def phases() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show a bar on stderr for each phase of a task that takes longer than a second.

    Yield a function that takes the phase's name, its steps so far, and its total if known.
    """
    bar = _bar(transient=True)
    tasks: dict[str, TaskID] = {}
    begun = shown_at = monotonic()
    lines = _Lines(bar)

    def on_step(word: str, done: int, total: int | None) -> None:
        nonlocal shown_at
        if done != total and monotonic() - shown_at < _REDRAW_S:
            return
        shown_at = monotonic()
        lines.show(word, done, total)
        if word not in tasks:
            tasks[word] = bar.add_task(word, total=total)
        bar.update(tasks[word], completed=done, total=total)
        if shown_at - begun > _SHORT_S:
            bar.start()

    try:
        yield on_step
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def one_bar() -> Iterator[Callable[[str, int, int | None, float | None], None]]:
    """Show one bar on stderr for a long task, with a description that changes.

    Yield a function that takes the description, the steps so far, the total, and the seconds left. None is unknown.
    """
    bar = _bar(transient=True)
    line_at = monotonic()
    with bar:
        task = bar.add_task("", total=None)

        def on_step(word: str, done: int, total: int | None, left_s: float | None) -> None:
            nonlocal line_at
            bar.update(task, description=word, completed=done, total=total)
            if not bar.console.is_terminal and monotonic() - line_at >= _LINE_S:
                line_at = monotonic()
                of = "" if total is None else f": {done:,} of {total:,}"
                note(word + of + ("" if left_s is None else f", {timedelta(seconds=round(left_s))} left"))

        yield on_step


@contextmanager
def progress(total: int) -> Iterator[Callable[[str, bool], None]]:
    """Show a bar on stderr for each variant of a run, with the count of calls without a valid value.

    Yield a function that takes the variant of a finished call and whether its value is valid.

    Args:
        total: Calls of each variant.
    """
    with _bar(transient=False) as bar:
        asked: dict[str, TaskID] = {}
        failed: Counter[str] = Counter()
        done: Counter[str] = Counter()
        shown_at, lines = 0.0, _Lines(bar)

        def show() -> None:
            for what, task in asked.items():
                state = f"{what}, {failed[what]}/{done[what]} failed"
                bar.update(task, completed=done[what], description=state)

        def on_call(what: str, ok: bool) -> None:
            nonlocal shown_at
            if what not in asked:
                asked[what] = bar.add_task(what, total=total)
            done[what] += 1
            failed[what] += not ok
            if monotonic() - shown_at > _REDRAW_S:
                show()
                shown_at = monotonic()
            lines.show(what, done[what], total, f" calls, {failed[what]:,} failed")

        yield on_call
        show()


def _bar(*, transient: bool) -> Progress:
    """Build a bar on stderr. `--quiet` disables it, and a file or pipe gets no bar that is transient."""
    console = Console(stderr=True)
    is_off = is_quiet() or (transient and not console.is_terminal)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=transient, disable=is_off)
