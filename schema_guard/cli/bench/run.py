# SPDX-License-Identifier: Apache-2.0
"""`bench run`: models and strategies, measured on a suite."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.bench.result import document_of, result_file, result_of, result_page
from schema_guard.bench.run.budget import RunBudget
from schema_guard.bench.run.estimate import estimate
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.cli.bench.options import PlanOptions, SuiteOptions
from schema_guard.cli.shared.options import option, output_path, shared, store_of, takes
from schema_guard.cli.shared.progress import progress
from schema_guard.extensions import load
from schema_guard.models import connect
from schema_guard.prices.tokens import token_prices
from schema_guard.records.chosen import chosen_of
from schema_guard.records.private import write_private
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.page import check_extra
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.bench.result import BenchResult
    from schema_guard.bench.run.estimate import Estimate
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.scored import Run
    from schema_guard.models import Model
    from schema_guard.records import Store


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How calls are made, what they may cost, and where the result goes."""

    concurrency: int = option(
        type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once, of each model."
    )
    calls_per_minute: float | None = option(
        type=click.FloatRange(min=0, min_open=True), metavar="N", help="Requests that each model is sent."
    )
    max_cost: float | None = option(
        type=float, metavar="DOLLARS", help="Begin no call beyond that; needs --prices."
    )
    max_tokens: int | None = option(
        type=int, metavar="N", help="Begin no call beyond that; prompts and replies."
    )
    max_seconds: float | None = option(type=float, metavar="N", help="Begin no call after that.")
    target: float | None = option(
        type=float,
        metavar="RATE",
        help="Ask a column no more when its unhandled rate is proved to be on one side of that.",
    )
    prices: str | None = option(
        metavar="SOURCE", help="Token prices: a JSON file, litellm's price file, or genai-prices."
    )
    retries: int = option(
        type=click.IntRange(min=0),
        default=4,
        show_default=True,
        help="Of a request that a busy server refuses.",
    )
    function: str | None = option(
        metavar="NAME",
        help="Whose remedies are measured, as recorded: `decide` counts them as its. Else whom the suite names, or the schema's only one.",
    )
    journal: str | None = option(metavar="FILE", help="Keep every reply there as it comes.")
    resume: bool = option(is_flag=True, help="Go on with the journal: what it has is not asked again.")
    executor: str = option(
        default="local",
        show_default=True,
        metavar="WHERE",
        help="Where calls are made: local, ray, ray://HOST:PORT.",
    )
    dry_run: bool = option(
        is_flag=True, help="Say what would be asked and what it may cost, and ask nothing."
    )
    outputs: tuple[str, ...] = option(
        "--output",
        multiple=True,
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Also write the result there: .json, .html, .md or .txt; several times.",
    )

    def whose(self, records: Store | None) -> str | None:
        """Give the whole name of the function that is named; None where none is."""
        if self.function is None:
            return None
        if records is None:
            raise click.UsageError("--function needs a store that has its calls: name one with --store")
        return chosen_of(records, records.configurations(), function=self.function).function

    def settings(self, models: dict[str, Model]) -> RunSettings:
        """Give how calls are made."""
        return RunSettings(
            concurrency=self.concurrency,
            calls_per_minute=self.calls_per_minute,
            budget=RunBudget(self.max_cost, self.max_tokens, self.max_seconds),
            target=self.target,
            # A table knows a model by its own name, whatever it is called here.
            prices={}
            if self.prices is None
            else {name: token_prices(model.name, source=self.prices) for name, model in models.items()},
        )


@click.command("run")
@takes(suite=SuiteOptions, asked=PlanOptions, how=RunOptions)
@shared("store", "pages", "debug")
def command(suite: SuiteOptions, asked: PlanOptions, how: RunOptions, store: str | None, form: str) -> int:
    """Measure how often models keep to the schemas of SUITE, and how often they are right.

    SUITE is a folder or a file, see schemas/README.md, a training set of `export`, or `builtin`. Every attempt is recorded in the store.

    \b
    schema-guard bench --model local
    schema-guard bench my_suite --model openai:gpt-5-mini --output result.json --output page.html
    schema-guard bench tasks.jsonl --sample 60 --journal run.jsonl --resume
    schema-guard bench tuning --model local --model tuned:tuning --strategy few_shot,strict_schema --sample all

    \b
    And with results, each with a --help of its own:
    schema-guard bench compare before.json after.json           what has changed?
    schema-guard bench gate after.json --baseline before.json   has it become worse?
    schema-guard bench batch write requests.jsonl               ask through a provider's batch API
    schema-guard bench engines                                  which engine enforces which schema?
    """
    outputs = [_output(name) for name in how.outputs]
    shown = _writer({"text": ".txt", "markdown": ".md", "json": ".json", "html": ".html"}[form])
    finished = _run(suite, asked, how, store)
    if finished is None:
        return 0
    result = result_of(finished)
    for path, write in outputs:
        write_private(path, write(result))
    print(shown(result).rstrip("\n"))
    return _status(finished, how.journal)


