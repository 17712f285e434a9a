# SPDX-License-Identifier: Apache-2.0
"""Suites by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.suites.real import load_real

if TYPE_CHECKING:
    from schema_guard.bench.suites.values import Suite

_LOADERS = {"real": load_real}


def load_named(name: str) -> Suite:
    """Load the suite of a name.

    Args:
        name: `"real"`.
    """
    return _LOADERS[name]()
