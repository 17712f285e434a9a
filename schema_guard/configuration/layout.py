# SPDX-License-Identifier: Apache-2.0
"""The layout of a prompt is the place of the text about the format, as the settings of a function record it.

Rule: calls in different layouts are different configurations, because a model answers them differently.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias, cast, get_args

from schema_guard.configuration.recorded_settings import changed, parsed

__all__ = ["LAYOUT", "LAYOUTS", "Layout", "layout_of", "with_layout", "without_layout"]

Layout: TypeAlias = Literal["text", "turns", "user_turn", "instructions"]
"""`text` is one text: the format, the examples, and the task. In `turns`, a system message has the format, and the
examples are turns. In `user_turn`, the user's first turn has the format. With `instructions`, the function gets the text
about the format, and builds the prompt."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)

LAYOUT = "layout"
"""The key of the settings."""


def layout_of(settings: str) -> Layout | None:
    """Return the layout in the settings of a configuration; None if they have none, as for observed functions."""
    layout = parsed(settings).get(LAYOUT)
    return cast("Layout", layout) if layout in LAYOUTS else None


def without_layout(settings: str) -> str:
    """Return settings without the layout."""
    return settings if layout_of(settings) is None else changed(settings, {}, LAYOUT)


@lru_cache(maxsize=256)
def with_layout(settings: str, layout: Layout) -> str:
    """Return settings with another layout."""
    return changed(settings, {LAYOUT: layout})
