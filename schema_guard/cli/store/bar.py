# SPDX-License-Identifier: Apache-2.0
"""A bar on stderr for what goes through a whole store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Give what is told what is done, how many attempts of it, and of how many; it shows nothing before it is told."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = Progress(*columns, console=Console(stderr=True), transient=True)
    task = shown.add_task("", total=None)

    def on_step(what: str, done: int, total: int) -> None:
        if shown.console.is_terminal:
            shown.start()
        shown.update(task, description=what, completed=done, total=total or None)

    try:
        yield on_step
    finally:
        if shown.live.is_started:
            shown.stop()
