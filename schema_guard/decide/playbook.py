# SPDX-License-Identifier: Apache-2.0
"""The playbook: fixes in the order in which they are tried, and which of them is next.

Rules: the order is that of cost, the cheapest first. Steps that fix values and not the format are later. A step with data is tested, whatever is claimed of it;
a step of which nothing is claimed is not untested. Strict decoding jumps the queue when it can reach the
target (that is a rule of the verdict) and goes last when it cannot.
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

# Where another model than that in use stands of which nobody knows whether it is larger.
OTHER = "other_model"

ANOTHER_MODEL = (DECISION, SMALLER, LARGER, OTHER)
"""The steps that ask another model than the one in use."""

# Observed calls come before every fix, and what may cost anything after all.
_ORDER = {step: index for index, step in enumerate((BARE, *STEPS, OTHER))}


class PlaybookStep(NamedTuple):
    """One fix and its status.

    Attributes:
        name: Which one.
        status: `tested`, `untested`, `not_applicable`, `declined`, `no_help` when it can fix none of the failures, or
            `not_claimed` when nothing is said.
        reason: Why it is not tried; `""` otherwise.
        strategies: Ids of the strategies that measured it; none for a test that is only claimed.
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
    """Return the steps that are still to be tried, in order."""
    return [step.name for step in playbook if step.status == "untested"]


def next_step(playbook: Iterable[PlaybookStep]) -> str | None:
    """Return the step to try when strict decoding does not reach the target. Strict decoding is then the last step.

    Returns:
        None when every step is tested, not applicable or declined.
    """
    steps = untested(playbook)
    return next((step for step in steps if step != STRICT), steps[0] if steps else None)


def playbook_line(playbook: Iterable[PlaybookStep]) -> str:
    """Write what is untested, declined and not applicable in one line."""
    playbook = tuple(playbook)
    parts = [f"untested: {', '.join(untested(playbook)) or 'none'}"]
    for status in ("declined", "not_applicable", "no_help"):
        names: dict[str, list[str]] = {}
        for step in playbook:
            if step.status == status:
                names.setdefault(step.reason, []).append(step.name)
        reasons = [f"{', '.join(steps)} because {reason}" for reason, steps in names.items()]
        if reasons:
            parts.append(f"{status.replace('_', ' ')}: {'; '.join(reasons)}")
    unsaid = [step.name for step in playbook if step.status == "not_claimed"]
    if unsaid:
        parts.append(f"no status: {', '.join(unsaid)}")
    return " / ".join(parts)
