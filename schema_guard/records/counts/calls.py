# SPDX-License-Identifier: Apache-2.0
"""Stored attempts as calls: the attempts of each call, its result, and the keys of its counts.

Pure functions.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS, HASH_BYTES, Row
from schema_guard.text import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.values import Outcome

StoredRow: TypeAlias = tuple[int, Row]
"""A row with the `id` of its attempt."""

RESULTS = ("valid_first_time", "repaired", "fixed_by_retry", "failed", "unseen", "transport")
"""How a call ended. Each call has one result. The last one is excluded: no reply, or a retry that was cancelled."""

PARTS = ("clean", "parsed", "textless", "coerced", "unseen_failed")
"""Parts of the results.

clean: Calls of valid_first_time whose reply was nothing but the JSON.
parsed: Calls of valid_first_time whose reply was a value without a known text.
textless: Calls of valid_first_time without a known text, including parsed.
coerced: Calls whose valid reply was partly converted by the type of the schema.
unseen_failed: Calls of failed of which some tries are not known.
"""

HOUR_S = 3_600
LARGEST_HOUR = 10**9  # a hundred thousand years, so a later start is a mistake
UNKNOWN_HOUR = -LARGEST_HOUR - 1
"""The hour of calls whose start is not known."""

_REPAIRED_FORMS = frozenset({"repaired_lossless", "repaired_lossy"})

_FUNCTION = COLUMNS.index("function")
_CONFIGURATION = slice(_FUNCTION, _FUNCTION + len(CONFIGURATION_COLUMNS))
_CALL_ID = COLUMNS.index("call_id")
_STARTED_AT, _CLUSTER, _INPUT_HASH = (COLUMNS.index(name) for name in ("started_at", "cluster", "input_hash"))
_NUMBER, _FINAL, _KIND, _FORM = (COLUMNS.index(name) for name in ("number", "final", "kind", "form"))
PART = "undecided"
"""The code of an attempt that was valid, but leaves a part of the value to the next model. It is no failure."""

_CODE, _EXCEPTION = (COLUMNS.index(name) for name in ("code", "exception"))
_REPLY_BYTES, _UNSEEN = (COLUMNS.index(name) for name in ("reply_bytes", "unseen"))


def hour_of(started_at: Any) -> int:
    """Return the hour in which a call began, counted from the epoch; `UNKNOWN_HOUR` if the start is None.

    At most `LARGEST_HOUR` away from the epoch, whatever the time.
    """
    if started_at is None:
        return UNKNOWN_HOUR
    hour = started_at // HOUR_S
    return int(hour) if -LARGEST_HOUR < hour < LARGEST_HOUR else LARGEST_HOUR if hour > 0 else -LARGEST_HOUR


def calls(rows: Iterable[StoredRow]) -> Iterator[list[StoredRow]]:
    """Yield the attempts of each call. A call that does not end here is left out."""
    call: list[StoredRow] = []
    for stored in rows:
        call.append(stored)
        if stored[1][_FINAL]:
            yield call
            call = []


def whole_calls(pages: Iterable[list[StoredRow]]) -> Iterator[list[StoredRow]]:
    """Yield the rows of all pages in pages that end with the end of a call."""
    rest: list[StoredRow] = []
    for page in pages:
        rows = rest + page
        end = len(rows)
        while end and not rows[end - 1][1][_FINAL]:
            end -= 1
        rest = rows[end:]
        if end:
            yield rows[:end]


def new_calls(
    rows: Iterable[Row], known: set[str], closed: frozenset[tuple[bytes, int]] = frozenset()
) -> list[int]:
    """Return the places of the rows of whole calls that are new. If a call occurs twice, the first one counts.

    Args:
        rows: Rows in the order of storing.
        known: The `call_id`s that are stored. Those of *rows* are added.
        closed: Hours with deleted rows, each with the `configuration_key`. Their calls are counted, but it is not known
            which calls they were. So no call of these hours is new.
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


def _hour_of_configuration(row: Row) -> tuple[bytes, int]:
    return configuration_key(configuration_of(row)), hour_of(row[_STARTED_AT])


def configuration_of(row: Row) -> Row:
    """Return the values of `CONFIGURATION_COLUMNS` of a row."""
    return row[_CONFIGURATION]


