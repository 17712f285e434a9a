# SPDX-License-Identifier: Apache-2.0
"""The strategies, which are the ways to request the format, and the plan of a guarded function.

Rule: a plan and its steps are fixed when a function is guarded. They have the texts and settings for the loop. The loop
decides. A call may replace `delivery`, `checks`, and `gateway_repaired` in its own copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard import prompting
from schema_guard.errors import InvalidArgument
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.prompting import Example
    from schema_guard.schema import Schema
    from schema_guard.values import AdaptedSchema, Failure, OpenPath, Repair

# Takes tokens and names of a model; see `Plan.prices`.
Price: TypeAlias = "Callable[..., float | None]"


class Strategy(NamedTuple):
    """A way to request a format.

    Attributes:
        name: Its name in arguments and records.
        instructions: Returns the text about the format for a schema, or `""` for no text.
        shows_examples: Whether examples are part of the prompt.
        needs_options: Whether it needs arguments of the provider, so that the function must take `options`.
    """

    name: str
    instructions: Callable[[Schema[Any]], str]
    shows_examples: bool = False
    needs_options: bool = False


# An engine that constrains decoding does not show the schema to the model, so most strategies do.
STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("bare", lambda _: ""),
        Strategy("system_prompt", prompting.schema_instructions),
        Strategy("few_shot", prompting.schema_instructions, shows_examples=True),
        Strategy("reason_then_format", prompting.reasoning_instructions),
        Strategy("json_mode", prompting.schema_instructions, needs_options=True),
        Strategy("tool_call", prompting.schema_instructions, needs_options=True),
        Strategy("strict_schema", prompting.schema_instructions, needs_options=True),
        Strategy("strict_only", lambda _: "", needs_options=True),
        Strategy("reason_then_strict", lambda _: f"{prompting.THINK_FIRST}the answer.", needs_options=True),
        Strategy("decision", lambda _: "", needs_options=True),
    )
}


def strategies_of(names: object) -> tuple[Strategy, ...]:
    """Return the strategies of a name, of a list for the attempts, or of `"a>b"`.

    Raises:
        InvalidArgument: A name is unknown, or there is no name.
    """
    entries = names.split(">") if isinstance(names, str) else names
    if not isinstance(entries, (list, tuple)) or not entries:
        raise InvalidArgument(
            f"strategy={clip(repr(names))}: expected one of {', '.join(STRATEGIES)}, or a list of these names"
        )
    for name in entries:
        if not isinstance(name, str) or name not in STRATEGIES:
            raise InvalidArgument(
                f"strategy={clip(repr(name))}: expected one of {', '.join(STRATEGIES)}{did_you_mean(name, STRATEGIES)}"
            )
    return tuple(STRATEGIES[name] for name in entries)


class SentForm(NamedTuple):
    """An adapted schema, sent because the provider or engine refuses the plan's schema.

    Attributes:
        schema: The schema that is sent.
        recorded: Facts about it for attempts.
        restore: Converts a value of the sent schema into the form of the plan's schema. It returns any other value
            unchanged, and never raises. None if both forms are the same.
        grown: Converts an incomplete value in the same way, with the path to its open part (None without one). It returns
            None if the value can't be converted yet. None if both forms are the same.
        decided: Returns the confidence of a decision model's reply by JSON Pointer, and the failure if the reply doesn't
            decide all fields. None for other models.
    """

    schema: Schema[Any]
    recorded: AdaptedSchema
    restore: Callable[[Any], Any] | None = None
    grown: Callable[[Any, OpenPath | None], tuple[Any, OpenPath | None] | None] | None = None
    decided: Callable[[str], tuple[dict[str, float], Failure | None]] | None = None


class Step(NamedTuple):
    """One strategy of a plan, with its texts.

    Attributes:
        strategy: The strategy.
        instructions: Its text for the schema.
        examples: The examples that it shows. Empty for strategies without examples.
        prefix: The whole text before a task that is a text.
        provider: The provider or engine whose arguments are sent. None if no arguments are sent.
        sent: The adapted schema that is sent. None if the schema itself is sent, or none.
        after: Returns this step in a form that depends on the attempts before it. None if it doesn't depend on them.
    """

    strategy: Strategy
    instructions: str
    examples: tuple[Example, ...]
    prefix: str
    provider: str | None = None
    sent: SentForm | None = None
    after: Callable[[Step, Sequence[Any]], Step] | None = None

    @staticmethod
    def of(strategy: Strategy, schema: Schema[Any], examples: tuple[Example, ...] = ()) -> Step:
        """Build the texts of a strategy for a schema."""
        instructions = strategy.instructions(schema)
        return Step(strategy, instructions, examples, prompting.text_prefix(instructions, examples))

    @property
    def restore(self) -> Callable[[Any], Any] | None:
        """The function that converts values of the adapted schema. None if values have the plan schema's form."""
        return None if self.sent is None else self.sent.restore


class Plan(NamedTuple):
    """The settings of a guarded function for the loop. A call may have its own delivery, checks, and `gateway_repaired`.

    Attributes:
        schema: The schema of valid replies.
        steps: Attempt k uses step k. Further attempts use the last step.
        max_attempts: The most attempts of one call.
        repair: Whether broken JSON may be repaired.
        checks: Functions that a valid value must also pass.
        limits: Limits on replies and on the call.
        prices: Returns the function for the cost of an attempt. Its arguments are the tokens and the names of the model,
            first the name in the reply. None, or a result of None, means that prices are unknown.
        delivery: The way of a correction to the function. `prompt` sends one prompt with the correction in it. `feedback`
            sends the first prompt again, and the correction as an argument of its own. `instructions` sends only the
            strategy's text and the correction, because the function builds its own prompt.
        tool: Name of the tool that `tool_call` offers to the model. None if no step uses it.
        gateway_repaired: Whether a gateway may repair replies before the function receives them.
        early_stop: Whether a streamed reply is stopped when no continuation can be valid. It has no effect on replies that
            may be repaired, or that come in the form of an adapted schema.
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
        """Return the step of an attempt, counted from 1."""
        return self.steps[min(attempt, len(self.steps)) - 1]

    def stops(self, step: Step) -> bool:
        """Return whether streamed replies of a step are checked against the schema before their end."""
        return self.early_stop and self.repair == "off" and step.restore is None

    def sent_schema(self, step: Step) -> Schema[Any]:
        """Return the schema that is sent in a step."""
        return self.schema if step.sent is None else step.sent.schema
