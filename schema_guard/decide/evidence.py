"""Evidence: what a verdict is made from, read from plain JSON and checked.

Rules: evidence is checked whole before anything is computed from it; what it says is taken as it stands,
what contradicts itself is an error. A claim without its reason is not taken: it becomes a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.ladder import BARE, RUNGS, Claim
from schema_guard.prices.reading import Reader
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KINDS = ("syntax", "structure", "value", "semantic", "truncation", "refusal", "transport")

# Shares are typed by people, as 0.333 for a third.
_SHARE_ROUNDING = 0.0015


@dataclass(frozen=True, slots=True)
class Config:
    """What is asked for.

    Attributes:
        target: Share of calls that may stay unhandled, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        horizon_months: Within how many months fine-tuning has to pay back.
        lead_months: From the decision to the tuned model in production.
        min_train_examples: Fewer validated examples than these are not enough to tune on.
        fdr: Of the schemas flagged, the share that may be flagged wrongly.
        content_margin: The share of right answers that a tuned model may lose.
        primary_share_min: The share of the traffic that tuning must serve to be worth routing.
    """

    target: float = 0.01
    alpha: float = 0.05
    horizon_months: float = 6.0
    lead_months: float = 1.0
    min_train_examples: int = 100
    fdr: float = 0.1
    content_margin: float = 0.02
    primary_share_min: float = 0.6


class AttemptCounts(NamedTuple):
    """How many calls reached an attempt, and in how many of them it failed."""

    n: int
    k: int


class Cluster(NamedTuple):
    """Distinct inputs that were each asked n times and stayed unhandled k times."""

    n: int
    k: int
    inputs: int


class DriftEvidence(NamedTuple):
    """What came after the drift detector's alarm.

    Attributes:
        alarm_at: Call at which it fired.
        post_n: Calls since.
        post_k: Of these, calls without a valid attempt.
        post_attempts: Of these calls; empty when not recorded.
    """

    alarm_at: int
    post_n: int
    post_k: int
    post_attempts: tuple[AttemptCounts, ...]


@dataclass(frozen=True, slots=True)
class StrategyCounts:
    """What was counted of one way to ask.

    Attributes:
        id: As the verdict names it.
        rung: A rung of the ladder, or `bare`.
        n: Calls.
        k_final: Calls without a valid attempt.
        attempts: Empty when not recorded.
        failure_kinds: Calls without a valid attempt, by kind; empty when not recorded.
        clusters: Of all calls, by how often their input was asked; empty when no input repeats.
        drift: None when the detector did not fire.
    """

    id: str
    rung: str
    n: int
    k_final: int
    attempts: tuple[AttemptCounts, ...] = ()
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    clusters: tuple[Cluster, ...] = ()
    drift: DriftEvidence | None = None


@dataclass(frozen=True, slots=True)
class CallCost:
    """Tokens, seconds and prices of one attempt.

    Attributes:
        fixed: Tokens that every prompt has in common: schema, instructions, examples.
        var: Tokens of the task.
        out: Tokens of the reply, reasoning included.
        repair: Tokens that a re-ask adds: the previous reply and the error.
        hit: Share of the fixed tokens billed as cached, in [0, 1].
        latency_s: Seconds of one attempt.
        p_in: Dollars for a million input tokens.
        p_cached: Dollars for a million cached input tokens.
        p_out: Dollars for a million output tokens.
    """

    fixed: float
    var: float
    out: float
    repair: float
    hit: float
    latency_s: float
    p_in: float
    p_cached: float
    p_out: float


class Three(NamedTuple):
    """One figure by how it is looked at: as bad, as is, and as good as can be for fine-tuning."""

    pess: float
    point: float
    opt: float


@dataclass(frozen=True, slots=True)
class Economics:
    """Money, in dollars.

    Attributes:
        prompt_cost: Of the strategies in use.
        tuned_cost: Of the tuned model.
        failure_cost: What one unhandled call costs the business.
        tuned_hazards: Failure rate that is assumed of the tuned model's attempt 1, 2, ...
        tuned_residual: Unhandled rate that is assumed of it; None where a pilot measures it.
        upfront: Parts of what is paid once: labels, training, engineering ...
        hosting_per_month: For the tuned model.
        refresh_per_month: Relabelling and retraining.
        latency_cost_per_s: What one second of waiting costs.
    """

    prompt_cost: CallCost
    tuned_cost: CallCost
    failure_cost: float
    tuned_hazards: tuple[float, ...]
    tuned_residual: Three | None
    upfront: Mapping[str, float]
    hosting_per_month: float
    refresh_per_month: float
    latency_cost_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether a tuned model can be had; None is unknown, which is a risk and no bar.

    Attributes:
        train_examples: Validated examples at hand.
        new_jobs_allowed: Whether the provider takes new tuning jobs.
        months_to_shutdown: How long the base model will live.
    """

    train_examples: int | None = None
    new_jobs_allowed: bool | None = None
    months_to_shutdown: float | None = None


