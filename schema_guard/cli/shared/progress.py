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

    def line(self, now: float, done: int, total: int | None) -> str:
        """Return the steps, their rate, and the time left."""
        rate = (done - self.first) / (now - self.at) if now > self.at else 0.0
        of = "" if total is None else f" of {total:,}"
        speed = f", {rate:.3g} a second" if rate else ""
        left = (
            f", {timedelta(seconds=round((total - done) / rate))} left" if total is not None and rate else ""
        )
        return f"{done:,}{of}{speed}{left}"


@contextmanager
def phases(*, are_kept: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show a bar on stderr for each phase of a task that takes longer than a second.

    Yield a function that takes the phase's name, its steps so far, and its total if known. Facts that change can follow
    the name after a comma.

    Args:
        are_kept: Whether the bars stay on the terminal, and are also in a log.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_off = is_quiet() or not (are_kept or console.is_terminal)
    bar = Progress(*columns, console=console, transient=not are_kept, disable=is_off)
    tasks: dict[str, _Task] = {}
    begun = line_at = shown_at = monotonic()

    def on_step(word: str, done: int, total: int | None) -> None:
        nonlocal line_at, shown_at
        now, name = monotonic(), word.partition(",")[0]
        if name not in tasks:
            tasks[name] = _Task(
                bar.add_task(word, total=total), now if tasks else begun, done if tasks else 0
            )
        if not console.is_terminal and now - line_at >= _LINE_S:
            line_at = now
            note(f"{word}: {tasks[name].line(now, done, total)}")
        if done != total and now - shown_at < _REDRAW_S:
            return
        shown_at = now
        bar.update(tasks[name].bar, completed=done, total=total, description=word)
        if are_kept or now - begun > _SHORT_S:
            bar.start()

    try:
        yield on_step
    finally:
        if bar.live.is_started:
            bar.stop()


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
