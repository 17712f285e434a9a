# SPDX-License-Identifier: Apache-2.0
"""The result of a playbook run, step by step, and the verdict on all steps, as a document and as JSON.

Rule: bounds and odds are those of the verdict, so that table and verdict can't disagree.
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
    """The measurements of one step.

    Attributes:
        step: Name of the step.
        strategy: Id of its configuration, as the verdict uses it.
        n: Number of calls with a validated reply, each for another input.
        k: Number of these without a valid reply.
        stopped: Why it ended, and after how many calls.
        attempts: Number of calls that reached attempt 1, 2, ..., and of those that failed in it.
        failure_kinds: Calls without a valid reply, by the kind of their last failure.
        lost: Number of calls without a validated reply, excluded from the rate.
        input_tokens: Mean per call; None if unknown.
        output_tokens: Mean per call; None if unknown.
        elapsed_s: Mean seconds per call, while calls run concurrently; None without calls.
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
    """The result of a playbook run.

    Attributes:
        id: `playbook:` and an id. The store has its calls under this id, the step, and the function if it is named:
            `playbook:01234:few_shot:shop.extract`.
        schema: Name of the schema.
        schema_fingerprint: Fingerprint of its content.
        function: Function whose fixes were measured; None if not named.
        model: Name of the model.
        larger: Name of the larger model; None without one.
        started_at: UTC, ISO 8601.
        inputs: Number of different inputs.
        repeated: Number of inputs left out because they were repeated.
        seed: Seed of their order.
        output_tokens: Output limit of an attempt at the start of the run; None for none.
        options: The provider's own arguments of every request.
        layout: Layout of the prompts.
        examples: The task and the value of each example that few-shot sent; empty if they were drawn from the schema.
        target: The acceptable failure rate.
        target_source: The source of the target; empty if unknown.
        alpha_each: Alpha of each side of each step while running. It is that of the verdict if every step is measured.
        calls: Number of calls begun, including those without a validated reply.
        steps: The steps, in the order in which they ran.
        ended: Why the run ended.
        evidence: The evidence for the verdict.
        verdict: The verdict.
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
        """Whether calls were made, but no reply could be validated, because the server is down or the key is wrong."""
        return self.calls > 0 and self.ended != "interrupted" and not any(step.n for step in self.steps)


def playbook_as_json(result: PlaybookResult) -> Any:
    """Return a result as plain JSON, by its field names. The verdict has the form of `Verdict.as_dict`."""
    return {**as_json(result), "verdict": result.verdict.as_dict()}


def document_of(result: PlaybookResult) -> Document:
    """Return a result as a document: the verdict in plain words, then every step, and the meaning of the bounds."""
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
        else f"at most {result.output_tokens} output tokens per attempt"
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
    """Return the result of a step in plain words."""
    rate = _rate(step, result)
    if not step.n or rate is None:
        return "no call had a reply that could be validated"
    alpha = result.verdict.figures["config"]["alpha"]
    if rate["state"] == "fail":
        return missed_target("format", step.k, step.n, rate["lower"], result.target, alpha)
    return failed(rate, result.target, alpha)


def _rate(step: StepResult, result: PlaybookResult) -> Mapping[str, Any] | None:
    """Return the verdict's rate of a step, or None if all its calls were lost."""
    if not step.n:
        return None
    figures = result.verdict.figures
    known: Mapping[str, Any] | None = (
        figures.get("tuned") if step.step == TUNED else figures["rates"].get(step.strategy)
    )
    if known is not None and (known["n"], known["k"]) == (step.n, step.k):
        return known
    # Evidence from a store uses other names for the trials.
    rate = Rate.of(step.k, step.n, alpha=figures["alpha_each"])
    return as_figures(rate, state_of(rate, result.target))


def _in_figures(result: PlaybookResult) -> Section:
    verdict = result.verdict.as_dict()
    return Section(
        "Figures",
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
            ("step", "failed", "failure rate", "bounds", "tokens in/out per call", "s/call"),
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
        yield f"{step.step}: failures in attempt 1, 2, ...: {counts}"


def _steps_not_run(result: PlaybookResult) -> Section:
    playbook = result.verdict.as_dict()["ladder"]
    names = ", ".join(one["rung"] for one in playbook if one["status"] == "untested") or "none"
    reasons = (
        f"{one['rung']}: {one['status'].replace('_', ' ')} ({one['reason']})"
        for one in playbook
        if one["reason"]
    )
    return Section("Other steps", lines=(f"untested: {names}", *reasons))
