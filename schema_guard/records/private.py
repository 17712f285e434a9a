# SPDX-License-Identifier: Apache-2.0
"""Files that can contain replies. A new file is for its owner only. An existing file keeps its mode."""

from __future__ import annotations

import os
from typing import IO

_MODE = 0o600


def open_private(path: str | os.PathLike[str], mode: str) -> IO[str]:
    """Open a text file in UTF-8. If it does not exist, create it for its owner only. Raises `OSError`."""
    return open(path, mode, encoding="utf-8", opener=_owner_only)


def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Write a text to a file in UTF-8. If it does not exist, create it for its owner only. Raises `OSError`."""
    with open_private(path, "w") as file:
        file.write(text)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)
