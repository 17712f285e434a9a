# SPDX-License-Identifier: Apache-2.0
"""Group stored replies that are attempts of one call.

Rules: the call that the tool reports for a reply takes precedence. Otherwise, a reply is the next attempt of the
previous call in the same step under the same name under three conditions. They don't overlap, the first reply wasn't
valid, and the second request has the messages of the first, with or without more after them. A valid reply needs no
retry, and two questions are two calls.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.ext.traces.values import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.ext.traces.stored_reply import ReadReply, StoredReply

# Spans read their clocks one after the other.
_OVERLAP_S = 0.005


def calls_of(replies: Iterable[ReadReply], is_valid: Callable[[ReadReply], bool]) -> list[list[ReadReply]]:
    """Group attempts of one call. Calls, and the attempts in them, are in the order of time.

    Args:
        replies: Replies in any order. Those without a time keep their order, after the others.
        is_valid: Function that returns whether a reply is valid.
    """
    calls: list[list[ReadReply]] = []
    named: dict[tuple[str, str], list[ReadReply]] = {}
    last: dict[tuple[str, str | None, str], list[ReadReply]] = {}
    for held in sorted(
        replies, key=lambda one: inf if one.stored.started_at is None else one.stored.started_at
    ):
        stored, schema, call = held.stored, held.schema.fingerprint, [held]
        if stored.call is not None:
            call = named.setdefault((stored.call, schema), call)
        elif stored.step_id is not None:
            where = (stored.step_id, stored.name, schema)
            before = last.get(where)
            if before is not None and _asks_again(before[-1].stored, stored) and not is_valid(before[-1]):
                call = before
            last[where] = call
        if call[-1] is held:
            calls.append(call)
        else:
            call.append(held)
    return calls


def _asks_again(before: StoredReply, reply: StoredReply) -> bool:
    if before.started_at is None or reply.started_at is None:
        return False
    if reply.started_at < before.started_at + (before.elapsed_s or 0.0) - _OVERLAP_S:
        return False
    return _is_continued(_sent(before), _sent(reply))


def _sent(reply: StoredReply) -> Any:
    sent = decoded(reply.task)
    return sent.get("messages", sent) if isinstance(sent, dict) else sent


def _is_continued(before: Any, after: Any) -> bool:
    """Return whether a request has the messages of the one before, with or without more after them."""
    if isinstance(before, str) and isinstance(after, str):
        return bool(before) and after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return bool(before) and [*map(_text, after[: len(before)])] == [*map(_text, before)]
    return before is not None and _text(before) == _text(after)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
