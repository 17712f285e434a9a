# SPDX-License-Identifier: Apache-2.0
"""The ladder: remedies in the order in which they are tried, and which of them is next.

Rules: the order is that of cost, the cheapest first. A rung with data is tested, whatever is claimed of it;
a rung of which nothing is claimed is not untested. Strict decoding jumps the queue when it can reach the
target (that is a rule of the verdict) and goes last when it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BARE = "bare"
RAISE_OUTPUT = "raise_max_output_tokens"
REASONING_LIMIT = "reasoning_limit"
STRICT = "strict_schema"
SMALLER = "smaller_model"
LARGER = "larger_model"
RUNGS = (
    RAISE_OUTPUT,
    REASONING_LIMIT,
    "lenient_parse",
    "system_prompt",
    STRICT,
    "json_mode",
    "few_shot",
    "temperature",
    "reason_then_format",
    "schema_simplify",
    "repair_retry",
    SMALLER,
    LARGER,
)

# Where another model than that in use stands of which nobody knows whether it is larger.
OTHER = "other_model"

ANOTHER_MODEL = (SMALLER, LARGER, OTHER)
"""The rungs that ask another model than the one in use."""

# Observed calls come before every remedy, and what may cost anything after all.
_ORDER = {rung: index for index, rung in enumerate((BARE, *RUNGS, OTHER))}


class Claim(NamedTuple):
    """What is claimed of a rung: its status and the reason for not trying it."""

    rung: str
    status: str
    reason: str


class Rung(NamedTuple):
    """Where one remedy stands.

    Attributes:
        rung: Its name.
        status: `tested`, `untested`, `not_applicable`, `declined`, `no_help` when it can mend none of the failures, or
            `not_claimed` when nothing is said.
        reason: Why it is not tried; `""` otherwise.
        strategies: Ids of the strategies that measured it; none for a test that is only claimed.
    """

    rung: str
    status: str
    reason: str
    strategies: tuple[str, ...]


def order_of(rung: str) -> int:
    """Give a rung's place on the ladder, `bare` before all and another model of unknown size after all."""
    return _ORDER[rung]


def ladder_of(claims: Iterable[Claim], measured: Mapping[str, Sequence[str]]) -> tuple[Rung, ...]:
    """Give every rung in order.

    Args:
        claims: At most one for a rung.
        measured: Rungs with data, and the ids of their strategies.
    """
    claimed = {claim.rung: claim for claim in claims}
    return tuple(_rung(rung, claimed.get(rung), tuple(measured.get(rung, ()))) for rung in RUNGS)


def _rung(rung: str, claim: Claim | None, strategies: tuple[str, ...]) -> Rung:
    if strategies:
        return Rung(rung, "tested", "", strategies)
    if claim is None:
        return Rung(rung, "not_claimed", "", ())
    return Rung(rung, claim.status, claim.reason, ())


def untested(ladder: Iterable[Rung]) -> list[str]:
    """Give the rungs that are still to be tried, in order."""
    return [step.rung for step in ladder if step.status == "untested"]


def next_rung(ladder: Iterable[Rung]) -> str | None:
    """Give the rung to climb to when strict decoding does not reach the target: strict then goes last.

    Returns:
        None when every rung is tested, not applicable or declined.
    """
    left = untested(ladder)
    return next((rung for rung in left if rung != STRICT), left[0] if left else None)


def ladder_line(ladder: Iterable[Rung]) -> str:
    """Write what is untested, declined and not applicable in one line."""
    ladder = tuple(ladder)
    parts = [f"untested: {', '.join(untested(ladder)) or 'none'}"]
    for status in ("declined", "not_applicable", "no_help"):
        told = [f"{step.rung} because {step.reason}" for step in ladder if step.status == status]
        if told:
            parts.append(f"{status.replace('_', ' ')}: {', '.join(told)}")
    unsaid = [step.rung for step in ladder if step.status == "not_claimed"]
    if unsaid:
        parts.append(f"nothing claimed: {', '.join(unsaid)}")
    return " / ".join(parts)
