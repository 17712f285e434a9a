# SPDX-License-Identifier: Apache-2.0
"""Options of `bench run`: the suite, the plan, the calls, and the playbook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import argument, common, naming, option
from schema_guard.cli.shared.quantities import COUNT, COUNT_OR_ALL, DOLLARS, DURATION, RATE
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import ExitStack

    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.runner import RunSettings
    from schema_guard.bench.suites.values import Suite
    from schema_guard.decide.recorded.layouts import RecordedRequests
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.schema import Schema

# A first look: two tasks of each built-in schema.
_SAMPLE = 48
RETRIES = 4
"""Retries of a request that a busy server refuses."""

_STRATEGIES = "system_prompt,few_shot,strict_schema"
# A model under a name of the user's own: `fast=http://...`.
_ALIAS = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Which suite, and how its files are read."""

    suite: str = argument(default="small")
    suite_schema: str | None = option(
        "--schema",
        metavar="FILE",
        help="JSON Schema file for the replies, if the suite has no schema. With --playbook, you can also pass the name of a schema in the suite.",
    )
    suite_fields: tuple[str, ...] = option(
        "--field",
        metavar="OURS=THEIRS",
        advanced=True,
        help="Task field and the column that contains it, such as input=text or gold=label. Applies only if SUITE is a CSV or JSON Lines file. Repeatable.",
    )

    def load(self, *, is_schema_used: bool = True) -> Suite:
        """Load the suite. *is_schema_used* is whether `--schema` names the schema of its rows."""
        from schema_guard.bench.suites.load import load_suite

        fields = dict(map(_pair, self.suite_fields))
        schema = self.suite_schema if is_schema_used else None
        with naming(schema="--schema", columns="--field"):
            return load_suite(
                self.suite,
                schema=None if schema is None else Path(schema),
                columns=fields or None,
            )


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not ours or not theirs:
        raise click.UsageError(f"--field {safe(text)!r}: expected NAME=COLUMN, such as input=text")
    return ours, theirs


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """Which models are called, how, and how often."""

    models: tuple[str, ...] = option(
        "--model",
        default=("local",),
        metavar="[AS=]NAME",
        help="Model to measure: local, openai:NAME, http://HOST:PORT/v1#NAME, tuned:DIR, scripted:FILE, or your function as module:function. Repeat the option to compare models. AS is the name of the model in the result.",
    )
    strategies: str = option(
        "--strategy",
        default=_STRATEGIES,
        metavar="LIST",
        help="Strategies to compare, separated by commas. With a>b, the first attempt uses strategy a, and its retry uses strategy b. A model that `tune` tuned always gets the task without instructions. If a strategy enforces the schema, the run measures a model tuned on this machine both without and with a grammar.",
    )
    sample: int | Literal["all"] = option(
        type=COUNT_OR_ALL,
        default=_SAMPLE,
        help="Number of tasks to use, or 'all'. The sample contains tasks of every schema and difficulty.",
    )
    max_attempts: int = option(
        type=COUNT, default=2, advanced=True, help="Maximum number of attempts for each call."
    )
    epochs: int = option(type=COUNT, default=1, advanced=True, help="Number of calls for each task.")
    seed: int = option(
        type=int,
        default=0,
        metavar="N",
        advanced=True,
        help="Seed for the random numbers that select and order the tasks. The same seed selects the same tasks.",
    )

    def connect(
        self, connect: Callable[[str], Model], stack: ExitStack
    ) -> tuple[dict[str, Model], dict[str, str]]:
        """Connect the models, which *stack* closes.

        Returns:
            Models by their names in the result, and the argument of *connect* for each.
        """
        models: dict[str, Model] = {}
        sources: dict[str, str] = {}
        for text in self.models:
            alias = _ALIAS.fullmatch(text)
            source = alias[2] if alias else text
            with naming(model="--model"):
                model = stack.enter_context(connect(source))
            # A tuned model has the name of its base model, and is measured beside it.
            name = alias[1] if alias else source if source.startswith("tuned:") else model.name
            if name in models:
                other = f"--model second={safe(source)}"
                raise click.UsageError(
                    f"two models have the name {safe(name)!r}. Rename one of them, as in {other}"
                )
            models[name], sources[name] = model, source
        return models, sources

    @staticmethod
    def requests(
        schemas: Iterable[Schema[Any]],
        records: Store | None,
        function: str | None,
        filters: Mapping[str, Any] | None = None,
    ) -> dict[str, RecordedRequests]:
        """Return the known layouts and output limits, by the fingerprints of the schemas."""
        from schema_guard.decide.recorded.layouts import requests_of
        from schema_guard.records.selection import rows_of

        return {} if records is None else requests_of(rows_of(records, **(filters or {})), schemas, function)

    def plan(
        self,
        suite: Suite,
        models: dict[str, Model],
        *,
        function: str | None = None,
        records: Store | None = None,
    ) -> RunPlan:
        """Plan the calls of a suite. They belong to its function unless *function* names one."""
        from schema_guard.bench.run.plan import PlanSettings, plan_of, takes_grammar, variants_of

        strategies = dict.fromkeys(name.strip() for name in self.strategies.split(",") if name.strip())
        if self.strategies == _STRATEGIES:
            able = [name for name in strategies if all(name in one.capabilities for one in models.values())]
            strategies = dict.fromkeys(filter(_is_installed, able))
        whose = function or suite.function
        settings = PlanSettings(
            max_attempts=self.max_attempts,
            epochs=self.epochs,
            seed=self.seed,
            sample=None if self.sample == "all" else self.sample,
            function=whose,
            requests=self.requests([entry.schema for entry in suite.schemas], records, whose),
        )
        tuned = [name for name, model in models.items() if getattr(model, "tuned", False)]
        with naming(strategies="--strategy", strategy="--strategy"):
            enforced = [name for name in tuned if takes_grammar(models[name])]
            variants = variants_of(list(models), list(strategies), tuned=tuned, enforced=enforced)
        return plan_of(suite, variants, settings)


