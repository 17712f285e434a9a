# SPDX-License-Identifier: Apache-2.0
"""Databases of PostgreSQL by their URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.postgres.address import parsed
from schema_guard.ext.postgres.database import Postgres

if TYPE_CHECKING:
    from schema_guard.records.backend import Backend

__all__ = ["connected"]


def connected(url: str) -> Backend:
    """Return the database of a URL, not yet opened.

    Raises:
        InvalidArgument: The URL names none.
        MissingExtra: The extra `postgres` is not installed.
    """
    return Postgres(parsed(url))
