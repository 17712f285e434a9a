# SPDX-License-Identifier: Apache-2.0
"""The explanation of a verdict in sentences: reasons to tune, assumptions, gaps, the next command.

Rules: Every line is made from the figures of the case, never from a second computation. Missing measurements are named
as such. Every reason to tune is listed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.decide.breaches import undo_text
from schema_guard.decide.case import Case
from schema_guard.decide.economics import months
from schema_guard.decide.explanation.commands import (
    command,
    decide_command,
    export_command,
    playbook_command,
    watch_command,
)
from schema_guard.decide.playbook import DECISION
from schema_guard.decide.rules.ruling import PATIENCE_MONTHS, Ruling, failed_calls
from schema_guard.decide.rules.tuned_models import concentration
from schema_guard.stats import bounds
from schema_guard.text import dollars, exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.decide.economics import CostCase
    from schema_guard.decide.evidence.values import CaseEvidence
    from schema_guard.decide.failures import Unexplained

CONTENT_WARNING = (
    "valid values can be wrong; on the benchmark SOB (arXiv 2604.25359), nearly all replies fit the schema, but the "
    "best model gets only 83% of the values right"
)

_IMPORT_ALL = (
    "schema-guard help store import  # import all calls of a period with --traffic all; or record every call with "
    "guard(..., observe=True)"
)

_PILOT = "{export}  # writes checked answers, reserves some of them for the test, and prints the command that tunes the model"
_NEXT = {
    "NEED_MORE_DATA": "{decide}  # run this command again when more calls are recorded",
    "FINE_TUNE_FOR_COST": _PILOT,
    "FINE_TUNE_JUSTIFIED": _PILOT,
    "FINE_TUNE_AND_ROUTE": (
        "schema-guard help routing  # Router(tuned=..., prompt=..., primary=Evidence.of(VERDICT), share=Rollout({target:g})), "
        "with the output of `decide --format json`"
    ),
    "FINE_TUNE_BLOCKED": "{decide}  # run this command again when tuning is no longer blocked",
    "ACCEPT_OR_REDESIGN": (
        "{decide}  # run this command again with a looser target, a simpler schema, code that handles failures, or another provider"
    ),
}
_NEXT_OF_STAGE = {
    "pilot": _PILOT,
    "ship": (
        "schema-guard help routing  # send the tuned model a share of the traffic first: Router(tuned=..., prompt=..., "
        "share=Rollout({target:g}))"
    ),
    "in_service": "{watching}",
}
# The required content of a file, by the missing measurement.
_MEASURED_BY = {
    "right": "'content', the numbers of known answers and right values,",
    "latency": "record calls with their durations, or add 'latency' to each strategy: its calls (n) and the slower "
    "calls (k)",
}

# Characters of a line of `guard` that the next step shows.
_LONGEST_LINE = 500
_AGAINST = {"pass": "meets", "fail": "misses", "inconclusive": "may meet or miss"}
_NO_SOURCE = "source and date of the prices"


def _explain_exceptions(unexplained: Unexplained, evidence: CaseEvidence) -> str:
    """Return the advice on excluded calls of unknown cause."""
    tools = {one.traffic.tool for one in evidence.strategies if one.traffic and one.excluded}
    if tools and not unexplained.exceptions:
        return f"check in {' and '.join(sorted(tools))} whether the model failed in these calls"
    types = ", ".join(name for name, _ in unexplained.exceptions if name.isidentifier())
    steps = [
        f"add ignore=({types},) to guard for exceptions that the model did not cause" if types else "",
        "if the model caused them, let the function return the model's reply or raise the exception of its parser",
    ]
    return "; ".join(filter(None, steps))


def next_step(ruling: Ruling, evidence: CaseEvidence, unexplained: Unexplained | None = None) -> str:
    """Return the next command or action. *unexplained* has the excluded calls of unknown cause."""
    if unexplained is not None and "unexplained" in ruling.figures:
        return _explain_exceptions(unexplained, evidence)
    return _IMPORT_ALL if "unrated" in ruling.figures else _step(ruling, evidence)


def _step(ruling: Ruling, evidence: CaseEvidence) -> str:
    figures = ruling.figures
    step, missing = figures.get("next_rung"), figures.get("missing")
    if not step and ruling.verdict == "NEED_MORE_DATA":
        step = DECISION if _is_trial_of_decisions(figures.get("strategy"), missing, evidence) else None
    if step:
        return playbook_command(evidence, step)
    if ruling.verdict == "NEED_ECONOMICS":
        return with_file(evidence, ", ".join(figures["missing"]))
    if missing:
        needed = _MEASURED_BY[missing[0]]
        return _measure_right(figures["strategy"], evidence) if missing[0] == "right" else needed
    if ruling.verdict == "FIND_WHAT_CHANGED":
        change = next((one.change for one in evidence.strategies if one.id == figures["strategy"]), None)
        since = None
        if change is not None:
            since = change.first_failed or (change.days[0] if change.days else None)
        return f"{undo_text(change)}; if the change must stay, run: {decide_command(evidence, since)}"
    return _bought(figures["meanwhile"], evidence) if figures.get("meanwhile") else _plan(ruling, evidence)


def _measure_right(strategy: str, evidence: CaseEvidence) -> str:
    """Return the way to measure the share of right values of a strategy."""
    if any(one.right_bound for one in evidence.strategies):
        return command("label", evidence)
    if any(one.id == strategy and one.trial is not None for one in evidence.strategies):
        return (
            "measure this strategy on tasks with known answers (bench run TASKS -o right.json), and add "
            f"--answers right.json to this command: {decide_command(evidence)}"
        )
    return with_file(evidence, _MEASURED_BY["right"])


def _is_trial_of_decisions(strategy: str | None, missing: Any, evidence: CaseEvidence) -> bool:
    """Return whether only another trial of a decision model, with right answers, can decide about it."""
    asked = next((one for one in evidence.strategies if one.id == strategy), None)
    if asked is None or asked.step != DECISION or asked.right_bound is not None:
        return False
    return asked.traffic_share is None or missing == ["right"]


def with_file(evidence: CaseEvidence, what: str) -> str:
    """Return the way to add a fact that isn't recorded, in the file of `--with` or in a new one."""
    for option in ("evidence", "with"):
        for file in evidence.options.get(option, ()):
            return f"add {what.rstrip(',')} to {file}, then run: {decide_command(evidence)}"
    return f"schema-guard help costs  # how to write a file with {what} for --with of decide"


