# SPDX-License-Identifier: Apache-2.0
"""Keep language-model calls to a schema, and measure how well that works."""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

__version__ = "0.2.0"

if TYPE_CHECKING:
    from typing import Any

    from schema_guard.core.judge import judge
    from schema_guard.core.prefix.checker import PrefixChecker, prefix_checker
    from schema_guard.core.prompting import Example
    from schema_guard.core.schema import Schema
    from schema_guard.core.values import (
        Attempt,
        Budget,
        Call,
        Failure,
        Judgement,
        Limits,
        Message,
        Outcome,
        Partial,
        Usage,
        Violation,
    )
    from schema_guard.errors import (
        CallFailed,
        GuardFailed,
        InvalidArgument,
        InvalidSchema,
        MissingExtra,
        SchemaGuardError,
        StoreError,
    )
    from schema_guard.guards.decorator import guard
    from schema_guard.guards.guarded import AsyncGuarded, Guard, Guarded
    from schema_guard.guards.tags import tags
    from schema_guard.models import connect
    from schema_guard.records import Store, default_store, open_store
    from schema_guard.records.process.ends import flush, flush_on_sigterm
    from schema_guard.targets.adapting import Adapted, SchemaChange, adapt
    from schema_guard.targets.lint import Finding, lint
    from schema_guard.tool_calls.failed import ToolCallsFailed
    from schema_guard.tool_calls.guarding import guard_tools
    from schema_guard.tool_calls.judging import CallJudgement, judge_calls
    from schema_guard.tuning.routing.evidence import Evidence
    from schema_guard.tuning.routing.rollout import Rollout
    from schema_guard.tuning.routing.router import Router

# PEP 562: a name is imported when it is used first, so that importing the package costs nothing.
_HOMES = {
    "guards.decorator": ("guard",),
    "guards.guarded": ("Guard", "Guarded", "AsyncGuarded"),
    "guards.tags": ("tags",),
    "core.schema": ("Schema",),
    "core.judge": ("judge",),
    "core.prefix.checker": ("PrefixChecker", "prefix_checker"),
    "core.prompting": ("Example",),
    "core.values": (
        "Attempt", "Budget", "Call", "Failure", "Judgement", "Limits", "Message", "Outcome", "Partial",
        "Usage", "Violation",
    ),
    "errors": (
        "CallFailed", "GuardFailed", "InvalidArgument", "InvalidSchema", "MissingExtra", "SchemaGuardError",
        "StoreError",
    ),
    "models": ("connect",),
    "records": ("Store", "default_store", "open_store"),
    "records.process.ends": ("flush", "flush_on_sigterm"),
    "targets.adapting": ("Adapted", "SchemaChange", "adapt"),
    "targets.lint": ("Finding", "lint"),
    "tool_calls.failed": ("ToolCallsFailed",),
    "tool_calls.guarding": ("guard_tools",),
    "tool_calls.judging": ("CallJudgement", "judge_calls"),
    "tuning.routing.evidence": ("Evidence",),
    "tuning.routing.rollout": ("Rollout",),
    "tuning.routing.router": ("Router",),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Adapted",
    "AsyncGuarded",
    "Attempt",
    "Budget",
    "Call",
    "CallFailed",
    "CallJudgement",
    "Evidence",
    "Example",
    "Failure",
    "Finding",
    "Guard",
    "GuardFailed",
    "Guarded",
    "InvalidArgument",
    "InvalidSchema",
    "Judgement",
    "Limits",
    "Message",
    "MissingExtra",
    "Outcome",
    "Partial",
    "PrefixChecker",
    "Rollout",
    "Router",
    "Schema",
    "SchemaChange",
    "SchemaGuardError",
    "Store",
    "StoreError",
    "ToolCallsFailed",
    "Usage",
    "Violation",
    "__version__",
    "adapt",
    "connect",
    "default_store",
    "flush",
    "flush_on_sigterm",
    "guard",
    "guard_tools",
    "judge",
    "judge_calls",
    "lint",
    "open_store",
    "prefix_checker",
    "tags",
]


def __getattr__(name: str) -> Any:
    from schema_guard.light.lazy import find  # only what is used is paid for

    return find(__name__, _HOME_OF, name)


def __dir__() -> list[str]:
    return __all__
