# SPDX-License-Identifier: Apache-2.0
"""What each provider or engine accepts, and the arguments by which it is asked for a format."""

from schema_guard.providers.options.table import (
    PROVIDER_OPTIONS,
    TEXT_STRATEGIES,
    capabilities,
    options_for,
    unforced,
)

__all__ = [
    "PROVIDER_OPTIONS",
    "TEXT_STRATEGIES",
    "capabilities",
    "options_for",
    "unforced",
]
