# SPDX-License-Identifier: Apache-2.0
"""`bench run --playbook`: try the fixes of the playbook, one after the other."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.cli.bench.models import or_function, stand_in
from schema_guard.cli.bench.options import RETRIES
from schema_guard.cli.shared.forms import json_text, rendered, write_output
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import is_given, json_file, key_value, naming, reasoned, store_of
from schema_guard.cli.shared.progress import progress
from schema_guard.cli.shared.repeated import aims_of, repeated
from schema_guard.configuration.project import setting
from schema_guard.decide.playbook import DECISION, STEPS
from schema_guard.decide.recorded.configurations import step_of
from schema_guard.decide.recorded.from_store import gather, targets_of
from schema_guard.decide.recorded.layouts import RecordedRequests
from schema_guard.ext.playbook.missing import (
    Missing,
    inputs_needed,
    missing_as_json,
    missing_document,
    skipping_command,
)
from schema_guard.ext.playbook.result import document_of, playbook_as_json
from schema_guard.ext.playbook.run import ImpossibleStep, PlaybookRun
from schema_guard.ext.playbook.sources import PlaybookArguments, names_decisions, sources_of
from schema_guard.ext.playbook.steps import (
    LARGER,
    LIMITED,
    SIMPLIFY,
    SMALLER,
    STRATEGIES,
    Models,
    PlaybookSettings,
)
from schema_guard.models import connect
from schema_guard.prices.costs import CallTokens, token_prices
from schema_guard.records.urls import storing_line
from schema_guard.text import did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.cli.bench.options import PlanOptions, PlaybookOptions, RunOptions, SuiteOptions
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.result import PlaybookResult
    from schema_guard.ext.playbook.sources import PlaybookSources
    from schema_guard.models import Model
    from schema_guard.prices.costs import TokenPrices
    from schema_guard.records import Store
    from schema_guard.report.document import Document

_TARGET, _ALPHA, _REPLY_TOKENS = 0.01, 0.05, 256
# Names of arguments, as the errors of this part begin with them.
_OPTIONS = {"step": "--first-step", "first": "--first-step", "extra": "--with", "inputs": "--inputs"}


def run_command(
    suite: SuiteOptions,
    asked: PlanOptions,
    how: RunOptions,
    steps: PlaybookOptions,
    store: str | None,
    outputs: Sequence[tuple[Path | None, str]],
) -> int:
    """Try the fixes on a model, each on the same inputs, and print the verdict.

    Args:
        suite: The suite, and the schema.
        asked: The models, the number of inputs, and the seed of their order.
        how: The limits and the function.
        steps: The options of the playbook.
        store: URL of the store; None for the default store.
        outputs: Files and their forms; stdout is None.

    Returns:
        The exit status.
    """
    with naming(**_OPTIONS):
        given = PlaybookArguments(suite, asked, how, steps, store_of(store))
        found = sources_of(given)
        given = given._replace(steps=_with_step_in_use(steps, found))
        missing = (*found.missing, *(_unnamed(given.steps, found) if found.recorded else ()))
        if missing or found.inputs is None:
            return _show_missing(_lacking(given, found, missing), outputs)
        settings = _settings(given, found)
        models = _connected(
            found.models,
            steps.larger,
            or_function(stand_in if how.dry_run else partial(connect, max_retries=RETRIES)),
        )
        try:
            run = PlaybookRun(found.inputs, models, None if how.dry_run else given.records, settings)
        except ImpossibleStep as error:
            if found.recorded is None or given.records is None:
                raise
            schema = found.recorded.fingerprint
            skipping = skipping_command(given.records, found.function, schema, error.step, error.reason)
            lacking = Missing((f"{error.step}: {error.reason}",), found.function, skipping=skipping)
            return _show_missing(lacking, outputs)
        plan = _plan(found, run, how.prices, given.records)
        if how.dry_run:
            print(*map(safe, plan), "dry run: nothing was sent", sep="\n")
            return 0
        note(*plan)
        return _show(_measured(run, given.records), outputs)


def _plan(found: PlaybookSources, run: PlaybookRun, source: str | None, records: Store | None) -> list[str]:
    """Return the lines that describe the calls to make."""
    models = [model for model in run.models if model is not None]
    prices = [] if source is None else [token_prices(model.name, source=source) for model in models]
    settings = run.settings
    whose = f" for {settings.function}" if settings.function else ""
    return [
        f"model {', '.join(found.models)}: {plan_text(run, prices)}",
        *([] if settings.layout == "turns" else [f"layout of the prompts: {settings.layout}"]),
        f"store for the records: {records.url if records else 'none'}{whose}",
    ]


def _measured(run: PlaybookRun, records: Store | None) -> PlaybookResult:
    """Make the calls, and store the declined steps."""
    with progress(len(run.inputs.tasks)) as on_call:
        result = run.to_end(lambda one: on_call(one.step, one.outcome is not None and one.outcome.ok))
    if records is not None:
        _store_declined(records, run.inputs, run.settings)
    return result


def _with_step_in_use(steps: PlaybookOptions, found: PlaybookSources) -> PlaybookOptions:
    """Return the options of a trial of another model or an argument. It uses the step that the function uses now."""
    is_named = {SMALLER: is_given("models"), LIMITED: bool(steps.options)}
    if found.recorded is None or not is_named.get(steps.first_step):
        return steps
    return replace(steps, first_step=_step_in_use(found))


def _step_in_use(found: PlaybookSources) -> str:
    """Return the step that a function uses if it is a strategy, otherwise the first strategy."""
    rows = () if found.recorded is None else found.recorded.rows
    used = step_of(rows[0].strategies.partition(">")[0]) if rows else ""
    return used if used in STRATEGIES else STRATEGIES[0]


def _unnamed(steps: PlaybookOptions, found: PlaybookSources) -> Iterator[str]:
    """Yield the needs of the first step that the command line does not name."""
    if steps.first_step == LARGER and steps.larger is None:
        yield "the larger model (name it with --larger)"
    elif steps.first_step == SMALLER:
        yield "the smaller model (name it with --model)"
    elif steps.first_step == DECISION:
        if not any(map(names_decisions, found.models)):
            yield "the decision model (name it with --model, for example openai-decisions:NAME)"
        if found.inputs is None or not found.inputs.answers:
            yield (
                'right answers, to compare the values (--inputs FILE.jsonl, with lines such as {"input": "...", "gold": {...}})'
            )
    elif steps.first_step == LIMITED:
        yield "the argument that limits reasoning (name it with --option KEY=VALUE)"
    elif steps.first_step == SIMPLIFY:
        yield f"{SIMPLIFY}: this step needs your own work; simplify the schema, and start with another --first-step"


def _aims(given: PlaybookArguments) -> dict[str, Any]:
    """Return the aims that the options name."""
    return {**aims_of(given.steps), **aims_of(given.run)}


def _lacking(given: PlaybookArguments, found: PlaybookSources, missing: Sequence[str]) -> Missing:
    """Return the missing parts of the playbook, with the figures for the time to collect inputs if known."""
    lacking = Missing(tuple(missing), found.function)
    if found.kept_texts is None or given.records is None or found.recorded is None:
        return lacking
    gathered = gather(
        given.records,
        schema=found.recorded.fingerprint,
        function=found.function,
        extra={"config": _aims(given)},
        **given.steps.filters(),
    ).evidence
    aims = gathered["config"]
    return lacking._replace(
        calls=sum(row.calls for row in found.recorded.rows),
        texts=found.kept_texts,
        needed=inputs_needed(
            aims.get("target", _TARGET), aims.get("alpha", _ALPHA) / (len(gathered["strategies"]) + 1)
        ),
        calls_per_month=gathered.get("calls_per_month"),
        storing=storing_line(given.records),
    )


def _show_missing(lacking: Missing, outputs: Sequence[tuple[Path | None, str]]) -> int:
    """Print and write the missing parts of a playbook. Return 1, because something has to be done."""
    _write(missing_document(lacking), lambda: missing_as_json(lacking), outputs)
    return 1


def _repeated(given: PlaybookArguments, found: PlaybookSources) -> dict[str, list[str]]:
    """Return the options that the next command needs too."""
    steps = given.steps
    files = {"with": steps.given, "prices": given.run.prices, "inputs": steps.inputs}
    if is_given("suite"):
        files["suite"] = given.suite.suite
    if found.recorded is None:
        files["schema"] = given.suite.suite_schema
    named = list(given.plan.models) if is_given("models") else None
    return repeated(steps, files=files, others={"model": named, "option": list(steps.options)})


def _connected(named: Sequence[str], larger: str | None, connect: Callable[[str], Model]) -> Models:
    models = [connect(name) for name in named]
    tuned = [model for model in models if getattr(model, "tuned", False)]
    decisions = [model for model in models if model.capabilities == {"decision"}]
    others = [model for model in models if model not in (*tuned, *decisions)]
    if len(others) != 1 or len(tuned) > 1 or len(decisions) > 1:
        raise click.UsageError(
            f"--model {', '.join(map(safe, named))}: expected one model for --playbook, plus at most one tuned model (tuned:DIR) and at most one decision model"
        )
    return Models(
        others[0],
        None if larger is None else connect(larger),
        tuned[0] if tuned else None,
        decisions[0] if decisions else None,
    )


def _settings(given: PlaybookArguments, found: PlaybookSources) -> PlaybookSettings:
    steps, records, config = given.steps, given.records, _aims(given)
    if steps.first_step not in STEPS:
        raise click.UsageError(
            f"--first-step {safe(steps.first_step)!r}: expected one of {', '.join(STEPS)}{did_you_mean(steps.first_step, STEPS)}"
        )
    assert found.inputs is not None
    extra = {} if steps.given is None else json_file(steps.given)
    in_file = extra.pop("config", {})
    if not isinstance(in_file, dict):
        raise click.UsageError(
            f"--with {safe(str(steps.given))}: expected a JSON object under the key 'config'"
        )
    aims = {**in_file, **config}
    stored = [] if records is None else targets_of(records, found.inputs.schema.fingerprint, found.function)
    schema = found.inputs.schema
    known = given.plan.requests([schema], records, found.function, steps.filters())
    requests = known.get(schema.fingerprint, RecordedRequests("turns", _REPLY_TOKENS))
    configured = setting("max_failure_rate").value
    source = "default" if configured is None else "pyproject.toml"
    if stored:
        source = f"stored on {datetime.fromtimestamp(stored[-1].at, UTC).date().isoformat()}"
    if "target" in aims:
        source = "--max-failure-rate" if "target" in config else str(steps.given)
    return PlaybookSettings(
        target=aims.pop("target", stored[-1].target if stored else configured or _TARGET),
        target_source=source,
        alpha=aims.pop("alpha", _ALPHA),
        first=steps.first_step,
        baseline=_step_in_use(found) if steps.first_step == DECISION else None,
        declined=dict(reasoned(text, STEPS) for text in steps.decline),
        extra={**extra, **({"config": aims} if aims else {})},
        output_tokens=steps.reply_tokens or requests.output_tokens,
        options=dict(map(key_value, steps.options)),
        max_calls=steps.max_calls,
        max_seconds=given.run.max_time,
        function=found.function,
        layout=requests.layout,
        priority=steps.priority,
        filters=steps.filters(),
        concurrency=given.run.concurrency,
        repeated=_repeated(given, found),
    )


def _store_declined(records: Store, inputs: Inputs, settings: PlaybookSettings) -> None:
    """Store the declined steps, because `decide` needs them for a verdict on these calls."""
    records.flush(10.0)
    for step, reason in settings.declined.items():
        records.declare_step(inputs.schema.fingerprint, step, "declined", reason, function=settings.function)


def _show(result: PlaybookResult, outputs: Sequence[tuple[Path | None, str]]) -> int:
    """Print and write the result, and return the exit status."""
    _write(document_of(result), lambda: playbook_as_json(result), outputs)
    if result.is_unanswered:
        reason = result.ended or "the provider refuses the request"
        print(f"schema-guard: no call returned a reply to validate: {safe(reason)}", file=sys.stderr)
        return 2
    return result.verdict.exit_code()


def _write(document: Document, plain: Callable[[], Any], outputs: Sequence[tuple[Path | None, str]]) -> None:
    """Print a document, and write it to its files."""
    for path, form in outputs:
        write_output(path, rendered(form, lambda: document, as_json=lambda: json_text(plain()), output=path))


def plan_text(run: PlaybookRun, prices: Sequence[TokenPrices] = ()) -> str:
    """Return the most calls, tokens, and dollars of a playbook in one line. Nothing is called."""
    inputs, settings, ahead = run.inputs, run.settings, run.ahead()
    calls = len(ahead) * len(inputs.tasks)
    calls = calls if settings.max_calls is None else min(calls, settings.max_calls)
    attempts = calls * max(one.max_attempts for one in ahead)
    limits = [one.output_tokens for one in ahead if one.output_tokens is not None]
    shown = sum(estimated_tokens([one.value, one.task]) for one in inputs.examples)
    texts = [estimated_tokens(task) for task in inputs.tasks]
    prompt = estimated_tokens(inputs.schema.document) + shown + sum(texts) // len(texts)
    text = (
        f"{len(inputs.tasks)} inputs x at most {len(ahead)} steps: at most {calls:,} calls, about {prompt:,} prompt "
        "tokens per attempt, "
    )
    if not limits:
        return f"{text}no output limit"
    text += f"at most {attempts * max(limits):,} output tokens"
    if not prices:
        return text
    dollars = attempts * max(one.cost(CallTokens(prompt, 0, max(limits))) for one in prices)
    return f"{text}, at most about ${dollars:.2f}"
