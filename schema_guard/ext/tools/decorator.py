# SPDX-License-Identifier: Apache-2.0
"""The decorator `guard_tools`, for a function that makes one turn of an agent."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from schema_guard.arguments import require_bool, require_count, require_text
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tools.recorded_calls import UnknownTools
from schema_guard.ext.tools.tools import tools_of
from schema_guard.ext.tools.turn import STEP, Turn, TurnPlan
from schema_guard.preparing.costs import prices_of
from schema_guard.preparing.later import Version
from schema_guard.preparing.names import recorded_name
from schema_guard.preparing.parameters import ParameterNames
from schema_guard.preparing.shapes import name_of, shape_of
from schema_guard.preparing.telemetry import follow_environment
from schema_guard.settings import UNSET, Unset, resolved_store
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.prices.charges import Table
    from schema_guard.records.recorder import Recorder

P = ParamSpec("P")
R = TypeVar("R")
_OURS = ParameterNames(None, None, None)


def guard_tools(  # noqa: PLR0913 - all but the tools is keyword-only
    tools: object,
    *,
    name: str | None = None,
    max_attempts: int = 1,
    observe: bool = False,
    messages: str | None = None,
    version: str | None = None,
    segment: str | None = None,
    prices: Table | None = None,
    store: str | Recorder | Unset | None = UNSET,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a function that makes one turn of an agent, so that every tool call in the reply is valid.

    If every tool call is valid, or the reply contains no tool calls, the decorated function returns the reply
    unchanged. If a tool call is invalid, schema_guard calls the function again. The argument `max_attempts` limits the
    total number of attempts. The new call sends the messages, the invalid reply, and a result for each tool call, in
    the provider's format. Each result lists the faults of its tool call. The tool calls of the invalid reply don't run.
    schema_guard records each tool call as one call of the function, with the schema of the tool, and with the turn as
    its parent call.

    Args:
        tools: Tools that the model can call, as for `judge_calls`.
        name: Name of the function in records. Default: the qualified name of the function.
        max_attempts: Maximum number of attempts. If the number is 1, schema_guard doesn't retry.
        observe: Whether to only record the tool calls, without retries. With True, the decorated function returns the
            reply or stream unchanged, and raises exceptions unchanged.
        messages: Name of the parameter that contains the messages. A retry needs this parameter. Default: `messages`,
            otherwise `prompt`, otherwise the only required parameter with the annotation `str` or `list`, or with no
            annotation.
        version: Version of the function's prompt. Default: a hash of the function's code.
        segment: Segment of your traffic that the calls belong to. `tags(segment=...)` overrides this segment.
        prices: Token prices, as in `About`.
        store: Store for the records, as for `guard`.

    Returns:
        A decorator for functions, methods, and `async def` functions. The decorator keeps the parameters and the
        result type.

    Raises:
        InvalidArgument: An argument is invalid. The decorator raises this error. The decorated function also raises
            this error if your function returns a stream without `observe=True`, or a value that isn't a model reply.
        InvalidSchema: The schema of a tool can't be loaded.

    The decorated function raises the exceptions of your function unchanged. If the last reply has invalid tool calls,
    the decorated function raises `ToolCallsFailed`, which is a `GuardFailed`. The `judgements` of this error cover all
    tool calls.
    """
    known = tools_of(tools)
    require_count("max_attempts", max_attempts, 1, meaning=" (1 means no retry)")
    require_bool("observe", observe)
    for word, value in (("name", name), ("messages", messages), ("version", version), ("segment", segment)):
        require_text(word, value)
    if store is not None and not isinstance(store, Unset):
        resolved_store(store, strictly=True)
    price = prices_of(prices)

    def decorated(function: Any) -> Any:
        return _guarded(
            function,
            lambda of: TurnPlan(
                function=of,
                name=recorded_name(of, name, ""),
                tools=known,
                shape=shape_of(
                    of,
                    messages,
                    observe=observe or max_attempts == 1,
                    named=_OURS,
                    setting="messages",
                ),
                max_attempts=1 if observe else max_attempts,
                observe=observe,
                version=Version(version, of, (STEP,)),
                segment=segment,
                prices=price,
                store=partial(resolved_store, store) if store is not None else lambda: None,
                unknown=UnknownTools(),
            ),
        )

    return decorated


def _guarded(function: Any, planned: Callable[[Any], TurnPlan]) -> Any:
    if isinstance(function, staticmethod | classmethod):
        return type(function)(_guarded(function.__func__, planned))
    if not callable(function):
        raise InvalidArgument(
            f"guard_tools: {clip(repr(function))}: expected a function that makes one turn of the conversation"
        )
    plan = planned(function)
    follow_environment()
    if not plan.observe and (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
        raise InvalidArgument(
            f"{name_of(function)}: the function returns a stream, so its caller would get tool calls before "
            "schema_guard can validate them. Return the "
            "complete reply, or measure with guard_tools(..., observe=True)"
        )
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await Turn(plan, args, kwargs).arun()

        return awaited

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return Turn(plan, args, kwargs).run()

    return called
