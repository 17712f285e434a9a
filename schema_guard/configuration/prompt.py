# SPDX-License-Identifier: Apache-2.0
"""How a configuration asks: the layout of its prompts, an improved prompt, and the source of the shown examples.

Rules:
1. Calls in different layouts are different configurations, because a model answers them differently.
2. Settings have no text of a user. They name the calls that the examples are from, or the suite.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast, get_args

from schema_guard.configuration.recorded_settings import changed, parsed

__all__ = [
    "EXAMPLES",
    "IMPROVED",
    "LAYOUT",
    "LAYOUTS",
    "Layout",
    "improved_prompt_of",
    "layout_of",
    "shown_examples",
    "with_layout",
    "without_layout",
]

Layout: TypeAlias = Literal["text", "turns", "user_turn", "instructions"]
"""`text` is one text: the format, the examples, and the task. In `turns`, a system message has the format, and the
examples are turns. In `user_turn`, the user's first turn has the format. With `instructions`, the function gets the text
about the format, and builds the prompt."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)

LAYOUT = "layout"
"""The key of the settings."""

IMPROVED = "improved_prompt"
"""The key of the settings. Its value is the digest of the prompt."""

EXAMPLES = "examples"
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


def improved_prompt_of(settings: str | None) -> str | None:
    """Return the digest of the improved prompt in recorded settings; None without one."""
    digest = parsed(settings).get(IMPROVED)
    return digest if isinstance(digest, str) else None


def shown_examples(model: Any) -> dict[str, Any]:
    """Return the source of a trial's examples as settings: ids of calls, or a text that names a suite."""
    source = getattr(model, "examples_source", None)
    return {EXAMPLES: source} if isinstance(source, list | str) and source else {}