def _is_installed(strategy: str) -> bool:
    """Return whether the part of a strategy is installed. Otherwise, report that the strategy is left out."""
    from schema_guard.errors import MissingPart
    from schema_guard.extensions import PARTS, require

    try:
        if f"strategy:{strategy}" in PARTS:
            require(f"strategy:{strategy}")
    except MissingPart as error:
        note(f"left out: {error}")
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Settings and limits of the calls, and the files for the result."""

    max_failure_rate: float | None = option(
        type=RATE,
        help="Highest acceptable failure rate, such as 1%. The run stops measuring a variant when its failure rate is clearly above or below this rate. Default: none, or 1% with --playbook.",
    )
    max_cost: float | None = option(
        type=DOLLARS,
        help="Maximum cost. When the run has cost this much, it starts no new call. Requires --prices. Default: no limit.",
    )
    prices: str | None = common("prices")
    dry_run: bool = option(
        help="Print the planned calls, tokens, and cost. The command doesn't send, download, or write anything.",
    )
    outputs: tuple[str, ...] = option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False),
        help="File for the result. The file extension selects the format: .json, .html, .md, or .txt. Repeatable.",
    )
    function: str | None = option(
        metavar="NAME",
        advanced=True,
        help="Function to which `decide` assigns these results. With --playbook, the store provides its schema, model, and inputs. Default: the function that the suite names, or the only function with this schema.",
    )
    concurrency: int = option(
        type=COUNT, default=4, advanced=True, help="Maximum number of calls to each model at the same time."
    )
    calls_per_minute: float | None = option(
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        advanced=True,
        help="Maximum number of requests per minute to each model. Default: no limit.",
    )
    max_time: float | None = option(
        type=DURATION,
        advanced=True,
        help="Maximum duration of the run, such as 90m. After this time, the run starts no new call. Default: no limit.",
    )
    journal: str | None = option(
        metavar="FILE",
        advanced=True,
        help="File that stores every reply, so that you can resume the run with --resume. Default: none.",
    )
    resume: bool = option(
        advanced=True,
        help="Resume the run in the --journal file. The command reuses the stored replies and makes only the missing calls.",
    )
    executor: str = option(
        default="local",
        metavar="WHERE",
        advanced=True,
        help="Place where the calls run: local for this machine; ray or ray://HOST:PORT for a Ray cluster.",
    )

    def whose(self, records: Store | None) -> str | None:
        """Return the full name of the function that `--function` names. None without the option."""
        from schema_guard.records.selection import select

        if self.function is None:
            return None
        if records is None:
            raise click.UsageError(
                "--function needs a store with calls of the function. Name the store with --store"
            )
        return select(records, records.configurations(), function=self.function).function

    def settings(self, models: dict[str, Model]) -> RunSettings:
        """Return the settings of the calls."""
        from schema_guard.bench.run.runner import RunSettings
        from schema_guard.prices.costs import token_prices

        if self.max_cost is not None and self.prices is None:
            raise click.UsageError(
                "--max-cost needs --prices SOURCE, because otherwise the cost of a call is unknown"
            )
        # A table knows a model by its own name, not by the user's name for it.
        prices = (
            {}
            if self.prices is None
            else {name: token_prices(model.name, source=self.prices) for name, model in models.items()}
        )
        return RunSettings(
            concurrency=self.concurrency,
            calls_per_minute=self.calls_per_minute,
            max_cost=self.max_cost,
            max_time_s=self.max_time,
            target=self.max_failure_rate,
            prices=prices,
        )


_ONLY = "With --playbook: "


@dataclass(frozen=True, kw_only=True)
class PlaybookOptions:
    """How the fixes of the playbook are tried."""

    playbook: bool = option(
        help="Try the fixes from the playbook on one schema, one at a time, until the verdict is clear."
    )
    inputs: str | None = option(
        metavar="FILE",
        advanced=True,
        help="File of inputs for the calls of --playbook, one on each line (.txt or .jsonl). Default: the test tasks of the suite.",
    )
    larger: str | None = option(
        metavar="NAME", advanced=True, help="Larger model for the last step of --playbook. Default: none."
    )
    since: float | None = common("since", _ONLY, advanced=True)
    until: float | None = common("until", _ONLY, advanced=True)
    segment: str | None = common("segment", _ONLY, advanced=True)
    first_step: str = option(
        default="system_prompt",
        metavar="STEP",
        advanced=True,
        help="First step that --playbook tries. The command skips all earlier steps.",
    )
    decline: tuple[str, ...] = option(
        metavar="STEP=REASON",
        advanced=True,
        help="Step of --playbook to skip, and your reason, such as few_shot='too many tokens'. Repeatable.",
    )
    given: str | None = option(
        "--with",
        metavar="FILE",
        advanced=True,
        help="JSON file for --playbook with facts that no call shows, such as the cost of a failure. Default: none.",
    )
    max_calls: int | None = option(
        type=COUNT,
        advanced=True,
        help="Maximum number of calls in all steps of --playbook together. Default: no limit.",
    )
    reply_tokens: int | None = option(
        type=COUNT,
        advanced=True,
        help="Maximum number of output tokens of one attempt in --playbook. Default: the limit of the function's recorded calls, or 256.",
    )
    min_right: float | None = common("min_right", _ONLY, advanced=True)
    max_p95: float | None = common("max_p95", _ONLY, advanced=True)
    burst_length: float | None = common("burst_length", _ONLY, advanced=True)
    priority: str | None = common("priority", _ONLY, advanced=True)
    time_zone: str | None = common("time_zone", _ONLY, advanced=True)
    options: tuple[str, ...] = option(
        "--option",
        metavar="KEY=VALUE",
        advanced=True,
        help="Argument for the provider in every call of --playbook, such as temperature=0.7. Repeatable.",
    )

    def filters(self) -> dict[str, Any]:
        """Return the filters of the recorded calls that were given."""
        filters = {"segment": self.segment, "since": self.since, "until": self.until}
        return {name: value for name, value in filters.items() if value is not None}