class Segment(NamedTuple):
    """A part of the traffic, measured under the best strategy, and under the tuned model by a pilot.

    Attributes:
        name: As the verdict names it.
        share: Of the calls, in (0, 1].
        prompt_n: Calls that were prompted.
        prompt_k: Of these, unhandled ones.
        tuned_n: Calls of the tuned model; None without a pilot.
        tuned_k: Of these, unhandled ones.
    """

    name: str
    share: float
    prompt_n: int
    prompt_k: int
    tuned_n: int | None = None
    tuned_k: int | None = None


class PairCounts(NamedTuple):
    """Inputs that both answered: b of them only the tuned model got valid, c only the prompt."""

    b: int
    c: int


class ComparisonCounts(NamedTuple):
    """Two strategies on the same inputs: of n, b are those that only *after* got valid, c only *before*."""

    before: str
    after: str
    n: int
    b: int
    c: int


class ContentEvidence(NamedTuple):
    """Inputs with a known right answer: of n, the tuned model was right less or more often."""

    n: int
    worse: int
    better: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a tuned model did on a part of the traffic."""

    n: int
    k_final: int
    paired: PairCounts | None = None
    segments: tuple[Segment, ...] = ()
    content: ContentEvidence | None = None


class SchemaCount(NamedTuple):
    """Calls of one schema and how many of them stayed unhandled."""

    name: str
    n: int
    k: int


class Right(NamedTuple):
    """Calls whose right answer is known, and how many values equal it."""

    n: int
    right: int


@dataclass(frozen=True, slots=True)
class CallSeconds:
    """Seconds of a call: what is allowed, and what the best strategy and a tuned model take."""

    budget_s: float
    p50_s: float
    p95_s: float
    tuned_p50_s: float | None = None
    tuned_p95_s: float | None = None


class EvidenceSource(NamedTuple):
    """Where prices come from, and of which day they are."""

    name: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict is made from.

    Attributes:
        strategies: Empty only where *schemas* are asked about.
        ladder: What is claimed of rungs; a rung that is not here is not claimed either way.
        calls_per_month: None when unknown.
        current: Id of the strategy in production; None when none is.
        config: What is asked for.
        target_given: Whether the target is the asker's own.
        economics: None when nothing is known of costs; so with *pilot*, *latency* and *content*.
        feasibility: Unknown where it is not given.
        pilot: A tuned model's counts.
        segments: Of the best strategy's traffic; a pilot brings its own.
        schemas: Asks which of these fail.
        comparisons: Of strategies that were asked the same inputs.
        latency: Seconds of a call.
        content: How often valid values were right.
        target_history: Days and the targets since.
        sources: Of the prices.
        notes: What whoever gathered the evidence has to say, and what was not taken as it was claimed.
    """

    strategies: tuple[StrategyCounts, ...]
    ladder: tuple[Claim, ...]
    calls_per_month: float | None
    current: str | None
    config: Config
    target_given: bool
    economics: Economics | None
    feasibility: Feasibility
    pilot: Pilot | None
    segments: tuple[Segment, ...]
    schemas: tuple[SchemaCount, ...]
    comparisons: tuple[ComparisonCounts, ...]
    latency: CallSeconds | None
    content: Right | None
    target_history: tuple[tuple[str, float], ...]
    sources: tuple[EvidenceSource, ...]
    notes: tuple[str, ...]