def _run(suite: SuiteOptions, asked: PlanOptions, how: RunOptions, store: str | None) -> Run | None:
    """Make the calls; None on a dry run."""
    if how.resume and how.journal is None:
        raise click.UsageError("--resume needs --journal FILE: what to go on with")
    loaded, records = suite.load(), store_of(store)
    with ExitStack() as stack:
        models, sources = asked.connect(partial(connect, max_retries=how.retries), stack)
        plan = asked.plan(loaded, models, function=how.whose(records))
        settings = how.settings(models)
        make = _executed(how.executor, sources, how.retries)
        kept = None
        if how.resume and how.journal is not None and Path(how.journal).exists():
            kept = stack.enter_context(Journal.resume(how.journal, plan))
        _tell(plan, estimate(plan, models, kept, settings.prices), None if records is None else records.url)
        if how.dry_run:
            return None
        # Begun when everything is known to be right: what is not leaves no file behind.
        if how.journal is not None and kept is None:
            kept = stack.enter_context(Journal.begin(how.journal, plan))
        # Ray says on stdout what becomes of its workers, and stdout is the result's.
        with redirect_stdout(sys.stderr), progress(len(plan.tasks) * plan.settings.epochs) as on_call:
            finished = make(
                plan,
                models,
                store=records,
                journal=kept,
                settings=settings,
                on_call=lambda one: on_call(one.column, one.is_valid),
            )
    if records is not None:
        records.flush(30.0)
    return finished


def _executed(executor: str, sources: dict[str, str], retries: int) -> Callable[..., Run]:
    """Give what carries out a plan."""
    if executor == "local":
        return run
    if executor != "ray" and not executor.startswith("ray://"):
        near = did_you_mean(executor, ["local", "ray"])
        raise click.UsageError(f"--executor {safe(executor)!r}: expected local, ray or ray://HOST:PORT{near}")
    made: Callable[..., Run] = load("executor:ray")(
        None if executor == "ray" else executor, sources, retries=retries
    )
    return made


def _tell(plan: RunPlan, expected: Estimate, url: str | None) -> None:
    """Say on stderr what is about to be asked."""
    size = f"{len(plan.tasks)} tasks x {len(plan.columns)} columns x {plan.settings.epochs} epochs"
    asked = f"{size} = {plan.calls} calls, {expected.calls} of them to make: {expected.as_text()}"
    unusable = plan.suite.refused
    refused = (
        [f"{len(unusable)} of the suite cannot be used, the first: {safe(unusable[0])}"] if unusable else []
    )
    print(
        asked,
        *plan.left_out,
        *map(safe, expected.refusals),
        *refused,
        f"records go to {url or 'no store'}",
        sep="\n",
        file=sys.stderr,
    )


def _status(finished: Run, journal: str | None) -> int:
    """Give the exit status of a run, and say on stderr why it is not 0."""
    if "interrupted" in finished.stopped:
        hint = "" if journal is None else f": go on with --journal {safe(journal)} --resume"
        print(f"schema-guard: interrupted{hint}", file=sys.stderr)
        return 2
    lost = [one for one in finished.scored if one.is_lost]
    if lost and len(lost) == len(finished.scored):
        print(f"schema-guard: no call was answered: {safe(str(lost[0].error))}", file=sys.stderr)
        return 2
    return 0


def _output(name: str) -> tuple[Path, Callable[[BenchResult], str]]:
    """Give a file for the result and what writes it; what cannot be written is an error before anything is asked."""
    path = output_path(name)
    return path, _writer(path.suffix)


def _writer(suffix: str) -> Callable[[BenchResult], str]:
    """Give what writes a result in the form that a file's name says."""
    known: dict[str, Callable[[BenchResult], str]] = {
        ".json": result_file,
        ".html": result_page,
        ".md": lambda result: as_markdown(document_of(result)) + "\n",
        ".txt": lambda result: as_text(document_of(result)) + "\n",
    }
    if suffix not in known:
        raise click.UsageError(
            f"--output: expected a name that ends in {', '.join(known)}, got {safe(suffix)!r}"
        )
    if suffix == ".html":
        # Now, and not when the calls are paid for.
        check_extra("a result as a page")
    return known[suffix]
