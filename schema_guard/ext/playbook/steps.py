# SPDX-License-Identifier: Apache-2.0
"""The configuration of each step of the playbook, in `CONFIGURATIONS`, and the guarded model that uses it.

Rules: a step that is a strategy is independent of the others and makes one attempt per call. Every other step changes
one thing of the best configuration so far. An impossible configuration raises the library's own error, before anything
is spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.concurrency import AT_ONCE
from schema_guard.bench.run.trial_model import TrialModel, check_is_able
from schema_guard.decide.playbook import DECISION, IMPROVED
from schema_guard.decide.recorded.layouts import GuardLine
from schema_guard.decorator import guard
from schema_guard.errors import InvalidArgument
from schema_guard.limits import Limits
from schema_guard.models.interface import details_of
from schema_guard.preparing.steps import check_is_sent, requests_of
from schema_guard.providers.options import options_for
from schema_guard.providers.request_options import joined_options
from schema_guard.strategies import strategies_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.values import Outcome, Repair


SIMPLIFY = "schema_simplify"
"""The only step that no machine can run, because only the owner knows which parts a schema may lose."""

LARGER = "larger_model"
SMALLER = "smaller_model"
LIMITED = "reasoning_limit"
TUNED = "tuned"
"""The step after the playbook: a tuned model, prompted as in its training."""
TEMPERATURE = "temperature"
LIMIT = "raise_max_output_tokens"
_SAMPLING = (TEMPERATURE, "top_p")
# The argument that contains the others, for providers that have one.
_HOLDERS = {"gemini": "config", "bedrock": "inferenceConfig"}
_SHOWING = "few_shot"

NOT_NAMED = {
    LARGER: "you named no larger model",
    DECISION: "you named no decision model with --model, or no right answers with --inputs",
    SMALLER: "a smaller model needs its own playbook run with --model",
    IMPROVED: "it has its own command, schema-guard improve",
    LIMITED: "the limit of reasoning is an argument of the provider, so it needs a separate playbook run with --option",
}
"""Steps that a playbook run runs only if an option asks for them, or never -> why they are not tried."""


STRATEGIES = (
    "system_prompt", "strict_schema", "json_mode", "few_shot", "reason_then_format", "strict_only", "reason_then_strict",
)  # fmt: skip
"""The steps that are also strategies."""
FOR_VALUES = ("strict_only", "reason_then_strict")
"""The `STRATEGIES` that enforce the format as `strict_schema` does, and change the values."""
# Evidence that a playbook run measures, or takes from its own settings.
_OURS = ("strategies", "schemas", "pilot", "segments", "current", "ladder", "comparisons")


@dataclass(frozen=True, slots=True)
class StepConfiguration:
    """The configuration of a step.

    Attributes:
        strategy: The strategy that requests the format.
        output_tokens: The output limit of an attempt; None for none.
        max_attempts: Most attempts of each call.
        repair: Whether broken JSON may be repaired.
        cold: Whether the model is called at temperature 0 instead of its own.
        larger: Whether the larger model is called.
        tuned: Whether the tuned model is called.
        decided: Whether the decision model is called first.
    """

    strategy: str
    output_tokens: int | None
    max_attempts: int = 1
    repair: Repair = "off"
    cold: bool = False
    larger: bool = False
    tuned: bool = False
    decided: bool = False

    def id(self, start: StepConfiguration) -> str:
        """Return its strategy and its differences from the configuration at the start of the run.

        >>> start = StepConfiguration("system_prompt", 256)
        >>> StepConfiguration("few_shot", 512, max_attempts=3).id(start)
        'few_shot max_attempts=3 output_tokens=512'
        """
        changes = {
            f"max_attempts={self.max_attempts}": self.max_attempts != start.max_attempts,
            f"output_tokens={self.output_tokens}": self.output_tokens != start.output_tokens,
            f"repair={self.repair}": self.repair != start.repair,
            "temperature=0": self.cold,
            LARGER: self.larger,
            TUNED: self.tuned,
        }
        return " ".join([self.strategy, *(name for name, differs in changes.items() if differs)])


def _strategy(name: str) -> Callable[[StepConfiguration, StepConfiguration], StepConfiguration]:
    return lambda start, _: replace(start, strategy=name)


CONFIGURATIONS: Mapping[str, Callable[[StepConfiguration, StepConfiguration], StepConfiguration]] = {
    LIMIT: lambda _, best: replace(
        best, output_tokens=None if best.output_tokens is None else 2 * best.output_tokens
    ),
    "lenient_parse": lambda _, best: replace(best, repair="lossless"),
    "system_prompt": _strategy("system_prompt"),
    "strict_schema": _strategy("strict_schema"),
    "json_mode": _strategy("json_mode"),
    "few_shot": _strategy("few_shot"),
    TEMPERATURE: lambda _, best: replace(best, cold=True),
    "reason_then_format": _strategy("reason_then_format"),
    "strict_only": _strategy("strict_only"),
    "reason_then_strict": _strategy("reason_then_strict"),
    # The text model has as many attempts as before.
    DECISION: lambda _, best: replace(
        best, strategy=f"decision>{best.strategy}", max_attempts=best.max_attempts + 1, decided=True
    ),
    "repair_retry": lambda _, best: replace(best, max_attempts=3),
    LARGER: lambda _, best: replace(best, larger=True),
}
"""Step -> its configuration, from the one that a playbook run starts with and the best so far."""


def _cold(provider: str) -> dict[str, Any]:
    """Return the provider's arguments for temperature 0."""
    holder = _HOLDERS.get(provider)
    return {TEMPERATURE: 0} if holder is None else {holder: {TEMPERATURE: 0}}