_KEYS = (
    "calls_per_month",
    "current",
    "config",
    "strategies",
    "ladder",
    "economics",
    "feasibility",
    "pilot",
    "segments",
    "schemas",
    "comparisons",
    "latency",
    "content",
    "target_history",
    "sources",
    "notes",
)


def read_evidence(evidence: Mapping[str, Any]) -> Evidence:
    """Check evidence and give it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    root = Reader(evidence, "evidence")
    found = root.fields(optional=_KEYS)
    strategies = _each(found.get("strategies"), _strategy)
    schemas = _each(found.get("schemas"), _schema)
    _check_question(root, strategies, schemas)
    _no_twins(found.get("strategies"), "id", [strategy.id for strategy in strategies])
    _no_twins(found.get("schemas"), "name", [schema.name for schema in schemas])
    notes = [note.text() for note in found["notes"].items()] if "notes" in found else []
    pilot = _pilot(found["pilot"]) if "pilot" in found else None
    economics = _economics(found["economics"], piloted=pilot is not None) if "economics" in found else None
    if economics is not None and "calls_per_month" not in found:
        raise root.fault(
            "the key 'calls_per_month' beside 'economics'", advice="costs are counted by the month"
        )
    return Evidence(
        strategies=strategies,
        ladder=_ladder(found.get("ladder"), notes),
        calls_per_month=found["calls_per_month"].positive() if "calls_per_month" in found else None,
        current=_current(found["current"], strategies) if "current" in found else None,
        config=_config(found["config"]) if "config" in found else Config(),
        target_given="config" in found and "target" in found["config"].members(),
        economics=economics,
        feasibility=_feasibility(found["feasibility"]) if "feasibility" in found else Feasibility(),
        pilot=pilot,
        segments=_segments(found["segments"], _prompt_segment) if "segments" in found else (),
        schemas=schemas,
        comparisons=_each(found.get("comparisons"), partial(_comparison, strategies)),
        latency=_latency(found["latency"]) if "latency" in found else None,
        content=_right(found["content"]) if "content" in found else None,
        target_history=_each(found.get("target_history"), _past_target),
        sources=_each(found.get("sources"), _source),
        notes=tuple(notes),
    )


def _each(items: Reader | None, read: Callable[[Reader], Any]) -> tuple[Any, ...]:
    """Read every member of an array; nothing where there is none."""
    return tuple(read(item) for item in items.items()) if items is not None else ()


def _check_question(
    root: Reader, strategies: Sequence[StrategyCounts], schemas: Sequence[SchemaCount]
) -> None:
    if strategies and schemas:
        raise root.fault(
            "either 'strategies' or 'schemas'", advice="schemas alone ask which of them fail; decide twice"
        )
    if not strategies and not schemas:
        raise root.fault(
            "at least one member in 'strategies' or in 'schemas'",
            advice="without a count there is no verdict",
        )


def _no_twins(items: Reader | None, key: str, names: Iterable[str]) -> None:
    """Refuse two members of an array with one name."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen and items is not None:
            raise items.child(index, name).fault(
                f"another {key} than those before", advice="rename one of the two"
            )
        seen.add(name)


def _strategy(at: Reader) -> StrategyCounts:
    found = at.fields(("id", "rung", "n", "k_final"), ("attempts", "failure_kinds", "clusters", "drift"))
    n = found["n"].count()
    k_final = found["k_final"].count(most=n, of="n")
    drift = _drift(found["drift"], n, k_final) if "drift" in found else None
    kinds = _kinds(found["failure_kinds"], k_final) if "failure_kinds" in found else {}
    counted = (drift.post_n, drift.post_k) if drift else (n, k_final)
    if "clusters" in found and kinds.get("transport"):
        raise (
            found["failure_kinds"]
            .child("transport", kinds["transport"])
            .fault("none beside clusters", advice="leave these calls out of n, k_final and clusters")
        )
    return StrategyCounts(
        id=found["id"].text(),
        rung=_strategy_rung(found["rung"]),
        n=n,
        k_final=k_final,
        attempts=_attempts(found["attempts"], n, k_final) if "attempts" in found else (),
        failure_kinds=kinds,
        clusters=_clusters(found["clusters"], *counted) if "clusters" in found else (),
        drift=drift,
    )


