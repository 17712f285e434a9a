# SPDX-License-Identifier: Apache-2.0
"""Strategies: how the format is asked for, one frozen bag of functions each, no subclasses; and the plan that takes them.

Rule: a plan and its steps are fixed when a function is guarded. They hold what the loop goes by, and decide nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard import prompting
from schema_guard.errors import InvalidArgument
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.configuration.layout import Layout
    from schema_guard.prompting import Example
    from schema_guard.schema import Schema
    from schema_guard.values import AdaptedSchema, OpenPath, Repair

# Takes tokens and names of a model; see `Plan.prices`.
Price: TypeAlias = "Callable[..., float | None]"


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
    entries = names.split(">") if isinstance(names, str) else names
    if not isinstance(entries, (list, tuple)) or not entries:
        raise InvalidArgument(
            f"strategy={clip(repr(names))}: expected one of {', '.join(STRATEGIES)}, or a list of them"
        )
    for name in entries:
        if not isinstance(name, str) or name not in STRATEGIES:
            raise InvalidArgument(
                f"strategy={clip(repr(name))}: expected one of {', '.join(STRATEGIES)}{did_you_mean(name, STRATEGIES)}"
            )
    return tuple(STRATEGIES[name] for name in entries)


class SentForm(NamedTuple):
    """What is sent in the schema's place, to a provider or engine that does not take it as it is.

    Attributes:
        schema: What is sent.
        recorded: The same, as attempts tell it.
        restore: Gives a value of it in the form of the plan's schema, and what is not of it as it is; never raises.
            None where the forms are the same.
        grown: Gives a value that is still written, and the way to what is open in it (None for nothing), in the same form;
            None where that is not known yet. None where the forms are the same.
    """

    schema: Schema[Any]
    recorded: AdaptedSchema
    restore: Callable[[Any], Any] | None = None
    grown: Callable[[Any, OpenPath | None], tuple[Any, OpenPath | None] | None] | None = None


class Step(NamedTuple):
    """One strategy of a plan, with its texts already made.

    Attributes:
        strategy: Which one.
        instructions: Its text for the schema.
        examples: What it shows; empty for strategies that show none.
        prefix: All that stands before a task that is a text.
        provider: Whose arguments are sent; None where none are known.
        sent: What is sent in the schema's place; None where nothing is, or the schema itself.
    """

    strategy: Strategy
    instructions: str
    examples: tuple[Example, ...]
    prefix: str
    provider: str | None = None
    sent: SentForm | None = None

    @staticmethod
    def of(strategy: Strategy, schema: Schema[Any], examples: tuple[Example, ...] = ()) -> Step:
        """Make the texts of a strategy for a schema."""
        instructions = strategy.instructions(schema)
        return Step(strategy, instructions, examples, prompting.text_prefix(instructions, examples))

    @property
    def restore(self) -> Callable[[Any], Any] | None:
        """What gives a value that was asked for in the schema's own form; None where it comes in that."""
        return None if self.sent is None else self.sent.restore


class Plan(NamedTuple):
    """What is fixed when a function is guarded, before any call.

    Attributes:
        schema: What replies must keep to.
        steps: Attempt k uses step k, the last one from then on.
        max_attempts: How many attempts one call may make.
        repair: Whether broken JSON may be repaired.
        checks: What a valid value must pass as well.
        limits: Limits on replies and on the call.
        prices: Gives what says what an attempt cost, by its tokens and the names of its model, the one of its own
            reply first; None where nothing is known of prices.
        delivery: `prompt` sends the whole prompt; `feedback` the first prompt again, and the correction apart;
            `instructions` only the strategy's text and the correction, for a function that builds its own prompt.
        tool: Name of the tool that `tool_call` gives to the model; None where no step does.
        gateway_repaired: Whether a gateway may repair replies before they come.
        early_stop: Whether a streamed reply is stopped once no continuation of it can be valid. A reply that is to be
            fixed is not, nor one that comes in another form than the schema's.
        coerce: Whether the schema's type may convert values that the schema refuses.
        layout: The place of the text about the format, if the task is a text.
    """

    schema: Schema[Any]
    steps: tuple[Step, ...]
    max_attempts: int = 3
    repair: Repair = "off"
    checks: tuple[Callable[[Any], str | bool | None], ...] = ()
    limits: Limits = DEFAULT_LIMITS
    prices: Callable[[], Price | None] | None = None
    delivery: Literal["prompt", "feedback", "instructions"] = "prompt"
    tool: str | None = None
    gateway_repaired: bool = False
    early_stop: bool = False
    coerce: bool = True
    layout: Layout = "text"

    def step(self, attempt: int) -> Step:
        """Give the step of an attempt, counted from 1."""
        return self.steps[min(attempt, len(self.steps)) - 1]

    def stops(self, step: Step) -> bool:
        """Say whether replies of a step are held against the schema before their end."""
        return self.early_stop and self.repair == "off" and step.restore is None

    def sent_schema(self, step: Step) -> Schema[Any]:
        """Give the schema that is sent in a step."""
        return self.schema if step.sent is None else step.sent.schema
