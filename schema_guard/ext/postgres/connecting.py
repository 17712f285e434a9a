# SPDX-License-Identifier: Apache-2.0
"""A database of PostgreSQL by its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.postgres.address import parsed
from schema_guard.ext.postgres.database import Postgres

if TYPE_CHECKING:
    from schema_guard.records.backend import Backend

__all__ = ["connected"]


def connected(url: str) -> Backend:
    """Give the database that a URL names, not yet opened.

    Raises:
        InvalidArgument: The URL names none.
        MissingExtra: The extra `postgres` is not installed.
    """
    return Postgres(parsed(url))
