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
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.light.digest import digest
from schema_guard.light.lazy import cached_property
from schema_guard.records.counts.hours import LARGEST_HOUR, HourAddition, InputCalls, hour_of, pair
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS, HASH_BYTES, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.values import Outcome

StoredRow: TypeAlias = tuple[int, Row]
"""A row with the `id` of its attempt."""

# How a call ended; each has one. All but the last had a judged reply.
RESULTS = ("valid_first_time", "repaired", "fixed_by_retry", "failed", "unseen", "transport")
# Of valid_first_time: the reply was nothing but the JSON, or a value whose text is unknown. Of judged calls whose
# tries are all known: the text of the first reply is unknown. Of failed: not all tries are known.
PARTS = ("clean", "parsed", "textless", "coerced", "unseen_failed")

_REPAIRED_FORMS = frozenset({"repaired_lossless", "repaired_lossy", "resumed"})

_FUNCTION = COLUMNS.index("function")
_CONFIGURATION = slice(_FUNCTION, _FUNCTION + len(CONFIGURATION_COLUMNS))
_CALL_ID = COLUMNS.index("call_id")
_STARTED_AT, _CLUSTER, _INPUT_HASH = (COLUMNS.index(name) for name in ("started_at", "cluster", "input_hash"))
_NUMBER, _FINAL, _KIND, _CODE, _FORM = (
    COLUMNS.index(name) for name in ("number", "final", "kind", "code", "form")
)
_REPLY_BYTES, _EXCEPTION, _UNSEEN = (COLUMNS.index(name) for name in ("reply_bytes", "exception", "unseen"))

LARGEST = 2**63 - 1
"""A sum that no longer fits into 64 bits stays at this: it must not cost the attempts."""

CHUNK_CALLS = 8_192  # outcomes that are kept together: 1 KiB


class Addition:
    """What calls of one configuration add to its roll-ups.

    Attributes:
        hours: Calls by the hour in which they began, in hours since the epoch, and by `WAYS` and `PARTS`.
        rest: The part of the tallies that no hour of `by_hour` has.
        by_hour: What is counted of the calls of each hour; of those whose start is unknown under None.
        input_calls: The judged calls whose inputs are known, by hour in the same way. A call whose input is unknown is
            an input of its own and stands in `tallies` only.
        outcomes: Of the judged calls, in order: `"1"` for failed, `"0"` for the others.
        starts: `id` of the first attempt of each judged call.
    """

    def __init__(self) -> None:
        self.rest: dict[tuple[str, str | int], int] = defaultdict(int)
        self.hours: dict[tuple[int, str], int] = defaultdict(int)
        self.by_hour: dict[int | None, HourAddition] = {}
        self.input_calls: dict[int | None, InputCalls] = defaultdict(InputCalls)
        self.outcomes: list[str] = []
        self.starts: list[int] = []

    @property
    def inputs(self) -> dict[bytes, tuple[int, int]]:
        """How many judged calls, and how many failed ones, to add to the input of this key."""
        counts: dict[bytes, tuple[int, int]] = {}
        for input_calls in self.input_calls.values():
            for key, is_failed in zip(input_calls.inputs, input_calls.failed, strict=True):
                n, k = counts.get(key, (0, 0))
                counts[key] = n + 1, k + is_failed
        return counts

    def add(self, call: list[StoredRow], hour: int | None, ways: tuple[str, ...]) -> None:
        """Add a call.

        Args:
            call: All its attempts, in order.
            hour: In which it began.
            ways: How it ended, then the parts that it is in.
        """
        last = call[-1][1]
        of_hour = self.by_hour.get(hour)
        if of_hour is None:
            of_hour = self.by_hour[hour] = HourAddition(call[0][0])
        tallies = of_hour.tallies
        of_hour.results[ways] += 1
        way = ways[0]
        of_hour.add_call(call, is_judged=way != "transport")
        if way == "transport":
            tallies["excluded", pair(last[_CODE], last[_EXCEPTION])] += 1
            return
        is_failed = way == "failed"
        if is_failed:
            tallies["failed", pair(last[_KIND], last[_CODE])] += 1
        of_hour.places.append(len(self.outcomes))
        self.starts.append(call[0][0])
        self.outcomes.append("1" if is_failed else "0")
        key = input_key(last)
        if key is None:
            tallies["inputs", shape(1, int(is_failed))] += 1
        else:
            input_calls = self.input_calls[hour]
            input_calls.inputs.append(key)
            input_calls.failed.append(is_failed)

    def add_to_hour(self, hour: int | None, ways: tuple[str, ...], calls: int) -> None:
        """Add calls that ended alike to the hour in which they began."""
        if hour is not None and -LARGEST_HOUR < hour < LARGEST_HOUR:
            for name in ways:
                self.hours[hour, name] += calls

    def move_input(self, n: int, k: int, more_n: int, more_k: int) -> None:
        """Count an input under the shape that it has now; one that had calls before leaves the shape that it had.

        Args:
            n: Its calls, these included.
            k: The failed ones of them.
            more_n: Those of these calls.
            more_k: The failed ones of those.
        """
        self.tallies["inputs", shape(n, k)] += 1
        if n > more_n:
            self.tallies["inputs", shape(n - more_n, k - more_k)] -= 1

    @cached_property
    def tallies(self) -> dict[tuple[str, str | int], int]:
        """How much to add to the count of this name and key.

        By attempt number: `attempts` (all),
        `judged` (not transport), `failed` (the judged ones that failed), the sum of each column of
        `SUMS`, and as `..._unknown` the attempts that add nothing to it. By `WAYS` and `PARTS`: `calls`.
        By [kind, code]: `failures` of attempts, and `failed` calls by their last failure.
        By [location, keyword]: `violations`. By [location, change]: `coercions`. By `bucket`: `attempt_us`, `call_us` of judged calls, and where
        replies are stopped before their end `whole_bytes`, `stopped_bytes` and `stopped_at` of judged attempts.
        By [n, k]: `inputs` of n judged calls, k of them failed. By [code, exception]: `excluded`, the
        calls of the way transport. By [model, snapshot]: `models`, the judged attempts that name one.
        """
        tallies = defaultdict(int, self.rest)
        for of_hour in self.by_hour.values():
            for key, count in of_hour.tallies.items():
                tallies[key] += count
        return tallies


