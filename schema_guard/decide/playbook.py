# SPDX-License-Identifier: Apache-2.0
"""The playbook: fixes in the order in which they are tried, and the next one.

Rules: The order is by cost, cheapest first. Steps that fix values and not the format are later. A step with data is
tested, regardless of its claim. A step without a claim is not untested. Strict decoding jumps the queue if it can reach
the target, which is a rule of the verdict, and is last if it can't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BARE = "bare"
RAISE_OUTPUT = "raise_max_output_tokens"
REASONING_LIMIT = "reasoning_limit"
STRICT = "strict_schema"
IMPROVED = "improved_prompt"
DECISION = "decision_model"
SMALLER = "smaller_model"
LARGER = "larger_model"
STEPS = (
    RAISE_OUTPUT,
    REASONING_LIMIT,
    "lenient_parse",
    "system_prompt",
    STRICT,
    "json_mode",
    "few_shot",
    "temperature",
    "reason_then_format",
    "strict_only",
    "reason_then_strict",
    IMPROVED,
    DECISION,
    "schema_simplify",
    "repair_retry",
    SMALLER,
    LARGER,
)

ENFORCING = (STRICT, "strict_only", "reason_then_strict")
"""The steps in which the provider enforces the schema."""

# Step of another model than the one in use, if it's unknown whether it is larger.
OTHER = "other_model"

ANOTHER_MODEL = (DECISION, SMALLER, LARGER, OTHER)
"""The steps that ask another model than the one in use."""

# Observed calls come before every fix, and a model of unknown cost comes after all.
_ORDER = {step: index for index, step in enumerate((BARE, *STEPS, OTHER))}


class PlaybookStep(NamedTuple):
    """One fix and its status.

    Attributes:
        name: Name of the step.
        status: `tested`, `untested`, `not_applicable`, `declined`, `no_help` if it can fix none of the failures, or
            `not_claimed` without a claim.
        reason: The reason why it isn't tried; `""` otherwise.
        strategies: Ids of the strategies that measured it. Empty if the test is only claimed.
    """

    name: Annotated[str, "rung"]
    status: str
    reason: str = ""
    strategies: tuple[str, ...] = ()


def order_of(step: str) -> int:
    """Return a step's place in the playbook, `bare` before all and another model of unknown size after all."""
    return _ORDER[step]


def playbook_of(
    claims: Iterable[PlaybookStep], measured: Mapping[str, Sequence[str]]
) -> tuple[PlaybookStep, ...]:
    """Return every step in order.

    Args:
        claims: At most one for a step.
        measured: Steps with data, and the ids of their strategies.
    """
    known = {claim.name: claim for claim in claims}
    known |= {step: PlaybookStep(step, "tested", "", tuple(ids)) for step, ids in measured.items() if ids}
    return tuple(known.get(step) or PlaybookStep(step, "not_claimed") for step in STEPS)


def untested(playbook: Iterable[PlaybookStep]) -> list[str]:
    """Return the untested steps, in order."""
    return [step.name for step in playbook if step.status == "untested"]


def next_step(playbook: Iterable[PlaybookStep]) -> str | None:
    """Return the step to try if strict decoding does not reach the target. Strict decoding is then the last step.

    Returns:
        None if every step is tested, not applicable, or declined.
    """
    steps = untested(playbook)
    return next((step for step in steps if step != STRICT), steps[0] if steps else None)


def playbook_line(playbook: Iterable[PlaybookStep]) -> str:
    """Write the untested, declined, and not applicable steps in one line."""
    playbook = tuple(playbook)
    parts = [f"untested: {', '.join(untested(playbook)) or 'none'}"]
    for status in ("declined", "not_applicable", "no_help"):
        names: dict[str, list[str]] = {}
        for step in playbook:
            if step.status == status:
                names.setdefault(step.reason, []).append(step.name)
        reasons = [f"{', '.join(steps)} ({reason})" for reason, steps in names.items()]
        if reasons:
            parts.append(f"{status.replace('_', ' ')}: {'; '.join(reasons)}")
    unsaid = [step.name for step in playbook if step.status == "not_claimed"]
    if unsaid:
        parts.append(f"no status: {', '.join(unsaid)}")
    return " / ".join(parts)
