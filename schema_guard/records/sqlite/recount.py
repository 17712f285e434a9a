# SPDX-License-Identifier: Apache-2.0
"""Counting stored attempts anew: by the tables and statements of the roll-ups, in a database in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.records.attempts import Where
from schema_guard.records.counts.rollups import additions, whole_calls
from schema_guard.records.sqlite import rollups
from schema_guard.records.sqlite.reading import read_roll_ups
from schema_guard.records.sqlite.tables import make_tables, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.counts.rollups import StoredRow


def recount(pages: Iterable[list[StoredRow]]) -> list[ConfigurationCounts]:
    """Give what the roll-ups of these attempts would be; the `id`s are of no store."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        make_tables(connection, Path(":memory:"))
        with transaction(connection):
            for rows in whole_calls(pages):
                rollups.add(connection, additions(rows), rollups.configuration_ids(connection, rows))
        return read_roll_ups(connection, Where())