def _plan(ruling: Ruling, evidence: CaseEvidence) -> str:
    """Return the action if there is no next step and nothing is missing."""
    figures, watching = ruling.figures, watch_command(evidence)
    commands = {
        "decide": decide_command(evidence),
        "export": export_command(evidence),
        "report": command("report", evidence),
        "target": evidence.config.target,
        "watching": watching,
    }
    if ruling.verdict == "NEED_MORE_DATA" and any(
        strategy.bursts and strategy.id == figures["strategy"] for strategy in evidence.strategies
    ):
        return "{report}  # shows what fails in the bursts; after further calls, run: {decide}".format(
            **commands
        )
    if ruling.verdict == "PROMPTING_ENOUGH" and evidence.about is not None and not evidence.about.function:
        used = _line(figures["strategy"], evidence)
        return f"use {used} in your function. Then `watch` checks the recorded calls of the function"
    if figures.get("stage") in _NEXT_OF_STAGE:
        return _NEXT_OF_STAGE[figures["stage"]].format(**commands)
    if "train_examples" in figures.get("blocked", ()):
        return f"{commands['export']}  # lists the inputs to label next"
    if ruling.verdict not in ("PROMPTING_ENOUGH", "USE_CHEAPER_MODEL"):
        return _NEXT[ruling.verdict].format(**commands)
    return (
        f"use {_line(figures['switch_to'], evidence)}, then run: {watching}"
        if figures.get("switch_to")
        else watching
    )


def _line(strategy: str, evidence: CaseEvidence) -> str:
    """Return the Python line of a strategy. A long line is only in the full answer."""
    line = next((one.guard for one in evidence.strategies if one.id == strategy), None)
    if line is None:
        return strategy
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{strategy} (for its arguments of guard, run {decide_command(evidence)} --full)"


def _bought(meanwhile: Mapping[str, Any], evidence: CaseEvidence) -> str:
    """Return the command for a trial that replaces calls that would arrive too late, with its cost."""
    cost = "" if meanwhile["cost"] is None else f", for about {dollars(meanwhile['cost'])}"
    return f"{playbook_command(evidence, meanwhile['rung'], meanwhile['calls'])}  # instead of waiting{cost}"


def reasons_to_tune(case: Case, cost: CostCase | None) -> list[dict[str, Any]]:
    """Return the four reasons for fine-tuning, each with its measurement."""
    lines = {
        "consistent_format": _format_line(case),
        "domain_vocabulary": _vocabulary_line(case),
        "cost_at_volume": _cost_line(cost),
        "latency": _latency_line(case),
    }
    return [
        {"reason": reason, "measured": line is not None, "line": line or "not measured"}
        for reason, line in lines.items()
    ]


