# SPDX-License-Identifier: Apache-2.0
"""What a playbook run has shown: step by step, and the verdict on all of it; as a document and as JSON.

Rules: bounds and odds are those of the verdict, so that table and verdict cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.decide.breaches import missed_target
from schema_guard.decide.measure import as_figures, state_of
from schema_guard.ext.playbook.steps import TUNED
from schema_guard.report import as_json
from schema_guard.report.decision.head import decision_facts, values_facts
from schema_guard.report.decision.words import failed, label, meaning, tone_of
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.words import NO_DATA, tokens
from schema_guard.stats import Rate
from schema_guard.text import exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.decide import Verdict


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it was measured.

    Attributes:
        step: Its name.
        strategy: How it was asked, the id that the verdict uses.
        n: Calls with a judged reply, each of another input.
        k: Of these, calls without a valid one.
        stopped: Why it ended, and after how many calls.
        attempts: Calls that reached attempt 1, 2, ... and those that failed in it.
        failure_kinds: Calls without a valid reply, by the kind of their last failure.
        lost: Calls without a judged reply, excluded from the rate.
        input_tokens: Mean of a call; None when unknown.
        output_tokens: As input_tokens.
        elapsed_s: Mean of a call, in seconds, calls running side by side; None without calls.
    """

    step: str
    strategy: str
    n: int
    k: int
    stopped: str
    attempts: tuple[tuple[int, int], ...]
    failure_kinds: Mapping[str, int]
    lost: int
    input_tokens: float | None
    output_tokens: float | None
    elapsed_s: float | None


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """A playbook run that has ended.

    Attributes:
        id: `playbook:` and an id; its calls are in the store under that, the step and the function, where one is named:
            `playbook:01234:few_shot:shop.extract`.
        schema: Name of the schema.
        schema_fingerprint: Of its content.
        function: Whose fixes were measured; None where nobody said.
        model: Name of the model.
        larger: Name of the model that the last step tries; None when there is none.
        started_at: UTC, ISO 8601.
        inputs: Different inputs at hand.
        repeated: Inputs that were left out because they came before.
        seed: Of their order.
        output_tokens: Output limit of an attempt that the playbook run started with; None for none.
        options: The provider's own arguments of every request.
        layout: Of the prompts.
        examples: The task and the value of each example that few-shot sent; empty if they were drawn from the schema.
        target: The failure rate that is good enough.
        target_source: The source of the target; empty if nobody says.
        alpha_each: Of each side of each step while running. It is that of the verdict if every step is measured.
        calls: That were begun, those without a judged reply included.
        steps: In the order in which they were run.
        ended: Why the playbook run went no further.
        evidence: What was decided on.
        verdict: What it says.
    """

    id: str
    schema: str
    schema_fingerprint: str
    function: str | None
    model: str
    larger: str | None
    started_at: str
    inputs: int
    repeated: int
    seed: int
    output_tokens: int | None
    options: Mapping[str, Any]
    layout: Layout
    examples: tuple[tuple[str | None, Any], ...]
    target: float
    target_source: str
    alpha_each: float
    calls: int
    steps: tuple[StepResult, ...]
    ended: str
    evidence: Mapping[str, Any]
    verdict: Verdict

    @property
    def is_unanswered(self) -> bool:
        """Whether calls were made and none got a reply that could be judged: the server is down, or the key is wrong."""
        return self.calls > 0 and self.ended != "interrupted" and not any(step.n for step in self.steps)


def playbook_as_json(result: PlaybookResult) -> Any:
    """Return a result as plain JSON: the names of its fields; the verdict as `Verdict.as_dict` has it."""
    return {**as_json(result), "verdict": result.verdict.as_dict()}


def document_of(result: PlaybookResult) -> Document:
    """Return a result as a document: the verdict first in plain words, then every step, and what the bounds are."""
    return Document(
        f"playbook of {result.schema} ({result.schema_fingerprint})",
        tuple(_facts(result)),
        (_steps(result), _steps_not_run(result), _in_figures(result)),
        tone=tone_of(result.verdict.as_dict()),
    )