def _strategy_rung(at: Reader) -> str:
    if at.value == "tuned":
        raise at.fault("a rung of the ladder or 'bare'", advice="a tuned model's counts stand under /pilot")
    return at.choice((BARE, *RUNGS))


def _attempts(at: Reader, n: int, k_final: int) -> tuple[AttemptCounts, ...]:
    """Read [calls reaching an attempt, calls failing in it] for attempt 1, 2, ..."""
    attempts: list[AttemptCounts] = []
    for item in at.items():
        reached, failed = item.row("n_j", "k_j")
        most, of = (attempts[-1].k, "failed before") if attempts else (n, "n")
        count = reached.count(least=0 if attempts else n, most=most, of=of)
        attempts.append(AttemptCounts(count, failed.count(most=count, of="n_j")))
    if not attempts:
        raise at.fault("at least one attempt", advice="leave the key out where attempts are not recorded")
    least = attempts[-1].k
    most = sum(k for _, k in attempts) - sum(reached for reached, _ in attempts[1:])
    if not least <= k_final <= most:
        raise at.fault(
            f"attempts that leave k_final = {k_final} calls without a valid one",
            advice=f"these leave {least if least == most else f'{least} to {most}'}",
        )
    return tuple(attempts)


def _kinds(at: Reader, k_final: int) -> dict[str, int]:
    found = at.members()
    for name in found:
        if name not in KINDS:
            raise at.fault(
                f"only the kinds {' '.join(KINDS)}",
                advice=f"{clip(repr(name))} is none of them{did_you_mean(name, KINDS)}",
            )
    kinds = {name: found[name].count() for name in KINDS if name in found}
    if sum(kinds.values()) > k_final:
        raise at.fault(
            f"kinds of the k_final = {k_final} unhandled calls",
            advice=f"these are {sum(kinds.values())}: count the calls without a valid attempt, not attempts",
        )
    return kinds


def _clusters(at: Reader, n: int, k: int) -> tuple[Cluster, ...]:
    """Read [n, k] of each distinct input, or [n, k, inputs] of several that are alike."""
    clusters = tuple(_cluster(item) for item in at.items())
    sums = tuple(sum(cluster.inputs * cluster[column] for cluster in clusters) for column in (0, 1))
    if sums != (n, k):
        raise at.fault(
            f"clusters of {n} calls with {k} failures in all",
            advice=f"these have {sums[0]} with {sums[1]}: give one pair for each distinct input",
        )
    return clusters


def _cluster(at: Reader) -> Cluster:
    pair = ("n", "k")
    several = isinstance(at.value, (list, tuple)) and len(at.value) > len(pair)
    calls, failed, *inputs = at.row(*pair, "inputs") if several else at.row(*pair)
    count = calls.count(least=1)
    return Cluster(count, failed.count(most=count, of="n"), inputs[0].count(least=1) if inputs else 1)


def _drift(at: Reader, n: int, k_final: int) -> DriftEvidence:
    found = at.fields(("alarm_at", "post_n", "post_k"), ("post_attempts",))
    post_n = found["post_n"].count(most=n, of="n")
    post_k = found["post_k"].count(most=min(post_n, k_final), of="the smaller of post_n and k_final")
    return DriftEvidence(
        alarm_at=found["alarm_at"].count(most=n, of="n"),
        post_n=post_n,
        post_k=post_k,
        post_attempts=_attempts(found["post_attempts"], post_n, post_k) if "post_attempts" in found else (),
    )


