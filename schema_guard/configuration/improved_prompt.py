# SPDX-License-Identifier: Apache-2.0
"""The improved prompt of a function, as the settings of its configuration record it."""

from __future__ import annotations

from schema_guard.configuration.recorded_settings import parsed

__all__ = ["IMPROVED", "improved_prompt_of"]

IMPROVED = "improved_prompt"
"""The key of the settings. Its value is the digest of the prompt."""


def improved_prompt_of(settings: str | None) -> str | None:
    """Return the digest of the improved prompt in recorded settings; None without one."""
    digest = parsed(settings).get(IMPROVED)
    return digest if isinstance(digest, str) else None
