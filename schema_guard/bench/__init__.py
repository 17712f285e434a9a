# SPDX-License-Identifier: Apache-2.0
"""Suites of schemas, tasks and golds, how replies to them are scored, and calls for whole datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schema_guard.extensions import enforce_dataset

__all__ = ["enforce_dataset"]


def __getattr__(name: str) -> Any:
    from schema_guard.front_door import find  # only what is used is paid for

    return find(__name__, {}, name, __all__)
