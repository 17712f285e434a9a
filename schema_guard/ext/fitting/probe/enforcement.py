# SPDX-License-Identifier: Apache-2.0
"""A test whether a server enforces the schemas that it accepts.

Rules: A result has the observed counts, n of n, with the bound for that number of requests. A verdict on a server is
based on replies alone, so a server that doesn't reply has none.
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

# One-sided, at 95%.
_CONFIDENCE = 0.9


class ProbedQuestion(NamedTuple):
    """A question and its answer."""

    question: ProbeQuestion
    answer: ProbeAnswer


@dataclass(frozen=True, slots=True)
class Enforcement:
    """The behavior of a server with schemas that it should enforce.

    Attributes:
        asked: Requests, in order.
        control: Answer to a request without a schema, if requests were refused and no reply could be validated.
            Otherwise None.
    """

    asked: Sequence[ProbedQuestion]
    control: ProbeAnswer | None = None

    @property
    def counts(self) -> Counter[str]:
        """The number of requests for each result."""
        return Counter(request.answer.did for request in self.asked)

    @property
    def judged(self) -> int:
        """The number of replies that show the server's behavior. Without any, the number of refusals.

        Beside such a reply, a refusal shows only the behavior for its keyword.
        """
        counts = self.counts
        return counts["kept"] + counts["broken"] or counts["refused"]

    @property
    def verdict(self) -> Enforces:
        """The conclusion from all requests."""
        counts, n = self.counts, self.judged
        if self.by_keyword:
            return "enforced" if counts["kept"] == n else "ignored" if counts["broken"] == n else "sometimes"
        return "refused" if n and self.control is not None and self.control.did == "kept" else "unknown"

    @property
    def by_keyword(self) -> dict[str, tuple[int, int]]:
        """The number of replies that match each keyword, and the number of its validated replies."""
        counts: dict[str, tuple[int, int]] = {}
        for question, answer in self.asked:
            if answer.did in ("kept", "broken"):
                count, n = counts.get(question.keyword, (0, 0))
                counts[question.keyword] = (count + (answer.did == "kept"), n + 1)
        return counts

    @property
    def is_hard(self) -> bool:
        """Whether a reply matches a keyword that a model hardly matches on its own."""
        return any(
            request.question.keyword in HARD and request.answer.did == "kept" for request in self.asked
        )


def at_least(enforced: int, n: int) -> float:
    """Return the least share of enforced requests, with 95% confidence, from one look at n requests.

    Source: Clopper & Pearson (1934), one-sided. Requests are assumed to be alike and independent.

    >>> round(at_least(3, 3), 3)
    0.368
    """
    interval = clopper_pearson(n - enforced, n, confidence=_CONFIDENCE)
    return 0.0 if interval is None else 1 - interval.upper


def probe_enforcement(model: Model, *, requests: int = 3, seed: int | None = None) -> Enforcement:
    """Request values that the schemas forbid, and return the answers.

    If requests are refused and no reply can be validated, one more request shows whether the server answers at all.
    The probe ends early if nothing is answered.

    Args:
        model: Model to ask.
        requests: Number of requests, at least 1.
        seed: Seed of the constants. None makes new constants each time.

    Raises:
        InvalidArgument: By its rules, the model's provider enforces no keyword that can be tested.
    """
    asked: list[ProbedQuestion] = []
    for question in enforcement_questions(model.provider, requests, seed):
        asked.append(ProbedQuestion(question, ask(model, question.schema, question.prompt)))
        if all(request.answer.did == "unanswered" for request in asked):
            break
    enforcement = Enforcement(tuple(asked))
    if enforcement.judged and not enforcement.by_keyword:  # only refusals
        return Enforcement(enforcement.asked, ask(model, None, prompt_of({"answer": True})))
    return enforcement