def _ladder(at: Reader | None, notes: list[str]) -> tuple[Claim, ...]:
    claims: list[Claim] = []
    for item in at.items() if at else ():
        found = item.fields(("rung", "status"), ("reason",))
        rung = found["rung"].choice(RUNGS)
        status = found["status"].choice(("untested", "tested", "not_applicable", "declined"))
        reason = _reason(found["reason"]) if "reason" in found else ""
        if status in ("not_applicable", "declined") and not reason:
            notes.append(f"{rung} is {status} without a reason: it counts as untested")
            status = "untested"
        claims.append(Claim(rung, status, reason))
    _no_twins(at, "rung", [claim.rung for claim in claims])
    return tuple(claims)


def _reason(at: Reader) -> str:
    """Read a reason, which may be blank: that is none."""
    if not isinstance(at.value, str):
        raise at.fault("a text")
    return at.value.strip()


def _current(at: Reader, strategies: Sequence[StrategyCounts]) -> str:
    if not strategies:
        raise at.fault("no current strategy where schemas are asked about", advice="leave the key out")
    return at.choice(strategy.id for strategy in strategies)


def _config(at: Reader) -> Config:
    known = Config()
    found = at.fields(optional=Config.__dataclass_fields__)
    read: dict[str, Callable[[Reader], float]] = {
        "target": Reader.fraction,
        "alpha": Reader.fraction,
        "horizon_months": Reader.positive,
        "lead_months": _amount,
        "min_train_examples": Reader.count,
        "fdr": Reader.fraction,
        "content_margin": Reader.share,
        "primary_share_min": Reader.share,
    }
    values = {name: read[name](found[name]) if name in found else getattr(known, name) for name in read}
    return Config(**values)  # type: ignore[arg-type]


def _amount(at: Reader) -> float:
    """Read a number that is not negative: dollars, tokens, seconds, months."""
    return at.number(least=0)


def _economics(at: Reader, *, piloted: bool) -> Economics:
    found = at.fields(
        (
            "prompt_cost",
            "tuned_cost",
            "failure_cost",
            "tuned",
            "upfront",
            "hosting_per_month",
            "refresh_per_month",
        ),
        ("latency_cost_per_s",),
    )
    tuned = found["tuned"].fields(
        *((("hazards",), ("residual",)) if piloted else (("hazards", "residual"), ()))
    )
    hazards = tuple(hazard.share() for hazard in tuned["hazards"].items())
    if not hazards:
        raise tuned["hazards"].fault("the failure rate of at least one attempt")
    return Economics(
        prompt_cost=_call_cost(found["prompt_cost"]),
        tuned_cost=_call_cost(found["tuned_cost"]),
        failure_cost=_amount(found["failure_cost"]),
        tuned_hazards=hazards,
        tuned_residual=_residual(tuned["residual"]) if "residual" in tuned else None,
        upfront={name: _amount(part) for name, part in found["upfront"].members().items()},
        hosting_per_month=_amount(found["hosting_per_month"]),
        refresh_per_month=_amount(found["refresh_per_month"]),
        latency_cost_per_s=_amount(found["latency_cost_per_s"]) if "latency_cost_per_s" in found else 0.0,
    )


def _call_cost(at: Reader) -> CallCost:
    found = at.fields(CallCost.__dataclass_fields__)
    amounts = {name: _amount(value) for name, value in found.items() if name != "hit"}
    return CallCost(hit=found["hit"].share(), **amounts)


def _residual(at: Reader) -> Three:
    found = at.fields(Three._fields)
    residual = Three(*(found[name].share() for name in Three._fields))
    if not residual.opt <= residual.point <= residual.pess:
        raise at.fault(
            "opt <= point <= pess", advice=f"they are {residual.opt:g}, {residual.point:g}, {residual.pess:g}"
        )
    return residual


def _feasibility(at: Reader) -> Feasibility:
    found = at.fields(optional=Feasibility.__dataclass_fields__)
    return Feasibility(
        train_examples=found["train_examples"].count() if "train_examples" in found else None,
        new_jobs_allowed=found["new_jobs_allowed"].flag() if "new_jobs_allowed" in found else None,
        months_to_shutdown=_amount(found["months_to_shutdown"]) if "months_to_shutdown" in found else None,
    )


