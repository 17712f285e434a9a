# SPDX-License-Identifier: Apache-2.0
"""What several commands of `bench` are given: a suite, and a plan of what is asked of whom."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.bench.run.plan import PlanSettings, columns_of, plan_of
from schema_guard.bench.suites.load import load_suite
from schema_guard.cli.shared.options import argument, option
from schema_guard.errors import MissingPart
from schema_guard.extensions import PARTS, require
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.suites.load import Suite
    from schema_guard.models import Model

# What a first look takes: two tasks of every built-in schema.
_SAMPLE = 48
_STRATEGIES = "system_prompt,few_shot,strict_schema"
# A model under a name of the user's own: `fast=http://...`.
_ALIAS = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Which suite, and how its files are read."""

    suite: str = argument(default="builtin")
    suite_form: str | None = option(
        "--form",
        metavar="FORM",
        help="Of the suite's files, where it does not show: folder, training, jsonl, tasks, jsonschemabench, maskbench, bfcl, promptfoo, huggingface.",
    )
    suite_schema: str | None = option(
        "--schema", metavar="FILE", help="The schema of a suite whose files have none."
    )
    suite_columns: tuple[str, ...] = option(
        "--column",
        multiple=True,
        metavar="OURS=THEIRS",
        help="What an export calls its columns: input=text, gold=label.",
    )

    def load(self) -> Suite:
        """Load the suite."""
        columns = dict(map(_pair, self.suite_columns))
        return load_suite(
            self.suite,
            form=self.suite_form,
            schema=None if self.suite_schema is None else Path(self.suite_schema),
            columns=columns or None,
        )


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not ours or not theirs:
        raise click.UsageError(f"--column {safe(text)!r}: expected OURS=THEIRS, such as input=text")
    return ours, theirs


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """Which models are asked what, in which way and how often."""

    models: tuple[str, ...] = option(
        "--model",
        multiple=True,
        default=("local",),
        show_default=True,
        metavar="[AS=]NAME",
        help="local, openai:NAME, http://HOST:PORT/v1#NAME, tuned:DIR, scripted:FILE; several times to compare, AS gives one a name of your own.",
    )
    strategies: str = option(
        "--strategy",
        default=_STRATEGIES,
        show_default=True,
        metavar="LIST",
        help="Separated by commas; a>b goes on to b after a failed attempt. A model of `tune` is asked bare, as it was trained.",
    )
    sample: str = option(
        default=str(_SAMPLE),
        show_default=True,
        metavar="N",
        help="How many tasks, spread over schemas and difficulties; or all.",
    )
    max_prompt_tokens: int | None = option(
        type=click.IntRange(min=1), metavar="N", help="Leave out tasks whose schema and text are longer."
    )
    max_attempts: int = option(type=click.IntRange(min=1), default=2, show_default=True, help="Of each call.")
    epochs: int = option(
        type=click.IntRange(min=1), default=1, show_default=True, help="How often each task is asked."
    )
    seed: int = option(type=int, default=0, show_default=True, help="Of the sample and the order.")

    def connect(
        self, connect: Callable[[str], Model], stack: ExitStack
    ) -> tuple[dict[str, Model], dict[str, str]]:
        """Connect the models; *stack* closes them.

        Returns:
            Models by their names in the result, and what *connect* takes for each.
        """
        models: dict[str, Model] = {}
        sources: dict[str, str] = {}
        for text in self.models:
            alias = _ALIAS.fullmatch(text)
            source = alias[2] if alias else text
            model = stack.enter_context(connect(source))
            # A tuned model has the name of the one that it was made of, and is asked beside it.
            name = alias[1] if alias else source if source.startswith("tuned:") else model.name
            if name in models:
                other = f"--model second={safe(source)}"
                raise click.UsageError(
                    f"there are two models named {safe(name)!r}: name one of them, as in {other}"
                )
            models[name], sources[name] = model, source
        return models, sources

    def plan(self, suite: Suite, models: dict[str, Model], *, function: str | None = None) -> RunPlan:
        """Plan the calls; they are of the suite's function where *function* names none."""
        if self.sample != "all" and not (self.sample.isdecimal() and int(self.sample)):
            raise click.UsageError(f"--sample {safe(self.sample)!r}: expected how many tasks, or all")
        strategies = dict.fromkeys(name.strip() for name in self.strategies.split(",") if name.strip())
        if self.strategies == _STRATEGIES:
            strategies = dict.fromkeys(filter(_is_installed, strategies))
        settings = PlanSettings(
            max_attempts=self.max_attempts,
            epochs=self.epochs,
            seed=self.seed,
            sample=None if self.sample == "all" else int(self.sample),
            most_prompt_tokens=self.max_prompt_tokens,
            function=function or suite.function,
        )
        tuned = [name for name, model in models.items() if getattr(model, "tuned", False)]
        return plan_of(suite, columns_of(list(models), list(strategies), tuned=tuned), settings)


def _is_installed(strategy: str) -> bool:
    """Return whether the part of a strategy is installed. Otherwise, report that the strategy is left out."""
    try:
        if f"strategy:{strategy}" in PARTS:
            require(f"strategy:{strategy}")
    except MissingPart as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True
