# SPDX-License-Identifier: Apache-2.0
"""What a benchmark asks: which tasks, in which variants, in which order; all of it known before the first call.

Rules:
1. Every variant is asked the same tasks, one variant after the other for each task: whenever a run stops, its variants
   can be compared pair by pair.
2. The order is shuffled over the whole suite, so that what was asked until a run stopped is a sample of it.
3. The same suite, variants and settings give the same plan everywhere, and a plan has a fingerprint that says so.
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
    """How a suite is asked.

    Attributes:
        max_attempts: Of each call, >= 1; an escalation may always go on to its last strategy.
        epochs: How often each task is asked in each variant, >= 1.
        seed: Of the sample and the order.
        sample: How many tasks to take, spread over the groups of the suite by their size and within a group over
            its difficulties; None takes all.
        function: Whose fixes are measured, as records name it; None where nobody says. It changes nothing that is
            asked.
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
        """Give the attempts that a call may take: an escalation goes on to its last strategy."""
        return max(self.max_attempts, len(strategies_of(strategy)))


class Variant(NamedTuple):
    """What is measured: a model asked in one way; every variant is asked the same tasks.

    Attributes:
        name: Unique in a run: the strategy, after the model's name where there are several models.
        model: Name of the model.
        strategy: As given, `a>b` for an escalation.
        tuned: Whether the model is tuned, and asked as it was trained.
        prompt_file: The file of an improved prompt, as `Params` takes it; None without one.
    """

    name: str
    model: str
    strategy: str
    tuned: bool = False
    prompt_file: str | None = None


class Cell(NamedTuple):
    """One call of a plan: a task, asked once in one variant.

    Attributes:
        variant: Which variant.
        entry: The task's schema and what belongs to it.
        task: What is asked.
        epoch: 0 for the first time.
    """

    variant: Variant
    entry: SuiteSchema
    task: Task
    epoch: int

    @property
    def key(self) -> tuple[str, str, int]:
        """Variant, task and epoch: what tells this call from all others of the plan."""
        return self.variant.name, self.task.id, self.epoch


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The calls of a run.

    Attributes:
        suite: What is asked.
        variants: Which models are asked, and how.
        settings: As given.
        tasks: Each with its schema, in the order in which they are asked.
        left_out: Why tasks that the suite scores are not asked, one line a reason.
        fingerprint: 16 hex digits of all of this.
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
        """Return the output limit of an attempt; None for none. The limit of a task is for the answer alone."""
        thoughts = THOUGHT_TOKENS if "reason_then" in strategy else 0
        known = self.settings.requests.get(entry.schema.fingerprint)
        return task.output_tokens + thoughts if known is None else known.output_tokens

    def layout(self, entry: SuiteSchema) -> Layout:
        """Return the layout of the prompts for a schema."""
        known = self.settings.requests.get(entry.schema.fingerprint)
        return "turns" if known is None else known.layout

    @property
    def calls(self) -> int:
        """How many calls there are."""
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
        models: Names, all different.
        strategies: Names, or escalations as `a>b`.
        tuned: Those of the models that were trained on the task alone, and are asked so: `bare`.
        enforced: Those of *tuned* that are also asked with a grammar if a strategy enforces the schema: `strict_only`,
            whose prompt is the same.

    Raises:
        InvalidArgument: There is none, one is given twice, or a strategy is unknown.
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
        InvalidArgument: No task is left to ask.
    """
    settings = settings or PlanSettings()
    scored = [(entry, task) for entry in suite.schemas for task in entry.tasks_of("test")]
    if not scored:
        raise InvalidArgument(
            f"suite {suite.name!r}: the suite has no task with the split 'test'. Add at least one such task"
        )
    random = Random(settings.seed)  # an order that can be repeated, no secret
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
    """Take a stratified sample: of every group its share, and of a group tasks of all difficulties."""
    groups: dict[str, list[tuple[SuiteSchema, Task]]] = {}
    for entry, task in pairs:
        groups.setdefault(entry.group, []).append((entry, task))
    shares = _shares([len(members) for members in groups.values()], size, random)
    chosen = []
    for members, share in zip(groups.values(), shares, strict=True):
        random.shuffle(members)
        members.sort(key=lambda pair: -1.0 if pair[1].hardness is None else pair[1].hardness)
        # Every (members / share)-th from a random start: as many hard ones in the sample as in the group.
        start = random.random()
        chosen += [members[int((start + index) * len(members) / share)] for index in range(share)]
    return chosen


def _shares(sizes: list[int], total: int, random: Random) -> list[int]:
    """Share out a total by size: whole parts first, then one each for the largest rests, ties by lot."""
    exact = [size * total / sum(sizes) for size in sizes]
    shares = [int(share) for share in exact]
    order = sorted(range(len(sizes)), key=lambda at: (shares[at] - exact[at], random.random()))
    for at in order[: total - sum(shares)]:
        shares[at] += 1
    return shares
