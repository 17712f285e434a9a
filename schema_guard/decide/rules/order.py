# SPDX-License-Identifier: Apache-2.0
"""The order in which the rules are asked: the first that matches gives the verdict.

Rules: each rule gives a ruling or None. Only bounds decide, never a point estimate, and only the pessimistic column of the
costs. Fine-tuning carries the burden of proof, and without economics it cannot be met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.decide.rules import prompted, tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.decide.case import Case
    from schema_guard.decide.rules.ruling import Ruling

RULES: Sequence[Callable[[Case], Ruling | None]] = (
    prompted.explain_first,
    prompted.import_all_first,
    prompted.find_what_changed,
    tuned.in_service,
    prompted.cheaper_model,
    prompted.prompting_is_enough,
    prompted.more_data_needed,
    prompted.truncation_first,
    prompted.strict_decoding,
    prompted.climb,
    tuned.route_by_pilot,
    tuned.pilot_failed,
    tuned.content_lost,
    tuned.pilot_unclear,
    tuned.pilot_meets_what_prompts_miss,
    tuned.pilot_for_what_prompts_miss,
    tuned.economics_needed,
    tuned.pilot_passed,
    tuned.does_not_pay,
    tuned.is_blocked,
    tuned.route_by_segments,
    tuned.justified,
)


def rule(case: Case) -> Ruling:
    """Give the ruling of the first rule that matches."""
    # The last one matches every case.
    return next(ruling for ask in RULES if (ruling := ask(case)) is not None)
