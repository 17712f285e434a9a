# SPDX-License-Identifier: Apache-2.0
"""What calls add to the roll-ups of their configurations.

Rules: pure. A roll-up is a set of integer counts (tallies), the n and k of each input, and the outcomes of
the judged calls in the order in which they were stored. Counts are only added, and money and time are added
as integers, so that no division of the calls into batches changes a sum. What is unknown is counted as
unknown and adds nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.core.digest import hex_digest
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS, HASH_BYTES, LARGEST_COUNT, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

StoredRow: TypeAlias = tuple[int, Row]
"""A row with the `id` of its attempt."""

# Seconds are added as microseconds, money as thousand-millionths of a unit: what a column of rows is times.
SUMS = {
    "input_tokens": 1,
    "cached_input_tokens": 1,
    "output_tokens": 1,
    "reasoning_tokens": 1,
    "elapsed_s": 10**6,
    "cost": 10**9,
}

# Eleven days, a million units of money: more in one attempt is a mistake, hence unknown, as LARGEST_COUNT
# is for tokens. Thousands of these still add up inside 64 bits.
_LARGEST_NUMBER = 10.0**6

_SUMS = tuple(
    (name, f"{name}_unknown", units, LARGEST_COUNT if units == 1 else _LARGEST_NUMBER)
    for name, units in SUMS.items()
)
_ELAPSED = list(SUMS).index("elapsed_s")

# Bits of a bucket's lower end: its width is 1/32 to 1/63 of that.
_BUCKET_BITS = 6

# How a call ended; each has one. All but the last had a judged reply.
WAYS = ("first_pass", "repaired", "reasked", "unhandled", "unseen", "transport")
# Of first_pass: the reply was nothing but the JSON, or a value whose text is unknown. Of judged calls whose
# tries are all known: the text of the first reply is unknown. Of unhandled: not all tries are known.
PARTS = ("exact", "parsed", "textless", "unseen_unhandled")

_REPAIRED_FORMS = frozenset({"repaired_lossless", "repaired_lossy", "resumed"})

_FUNCTION = COLUMNS.index("function")
_CONFIGURATION = slice(_FUNCTION, _FUNCTION + len(CONFIGURATION_COLUMNS))
_CALL_ID = COLUMNS.index("call_id")
_TUNED = CONFIGURATION_COLUMNS.index("tuned")
_STARTED_AT, _CLUSTER, _INPUT_HASH = (COLUMNS.index(name) for name in ("started_at", "cluster", "input_hash"))
_NUMBER, _FINAL, _KIND, _CODE, _FORM = (
    COLUMNS.index(name) for name in ("number", "final", "kind", "code", "form")
)
_REPLY_BYTES, _REPLY_MODEL, _SNAPSHOT, _EXCEPTION, _UNSEEN = (
    COLUMNS.index(name) for name in ("reply_bytes", "reply_model", "snapshot", "exception", "unseen")
)
_VIOLATIONS, _AMOUNTS = COLUMNS.index("violations"), COLUMNS.index("input_tokens")

_HOUR_S = 3_600
_LARGEST_HOUR = 10**9  # a hundred thousand years: a later start is a mistake, hence unknown


LARGEST = 2**63 - 1
"""A sum that no longer fits into 64 bits stays at this: it must not cost the attempts."""

CHUNK_CALLS = 8_192  # outcomes that are kept together: 1 KiB


class Addition:
    """What calls of one configuration add to its roll-ups.

    Attributes:
        tallies: How much to add to the count of this name and key. By attempt number: `attempts` (all),
            `judged` (not transport), `failed` (the judged ones that failed), the sum of each column of
            `SUMS`, and as `..._unknown` the attempts that add nothing to it. By `WAYS` and `PARTS`: `calls`.
            By [kind, code]: `failures` of attempts, and `unhandled` calls by their last failure.
            By [location, keyword]: `violations`. By `bucket`: `attempt_us`, and `call_us` of judged calls.
            By [n, k]: `inputs` of n judged calls, k of them unhandled. By [code, exception]: `outside`, the
            calls of the way transport. By [model, snapshot]: `models`, the judged attempts that name one.
        hours: Calls by the hour in which they began, in hours since the epoch, and by `WAYS` and `PARTS`.
        inputs: How many judged calls, and how many unhandled ones, to add to the input of this key. A call
            whose input is unknown is an input of its own and stands in `tallies` only.
        outcomes: Of the judged calls, in order: `"1"` for unhandled, `"0"` for the others.
        starts: `id` of the first attempt of each judged call.
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str | int], int] = defaultdict(int)
        self.hours: dict[tuple[int, str], int] = defaultdict(int)
        self.inputs: dict[bytes, tuple[int, int]] = {}
        self.outcomes: list[str] = []
        self.starts: list[int] = []

    def add(self, call: list[StoredRow], ways: tuple[str, ...]) -> None:
        """Add what has an order, or came with version 2 of the tables, of a call given by all its attempts.

        Args:
            call: All its attempts, in order.
            ways: How it ended, then the parts that it is in.
        """
        elapsed = [self._add_attempt(row) for _, row in call]
        start, last = call[0][0], call[-1][1]
        for name in ways:
            self.tallies["calls", name] += 1
        way = ways[0]
        if way == "transport":
            return
        if way == "unhandled":
            self.tallies["unhandled", _pair(last[_KIND], last[_CODE])] += 1
        self.starts.append(start)
        self._add_outcome(input_key(last), is_unhandled=way == "unhandled")
        known = [us for us in elapsed if us is not None]
        if len(known) == len(elapsed):
            self.tallies["call_us", bucket(sum(known))] += 1

    def add_details(self, call: list[StoredRow], ways: tuple[str, ...]) -> None:
        """Add what came with version 3 of the tables: the cause of a call outside of the rate, and its hour."""
        last = call[-1][1]
        if ways[0] == "transport":
            self.tallies["outside", _pair(last[_CODE], last[_EXCEPTION])] += 1
        started_at: Any = last[_STARTED_AT]
        hour = None if started_at is None else started_at // _HOUR_S
        if hour is not None and -_LARGEST_HOUR < hour < _LARGEST_HOUR:
            for name in ways:
                self.hours[int(hour), name] += 1

    def move_input(self, n: int, k: int, more_n: int, more_k: int) -> None:
        """Count an input under the shape that it has now; one that had calls before leaves the shape that it had.

        Args:
            n: Its calls, these included.
            k: The unhandled ones of them.
            more_n: Those of these calls.
            more_k: The unhandled ones of those.
        """
        self.tallies["inputs", shape(n, k)] += 1
        if n > more_n:
            self.tallies["inputs", shape(n - more_n, k - more_k)] -= 1

    def _add_attempt(self, row: Any) -> int | None:
        """Count an attempt; gives its microseconds, None when unknown."""
        number, kind, model = row[_NUMBER], row[_KIND], row[_REPLY_MODEL]
        amounts = row[_AMOUNTS : _AMOUNTS + len(_SUMS)]
        tallies = self.tallies
        number = number or 0  # of an attempt whose number is unknown
        tallies["attempts", number] += 1
        if kind != "transport":
            tallies["judged", number] += 1
            tallies["failed", number] += kind is not None
            if model is not None:
                tallies["models", _pair(model, row[_SNAPSHOT])] += 1
        if kind is not None:
            tallies["failures", _pair(kind, row[_CODE])] += 1
        for broken in _pairs(row[_VIOLATIONS]):
            tallies["violations", broken] += 1
        for (name, unknown, units, largest), amount in zip(_SUMS, amounts, strict=True):
            if amount is not None and 0 <= amount <= largest:
                tallies[name, number] += round(amount * units)
            else:
                tallies[unknown, number] += 1
        elapsed_s = amounts[_ELAPSED]
        if elapsed_s is None or not 0 <= elapsed_s <= _LARGEST_NUMBER:
            return None
        elapsed_us: int = round(elapsed_s * SUMS["elapsed_s"])
        tallies["attempt_us", bucket(elapsed_us)] += 1
        return elapsed_us

    def _add_outcome(self, key: bytes | None, *, is_unhandled: bool) -> None:
        self.outcomes.append("1" if is_unhandled else "0")
        if key is None:
            self.tallies["inputs", shape(1, int(is_unhandled))] += 1
        else:
            n, k = self.inputs.get(key, (0, 0))
            self.inputs[key] = n + 1, k + is_unhandled