def configuration_key(configuration: Row) -> bytes:
    """Return the bytes that identify a configuration in a store."""
    return digest(json.dumps(configuration))[:HASH_BYTES]


def input_key(row: Row) -> int | None:
    """Return the number that identifies equal inputs, from the cluster, or the input's hash. None without both."""
    cluster, input_hash = row[_CLUSTER], row[_INPUT_HASH]
    if cluster is not None:
        return key_of_cluster(str(cluster))
    return None if input_hash is None else _input_key(f"input {input_hash}")


def key_of_cluster(cluster: str) -> int:
    """Return the number that identifies the inputs of a cluster."""
    return _input_key(f"cluster {cluster}")


def key_of_input(input_hash: str) -> int:
    """Return the number that identifies an input without a cluster."""
    return _input_key(f"input {input_hash}")


def _input_key(text: str) -> int:
    """Return 64 bits with a sign, never 0. Two of ten million inputs have the same number with a chance of 0.0003%."""
    return int.from_bytes(digest(text)[:8], "little", signed=True) or 1


def result_of(outcome: Outcome[Any]) -> str:
    """Return how a call ended: one of `RESULTS`."""
    last = outcome.attempts[-1]
    parts = sum(one.failure is not None and one.failure.code == PART for one in outcome.attempts[:-1])
    failure = last.failure
    kind, code = (None, None) if failure is None else (failure.kind, failure.code)
    is_excluded = _is_excluded(last.number, kind, code, last.exception)
    unseen = any(attempt.unseen for attempt in outcome.attempts)
    return _result_of_attempt(last.number - parts, kind, last.form, is_excluded=is_excluded, unseen=unseen)


def _is_excluded(number: Any, kind: Any, code: Any, exception: Any) -> bool:
    """Return whether a call had no reply, or its caller cancelled a retry. A time budget cancels without an exception."""
    return kind == "transport" and (number == 1 or (code == "cancelled" and exception is not None))


def _result_of_attempt(number: Any, kind: Any, form: Any, *, is_excluded: bool, unseen: bool) -> str:
    if is_excluded:
        return "transport"
    if kind is not None:
        return "failed"
    if unseen:
        return "unseen"
    if form in _REPAIRED_FORMS:
        return "repaired"
    return "valid_first_time" if number == 1 else "fixed_by_retry"


def results_of(call: list[StoredRow]) -> tuple[str, ...]:
    """Return how a call ended, then the `PARTS` that it is in."""
    first, last = call[0][1], call[-1][1]
    number = last[_NUMBER]
    if len(call) > 1 and (parts := parts_of(call)):
        # A model that decides a part is followed by the first attempt at the rest.
        first = call[parts][1]
        number = last[_NUMBER] - parts  # type: ignore[operator] # a number, as the column says
    is_excluded = _is_excluded(last[_NUMBER], last[_KIND], last[_CODE], last[_EXCEPTION])
    unseen = first[_UNSEEN] if len(call) == 1 else any(row[_UNSEEN] for _, row in call)
    has_no_text = first[_REPLY_BYTES] is None
    return _results(number, last[_KIND], last[_FORM], first[_FORM], is_excluded, bool(unseen), has_no_text)


def parts_of(call: list[StoredRow]) -> int:
    """Return how many attempts at the begin of a call decided only a part of the value."""
    return next((place for place, (_, row) in enumerate(call[:-1]) if row[_CODE] != PART), len(call) - 1)


# A few hundred combinations at most, except for absurd numbers.
@lru_cache(maxsize=1_000)
def _results(  # noqa: PLR0913, PLR0917 - all facts about the end of a call
    number: Any, kind: Any, form: Any, first_form: Any, is_excluded: bool, unseen: bool, has_no_text: bool
) -> tuple[str, ...]:
    way = _result_of_attempt(number, kind, form, is_excluded=is_excluded, unseen=unseen)
    if way in ("transport", "unseen"):
        return (way,)
    if way == "failed" and unseen:
        return way, "unseen_failed"
    if way == "valid_first_time" and first_form == "clean":
        return way, "clean"
    coerced = ("coerced",) if form == "coerced" else ()
    if way != "valid_first_time":
        return way, *coerced  # a first reply that failed is not clean, whatever its text
    if first_form == "parsed":
        return way, "parsed", "textless"
    return (way, *coerced, "textless") if has_no_text else (way, *coerced)
