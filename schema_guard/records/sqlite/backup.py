# SPDX-License-Identifier: Apache-2.0
"""A copy of a SQLite file, made before its tables are changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def back_up(path: Path, version: int) -> None:
    """Copy what is committed in a database to `PATH.vVERSION.backup`, for its owner only.

    A copy that has this name is whole: it is written as `PATH.vVERSION.backup.part` and renamed.
    """
    kept = Path(f"{path}.v{version}.backup")
    part = Path(f"{kept}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(part)) as copy:
        source.backup(copy)
    part.replace(kept)