def _format_line(case: Case) -> str | None:
    best, target = case.best, case.config.target
    if best is None:
        return None
    state = _AGAINST.get(best.state, "is not compared with")
    return f"{best.strategy.id} ({failed_calls(best.failed, target)}) {state} the target of {exact_percent(target)}"


def _vocabulary_line(case: Case) -> str | None:
    best = case.best
    if best is None or best.calls != best.failed.n or best.strategy.stops_early:
        # If a reply was stopped at a wrong value, it's unknown whether its shape would have been right.
        return None
    n = sum(best.failure_kinds.values())
    k = best.failure_kinds.get("value", 0) + best.failure_kinds.get("semantic", 0)
    if n == 0:
        return None
    limits = bounds(k, n, alpha=case.alpha_each)
    return (
        f"{k:,} of {plural(n, 'failed call')} of {best.strategy.id} ({percent(k / n)} {interval(limits.lower, limits.upper)}) "
        f"{'has' if k == 1 else 'have'} the right shape and a wrong value (kinds value and semantic)"
    )


def _cost_line(cost: CostCase | None) -> str | None:
    if cost is None:
        return None
    pess = cost.pess
    payback = (
        "never pays back" if pess.payback_months is None else f"pays back in {months(pess.payback_months)}"
    )
    return (
        f"at {cost.proposal.calls_per_month:,.0f} calls a month, tuning {'saves' if pess.saving_per_month >= 0 else 'loses'} {dollars(abs(pess.saving_per_month))} a month "
        f"in the worse case of both failure rates, and {payback}"
    )


def _latency_line(case: Case) -> str | None:
    latency = case.evidence.latency
    if latency is None:
        return None
    state = "within" if latency.p95_s <= latency.budget_s else "over"
    line = f"p50 {latency.p50_s:g} s, p95 {latency.p95_s:g} s: {state} the budget of {latency.budget_s:g} s"
    tuned = [
        f"{name} {value:g} s"
        for name, value in (("p50", latency.tuned_p50_s), ("p95", latency.tuned_p95_s))
        if value is not None
    ]
    return f"{line}; tuned {', '.join(tuned)}" if tuned else f"{line}; tuned model not measured"


def choices(case: Case, ruling: Ruling) -> list[str]:
    """Return the prices of both choices if the answer would come too late, otherwise an empty list."""
    duration = ruling.figures.get("months_to_answer")
    if (
        ruling.verdict != "NEED_MORE_DATA"
        or "unexplained" in ruling.figures
        or "unrated" in ruling.figures
        or (ruling.figures["n_more"] is not None and (duration is None or duration <= PATIENCE_MONTHS))
    ):
        return []
    cost = case.cost
    if cost is None:
        return ["add economics to see the costs of keeping and of changing the strategy"]
    volume = cost.proposal.calls_per_month
    columns, monthly = (cost.pess, cost.point, cost.opt), cost.hosting_plus_refresh
    keep = " / ".join(dollars(volume * column.prompt_per_call) for column in columns)
    tune = " / ".join(dollars(volume * column.tuned_per_call + monthly) for column in columns)
    return [
        f"assume that the rate is below the target, and keep the strategy: {keep} a month (pess / point / opt for tuning)",
        f"assume that the rate is above the target, and tune: {tune} a month and {dollars(cost.upfront)} once",
    ]


def assumptions(case: Case) -> list[str]:
    """Return the assumptions of the figures."""
    lines = [
        "all calls of a configuration have the same probability of failure",
        "different inputs fail independently of each other",
    ]
    if not case.evidence.is_users_target:
        lines += [
            f"no target is set, so {exact_percent(case.config.target)} applies",
            *_suggested_target(case.cost),
        ]
    if case.cost is not None:
        lines += _cost_assumptions(case)
    return lines


def _suggested_target(cost: CostCase | None) -> list[str]:
    """Return a line with the failure rate at which tuning costs as much as the failures."""
    if cost is None or not cost.proposal.economics.failure_cost:
        return []
    proposal = cost.proposal
    fixed = (cost.upfront / proposal.horizon_months + cost.hosting_plus_refresh) / proposal.calls_per_month
    extra = cost.tuned_tokens_per_call + fixed - cost.prompt_tokens_per_call
    rate = extra / proposal.economics.failure_cost
    return (
        [f"at a failure rate below {percent(rate)}, failures cost less than tuning"] if 0 < rate < 1 else []
    )


