# SPDX-License-Identifier: Apache-2.0
"""The decorator `guard`.

It validates its arguments at decoration. It returns a `Guard`, a frozen value with the settings. A `Guarded` or
`AsyncGuarded` is a function with these settings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Never,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypedDict,
    Unpack,
    overload,
)

from schema_guard.arguments import require_list
from schema_guard.errors import InvalidArgument
from schema_guard.guarded import AsyncGuarded, Guard, Guarded
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.preparing.prepare import schema_of
from schema_guard.prompting import Example
from schema_guard.schema import Schema
from schema_guard.settings import DEFAULT_ABOUT, DEFAULT_PARAMS, UNSET, About, Params
from schema_guard.text import clip

if TYPE_CHECKING:
    # Type checkers bring typing_extensions themselves.
    from typing_extensions import TypeForm, TypeVar

    from schema_guard.arguments import NoSuchArgument, Nothing
    from schema_guard.models.interface import Model
    from schema_guard.records.recorder import ContentChecks, Recorder
    from schema_guard.schema import SchemaSource
    from schema_guard.settings import OnFailure, Unset
    from schema_guard.values import Outcome, Repair

__all__ = ["UNSET", "AsyncGuarded", "Guard", "Guarded", "guard"]

P = ParamSpec("P")

if TYPE_CHECKING:
    S = TypeVar("S")
    U = TypeVar("U", default=Any)
    V = TypeVar("V")
    R = TypeVar("R")
    D = TypeVar("D", default=Never)

    class _Common(TypedDict, Generic[S], total=False):
        """The arguments of `guard` that don't change the types of its result."""

        strategy: str | Sequence[str]
        max_attempts: int
        examples: Sequence[Example | tuple[str | None, Any]]
        checks: Sequence[Callable[[S], str | bool | None]]
        repair: Repair
        coerce: bool
        ignore: Sequence[type[BaseException]]
        name: str | None
        provider: str | None
        models: Sequence[str] | Sequence[Model] | None
        early_stop: bool
        store: str | Recorder | Unset | None
        limits: Limits | None
        params: Params | None
        about: About | None
        content: ContentChecks | None

    class _Observer(Protocol[V]):
        """The result of `guard(..., observe=True)`: the decorated function keeps its return type."""

        @overload
        def __call__(  # type: ignore[overload-overlap]
            self, function: Callable[P, Coroutine[Any, Any, R]]
        ) -> AsyncGuarded[P, V, R]: ...
        @overload
        def __call__(self, function: Callable[P, R]) -> Guarded[P, V, R]: ...

    _Plain: TypeAlias = SchemaSource[S] | None


