# SPDX-License-Identifier: Apache-2.0
"""The settings of a guard: frozen values, validated as far as possible without a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from schema_guard.arguments import (
    NamedArguments,
    require_bool,
    require_count,
    require_kind,
    require_members,
    require_one_of,
    require_text,
)
from schema_guard.errors import InvalidArgument
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.preparing.escalation import check_models
from schema_guard.preparing.improved_prompt import improved_prompt
from schema_guard.prompting import Example
from schema_guard.strategies import strategies_of
from schema_guard.text import clip, dataclass_repr
from schema_guard.values import REPAIRS

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from schema_guard.extensions import RulesLike
    from schema_guard.models.interface import Model
    from schema_guard.prices.charges import Table
    from schema_guard.records.recorder import ContentChecks, Recorder
    from schema_guard.schema import Schema
    from schema_guard.values import Repair

V = TypeVar("V")
R = TypeVar("R")

OnFailure = Literal["raise", "return"]


class Unset:
    """The type of `UNSET`: an argument that was left out, if None has another meaning."""

    def __repr__(self) -> str:
        return "..."

    def __reduce__(self) -> str:
        return "UNSET"


UNSET = Unset()
_ON_FAILURE = ("raise", "return")


@dataclass(frozen=True, slots=True, repr=False)
class Params(metaclass=NamedArguments):
    """Names of your function's parameters that schema_guard reads or fills.

    Every name is optional. If a parameter has the usual name, you can omit it here. To make schema_guard ignore a
    parameter, pass None as its name.

    Example:
        >>> Params(prompt="question", options="extra")
        Params(prompt='question', options='extra')

    Attributes:
        prompt: Name of the parameter that contains the task, as a `str` or a list of messages. Default: `prompt`,
            otherwise `messages`, otherwise the only required parameter that has the annotation `str` or `list`, or has
            no annotation.
        instructions: Name of the parameter that receives the instructions about the reply's format and, on a retry, the
            correction. A function with this parameter builds its own prompt. schema_guard appends the instructions to
            the value that the call passes, or to the parameter's default. Default: `instructions`, if its annotation is
            `str` or missing.
        feedback: Name of the parameter that receives the correction on a retry, unless the call passes its own value.
            Default: the parameter `feedback`, if its default is None and it has no annotation or the annotation
            `str | None`.
        options: Name of the parameter that receives the arguments for the provider, in a new dict that also contains
            the options from the call. Default: `options`, if its annotation is a dict type or missing.
        prompt_file: Path of the `prompt.md` file that `schema-guard improve` wrote. The text and the examples in this
            file replace the text and the examples of the strategy.
    """

    prompt: str | None = None
    instructions: str | Unset | None = UNSET
    feedback: str | Unset | None = UNSET
    options: str | Unset | None = UNSET
    prompt_file: str | os.PathLike[str] | None = None

    __repr__ = dataclass_repr

    def __post_init__(self) -> None:
        for role in ("prompt", "instructions", "feedback", "options"):
            if not isinstance(getattr(self, role), Unset):
                require_text(f"params.{role}", getattr(self, role))
        improved_prompt(self.prompt_file)


@dataclass(frozen=True, slots=True, repr=False)
class About(metaclass=NamedArguments):
    """Metadata about a function and its model.

    schema_guard stores the version, the segment, and the model with each call, and whether the model was fine-tuned.

    Example:
        >>> About(version="2024-06", model="gpt-4o")
        About(version='2024-06', model='gpt-4o')

    Attributes:
        version: The version of the function's prompt. Default: a hash of the function's code and of the strategy's
            text.
        segment: The segment of your traffic that the calls belong to. `tags(segment=...)` overrides this segment.
        model: The name of the model. The name is a label and doesn't select a model. Default: the model name in the
            reply.
        tuned: Whether the model was fine-tuned for this task. If the model name begins with `ft:`, schema_guard always
            treats the model as fine-tuned.
        prices: Token prices for `Outcome.cost`: a path, `"genai-prices"`, or a dict from model to prices. Default: the
            price table that `$SCHEMA_GUARD_PRICES` names at the time of the first call. Without prices, the cost of a
            call is None.
        rules: The file that `schema-guard schema probe --output` wrote. The file describes which schemas the server of
            the function accepts. schema_guard sends schemas in a form that the server accepts.
    """

    version: str | None = None
    segment: str | None = None
    model: str | None = None
    tuned: bool = False
    prices: Table | None = None
    rules: RulesLike | None = None

    __repr__ = dataclass_repr

    def __post_init__(self) -> None:
        for name in ("version", "segment", "model"):
            require_text(f"about.{name}", getattr(self, name))
        require_bool("about.tuned", self.tuned)


DEFAULT_PARAMS, DEFAULT_ABOUT = Params(), About()


@dataclass(frozen=True, slots=True, repr=False)
class Settings(Generic[V, R]):
    """The arguments of `guard`, which describes them."""

    schema: Schema[V] | None = None
    strategy: str | tuple[str, ...] = "system_prompt"
    max_attempts: int = 3
    examples: tuple[Example, ...] = ()
    checks: tuple[Callable[[Any], str | bool | None], ...] = ()
    repair: Repair = "off"
    coerce: bool = True
    observe: bool = False
    ignore: tuple[Any, ...] = ()
    on_failure: OnFailure | None = None
    default: Any = UNSET
    name: str | None = None
    provider: str | None = None
    models: tuple[str, ...] | tuple[Model, ...] | None = None
    early_stop: bool = False
    store: str | Recorder | Unset | None = UNSET
    limits: Limits = DEFAULT_LIMITS
    params: Params = DEFAULT_PARAMS
    about: About = DEFAULT_ABOUT
    content: ContentChecks | None = None

    __repr__ = dataclass_repr

    def __post_init__(self) -> None:
        require_count("max_attempts", self.max_attempts, 1, meaning=" (1 means: never retry)")
        steps = strategies_of(self.strategy)
        if len(steps) > self.max_attempts:
            raise InvalidArgument(
                f"strategy={self.strategy!r}: expected at most max_attempts={self.max_attempts} strategies, got {len(steps)}, so schema_guard would never use the last ones"
            )
        require_one_of("repair", self.repair, REPAIRS)
        for word in ("coerce", "observe", "early_stop"):
            require_bool(word, getattr(self, word))
        for word in ("name", "provider"):
            require_text(word, getattr(self, word))
        self._require_one_result()
        require_members("checks", self.checks, callable, "a callable that returns a bool, None, or a message")
        require_members("ignore", self.ignore, _is_exception, "a class of exceptions")
        require_kind("limits", self.limits, Limits)
        require_kind("params", self.params, Params)
        require_kind("about", self.about, About)
        if self.content is not None and not hasattr(type(self.content), "recorder"):
            raise InvalidArgument(f"content={clip(repr(self.content))}: expected a Content or None")
        if self.models is not None:
            check_models(self.models, self.about.model, max_attempts=self.max_attempts, observe=self.observe)
        self._require_resources()

    def _require_one_result(self) -> None:
        """Check that the settings name one result of a failed call."""
        if self.on_failure is not None:
            require_one_of("on_failure", self.on_failure, _ON_FAILURE)
        if self.default is not UNSET and self.on_failure is not None:
            raise InvalidArgument(
                f"default={clip(repr(self.default))} and on_failure={self.on_failure!r}: expected only one of them. To return the default if no attempt is valid, omit on_failure"
            )

    def _require_resources(self) -> None:
        """Check that the settings name a known provider, store, and price table."""
        if self.provider is not None:
            from schema_guard.providers.options import capabilities  # only options need providers

            capabilities(self.provider)
        if self.store is not None and not isinstance(self.store, Unset):
            resolved_store(self.store, strictly=True)
        if self.about.prices is not None:
            from schema_guard.prices.charges import charges_of  # only a named table needs it

            charges_of(self.about.prices)
        if self.about.rules is not None:
            self._require_rules()
        if self.repair != "off" or self.early_stop:
            self._require_parts()

    def _require_parts(self) -> None:
        """Check that the needed parts are installed, so that no call fails for lack of one."""
        from schema_guard.extensions import require  # only these options need parts

        if self.repair != "off":
            require("option:repair")
        if self.early_stop:
            require("option:early_stop")

    def _require_rules(self) -> None:
        if self.models is not None or self.provider is None:
            raise InvalidArgument(
                f"about.rules={clip(repr(self.about.rules))}: this setting needs provider= and can't be combined with models=, because the rules describe the server that the function calls. For a Model, use connect(..., rules=...)"
            )
        from schema_guard.extensions import load  # only probed servers have rules

        load("option:rules")(self.provider, self.about.rules)


def _is_exception(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, BaseException)


def resolved_store(store: Any, *, strictly: bool = False) -> Recorder | None:
    """Return the recorder that a `store=` argument names.

    Args:
        store: The argument, or UNSET.
        strictly: Whether an unknown store raises `InvalidArgument`. Default: its records are lost and counted.
    """
    if callable(getattr(type(store), "record", None)):
        recorder: Recorder = store
        return recorder
    from schema_guard.records.urls import recording_store, resolve_store  # needed by recorded calls

    return resolve_store(store) if strictly else recording_store(store, default=isinstance(store, Unset))