def _cost_assumptions(case: Case) -> Iterator[str]:
    money = case.evidence.economics
    assert money is not None
    if money.tuned.residual is not None and not (case.tuned and case.tuned.failed.n):
        rates = "/".join(
            percent(rate)
            for rate in (money.tuned.residual.opt, money.tuned.residual.point, money.tuned.residual.pess)
        )
        yield f"the tuned model's failure rate of {rates} is your assumption until a pilot measures it"
    yield "assumed failure rates of the tuned model's attempts: " + "/".join(
        percent(rate) for rate in money.tuned.hazards
    )
    if case.best is not None and case.best.retries is None:
        yield f"the attempts of {case.best.strategy.id} are not recorded, so its cost counts one attempt per call"


def not_measured(case: Case) -> list[str]:
    """Return the facts that the verdict doesn't know."""
    evidence = case.evidence
    piloted = evidence.pilot is not None and evidence.pilot.content is not None
    answered = any(strategy.right is not None and strategy.right.n for strategy in evidence.strategies)
    gaps = {
        "content: the share of valid values that are right": evidence.content is None
        and not piloted
        and not answered,
        "domain vocabulary: needs the failure kind of each failed call": _vocabulary_line(case) is None,
        "cost at volume: needs the facts under economics": case.cost is None,
        "latency: needs durations and a limit": evidence.latency is None,
        "the tuned model: needs a pilot": case.tuned is None,
        "months until the base model is shut down (an early shutdown is a risk)": evidence.feasibility.months_to_shutdown
        is None,
        _NO_SOURCE: case.cost is not None and not evidence.sources,
    }
    return [gap for gap, holds in gaps.items() if holds]


def notes(case: Case, ruling: Ruling) -> list[str]:
    """Return the notes that a reader needs to interpret the verdict."""
    lines = [*case.evidence.notes, *(note for one in case.strategies for note in one.notes)]
    lines += _first_faults(case)
    lines += _claims(case)
    lines += _raised_targets(case)
    lines += _pilot_warnings(case, ruling)
    lines += _routing_note(case, ruling)
    if case.evidence.pilot and case.evidence.segments:
        lines.append("the evidence has a pilot, so the verdict uses only the segments of the pilot")
    return lines


def _first_faults(case: Case) -> Iterator[str]:
    """Yield a note if early stop leaves later faults of failed replies unknown."""
    best = case.best
    if best is not None and best.strategy.stops_early and best.failure_kinds:
        yield (
            f"{best.strategy.id}: early stop ends its replies at the first fault. Kinds and codes are those of this "
            "fault, and later faults are unknown"
        )


def _routing_note(case: Case, ruling: Ruling) -> Iterator[str]:
    """Yield a note if tuning only the failing segments would pay, although tuning everything does not."""
    tune, _ = concentration(case)
    if ruling.figures.get("reason") != "not_economic" or case.tuned or not tune:
        return
    cost = case.routed_cost(tune)
    if cost is not None and cost.passes and cost.pess.payback_months is not None:
        names = ", ".join(part.name for part in tune)
        yield f"tuning for {names} alone would pay back in {months(cost.pess.payback_months)}"


def _claims(case: Case) -> Iterator[str]:
    """Yield a note for each difference between the playbook's claims and the data."""
    claims = {claim.name: claim.status for claim in case.evidence.playbook}
    for step in case.playbook:
        claimed = claims.get(step.name)
        if step.strategies and claimed not in (None, "tested"):
            yield f"the evidence marks {step.name} as {claimed}, but {', '.join(step.strategies)} measured it, so it counts as tested"
        if step.status == "tested" and not step.strategies:
            yield f"the evidence marks {step.name} as tested, but has no counts for it"


def _raised_targets(case: Case) -> Iterator[str]:
    history = case.evidence.target_history
    for (_, before), (day, after) in pairwise(history):
        if after > before:
            yield f"the target was raised from {exact_percent(before)} to {exact_percent(after)} on {day}"


def _pilot_warnings(case: Case, ruling: Ruling) -> Iterator[str]:
    """Yield warnings if an earlier rule accepts a pilot that a later rule would reject."""
    if not ruling.verdict.startswith("FINE_TUNE") or ruling.verdict == "FINE_TUNE_BLOCKED":
        return
    cost, shutdown = ruling.cost or case.cost, case.evidence.feasibility.months_to_shutdown
    if cost is None:
        return
    loss = case.content_loss
    if loss is not None and loss.upper > case.config.content_margin:
        yield f"content: the tuned model loses {interval(loss.lower, loss.upper)} of the right answers"
    if cost.pess.tuned_rate > case.config.target:
        yield f"the tuned model may fail {percent(cost.pess.tuned_rate)} of the calls, above the target"
    if shutdown is not None and cost.proposal.ends_early and not cost.passes:
        yield f"the provider shuts down the base model in {months(shutdown)}, before tuning pays back"
