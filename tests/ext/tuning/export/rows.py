"""Training rows for tests, and stores whose calls are known."""

from schema_guard.ext.tuning.export.values import TrainingRow
from tests.public.commands.training_rows import TICKET, WORDS, looks, recorded

__all__ = ["TICKET", "WORDS", "looks", "recorded", "row"]


def row(text, answer=None, **more):
    """A row that asks with one text."""
    answer = {"team": "billing"} if answer is None else answer
    known = {"source": "gold", "origin": text, **more}
    return TrainingRow(({"role": "user", "content": text},), answer, **known)
