# SPDX-License-Identifier: Apache-2.0
"""The verdict: the decision of the rules, and every figure that a reader may need, in one dict.

Rules: Each number is computed once, and every output shows the same one. Numbers keep full precision. Values that don't
apply are left out. Evidence as odds is capped at the largest float, because JSON has no infinity.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.excluded_calls import ways_of
from schema_guard.decide.breaches import breaches, change_text
from schema_guard.decide.case import Case
from schema_guard.decide.evidence.reading import read_evidence, to_json
from schema_guard.decide.explanation import reasons
from schema_guard.decide.explanation.commands import command
from schema_guard.decide.explanation.enforcement import enforcement_figures
from schema_guard.decide.explanation.money import economic_figures, end_figures
from schema_guard.decide.explanation.uses import functions_figures, uses_of
from schema_guard.decide.measure import Measured, as_figures, rate_figures, state_of, wrong_values
from schema_guard.decide.playbook import playbook_line
from schema_guard.decide.rules.order import rule
from schema_guard.decide.rules.ruling import Ruling
from schema_guard.prices.tuning import tuning_prices
from schema_guard.stats import Rate, e_bh, e_value, paired
from schema_guard.text import dataclass_repr, exact_percent, odds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.decide.economics import CostCase
    from schema_guard.decide.evidence.changes import WeeklyEvidence
    from schema_guard.decide.evidence.values import (
        CaseEvidence,
    )

_OF_TUNED = (
    "n", "k", "rate", "lower", "upper", "state", "met", "traffic_share", "arrival", "right",
)  # fmt: skip
_GOOD = ("PROMPTING_ENOUGH", "USE_CHEAPER_MODEL", "FINE_TUNE_FOR_COST", "NEED_MORE_DATA")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict that `decide` returns, with the reason for it.

    Attributes:
        verdict: Name of the verdict: `PROMPTING_ENOUGH`, `USE_CHEAPER_MODEL`, `FINE_TUNE_FOR_COST`, `NEED_MORE_DATA`,
            `FIND_WHAT_CHANGED`, `TRY_NEXT_FIX`, `USE_CONSTRAINED_DECODING`, `NEED_ECONOMICS`, `FINE_TUNE_AND_ROUTE`,
            `FINE_TUNE_JUSTIFIED`, `FINE_TUNE_BLOCKED`, `ACCEPT_OR_REDESIGN`, or `SCHEMAS_FLAGGED`.
        why: The reason for the verdict, in one sentence.
        figures: All fields of `as_dict` except the verdict, the reason, and the exit code.
    """

    __repr__ = dataclass_repr

    verdict: str
    why: str
    figures: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain JSON, in the format of `schema-guard decide --format json`.

        `schema-guard help report_json` lists the fields. If a field doesn't apply to the verdict, the result omits it.
        """
        return {
            "verdict": self.verdict,
            **deepcopy(dict(self.figures)),
            "why": self.why,
            "exit_code": self.exit_code(),
        }

    def _repr_html_(self) -> Any:
        """Return the page for a notebook."""
        from schema_guard.extensions import load  # only notebooks call it

        return load("notebook").as_html(self)

    def exit_code(self, *, require_proof: bool = False) -> int:
        """Return the exit code for a command that reports this verdict: 0 for a good verdict, and 1 for a bad one.

        Args:
            require_proof: Whether the verdict `NEED_MORE_DATA` always has the exit code 1.
        """
        if self.verdict == "SCHEMAS_FLAGGED":
            return int(bool(self.figures["flagged"]))
        if self.figures.get("breach"):
            return 1
        if self.verdict == "NEED_MORE_DATA":
            return int(require_proof or "unrated" in self.figures)
        if self.verdict == "FINE_TUNE_JUSTIFIED":
            return int(self.figures["stage"] != "in_service")
        return int(self.verdict not in _GOOD)


def decide(evidence: Mapping[str, Any]) -> Verdict:
    """Return the verdict that follows from the evidence.

    Args:
        evidence: Evidence as plain JSON in the format of `evidence_schema`: counts for each strategy, the playbook,
            costs, and the results of a pilot.

    Raises:
        InvalidArgument: The evidence is inconsistent, or doesn't have the format of `evidence_schema`. The error
            message contains the location of the fault.

    >>> counts = {"id": "plain", "rung": "system_prompt", "n": 400, "k_final": 0}
    >>> decide({"strategies": [counts], "calls_per_month": 2000}).verdict
    'PROMPTING_ENOUGH'
    """
    read = read_evidence(evidence)
    return _schemas_flagged(read) if read.schemas else _decided(Case(read))


def _decided(case: Case) -> Verdict:
    ruling = rule(case)
    cost = ruling.cost or case.cost
    figures: dict[str, Any] = {
        **ruling.figures,
        "alpha_each": case.alpha_each,
        **functions_figures(case),
        **({"day": case.evidence.day} if case.evidence.day else {}),
        "breach": [breach._asdict() for breach in breaches(case)],
        **({"uses": uses} if (uses := uses_of(case)) else {}),
        "bar": _bar(case, cost),
        "rates": {one.strategy.id: _rate_figures(case, one) for one in case.strategies},
        **_production_figures(case),
        **end_figures(case, ruling),
        **(economic_figures(cost) if cost else {}),
        **_pilot_figures(case),
        **({"segments": [part.as_figures() for part in case.parts]} if case.parts else {}),
        **({"alpha_segment": case.alpha_segment} if case.parts else {}),
        "counted": _counted(case, ruling),
        **_reader_figures(case, ruling, cost),
    }
    return Verdict(ruling.verdict, ruling.why, figures)


def _schemas_flagged(evidence: CaseEvidence) -> Verdict:
    """Rule 0: which schemas fail, with a bound on the share that is flagged wrongly."""
    config, schemas = evidence.config, evidence.schemas
    e_bad = {
        schema.name: _finite(e_value(schema.failed, schema.n, config.target, side="bad"))
        for schema in schemas
    }
    names = [schemas[index].name for index in e_bh(e_bad.values(), config.fdr)]
    flagged = sorted(names, key=e_bad.__getitem__, reverse=True)
    alpha = config.alpha / len(schemas)
    rates = {schema.name: Rate.of(schema.failed, schema.n, alpha=alpha) for schema in schemas}
    why = (
        f"{len(flagged)} of {len(schemas)} schemas {'is' if len(flagged) == 1 else 'are'} above the "
        f"target of {exact_percent(config.target)}, and "
        f"at most {exact_percent(config.fdr)} of the flagged schemas are expected to be flagged wrongly"
    )
    figures = {
        "flagged": flagged,
        "e_bad": e_bad,
        "schemas": {name: as_figures(rate, state_of(rate, config.target)) for name, rate in rates.items()},
        "config": config.as_dict(),
        "notes": list(evidence.notes),
        "content_warning": reasons.CONTENT_WARNING,
        "next_step": command("report", evidence),
    }
    return Verdict("SCHEMAS_FLAGGED", why, figures)


def _rate_figures(case: Case, measurement: Measured) -> dict[str, Any]:
    strategy = measurement.strategy
    figures = as_figures(measurement.failed, measurement.state)
    if len(measurement.met) > 1:
        figures["met"] = {
            one.name: {**as_figures(one.rate, one.state), "limit": one.limit} for one in measurement.met
        }
    if measurement.inputs is not None:
        figures["input"] = as_figures(measurement.inputs, state_of(measurement.inputs, case.config.target))
    weekly = strategy.weekly
    known = {
        "undecided": weekly.young_text if weekly is not None and weekly.is_young and weekly.n else None,
        "price": case.price(measurement),
        "right": _right_figures(measurement, case.alpha_each),
        "content": _content_figures(measurement),
        "sent": strategy.sent and strategy.sent._asdict(),
        "guard": strategy.guard,
        "trial": strategy.trial and strategy.trial._asdict(),
        "traffic_share": strategy.traffic_share,
        "arrival": strategy.arrival and {**to_json(strategy.arrival), "gone": strategy.arrival.is_gone},
        "model": strategy.model,
        "tuned": strategy.is_tuned or None,
    }
    figures |= {name: value for name, value in known.items() if value is not None}
    if measurement.retries is not None and measurement.calls:
        figures["retry"] = {
            "residual": measurement.failed_calls / measurement.calls,
            "geometric": measurement.retries.geometric,
            "rho": measurement.retries.rho,
            "E_attempts": measurement.retries.mean_attempts,
        }
    return figures


def _right_figures(measurement: Measured, alpha: float) -> dict[str, Any] | None:
    """Return the rate of wrong values among valid ones; None if no right answer is known.

    With labels, `all_calls` has the bounds of right values, or calls, of all calls: those that failed have none.
    """
    right, bound = measurement.strategy.right, measurement.strategy.right_bound
    rate = wrong_values(measurement.strategy, alpha, alpha / 2)
    if rate is None:
        return None
    figures = rate_figures(rate)
    if bound is None or right is not None or measurement.strategy.bursts is not None:
        return figures
    format_rate = Rate.of(measurement.failed.count, measurement.failed.n, alpha=alpha / 2).bounds
    all_calls = {
        "lower": (1 - rate.bounds.upper) * (1 - format_rate.upper),
        "upper": (1 - rate.bounds.lower) * (1 - format_rate.lower),
    }
    named = {name: getattr(bound, name) for name in ("unit", "lam", "skipped", "configuration")}
    return {**figures, **named, "all_calls": all_calls}


def _content_figures(measurement: Measured) -> dict[str, Any] | None:
    """Return a decision model's right values, compared with those of a prompt."""
    counts, content = measurement.strategy.content, measurement.content
    if counts is None or content is None or content.loss is None:
        return None
    return {
        **to_json(counts),
        "lower": content.loss.lower,
        "upper": content.loss.upper,
        "state": content.state,
    }


