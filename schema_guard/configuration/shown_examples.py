# SPDX-License-Identifier: Apache-2.0
"""The source of the examples that a trial shows, as the settings of its configuration record it.

Rule: settings have no text of a user. They name the calls that the examples are from, or the suite.
"""

from __future__ import annotations

from typing import Any

__all__ = ["EXAMPLES", "shown_examples"]

EXAMPLES = "examples"
"""The key of the settings."""


def shown_examples(model: Any) -> dict[str, Any]:
    """Return the source of a trial's examples as settings: ids of calls, or a text that names a suite."""
    source = getattr(model, "examples_source", None)
    return {EXAMPLES: source} if isinstance(source, list | str) and source else {}
