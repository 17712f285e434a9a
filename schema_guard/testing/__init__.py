# SPDX-License-Identifier: Apache-2.0
"""Test code that calls an LLM: Hypothesis strategies from a schema, fake models and servers, and failure rates.

A name is imported on first use. Only the Hypothesis strategies need the extra `testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.errors import missing_extra

if TYPE_CHECKING:
    from schema_guard.extensions import (
        FAULTS,
        TUNING_FAULTS,
        Request,
        Server,
        TuningServer,
        serve,
        serve_tuning,
    )
    from schema_guard.models.scripted import ScriptedModel
    from schema_guard.testing.model_replies.broken_replies import Broken, broken
    from schema_guard.testing.model_replies.valid_replies import Sent, replies
    from schema_guard.testing.rates import FailureRate, assert_failure_rate
    from schema_guard.testing.schemas.instances import instances
    from schema_guard.testing.schemas.near_misses import NearMiss, near_misses

_NAMES = {
    ".models.scripted": ("ScriptedModel",),
    "model_replies.broken_replies": ("Broken", "broken"),
    "model_replies.valid_replies": ("Sent", "replies"),
    "schemas.instances": ("instances",),
    "schemas.near_misses": ("NearMiss", "near_misses"),
    "rates": ("FailureRate", "assert_failure_rate"),
}
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "FAULTS",
    "TUNING_FAULTS",
    "Broken",
    "FailureRate",
    "NearMiss",
    "Request",
    "ScriptedModel",
    "Sent",
    "Server",
    "TuningServer",
    "assert_failure_rate",
    "broken",
    "instances",
    "near_misses",
    "replies",
    "serve",
    "serve_tuning",
]


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # only what is used is paid for

    try:
        return find(__name__, _HOME_OF, name, [each for each in __all__ if each not in _HOME_OF])
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise missing_extra(f"schema_guard.testing.{name}", "hypothesis", "testing") from error


def __dir__() -> list[str]:
    return __all__