def _counted(case: Case, ruling: Ruling) -> dict[str, Any]:
    """Return the other inputs of the rules, so that a reader of the figures can apply the rules again."""
    evidence, whole = case.evidence, case.cost
    money = evidence.economics
    return {
        "current": evidence.current,
        "strategies": {one.strategy.id: _counted_of(one) for one in case.strategies},
        "feasibility": asdict(evidence.feasibility),
        **({"only_active_tuners": True} if evidence.only_active_tuners else {}),
        "failure_cost": None if money is None else money.failure_cost,
        # If the ruling is about a part of the traffic: the costs of tuning for all of it.
        **({} if ruling.cost is None or whole is None else {"whole": economic_figures(whole)}),
    }


def _counted_of(measurement: Measured) -> dict[str, Any]:
    strategy = measurement.strategy
    codes = {} if strategy.failure_codes is None else {"failure_codes": dict(strategy.failure_codes)}
    inputs = sum(cluster.inputs for cluster in strategy.clusters)
    return {
        "rung": strategy.step,
        "n": strategy.n,
        "calls": measurement.calls,
        "failed": measurement.failed_calls,
        "own_price": strategy.prompt_cost is not None,
        **({"inputs": inputs} if 0 < inputs < strategy.n else {}),
        **codes,
    }


