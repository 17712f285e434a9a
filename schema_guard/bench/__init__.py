# SPDX-License-Identifier: Apache-2.0
"""Suites of schemas, tasks and golds, how replies to them are scored, and calls for whole datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.extensions import enforce_dataset

__all__ = ["enforce_dataset"]


def __getattr__(name: str) -> Any:
    if name != "enforce_dataset":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from schema_guard.extensions import load

    return load("name:enforce_dataset")
