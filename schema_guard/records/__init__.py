# SPDX-License-Identifier: Apache-2.0
"""Records of calls, with one row for each attempt and without the texts of prompts and replies, and their roll-ups.

The classes that only readers of a `Store` need are imported at first use. A process that records doesn't need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.records.counts.configurations import ConfigurationCounts, HourCounts
    from schema_guard.records.payloads.retention import Retention
    from schema_guard.records.store import Store
    from schema_guard.records.urls import default_store, open_store, resolve_store
    from schema_guard.records.values import Counts

_HOME_OF = {
    "ConfigurationCounts": "counts.configurations",
    "Counts": "values",
    "HourCounts": "counts.configurations",
    "Retention": "payloads.retention",
    "Store": "store",
    "default_store": "urls",
    "open_store": "urls",
    "resolve_store": "urls",
}

__all__ = [
    "ConfigurationCounts",
    "Counts",
    "HourCounts",
    "Retention",
    "Store",
    "default_store",
    "open_store",
    "resolve_store",
]


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # imports only the names that are used

    return find(__name__, _HOME_OF, name)
