# SPDX-License-Identifier: Apache-2.0
"""The price of enforcement: the values before and after a provider enforces the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.explanation.commands import playbook_command
from schema_guard.decide.measure import wrong_values
from schema_guard.decide.playbook import ENFORCING, STRICT

if TYPE_CHECKING:
    from schema_guard.decide.case import Case
    from schema_guard.decide.evidence.values import StrategyCounts
    from schema_guard.decide.rules.ruling import Ruling


def enforcement_figures(case: Case, ruling: Ruling) -> dict[str, Any] | None:
    """Return the values before and after enforcement, or the command that measures them. None for other verdicts."""
    known = {one.strategy.id: one.strategy for one in case.strategies}
    enough = ruling.figures.get("strategy") if ruling.verdict == "PROMPTING_ENOUGH" else None
    chosen = known.get(ruling.figures.get("switch_to") or enough or "")
    before = known.get(case.evidence.current or "")
    if before is not None and before.step in ENFORCING:
        return None
    if ruling.figures.get("next_rung") != STRICT and (chosen is None or chosen.step not in ENFORCING):
        return None
    if case.evidence.values is not None:
        return dict(case.evidence.values)
    enforcing = [one for one in known.values() if one.step in ENFORCING]
    after = chosen if chosen in enforcing else next(iter(enforcing), None)
    shares = [_share(one, case.alpha_each) for one in (before, after)]
    if None not in shares:
        return {"measure": "right", "before": shares[0], "after": shares[1]}
    command = playbook_command(case.evidence, None)
    return {"command": command, **({} if shares[0] is None else {"measure": "right", "before": shares[0]})}


def _share(strategy: StrategyCounts | None, alpha: float) -> dict[str, Any] | None:
    """Return the share of right values of a strategy. None without right answers and without labels.

    Labels give only bounds. The mean of the labels isn't the estimate behind the bounds, and can be outside them.
    """
    if strategy is None:
        return None
    right, wrong = strategy.right, wrong_values(strategy, alpha, alpha)
    if wrong is None:
        return None
    return {
        "id": strategy.id,
        "share": 1 - right.missed / right.n if right is not None and right.n else None,
        "lower": 1 - wrong.bounds.upper,
        "upper": 1 - wrong.bounds.lower,
    }
