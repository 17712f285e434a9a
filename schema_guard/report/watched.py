"""What `watch` says, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.watch import Watched


def watched_as_text(watched: Sequence[Watched], objective: float) -> str:
    """Say how the configuration that is worst stands, and how many are not fine.

    Args:
        watched: As `watch` gives them, the worst one first.
        objective: That they were held against.
    """
    if not watched:
        return "no data: nothing is recorded"
    worst = watched[0]
    wrong = sum(not one.is_fine for one in watched)
    counted = f"{worst.k:g}/{worst.n} = {worst.rate:.2%} [{worst.lower:.2%}, {worst.upper:.2%}] unhandled"
    proved = ["above the objective"] if worst.breach else []
    risen = [f"risen since call {worst.risen_at}"] if worst.risen_at is not None else []
    state = " and ".join(proved + risen) or "not proved above the objective"
    return (
        f"{'BREACH' if wrong else 'OK'}: {wrong} of {len(watched)} configurations; {safe(worst.schema)} "
        f"{safe(worst.function)} {safe(worst.configuration)} {counted}: {state} of {objective:.2%}"
    )
