# SPDX-License-Identifier: Apache-2.0
"""The recorded calls of a turn: their attempts over several replies, their schemas, and their shares of the tokens.

Rules:
1. A valid call ends with its first valid attempt. If the model repeats it because another call of its reply was
   invalid, the repetition is no new call of the tool. It is a new call only if it fails.
2. A failed call continues with the first call to the same tool in the next reply. If its tool is unknown, it continues
   with a call to a similar name, or otherwise with any unclaimed call.
3. Any other call of a later reply is a new call. A failed call that no later reply continues stays failed.
So each tool has as many calls as the model intended, and the first attempt of each call is valid or failed.
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
        first: Judgement of the first attempt. The record has its tool.
        last: Judgement of the last attempt.
        ends: Its attempts, as replies. All but the last failed.
        is_replaced: Whether the model had to repeat this call and failed, so that another call replaces it.
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
        """Return whether a call repeats this one, which was valid."""
        return self.last.ok and (self.last.name, self.last.arguments) == (one.name, one.arguments)


MOST_UNKNOWN: Final = 50
"""Most names of tools that don't exist, because models invent them. All further ones are `others`."""
NO_NAME: Final = "(no name)"
"""The name of a call if the provider discarded its name."""


class UnknownTools:
    """The names of unknown tools in replies, at most `MOST_UNKNOWN`. Safe in threads."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[str] = set()

    def schema_of(self, one: CallJudgement, tools: Tools) -> Schema[Any]:
        """Return the schema for the record of a call.

        If a tool has no schema for its arguments, the schema of the record accepts anything. If a tool is unknown, the
        schema has the tool's name from the reply, and accepts the names of the known tools.
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
    """Split the tokens of a reply between its calls. The sum of the shares is the usage of the reply.

    >>> [part.output_tokens for part in shares(Usage(None, 7), 2)]
    [4, 3]
    """

    def share(tokens: int | None, number: int) -> int | None:
        return None if tokens is None else tokens // count + (number < tokens % count)

    return [Usage(*[share(tokens, number) for tokens in usage]) for number in range(count)]


class JoinedCalls:
    """The calls of one turn.

    Attributes:
        calls: The calls, in the order in which the model first wrote them.
    """

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: list[FollowedCall] = []

    def take(self, judgements: Sequence[CallJudgement]) -> list[FollowedCall | None]:
        """Join the calls of a reply to the earlier calls.

        Returns:
            For each call of the reply, the call that it is an attempt of. None if it only repeats a valid call.
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
    """Return whether the tool of a call is unknown."""
    failure = call.last.failure
    return failure is not None and (failure.code == "unknown_tool" or call.last.name is None)
