# SPDX-License-Identifier: Apache-2.0
"""`bench batch`: a suite asked through a provider's batch API."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from schema_guard.bench.run.batch import batch_model, batch_requests, read_replies, write_requests
from schema_guard.bench.run.journal import Journal
from schema_guard.cli.bench.options import PlanOptions, SuiteOptions
from schema_guard.cli.shared.options import shared, takes
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.models import Model


@click.group("batch")
def command() -> None:
    """Write a suite's requests as a batch file, and read the replies back.

    \b
    schema-guard bench batch write requests.jsonl --model openai:gpt-5-mini --journal run.jsonl
    (upload it, wait, download the replies)
    schema-guard bench batch read replies.jsonl --model openai:gpt-5-mini --journal run.jsonl
    schema-guard bench batch write more.jsonl ...          what was not valid is asked again
    schema-guard bench --model openai:gpt-5-mini --journal run.jsonl --resume
    """


_FILE = click.argument("file", type=click.Path(dir_okay=False))
_JOURNAL = click.option("--journal", required=True, metavar="FILE", help="Where replies are kept.")


@command.command()
@_FILE
@takes(suite=SuiteOptions, asked=PlanOptions)
@_JOURNAL
@shared("debug")
def write(file: str, suite: SuiteOptions, asked: PlanOptions, journal: str) -> int:
    """Write the next attempt of every call that is not finished to FILE, as requests of OpenAI's batch API."""
    with _begun(suite, asked, journal) as (plan, models, kept):
        requests = batch_requests(plan, models, kept)
        for path in write_requests(file, requests):
            print(f"wrote {path}")
        print(
            f"{len(requests)} requests for {plan.calls} calls"
            if requests
            else "nothing to write: every call is finished"
        )
    return 0


@command.command()
@_FILE
@takes(suite=SuiteOptions, asked=PlanOptions)
@_JOURNAL
@shared("debug")
def read(file: str, suite: SuiteOptions, asked: PlanOptions, journal: str) -> int:
    """Read FILE, the replies to a batch, into the journal; exit 1 when requests have failed."""
    with _begun(suite, asked, journal) as (plan, models, kept):
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


class _Begun(NamedTuple):
    plan: RunPlan
    models: dict[str, Model]
    journal: Journal


@contextmanager
def _begun(suite: SuiteOptions, asked: PlanOptions, journal: str) -> Iterator[_Begun]:
    """Give the run that the journal keeps the replies of."""
    loaded = suite.load()
    with ExitStack() as stack:
        models, _ = asked.connect(batch_model, stack)
        plan = asked.plan(loaded, models)
        yield _Begun(plan, models, stack.enter_context(Journal.resume(journal, plan)))
