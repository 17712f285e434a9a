# SPDX-License-Identifier: Apache-2.0
"""The order of the rules. The first rule that matches gives the verdict.

Rules: Each rule returns a ruling or None. Only bounds decide, never a point estimate, and only the pessimistic column
of the costs. Fine-tuning has the burden of proof, which it can't meet without economics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.decide.rules import prompting, tuned_models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.decide.case import Case
    from schema_guard.decide.rules.ruling import Ruling

RULES: Sequence[Callable[[Case], Ruling | None]] = (
    prompting.explain_first,
    prompting.import_all_first,
    prompting.find_what_changed,
    tuned_models.in_service,
    prompting.cheaper_model,
    prompting.prompting_is_enough,
    prompting.more_data_needed,
    prompting.truncation_first,
    prompting.strict_decoding,
    prompting.try_next_fix,
    tuned_models.route_by_pilot,
    tuned_models.pilot_failed,
    tuned_models.content_lost,
    tuned_models.pilot_unclear,
    tuned_models.pilot_meets_what_prompts_miss,
    tuned_models.pilot_for_what_prompts_miss,
    tuned_models.economics_needed,
    tuned_models.pilot_passed,
    tuned_models.does_not_pay,
    tuned_models.is_blocked,
    tuned_models.route_by_segments,
    tuned_models.justified,
)


def rule(case: Case) -> Ruling:
    """Return the ruling of the first rule that matches."""
    # The last one matches every case.
    return next(ruling for ask in RULES if (ruling := ask(case)) is not None)
