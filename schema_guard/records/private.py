# SPDX-License-Identifier: Apache-2.0
"""Files that can hold replies: whoever makes one makes it for its owner only; one that is there keeps its mode."""

from __future__ import annotations

import os
from typing import IO

_MODE = 0o600


def open_private(path: str | os.PathLike[str], mode: str) -> IO[str]:
    """Open a file for text in UTF-8, which is made for its owner only when it is not there; `OSError`."""
    return open(path, mode, encoding="utf-8", opener=_owner_only)


def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8 to a file, which is made for its owner only when it is not there; `OSError`."""
    with open_private(path, "w") as file:
        file.write(text)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)
