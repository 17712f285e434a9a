# SPDX-License-Identifier: Apache-2.0
"""Errors for arguments that `guard` lacks: members of groups, argument names of other libraries, misspellings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from schema_guard.errors import InvalidArgument
from schema_guard.limits import Limits
from schema_guard.settings import About, Params
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Members of two groups of arguments.
_MEMBERS: dict[str, str] = {
    **{name: f"params=Params({name}=...)" for name in Params.__match_args__},
    **{name: f"about=About({name}=...)" for name in About.__match_args__},
}
_SCHEMA = "schema, the first argument: @guard(Invoice)"
_SECONDS = "limits=Limits(max_elapsed_s=...)"
_OPTIONS = "a parameter 'options: dict' of the function, or its own code"
# Argument names of instructor, pydantic-ai, LangChain, litellm, Guardrails, tenacity, and stamina.
_PEERS: dict[str, str] = {
    "schema_": _SCHEMA, "response_model": _SCHEMA, "response_schema": _SCHEMA, "response_format": _SCHEMA,
    "output_type": _SCHEMA, "output_schema": _SCHEMA, "output_cls": _SCHEMA, "result_type": _SCHEMA,
    "json_schema": _SCHEMA, "pydantic_object": _SCHEMA, "output_class": _SCHEMA, "model_class": _SCHEMA,
    "mode": "strategy", "method": "strategy", "strict": "strategy='strict_schema'",
    "validators": "checks", "validator": "checks", "guards": "checks",
    **{name: f"limits=Limits({name}=...)" for name in Limits.__match_args__}, "max_tokens": "limits=Limits(output_tokens=...)",
    "on_fail": "on_failure", "on_error": "on_failure", "fallback": "default", "default_value": "default",
    "timeout": _SECONDS, "timeout_s": _SECONDS,
    "shots": "examples", "few_shot": "examples", "fallbacks": "models", "fallback_models": "models",
    "model_name": "about=About(model=...)", "llm": "about=About(model=...)", "tags": "about=About(segment=...)",
    "temperature": _OPTIONS, "messages": "params=Params(prompt='messages')", "recorder": "store",
}  # fmt: skip
# They count retries. `max_attempts` also counts the first attempt.
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
    """Raise `InvalidArgument` for the first unknown argument, with the argument that was probably meant.

    Args:
        given: Names and values of the unknown arguments.
        known: Names of the arguments of `guard`.
    """
    name, value = next(iter(given.items()))
    count = value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
    if name in _MEMBERS:
        raise InvalidArgument(f"guard: {name} belongs in {_MEMBERS[name]}")
    if name in _RETRIES:
        near = "max_attempts" if count is None else f"max_attempts={count + 1}"
        hint = f". Did you mean {near}, which counts the first attempt too?"
    elif name in _ATTEMPTS:
        hint = f". Did you mean {'max_attempts' if count is None else f'max_attempts={count}'}?"
    elif name in _PEERS:
        hint = f". Did you mean {_PEERS[name]}?"
    else:
        hint = did_you_mean(name, known) or f": expected one of {', '.join(known)}"
    raise InvalidArgument(f"guard: unknown argument {safe(clip(name))}={clip(repr(value))}{hint}")
