# SPDX-License-Identifier: Apache-2.0
"""Progress bars on stderr. `--quiet` switches them off, and a file or pipe gets a line every ten seconds."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
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

    def on_step(word: str, done: int, total: int | None) -> None:
        nonlocal shown_at
        if done != total and monotonic() - shown_at < _REDRAW_S:
            return
        shown_at = monotonic()
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
def one_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show one bar on a terminal's stderr for a long task, with a description that changes.

    Yield a function that takes the description, the steps so far, and the total if known.
    """
    bar = _bar(transient=True)
    with bar:
        task = bar.add_task("", total=None)
        yield lambda word, done, total: bar.update(task, description=word, completed=done, total=total)


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
        shown_at, line_at = 0.0, monotonic()

        def show() -> None:
            for what, task in asked.items():
                state = f"{what}, {failed[what]}/{done[what]} failed"
                bar.update(task, completed=done[what], description=state)

        def on_call(what: str, ok: bool) -> None:
            nonlocal shown_at, line_at
            if what not in asked:
                asked[what] = bar.add_task(what, total=total)
            done[what] += 1
            failed[what] += not ok
            if monotonic() - shown_at > _REDRAW_S:
                show()
                shown_at = monotonic()
            if not bar.console.is_terminal and monotonic() - line_at > _LINE_S:
                line_at = monotonic()
                note(f"{what}: {done[what]}/{total} calls, {failed[what]} failed")

        yield on_call
        show()


def _bar(*, transient: bool) -> Progress:
    """Build a bar on stderr. `--quiet` disables it, and a file or pipe gets no bar that is transient."""
    console = Console(stderr=True)
    is_off = is_quiet() or (transient and not console.is_terminal)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=transient, disable=is_off)