def additions(
    rows: Iterable[StoredRow], *, has_order: bool = True, has_details: bool = True
) -> dict[Row, Addition]:
    """Give what whole calls add, by the values of `CONFIGURATION_COLUMNS`.

    Args:
        rows: Of the calls, in the order of storing.
        has_order: Whether to give what `Addition.add` adds.
        has_details: Whether to give what `Addition.add_details` adds.
    """
    found: dict[Row, Addition] = defaultdict(Addition)
    for call in calls(rows):
        addition, ways = found[configuration_of(call[-1][1])], _ways(call)
        if has_order:
            addition.add(call, ways)
        if has_details:
            addition.add_details(call, ways)
    return found


def calls(rows: Iterable[StoredRow]) -> Iterator[list[StoredRow]]:
    """Give the attempts of each call; those of a call that does not end here are left out."""
    call: list[StoredRow] = []
    for stored in rows:
        call.append(stored)
        if stored[1][_FINAL]:
            yield call
            call = []


def whole_calls(pages: Iterable[list[StoredRow]]) -> Iterator[list[StoredRow]]:
    """Give the rows of all pages in pages each of which ends with the end of a call."""
    rest: list[StoredRow] = []
    for page in pages:
        rows = rest + page
        end = len(rows)
        while end and not rows[end - 1][1][_FINAL]:
            end -= 1
        rest = rows[end:]
        if end:
            yield rows[:end]