def _bar(case: Case, cost: CostCase | None) -> float:
    """Return the lower of the target and the failure rate at which tuning pays."""
    money = cost.max_tuned_residual_for_horizon if cost else None
    return case.config.target if money is None else min(money, case.config.target)


def _production_figures(case: Case) -> dict[str, Any]:
    """Return the figures of the calls in production, and the subject of the evidence."""
    known = {
        name: {one.strategy.id: value for one in case.strategies if (value := figure(one)) not in (None, [])}
        for name, figure in _PRODUCTION.items()
    }
    about = case.evidence.about
    told_about = {} if about is None else about.as_figures()
    return {**{name: values for name, values in known.items() if values}, **told_about}


_PRODUCTION: Mapping[str, Callable[[Measured], Any]] = {
    "change": lambda one: (
        one.strategy.change and {**to_json(one.strategy.change), "text": change_text(one.strategy.change)}
    ),
    "bursts": lambda one: one.strategy.bursts and one.strategy.bursts._asdict(),
    "weekly": lambda one: one.strategy.weekly and _weekly_figures(one.strategy.weekly),
    "history": lambda one: one.strategy.history and one.strategy.history._asdict(),
    "burst_margin": lambda one: one.burst_margin,
    "hot": lambda one: to_json(one.strategy.hot),
    "fails_at": lambda one: [place._asdict() for place in one.strategy.fails_at],
    "behind": lambda one: one.strategy.behind,
}


