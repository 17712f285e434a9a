# SPDX-License-Identifier: Apache-2.0
"""A bar on stderr while models are asked."""

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
