# SPDX-License-Identifier: Apache-2.0
"""The plan of a benchmark: its tasks, variants, and order, all known before the first call.

Rules:
1. Every variant gets the same tasks. The variants follow each other for each task, so that you can compare them pair by
   pair whenever a run stops.
2. The order is shuffled over the whole suite, so that the calls of a stopped run are a sample of it.
3. The same suite, variants, and settings give the same plan everywhere, with the same fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.decide.playbook import ENFORCING
from schema_guard.errors import InvalidArgument
from schema_guard.providers.llamacpp import THOUGHT_TOKENS
from schema_guard.strategies import strategies_of
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from schema_guard.bench.suites.values import Suite, SuiteSchema, Task
    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.decide.recorded.layouts import RecordedRequests
    from schema_guard.models import Model

GRAMMAR = "strict_only"
"""The strategy that sends the prompt of `bare`, and enforces the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """The settings of a plan.

    Attributes:
        max_attempts: Attempts of each call, >= 1. An escalation can always continue to its last strategy.
        epochs: Number of times that each task runs in each variant, >= 1.
        seed: Seed of the sample and the order.
        sample: Number of tasks to take. Each group of the suite gets its share, spread over its difficulties. None for
            all tasks.
        function: The function whose fixes are measured, as records name it. None if unknown. It does not change the
            requests.
        requests: The layout of the prompts and the output limit of an attempt for a schema, by its fingerprint. Default:
            `turns`, as `connect` models are called, and the limit of each task.
    """

    max_attempts: int = 2
    epochs: int = 1
    seed: int = 0
    sample: int | None = None
    function: str | None = None
    requests: Mapping[str, RecordedRequests] = field(default_factory=dict)

    def most_attempts(self, strategy: str) -> int:
        """Return the largest number of attempts of a call. An escalation can continue to its last strategy."""
        return max(self.max_attempts, len(strategies_of(strategy)))


class Variant(NamedTuple):
    """A model with a strategy, whose results are measured. Every variant gets the same tasks.

    Attributes:
        name: Name, unique in a run: the strategy, after the model's name if there are several models.
        model: Name of the model.
        strategy: Strategy, or an escalation such as `a>b`.
        tuned: Whether the model is tuned, and asked as it was trained.
        prompt_file: The file of an improved prompt, as `Params` accepts it. None without one.
    """

    name: str
    model: str
    strategy: str
    tuned: bool = False
    prompt_file: str | None = None


