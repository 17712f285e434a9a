# SPDX-License-Identifier: Apache-2.0
"""The recorded calls of a turn: their attempts over several replies, their schemas, and their shares of the tokens.

Rules:
1. A call that is valid is over with its first valid attempt. That the model had to write it again, because another call
   beside it was not valid, is no further call of that tool; only where it fails then it is one.
2. A call that failed goes on with the first call of the next reply to the same tool; one whose tool nobody knows goes on
   with a near name, else with a call that nothing else claims.
3. What a later reply calls beside these is a call of its own, and what it leaves out has failed.
So a tool has as many calls as the model meant to make of it, and each has failed or not at its first attempt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.tools.result_messages import near_names
from schema_guard.preparing.name_limits import OTHERS
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.values import ParsedValue, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.ext.tools.tools import Tools


@dataclass(eq=False, slots=True)
class FollowedCall:
    """A call of a turn.

    Attributes:
        first: What it was at first: its tool is that of the record.
        last: What it was at last.
        ends: Its attempts, as replies; all but the last failed.
        is_replaced: Whether the model had to write it again and failed, so that another call goes on in its place.
    """

    first: CallJudgement
    last: CallJudgement
    ends: list[Reply] = field(default_factory=list)
    is_replaced: bool = False

    def add(self, judgement: CallJudgement, end: Reply, usage: Usage) -> None:
        """Add an attempt.

        Args:
            judgement: The judgement of the tool call.
            end: The reply with the tool call.
            usage: The share of the tool call in the tokens of the reply.
        """
        self.last = judgement
        parsed = ParsedValue(judgement.arguments, is_instance=True) if judgement.ok else None
        self.ends.append(
            Reply(
                finish_reason=end.finish_reason,
                usage=usage,
                elapsed_s=end.elapsed_s,
                failure=judgement.failure,
                model=end.model,
                text=judgement.text or "",
                parsed=parsed,
            )
        )

    def is_repeated_by(self, one: CallJudgement) -> bool:
        """Return whether a call is this one once more, which was valid."""
        return self.last.ok and (self.last.name, self.last.arguments) == (one.name, one.arguments)


MOST_UNKNOWN: Final = 50
"""Names of tools that there are not, as models make them up; all further ones are `others`."""
NO_NAME: Final = "(no name)"
"""What stands for the name of a call that a provider threw away."""


class UnknownTools:
    """The names that models gave to tools that there are not, a bounded number of them. Safe in threads."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[str] = set()

    def schema_of(self, one: CallJudgement, tools: Tools) -> Schema[Any]:
        """Return the schema under which a call is recorded.

        That of its tool; for a tool whose arguments nobody describes the one that takes anything; for a tool that there
        is not, under the name that the model gave, what that name had to be: one of the tools'.
        """
        if one.schema is not None:
            return one.schema
        if one.name in tools:
            return Schema.of(True, name=one.name)
        name = clip(one.name or NO_NAME)
        if name not in self._names and len(self._names) >= MOST_UNKNOWN:
            name = OTHERS
        self._names.add(name)
        return Schema.of({"enum": sorted(tools)}, name=name)


def shares(usage: Usage, count: int) -> list[Usage]:
    """Split the tokens of a reply between what it holds, so that their sum is what it cost.

    >>> [part.output_tokens for part in shares(Usage(None, 7), 2)]
    [4, 3]
    """

    def share(tokens: int | None, number: int) -> int | None:
        return None if tokens is None else tokens // count + (number < tokens % count)

    return [Usage(*[share(tokens, number) for tokens in usage]) for number in range(count)]


class JoinedCalls:
    """The calls of one turn.

    Attributes:
        calls: In the order in which the model first wrote them.
    """

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: list[FollowedCall] = []

    def take(self, judgements: Sequence[CallJudgement]) -> list[FollowedCall | None]:
        """Join the calls of a reply to those before it.

        Returns:
            For each of them the call that it is an attempt of; None for one that only repeats a valid call.
        """
        known = [call for call in self.calls if not call.is_replaced]
        joined: list[FollowedCall | None] = [None] * len(judgements)
        indices = list(range(len(judgements)))

        def claim(wanted: Callable[[FollowedCall, CallJudgement], bool]) -> None:
            for call in list(known):
                at = next((at for at in indices if wanted(call, judgements[at])), None)
                if at is not None:
                    known.remove(call)
                    indices.remove(at)
                    joined[at] = call

        claim(lambda call, one: call.is_repeated_by(one))
        claim(lambda call, one: not call.last.ok and call.last.name == one.name)
        claim(lambda call, one: call.last.ok and call.last.name == one.name)
        claim(
            lambda call, one: (
                _is_lost(call) and one.name in near_names(call.last.name or "", [one.name or ""])
            )
        )
        claim(lambda call, one: _is_lost(call))
        return [self._attempt_of(call, judgement) for call, judgement in zip(joined, judgements, strict=True)]

    def _attempt_of(self, call: FollowedCall | None, judgement: CallJudgement) -> FollowedCall | None:
        if call is not None and not call.last.ok:
            return call
        if call is not None:
            if judgement.ok:
                return None
            call.is_replaced = True
        new = FollowedCall(judgement, judgement)
        self.calls.append(new)
        return new


def _is_lost(call: FollowedCall) -> bool:
    """Return whether nobody knows which tool a call was for."""
    failure = call.last.failure
    return failure is not None and (failure.code == "unknown_tool" or call.last.name is None)
