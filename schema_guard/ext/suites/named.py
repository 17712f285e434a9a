# SPDX-License-Identifier: Apache-2.0
"""Suites by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.suites.long import load_long
from schema_guard.ext.suites.real import load_real
from schema_guard.ext.suites.tools import load_tools

if TYPE_CHECKING:
    from schema_guard.bench.suites.values import Suite

_LOADERS = {"long": load_long, "real": load_real, "tools": load_tools}


def load_named(name: str) -> Suite:
    """Load the suite of a name.

    Args:
        name: `"long"`, `"real"`, or `"tools"`.
    """
    return _LOADERS[name]()
