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


class _Task:
    """A task, its bar, and its state when it was first seen: a resumed task has steps that this process did not take."""

    def __init__(self, bar: TaskID, at: float, done: int) -> None:
        self.bar, self.at, self.first = bar, at, done
        self.word, self.done = "", done
        self.total: int | None = None

    def line(self, now: float) -> str:
        """Return the steps, their rate, and the time left."""
        rate = (self.done - self.first) / (now - self.at) if now > self.at else 0.0
        of = "" if self.total is None else f" of {self.total:,}"
        text = f"{self.word}: {self.done:,}{of}"
        if not rate:
            return text
        left_s = None if self.total is None else round((self.total - self.done) / rate)
        return f"{text}, {rate:.3g} a second{'' if left_s is None else f', {timedelta(seconds=left_s)} left'}"


class _Bars:
    """The bars of some tasks, or their lines in a log."""

    def __init__(self, *, are_kept: bool) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        )  # fmt: skip
        is_off = is_quiet() or not (are_kept or console.is_terminal)
        self._bar = Progress(*columns, console=console, transient=not are_kept, disable=is_off)
        self._has_lines = not console.is_terminal
        self._are_kept = are_kept
        self._tasks: dict[str, _Task] = {}
        self._begun = self._line_at = self._shown_at = monotonic()

    def step(self, word: str, done: int, total: int | None) -> None:
        """Show the state of a task."""
        now, name = monotonic(), word.partition(",")[0]
        if name not in self._tasks:
            first = (now, done) if self._tasks else (self._begun, 0)
            self._tasks[name] = _Task(self._bar.add_task(word, total=total), *first)
        task = self._tasks[name]
        task.word, task.done, task.total = word, done, total
        if self._has_lines and now - self._line_at >= _LINE_S:
            self._line_at = now
            note(task.line(now))
        if done == total or now - self._shown_at >= _REDRAW_S:
            self._shown_at = now
            self._draw()
            if self._are_kept or now - self._begun > _SHORT_S:
                self._bar.start()

    def _draw(self) -> None:
        for task in self._tasks.values():
            self._bar.update(task.bar, completed=task.done, total=task.total, description=task.word)

    def end(self) -> None:
        """Show the last state, and end the bars."""
        self._draw()
        if self._are_kept:
            self._bar.start()
        if self._bar.live.is_started:
            self._bar.stop()


@contextmanager
def phases(*, are_kept: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show a bar on stderr for each phase of a task that takes longer than a second.

    Yield a function that takes the phase's name, its steps so far, and its total if known. Facts that change can follow
    the name after a comma.

    Args:
        are_kept: Whether the bars stay on the terminal, and are also in a log.
    """
    bars = _Bars(are_kept=are_kept)
    try:
        yield bars.step
    finally:
        bars.end()


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
def progress(total: int) -> Iterator[Callable[[str, bool], None]]:
    """Show a bar on stderr for each variant of a run, with the count of calls without a valid value.

    Yield a function that takes the variant of a finished call and whether its value is valid.

    Args:
        total: Calls of each variant.
    """
    failed: Counter[str] = Counter()
    done: Counter[str] = Counter()
    with phases(are_kept=True) as on_phase:

        def on_call(variant: str, ok: bool) -> None:
            done[variant] += 1
            failed[variant] += not ok
            on_phase(f"{variant}, {failed[variant]:,} failed", done[variant], total)

        yield on_call
