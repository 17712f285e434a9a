# SPDX-License-Identifier: Apache-2.0
"""The story of the demo: measure a function, get a verdict, run the step that the verdict names, and get a new verdict.

Rules:
1. Every figure comes from the store, by the code of `report` and `decide`. So each printed command gives the output
   below it when you run it on the demo's store. Of a verdict, the demo prints the head.
2. The story expects nothing of the model. It also reports another course.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from textwrap import fill, indent
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.errors import InvalidArgument
from schema_guard.ext.demo.function import BEFORE, SHOWN, code_of, messages_of, notice_reader, notices
from schema_guard.ext.playbook.inputs import inputs_of
from schema_guard.ext.playbook.run import PlaybookRun
from schema_guard.ext.playbook.steps import CONFIGURATIONS, Models, PlaybookSettings
from schema_guard.models.scripted import ScriptedModel
from schema_guard.prompting import Example
from schema_guard.report import report_on
from schema_guard.report import store_document as report_document
from schema_guard.report.as_text import as_text
from schema_guard.report.decision import document as decision_document
from schema_guard.text import clip, exact_percent, hex_digest, plural, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.result import PlaybookResult
    from schema_guard.guarded import Guarded
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.report.document import Document
    from schema_guard.values import Outcome

OnCall: TypeAlias = "Callable[[str, bool], None]"
"""Function that gets the prompt of a call, and whether the value was valid."""

Watched: TypeAlias = "Callable[[int], AbstractContextManager[OnCall]]"
"""Function that returns the `OnCall` for a number of calls."""

# The acceptable failure rate. A few calls can decide it, and a very small model can reach it.
_TARGET = 0.1
# Calls of the function: twice as many as needed to decide that a rate of a third is above the target.
_CALLS = 40
OUTPUT_TOKENS = 128
"""Limit of tokens of a reply, the same as in the function."""
# The number of calls that the local model answers concurrently.
_AT_ONCE = 4
# One step takes 60. If another model fails it, one more step runs, but no third one.
_FIX_CALLS = 120
_WIDTH, _BY = 110, 4

FILE = Path(__file__).with_name("replies.jsonl")
"""Replies of the local model, with the hash of each prompt. The first line names the model and the day."""


def _unwatched(_: int) -> AbstractContextManager[OnCall]:
    return nullcontext(lambda *_: None)


def story(
    model: Model,
    store: Store,
    *,
    recorded: str | None = None,
    watched: Watched = _unwatched,
    width: int | None = None,
) -> Iterator[str]:
    """Run the demo, and yield the parts of its output, each as soon as it is known.

    Args:
        model: The model of the function.
        store: An empty store, so that its figures come only from this story.
        recorded: The day on which the model's replies were recorded; None if a real model is called.
        watched: Function that reports the calls.
        width: Columns of the terminal. None for a pipe or a file.

    Raises:
        InvalidArgument: The store already has calls.
        StoreError: The store can't be written or read.
    """
    began, page = monotonic(), _Page(width)
    if store.configurations():
        raise InvalidArgument(f"store {store.url} already contains calls. Name an empty store")
    reader = notice_reader(model, store)
    schema = reader.schema
    store.set_target(schema.fingerprint, _TARGET)
    inputs = inputs_of(schema, notices(), examples=[Example(value, task) for task, value in SHOWN])
    inputs = replace(inputs, before=BEFORE)
    if recorded is None:
        sentence = (
            f"The model, {safe(model.name)}, runs on this machine, without a key or a GPU, in one thread."
        )
    else:
        sentence = f"With --offline, the demo uses replies that were recorded on {recorded}."
    yield page.folded(
        f"1. This function reads notices with a language model. One decorator guards it. {sentence}"
    )
    yield indent(code_of(reader).rstrip(), "    ")
    with watched(_CALLS) as on_call:
        outcomes = _call_all(reader, inputs.tasks[:_CALLS], on_call)
    store.flush(10.0)
    yield page.folded(
        f"2. The demo records {plural(_CALLS, 'call')} with different notices. How many fail, and where?"
    )
    yield page.report(store)
    failed = min((outcome for outcome in outcomes if not outcome.ok), key=_reply_size, default=None)
    if failed is not None:
        lines = "\n".join(page.folded(line, _BY) for line in _failed(failed))
        yield f"One of the calls that failed:\n{lines}"
    yield page.folded(f"3. Is prompting good enough if up to {exact_percent(_TARGET)} of the calls may fail?")
    verdict = decide(gather(store).evidence)
    head = decision_document.head_of(verdict, width=width)
    yield page.output(f"decide --max-failure-rate {exact_percent(_TARGET)}", head)
    yield from _fix(inputs, model, store, verdict.figures.get("next_rung"), watched, page)
    yield from _what_to_type(f"--store {store.url}", monotonic() - began)


def recorded_model() -> tuple[ScriptedModel, str]:
    """Return the model whose replies were recorded, and the day of the recording, as ISO 8601."""
    about, *lines = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    replies = [(partial(_is_of, line.pop("prompt")), line) for line in lines]
    return ScriptedModel(replies, name=f"{about['model']}, recorded {about['day']}"), about["day"]


def _is_of(digest: str, prompt: str) -> bool:
    return hex_digest(prompt, 16) == digest


class _Page(NamedTuple):
    """Texts that fit a width, or 110 columns without one."""

    width: int | None

    def folded(self, text: str, by: int = 0) -> str:
        whole = fill(text, (self.width or _WIDTH) - by, break_long_words=False, break_on_hyphens=False)
        return indent(whole, " " * by)

    def output(self, command: str, document: Document) -> str:
        text = as_text(document, width=self.width and self.width - _BY)
        return indent(f"$ schema-guard {command}\n{text}", " " * _BY, lambda line: bool(line.strip()))

    def report(self, store: Store) -> str:
        return self.output("report", report_document.document_of(report_on(store)))


def _call_all(reader: Guarded[..., Any, Any], tasks: Sequence[str], on_call: OnCall) -> list[Outcome[Any]]:
    """Call the function, with as many concurrent calls as an application has."""
    outcomes = []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for outcome in threads.map(lambda task: reader.outcome(messages_of(task)), tasks):
            on_call("read_notice", outcome.ok)
            outcomes.append(outcome)
    return outcomes


def _reply_size(outcome: Outcome[Any]) -> int:
    return len(outcome.attempts[-1].reply or "")


def _failed(failed: Outcome[Any]) -> Iterator[str]:
    last, failure = failed.attempts[-1], failed.failure
    yield safe(clip(last.reply or "", _WIDTH))
    if failure is None:
        return
    if not failure.violations:
        yield f"{failure.kind} {failure.code}: {safe(failure.message)}"
    for violation in failure.violations:
        where = violation.instance_location or "(root)"
        yield f"{failure.kind} at {safe(where)}: expected {safe(violation.expected)}, got {safe(violation.actual)}"


def _fix(
    inputs: Inputs, model: Model, store: Store, step: str | None, watched: Watched, page: _Page
) -> Iterator[str]:
    """Run the step that the verdict names, if a machine can run it, and get a new verdict."""
    if step is None or step not in CONFIGURATIONS:
        yield page.folded("4. The demo ends here, because it can't run the fix that the verdict names.")
        return
    (result, *_) = _playbook_result(inputs, model, store, step, watched).steps
    yield page.folded(
        f"4. The demo tries this fix, {result.step}, on the same notices. It stops when the failure rate is clearly above or "
        f"below the target. Result: {safe(result.stopped)}."
    )
    yield page.report(store)
    yield "5. The new verdict:"
    head = decision_document.head_of(decide(gather(store).evidence), width=page.width)
    yield page.output("decide", head)


def _playbook_result(
    inputs: Inputs, model: Model, store: Store, step: str, watched: Watched
) -> PlaybookResult:
    settings = PlaybookSettings(
        target=_TARGET,
        first=step,
        output_tokens=OUTPUT_TOKENS,
        concurrency=_AT_ONCE,
        max_calls=_FIX_CALLS,
    )
    with watched(len(inputs.tasks)) as on_call:
        result = PlaybookRun(inputs, Models(model), store, settings).to_end(
            lambda call: on_call(call.step, call.outcome is not None and call.outcome.ok)
        )
    store.flush(10.0)
    return result


def _what_to_type(store: str, elapsed_s: float) -> Iterator[str]:
    yield (
        f"The demo took {elapsed_s:.0f} s. To see its records again, run:\n"
        f"    schema-guard report {store}\n"
        f"    schema-guard decide {store}\n"
        f"    schema-guard decide {store} -o verdict.html   # needs: pip install 'schema-guard[report]'"
    )
    yield (
        "To guard your own code:\n"
        "    from schema_guard import guard\n"
        "    @guard(Invoice)                        # a Pydantic model, a dataclass, a JSON Schema, or its path\n"
        "    def extract(prompt: str):\n"
        "        return client.responses.create(model=MODEL, input=prompt)   # or your own call\n"
        "  Then, after some calls, run:\n"
        "    schema-guard report\n"
        "    schema-guard decide --max-failure-rate 1%"
    )
