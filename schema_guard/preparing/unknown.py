# SPDX-License-Identifier: Apache-2.0
"""Arguments that `guard` does not have: the words of other libraries, and slips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["refuse"]

_SCHEMA = "schema, the first argument: @guard(Invoice)"
_BUDGET = "budget=Budget(max_elapsed_s=...)"
_OPTIONS = "a parameter 'options: dict' of the function, or its own code"
# As instructor, pydantic-ai, LangChain, litellm, Guardrails, tenacity and stamina have them.
_PEERS = {
    "schema_": _SCHEMA, "response_model": _SCHEMA, "response_schema": _SCHEMA, "response_format": _SCHEMA,
    "output_type": _SCHEMA, "output_schema": _SCHEMA, "output_cls": _SCHEMA, "result_type": _SCHEMA,
    "json_schema": _SCHEMA, "pydantic_object": _SCHEMA, "output_class": _SCHEMA, "model_class": _SCHEMA,
    "mode": "strategy", "method": "strategy", "strict": "strategy='strict_schema'",
    "validators": "checks", "validator": "checks", "guards": "checks",
    "on_fail": "on_failure", "on_error": "on_failure", "fallback": "default", "default_value": "default",
    "max_repeats": "budget=Budget(max_repeats=...)", "max_output_tokens": "budget=Budget(max_output_tokens=...)",
    "output_tokens": "budget=Budget(output_tokens=...)", "max_tokens": "budget=Budget(output_tokens=...)",
    "max_elapsed_s": _BUDGET, "timeout": _BUDGET, "timeout_s": _BUDGET,
    "shots": "examples", "few_shot": "examples", "model_name": "model", "fallbacks": "models", "fallback_models": "models", "llm": "model", "provider": "target",
    "temperature": _OPTIONS, "tags": "segment", "messages": "prompt='messages'", "recorder": "store",
}  # fmt: skip
# They count what is asked again, `max_attempts` also the first time.
_RETRIES = (
    "max_retries",
    "retries",
    "num_retries",
    "n_retries",
    "retry",
    "num_reasks",
    "max_reasks",
    "output_retries",
)
_ATTEMPTS = ("attempts", "max_tries", "tries", "stop_after_attempt", "stop")


def refuse(given: Mapping[str, Any], known: Collection[str]) -> NoReturn:
    """Refuse arguments that there are not, the first of them by name, with the one that may be meant.

    Args:
        given: Their names and values.
        known: Names of the arguments that there are.
    """
    name, value = next(iter(given.items()))
    count = value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
    if name in _RETRIES:
        near = "max_attempts" if count is None else f"max_attempts={count + 1}"
        hint = f", did you mean {near}, which counts the first attempt too?"
    elif name in _ATTEMPTS:
        hint = f", did you mean {'max_attempts' if count is None else f'max_attempts={count}'}?"
    elif name in _PEERS:
        hint = f", did you mean {_PEERS[name]}?"
    else:
        hint = did_you_mean(name, known) or f": expected one of {', '.join(known)}"
    raise InvalidArgument(f"guard: unknown argument {safe(clip(name))}={clip(repr(value))}{hint}")
