# SPDX-License-Identifier: Apache-2.0
"""What a router must know of the functions and settings that it is given."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.routing.evidence import Evidence
from schema_guard.guarded import AsyncGuarded, Guarded
from schema_guard.preparing.shapes import name_of
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_functions", "check_primary", "check_share"]


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


def check_primary(primary: Any) -> None:
    """Check what says which inputs are primary.

    Raises:
        InvalidArgument: It cannot say so.
    """
    if primary is None or isinstance(primary, Evidence):
        return
    if not callable(primary):
        raise InvalidArgument(
            f"primary={clip(repr(primary))}: expected a function of the call's arguments, or Evidence(...)"
        )
    if any(map(inspect.iscoroutinefunction, (primary, type(primary).__call__))):
        raise InvalidArgument(
            f"primary={name_of(primary)}: expected a `def` function, because the result of an `async def` function is always true"
        )


def check_share(name: str, share: Any) -> float:
    """Return a share that is one.

    Raises:
        InvalidArgument: It is none.
    """
    is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not is_number or not 0 <= share <= 1:
        more = " or Rollout(...)" if name == "share" else ""
        raise InvalidArgument(f"{name}={clip(repr(share))}: expected a number in [0, 1]{more}")
    return float(share)


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
