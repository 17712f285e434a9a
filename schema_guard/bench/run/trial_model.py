# SPDX-License-Identifier: Apache-2.0
"""A model behind a function of a known layout, so that a trial sends the requests that this function sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.strategies import strategies_of
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.bench.run.journal_model import JournalModel
    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.models import Model
    from schema_guard.models.interface import PromptLike
    from schema_guard.values import Prompt


class TrialModel:
    """A model that a trial guards in the place of the user's function.

    Attributes:
        layout: Of the function's prompts. A guard reads it.
        examples_source: The source of the examples: ids of calls, or a text. A guard records it.
    """

    def __init__(
        self,
        model: Model | JournalModel,
        layout: Layout,
        before: Sequence[Mapping[str, str]] = (),
        examples_source: list[str] | str = "",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Put a function before a model.

        Args:
            model: The model to call.
            layout: The layout of the function's prompts.
            before: Messages that every request has before the task.
            examples_source: The source of the examples.
            options: The provider's arguments of every request.
        """
        self.layout = layout
        self.examples_source = examples_source
        self._model = model
        self._options = dict(options or {})
        self._before = [dict(message) for message in before]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @property
    def function(self) -> Callable[..., Any]:
        """The function to guard."""
        return self._ask_with_instructions if self.layout == "instructions" else self.acall

    def task(self, text: str) -> Any:
        """Return the argument of the guarded function for the text of a task."""
        if self.layout in ("text", "instructions") or not (self._before or self.layout == "user_turn"):
            return text
        if self._model.provider == "gemini" and not self._before:
            # The SDK of Gemini takes no other list.
            return [{"role": "user", "parts": [{"text": text}]}]
        return [*self._before, {"role": "user", "content": text}]

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Call the model with a prompt of the guard."""
        if isinstance(prompt, str) and self._before:
            prompt = [*self._before, {"role": "user", "content": prompt}]
        return await self._model.acall(prompt, options={**self._options, **(options or {})})

    async def _ask_with_instructions(
        self, prompt: str, instructions: str = "", *, options: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the model with a system message that ends with the instructions."""
        first = self._before[:1] if self._before[:1] and self._before[0]["role"] == "system" else []
        text = "\n\n".join(part for part in (*(one["content"] for one in first), instructions) if part)
        system = [{"role": "system", "content": text}] if text else []
        turns = [*system, *self._before[len(first) :], {"role": "user", "content": prompt}]
        return await self._model.acall(
            turns if len(turns) > 1 else prompt, options={**self._options, **(options or {})}
        )


def check_is_able(model: Model | JournalModel, strategies: str) -> None:
    """Check that a model can be asked with strategies, such as `a>b`.

    Raises:
        InvalidArgument: It can't be asked with one of them.
    """
    for strategy in strategies_of(strategies):
        if strategy.name not in model.capabilities:
            raise InvalidArgument(
                f"model {model.name!r} does not support the strategy {strategy.name!r}. Use another strategy"
            )


def dev_tasks_text(suite: str, schema: str) -> str:
    """Return the words for the examples of a suite.

    >>> dev_tasks_text("small", "ticket")
    'the dev tasks of ticket in the suite small'
    """
    return f"the dev tasks of {schema} in the suite {suite}"


def trial_task(text: str, layout: Layout, before: Sequence[Mapping[str, str]] = ()) -> Prompt:
    """Return a task as records know its input: a text, or messages if something is before the text or the function takes a list."""
    if not before and layout != "user_turn":
        return text
    return (*(Message(one["role"], one["content"]) for one in before), Message("user", text))
