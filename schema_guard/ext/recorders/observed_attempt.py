# SPDX-License-Identifier: Apache-2.0
"""One attempt as a recorder saw it, converted to the end of an attempt of the loop."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.drive import with_time
from schema_guard.providers.failures import no_reply
from schema_guard.text import clip
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.received.receiver import Receiver


class AttemptView(NamedTuple):
    """One attempt as a recorder saw it.

    Attributes:
        reply: Text, reply object of a provider or framework, or a `Reply`. None without a reply.
        exception: The raised exception. With a reply, the framework's reason to reject it.
        model: Name of the called model, for a reply without one.
        elapsed_s: Seconds; NaN if unknown.
        cost: Dollars as the framework counts them, used if there is no table of prices.
        confidence: Probability of each field by JSON Pointer, if the framework reports a decision model's. Otherwise
            None.
    """

    reply: object = None
    exception: BaseException | None = None
    model: str | None = None
    elapsed_s: float = nan
    cost: float | None = None
    confidence: Mapping[str, float] | None = None


def add_attempt(attempts: list[AttemptView], attempt: AttemptView) -> None:
    """Add an attempt. One before it without a reply doesn't count."""
    if attempts and attempts[-1].reply is None:
        attempts.pop()
    attempts.append(attempt)


def end_of(one: AttemptView, receiver: Receiver) -> Reply:
    """Return the end of an attempt, as *receiver* reads its reply."""
    reply = _reply(one, receiver)
    if reply.call_model == "" and one.model:
        reply = reply._replace(call_model=one.model)
    elif reply.model is None and one.model and reply.call_model is None:
        reply = reply._replace(model=one.model)
    return with_time(reply, one.elapsed_s)


def _reply(attempt: AttemptView, receiver: Receiver) -> Reply:
    """Read the reply. A reply that the framework rejected is not valid."""
    if attempt.exception is None:
        return Reply(failure=no_reply(None)) if attempt.reply is None else receiver.read(attempt.reply)
    raised = receiver.raised(attempt.exception)
    if attempt.reply is None:
        return raised
    reply = receiver.read(attempt.reply)
    if reply.failure is not None:
        return reply
    failure = raised.refused or raised.failure
    if failure is None or failure.kind == "transport":
        name = clip(type(attempt.exception).__name__)
        failure = Failure("semantic", "refused", f"the framework rejected the reply: {name}")
    return reply._replace(refused=failure, call_model=None)
