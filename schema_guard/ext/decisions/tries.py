# SPDX-License-Identifier: Apache-2.0
"""Models that leave a call to the next model if a decision is not sure enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, overload

from schema_guard.errors import InvalidArgument
from schema_guard.preparing.escalation import is_model
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.models.interface import Model


@overload
def Try(model: str, *, abstain_below: float) -> str: ...
@overload
def Try(model: Model, *, abstain_below: float) -> Model: ...
def Try(model: Any, *, abstain_below: float) -> Any:  # noqa: N802
    """Return a decision model for `models=` that abstains if a probability is below a threshold.

    If the probability of the decision for any field is below the threshold, the attempt fails with the code
    `abstained`. The next model then produces the whole value.

    Example:
        >>> from schema_guard import Try, guard
        >>> schema = {"enum": ["spam", "mail"]}
        >>> models = [Try("small-decider", abstain_below=0.8), "large-decider"]
        >>> settings = guard(schema, strategy="decision", provider="openai-decisions", models=models)

    Args:
        model: The name of a model, or a `Model`, as in the argument `models` of `guard`.
        abstain_below: The threshold for the probabilities, in (0, 1].

    Raises:
        InvalidArgument: An argument is invalid.
    """
    if type(abstain_below) not in (int, float) or not 0 < abstain_below <= 1:
        raise InvalidArgument(
            f"abstain_below={clip(repr(abstain_below))}: expected a number above 0 and at most 1"
        )
    if isinstance(model, str):
        return _NamedTry(model, float(abstain_below))
    if is_model(model):
        return _ModelTry(model, float(abstain_below))
    raise InvalidArgument(f"model={clip(repr(model))}: expected the name of a model, or a `Model`")


class _NamedTry(str):
    """The name of a model, with a threshold."""

    __slots__ = ("abstain_below",)
    abstain_below: float

    def __new__(cls, name: str, abstain_below: float) -> Self:
        made = super().__new__(cls, name)
        made.abstain_below = abstain_below
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _NamedTry, (str(self), self.abstain_below)


class _ModelTry:
    """A model with a threshold. It behaves as the model does."""

    def __init__(self, model: Any, abstain_below: float) -> None:
        self._model = model
        self.abstain_below = abstain_below

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._model(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "_model":  # of a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self._model, name)

    def __repr__(self) -> str:
        return f"Try({self._model!r}, abstain_below={self.abstain_below:g})"