def additions(rows: Iterable[StoredRow]) -> dict[Row, Addition]:
    """Give what whole calls add, by the values of `CONFIGURATION_COLUMNS`.

    Args:
        rows: Of the calls, in the order of storing.
    """
    by_configuration: dict[Row, Addition] = defaultdict(Addition)
    for call in calls(rows):
        last = call[-1][1]
        addition, ways, hour = (
            by_configuration[last[_CONFIGURATION]],
            _results(call),
            hour_of(last[_STARTED_AT]),
        )
        addition.add(call, hour, ways)
    for addition in by_configuration.values():
        for hour, of_hour in addition.by_hour.items():
            of_hour.finish()
            for ways, alike in of_hour.results.items():
                addition.add_to_hour(hour, ways, alike)
    return by_configuration


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
        rest: list[StoredRow] = []
        for call in calls(rows):
            if judged:
                judged -= is_judged(call)
            else:
                rest += call
        if rest:
            yield rest


def is_judged(call: list[StoredRow]) -> bool:
    """Say whether a call had a judged reply: all but those whose only attempt was a transport failure."""
    return _result(call) != "transport"


def started(rows: Iterable[StoredRow]) -> dict[Row, list[float]]:
    """Give when the calls of each configuration began, as far as that is known, in the order of storing."""
    by_configuration: dict[Row, list[float]] = {}
    for _, row in rows:
        starts = by_configuration.setdefault(configuration_of(row), [])
        at = row[_STARTED_AT]
        if isinstance(at, float):
            starts.append(at)
    return by_configuration


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


def new_calls(
    rows: Iterable[Row], known: set[str], closed: frozenset[tuple[bytes, int | None]] = frozenset()
) -> list[int]:
    """Give the places of the rows of those whole calls that are new, of one that comes twice the first.

    Args:
        rows: In the order of storing.
        known: The `call_id`s that are there; those of *rows* are added.
        closed: Of configurations, by `configuration_key`, the hours of which rows have gone: their calls are counted,
            and nobody knows any more which they were, so none of them is new.
    """
    places = []
    begins = takes = True
    for place, row in enumerate(rows):
        if begins:
            takes = row[_CALL_ID] not in known and not (closed and _hour_of_configuration(row) in closed)
            known.add(str(row[_CALL_ID]))
        if takes:
            places.append(place)
        begins = bool(row[_FINAL])
    return places


