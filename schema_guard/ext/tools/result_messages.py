# SPDX-License-Identifier: Apache-2.0
"""Messages to a model about its tool calls, as the results of their tools. They contain no value of a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard import prompting
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.values import Failure

NOT_RUN: Final = (
    "This call is valid, but it was not run, because another call of the same turn is not valid. "
    "Make this call again together with the corrected ones."
)
"""The message to the model about a valid call of a turn that is retried."""
_MOST_NAMES: Final = 20
_MOST_CHARS: Final = 700
_CUT_OFF: Final = "It was cut off before its arguments were complete"


def message_for(failure: Failure, tools: Iterable[str], near: list[str], *, name: str | None) -> str:
    """Return the reason why a call was not run, and the fix.

    Args:
        failure: Failure of the call.
        tools: Names of the known tools.
        near: Known tools that the model may have meant.
        name: Name of the tool, or None if it is not a known tool.
    """
    if failure.code == "unknown_tool":
        return f"This call was not run, because no tool has that name. {_names(list(tools), near)}"
    if failure.kind == "truncation":
        reason, then = _CUT_OFF, "Call the tool again, with shorter arguments."
    elif failure.code == "empty":
        reason, then = "Its arguments were empty", "Call the tool again, with one JSON object of arguments."
    elif failure.kind == "refusal":
        reason, then = "It was stopped by a filter", "Continue without it."
    else:
        reason = prompting.describe(failure, quote_checks=True)
        then = "Call the tool again, with corrected arguments."
    which = "" if name is None else f" of {name}"
    return f"This call{which} was not run. {clip(reason, _MOST_CHARS)}. {then}"


def _names(tools: list[str], near: list[str]) -> str:
    if near:
        return f"Did you mean {' or '.join(near)}? Call it again with its correct name."
    if not tools:
        return "There are no tools. Answer without one."
    more = f" and {len(tools) - _MOST_NAMES} more" if len(tools) > _MOST_NAMES else ""
    return f"The tools are: {', '.join(tools[:_MOST_NAMES])}{more}."


def near_names(name: str, tools: Iterable[str]) -> list[str]:
    """Return the names of tools that a wrong name may mean, the nearest first, at most three.

    >>> near_names("functions.get_weather", ["get_weather", "send_mail"])
    ['get_weather']
    """
    known = {tool.casefold(): tool for tool in tools}
    from difflib import get_close_matches  # takes 6 ms, and only a wrong name needs it

    wanted = clip(name, 200).casefold()
    tail = wanted.replace(":", ".").replace("/", ".").rpartition(".")[2]
    matches = (
        [tail] if tail in known else [*get_close_matches(wanted, known), *get_close_matches(tail, known)]
    )
    return [known[near] for near in dict.fromkeys(matches)][:3]
