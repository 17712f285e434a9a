# SPDX-License-Identifier: Apache-2.0
"""Strategies: how the format is asked for. One frozen bag of functions each, no subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.core import prompting
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean
from schema_guard.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.core.schema import Schema


class Strategy(NamedTuple):
    """A way to ask for a format.

    Attributes:
        name: As users write it and records store it.
        instructions: Gives the text about the format for a schema; `""` says nothing.
        shows_examples: Whether examples are part of the prompt.
        needs_options: Whether the provider must be told by arguments of its own, so that the function has to
            take `options`.
    """

    name: str
    instructions: Callable[[Schema[Any]], str]
    shows_examples: bool = False
    needs_options: bool = False


# An engine that constrains decoding does not show the schema to the model, so every strategy but `bare` says it.
STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("bare", prompting.no_instructions),
        Strategy("system_prompt", prompting.schema_instructions),
        Strategy("few_shot", prompting.schema_instructions, shows_examples=True),
        Strategy("reason_then_format", prompting.reasoning_instructions),
        Strategy("json_mode", prompting.schema_instructions, needs_options=True),
        Strategy("tool_call", prompting.schema_instructions, needs_options=True),
        Strategy("strict_schema", prompting.schema_instructions, needs_options=True),
    )
}


def strategies_of(names: object) -> tuple[Strategy, ...]:
    """Give the strategies of a name, of a list that escalates, or of `"a>b"`.

    Raises:
        InvalidArgument: A name is unknown, or there is none.
    """
    given = names.split(">") if isinstance(names, str) else names
    if not isinstance(given, (list, tuple)) or not given:
        raise InvalidArgument(
            f"strategy={clip(repr(names))}: expected one of {', '.join(STRATEGIES)}, or a list of them"
        )
    for name in given:
        if not isinstance(name, str) or name not in STRATEGIES:
            raise InvalidArgument(
                f"strategy={clip(repr(name))}: expected one of {', '.join(STRATEGIES)}{did_you_mean(name, STRATEGIES)}"
            )
    return tuple(STRATEGIES[name] for name in given)


def behind_system(
    task: str, strategy: object, before: Sequence[Mapping[str, str]] = ()
) -> list[dict[str, str]]:
    """Give a task as the user's turn, behind a system message for the format where a strategy says something.

    Args:
        task: The text of the turn.
        strategy: How it will be asked.
        before: Messages of the task itself, which stand before the turn; a system message among them is the first, and
            is the one that the format joins.

    >>> behind_system("t", "bare>bare")
    [{'role': 'user', 'content': 't'}]
    """
    turns = [dict(message) for message in before] + [{"role": "user", "content": task}]
    says_nothing = all(step.instructions is prompting.no_instructions for step in strategies_of(strategy))
    if says_nothing or turns[0]["role"] == "system":
        return turns
    return [{"role": "system", "content": ""}, *turns]