def _hour_of_configuration(row: Row) -> tuple[bytes, int | None]:
    return configuration_key(configuration_of(row)), hour_of(row[_STARTED_AT])


def configuration_of(row: Row) -> Row:
    """Give the values of `CONFIGURATION_COLUMNS` of a row."""
    return row[_CONFIGURATION]


def configuration_key(configuration: Row) -> bytes:
    """Return the bytes by which a store knows a configuration."""
    return _digest(json.dumps(configuration))


def input_key(row: Row) -> bytes | None:
    """Give the bytes by which equal inputs are known: of the cluster, else of the input's hash, else None."""
    cluster, input_hash = row[_CLUSTER], row[_INPUT_HASH]
    if cluster is not None:
        return key_of_cluster(str(cluster))
    return None if input_hash is None else key_of_input(str(input_hash))


def key_of_cluster(cluster: str) -> bytes:
    """Give the bytes by which inputs that belong together are known."""
    return _digest(f"cluster {cluster}")


def key_of_input(input_hash: str) -> bytes:
    """Give the bytes by which an input is known that belongs to no others."""
    return _digest(f"input {input_hash}")


def shape(n: int, k: int) -> str:
    """Give the key under which inputs of n calls, k of them failed, are counted."""
    return f"[{n},{k}]"


def result_of(outcome: Outcome[Any]) -> str:
    """Give how a call ended: one of `WAYS`."""
    last = outcome.attempts[-1]
    kind = None if last.failure is None else last.failure.kind
    return _result_of_attempt(
        last.number, kind, last.form, unseen=any(attempt.unseen for attempt in outcome.attempts)
    )


# Of calls of one attempt, by all that says how it ended: a few hundred at most, but for absurd numbers.
_CACHED_RESULTS: dict[tuple[object, ...], tuple[str, ...]] = {}


def _result(call: list[StoredRow]) -> str:
    """Give how a call ended: one of `WAYS`."""
    last = call[-1][1]
    return _result_of_attempt(last[_NUMBER], last[_KIND], last[_FORM], unseen=_is_unseen(call))


def _result_of_attempt(number: Any, kind: Any, form: Any, *, unseen: bool) -> str:
    if kind is not None:
        return "transport" if number == 1 and kind == "transport" else "failed"
    if unseen:
        return "unseen"
    if form in _REPAIRED_FORMS:
        return "repaired"
    return "valid_first_time" if number == 1 else "fixed_by_retry"


def _is_unseen(call: list[StoredRow]) -> bool:
    return any(row[_UNSEEN] for _, row in call)


def _results(call: list[StoredRow]) -> tuple[str, ...]:
    """Give how a call ended, then the `PARTS` that it is in."""
    if len(call) > 1:
        return _make_results(call)
    row = call[0][1]
    key = row[_NUMBER], row[_KIND], row[_FORM], row[_UNSEEN], row[_REPLY_BYTES] is None
    known = _CACHED_RESULTS.get(key)
    if known is None:
        known = _CACHED_RESULTS[key] = _make_results(call)
    return known


def _make_results(call: list[StoredRow]) -> tuple[str, ...]:
    way = _result(call)
    if way in ("transport", "unseen"):
        return (way,)
    if way == "failed" and _is_unseen(call):
        return way, "unseen_failed"
    first = call[0][1]
    form = first[_FORM]
    coerced = ("coerced",) if call[-1][1][_FORM] == "coerced" else ()
    if way == "valid_first_time" and form == "clean":
        return way, "clean"
    if form == "parsed":
        return (way, "parsed", "textless") if way == "valid_first_time" else (way, "textless")
    return (way, *coerced, "textless") if first[_REPLY_BYTES] is None else (way, *coerced)


def _digest(text: str) -> bytes:
    return digest(text)[:HASH_BYTES]