def _facts(result: PlaybookResult) -> Iterator[Fact]:
    verdict = result.verdict.as_dict()
    yield Fact("VERDICT", f"{label(verdict)} - {meaning(verdict)}")
    for step in result.steps:
        yield Fact("measured", f"{step.step}: {_result_text(step, result)}")
    if "values" in result.evidence:
        yield from values_facts(verdict)
    yield from decision_facts(verdict)
    yield Fact("next", verdict["next_step"])
    yield Fact("ended", result.ended)
    is_shown = any(step.step == "few_shot" for step in result.steps)
    if result.examples and is_shown and "examples=" not in verdict["next_step"]:
        yield Fact("few_shot", f"sent examples={list(result.examples)!r}; pass the same examples to guard")
    if result.function:
        yield Fact("function", result.function)
    larger = f", larger model {result.larger}" if result.larger else ""
    limit = (
        "no output limit"
        if result.output_tokens is None
        else f"at most {result.output_tokens} output tokens an attempt"
    )
    yield Fact("model", f"{result.model}{larger}, {limit}")
    repeated = f" ({result.repeated} repeated inputs not counted)" if result.repeated else ""
    yield Fact(
        "inputs",
        f"{result.inputs} inputs{repeated} in the order of seed {result.seed}, {plural(result.calls, 'call')}",
    )
    source = f" ({result.target_source})" if result.target_source else ""
    yield Fact(
        "target",
        f"at most {exact_percent(result.target)} of the calls fail{source}, and each trial ends as soon as its result is clear",
    )
    yield Fact("content", verdict["content_warning"])
    yield Fact("recorded", f"as {result.id}, {result.started_at}")


def _result_text(step: StepResult, result: PlaybookResult) -> str:
    """Say in plain words how a step came out."""
    rate = _rate(step, result)
    if not step.n or rate is None:
        return "no call had a reply that could be validated"
    alpha = result.verdict.figures["config"]["alpha"]
    if rate["state"] == "fail":
        return missed_target("format", step.k, step.n, rate["lower"], result.target, alpha)
    return failed(rate, result.target, alpha)


def _rate(step: StepResult, result: PlaybookResult) -> Mapping[str, Any] | None:
    """Return the verdict's rate of a step; None of one whose calls were all lost."""
    if not step.n:
        return None
    figures = result.verdict.figures
    known: Mapping[str, Any] | None = (
        figures.get("tuned") if step.step == TUNED else figures["rates"].get(step.strategy)
    )
    if known is not None and (known["n"], known["k"]) == (step.n, step.k):
        return known
    # Evidence of a store has names of its own for the trials.
    rate = Rate.of(step.k, step.n, alpha=figures["alpha_each"])
    return as_figures(rate, state_of(rate, result.target))


def _in_figures(result: PlaybookResult) -> Section:
    verdict = result.verdict.as_dict()
    return Section(
        "In figures",
        lines=(
            verdict["why"],
            (
                f"target: at most {exact_percent(result.target)} of the calls fail; a trial stops when it proves that its rate is above or below the target (error probability {result.alpha_each:.3g})"
            ),
            f"each bound is wrong with a probability of at most {verdict['alpha_each']:.3g}, at any time",
        ),
    )


def _steps(result: PlaybookResult) -> Section:
    return Section(
        "Steps",
        table=Table(
            ("step", "failed", "failure rate", "bounds", "tokens in/out a call", "s a call"),
            tuple(_row(step, result) for step in result.steps),
        ),
        lines=tuple(line for step in result.steps for line in _details(step)),
    )


def _row(step: StepResult, result: PlaybookResult) -> tuple[str, ...]:
    rate = _rate(step, result)
    used = f"{tokens(step.input_tokens)}/{tokens(step.output_tokens)}"
    seconds = NO_DATA if step.elapsed_s is None else f"{step.elapsed_s:.2f}"
    shown = (
        (NO_DATA, NO_DATA)
        if rate is None
        else (percent(rate["rate"]), interval(rate["lower"], rate["upper"], result.target))
    )
    return step.step, f"{step.k}/{step.n}", *shown, used, seconds


def _details(step: StepResult) -> Iterator[str]:
    strategy = "" if step.strategy == step.step else f" ({step.strategy})"
    kinds = ", ".join(f"{kind} {calls}" for kind, calls in step.failure_kinds.items())
    failed = f"; failures by kind: {kinds}" if kinds else ""
    lost = f"; {step.lost} calls without a validated reply" if step.lost else ""
    yield f"{step.step}{strategy}: {step.stopped}{failed}{lost}"
    if len(step.attempts) > 1:
        counts = ", ".join(f"{failures}/{n}" for n, failures in step.attempts)
        yield f"{step.step} failed in attempt 1, 2, ...: {counts}"


def _steps_not_run(result: PlaybookResult) -> Section:
    playbook = result.verdict.as_dict()["ladder"]
    names = ", ".join(one["rung"] for one in playbook if one["status"] == "untested") or "none"
    reasons = (
        f"{one['rung']}: {one['status'].replace('_', ' ')} ({one['reason']})"
        for one in playbook
        if one["reason"]
    )
    return Section("Other steps", lines=(f"untested: {names}", *reasons))