class Cell(NamedTuple):
    """One call of a plan: a task that runs once in one variant.

    Attributes:
        variant: The variant.
        entry: The entry of the task's schema in the suite.
        task: The task.
        epoch: 0 for the first run of the task.
    """

    variant: Variant
    entry: SuiteSchema
    task: Task
    epoch: int

    @property
    def key(self) -> tuple[str, str, int]:
        """Variant, task, and epoch, which identify the call in the plan."""
        return self.variant.name, self.task.id, self.epoch


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The calls of a run.

    Attributes:
        suite: The suite.
        variants: The variants.
        settings: The settings.
        tasks: The tasks with their schemas, in the order in which they run.
        left_out: Reasons why tasks that the suite scores don't run, one line each.
        fingerprint: 16 hex digits of the hash of the suite, the variants, the settings, and the order of the tasks.
    """

    suite: Suite
    variants: tuple[Variant, ...]
    settings: PlanSettings
    tasks: tuple[tuple[SuiteSchema, Task], ...]
    left_out: tuple[str, ...]
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        schemas, requests = {entry.schema.fingerprint for entry, _ in self.tasks}, self.settings.requests
        asked = sorted(str((schema, *requests[schema])) for schema in schemas if schema in requests)
        settings = [self.settings.max_attempts, self.settings.epochs, self.settings.seed, *asked]
        tasks = [task.id for _, task in self.tasks]
        text = json.dumps(
            [self.suite.fingerprint, [list(variant[:3]) for variant in self.variants], settings, tasks]
        )
        object.__setattr__(self, "fingerprint", hex_digest(text, 16))

    def output_limit(self, entry: SuiteSchema, task: Task, strategy: str = "") -> int | None:
        """Return the output limit of an attempt. None for no limit. The limit of a task is only for the answer."""
        thoughts = THOUGHT_TOKENS if "reason_then" in strategy else 0
        known = self.settings.requests.get(entry.schema.fingerprint)
        return task.output_tokens + thoughts if known is None else known.output_tokens

    def layout(self, entry: SuiteSchema) -> Layout:
        """Return the layout of the prompts for a schema."""
        known = self.settings.requests.get(entry.schema.fingerprint)
        return "turns" if known is None else known.layout

    @property
    def calls(self) -> int:
        """Number of calls."""
        return len(self.tasks) * len(self.variants) * self.settings.epochs

    def cells(self) -> Iterator[Cell]:
        """Yield the calls in their order."""
        for epoch in range(self.settings.epochs):
            for entry, task in self.tasks:
                for variant in self.variants:
                    yield Cell(variant, entry, task, epoch)


def variants_of(
    models: Sequence[str],
    strategies: Sequence[str],
    *,
    tuned: Container[str] = (),
    enforced: Container[str] = (),
) -> tuple[Variant, ...]:
    """Return a variant for every model and strategy.

    Args:
        models: Names of the models, all different.
        strategies: Names of strategies, or escalations such as `a>b`.
        tuned: Names of the models that were trained without instructions. They only get the strategy `bare`.
        enforced: Names in *tuned* that also get a grammar if a strategy enforces the schema: `strict_only`, whose
            prompt is the same.

    Raises:
        InvalidArgument: No name is given, a name is given twice, or a strategy is unknown.
    """
    for what, names in (("models", models), ("strategies", strategies)):
        if not names or len(set(names)) < len(names):
            raise InvalidArgument(
                f"{what}={list(names)!r}: expected at least one name, and each name only once"
            )
    for strategy in strategies:
        strategies_of(strategy)
    is_enforcing = any(one.name in ENFORCING for name in strategies for one in strategies_of(name))
    trained, with_grammar = ("bare",), ("bare", GRAMMAR)
    return tuple(
        Variant(strategy if len(models) == 1 else f"{model} {strategy}", model, strategy, model in tuned)
        for model in models
        for strategy in (
            strategies
            if model not in tuned
            else with_grammar
            if is_enforcing and model in enforced
            else trained
        )
    )


def takes_grammar(model: Model) -> bool:
    """Return whether a tuned model can be asked with a grammar: an adapter on the weights that it was trained on."""
    return getattr(model, "adapter", None) is not None and GRAMMAR in model.capabilities


def plan_of(suite: Suite, variants: Sequence[Variant], settings: PlanSettings | None = None) -> RunPlan:
    """Choose the tasks of a run and their order.

    Raises:
        InvalidArgument: The suite has no task with the split 'test'.
    """
    settings = settings or PlanSettings()
    scored = [(entry, task) for entry in suite.schemas for task in entry.tasks_of("test")]
    if not scored:
        raise InvalidArgument(
            f"suite {suite.name!r}: the suite has no task with the split 'test'. Add at least one such task"
        )
    random = Random(settings.seed)  # not for secrets: the order can be repeated
    chosen = (
        scored
        if settings.sample is None or settings.sample >= len(scored)
        else _sampled(scored, settings.sample, random)
    )
    random.shuffle(chosen)
    others = len(scored) - len(chosen)
    left_out = (f"the sample has {len(chosen)} tasks",) if others else ()
    return RunPlan(suite, tuple(variants), settings, tuple(chosen), left_out)


def _sampled(
    pairs: list[tuple[SuiteSchema, Task]], size: int, random: Random
) -> list[tuple[SuiteSchema, Task]]:
    """Return a stratified sample with the share of every group, and tasks of all difficulties from each group."""
    groups: dict[str, list[tuple[SuiteSchema, Task]]] = {}
    for entry, task in pairs:
        groups.setdefault(entry.group, []).append((entry, task))
    shares = _shares([len(members) for members in groups.values()], size, random)
    chosen = []
    for members, share in zip(groups.values(), shares, strict=True):
        random.shuffle(members)
        members.sort(key=lambda pair: -1.0 if pair[1].hardness is None else pair[1].hardness)
        # Every (members / share)-th task from a random start, so that the sample has the group's share of hard tasks.
        start = random.random()
        chosen += [members[int((start + index) * len(members) / share)] for index in range(share)]
    return chosen


def _shares(sizes: list[int], total: int, random: Random) -> list[int]:
    """Divide a total by size: whole parts first, then one each for the largest remainders, ties at random."""
    exact = [size * total / sum(sizes) for size in sizes]
    shares = [int(share) for share in exact]
    order = sorted(range(len(sizes)), key=lambda at: (shares[at] - exact[at], random.random()))
    for at in order[: total - sum(shares)]:
        shares[at] += 1
    return shares