# A form is a class, or another annotation such as `Invoice | None`. It comes first because a class is a callable too.
@overload
def guard(schema: TypeForm[S], *, observe: Literal[True], **common: Unpack[_Common[S]]) -> _Observer[S]: ...  # type: ignore[overload-overlap]
@overload
def guard(
    schema: TypeForm[S],
    *,
    on_failure: Literal["return"],
    observe: Literal[False] = ...,
    **common: Unpack[_Common[S]],
) -> Guard[S, S | Outcome[S]]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: TypeForm[S],
    *,
    default: D = ...,
    on_failure: Literal["raise"] | None = ...,
    observe: Literal[False] = ...,
    **common: Unpack[_Common[S]],
) -> Guard[S, S | D]: ...
@overload
def guard(schema: Callable[P, Awaitable[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, AsyncIterator[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, Iterator[S]]) -> Guarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, S]) -> Guarded[P, S, S]: ...  # type: ignore[overload-overlap]
# A schema that isn't an annotation.
@overload
def guard(  # type: ignore[overload-overlap]
    schema: _Plain[U] = ..., *, observe: Literal[True], **common: Unpack[_Common[U]]
) -> _Observer[U]: ...
@overload
def guard(
    schema: _Plain[U] = ...,
    *,
    on_failure: Literal["return"],
    observe: Literal[False] = ...,
    **common: Unpack[_Common[U]],
) -> Guard[U, U | Outcome[U]]: ...
@overload
def guard(
    schema: _Plain[U] = ...,
    *,
    default: D = ...,
    on_failure: Literal["raise"] | None = ...,
    observe: Literal[False] = ...,
    **common: Unpack[_Common[U]],
) -> Guard[U, U | D]: ...
# For flags that aren't literals.
@overload
def guard(
    schema: TypeForm[S],
    *,
    observe: bool = ...,
    on_failure: OnFailure | None = ...,
    **common: Unpack[_Common[S]],
) -> Guard[S, Any]: ...
@overload
def guard(
    schema: _Plain[U] = ...,
    *,
    observe: bool = ...,
    on_failure: OnFailure | None = ...,
    **common: Unpack[_Common[U]],
) -> Guard[U, Any]: ...
# No correct call needs this one. A type checker takes its error for a wrong argument from it.
@overload
def guard(
    schema: object = ...,
    *,
    strategy: str | Sequence[str] | Nothing[Never] = ...,
    max_attempts: int | Nothing[Never] = ...,
    examples: Sequence[Example | tuple[str | None, Any]] | Nothing[Never] = ...,
    checks: Nothing[Never] = ...,
    repair: Repair | Nothing[Never] = ...,
    coerce: bool | Nothing[Never] = ...,
    observe: bool | Nothing[Never] = ...,
    ignore: Sequence[type[BaseException]] | Nothing[Never] = ...,
    on_failure: OnFailure | Nothing[Never] | None = ...,
    default: Any = ...,
    name: str | Nothing[Never] | None = ...,
    provider: str | Nothing[Never] | None = ...,
    models: Sequence[str] | Sequence[Model] | Nothing[Never] | None = ...,
    early_stop: bool | Nothing[Never] = ...,
    store: str | Recorder | Unset | Nothing[Never] | None = ...,
    limits: Limits | Nothing[Never] | None = ...,
    params: Params | Nothing[Never] | None = ...,
    about: About | Nothing[Never] | None = ...,
    content: ContentChecks | Nothing[Never] | None = ...,
    **unknown: NoSuchArgument[Never],
) -> Guard[Any, Any]: ...
def guard(  # type: ignore[misc]  # noqa: PLR0913 - the public entry point; everything but the schema is keyword-only
    schema: Any = None,
    *,
    strategy: str | Sequence[str] = "system_prompt",
    max_attempts: int = 3,
    examples: Sequence[Example | tuple[str | None, Any]] = (),
    checks: Sequence[Callable[[Any], str | bool | None]] = (),
    repair: Repair = "off",
    coerce: bool = True,
    observe: bool = False,
    ignore: Sequence[type[BaseException]] = (),
    on_failure: OnFailure | None = None,
    default: Any = UNSET,
    name: str | None = None,
    provider: str | None = None,
    models: Sequence[str] | Sequence[Model] | None = None,
    early_stop: bool = False,
    store: str | Recorder | Unset | None = UNSET,
    limits: Limits | None = None,
    params: Params | None = None,
    about: About | None = None,
    content: ContentChecks | None = None,
    **unknown: Any,
) -> Any:
    """Validate each reply of a function that calls an LLM, retry on failure, and record every attempt.

    Example:
        >>> from schema_guard import About, Limits, guard
        >>> schema = {"type": "object", "required": ["total"]}
        >>> @guard(schema, max_attempts=2, limits=Limits(max_elapsed_s=20), about=About(model="fake"), store=None)
        ... def extract(prompt: str) -> str:
        ...     return '{"total": 12.5}'  # call your model here
        >>> extract("Invoice 7: 12.50 EUR")
        {'total': 12.5}

    Args:
        schema: The schema: a class or another type annotation, a dict, the path of a JSON file, or a `Schema`. Default:
            the return annotation of your function, also for `@guard` without parentheses.
        strategy: The strategy for requesting the format: `bare`, `system_prompt`, `few_shot`, `reason_then_format`,
            `json_mode`, `tool_call`, `strict_schema`, `strict_only`, `reason_then_strict`, or `decision`. If you pass a
            list, each retry uses the next strategy. After the last strategy in the list, all further retries use this
            strategy. If the task is a string, schema_guard inserts the format instructions before the task.
        max_attempts: The maximum number of attempts for each call. If the number is 1, schema_guard doesn't retry.
        examples: Pairs `(task, value)` that the strategy `few_shot` shows as examples. If the task of a pair is None,
            the prompt shows only the value. Default: the schema's `examples`, or generated values if the schema has no
            `examples`.
        checks: Functions that schema_guard calls with each value that matches the schema. A function that returns True
            or None accepts the value. A function that returns False, or a message that describes the fault, rejects the
            value.
        repair: The level of repair for broken JSON: `"off"`, `"lossless"` (fixes only the syntax), or `"lossy"` (can
            also remove or invent data, or close unfinished values). schema_guard marks repaired replies in its records.
        coerce: Whether to accept a value that the JSON Schema rejects but the schema's Python type can convert, such as
            `"12"` for an int. schema_guard marks replies with converted values in its records. With `early_stop`,
            schema_guard never converts a value.
        observe: Whether to only validate and record each call, without changing it.
        ignore: Exceptions that schema_guard doesn't count as failures. schema_guard raises these exceptions unchanged.
            Reports list the calls that raise these exceptions, but show no alarm for them.
        on_failure: The action if no attempt is valid. `"raise"` raises `GuardFailed`, and `"return"` returns the
            `Outcome`. Default: `"raise"`, unless you set `default`.
        default: The value to return when no attempt is valid. If your function raises an exception that contains no
            reply, the call still raises this exception. If your function returns a result that contains no reply, the
            call also raises an error. You can't combine this argument with `on_failure`.
        name: The name of the function in records. Default: the qualified name of the function.
        provider: The provider or engine, such as `openai`, `openai-responses`, or `llamacpp-llguidance`. schema_guard
            passes the arguments for this provider in your function's parameter `options`.
        models: The models to call. The first attempt calls the first model, and each retry calls the next one. If you
            pass names of models, your function needs a parameter `model: str` or `options`. If you pass `Model`
            objects, your function needs a parameter `model: Model`. You can also guard a `Model` directly. A model in
            the arguments of a call takes precedence over this setting. With `Try`, a decision model abstains if the
            probability of its decision is below a threshold.
        early_stop: Whether to stop a streamed reply, and retry, as soon as no continuation of the reply can be valid.
            With this setting, each `Model` that can stream its replies does so. The setting has no effect on functions
            that return a whole reply. The setting also has no effect with `observe` or `repair`, or if schema_guard
            sends an adapted schema whose values have another form.
        store: Destination for the records of attempts: a path, a URL, a `Store`, or another `Recorder`. With None,
            schema_guard records nothing. Default: `default_store()`.
        limits: Limits on the time and tokens of a call, and on the size and repeated text of each reply.
        params: The names of your function's parameters, if they differ from the usual names.
        about: An `About` with information to store with each call, such as the version of the prompt and the name of
            the model.
        content: A `Content` with the settings for measuring whether valid values are right.
        **unknown: Arguments with unknown names, which cause an error. The error message suggests the argument that you
            probably meant.

    Returns:
        A decorator. `@guard` without parentheses returns the guarded function.

    Raises:
        InvalidArgument: An argument is invalid, or schema_guard can't guard the function. The decorator
            raises this error.
        InvalidSchema: The schema can't be loaded. The decorator raises this error.
    """
    return _guard(**locals())


