# SPDX-License-Identifier: Apache-2.0
"""`bench run --write-batch` and `--read-batch`: calls through a provider's batch API."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.run.batch import batch_model, batch_requests, read_replies, write_requests
from schema_guard.bench.run.journal import Journal
from schema_guard.cli.shared.notes import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.cli.bench.options import PlanOptions, SuiteOptions
    from schema_guard.models import Model

__all__ = ["read_batch", "write_batch"]


def write_batch(file: str, suite: SuiteOptions, asked: PlanOptions, journal: str) -> int:
    """Write the next attempt of every unfinished call to a file, as requests of OpenAI's batch API."""
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


def read_batch(file: str, suite: SuiteOptions, asked: PlanOptions, journal: str) -> int:
    """Read the replies to a batch into the journal. Return 1 if requests failed."""
    with _begun(suite, asked, journal) as (plan, models, kept):
        found = read_replies(file, plan, models, kept)
        left = len(batch_requests(plan, models, kept))
    note(*found.failed[:5])
    counts = f"{found.stored} stored, {found.already_stored} already known, {len(found.failed)} failed, {found.strange} of other runs"
    print(f"replies: {counts}")
    print(
        f"{left} calls are not finished: write their requests with --write-batch"
        if left
        else f"every call is finished: `bench run` with --journal {journal} --resume shows the result"
    )
    return 1 if found.failed else 0


class _Begun(NamedTuple):
    plan: RunPlan
    models: dict[str, Model]
    journal: Journal


@contextmanager
def _begun(suite: SuiteOptions, asked: PlanOptions, journal: str) -> Iterator[_Begun]:
    """Open the journal of a run."""
    loaded = suite.load()
    with ExitStack() as stack:
        models, _ = asked.connect(batch_model, stack)
        plan = asked.plan(loaded, models)
        yield _Begun(plan, models, stack.enter_context(Journal.resume(journal, plan)))
