# SPDX-License-Identifier: Apache-2.0
"""What a guarded call gives or raises once it has ended, by the settings of its guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.errors import CallFailed, GuardFailed, InvalidArgument, tells_values
from schema_guard.guards.settings import UNSET

if TYPE_CHECKING:
    from schema_guard.calls.drive import Driven
    from schema_guard.core.values import Outcome
    from schema_guard.guards.prepare import Prepared

__all__ = ["as_it_ended", "value_of", "whole_of"]


def as_it_ended(prepared: Prepared, driven: Driven) -> Driven:
    """Give how a call ended, whatever was raised in it."""
    return driven


def whole_of(prepared: Prepared, driven: Driven) -> Outcome[Any]:
    """Give the outcome, or raise what was no matter of the format."""
    outcome = driven.outcome
    if driven.error is not None:
        raise driven.error
    failure = outcome.failure
    # Without an exception only a budget cancels a call: what a call without a value gives is said by the settings.
    if failure is not None and failure.kind == "transport" and failure.code != "cancelled":
        if failure.code == "no_reply":
            raise InvalidArgument(f"{prepared.name}: {failure.message}")
        raise CallFailed(f"{prepared.name}: {failure.message}", outcome=outcome)
    return outcome


def value_of(prepared: Prepared, driven: Driven) -> Any:
    """Give the value, or what the settings say for a call without one."""
    if driven.outcome.ok:
        return driven.outcome.value
    outcome = whole_of(prepared, driven)
    if prepared.settings.on_failure == "return":
        return outcome
    if prepared.settings.default is not UNSET:
        return prepared.settings.default
    from schema_guard.core.explain import explain  # only a failure needs it

    plan = prepared.plan
    raise GuardFailed(
        explain(
            outcome,
            max_attempts=plan.max_attempts,
            budget=plan.budget,
            values=tells_values(),
            typed=plan.schema.is_typed,
        ),
        outcome=outcome,
    ) from driven.cause
