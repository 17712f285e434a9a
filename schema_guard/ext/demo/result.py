# SPDX-License-Identifier: Apache-2.0
"""The result of the demo as text, with the commands to type next.

Rules: each command prints the output below it when you run it on the demo's store; of a verdict, the demo prints the head.
"""

from __future__ import annotations

from dataclasses import replace
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.report import store_document as report_document
from schema_guard.report.as_text import as_text
from schema_guard.report.decision import document as decision_document
from schema_guard.text import clip, exact_percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.decide import Verdict
    from schema_guard.ext.demo.run import DemoResult
    from schema_guard.report import Report
    from schema_guard.report.document import Document
    from schema_guard.values import Outcome

_WIDTH, _BY = 110, 4


def demo_as_text(result: DemoResult, width: int | None = None) -> str:
    """Return the result of the demo as text that ends without a line break.

    Args:
        result: The result.
        width: Columns of the terminal. None for a pipe or a file.
    """
    page = _Page(width)
    parts = [
        *_function(result, page),
        *_measured(result, page),
        *_judged(result, page),
        *_playbook_result(result, page),
        *_what_to_type(result),
    ]
    return "\n\n".join(parts)


class _Page(NamedTuple):
    """Texts that fit a width, or 110 columns without one."""

    width: int | None

    def folded(self, text: str, by: int = 0) -> str:
        whole = fill(text, (self.width or _WIDTH) - by, break_long_words=False, break_on_hyphens=False)
        return indent(whole, " " * by)

    def output(self, command: str, document: Document) -> str:
        text = as_text(document, width=self.width and self.width - _BY)
        return indent(f"$ schema-guard {command}\n{text}", " " * _BY, lambda line: bool(line.strip()))


def _function(result: DemoResult, page: _Page) -> Iterator[str]:
    if result.recorded is None:
        sentence = (
            f"The model, {safe(result.model)}, runs on this machine, without a key or a GPU, in one thread."
        )
    else:
        sentence = f"With --offline, the demo uses replies that were recorded on {result.recorded}."
    yield page.folded(
        f"1. This function reads notices with a language model. One decorator guards it. {sentence}"
    )
    yield indent(result.code.rstrip(), "    ")


def _measured(result: DemoResult, page: _Page) -> Iterator[str]:
    calls = plural(sum(configuration.calls for configuration in result.measured.configurations), "call")
    yield page.folded(f"2. The demo records {calls} with different notices. How many fail, and where?")
    yield page.output("report", _report(result.measured))
    if result.failed is not None:
        lines = "\n".join(page.folded(line, _BY) for line in _failed(result.failed))
        yield f"One of the calls that failed:\n{lines}"


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


def _judged(result: DemoResult, page: _Page) -> Iterator[str]:
    yield page.folded(
        f"3. Is prompting good enough if up to {exact_percent(result.target)} of the calls may fail?"
    )
    yield page.output(f"decide --max-failure-rate {exact_percent(result.target)}", _head(result.first, page))


def _playbook_result(result: DemoResult, page: _Page) -> Iterator[str]:
    if result.playbook_result is None:
        yield page.folded("4. The demo ends here, because it can't run the fix that the verdict names.")
        return
    (step, *_) = result.playbook_result.steps
    yield page.folded(
        f"4. The demo tries this fix, {step.step}, on the same notices. It stops when the failure rate is clearly above or "
        f"below the target. Result: {safe(step.stopped)}."
    )
    yield page.output("report", _report(result.report))
    yield "5. The new verdict:"
    yield page.output("decide", _head(result.last, page))


def _head(verdict: Verdict, page: _Page) -> Document:
    return decision_document.head_of(verdict, width=page.width)


def _report(report: Report) -> Document:
    return report_document.document_of(replace(report, over_time=None))  # as the command's text has it


def _what_to_type(result: DemoResult) -> Iterator[str]:
    store = f"--store {result.store}"
    yield (
        f"The demo took {result.elapsed_s:.0f} s. To see its records again, run:\n"
        f"    schema-guard report {store}\n"
        f"    schema-guard decide {store}\n"
        f"    schema-guard decide {store} -o verdict.html   # pip install 'schema-guard[report]'"
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
