# SPDX-License-Identifier: Apache-2.0
"""What is kept of the texts of prompts and replies.

Rules: the policies stand in an order in which each keeps less than the one before; of two that name one file the
stricter holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.core.values import Outcome
    from schema_guard.records.payloads.texts import Payload

__all__ = ["POLICIES", "Keeper", "KeptTexts", "PayloadPolicy", "policy_of", "stricter"]

PayloadPolicy: TypeAlias = Literal["off", "hash", "full"]

POLICIES: tuple[PayloadPolicy, ...] = ("off", "hash", "full")
"""From the one that keeps least."""


class KeptTexts(NamedTuple):
    """The texts of one attempt, as they wait for the writer.

    Attributes:
        prompt: JSON of the prompt.
        reply: The reply.
        touched: JSON of the places where the redaction changed them.
    """

    prompt: str | None
    reply: str | None
    touched: str | None = None


class Keeper:
    """Takes from outcomes what a policy lets a store keep.

    Attributes:
        policy: Which one holds.
    """

    def __init__(self, policy: PayloadPolicy = "off") -> None:
        self.policy = policy

    def take(self, outcome: Outcome[Any]) -> tuple[KeptTexts, ...]:
        """Give the texts that are to be stored, one for each attempt; none when the policy is `"off"`.

        Called before the outcome goes into the queue.
        """
        if self.policy == "off":
            return ()
        from schema_guard.records.payloads.texts import prompt_text  # only who keeps texts pays for it

        return tuple(
            KeptTexts(None if attempt.prompt is None else prompt_text(attempt.prompt), attempt.reply)
            for attempt in outcome.attempts
        )

    def payloads(self, kept: Sequence[KeptTexts], key: bytes) -> list[Payload]:
        """Give what is stored of texts.

        Args:
            kept: As `take` gave them.
            key: Of the keyed hashes.
        """
        from schema_guard.records.payloads.texts import Payload  # as above

        return [
            Payload(self._packed(one.prompt, key), self._packed(one.reply, key), one.touched) for one in kept
        ]

    def _packed(self, text: str | None, key: bytes) -> bytes | None:
        if text is None:
            return None
        from schema_guard.records.payloads.texts import hashed, packed_text  # as above

        return hashed(text, key) if self.policy == "hash" else packed_text(text)


def policy_of(named: object) -> PayloadPolicy:
    """Give the policy of a name; `InvalidArgument` when there is none."""
    if named not in POLICIES:
        near = did_you_mean(named, POLICIES) if isinstance(named, str) else ""
        expected = ", ".join(map(repr, POLICIES[:-1]))
        raise InvalidArgument(f"payload={clip(repr(named))}: expected {expected} or {POLICIES[-1]!r}{near}")
    return named


def stricter(one: PayloadPolicy, other: PayloadPolicy) -> PayloadPolicy:
    """Give the policy that keeps less."""
    return min(one, other, key=POLICIES.index)
