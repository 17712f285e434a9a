# SPDX-License-Identifier: Apache-2.0
"""A prompt of `schema-guard improve` in a guard: its text and examples replace those of a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.configuration.recorded_settings import IMPROVED
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer
from schema_guard.prompting import text_prefix
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.preparing.shapes import Shape
    from schema_guard.prompting import Example
    from schema_guard.schema import Schema
    from schema_guard.strategies import Step

_CHOSEN = ("text", "turns")


class ImprovedPrompt(NamedTuple):
    """A prompt that was raced, and compared with the prompt in use.

    Attributes:
        path: The file.
        strategy: The strategy whose text and examples it replaces.
        layout: The layout in which it was measured.
        schema_fingerprint: The schema that it requests.
        instructions: The text about the format.
        examples: The examples.
        digest: 12 hex digits of all of this but the path.
    """

    path: str
    strategy: str
    layout: Layout
    schema_fingerprint: str
    instructions: str
    examples: tuple[Example, ...]
    digest: str

    @property
    def settings(self) -> dict[str, str]:
        """The settings that records store about it."""
        return {IMPROVED: self.digest}

    def steps(self, steps: Sequence[Step], schema: Schema[Any]) -> tuple[Step, ...]:
        """Return the steps with this prompt in those of its strategy.

        Raises:
            InvalidArgument: No step has its strategy, or the prompt requests another schema.
        """
        if self.schema_fingerprint != schema.fingerprint:
            raise self._error(
                f"the prompt file is for the schema {self.schema_fingerprint}, but the function has {safe(schema.name)} ({schema.fingerprint}). Run `schema-guard improve` again for this schema"
            )
        if all(step.strategy.name != self.strategy for step in steps):
            names = ", ".join(dict.fromkeys(step.strategy.name for step in steps))
            raise self._error(
                f"the prompt was measured with strategy={self.strategy!r}, but the function uses {names!r}. Pass strategy={self.strategy!r}"
            )
        for example in self.examples:
            broken = schema.violations(example.value)
            if broken:
                raise self._error(
                    f"the example {clip(repr(example.value))} is not valid at {pointer(broken[0].instance_location)}: "
                    f"expected {broken[0].expected}, got {broken[0].actual}. Correct the example"
                )
        prefix = text_prefix(self.instructions, self.examples)
        return tuple(
            step._replace(instructions=self.instructions, examples=self.examples, prefix=prefix)
            if step.strategy.name == self.strategy
            else step
            for step in steps
        )

    def layout_for(self, shape: Shape, usual: Layout, function: Any) -> Layout:
        """Return the layout of the prompts.

        Raises:
            InvalidArgument: The function can't take this layout.
        """
        builds = "instructions" in (usual, self.layout)
        if builds and usual != self.layout:
            raise self._error(
                f"the prompt was measured with the message layout {self.layout!r}, but the function uses {usual!r}. Run `schema-guard improve` again for this function"
            )
        if self.layout not in _CHOSEN or builds:
            return usual
        annotation = getattr(function, "__annotations__", {}).get(shape.task)
        if self.layout == "turns" and usual == "text" and annotation in (str, "str"):
            raise self._error(
                f"the prompt is a list of messages, but the parameter {shape.task!r} takes only a str. Annotate it as `str | list[dict]`, and pass the list to your model"
            )
        return self.layout

    def _error(self, text: str) -> InvalidArgument:
        return InvalidArgument(f"params.prompt_file={clip(repr(self.path))}: {text}")


def improved_prompt(path: str | os.PathLike[str] | None) -> ImprovedPrompt | None:
    """Read the prompt of a guard. None if it has none."""
    if path is None:
        return None
    from schema_guard.extensions import load  # only improved prompts need it

    prompt: ImprovedPrompt = load("option:prompt_file")(path)
    return prompt
