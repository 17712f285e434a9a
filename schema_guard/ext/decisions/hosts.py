# SPDX-License-Identifier: Apache-2.0
"""The hosts of decision models: their limits, each with its source and the day when it was read."""

from __future__ import annotations

from typing import Final, NamedTuple


class DecisionHost(NamedTuple):
    """A host, and the questions that it accepts.

    Attributes:
        questions: The most questions of one request.
        options: The most options of one choice.
        levels: The most levels of one score.
        rounding: The largest rounding error of one probability in an answer.
        evidence: The source of the limits.
        verified_on: The day when somebody read the source, ISO 8601.
    """

    questions: int
    options: int
    levels: int
    rounding: float
    evidence: str
    verified_on: str


_DAY: Final = "2026-11-29"
_OPENAI: Final = DecisionHost(
    400, 255, 10, 0.005, "docstrings of openai 3.57; levels and rounding are not documented", _DAY
)
HOSTS: Final = {
    # The smallest limits of all hosts, for a host that is not chosen yet.
    "decisions": _OPENAI._replace(questions=128, evidence="the smallest limits of the other hosts"),
    "openai-decisions": _OPENAI,
    "litellm-decisions": _OPENAI._replace(questions=128, evidence="litellm 1.110, decisions/"),
    "local-decisions": _OPENAI._replace(
        rounding=1e-4, evidence="schema_guard scores the options with llama.cpp"
    ),
}
"""Each host by the name of its provider."""
