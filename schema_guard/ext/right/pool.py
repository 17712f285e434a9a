# SPDX-License-Identifier: Apache-2.0
"""The calls of one configuration that have a second opinion, in blocks with one label each, and the bound from the labels.

Rules:
1. Calls are ordered by a hash of their ids. Blocks of `BLOCK_CALLS` calls are cut in this order, from calls that are in no
   block yet and whose texts are stored. A block that was cut stays.
2. In each block, the call with the least of another hash is labeled. Neither hash knows an answer.
3. A call counts as skipped from the moment when it is shown until its label is stored.
4. A label holds for all calls with the same input, source, and reply.
5. The second opinions of a block predict its share of wrong values, and the label corrects the prediction. The expected
   value of a block is the share of wrong values, however bad the second model is. So the bounds hold for any second model,
   and a good one makes them narrower.

Source: Angelopoulos et al. (2023), Science 382:669-674, for the estimate; Waudby-Smith and Ramdas (2024), JRSS B
86(1):1-27, for bounds that hold at all times.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.records.counts.calls import hour_of
from schema_guard.records.sql.tables import packed, placeholders, unpacked
from schema_guard.stats import Bounds, gap_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.records import Store
    from schema_guard.records.sql.tables import Connection

BLOCK_CALLS = 10

_GIVEN, SKIPPED = "given", "skipped"
_WITH_TEXTS = """EXISTS (SELECT 1 FROM attempts AS a JOIN payloads AS p ON p.attempt_id = a.id
WHERE a.call_id = content.call_id AND p.reply IS NOT NULL)"""


WEIGHT_OF_SHARES, WEIGHT_OF_CALLS = 0.6, 0.3
"""Weights of second opinions: for the share of wrong values of a call, and for calls with any wrong value."""


KNOWN = "known"
"""The label of a call whose right answer was already known. It belongs to no block of labels."""
_IDS = 500
_INSERT_KNOWN = """INSERT INTO content (call_id, configuration_id, hour, unit, pair, label, wrong, wrong_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call_id) DO UPDATE
SET pair = excluded.pair, label = excluded.label, wrong = excluded.wrong, wrong_at = excluded.wrong_at
WHERE content.label IS NULL"""


class _Call(NamedTuple):
    """A call of a block."""

    call_id: str
    differing: float
    block: int
    label: str | None
    wrong: float | None
    unit: str
    pair: bytes | None


class LabelCounts(NamedTuple):
    """The progress of labeling.

    Attributes:
        opinions: Calls with a second opinion.
        labels: Blocks with a label.
        skipped: Blocks whose call was shown and not labeled.
    """

    opinions: int
    labels: int
    skipped: int


def next_call(connection: Connection, ids: Sequence[int]) -> str | None:
    """Return the id of the next call to label, and note that it was shown. None if no block is left.

    Args:
        connection: In a transaction in which nobody else writes.
        ids: The numbers of the rows of one configuration.
    """
    open_blocks = _open_blocks(connection, ids)
    if not open_blocks:
        _cut(connection, ids)
        open_blocks = _open_blocks(connection, ids)
    for block in open_blocks:
        drawn = min(block, key=lambda call: _hash("draw:", call.call_id))
        sql = "SELECT wrong, wrong_at FROM content WHERE block IS NOT NULL AND pair = ? AND label = ? LIMIT 1"
        if known := connection.select(sql, (drawn.pair, _GIVEN)):
            add_label(connection, drawn.call_id, *known[0])
            continue
        connection.execute("UPDATE content SET label = ? WHERE call_id = ?", (SKIPPED, packed(drawn.call_id)))
        return drawn.call_id
    return None


def add_label(connection: Connection, call_id: str, wrong: float, wrong_at: str | None) -> bool:
    """Store the share of wrong values of a call that was drawn, and the JSON array of their places.

    Return whether it was drawn and had no label.
    """
    sql = "UPDATE content SET label = ?, wrong = ?, wrong_at = ? WHERE call_id = ? AND block IS NOT NULL AND wrong IS NULL"
    return connection.execute(sql, (_GIVEN, wrong, wrong_at, packed(call_id))) > 0


def calls_of(
    ids: Sequence[int], since: float | None = None, until: float | None = None
) -> tuple[str, tuple[Any, ...]]:
    """Return the condition that selects the calls of a configuration, and its values. A call's id begins with its time."""
    values: list[Any] = [*ids]
    condition = f"WHERE configuration_id IN ({placeholders(len(ids))})"
    for operator, at in ((">=", since), ("<", until)):
        if at is not None:
            condition += f" AND call_id {operator} ?"
            values.append(bytes.fromhex(f"{max(0, ceil(at * 1000)):012x}{0:020x}"))
    return condition, tuple(values)