def _pilot(at: Reader) -> Pilot:
    found = at.fields(("n", "k_final"), ("paired", "segments", "content"))
    n = found["n"].count()
    segments = _segments(found["segments"], _pilot_segment) if "segments" in found else ()
    tuned_n = sum(segment.tuned_n or 0 for segment in segments)
    if tuned_n > n:
        raise found["segments"].fault(
            f"segments of the pilot's n = {n} calls", advice=f"their tuned_n sum to {tuned_n}"
        )
    return Pilot(
        n=n,
        k_final=found["k_final"].count(most=n, of="n"),
        paired=_pairs(found["paired"], n) if "paired" in found else None,
        segments=segments,
        content=_content(found["content"]) if "content" in found else None,
    )


def _pairs(at: Reader, n: int) -> PairCounts:
    found = at.fields(PairCounts._fields)
    b = found["b"].count(most=n, of="n")
    return PairCounts(b, found["c"].count(most=n - b, of="n - b"))


def _comparison(strategies: Sequence[StrategyCounts], at: Reader) -> ComparisonCounts:
    found = at.fields(ComparisonCounts._fields)
    ids = [strategy.id for strategy in strategies]
    n = found["n"].count()
    b = found["b"].count(most=n, of="n")
    c = found["c"].count(most=n - b, of="n - b")
    return ComparisonCounts(found["before"].choice(ids), found["after"].choice(ids), n, b, c)


def _content(at: Reader) -> ContentEvidence:
    found = at.fields(ContentEvidence._fields)
    n = found["n"].count()
    worse = found["worse"].count(most=n, of="n")
    return ContentEvidence(n, worse, found["better"].count(most=n - worse, of="n - worse"))


def _segments(at: Reader, read: Callable[[Reader], Segment]) -> tuple[Segment, ...]:
    segments = _each(at, read)
    _no_twins(at, "name", [segment.name for segment in segments])
    shares = fsum(segment.share for segment in segments)
    if segments and abs(shares - 1) > _SHARE_ROUNDING:
        raise at.fault("shares that sum to 1", advice=f"they sum to {shares:g}: add the segments left out")
    return segments


def _prompt_segment(at: Reader) -> Segment:
    found = at.fields(("name", "share", "n", "k"))
    n = found["n"].count()
    return Segment(found["name"].text(), _part(found["share"]), n, found["k"].count(most=n, of="n"))


def _pilot_segment(at: Reader) -> Segment:
    found = at.fields(Segment._fields)
    prompt_n, tuned_n = found["prompt_n"].count(), found["tuned_n"].count()
    return Segment(
        found["name"].text(),
        _part(found["share"]),
        prompt_n,
        found["prompt_k"].count(most=prompt_n, of="prompt_n"),
        tuned_n,
        found["tuned_k"].count(most=tuned_n, of="tuned_n"),
    )


def _part(at: Reader) -> float:
    """Read the share of the traffic that a segment is."""
    share = at.share()
    if share == 0:
        raise at.fault("a share above 0", advice="leave out a segment without traffic")
    return share


def _schema(at: Reader) -> SchemaCount:
    name, n, k = at.row("name", "n", "k")
    calls = n.count()
    return SchemaCount(name.text(), calls, k.count(most=calls, of="n"))


def _right(at: Reader) -> Right:
    found = at.fields(Right._fields)
    n = found["n"].count()
    return Right(n, found["right"].count(most=n, of="n"))


def _latency(at: Reader) -> CallSeconds:
    found = at.fields(("budget_s", "p50_s", "p95_s"), ("tuned_p50_s", "tuned_p95_s"))
    return CallSeconds(**{name: _amount(value) for name, value in found.items()})


def _past_target(at: Reader) -> tuple[str, float]:
    day, target = at.row("date", "target")
    return day.text(), target.fraction()


def _source(at: Reader) -> EvidenceSource:
    found = at.fields(EvidenceSource._fields)
    return EvidenceSource(found["name"].text(), found["as_of"].text())
