# SPDX-License-Identifier: Apache-2.0
"""What a model answers in the attempts of one call, and what a guard should make of it, as a Hypothesis strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.schema import Schema
from schema_guard.testing.model_replies.broken_replies import Broken, broken
from schema_guard.testing.model_replies.valid_replies import Sent, replies
from schema_guard.text import clip
from schema_guard.values import NOT_FIXED_BY_LIMIT

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

# Never asked again: a refusal, and what was cut off where no larger output limit may be sent, unless none would repair it.
_FINAL = ("refusal", "truncation")


class Expected(NamedTuple):
    """What comes of a call that is answered by a history, without repair, checks or a budget.

    Attributes:
        attempts: How many are made.
        ok: Whether a valid value comes out.
        value: It; None when not ok.
        failures: Kind and code of each attempt that fails, in order.
    """

    attempts: int
    ok: bool
    value: Any
    failures: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class History:
    """Replies to the attempts of one call, in order.

    Attributes:
        replies: Broken ones, and a valid one at the end unless the model never gets it right. Some may stand behind
            one after which no guard should ask again.
    """

    replies: tuple[Sent | Broken, ...]

    def expected(self, max_attempts: int) -> Expected:
        """Give what a guard makes of it.

        Args:
            max_attempts: Of the guard, from 1 on.

        Raises:
            InvalidArgument: That many attempts need more replies than there are.
        """
        failures: list[tuple[str, str]] = []
        for number, reply in enumerate(self.replies[:max_attempts], 1):
            if isinstance(reply, Sent):
                return Expected(number, True, reply.value, tuple(failures))
            failures.append((reply.kind, reply.code))
            is_final = reply.kind in _FINAL and reply.code not in NOT_FIXED_BY_LIMIT
            if is_final or number == max_attempts:
                return Expected(number, False, None, tuple(failures))
        raise InvalidArgument(
            f"max_attempts={clip(repr(max_attempts))}: expected 1 to {len(self.replies)}, for the history has"
            f" {len(self.replies)} replies; draw longer ones with histories(schema, max_attempts=...)"
        )

    def script(self) -> list[dict[str, Any]]:
        """Give the replies as `ScriptedModel` takes them; they are streamed in their chunks."""
        return [_scripted(reply) for reply in self.replies]


def _scripted(reply: Sent | Broken) -> dict[str, Any]:
    chunks = list(reply.chunks)
    if isinstance(reply, Sent):
        return {"chunks": chunks, "finish_reason": "stop"}
    # A finish reason of null would be a stream that lacks its end.
    return {"chunks": chunks} | ({"finish_reason": reply.finish_reason} if reply.finish_reason else {})


def histories(schema: Any, *, max_attempts: int = 3) -> SearchStrategy[History]:
    """Give a strategy of histories, to test what asks a model again.

    Args:
        schema: Whatever `Schema.of` takes.
        max_attempts: The most attempts that a history has replies for, 1 or more.

    Raises:
        InvalidSchema: The schema cannot be loaded.
        InvalidArgument: No instance satisfies the schema, as for `instances`; or max_attempts is below 1.
    """
    if max_attempts < 1:
        raise InvalidArgument(f"max_attempts={clip(repr(max_attempts))}: expected an int >= 1")
    loaded = Schema.of(schema)
    return _histories(replies(loaded), broken(loaded), max_attempts)


@st.composite
def _histories(
    draw: DrawFn, valid: SearchStrategy[Sent], failing: SearchStrategy[Broken], max_attempts: int
) -> History:
    failed = draw(st.integers(0, max_attempts))
    drawn: list[Sent | Broken] = [draw(failing) for _ in range(failed)]
    if failed < max_attempts:
        drawn.append(draw(valid))
    return History(tuple(drawn))
