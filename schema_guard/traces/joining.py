# SPDX-License-Identifier: Apache-2.0
"""Which stored replies are attempts of one call.

Rules: what the tool says itself goes first. Else a reply is the next attempt of the call before it where both were made
in one step under one name, one after the other, the second was sent what the first was, or that and more behind it, and
the first was not valid: nobody asks again for a reply that is valid, and two questions are two calls.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.traces.values import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.traces.stored import StoredReply

__all__ = ["calls_of"]

# Clocks of spans are read one after the other.
_OVERLAP_S = 0.005


def calls_of(
    replies: Iterable[StoredReply], is_valid: Callable[[list[StoredReply]], bool]
) -> list[list[StoredReply]]:
    """Put attempts of one call together; calls, and attempts in them, in the order of time.

    Args:
        replies: In any order; those without a time stay in their order, behind the others.
        is_valid: Says whether a call ended with a valid reply.
    """
    calls: list[list[StoredReply]] = []
    named: dict[str, list[StoredReply]] = {}
    last: dict[tuple[str, str | None], list[StoredReply]] = {}
    for reply in sorted(replies, key=lambda one: inf if one.started_at is None else one.started_at):
        if reply.call is not None:
            if reply.call in named:
                named[reply.call].append(reply)
                continue
            named[reply.call] = [reply]
            calls.append(named[reply.call])
            continue
        if reply.around is not None:
            where = (reply.around, reply.name)
            before = last.get(where)
            if before is not None and _asks_again(before[-1], reply) and not is_valid(before):
                before.append(reply)
                continue
            last[where] = [reply]
            calls.append(last[where])
            continue
        calls.append([reply])
    return calls


def _asks_again(before: StoredReply, reply: StoredReply) -> bool:
    if before.started_at is None or reply.started_at is None:
        return False
    if reply.started_at < before.started_at + (before.elapsed_s or 0.0) - _OVERLAP_S:
        return False
    return _goes_on(_sent(before), _sent(reply))


def _sent(reply: StoredReply) -> Any:
    sent = decoded(reply.task)
    return sent.get("messages", sent) if isinstance(sent, dict) else sent


def _goes_on(before: Any, after: Any) -> bool:
    """Say whether what was sent is what had been sent before, with or without more behind it."""
    if isinstance(before, str) and isinstance(after, str):
        return bool(before) and after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return bool(before) and [*map(_text, after[: len(before)])] == [*map(_text, before)]
    return before is not None and _text(before) == _text(after)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