def counts_of(
    connection: Connection, ids: Sequence[int], since: float | None = None, until: float | None = None
) -> LabelCounts:
    """Return how many second opinions and labels a configuration has, of all calls or of those of a time."""
    condition, values = calls_of(ids, since, until)
    sql = f"""SELECT COUNT(differing), SUM(CASE WHEN label = '{_GIVEN}' THEN 1 ELSE 0 END),
        SUM(CASE WHEN label = '{SKIPPED}' THEN 1 ELSE 0 END) FROM content {condition}"""
    ((opinions, labels, skipped),) = connection.select(sql, values)
    return LabelCounts(opinions, int(labels or 0), int(skipped or 0))


def bound_of(connection: Connection, ids: Sequence[int], alpha: float) -> dict[str, Any] | None:
    """Return the bounds of the wrong values of one configuration, as evidence. None without a label.

    Args:
        connection: The database.
        ids: The numbers of the rows of the configuration.
        alpha: Error probability of both bounds together.
    """
    blocks, calls = [], list(_blocks(connection, ids))
    if not any(call.wrong is not None for block in calls for call in block):
        return None
    unit = calls[0][0].unit
    weight = WEIGHT_OF_SHARES if unit == "value" else WEIGHT_OF_CALLS
    for block in calls:
        drawn = next((place for place, call in enumerate(block) if call.label), None)
        if drawn is not None:
            wrong = block[drawn].wrong
            shares = [_in_unit(call.differing, unit) for call in block]
            blocks.append(Block(shares, drawn, None if wrong is None else _in_unit(wrong, unit)))
    bounds = label_bounds(blocks, weight=weight, alpha=alpha)
    return {
        "lower": bounds.lower,
        "upper": bounds.upper,
        "alpha": alpha,
        "unit": unit,
        "lam": weight,
        "blocks": len(blocks),
        "skipped": sum(block.wrong is None for block in blocks),
        "wrong": sum(block.wrong or 0.0 for block in blocks),
    }


def _in_unit(share: float, unit: str) -> float:
    return share if unit == "value" else float(share > 0)


def _blocks(connection: Connection, ids: Sequence[int]) -> Iterator[list[_Call]]:
    """Yield the blocks that have only calls of a configuration, in the order in which they were cut."""
    own = placeholders(len(ids))
    sql = f"""SELECT call_id, differing, block, label, wrong, unit, pair FROM content AS c
        WHERE configuration_id IN ({own}) AND block IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM content AS o WHERE o.block = c.block AND o.configuration_id NOT IN ({own}))
        ORDER BY block, call_id"""
    blocks: dict[int, list[_Call]] = defaultdict(list)
    for call_id, differing, block, *rest in connection.select(sql, (*ids, *ids)):
        blocks[block].append(_Call(str(unpacked(call_id)), differing, block, *rest))
    yield from blocks.values()


def _open_blocks(connection: Connection, ids: Sequence[int]) -> list[list[_Call]]:
    """Return the blocks of which no call was shown."""
    return [block for block in _blocks(connection, ids) if not any(call.label for call in block)]


