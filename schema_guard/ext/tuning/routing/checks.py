# SPDX-License-Identifier: Apache-2.0
"""Checks of the two functions of a router."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.guarded import AsyncGuarded, Guarded
from schema_guard.preparing.shapes import name_of
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_functions"]


def check_functions(tuned: Any, prompt: Any) -> None:
    """Check that two functions can stand for each other.

    Raises:
        InvalidArgument: They cannot.
    """
    for word, function in (("tuned", tuned), ("prompt", prompt)):
        if not isinstance(function, (Guarded, AsyncGuarded)):
            raise InvalidArgument(
                f"{word}={clip(repr(function))}: expected a function with the decorator @guard(...)"
            )
        if function.guard.observe:
            raise InvalidArgument(
                f"{word}: schema_guard only observes {_name(function)}, so the fallback can't replace its replies. "
                "Guard it without observe=True"
            )
    if isinstance(tuned, AsyncGuarded) is not isinstance(prompt, AsyncGuarded):
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected two `def` functions or two `async def` functions"
        )
    if tuned.schema.fingerprint != prompt.schema.fingerprint:
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected the same schema, got {tuned.schema.name} "
            f"({tuned.schema.fingerprint}) and {prompt.schema.name} ({prompt.schema.fingerprint})"
        )
    if not tuned._prepared.tuned:
        raise InvalidArgument(
            f"tuned: {_name(tuned)} does not call a known tuned model. Guard it with about=About(tuned=True), or swap tuned and prompt"
        )
    theirs, ours = list(_parameters(tuned)), list(_parameters(prompt))
    if theirs != ours:
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected the same parameters, got "
            f"({', '.join(theirs)}) and ({', '.join(ours)})"
        )


def _parameters(function: Guarded[..., Any, Any] | AsyncGuarded[..., Any, Any]) -> Iterator[str]:
    """Yield the parameters that callers know: not those by which a guard tells its function how to ask."""
    shape = function._prepared.shape
    ours = {shape.instructions, shape.feedback, shape.options, shape.model} - {None}
    for parameter in inspect.signature(function._prepared.function).parameters.values():
        if parameter.name not in ours:
            bare = parameter.replace(annotation=parameter.empty)
            yield str(bare if parameter.default is parameter.empty else bare.replace(default=...)).replace(
                "Ellipsis", "..."
            )


def _name(function: Guarded[..., Any, Any] | AsyncGuarded[..., Any, Any]) -> str:
    return name_of(function._prepared.function)
