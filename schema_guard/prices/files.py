# SPDX-License-Identifier: Apache-2.0
"""A file of prices that a user names -> its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, clip_path, reason_of

if TYPE_CHECKING:
    from pathlib import Path


def read_prices(path: Path) -> Any:
    """Return the JSON of a file.

    Raises:
        InvalidArgument: It cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"prices {clip_path(path)!r}: expected a JSON file, but reading it failed: {clip(reason_of(error))}"
        ) from error