def _cut(connection: Connection, ids: Sequence[int]) -> None:
    """Cut blocks from the calls that are in none."""
    sql = f"""SELECT call_id FROM content WHERE configuration_id IN ({placeholders(len(ids))})
        AND differing IS NOT NULL AND block IS NULL AND {_WITH_TEXTS}"""
    free = [str(unpacked(call_id)) for (call_id,) in connection.select(sql, ids)]
    free.sort(key=lambda call_id: _hash("order:", call_id))
    # Numbered by the time, so that blocks of stores that are merged later stay apart.
    ((last,),) = connection.select("SELECT COALESCE(MAX(block), 0) FROM content")
    last = max(last, time.time_ns() // 1000)
    whole = len(free) // BLOCK_CALLS * BLOCK_CALLS
    connection.many(
        "UPDATE content SET block = ? WHERE call_id = ?",
        [(last + 1 + place // BLOCK_CALLS, packed(call_id)) for place, call_id in enumerate(free[:whole])],
    )


def _hash(seed: str, call_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{call_id}".encode()).digest()


class Block(NamedTuple):
    """The calls of one block, in which one call is labeled.

    Attributes:
        second_opinions: For each call, the share of its values on which the second model differs, in [0, 1].
        drawn: Index of the labeled call.
        wrong: Its share of wrong values, in [0, 1]; None if the label was skipped.
    """

    second_opinions: Sequence[float]
    drawn: int
    wrong: float | None


def label_bounds(blocks: Iterable[Block], *, weight: float = WEIGHT_OF_SHARES, alpha: float = 0.05) -> Bounds:
    """Return a lower and an upper bound of the mean share of wrong values.

    The bounds hold at all times: you may check after each label and stop when you like. A skipped label counts as all
    right for the lower bound, and as all wrong for the upper one.

    Args:
        blocks: In the order in which they were labeled. Without any, the bounds are 0 and 1.
        weight: How much second opinions count, in [0, 1]. It must be chosen before the first label. 0 ignores them.
        alpha: Error probability of both bounds together, in (0, 1).

    Raises:
        InvalidArgument: A share or the weight is not in [0, 1], or no call of a block has the drawn index.

    >>> label_bounds([Block([0.0] * 10, 3, 0.0)] * 100)
    Bounds(lower=0, upper=0.0732...)
    """
    if not 0 <= weight <= 1:
        raise InvalidArgument(f"weight={weight!r}: expected a number from 0 to 1")
    blocks = list(map(_checked, blocks))
    width = 1 + 2 * weight

    def gaps(skipped: float) -> list[float]:
        # Each estimate is in [-weight, 1 + weight]; `gap_bounds` takes values in [-1, 1].
        return [(2 * _estimate(block, weight, skipped) - 1) / width for block in blocks]

    lower = (1 + width * gap_bounds(gaps(0), alpha=alpha).lower) / 2
    upper = (1 + width * gap_bounds(gaps(1), alpha=alpha).upper) / 2
    return Bounds(max(0, lower), min(1, upper))


def _estimate(block: Block, weight: float, skipped: float) -> float:
    mean = sum(block.second_opinions) / len(block.second_opinions)
    wrong = skipped if block.wrong is None else block.wrong
    return wrong + weight * (mean - block.second_opinions[block.drawn])


def _checked(block: Block) -> Block:
    if not 0 <= block.drawn < len(block.second_opinions):
        raise InvalidArgument(
            f"drawn={block.drawn!r}: expected the index of one of {len(block.second_opinions)} calls, starting at 0"
        )
    shares = [*block.second_opinions, *(() if block.wrong is None else (block.wrong,))]
    if not all(0 <= share <= 1 for share in shares):
        raise InvalidArgument("second_opinions and wrong: expected numbers from 0 to 1")
    return block


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
                connection.execute(_INSERT_KNOWN, (*row, json.dumps(list(places))))


def known_answers(connection: Connection, ids: Sequence[int]) -> dict[bytes, float]:
    """Return the share of wrong values of each input with a known answer, by the hash of the input.

    Args:
        connection: The database.
        ids: The numbers of the rows of one configuration.
    """
    sql = f"""SELECT pair, AVG(wrong) FROM content
        WHERE configuration_id IN ({placeholders(len(ids))}) AND label = ? AND pair IS NOT NULL GROUP BY pair"""
    return {bytes(task): float(share) for task, share in connection.select(sql, (*ids, KNOWN))}