def _weekly_figures(weekly: WeeklyEvidence) -> dict[str, Any]:
    """Return the counts of the search for a weekly pattern, with the pattern in words."""
    figures = to_json(weekly)
    if weekly.parts:
        return {**figures, "text": weekly.text}
    return {key: figures[key] for key in ("zone", "complete", "weeks") if key in figures}


def _pilot_figures(case: Case) -> dict[str, Any]:
    tuned, pilot = case.tuned, case.evidence.pilot
    if tuned is None or pilot is None:
        return {}
    whole = _rate_figures(case, tuned)
    figures: dict[str, Any] = {"tuned": {key: whole[key] for key in _OF_TUNED if key in whole}}
    if pilot.paired is not None:
        compared = _paired_figures(*pilot.paired, pilot.n, case.alpha_each)
        figures |= {"paired_e": compared["e_value"], "paired": compared}
    loss = case.content_loss
    if pilot.content is not None and loss is not None:
        figures["content"] = {**to_json(pilot.content), "lower": loss.lower, "upper": loss.upper}
    return figures


def _reader_figures(case: Case, ruling: Ruling, cost: CostCase | None) -> dict[str, Any]:
    evidence = case.evidence
    asks_for_costs = evidence.economics is None and "ladder_exhausted" in ruling.figures
    optional = {
        "calls_per_month": evidence.calls_per_month,
        "target_sources": dict(evidence.target_sources),
        "best": case.best.strategy.id if case.best else None,
        "values": enforcement_figures(case, ruling),
        "content_right": _content_right(case),
        "comparisons": [
            {**one._asdict(), **_paired_figures(one.b, one.c, one.n, case.alpha_each)}
            for one in evidence.comparisons
        ],
        "choices": reasons.choices(case, ruling),
        "excluded": {
            one.id: [{"cause": calls.cause, **calls._asdict()} for calls in ways_of(one.excluded)]
            for one in evidence.strategies
            if one.excluded
        },
        "traffic": {
            strategy.id: strategy.traffic.as_figures() for strategy in evidence.strategies if strategy.traffic
        },
        "stops_early": [strategy.id for strategy in evidence.strategies if strategy.stops_early],
        "sources": list(evidence.sources),
        "seen_prices": [price._asdict() for price in tuning_prices()] if asks_for_costs else [],
    }
    return {
        "config": case.config.as_dict(),
        **{name: value for name, value in optional.items() if value},
        "odds": _odds_figures(case),
        "hazards": {item.strategy.id: list(item.retries.hazards) for item in case.strategies if item.retries},
        "failure_kinds": {
            item.strategy.id: dict(item.failure_kinds) for item in case.strategies if item.failure_kinds
        },
        "ladder": list(map(to_json, case.playbook)),
        "ladder_line": playbook_line(case.playbook),
        "reasons_to_tune": reasons.reasons_to_tune(case, cost),
        "assumptions": reasons.assumptions(case),
        "not_measured": reasons.not_measured(case),
        "notes": reasons.notes(case, ruling),
        "content_warning": reasons.CONTENT_WARNING,
        "next_step": reasons.next_step(ruling, evidence, case.unexplained),
    }


def _odds_figures(case: Case) -> dict[str, Any]:
    measured = [*case.strategies, *([] if case.tuned is None else [case.tuned])]
    return {
        one.strategy.id: {
            "ok": _finite(one.e_ok),
            "bad": _finite(one.e_bad),
            "text": f"below {odds(_finite(one.e_ok))}, above {odds(_finite(one.e_bad))}",
        }
        for one in measured
        if one.e_ok is not None and one.e_bad is not None
    }


def _paired_figures(b: int, c: int, n: int, alpha: float) -> dict[str, Any]:
    """Return the comparison of two strategies on the same inputs, with its evidence as odds."""
    compared = paired(b, c, n, alpha=alpha)
    return {**asdict(compared), "e_value": _finite(compared.e_value), "odds": odds(_finite(compared.e_value))}


def _content_right(case: Case) -> dict[str, Any] | None:
    content = case.evidence.content
    if content is None or content.n == 0:
        return None
    return rate_figures(Rate.of(content.right, content.n, alpha=case.alpha_each))


def _finite(e_value: float) -> float:
    return min(e_value, sys.float_info.max)
