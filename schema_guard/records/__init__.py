# SPDX-License-Identifier: Apache-2.0
"""Records of calls: one row an attempt, stored without the texts of prompts and replies, and their roll-ups.

What `Store` gives when it is read is imported when it is first named: a process that records does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.records.counts.configurations import (
        AttemptSums,
        ClusterCount,
        CoercionCount,
        ConfigurationCounts,
        ExcludedCount,
        FailureCount,
        HourCounts,
        Latency,
        ModelCount,
        Total,
        ViolationCount,
    )
    from schema_guard.records.counts.pools import Summary
    from schema_guard.records.declarations import DeclaredStep, DeclaredTarget
    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.payloads.texts import Texts, Touched
    from schema_guard.records.store import Store
    from schema_guard.records.urls import default_store, open_store, resolve_store
    from schema_guard.records.values import Counts, Damage, SchemaText, StoreCheck, StoreInfo

_NAMES = {
    "counts.configurations": (
        "AttemptSums",
        "ClusterCount",
        "CoercionCount",
        "ConfigurationCounts",
        "FailureCount",
        "HourCounts",
        "Latency",
        "ModelCount",
        "ExcludedCount",
        "Total",
        "ViolationCount",
    ),
    "declarations": ("DeclaredStep", "DeclaredTarget"),
    "counts.pools": ("Summary",),
    "payloads.retention": ("Forgotten", "Retention"),
    "payloads.texts": ("Texts", "Touched"),
    "store": ("Store",),
    "urls": ("default_store", "open_store", "resolve_store"),
    "values": ("Counts", "Damage", "SchemaText", "StoreCheck", "StoreInfo"),
}
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "AttemptSums",
    "ClusterCount",
    "CoercionCount",
    "ConfigurationCounts",
    "Counts",
    "Damage",
    "DeclaredStep",
    "DeclaredTarget",
    "ExcludedCount",
    "FailureCount",
    "Forgotten",
    "HourCounts",
    "Latency",
    "ModelCount",
    "Retention",
    "SchemaText",
    "Store",
    "StoreCheck",
    "StoreInfo",
    "Summary",
    "Texts",
    "Total",
    "Touched",
    "ViolationCount",
    "default_store",
    "open_store",
    "resolve_store",
]


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # only what is used is paid for

    return find(__name__, _HOME_OF, name)