def without_judged(pages: Iterable[list[StoredRow]], judged: int) -> Iterator[list[StoredRow]]:
    """Give the calls after the first *judged* ones that had a judged reply."""
    for rows in whole_calls(pages):
        left: list[StoredRow] = []
        for call in calls(rows):
            if judged:
                judged -= is_judged(call)
            else:
                left += call
        if left:
            yield left


def is_judged(call: list[StoredRow]) -> bool:
    """Say whether a call had a judged reply: all but those whose only attempt was a transport failure."""
    return _way(call) != "transport"


def started(rows: Iterable[StoredRow]) -> dict[Row, list[float]]:
    """Give when the calls of each configuration began, as far as that is known, in the order of storing."""
    found: dict[Row, list[float]] = {}
    for _, row in rows:
        starts = found.setdefault(configuration_of(row), [])
        at = row[_STARTED_AT]
        if isinstance(at, float):
            starts.append(at)
    return found


def chunks(last: tuple[int, int, bytes] | None, addition: Addition) -> Iterator[tuple[int, int, bytes, int]]:
    """Give the chunks that take new outcomes: number, calls, bits, and the `id` of the first new call's first attempt.

    Args:
        last: Number, calls and bits of the last chunk that is there; None for none.
        addition: What has the outcomes.
    """
    outcomes, starts = "".join(addition.outcomes), addition.starts
    chunk, n, bits = last or (0, 0, b"")
    while outcomes:
        if n == CHUNK_CALLS:
            chunk, n, bits = chunk + 1, 0, b""
        room = CHUNK_CALLS - n
        bits = _with_outcomes(bits, n, outcomes[:room])
        n += len(outcomes[:room])
        yield chunk, n, bits, starts[0]
        outcomes, starts = outcomes[room:], starts[room:]


