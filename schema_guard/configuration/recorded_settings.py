# SPDX-License-Identifier: Apache-2.0
"""The settings of a configuration, as records store them: one compact JSON object with sorted keys."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["changed", "parsed", "written"]


@lru_cache(maxsize=1024)
def parsed(settings: str | None) -> Mapping[str, Any]:
    """Return settings as a mapping. It is empty if they are not a JSON object."""
    try:
        document = json.loads(settings or "{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def written(settings: Mapping[str, Any]) -> str:
    """Return settings as text."""
    return json.dumps(settings, separators=(",", ":"), sort_keys=True)


def changed(settings: str, added: Mapping[str, Any], *removed: str) -> str:
    """Return settings with further entries, and without the removed keys."""
    kept = {name: part for name, part in parsed(settings).items() if name not in removed}
    return written({**kept, **added})
