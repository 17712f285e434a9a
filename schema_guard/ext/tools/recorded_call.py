# SPDX-License-Identifier: Apache-2.0
"""As what a tool call is recorded: under which schema, and with which part of the tokens of its reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.preparing.name_limits import OTHERS
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.ext.tools.tools import Tools

__all__ = ["MOST_UNKNOWN", "NO_NAME", "UnknownTools", "shares"]

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
