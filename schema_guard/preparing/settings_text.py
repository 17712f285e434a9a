# SPDX-License-Identifier: Apache-2.0
"""The settings of a configuration as records have them: everything that changes results, as compact JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import GATEWAY_REPAIRED, LAYOUT, shown_examples, written
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.settings import Unset

if TYPE_CHECKING:
    from schema_guard.settings import Settings
    from schema_guard.strategies import Plan

# Parts of a model's options that can contain a secret key under any name.
_HOLDING_KEYS = frozenset({"extra_headers", "extra_query", "headers", "query"})


def settings_text(
    settings: Settings[Any, Any], plan: Plan, model: Any, repaired: list[str], thought: dict[str, Any]
) -> str:
    """Return the settings that change results, as compact JSON. If one of them changes, the configuration changes."""
    document: dict[str, Any] = {"max_attempts": plan.max_attempts}
    document |= {"observe": True} if settings.observe else {LAYOUT: plan.layout}
    if plan.early_stop:
        document["early_stop"] = True
    document |= {"coerce": False} if plan.schema.is_typed and not plan.coerce else {}
    if plan.repair != "off":
        document["repair"] = plan.repair
    if plan.checks:
        document["checks"] = [getattr(check, "__name__", type(check).__name__) for check in plan.checks]
    uses = {use: getattr(settings.params, use) for use in ("instructions", "feedback", "options")}
    params = {use: value for use, value in uses.items() if not isinstance(value, Unset)}
    document |= {"params": params} if params else {}
    limits = _changed_limits(plan.limits)
    document |= {"limits": limits} if limits else {}
    sent = {step.provider or "": step.sent.recorded for step in plan.steps if step.sent is not None}
    if sent:
        from schema_guard.configuration.recorded_settings import (  # only adapted schemas need it
            SENT,
            sent_as_settings,
        )

        document[SENT] = sent_as_settings(sent)
    document |= {GATEWAY_REPAIRED: repaired} if repaired else {}
    document |= shown_examples(model) if any(step.examples for step in plan.steps) else {}
    document |= _model_options(settings.models or (model,))
    document |= thought
    return written(document)


def _changed_limits(limits: Limits) -> dict[str, Any]:
    """Return the limits that differ from the defaults."""
    parts = {name: getattr(limits, name) for name in Limits.__match_args__}
    return {name: part for name, part in parts.items() if part != getattr(DEFAULT_LIMITS, name)}


def _model_options(models: tuple[Any, ...]) -> dict[str, Any]:
    """Return the options that models send with every call, their adapters, and the most retries of their SDKs."""
    sent: dict[str, Any] = {}
    adapters = adapters_of(models)
    if any(adapters):
        sent["adapter"] = adapters[0] if len(adapters) == 1 else adapters
    retries = [getattr(getattr(model, "endpoint", None), "max_retries", 0) for model in models]
    if any(retries):
        sent["max_retries"] = max(retries)
    thresholds = [getattr(model, "abstain_below", None) for model in models]
    if any(thresholds):
        sent["abstain_below"] = thresholds
    options = [_shown(getattr(model, "options", None)) for model in models]
    if any(options):
        sent["options"] = options[0] if len(options) == 1 else options
    return sent


def adapters_of(models: tuple[Any, ...]) -> list[str | None]:
    """Return the adapter of each model."""
    adapters = [getattr(one, "adapter", None) for one in models]
    return [one if isinstance(one, str) else None for one in adapters]


def _shown(options: Any) -> Any:
    """Return a model's options as JSON without secrets. Headers and queries can hold keys, so only names remain."""
    if not options:
        return None
    from schema_guard.extensions import load  # only a model with options needs it

    return load("option:options")(_json(options)).value


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(name): sorted(map(str, part))
            if name in _HOLDING_KEYS and isinstance(part, Mapping)
            else _json(part)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_json(member) for member in value]
    return value if value is None or isinstance(value, str | bool | int | float) else type(value).__name__
