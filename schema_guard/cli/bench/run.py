# SPDX-License-Identifier: Apache-2.0
"""`bench run`: measure models and strategies on a suite."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stdout
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema_guard.cli.bench.options import RETRIES, PlanOptions, PlaybookOptions, RunOptions, SuiteOptions
from schema_guard.cli.shared.forms import FORMS, rendered, write_output
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import build_command, output_path, refuse, shared, store_of, takes
from schema_guard.extensions import load
from schema_guard.text import did_you_mean, plural, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.bench.result.values import BenchResult
    from schema_guard.bench.run.estimate import Estimate
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.scored_call import Run
    from schema_guard.records import Store

# Options that have no effect on the steps of a playbook.
_NOT_IN_PLAYBOOK = {
    **dict.fromkeys(
        ("strategies", "max_attempts", "epochs"),
        "has no effect with --playbook, whose steps decide this. Omit it",
    ),
    "max_cost": "does not work with --playbook. Use --max-calls or --max-time",
    **dict.fromkeys(
        ("calls_per_minute", "journal", "resume", "executor"),
        "does not work with --playbook. Omit it",
    ),
}


@build_command("run")
@takes(suite=SuiteOptions, asked=PlanOptions, how=RunOptions, steps=PlaybookOptions)
@shared("store", "pages")
def command(
    suite: SuiteOptions,
    asked: PlanOptions,
    how: RunOptions,
    steps: PlaybookOptions,
    store: str | None,
    form: str,
) -> int:
    """Measure how often models return valid and right values for the tasks of SUITE.

    SUITE is a built-in suite (`small`, `long`, `tools`, or `real`), a file or folder of tasks, or a
    training set that `tune prepare` wrote. `schema-guard help bench run` shows how to write a file of tasks. The command
    records every attempt in the store.

    \b
    Exit status:
      0  the result is printed
      1  with --playbook: as `decide`
      2  wrong usage, interrupted, or no call was answered

    \b
    schema-guard bench run --model local
    schema-guard bench run my_suite --model openai:gpt-5-mini -o page.html
    schema-guard bench run tasks.jsonl --model a=openai:gpt-5 --model b=local
    schema-guard bench run --playbook --schema ticket --max-failure-rate 10%
    """
    if steps.playbook:
        for name, reason in _NOT_IN_PLAYBOOK.items():
            refuse(reason, [name])
        run_playbook: Callable[..., int] = load("option:--playbook")
        return run_playbook(suite, asked, how, steps, store, _outputs(how, form))
    refuse("needs --playbook", [one.name for one in fields(PlaybookOptions)])
    outputs = _outputs(how, form)
    finished = _run(suite, asked, how, store)
    if finished is None:
        return 0
    from schema_guard.bench.result.figures import result_of

    result = result_of(finished)
    _show(result, outputs, store)
    return _status(finished, how.journal)


def _show(result: BenchResult, outputs: list[tuple[Path | None, str]], store: str | None) -> None:
    """Write a result to its files and to stdout."""
    from schema_guard.bench.result.as_json import result_file
    from schema_guard.bench.result.document import document_of
    from schema_guard.bench.result.page import result_page

    records = store_of(store)
    url = None if records is None else records.url
    for path, form in outputs:
        text = rendered(
            form,
            lambda: document_of(result, url),
            as_json=lambda: result_file(result),
            as_page=lambda: result_page(result, store=url),
            output=path,
        )
        write_output(path, text)


def _run(suite: SuiteOptions, asked: PlanOptions, how: RunOptions, store: str | None) -> Run | None:
    """Make the calls, and return their result. None in a dry run."""
    from schema_guard.bench.run.estimate import estimate
    from schema_guard.bench.run.journal import Journal
    from schema_guard.cli.bench.models import or_function, stand_in
    from schema_guard.models import connect

    if how.resume and how.journal is None:
        raise click.UsageError("--resume needs --journal FILE, which names the file to continue")
    loaded, records = suite.load(), store_of(store)
    with ExitStack() as stack:
        models, sources = asked.connect(
            or_function(stand_in if how.dry_run else partial(connect, max_retries=RETRIES)), stack
        )
        whose = how.whose(records)
        plan = asked.plan(loaded, models, function=whose, records=records)
        settings = how.settings(models)
        make = _executed(how.executor, sources)
        kept = None
        if how.resume and how.journal is not None and Path(how.journal).exists():
            kept = stack.enter_context(Journal.resume(how.journal, plan))
        url = None if records is None else records.url
        lines = [
            *_plan_lines(plan, estimate(plan, models, kept, settings.prices), url),
            *_uncounted(plan, records),
        ]
        if how.dry_run:
            print(*map(safe, lines), "dry run: nothing was sent", sep="\n")
            return None
        note(*lines)
        # Started once every check has passed, so that an error leaves no file behind.
        if how.journal is not None and kept is None:
            kept = stack.enter_context(Journal.begin(how.journal, plan))
        from schema_guard.cli.shared.progress import progress

        # Ray prints the state of its workers to stdout, which is for the result.
        with redirect_stdout(sys.stderr), progress(len(plan.tasks) * plan.settings.epochs) as on_call:
            finished = make(
                plan,
                models,
                store=records,
                journal=kept,
                settings=settings,
                on_call=lambda one: on_call(plan.variants[one.variant].name, one.is_valid),
            )
    if records is not None:
        records.flush(30.0)
    return finished


def _executed(executor: str, sources: dict[str, str]) -> Callable[..., Run]:
    """Return the function that makes the calls of a plan."""
    if executor == "local":
        from schema_guard.bench.run.runner import run

        return run
    if executor != "ray" and not executor.startswith("ray://"):
        near = did_you_mean(executor, ["local", "ray"])
        raise click.UsageError(
            f"--executor {safe(executor)!r}: expected local, ray, or ray://HOST:PORT{near}"
        )
    made: Callable[..., Run] = load("executor:ray")(
        None if executor == "ray" else executor, sources, retries=RETRIES
    )
    return made


def _uncounted(plan: RunPlan, records: Store | None) -> Iterator[str]:
    """Yield the schemas whose results will not count for the function, because it has no calls with their content."""
    function = plan.settings.function
    if function is None or records is None:
        return
    known = {row.schema_fingerprint for row in records.names() if row.function == function}
    others = {entry.name: entry.schema.fingerprint for entry, _ in plan.tasks}
    unknown = [f"{name} ({content})" for name, content in others.items() if content not in known]
    if unknown:
        contents = ", ".join(sorted(known)) or "no recorded call"
        yield f"results of {', '.join(unknown)} do not count for {function}, which has calls with {contents}"


def _plan_lines(plan: RunPlan, expected: Estimate, url: str | None) -> Iterator[str]:
    """Yield the lines that describe the calls to make."""
    tasks, variants = plural(len(plan.tasks), "task"), plural(len(plan.variants), "variant")
    size = f"{tasks} x {variants} x {plural(plan.settings.epochs, 'epoch')}"
    yield f"{size} = {plural(plan.calls, 'call')}. Calls to make: {expected.calls}, with {expected.as_text()}"
    for layout, schemas in _other_layouts(plan).items():
        yield f"layout of the prompts for {', '.join(schemas)}: {layout}"
    unlimited = [
        entry.name
        for entry in plan.suite.schemas
        if any(plan.output_limit(entry, task) is None for task in entry.tasks_of("test"))
    ]
    if unlimited:
        yield f"no output limit for {', '.join(unlimited)}, as in the recorded calls, so replies may be longer"
    yield from plan.left_out
    yield from expected.refusals
    yield "calls are not recorded" if url is None else f"store for the records: {url}"


def _other_layouts(plan: RunPlan) -> dict[str, list[str]]:
    """Return the layouts other than `turns`, and the schemas that have them."""
    layouts: dict[str, list[str]] = {}
    for entry in plan.suite.schemas:
        layouts.setdefault(plan.layout(entry), []).append(entry.name)
    return {layout: names for layout, names in layouts.items() if layout != "turns"}


def _status(finished: Run, journal: str | None) -> int:
    """Return the exit status of a run, and print the reason if it is not 0."""
    if "interrupted" in finished.setup.stopped:
        hint = "" if journal is None else f". To continue, add --journal {safe(journal)} --resume"
        print(f"schema-guard: interrupted{hint}", file=sys.stderr)
        return 2
    lost = [one for one in finished.calls if one.is_lost]
    if lost and len(lost) == len(finished.calls):
        print(f"schema-guard: no call returned a reply: {safe(str(lost[0].error))}", file=sys.stderr)
        return 2
    return 0


def _outputs(how: RunOptions, form: str) -> list[tuple[Path | None, str]]:
    """Return the files for the result with their forms, and stdout (None) with *form*.

    A file that cannot be written is an error before the first call.
    """
    outputs: list[tuple[Path | None, str]] = []
    for name in how.outputs:
        path = output_path(name)
        if path.suffix not in FORMS:
            raise click.UsageError(
                f"--output: expected a name that ends in {', '.join(FORMS)}, got {safe(path.suffix)!r}"
            )
        outputs.append((path, FORMS[path.suffix]))
    outputs.append((None, form))
    if any(one == "html" for _, one in outputs):
        from schema_guard.report.page import check_extra

        check_extra("a result as a page")
    return outputs