def _with_outcomes(bits: bytes, n: int, outcomes: str) -> bytes:
    """Give the first n bits of *bits* followed by *outcomes*, filled with zeros up to a whole byte."""
    whole = n // 8
    begun = f"{bits[whole]:08b}"[: n % 8] if n % 8 else ""
    text = begun + outcomes
    size = -(-len(text) // 8)
    return bits[:whole] + int(text.ljust(size * 8, "0"), 2).to_bytes(size, "big")


def new_calls(rows: Iterable[Row], known: set[str]) -> list[Row]:
    """Give the rows of those whole calls whose `call_id` is not known, of one that comes twice the first one."""
    found = []
    begins = takes = True
    for row in rows:
        if begins:
            takes = row[_CALL_ID] not in known
            known.add(str(row[_CALL_ID]))
        if takes:
            found.append(row)
        begins = bool(row[_FINAL])
    return found


def configuration_of(row: Row) -> Row:
    """Give the values of `CONFIGURATION_COLUMNS` of a row."""
    return row[_CONFIGURATION]


def configuration_key(configuration: Row) -> bytes:
    """Give the bytes by which a store knows a configuration; of one that is not tuned those of the first release."""
    named = configuration[:_TUNED] + configuration[_TUNED + 1 :]
    return _digest(json.dumps([*named, "tuned"] if configuration[_TUNED] else named))


def input_key(row: Row) -> bytes | None:
    """Give the bytes by which equal inputs are known: of the cluster, else of the input's hash, else None."""
    cluster, input_hash = row[_CLUSTER], row[_INPUT_HASH]
    if cluster is not None:
        return _digest(f"cluster {cluster}")
    return None if input_hash is None else _digest(f"input {input_hash}")


def shape(n: int, k: int) -> str:
    """Give the key under which inputs of n calls, k of them unhandled, are counted."""
    return f"[{n},{k}]"


def bucket(us: int) -> int:
    """Give the least number of microseconds that is counted together with this one.

    Exact below 64. Above, the middle of a bucket is within 1/64 of everything in it.

    >>> bucket(63), bucket(1_000_000)
    (63, 999424)
    """
    spare = max(0, us.bit_length() - _BUCKET_BITS)
    return us >> spare << spare


def middle_us(lower: int) -> float:
    """Give the middle of the bucket that begins there.

    >>> middle_us(63), middle_us(999_424)
    (63.0, 1007615.5)
    """
    return lower + ((1 << max(0, lower.bit_length() - _BUCKET_BITS)) - 1) / 2


def _way(call: list[StoredRow]) -> str:
    """Give how a call ended: one of `WAYS`."""
    last = call[-1][1]
    number, kind = last[_NUMBER], last[_KIND]
    if kind is not None:
        return "transport" if number == 1 and kind == "transport" else "unhandled"
    if _is_unseen(call):
        return "unseen"
    if last[_FORM] in _REPAIRED_FORMS:
        return "repaired"
    return "first_pass" if number == 1 else "reasked"


def _is_unseen(call: list[StoredRow]) -> bool:
    return any(row[_UNSEEN] for _, row in call)


def _ways(call: list[StoredRow]) -> tuple[str, ...]:
    """Give how a call ended, then the `PARTS` that it is in."""
    way = _way(call)
    if way in ("transport", "unseen"):
        return (way,)
    if way == "unhandled" and _is_unseen(call):
        return way, "unseen_unhandled"
    first = call[0][1]
    form = first[_FORM]
    if way == "first_pass" and form == "exact":
        return way, "exact"
    if form == "parsed":
        return (way, "parsed", "textless") if way == "first_pass" else (way, "textless")
    return (way, "textless") if first[_REPLY_BYTES] is None else (way,)


def _digest(text: str) -> bytes:
    return bytes.fromhex(hex_digest(text, 2 * HASH_BYTES))


@lru_cache(maxsize=1_000)
def _pair(first: Any, second: Any) -> str:
    return json.dumps([first, second], separators=(",", ":"))


@lru_cache(maxsize=1_000)
def _pairs(violations: str) -> tuple[str, ...]:
    return tuple(_pair(location, keyword) for location, keyword in json.loads(violations))
