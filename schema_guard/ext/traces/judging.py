# SPDX-License-Identifier: Apache-2.0
"""Validate the stored replies of one call, by the loop of guarded calls.

The id of a call is derived from the tool's id, so importing a reply twice gives one call.
"""

from __future__ import annotations

import json
from hashlib import sha256
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import IMPORTED, SAMPLE_SHARE, TRAFFIC, written
from schema_guard.drive import with_time
from schema_guard.ext.traces.values import decoded
from schema_guard.loop import Done, enforce
from schema_guard.preparing.costs import with_costs
from schema_guard.preparing.name_limits import folded
from schema_guard.providers.message_lists import messages_of
from schema_guard.strategies import STRATEGIES, Plan, Step
from schema_guard.values import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.configuration.recorded_settings import Traffic
    from schema_guard.ext.traces.stored_reply import ReadReply, StoredReply
    from schema_guard.schema import Schema
    from schema_guard.strategies import Price
    from schema_guard.values import Outcome, Prompt, Reply

_LATEST_MS = 2**48 - 1
_UNVERSIONED = "imported"


class Judged(NamedTuple):
    """A validated call and its prompt; the prompt is None if it isn't stored."""

    outcome: Outcome[Any]
    task: Prompt | None


def settings_text(traffic: Traffic) -> str:
    """Return the settings of imported calls, in the form of guards."""
    settings: dict[str, Any] = {
        "max_attempts": 1,
        "observe": True,
        IMPORTED: traffic.tool,
        TRAFFIC: traffic.part,
    }
    if traffic.share is not None:
        settings[SAMPLE_SHARE] = traffic.share
    return written(settings)


def call_id(tool: str, own: str, schema_fingerprint: str, started_at: float | None) -> str:
    """Return the id of a call: 32 hex digits of a UUID of version 8 (RFC 9562 s. 5.8) that sorts by time.

    The same reply with another schema is another call.
    """
    digest = sha256(json.dumps([tool, own, schema_fingerprint]).encode()).hexdigest()
    at = 0 if started_at is None else min(max(int(started_at * 1000), 0), _LATEST_MS)
    return f"{at:012x}8{digest[:3]}{8 | int(digest[3], 16) & 3:x}{digest[4:19]}"


def prompt_of(task: str | None) -> Prompt | None:
    """Return the prompt of a stored task: its messages if it is their JSON text, or the text."""
    content = decoded(task)
    messages = content.get("messages") if isinstance(content, dict) else content
    known = messages_of(messages) if isinstance(messages, list) and messages else None
    return known or task


class Judging:
    """Read and validate the replies of one import.

    Args:
        traffic: The import's description of its traffic.
        price: Function for the cost of attempts; None without prices.
    """

    def __init__(self, traffic: Traffic, price: Price | None = None) -> None:
        self._tool = traffic.tool
        self._settings = settings_text(traffic)
        self._price: Callable[[], Price | None] | None = None if price is None else lambda: price
        self._plans: dict[str, Plan] = {}

    def judged(self, replies: Sequence[ReadReply], function: str = "", own: str = "") -> Judged:
        """Validate the attempts of a call, in order.

        Args:
            replies: At least one reply, all with the same schema.
            function: Name of the function in records.
            own: The tool's own id of the call.
        """
        schema, first = replies[0].schema, replies[0].stored
        plan = self._plans.get(schema.fingerprint)
        if plan is None:
            steps = (Step.of(STRATEGIES["bare"], schema),)
            plan = self._plans[schema.fingerprint] = Plan(schema, steps, max_attempts=1, prices=self._price)
        task = prompt_of(first.task)
        call = self._call(first, schema, function, own)
        flow = enforce("" if task is None else task, plan, lambda: call)
        next(flow)
        *tries, last = map(_end, replies)
        done = flow.send(last._replace(tries=tuple(tries)))
        assert isinstance(done, Done)
        return Judged(
            with_costs(folded(done.outcome, None, None), [reply.stored.cost for reply in replies]), task
        )

    def _call(self, first: StoredReply, schema: Schema[Any], function: str, own: str) -> Call:
        return Call(
            id=call_id(self._tool, own, schema.fingerprint, first.started_at),
            function=function,
            schema_name=schema.name,
            schema_fingerprint=schema.fingerprint,
            model=None,
            provider=None,
            strategies="bare",
            settings=self._settings,
            version=first.version or _UNVERSIONED,
            segment=first.segment,
            input_hash=None,
            parent_call_id=None,
            started_at=nan if first.started_at is None else first.started_at,
            cluster=first.cluster,
        )


def _end(held: ReadReply) -> Reply:
    return with_time(held.reply, nan if held.stored.elapsed_s is None else held.stored.elapsed_s)