class Models(NamedTuple):
    """The models of a playbook run.

    Attributes:
        model: The model that the playbook is for.
        larger: The model of the last step; None if there is none.
        tuned: The model that is measured after the steps; None if there is none.
        decision: The decision model; None if there is none.
    """

    model: Model
    larger: Model | None = None
    tuned: Model | None = None
    decision: Model | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """The function that makes the calls of a playbook run.

    Attributes:
        inputs: The schema and the examples.
        models: The models.
        settings: The arguments of the requests, the function, and the layout.
        run_id: The name of the calls in the store, before the step and the function.
        store: The store; None for none.
    """

    inputs: Inputs
    models: Models
    settings: PlaybookSettings
    run_id: str
    store: Store | None

    def outcome_of(
        self, step: str, configuration: StepConfiguration
    ) -> Callable[[str], Awaitable[Outcome[Any]]]:
        """Return the function that runs one task with this configuration.

        Raises:
            InvalidArgument: The model or its provider doesn't support the configuration.
            MissingExtra: The configuration needs a package that is not installed.
        """
        asked = self._asked(configuration)
        for strategy, model in asked:
            check_is_sent(model.provider, strategy, self.inputs.schema)
            check_is_able(model, strategy)
        function = self.settings.function
        # A step may change the output limit, so its own limit takes precedence over the one of every request.
        limit = options_for(
            model.provider, "bare", self.inputs.schema, output_tokens=configuration.output_tokens
        )
        others = {name: part for name, part in self.settings.options.items() if name not in limit}
        options = joined_options(others, _cold(model.provider)) if configuration.cold else others
        trial = self._trial(asked[0][1])
        models = [trial, *(self._trial(one, options) for _, one in asked[1:])]
        given = {} if configuration.decided else options  # a decision model takes no options of a text model
        decorate = guard(
            self.inputs.schema,
            strategy=[strategy for strategy, _ in asked],
            models=models if len(models) > 1 else None,
            max_attempts=self._attempts(configuration),
            examples=self.inputs.examples,
            repair=configuration.repair,
            # Two steps may differ only in settings that a guard doesn't know, such as the temperature, but not in name.
            name=":".join([self.run_id, step, *([function] if function else [])]),
            store=self.store,
            limits=Limits(output_tokens=configuration.output_tokens),
        )
        guarded = decorate(trial.function)

        async def ask(task: str) -> Outcome[Any]:
            outcome: Outcome[Any] = await guarded.outcome(trial.task(task), options=given)
            return outcome

        return ask

    def _asked(self, configuration: StepConfiguration) -> list[tuple[str, Model]]:
        """Return the strategies and models of the attempts: one of each, or the decision model before the text model."""
        model = self._model_of(configuration)
        if not configuration.decided:
            return [(configuration.strategy, model)]
        assert self.models.decision is not None
        first, _, rest = configuration.strategy.partition(">")
        return [(first, self.models.decision), *([(rest, model)] if rest else [])]

    def _trial(self, model: Model, options: Mapping[str, Any] | None = None) -> TrialModel:
        source = self.inputs.examples_source
        return TrialModel(
            model,
            getattr(model, "layout", None) or self.settings.layout,
            self.inputs.before,
            source if isinstance(source, str) else list(source),
            options,
        )

    def _model_of(self, configuration: StepConfiguration) -> Model:
        models = self.models
        model = (
            models.larger if configuration.larger else models.tuned if configuration.tuned else models.model
        )
        assert model is not None
        return model

    def _attempts(self, configuration: StepConfiguration) -> int:
        """Return the attempts of a call. A strategy may take several requests."""
        if configuration.decided:
            return configuration.max_attempts if ">" in configuration.strategy else 1
        strategies = strategies_of(configuration.strategy)
        requests = requests_of(strategies, [self._model_of(configuration).provider])
        return max(configuration.max_attempts, len(requests))

    def is_cold(self) -> bool:
        """Return whether the model is known to run at temperature 0 already."""
        return self._options_of(self.models.model).get(TEMPERATURE) == 0

    def sent_by(self, configuration: StepConfiguration) -> dict[str, float]:
        """Return the known settings that a configuration sends besides the task, by the names of the evidence."""
        model = self._model_of(configuration)
        known = {**self._options_of(model), **({TEMPERATURE: 0} if configuration.cold else {})}
        sent = {name: known[name] for name in _SAMPLING if isinstance(known.get(name), int | float)}
        if configuration.strategy == _SHOWING and self.inputs.examples:
            sent["examples"] = len(self.inputs.examples)
        return sent

    def guard_line(self, configuration: StepConfiguration) -> str:
        """Return the line of `guard` that sends the prompts of a configuration."""
        shown = [(one.task, one.value) for one in self.inputs.examples]
        return GuardLine(
            configuration.strategy,
            shown if configuration.strategy == _SHOWING else "",
            self._attempts(configuration),
            configuration.repair,
            configuration.output_tokens,
            ">".join(model.name for _, model in self._asked(configuration)),
            self.sent_by(configuration).get(TEMPERATURE),
        ).as_text()

    def _options_of(self, model: Model) -> dict[str, Any]:
        options = joined_options(details_of(model).defaults, self.settings.options)
        inner = options.get(_HOLDERS.get(model.provider, ""))
        return {**options, **inner} if isinstance(inner, Mapping) else options


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookSettings:
    """The settings of a playbook run.

    Attributes:
        target: The acceptable failure rate, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        first: The step to begin with.
        baseline: The step that is measured before the first one, on the same inputs. None measures nothing before it.
        declined: Step -> why it is not tried.
        extra: Keys of the evidence that no playbook run can measure: `economics feasibility calls_per_month latency
            content` and more of `config`.
        output_tokens: Output limit of an attempt, >= 1; `raise_max_output_tokens` doubles it. None sends no limit.
        options: The provider's own arguments of every request, such as `{"temperature": 0.7}`.
        max_calls: Calls to begin, over all steps. None is no limit.
        max_seconds: Seconds after which no call begins. None is no limit.
        function: Function whose fixes are measured, by its name in records. None for the only function of the schema.
        layout: Layout of the prompts, the same as in the calls of the function.
        priority: The function of the store that has half of alpha; None gives all functions equal parts.
        filters: The filters of the function's recorded calls: `segment`, `since`, and `until`, as `gather` takes them.
        concurrency: Concurrent calls, >= 1. When a step stops, up to one less than this may have begun in vain.
        target_source: The source of the target, such as an option; empty if unknown.
        repeated: Options of the command line, without their dashes, that every printed command repeats.
    """

    target: float = 0.01
    alpha: float = 0.05
    first: str = "system_prompt"
    baseline: str | None = None
    declined: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    output_tokens: int | None = 256
    options: Mapping[str, Any] = field(default_factory=dict)
    max_calls: int | None = None
    max_seconds: float | None = None
    function: str | None = None
    layout: Layout = "turns"
    priority: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    concurrency: int = AT_ONCE
    repeated: Mapping[str, Any] = field(default_factory=dict)
    target_source: str = ""

    def __post_init__(self) -> None:
        for key in self.extra:
            if key in _OURS:
                raise InvalidArgument(
                    f"extra[{key!r}]: the playbook measures this fact. Remove it, or pass the complete evidence to `decide`"
                )
