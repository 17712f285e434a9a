# SPDX-License-Identifier: Apache-2.0
"""The settings of a guard: a frozen value, checked as far as it can be without a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from schema_guard.arguments import (
    require_bool,
    require_count,
    require_limits,
    require_members,
    require_one_of,
    require_text,
)
from schema_guard.asked import check_models
from schema_guard.errors import InvalidArgument
from schema_guard.light.frozen import dataclass
from schema_guard.prompting import Example
from schema_guard.strategies import strategies_of
from schema_guard.text import clip
from schema_guard.values import REPAIRS, Budget, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.extensions import RulesLike
    from schema_guard.models.interface import Model
    from schema_guard.prices.charges import Table
    from schema_guard.records.recorder import Recorder
    from schema_guard.schema import Schema
    from schema_guard.values import Repair

__all__ = ["UNSET", "OnFailure", "Settings", "Unset", "resolved_store"]

V = TypeVar("V")
R = TypeVar("R")

OnFailure = Literal["raise", "return"]


class Unset:
    """Stands for an argument that was not given, where None has a meaning."""

    def __repr__(self) -> str:
        return "..."

    def __reduce__(self) -> str:
        return "UNSET"


UNSET = Unset()
_ON_FAILURE = ("raise", "return")
_LIMITS, _BUDGET = Limits(), Budget()


@dataclass(frozen=True, slots=True)
class Settings(Generic[V, R]):
    """What `guard` was told. Fields are its arguments: see there."""

    schema: Schema[V] | None
    strategy: str | tuple[str, ...] = "system_prompt"
    max_attempts: int = 3
    prompt: str | None = None
    examples: tuple[Example, ...] = ()
    checks: tuple[Callable[[Any], str | None], ...] = ()
    repair: Repair = "off"
    observe: bool = False
    on_failure: OnFailure = "raise"
    default: Any = UNSET
    name: str | None = None
    version: str | None = None
    segment: str | None = None
    model: str | None = None
    target: str | None = None
    store: str | Recorder | Unset | None = UNSET
    limits: Limits = _LIMITS
    budget: Budget = _BUDGET
    instructions_to: str | Unset | None = UNSET
    feedback_to: str | Unset | None = UNSET
    options_to: str | Unset | None = UNSET
    prices: Table | None = None
    tuned: bool = False
    expected: tuple[Any, ...] = ()
    models: tuple[str, ...] | tuple[Model, ...] | None = None
    early_stop: bool = False
    rules: RulesLike | None = None

    def __post_init__(self) -> None:
        require_count("max_attempts", self.max_attempts, 1, meaning=" (1 means: ask once, never retry)")
        steps = strategies_of(self.strategy)
        if len(steps) > self.max_attempts:
            raise InvalidArgument(
                f"strategy={self.strategy!r}: expected at most max_attempts={self.max_attempts} strategies, "
                f"got {len(steps)}: the last ones would never be used"
            )
        require_one_of("on_failure", self.on_failure, _ON_FAILURE)
        require_one_of("repair", self.repair, REPAIRS)
        for word in ("observe", "tuned", "early_stop"):
            require_bool(word, getattr(self, word))
        for word in ("prompt", "name", "version", "segment", "model", "target"):
            require_text(word, getattr(self, word))
        for word in ("instructions_to", "feedback_to", "options_to"):
            if not isinstance(getattr(self, word), Unset):
                require_text(word, getattr(self, word))
        if self.default is not UNSET and self.on_failure == "return":
            raise InvalidArgument(
                "default= and on_failure='return': expected one of them: both say what a failed call gives"
            )
        require_members("checks", self.checks, callable, "a callable that gives None or a message")
        require_members("expected", self.expected, _is_exception, "a class of exceptions")
        require_limits(self.limits, Limits)
        _require_budget(self.budget)
        if self.models is not None:
            check_models(self.models, self.model, max_attempts=self.max_attempts, observe=self.observe)
        self._require_found()

    def _require_found(self) -> None:
        """Find what the settings name: a target, a store, a table of prices."""
        if self.target is not None:
            from schema_guard.providers.options import capabilities  # only options need targets

            capabilities(self.target)
        if self.store is not None and not isinstance(self.store, Unset):
            resolved_store(self.store, strictly=True)
        if self.prices is not None:
            from schema_guard.prices.charges import given_charges  # only who names a table needs it

            given_charges(self.prices)
        if self.rules is not None:
            self._require_rules()
        if self.repair != "off" or self.early_stop:
            self._require_parts()

    def _require_parts(self) -> None:
        """Make sure that the parts are installed which a call may need, so that no call fails for that reason."""
        from schema_guard.extensions import require  # only these options need parts

        if self.repair != "off":
            require("option:repair")
        if self.early_stop:
            require("option:early_stop")

    def _require_rules(self) -> None:
        if self.models is not None or self.target is None:
            raise InvalidArgument(
                f"rules={clip(repr(self.rules))}: expected with target= and without models=: they are of one server that a "
                "function asks; a Model has its own: connect(..., rules=)"
            )
        from schema_guard.extensions import load  # only who has probed needs it

        load("option:rules")(self.target, self.rules)


def _is_exception(given: Any) -> bool:
    return isinstance(given, type) and issubclass(given, BaseException)


def _require_budget(budget: Budget) -> None:
    if not isinstance(budget, Budget):
        raise InvalidArgument(f"budget={clip(repr(budget))}: expected a Budget")
    for name, given in budget._asdict().items():
        least = 1 if name.endswith("output_tokens") else 2 if name == "max_repeats" else 0
        kinds = (int, float) if name == "max_elapsed_s" else int
        if given is not None and not (
            isinstance(given, kinds) and not isinstance(given, bool) and given >= least
        ):
            what = "a number" if name == "max_elapsed_s" else "an int"
            raise InvalidArgument(
                f"budget.{name}={clip(repr(given))}: expected {what} >= {least}, or None for no bound"
            )
    first, most = budget.output_tokens, budget.max_output_tokens
    if first is not None and most is not None and most < first:
        raise InvalidArgument(
            f"budget.max_output_tokens={most}: expected at least output_tokens={first}, from which it is raised"
        )


def resolved_store(given: Any, *, strictly: bool = False) -> Recorder | None:
    """Give whom a `store=` argument means.

    Args:
        given: The argument, or UNSET.
        strictly: Whether a name of no store is `InvalidArgument`; else what is handed to it is lost and counted.
    """
    if callable(getattr(type(given), "record", None)):
        recorder: Recorder = given
        return recorder
    from schema_guard.records.urls import recording_store, resolve_store  # needed by recorded calls

    return resolve_store(given) if strictly else recording_store(given, default=isinstance(given, Unset))
