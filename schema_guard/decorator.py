# SPDX-License-Identifier: Apache-2.0
"""@guard: one line on a function that calls a language model.

Everything that can be wrong with the use of it is wrong at decoration. A `Guard` is the settings, a frozen value;
a `Guarded` (or `AsyncGuarded`) is a function with them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

from schema_guard.arguments import require_list
from schema_guard.errors import InvalidArgument
from schema_guard.guarded import AsyncGuarded, Guard, Guarded
from schema_guard.preparing.prepare import schema_of
from schema_guard.prompting import Example
from schema_guard.schema import Schema
from schema_guard.settings import UNSET
from schema_guard.text import clip
from schema_guard.values import Budget, Limits

if TYPE_CHECKING:
    # What a checker knows of forms that are no class, such as `Invoice | None`; it brings these names itself.
    from typing_extensions import TypeForm

    from schema_guard.extensions import RulesLike
    from schema_guard.models.interface import Model
    from schema_guard.prices.charges import Table
    from schema_guard.records.recorder import Recorder
    from schema_guard.settings import OnFailure, Unset
    from schema_guard.values import Outcome, Repair

__all__ = ["UNSET", "AsyncGuarded", "Guard", "Guarded", "guard"]

P = ParamSpec("P")
S = TypeVar("S")
V = TypeVar("V")
R = TypeVar("R")
D = TypeVar("D")

if TYPE_CHECKING:

    class _Settings(TypedDict, Generic[S], total=False):
        """The arguments of `guard` that do not change the types of what it gives."""

        strategy: str | Sequence[str]
        max_attempts: int
        prompt: str | None
        examples: Sequence[Example | tuple[str | None, Any]]
        checks: Sequence[Callable[[S], str | None]]
        repair: Repair
        expected: Sequence[type[BaseException]]
        name: str | None
        version: str | None
        segment: str | None
        model: str | None
        models: Sequence[str] | Sequence[Model] | None
        tuned: bool
        target: str | None
        store: str | Recorder | Unset | None
        limits: Limits | None
        budget: Budget | None
        early_stop: bool
        instructions_to: str | Unset | None
        feedback_to: str | Unset | None
        options_to: str | Unset | None
        prices: Table | None
        rules: RulesLike | None

    class _Observer(Protocol[V]):
        """What `guard(..., observe=True)` gives: the decorated function gives what it gave before."""

        @overload
        def __call__(  # type: ignore[overload-overlap]
            self, function: Callable[P, Coroutine[Any, Any, R]]
        ) -> AsyncGuarded[P, V, R]: ...
        @overload
        def __call__(self, function: Callable[P, R]) -> Guarded[P, V, R]: ...


# The schema's type first: a class is a callable too.
@overload
def guard(
    schema: type[S] | Schema[S], *, observe: Literal[True], **settings: Unpack[_Settings[S]]
) -> _Observer[S]: ...
@overload
def guard(
    schema: type[S] | Schema[S],
    *,
    default: D,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | D]: ...
@overload
def guard(
    schema: type[S] | Schema[S],
    *,
    on_failure: Literal["return"],
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | Outcome[S]]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: type[S] | Schema[S],
    *,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S]: ...
# Types that are no class, such as `Invoice | None`. Mypy knows them where they stand alone.
@overload
def guard(
    schema: TypeForm[S], *, observe: Literal[True], **settings: Unpack[_Settings[S]]
) -> _Observer[S]: ...
@overload
def guard(
    schema: TypeForm[S],
    *,
    default: D,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | D]: ...
@overload
def guard(
    schema: TypeForm[S],
    *,
    on_failure: Literal["return"],
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | Outcome[S]]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: TypeForm[S],
    *,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S]: ...
@overload
def guard(schema: Callable[P, Awaitable[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, AsyncIterator[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, Iterator[S]]) -> Guarded[P, S, S]: ...
@overload
def guard(schema: Callable[P, S]) -> Guarded[P, S, S]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: Any = ..., *, observe: Literal[True], **settings: Unpack[_Settings[Any]]
) -> _Observer[Any]: ...
@overload
def guard(
    schema: Any = ...,
    *,
    observe: bool = ...,
    on_failure: OnFailure = ...,
    default: Any = ...,
    **settings: Unpack[_Settings[Any]],
) -> Guard[Any, Any]: ...
def guard(  # noqa: PLR0913 - the public entry point; everything but the schema is keyword-only
    schema: Any = UNSET,
    *,
    strategy: str | Sequence[str] = "system_prompt",
    max_attempts: int = 3,
    prompt: str | None = None,
    examples: Sequence[Example | tuple[str | None, Any]] = (),
    checks: Sequence[Callable[[Any], str | None]] = (),
    repair: Repair = "off",
    observe: bool = False,
    expected: Sequence[type[BaseException]] = (),
    on_failure: OnFailure = "raise",
    default: Any = UNSET,
    name: str | None = None,
    version: str | None = None,
    segment: str | None = None,
    model: str | None = None,
    models: Sequence[str] | Sequence[Model] | None = None,
    tuned: bool = False,
    target: str | None = None,
    store: str | Recorder | Unset | None = UNSET,
    limits: Limits | None = None,
    budget: Budget | None = None,
    early_stop: bool = False,
    instructions_to: str | Unset | None = UNSET,
    feedback_to: str | Unset | None = UNSET,
    options_to: str | Unset | None = UNSET,
    prices: Table | None = None,
    rules: RulesLike | None = None,
    **unknown: Any,
) -> Any:
    """Guard a function that calls a language model: its reply keeps to a schema, and every attempt is recorded.

    Args:
        schema: What `Schema.of` takes. Left out, or as bare `@guard`: the function's return annotation.
        strategy: How the format is asked for: `bare system_prompt few_shot reason_then_format json_mode tool_call
            strict_schema`, or a list that goes to the next one after a failed attempt.
        max_attempts: >= 1; 1 never retries.
        prompt: The parameter that carries the task, a str or a list of messages. Left out: `prompt`, else `messages`,
            else the only parameter without default that is annotated `str`, `list` or nothing.
        examples: For `few_shot`: `(task, value)` pairs, task None to show the value alone. Left out: the schema's
            `examples`, else drawn from the schema.
        checks: Each is called with a valid value and gives None or what is wrong with it.
        repair: Whether broken JSON may be repaired: `"off"`, `"lossless"` (syntax alone), or `"lossy"` (also drops,
            invents or closes what was cut off). Recorded; never counted as valid-first-time.
        observe: Change nothing about the call; only judge and record it.
        expected: Exceptions that are part of what the function promises, and nobody's failure: they pass as they are,
            and are shown but never alarming.
        on_failure: `"raise"` GuardFailed, or `"return"` the Outcome.
        default: What a call gives instead of raising GuardFailed; not together with on_failure="return".
        name: What records call the function; its qualified name when left out.
        version: Of the function's prompt; a hash of its code and of the strategy's text when left out.
        segment: Part of the traffic, for records; `tags(segment=...)` overrides it.
        model: Name of the model; read from the replies when left out.
        models: Whom to ask: attempt 1 the first, and the next one after a failed attempt, the last one from then on.
            Names, for a parameter `model: str` or for `options`; or `Model`s, for a parameter `model` or in the place
            of the one that is guarded. What a call gives goes before.
        tuned: Whether the model was fine-tuned for this; a name that begins with `ft:` says so by itself.
        target: Provider or engine whose arguments `options` is filled with: `openai openai-responses
            llamacpp-llguidance`.
        store: Where attempts are recorded: a path, a URL, a Store or another `Recorder`, or None for nowhere. Left out:
            `default_store()`.
        limits: How large a reply may be.
        budget: What one call may spend.
        early_stop: Stop a streamed reply once no continuation of it can be valid, close its stream and ask again. Without
            effect on whole replies, while observing, with *repair*, and in attempts whose schema is sent in another form.
        instructions_to: The parameter that gets the text about the format, and later the correction, behind what the
            caller gives or its default is; the function builds its own prompt. None for none. Left out:
            `instructions`, if it is annotated `str` or nothing.
        feedback_to: The parameter that gets the correction in calls that give none. None for none. Left out:
            `feedback`, if its default is None and it is annotated `str | None` or nothing.
        options_to: The parameter that gets the provider's arguments, in a new dict, beside those that the caller
            gives. None for none. Left out: `options`, if it is annotated as a dict or nothing.
        prices: A table of what tokens cost, for `Outcome.cost`: a path, `"genai-prices"`, or model -> prices. Left out:
            what $SCHEMA_GUARD_PRICES names at the first call. Without prices a cost is None.
        rules: The file that `schema-guard schema probe --output` wrote of the server that the function asks, as `connect` takes
            it: schemas are sent by it, and a function that is given messages goes on with replies that were cut off.
        **unknown: Refused; the words of other libraries are told which argument of these they mean.

    Returns:
        A decorator; for bare `@guard` the guarded function.

    Raises:
        InvalidArgument: At decoration, for everything that is wrong with the use of it.
        InvalidSchema: At decoration.
    """
    return _guard(**locals())


def _guard(schema: Any, unknown: dict[str, Any], **given: Any) -> Any:
    """Guard with the arguments of `guard`, by their names."""
    if unknown:
        from schema_guard.preparing.unknown import refuse  # only a wrong word needs it

        refuse(unknown, Guard.__match_args__)
    bare = _is_function(schema)
    strategy = given["strategy"]
    examples = require_list("examples", given["examples"], "(task, value)")
    joined = {
        "schema": None if schema is UNSET or bare else schema_of(schema),
        "strategy": tuple(strategy) if isinstance(strategy, list) else strategy,
        "examples": tuple(_example(example) for example in examples),
        "checks": tuple(require_list("checks", given["checks"], "callables")),
        "expected": tuple(require_list("expected", given["expected"], "classes of exceptions")),
        "models": None
        if given["models"] is None
        else tuple(require_list("models", given["models"], "names, or of `Model`s")),
        "limits": Limits() if given["limits"] is None else given["limits"],
        "budget": Budget() if given["budget"] is None else given["budget"],
    }
    settings: Guard[Any, Any] = Guard(**{**given, **joined})
    return settings(schema) if bare else settings


def _is_function(schema: Any) -> bool:
    """Say whether `@guard` was written bare: what it was handed is the function."""
    return isinstance(schema, (staticmethod, classmethod)) or (
        callable(schema) and not isinstance(schema, (type, Schema)) and hasattr(schema, "__code__")
    )


def _example(given: Any) -> Example:
    if isinstance(given, Example):
        return given
    if isinstance(given, tuple) and len(given) == 2 and (given[0] is None or isinstance(given[0], str)):
        return Example(given[1], given[0])
    raise InvalidArgument(f"examples: {clip(repr(given))}: expected (task, value), with task a str or None")
