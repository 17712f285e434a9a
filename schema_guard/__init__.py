# SPDX-License-Identifier: Apache-2.0
"""Keep language-model calls to a schema, and measure how well that works.

To read the code, start with `decorator`, `guarded`, `settings`, `drive`, `loop`, and `judging`. `docs/map.md` lists the
rest.
"""

from __future__ import annotations

import os as _os

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

__version__ = "0.2.0"

if TYPE_CHECKING:
    from typing import Any

    from schema_guard.decorator import guard
    from schema_guard.errors import (
        CallFailed,
        GuardFailed,
        InvalidArgument,
        InvalidSchema,
        MissingExtra,
        SchemaGuardError,
        StoreError,
    )
    from schema_guard.extensions import (
        Adapted,
        CallJudgement,
        Content,
        Evidence,
        Finding,
        PrefixChecker,
        Rollout,
        Router,
        SchemaChange,
        Second,
        ToolCallsFailed,
        Try,
        adapt,
        guard_tools,
        judge_calls,
        lint,
        prefix_checker,
    )
    from schema_guard.guarded import AsyncGuarded, Guard, Guarded
    from schema_guard.judging import judge
    from schema_guard.limits import Limits
    from schema_guard.models import connect
    from schema_guard.prompting import Example
    from schema_guard.records import Store, default_store, open_store
    from schema_guard.records.process.exit import flush, flush_on_sigterm
    from schema_guard.records.tagging import tags
    from schema_guard.schema import Schema
    from schema_guard.settings import About, Params
    from schema_guard.values import (
        Attempt,
        Call,
        Coercion,
        Failure,
        Judgement,
        Message,
        Outcome,
        Partial,
        Usage,
        Violation,
    )

# PEP 562: a name is imported when it is used first, so that importing the package costs nothing.
_HOMES = {
    "decorator": ("guard",),
    "guarded": ("Guard", "Guarded", "AsyncGuarded"),
    "records.tagging": ("tags",),
    "schema": ("Schema",),
    "settings": ("About", "Params"),
    "judging": ("judge",),
    "limits": ("Limits",),
    "prompting": ("Example",),
    "values": (
        "Attempt", "Call", "Coercion", "Failure", "Judgement", "Message", "Outcome", "Partial",
        "Usage", "Violation",
    ),
    "errors": (
        "CallFailed", "GuardFailed", "InvalidArgument", "InvalidSchema", "MissingExtra", "SchemaGuardError",
        "StoreError",
    ),
    "models": ("connect",),
    "records": ("Store", "default_store", "open_store"),
    "records.process.exit": ("flush", "flush_on_sigterm"),
}  # fmt: skip
_OF_PARTS = (
    "Adapted", "CallJudgement", "Content", "Evidence", "Finding", "PrefixChecker", "Rollout", "Router",
    "SchemaChange", "Second", "ToolCallsFailed", "Try", "adapt", "guard_tools", "judge_calls", "lint", "prefix_checker",
)  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "About",
    "Adapted",
    "AsyncGuarded",
    "Attempt",
    "Call",
    "CallFailed",
    "CallJudgement",
    "Coercion",
    "Content",
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
    "Params",
    "Partial",
    "PrefixChecker",
    "Rollout",
    "Router",
    "Schema",
    "SchemaChange",
    "SchemaGuardError",
    "Second",
    "Store",
    "StoreError",
    "ToolCallsFailed",
    "Try",
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
    from schema_guard.front_door import find  # imports only the names that are used

    return find(__name__, _HOME_OF, name, _OF_PARTS)


def __dir__() -> list[str]:
    return __all__


def _before_fork() -> None:
    """Wait for a thread that imports the package. It doesn't exist in the child, which would wait for it forever."""
    from time import monotonic

    from schema_guard.records.process.forks import wait_for_imports  # only forks need it

    wait_for_imports(monotonic() + 0.25)  # a fork waits at most this long


if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(before=_before_fork)