def _guard(schema: Any, unknown: dict[str, Any], **given: Any) -> Any:
    """Build the `Guard` from the arguments of `guard`, by name. If `@guard` has no parentheses, guard the function."""
    if unknown:
        from schema_guard.preparing.unknown_arguments import refuse  # only a wrong word needs it

        refuse(unknown, Guard.__match_args__)
    bare = _is_function(schema)
    strategy = given["strategy"]
    examples = require_list("examples", given["examples"], "(task, value)")
    joined = {
        "schema": None if schema is None or bare else schema_of(schema),
        "strategy": tuple(strategy) if isinstance(strategy, list) else strategy,
        "examples": tuple(_example(example) for example in examples),
        "checks": tuple(require_list("checks", given["checks"], "callables")),
        "ignore": tuple(require_list("ignore", given["ignore"], "classes of exceptions")),
        "models": None
        if given["models"] is None
        else tuple(require_list("models", given["models"], "names, or of `Model`s")),
        "limits": DEFAULT_LIMITS if given["limits"] is None else given["limits"],
        "params": DEFAULT_PARAMS if given["params"] is None else given["params"],
        "about": DEFAULT_ABOUT if given["about"] is None else given["about"],
    }
    settings: Guard[Any, Any] = Guard(**{**given, **joined})
    return settings(schema) if bare else settings


def _is_function(schema: Any) -> bool:
    """Return whether *schema* is the decorated function, because `@guard` has no parentheses."""
    return isinstance(schema, (staticmethod, classmethod)) or (
        callable(schema)
        and not isinstance(schema, (type, Schema, Guarded, AsyncGuarded))
        and hasattr(schema, "__code__")
    )


def _example(given: Any) -> Example:
    if isinstance(given, Example):
        return given
    if isinstance(given, tuple) and len(given) == 2 and (given[0] is None or isinstance(given[0], str)):
        return Example(given[1], given[0])
    raise InvalidArgument(
        f"examples: {clip(repr(given))}: expected a tuple (task, value), with a str or None as the task"
    )
