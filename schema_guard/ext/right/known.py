# SPDX-License-Identifier: Apache-2.0
"""Known answers of recorded trials: how many values of each call are wrong."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from schema_guard.records.counts.calls import hour_of
from schema_guard.records.sql.tables import packed, placeholders, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records import Store
    from schema_guard.records.sql.tables import Connection

__all__ = ["KNOWN", "known_answers", "store_known_answers"]

KNOWN = "known"
"""The label of a call whose right answer was known before. It belongs to no block of labels."""

_IDS = 500
_INSERT = """INSERT INTO content (call_id, configuration_id, hour, unit, pair, label, wrong, wrong_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call_id) DO UPDATE
SET pair = excluded.pair, label = excluded.label, wrong = excluded.wrong, wrong_at = excluded.wrong_at
WHERE content.label IS NULL"""


def store_known_answers(store: Store, wrong: Mapping[str, tuple[float, Sequence[str]]]) -> None:
    """Store the share of wrong values of calls, and their places, by the ids of the calls."""
    store.flush(30.0)
    ids = list(wrong)
    with closing(store.backend.session()) as session, session.writing() as connection:
        for start in range(0, len(ids), _IDS):
            some = [packed(one) for one in ids[start : start + _IDS]]
            sql = f"""SELECT call_id, configuration_id, started_at, input_hash FROM attempts
                WHERE number = 1 AND call_id IN ({placeholders(len(some))})"""
            for call_id, configuration, started, task in connection.select(sql, some):
                share, places = wrong[str(unpacked(call_id))]
                row = call_id, configuration, hour_of(started), "value", task, KNOWN, share
                connection.execute(_INSERT, (*row, json.dumps(list(places))))


def known_answers(connection: Connection, ids: Sequence[int]) -> dict[bytes, float]:
    """Return the share of wrong values of each input with a known answer, by the hash of the input.

    Args:
        connection: The database.
        ids: The numbers of the rows of one configuration.
    """
    sql = f"""SELECT pair, AVG(wrong) FROM content
        WHERE configuration_id IN ({placeholders(len(ids))}) AND label = ? AND pair IS NOT NULL GROUP BY pair"""
    return {bytes(task): float(share) for task, share in connection.select(sql, (*ids, KNOWN))}
