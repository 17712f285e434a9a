# SPDX-License-Identifier: Apache-2.0
"""The story: a function is measured and judged, the step that the verdict names is run, and it is judged again.

Rules: every figure is read from the store, by what `report` and `decide` read it with, so that these commands give
the same figures afterwards; nothing is expected of the model, and a story that comes out otherwise is told so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.errors import InvalidArgument
from schema_guard.ext.demo.function import BEFORE, SHOWN, code_of, messages_of, notice_reader, notices
from schema_guard.ext.playbook.inputs import inputs_of
from schema_guard.ext.playbook.run import run_playbook
from schema_guard.ext.playbook.settings import PlaybookSettings
from schema_guard.ext.playbook.steps import CONFIGURATIONS
from schema_guard.prompting import Example
from schema_guard.report import report_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.decide import Verdict
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.result import PlaybookResult
    from schema_guard.guarded import Guarded
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.report import Report
    from schema_guard.values import Outcome

OnCall: TypeAlias = "Callable[[str, bool], None]"
"""Is told what was asked, and whether it gave a valid value."""

Watched: TypeAlias = "Callable[[int], AbstractContextManager[OnCall]]"
"""Gives who is told of so many calls."""

TARGET = 0.1
"""The failure rate that is good enough: few calls decide it, and a very small model can reach it."""

CALLS = 40
"""Of the function; twice as many as decide a rate of a third against the target."""

# As the function has it, and as many at once as the local model answers.
OUTPUT_TOKENS = 128
_AT_ONCE = 4

# One step takes 60. Should another model fail at it, one more is run, and no third.
FIX_CALLS = 120


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The story as it went.

    Attributes:
        store: URL of the store that holds its records.
        model: Name of the model that was asked.
        recorded: The day on which its replies were recorded; None when it was really asked.
        code: Source of the function.
        target: The failure rate that is good enough.
        measured: The report when the function had been called.
        failed: Of the calls that failed the one with the shortest last reply; None when there was none.
        first: The verdict on the function.
        playbook_result: What the step has shown that the verdict named; None when it named none.
        report: The report at the end.
        last: The verdict at the end.
        elapsed_s: Of the whole, in seconds.
    """

    store: str
    model: str
    recorded: str | None
    code: str
    target: float
    measured: Report
    failed: Outcome[Any] | None
    first: Verdict
    playbook_result: PlaybookResult | None
    report: Report
    last: Verdict
    elapsed_s: float


def _unwatched(_: int) -> AbstractContextManager[OnCall]:
    return nullcontext(lambda *_: None)


def run_demo(
    model: Model, store: Store, *, recorded: str | None = None, watched: Watched = _unwatched
) -> DemoResult:
    """Run the story from its beginning to its end.

    Args:
        model: Whom to ask; it is closed at the end.
        store: Where it is recorded: an empty one, so that its figures are those of this story alone.
        recorded: The day on which the model's replies were recorded; None when it is really asked.
        watched: Is told of the calls.

    Raises:
        InvalidArgument: The store holds calls already.
        StoreError: The store cannot be written or read.
    """
    began = monotonic()
    if store.configurations():
        raise InvalidArgument(f"store {store.url} already contains calls. Name an empty store")
    reader = notice_reader(model, store)
    schema = reader.schema
    store.set_target(schema.fingerprint, TARGET)
    inputs = inputs_of(schema, notices(), examples=[Example(value, task) for task, value in SHOWN])
    inputs = replace(inputs, before=BEFORE)
    with watched(CALLS) as on_call:
        outcomes = _call_all(reader, inputs.tasks[:CALLS], on_call)
    store.flush(10.0)
    measured, first = report_on(store), decide(gather(store).evidence)
    playbook_result = _playbook_result(inputs, model, store, first, watched)
    model.close()
    return DemoResult(
        store=store.url,
        model=model.name,
        recorded=recorded,
        code=code_of(reader),
        target=TARGET,
        measured=measured,
        failed=min((outcome for outcome in outcomes if not outcome.ok), key=_reply_size, default=None),
        first=first,
        playbook_result=playbook_result,
        report=report_on(store, hours=True),
        last=decide(gather(store).evidence),
        elapsed_s=monotonic() - began,
    )


def _call_all(reader: Guarded[..., Any, Any], tasks: Sequence[str], on_call: OnCall) -> list[Outcome[Any]]:
    """Call the function, with as many calls side by side as an application has."""
    outcomes = []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for outcome in threads.map(lambda task: reader.outcome(messages_of(task)), tasks):
            on_call("read_notice", outcome.ok)
            outcomes.append(outcome)
    return outcomes


def _reply_size(outcome: Outcome[Any]) -> int:
    return len(outcome.attempts[-1].reply or "")


def _playbook_result(
    inputs: Inputs, model: Model, store: Store, verdict: Verdict, watched: Watched
) -> PlaybookResult | None:
    """Try the step that a verdict names; None when it names none that a machine can run."""
    step: str | None = verdict.figures.get("next_rung")
    if step is None or step not in CONFIGURATIONS:
        return None
    settings = PlaybookSettings(
        target=TARGET,
        first=step,
        output_tokens=OUTPUT_TOKENS,
        concurrency=_AT_ONCE,
        max_calls=FIX_CALLS,
    )
    with watched(len(inputs.tasks)) as on_call:
        result = run_playbook(
            inputs,
            model,
            store=store,
            settings=settings,
            on_asked=lambda call: on_call(call.step, call.outcome is not None and call.outcome.ok),
        )
    store.flush(10.0)
    return result
