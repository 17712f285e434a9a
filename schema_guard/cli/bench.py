"""`bench`: models, strategies and suites, measured and compared."""

from __future__ import annotations

import json
import re
import sys
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.group import CommandGroup, command, print_json, progress, shared
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.bench.result import BenchResult
    from schema_guard.bench.run.estimate import Estimate
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.scored import Run
    from schema_guard.bench.suites.load import Suite
    from schema_guard.models import Model

# What a first look takes: two tasks of every built-in schema.
_SAMPLE = 48
_RUN = "run"
# A model under a name of the user's own: `fast=http://...`.
_ALIAS = re.compile(r"([A-Za-z0-9_.-]+)=(.+)", re.DOTALL)


class _Bench(CommandGroup):
    """`bench SUITE` is `bench run SUITE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what names no subcommand for the arguments of `run`."""
        first = args[0] if args else ""
        return super().parse_args(ctx, args if first in self.commands else [_RUN, *args])


@command.group(
    cls=_Bench,
    short_help="Measure how often models keep to schemas, and are right; compare and gate results.",
)
def bench() -> None:
    """Measure models and strategies on a suite, and compare what was measured."""


_SUITE_OPTIONS = (
    click.argument("suite", default="builtin"),
    click.option("--form", "suite_form", metavar="FORM", help="Of the suite's files, where it does not show: folder, jsonl, tasks, jsonschemabench, maskbench, bfcl, promptfoo, huggingface."),
    click.option("--schema", "suite_schema", metavar="FILE", help="The schema of a suite whose files have none."),
    click.option("--column", "suite_columns", multiple=True, metavar="OURS=THEIRS", help="What an export calls its columns: input=text, gold=label."),
)  # fmt: skip
_PLAN_OPTIONS = (
    click.option("--model", "models", multiple=True, default=("local",), show_default=True, metavar="[AS=]NAME", help="local, openai:NAME, http://HOST:PORT/v1#NAME, scripted:FILE; several times to compare, AS gives one a name of your own."),
    click.option("--strategy", "strategies", default="system_prompt,few_shot,strict_schema", show_default=True, metavar="LIST", help="Separated by commas; a>b goes on to b after a failed attempt."),
    click.option("--sample", default=str(_SAMPLE), show_default=True, metavar="N", help="How many tasks, spread over schemas and difficulties; or all."),
    click.option("--max-prompt-tokens", type=click.IntRange(min=1), metavar="N", help="Leave out tasks whose schema and text are longer."),
    click.option("--max-attempts", type=click.IntRange(min=1), default=2, show_default=True, help="Of each call."),
    click.option("--epochs", type=click.IntRange(min=1), default=1, show_default=True, help="How often each task is asked."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the sample and the order."),
)  # fmt: skip
_RUN_OPTIONS = (
    click.option("--concurrency", type=click.IntRange(min=1), default=4, show_default=True, help="Calls at once, of each model."),
    click.option("--calls-per-minute", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Requests that each model is sent."),
    click.option("--max-cost", type=float, metavar="DOLLARS", help="Begin no call beyond that; needs --prices."),
    click.option("--max-tokens", type=int, metavar="N", help="Begin no call beyond that; prompts and replies."),
    click.option("--max-seconds", type=float, metavar="N", help="Begin no call after that."),
    click.option("--target", type=float, metavar="RATE", help="Ask a column no more when its unhandled rate is proved to be on one side of that."),
    click.option("--prices", metavar="SOURCE", help="Token prices: a JSON file, litellm's price file, or genai-prices."),
    click.option("--retries", type=click.IntRange(min=0), default=4, show_default=True, help="Of a request that a busy server refuses."),
    click.option("--journal", metavar="FILE", help="Keep every reply there as it comes."),
    click.option("--resume", is_flag=True, help="Go on with the journal: what it has is not asked again."),
    click.option("--executor", default="local", show_default=True, metavar="WHERE", help="Where calls are made: local, ray, ray://HOST:PORT."),
    click.option("--dry-run", is_flag=True, help="Say what would be asked and what it may cost, and ask nothing."),
    click.option("--output", "outputs", multiple=True, type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there: .json, .html, .md or .txt; several times."),
)  # fmt: skip


def _with(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add options to a command, in this order."""

    def add(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def _suite(given: dict[str, Any]) -> Suite:
    """Load the suite that the options name, and take these out."""
    from schema_guard.bench.suites.load import load_suite  # each command imports what it needs

    columns = dict(_pair(text) for text in given.pop("suite_columns"))
    schema = given.pop("suite_schema")
    form = given.pop("suite_form")
    return load_suite(
        given.pop("suite"),
        form=form,
        schema=None if schema is None else Path(schema),
        columns=columns or None,
    )


def _pair(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not ours or not theirs:
        raise click.UsageError(f"--column {safe(text)!r}: expected OURS=THEIRS, such as input=text")
    return ours, theirs


def _plan(suite: Suite, models: Sequence[str], given: dict[str, Any]) -> RunPlan:
    """Plan the calls that the options say, and take these out."""
    from schema_guard.bench.run.plan import PlanSettings, columns_of, plan_of

    sample = given.pop("sample")
    if sample != "all" and not (sample.isdecimal() and int(sample)):
        raise click.UsageError(f"--sample {safe(sample)!r}: expected how many tasks, or all")
    strategies = dict.fromkeys(name.strip() for name in given.pop("strategies").split(",") if name.strip())
    settings = PlanSettings(
        max_attempts=given.pop("max_attempts"),
        epochs=given.pop("epochs"),
        seed=given.pop("seed"),
        sample=None if sample == "all" else int(sample),
        most_prompt_tokens=given.pop("max_prompt_tokens"),
    )
    return plan_of(suite, columns_of(models, list(strategies)), settings)


def _models(
    given: Sequence[str], connect: Callable[[str], Model], stack: ExitStack
) -> tuple[dict[str, Model], dict[str, str]]:
    """Connect models: by their names in the result, and what `connect` takes for each; *stack* closes them."""
    models: dict[str, Model] = {}
    sources: dict[str, str] = {}
    for text in given:
        alias = _ALIAS.fullmatch(text)
        source = alias[2] if alias else text
        model = stack.enter_context(connect(source))
        name = alias[1] if alias else model.name
        if name in models:
            other = f"--model second={safe(source)}"
            raise click.UsageError(
                f"there are two models named {safe(name)!r}: name one of them, as in {other}"
            )
        models[name], sources[name] = model, source
    return models, sources


@bench.command(_RUN)
@_with(*_SUITE_OPTIONS, *_PLAN_OPTIONS, *_RUN_OPTIONS)
@shared("store", "pages", "debug")
def run(store: str | None, form: str, debug: bool, **given: Any) -> int:
    """Measure how often models keep to the schemas of SUITE, and how often they are right.

    SUITE is a folder or a file, see schemas/README.md, or `builtin`. Every attempt is recorded in the store.

    \b
    schema-guard bench --model local
    schema-guard bench my_suite --model openai:gpt-5-mini --output result.json --output page.html
    schema-guard bench tasks.jsonl --sample 60 --journal run.jsonl --resume

    \b
    And with results, each with a --help of its own:
    schema-guard bench compare before.json after.json           what has changed?
    schema-guard bench gate after.json --baseline before.json   has it become worse?
    schema-guard bench batch write requests.jsonl               ask through a provider's batch API
    schema-guard bench engines                                  which engine enforces which schema?
    """
    from schema_guard.bench.result import result_of

    outputs = [_output(name) for name in given.pop("outputs")]
    shown = _writer({"text": ".txt", "markdown": ".md", "json": ".json", "html": ".html"}[form])
    journal = given["journal"]
    finished = _made(store, given)
    if finished is None:
        return 0
    result = result_of(finished)
    for path, write in outputs:
        path.write_text(write(result), encoding="utf-8")
    print(shown(result).rstrip("\n"))
    return _status(finished, journal)


def _made(store: str | None, given: dict[str, Any]) -> Run | None:
    """Make the calls; None on a dry run."""
    from schema_guard.bench.run.estimate import estimate
    from schema_guard.bench.run.journal import Journal
    from schema_guard.models import connect
    from schema_guard.records import default_store, resolve_store

    journal, resume, dry_run = (given.pop(key) for key in ("journal", "resume", "dry_run"))
    executor, retries = given.pop("executor"), given.pop("retries")
    if resume and journal is None:
        raise click.UsageError("--resume needs --journal FILE: what to go on with")
    suite = _suite(given)
    records = default_store() if store is None else resolve_store(store)
    with ExitStack() as stack:
        models, sources = _models(given.pop("models"), partial(connect, max_retries=retries), stack)
        plan = _plan(suite, list(models), given)
        settings = _settings(models, given)
        make = _executed(executor, sources, retries)
        kept = None
        if resume and Path(journal).exists():
            kept = stack.enter_context(Journal.resume(journal, plan))
        _tell(plan, estimate(plan, models, kept, settings.prices), None if records is None else records.url)
        if dry_run:
            return None
        # Begun when everything is known to be right: what is not leaves no file behind.
        if journal is not None and kept is None:
            kept = stack.enter_context(Journal.begin(journal, plan))
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


def _settings(models: dict[str, Model], given: dict[str, Any]) -> Any:
    from schema_guard.bench.run.budget import RunBudget
    from schema_guard.bench.run.runner import RunSettings
    from schema_guard.prices.tokens import token_prices

    prices = given.pop("prices")
    return RunSettings(
        concurrency=given.pop("concurrency"),
        calls_per_minute=given.pop("calls_per_minute"),
        budget=RunBudget(given.pop("max_cost"), given.pop("max_tokens"), given.pop("max_seconds")),
        target=given.pop("target"),
        # A table knows a model by its own name, whatever it is called here.
        prices={}
        if prices is None
        else {name: token_prices(model.name, source=prices) for name, model in models.items()},
    )


def _executed(executor: str, sources: dict[str, str], retries: int) -> Callable[..., Run]:
    """Give what carries out a plan."""
    if executor == "local":
        from schema_guard.bench.run.runner import run as carry_out

        return carry_out
    if executor != "ray" and not executor.startswith("ray://"):
        near = did_you_mean(executor, ["local", "ray"])
        raise click.UsageError(f"--executor {safe(executor)!r}: expected local, ray or ray://HOST:PORT{near}")
    from schema_guard.bench.run.on_ray.cluster import ray_module
    from schema_guard.bench.run.on_ray.executor import run_on_ray

    ray_module(f"executor {executor!r}")
    address = None if executor == "ray" else executor
    return partial(run_on_ray, names=sources, address=address, retries=retries)


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
    path = Path(name)
    if not path.parent.is_dir():
        raise click.UsageError(f"--output {safe(name)}: there is no folder {safe(str(path.parent))!r}")
    return path, _writer(path.suffix)


def _writer(suffix: str) -> Callable[[BenchResult], str]:
    """Give what writes a result in the form that a file's name says."""
    from schema_guard.bench import result as forms
    from schema_guard.report.as_markdown import as_markdown
    from schema_guard.report.as_text import as_text

    known: dict[str, Callable[[BenchResult], str]] = {
        ".json": forms.result_file,
        ".html": forms.result_page,
        ".md": lambda result: as_markdown(forms.document_of(result)) + "\n",
        ".txt": lambda result: as_text(forms.document_of(result)) + "\n",
    }
    if suffix not in known:
        raise click.UsageError(
            f"--output: expected a name that ends in {', '.join(known)}, got {safe(suffix)!r}"
        )
    if suffix == ".html":
        from schema_guard.report.page import check_extra

        # Now, and not when the calls are paid for.
        check_extra("a result as a page")
    return known[suffix]


def _result(name: str) -> BenchResult:
    from schema_guard.bench.result import result_from_file

    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{safe(name)}: expected a result's file: {safe(str(error))}") from error
    return result_from_file(text, name=safe(name))


def _paired(text: str | None) -> list[tuple[str, str]] | None:
    """Read which columns to compare: one name for both results, or BEFORE=AFTER."""
    if text is None:
        return None
    before, separator, after = text.partition("=")
    return [(before, after if separator else before)]


def _print(form: str, value: Any, as_json: Any, document_of: Any) -> None:
    from schema_guard.report.as_markdown import as_markdown
    from schema_guard.report.as_text import as_text

    if form == "json":
        print_json(as_json(value))
    else:
        print((as_markdown if form == "markdown" else as_text)(document_of(value)))


@bench.command(short_help="Say what has changed between two results.")
@click.argument("before")
@click.argument("after")
@click.option("--column", metavar="NAME", help="Only this column; BEFORE=AFTER where it has two names.")
@shared("markdown", "debug")
def compare(before: str, after: str, column: str | None, form: str, debug: bool) -> int:
    """Say what has changed from the result file BEFORE to AFTER: task by task, with bounds.

    Columns of the same name are compared, on the tasks that both results have.

    \b
    schema-guard bench compare before.json after.json
    schema-guard bench compare result.json result.json --column few_shot=strict_schema
    """
    from schema_guard.bench.result import compare as page

    found = page.compare(_result(before), _result(after), columns=_paired(column))
    _print(form, found, page.compare_as_json, page.document_of)
    return 0


@bench.command(short_help="Fail when a result is proved to be worse than a baseline.")
@click.argument("result")
@click.option("--baseline", required=True, metavar="FILE", help="The result that it is held against.")
@click.option(
    "--max-drop",
    type=float,
    default=0.02,
    show_default=True,
    metavar="RATE",
    help="The largest drop of a rate that is allowed.",
)
@click.option(
    "--measure",
    type=click.Choice(["valid", "right", "both"]),
    default="both",
    show_default=True,
    help="Which rates: of valid values, of right ones, or both.",
)
@click.option("--require-proof", is_flag=True, help="Also fail where a larger drop is not ruled out.")
@click.option("--column", metavar="NAME", help="Only this column; BASELINE=RESULT where it has two names.")
@shared("markdown", "debug")
def gate(
    result: str, baseline: str, max_drop: float, measure: Any, require_proof: bool, column: str | None,
    form: str, debug: bool,
) -> int:  # fmt: skip
    """Exit 1 when RESULT is proved to be worse than the baseline by more than --max-drop, with the reason.

    \b
    schema-guard bench gate after.json --baseline before.json --max-drop 0.02
    """
    from schema_guard.bench.result import gate as page

    columns = _paired(column)
    found = page.gate(
        _result(result),
        _result(baseline),
        max_drop=max_drop,
        measure=measure,
        proved=require_proof,
        columns=columns and [(after, before) for before, after in columns],
    )
    _print(form, found, page.gate_as_json, page.document_of)
    return found.exit_code()


@bench.command(short_help="Measure what constrained-decoding engines really enforce.")
@_with(*_SUITE_OPTIONS)
@click.option(
    "--engine", "names", multiple=True, metavar="NAME", help="Only this one; several times. All without it."
)
@click.option(
    "--max-seconds", type=float, default=20.0, show_default=True, help="For one schema in one engine."
)
@click.option(
    "--max-memory", type=float, default=4.0, show_default=True, metavar="GIB", help="Of an engine's process."
)
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Also write the result there, as JSON."
)
@shared("markdown", "debug")
def engines(
    names: tuple[str, ...], max_seconds: float, max_memory: float, output: str | None, form: str, debug: bool,
    **given: Any,
) -> int:  # fmt: skip
    """Say which engine enforces which schema of SUITE: compiles it, accepts what is valid, rejects what is not.

    \b
    schema-guard bench engines
    schema-guard bench engines maskbench.jsonl --engine llguidance --engine xgrammar
    """
    from schema_guard.bench import engines as measured
    from schema_guard.models import local_weights

    suite = _suite(given)
    chosen = measured.engines_of(names or None)
    limits = measured.EngineLimits(schema_s=max_seconds, memory_bytes=int(max_memory * 2**30))
    with progress(len(suite.schemas), "not supported") as on_call:
        found = measured.run_engines(
            suite,
            chosen,
            weights=local_weights(),
            limits=limits,
            on_schema=lambda one: on_call(one.engine, one.checked.is_supported is not False),
        )
    if output is not None:
        Path(output).write_text(
            json.dumps(measured.engines_as_json(found), indent=1) + "\n", encoding="utf-8"
        )
    _print(form, found, measured.engines_as_json, measured.document_of)
    return 0


@bench.group(short_help="Ask through a provider's batch API.")
def batch() -> None:
    """Write a suite's requests as a batch file, and read the replies back.

    \b
    schema-guard bench batch write requests.jsonl --model openai:gpt-5-mini --journal run.jsonl
    (upload it, wait, download the replies)
    schema-guard bench batch read replies.jsonl --model openai:gpt-5-mini --journal run.jsonl
    schema-guard bench batch write more.jsonl ...          what was not valid is asked again
    schema-guard bench --model openai:gpt-5-mini --journal run.jsonl --resume
    """


_JOURNAL = click.option("--journal", required=True, metavar="FILE", help="Where replies are kept.")


@batch.command()
@click.argument("file", type=click.Path(dir_okay=False))
@_with(*_SUITE_OPTIONS, *_PLAN_OPTIONS, _JOURNAL)
@shared("debug")
def write(file: str, journal: str, debug: bool, **given: Any) -> int:
    """Write the next attempt of every call that is not finished to FILE, as requests of OpenAI's batch API."""
    from schema_guard.bench.run.batch import batch_requests, write_requests

    with _batch_of(journal, given) as (plan, models, kept):
        requests = batch_requests(plan, models, kept)
        for path in write_requests(file, requests):
            print(f"wrote {path}")
        print(
            f"{len(requests)} requests for {plan.calls} calls"
            if requests
            else "nothing to write: every call is finished"
        )
    return 0


@batch.command()
@click.argument("file", type=click.Path(dir_okay=False))
@_with(*_SUITE_OPTIONS, *_PLAN_OPTIONS, _JOURNAL)
@shared("debug")
def read(file: str, journal: str, debug: bool, **given: Any) -> int:
    """Read FILE, the replies to a batch, into the journal; exit 1 when requests have failed."""
    from schema_guard.bench.run.batch import batch_requests, read_replies

    with _batch_of(journal, given) as (plan, models, kept):
        found = read_replies(file, plan, models, kept)
        left = len(batch_requests(plan, models, kept))
    for words in found.failed[:5]:
        print(safe(words), file=sys.stderr)
    counts = f"{found.kept} kept, {found.known} known before, {len(found.failed)} failed, {found.strange} of other runs"
    print(f"replies: {counts}")
    print(
        f"{left} calls are not finished: write their requests again"
        if left
        else "every call is finished: bench with --journal and --resume gives the result"
    )
    return 1 if found.failed else 0


@contextmanager
def _batch_of(journal: str, given: dict[str, Any]) -> Iterator[tuple[RunPlan, dict[str, Model], Any]]:
    from schema_guard.bench.run.batch import batch_model
    from schema_guard.bench.run.journal import Journal

    suite = _suite(given)
    with ExitStack() as stack:
        models, _ = _models(given.pop("models"), batch_model, stack)
        plan = _plan(suite, list(models), given)
        yield plan, models, stack.enter_context(Journal.resume(journal, plan))
