# SPDX-License-Identifier: Apache-2.0
"""Whether a server enforces the schemas that it takes.

Rules: what is said is what was seen, n of n, with the bound that so many requests give; a verdict on a server rests on
replies alone, so one that answers nothing has none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from schema_guard.ext.fitting.probe.questions import (
    HARD,
    ProbeQuestion,
    enforcement_questions,
    prompt_of,
)
from schema_guard.ext.fitting.probe.request import ProbeAnswer, ask
from schema_guard.stats import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.models.interface import Model

Enforces: TypeAlias = Literal["enforced", "ignored", "refused", "sometimes", "unknown"]

# One-sided, at 95 %.
_CONFIDENCE = 0.9


class ProbedQuestion(NamedTuple):
    """A question and what came of it."""

    question: ProbeQuestion
    answer: ProbeAnswer


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What a server does with schemas that it is said to enforce.

    Attributes:
        asked: The requests, in order.
        control: The same without a schema, asked where each request was refused; None else.
    """

    asked: Sequence[ProbedQuestion]
    control: ProbeAnswer | None = None

    @property
    def counts(self) -> Counter[str]:
        """How many requests came out how."""
        return Counter(request.answer.did for request in self.asked)

    @property
    def judged(self) -> int:
        """How many replies say something of the server; of refusals only where there is no reply: they say it of a keyword."""
        counts = self.counts
        return counts["kept"] + counts["broken"] or counts["refused"]

    @property
    def verdict(self) -> Enforces:
        """What they say."""
        counts, n = self.counts, self.judged
        if self.by_keyword:
            return "enforced" if counts["kept"] == n else "ignored" if counts["broken"] == n else "sometimes"
        return "refused" if n and self.control is not None and self.control.did == "kept" else "unknown"

    @property
    def by_keyword(self) -> dict[str, tuple[int, int]]:
        """For each keyword how many replies kept to it, and of how many."""
        counts: dict[str, tuple[int, int]] = {}
        for question, answer in self.asked:
            if answer.did in ("kept", "broken"):
                count, n = counts.get(question.keyword, (0, 0))
                counts[question.keyword] = (count + (answer.did == "kept"), n + 1)
        return counts

    @property
    def is_hard(self) -> bool:
        """Whether a keyword was kept to that a model hardly keeps to by itself."""
        return any(
            request.question.keyword in HARD and request.answer.did == "kept" for request in self.asked
        )


def at_least(enforced: int, n: int) -> float:
    """Give the share of requests that is enforced at least, with 95 % confidence, by one look at n requests.

    Source: Clopper & Pearson (1934), one-sided; requests are taken to be alike and independent.

    >>> round(at_least(3, 3), 3)
    0.368
    """
    interval = clopper_pearson(n - enforced, n, confidence=_CONFIDENCE)
    return 0.0 if interval is None else 1 - interval.upper


def probe_enforcement(model: Model, *, requests: int = 3, seed: int | None = None) -> Enforcement:
    """Ask for what schemas forbid, and see what comes.

    It is one request more where each was refused: whether the server answers at all. It ends early where nothing is
    answered.

    Args:
        model: Whom to ask.
        requests: How many, >= 1.
        seed: Of the constants; None makes new ones each time.

    Raises:
        InvalidArgument: The model's provider takes no schema.
    """
    asked: list[ProbedQuestion] = []
    for question in enforcement_questions(model.provider, requests, seed):
        asked.append(ProbedQuestion(question, ask(model, question.schema, question.prompt)))
        if all(request.answer.did == "unanswered" for request in asked):
            break
    enforcement = Enforcement(tuple(asked))
    if enforcement.judged and not enforcement.by_keyword:  # all were refused
        return Enforcement(enforcement.asked, ask(model, None, prompt_of({"answer": True})))
    return enforcement
