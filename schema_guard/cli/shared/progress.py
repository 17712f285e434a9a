# SPDX-License-Identifier: Apache-2.0
"""Bars on stderr: while models are asked, and while a store is gone through."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import TaskID

# Calls may end faster than anybody reads.
_REDRAW_S = 0.1
# What takes less is over before a bar says anything.
_SHORT_S = 1.0


@contextmanager
def steps(word: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr for what takes longer than a second; gives what is told how much more is done.

    Args:
        word: What is done: `"exported"`.
        total: How much there is.
    """
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(word, total=total)
    begun = monotonic()

    def on_step(done: int) -> None:
        bar.advance(task, done)
        if monotonic() - begun > _SHORT_S:
            bar.start()

    try:
        yield on_step
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def phases() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show a bar on stderr for each thing that is done one after the other, where that takes longer than a second.

    Gives what is told the word for it, how much is done, and of how much, where that is known.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
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
    """Show one bar on a terminal's stderr for what goes on for long, and a word for how it is, which changes.

    Gives what is told the word, how much is done, and of how much, where that is known.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task("", total=None)
        yield lambda word, done, total: bar.update(task, description=word, completed=done, total=total)


@contextmanager
def progress(total: int, failed_word: str = "unhandled") -> Iterator[Callable[[str, bool], None]]:
    """Show a bar on stderr for what is asked, and the running count of calls without a valid value.

    Args:
        total: Calls of each thing that is asked; each has a bar of its own.
        failed_word: What the others are called.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        asked: dict[str, TaskID] = {}
        failed: Counter[str] = Counter()
        done: Counter[str] = Counter()
        shown_at = 0.0

        def show() -> None:
            for what, task in asked.items():
                said = f"{what}, {failed[what]}/{done[what]} {failed_word}"
                bar.update(task, completed=done[what], description=said)

        def on_call(what: str, ok: bool) -> None:
            nonlocal shown_at
            if what not in asked:
                asked[what] = bar.add_task(what, total=total)
            done[what] += 1
            failed[what] += not ok
            if monotonic() - shown_at > _REDRAW_S:
                show()
                shown_at = monotonic()

        yield on_call
        show()
