# SPDX-License-Identifier: Apache-2.0
"""The models that the attempts of a call use: one model per attempt, and the last model for all further attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from schema_guard.configuration.model_names import is_tuned
from schema_guard.errors import InvalidArgument
from schema_guard.preparing.shapes import model_argument, name_of
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.preparing.shapes import Shape
    from schema_guard.values import Call


class AttemptModels(NamedTuple):
    """Models of the attempts.

    Attributes:
        models: Names, or `Model`s.
        providers: Provider that defines the options of each model. One entry if it is the same for all.
        is_function: Whether the guarded function is itself a model, which these models replace.
    """

    models: tuple[Any, ...]
    providers: tuple[str | None, ...]
    is_function: bool

    def model(self, attempt: int) -> Any:
        """Return the model of an attempt, counted from 1."""
        return self.models[min(attempt, len(self.models)) - 1]

    def function(self, function: Any, attempt: int) -> Any:
        """Return the callable of an attempt: the guarded function, or the attempt's model instead of it."""
        if not self.is_function:
            return function
        model = self.model(attempt)
        # If a method is guarded, such as `acall`, the attempt's model has it too.
        return model if is_model(function) else getattr(model, function.__name__)

    def call(self, call: Call, shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Return the identity of a call. If the call names its own model, every attempt uses that model."""
        model = model_argument(shape, args, kwargs)
        if model is None:
            return call
        name = model if isinstance(model, str) else getattr(model, "name", None)
        return call._replace(model=name, tuned=call.tuned or is_tuned(name or ""))


def is_model(value: Any) -> bool:
    """Return whether a value has the form of a `Model`."""
    return isinstance(getattr(value, "provider", None), str) and hasattr(value, "capabilities")


def kind_of(models: Sequence[Any] | None) -> Literal["names", "objects"] | None:
    """Return whether models are names or objects. None if there are none."""
    if not models:
        return None
    return "names" if isinstance(models[0], str) else "objects"


def check_call(models: Iterable[Any], function: Any) -> None:
    """Check that each model supports the guarded call: `__call__` if *function* is a model, otherwise its method.

    Raises:
        InvalidArgument: A model lacks it.
    """
    from schema_guard.models.interface import details_of  # only models need it

    way = "__call__" if is_model(function) else function.__name__
    for model in models:
        instead = details_of(model).lacks.get(way)
        if instead is not None:
            raise InvalidArgument(f"model {model.name!r}: {instead}")


def check_models(models: tuple[Any, ...], model: str | None, *, max_attempts: int, observe: bool) -> None:
    """Check a guard's list of models as far as that is possible without a function.

    Raises:
        InvalidArgument: It is not a list of models, or it contradicts another setting.
    """
    are_names = all(isinstance(entry, str) and entry and ">" not in entry for entry in models)
    if not models or not (are_names or all(map(is_model, models))):
        raise InvalidArgument(
            f"models={clip(repr(list(models)))}: expected a list of model names or a list of Model objects, one for each attempt"
        )
    label = f"models={clip(repr([entry if are_names else entry.name for entry in models]))}"
    if model is not None:
        raise InvalidArgument(
            f"{label} and about.model={clip(repr(model))}: both name the model. Use only one of them"
        )
    if observe:
        raise InvalidArgument(
            f"{label} and observe=True: schema_guard doesn't change an observed call, so it can't select a model. Remove one of them"
        )
    if len(models) > max_attempts:
        raise InvalidArgument(
            f"{label}: expected at most max_attempts={max_attempts} models, got {len(models)}, so schema_guard would never call the last ones"
        )


def models_of(models: tuple[Any, ...], provider: str | None, shape: Shape, function: Any) -> AttemptModels:
    """Return the models of the attempts, after a check that a function can receive them.

    Args:
        models: Models that `check_models` accepted.
        provider: Provider whose arguments `options` contains. None if the guard doesn't name it.
        shape: Shape of the function.
        function: The user's function, or a model.

    Raises:
        InvalidArgument: schema_guard can't pass a model to the function, or a default of the function names one.
    """
    are_objects = kind_of(models) == "objects"
    owner: Any = function if is_model(function) else getattr(function, "__self__", None)
    is_function = are_objects and is_model(owner)
    if shape.model is None and not is_function and (are_objects or shape.options is None):
        ways = (
            "'model', or guard the first model directly"
            if are_objects
            else "'model: str', or 'options: dict | None = None', which it passes on as create(..., **(options or {}))"
        )
        raise InvalidArgument(
            f"models=: schema_guard can't pass a model to {name_of(function)}. Give it a parameter {ways}"
        )
    if shape.model is None and model_argument(shape, (), {}) is not None:
        raise InvalidArgument(
            f"models=: the default of the parameter {shape.options!r} of {name_of(function)} names a model, so every attempt "
            "would call this model. Remove the model from the default"
        )
    providers: tuple[str | None, ...] = (provider,)
    if provider is None and are_objects:
        providers = tuple(model.provider for model in models)
    elif provider is None and is_model(owner):
        # This model receives the name of the model in its options.
        providers = (owner.provider,)
    return AttemptModels(models, providers if len(set(providers)) > 1 else providers[:1], is_function)
