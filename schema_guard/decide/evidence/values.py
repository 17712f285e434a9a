# SPDX-License-Identifier: Apache-2.0
"""The evidence for a verdict, as frozen values.

Rules: a field has the name of its key in the JSON document. `Annotated` names the keys that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, NamedTuple

from schema_guard.configuration.excluded_calls import ExcludedCalls
from schema_guard.configuration.recorded_settings import Traffic
from schema_guard.decide.evidence.changes import ChangeEvidence, Counted, UngroundedRise, WeeklyEvidence
from schema_guard.decide.evidence.model_availability import Feasibility
from schema_guard.decide.evidence.money import CallCost, Economics, TrialCost
from schema_guard.decide.failures import FailingPlace
from schema_guard.decide.in_use import Arrival
from schema_guard.decide.playbook import PlaybookStep

# If the order of arrival is unknown, a strategy with a smaller share of the latest calls is a trial, or is being replaced.
_IN_PRODUCTION = 0.1

KINDS = ("syntax", "structure", "value", "semantic", "truncation", "refusal", "transport")


@dataclass(frozen=True, slots=True)
class Config:
    """The requirements.

    Attributes:
        target: Share of calls that may fail, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        horizon_months: Months within which fine-tuning must pay back.
        lead_months: Months from the decision to the tuned model in production.
        min_train_examples: The fewest validated examples that are enough to tune on.
        fdr: Share of the flagged schemas that may be flagged wrongly.
        content_margin: Share of right answers that a tuned model may lose.
        primary_share_min: Share of the traffic that tuning must serve to be worth routing.
        right: Share of values that must be right, in (0, 1). None sets no limit.
        latency_p95_s: Seconds within which 95% of the calls must end. None sets no limit.
        burst_length: Mean failed calls of the outages that "enough" must allow for; 1 if failures come one by one.
        time_zone: IANA name of the time zone whose weeks and days count.
    """

    target: float = 0.01
    alpha: float = 0.05
    horizon_months: float = 6.0
    lead_months: float = 1.0
    min_train_examples: int = 100
    fdr: float = 0.1
    content_margin: float = 0.02
    primary_share_min: float = 0.6
    right: float | None = None
    latency_p95_s: float | None = None
    burst_length: float = 1.0
    time_zone: str = "UTC"

    def as_dict(self) -> dict[str, Any]:
        """Return all requirements. The time zone is included only if it is not UTC."""
        asked = asdict(self)
        return asked if self.time_zone != "UTC" else {key: asked[key] for key in asked if key != "time_zone"}


class AttemptCounts(NamedTuple):
    """Number of calls that reached an attempt, and of those in which it failed."""

    reached: int
    failed: int


class Cluster(NamedTuple):
    """Distinct inputs with the same number of calls (*n*) and of failed calls (*failed*)."""

    n: int
    failed: int
    inputs: int = 1


class InputShares(NamedTuple):
    """Number of inputs, and the sum of each input's share of calls that missed a requirement."""

    n: int
    missed: Annotated[float, "k"]


class RightBound(NamedTuple):
    """Bounds of the wrong values among valid replies, from labels and second opinions.

    Attributes:
        lower: Lower bound of the share of wrong values, or of calls with one.
        upper: Upper bound.
        alpha: Error probability of both bounds together.
        blocks: Number of labels, including skipped ones.
        skipped: Number of skipped labels.
        unit: `value` or `call`.
        lam: Weight of second opinions.
        wrong: Sum of the shares of wrong values of all labels. None if unknown.
        configuration: The configuration whose calls were labeled.
    """

    lower: float
    upper: float
    alpha: float
    blocks: int
    skipped: int = 0
    unit: str = "value"
    lam: float = 0.0
    wrong: float | None = None
    configuration: str | None = None


class SentSettings(NamedTuple):
    """Settings that a strategy sends with the task. None if unknown.

    A *temperature* or *top_p* that isn't sent is None too.

    Attributes:
        temperature: Temperature of the request.
        top_p: Value of `top_p` in the request.
        examples: Number of examples in each prompt.
    """

    temperature: float | None = None
    top_p: float | None = None
    examples: int | None = None


class FunctionHistory(NamedTuple):
    """The history of a function over all of its versions.

    Attributes:
        calls: All calls.
        outages: Rises that fell again.
        since_outage: Calls after the last outage. All calls if there was none.
    """

    calls: int
    outages: int
    since_outage: int


class BurstEvidence(NamedTuple):
    """Counts of failures that were detected to come in bursts.

    Attributes:
        entries: Number of bursts.
        at_risk: Calls at which a burst could begin.
        failures: Calls without a valid attempt.
        calls: All calls.
        longest: Length of the longest burst in calls.
    """

    entries: int
    at_risk: int
    failures: int
    calls: int
    longest: int = 0


class ContentEvidence(NamedTuple):
    """Of n inputs with a known right answer, the number with fewer right values than the best of the *compared* prompts."""

    n: int
    worse: int
    better: int
    beside: str | None = None
    compared: int = 1


@dataclass(frozen=True, slots=True)
class StrategyCounts:
    """The counts of one strategy.

    Attributes:
        id: Name in the verdict.
        step: A step of the playbook, or `bare`.
        n: Number of calls.
        failed: Calls without a valid attempt.
        attempts: Empty if not recorded.
        failure_kinds: Calls without a valid attempt, by kind. Empty if not recorded.
        clusters: All calls by the number of calls with their input. Empty if no input repeats.
        excluded: Calls without a validated reply. They are in none of the counts above.
        traffic: The part of the traffic that these calls are. None for calls that were recorded live.
        failure_codes: Calls without a valid attempt, by the code of the last failure. None if not recorded.
        model: The model that was called. None if unknown.
        is_tuned: Whether this is a tuned model.
        traffic_share: Share of the function's latest calls, in [0, 1]. None for trials, and if unknown. With a share,
            every call counts as it comes. Without one, each distinct input counts, with weights that the tester chose.
        arrival: The arrival of its calls. None for trials, and if unknown.
        prompt_cost: Its own tokens, seconds, and prices. None if those of the economics apply.
        inputs: Distinct inputs that are not frequent, by their first call. None if not recorded.
        hot: Inputs that are 1% of the calls or more: the keyed hash, the calls, and the failed calls of each.
        change: None if the rate hasn't changed.
        history: None if not recorded.
        bursts: None if failures come one by one, as far as known.
        weekly: None before two weeks are complete.
        right: Values with a known right answer. A wrong value is a miss. None without known answers.
        right_bound: Bounds from labels. None without labels. In evidence, its key is `right` too.
        content: Its right values, compared with those of a prompt. None without known answers.
        ungrounded_rise: None unless a rise of values outside the source lasts.
        latency: Calls with known seconds. A call that is slower than required is a miss. None if not recorded.
        sent: None if not recorded.
        trial: The cost of the trial that measured it. None for production calls, and if unknown.
        stops_early: Whether replies are stopped when they can no longer become valid. If so, kinds and codes are those
            of the first fault in each reply.
        fails_at: The places at which most failed replies fail, most frequent first. Empty if not recorded.
        behind: Number of calls that a router's tuned model failed (`n`), of these the calls sent to the prompt
            (`asked`), and the calls that the prompt failed too (`k`). None without a router.
        guard: The `guard` line that sends its prompts. None for production calls, and if unknown.
    """

    id: str
    step: Annotated[str, "rung"]
    n: int
    failed: Annotated[int, "k_final"]
    attempts: tuple[AttemptCounts, ...] = ()
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    clusters: tuple[Cluster, ...] = ()
    excluded: tuple[ExcludedCalls, ...] = ()
    traffic: Traffic | None = None
    failure_codes: Mapping[str, int] | None = None
    model: str | None = None
    is_tuned: Annotated[bool, "tuned"] = False
    traffic_share: float | None = None
    arrival: Arrival | None = None
    prompt_cost: CallCost | None = None
    inputs: InputShares | None = None
    hot: tuple[tuple[str, int, int], ...] = ()
    change: ChangeEvidence | None = None
    history: FunctionHistory | None = None
    bursts: BurstEvidence | None = None
    weekly: WeeklyEvidence | None = None
    right: Counted | None = None
    right_bound: RightBound | None = None
    content: ContentEvidence | None = None
    ungrounded_rise: UngroundedRise | None = None
    latency: Counted | None = None
    sent: SentSettings | None = None
    trial: TrialCost | None = None
    stops_early: Annotated[bool, "early_stop"] = False
    fails_at: tuple[FailingPlace, ...] = ()
    behind: Mapping[str, int] | None = None
    guard: str | None = None

    @property
    def is_rated(self) -> bool:
        """Whether the rate of these calls is the rate of the traffic, or of a sample of it."""
        return self.traffic is None or self.traffic.is_rated

    @property
    def is_gone(self) -> bool:
        """Whether it is no longer in use, according to the order of arrival."""
        return self.arrival is not None and self.arrival.is_gone

    @property
    def is_in_use(self) -> bool:
        """Whether it is in use. If the order of arrival is unknown, this requires a tenth of the latest calls."""
        if self.arrival is None:
            return (self.traffic_share or 0.0) >= _IN_PRODUCTION
        return not self.arrival.is_gone


class Segment(NamedTuple):
    """A part of the traffic, measured with the best strategy and, by a pilot, with the tuned model.

    Attributes:
        name: Name in the verdict.
        share: Share of the calls, in (0, 1].
        prompt_n: Prompted calls.
        prompt_failed: Of these, failed calls.
        tuned_n: Calls of the tuned model. None without a pilot.
        tuned_failed: Of these, failed calls.
    """

    name: str
    share: float
    prompt_n: int
    prompt_failed: Annotated[int, "prompt_k"]
    tuned_n: int | None = None
    tuned_failed: Annotated[int | None, "tuned_k"] = None


class PairCounts(NamedTuple):
    """Inputs that both models answered. On *b* of them, only the tuned model was valid, and on *c*, only the prompt."""

    b: int
    c: int


class ComparisonCounts(NamedTuple):
    """Two strategies on the same *n* inputs. On *b* of them, only *after* was valid, and on *c*, only *before*."""

    before: str
    after: str
    n: int
    b: int
    c: int


@dataclass(frozen=True, slots=True)
class Pilot(StrategyCounts):
    """The counts of a tuned model.

    Attributes:
        paired: Its inputs, compared with those of the best prompt.
        segments: The parts of the traffic.
        forms: Number of measured forms of the model, of which this is the best. None for one form.
    """

    paired: PairCounts | None = None
    segments: tuple[Segment, ...] = ()
    forms: int | None = None


class SchemaCount(NamedTuple):
    """Number of calls and failed calls of one schema."""

    name: str
    n: int
    failed: int


class Right(NamedTuple):
    """Number of calls with a known right answer, and of values that equal it."""

    n: int
    right: int


@dataclass(frozen=True, slots=True)
class CallSeconds:
    """Seconds of a call: the limit, and the times of the best strategy and of a tuned model."""

    budget_s: float
    p50_s: float
    p95_s: float
    tuned_p50_s: float | None = None
    tuned_p95_s: float | None = None


class EvidenceSubject(NamedTuple):
    """The calls that the evidence is about, and the records that it leaves out.

    Attributes:
        function: Name of the guarded function. None if only trials are recorded.
        schema: Name of its schema.
        models: Models that were called.
        period: First and last day of the calls. None if unknown.
        calls: Calls with a validated reply.
        left_out: Recorded calls that do not count here.
        lost_records: Attempts that could not be stored, by reason.
        latest_days: Days of the latest calls, from which the calls per month are computed. None if they aren't.
        latest_calls: Recorded calls of these days. None if the calls per month aren't computed from them.
        schemas_of_function: Number of schemas that the function has calls of. A guard of tools has one for each tool.
        schema_fingerprint: The identity of the schema. Its name is only a label.
        texts: Calls of the function whose texts are stored. None if unknown.
        storing: The line that makes a guard store texts. None if unknown.
        clocks: Number of the last calls (`calls`), of calls dated later than now (`ahead`), and of calls dated over an
            hour earlier than a call that arrived before them (`behind`). None if there are no such calls.
        is_silent: True if the function had no call in the week before the store's last call. None if it had.
    """

    function: str | None
    schema: str
    models: tuple[str, ...] = ()
    period: tuple[str, str] | None = None
    calls: int = 0
    left_out: int = 0
    lost_records: Mapping[str, int] = {}
    latest_days: float | None = None
    latest_calls: int | None = None
    schemas_of_function: int = 1
    schema_fingerprint: str | None = None
    texts: int | None = None
    storing: str | None = None
    clocks: Mapping[str, int] | None = None
    is_silent: bool | None = None

    def as_figures(self) -> dict[str, Any]:
        """Return the facts by name, without unknown optional facts."""
        optional = ("texts", "storing", "clocks", "is_silent")
        return {
            name: value for name, value in self._asdict().items() if value is not None or name not in optional
        }


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """All evidence for a verdict.

    Attributes:
        strategies: Empty only if the question is about *schemas*.
        playbook: Claimed statuses of steps. A missing step has no claim.
        calls_per_month: None if unknown.
        current: Id of the strategy in production. None if there is none.
        config: The requirements.
        is_users_target: Whether the user set the target.
        economics: None if no costs are known. The same applies to *pilot*, *latency*, and *content*.
        feasibility: Facts that aren't given are unknown.
        pilot: Counts of a tuned model.
        segments: Segments of the best strategy's traffic. A pilot has its own.
        schemas: Schemas to check for failures.
        comparisons: Comparisons of strategies on the same inputs.
        latency: Seconds of a call.
        content: Number of right values among valid ones.
        values: The values before and after enforcement, as the published schema describes them.
        target_history: Each target with the day from which it applied.
        sources: Sources of the prices, each with its `name` and its day (`as_of`).
        notes: Notes about how the evidence was gathered, and claims that were not used as given.
        about: The calls that the evidence is about. None if unknown.
        day: Day of the decision. None if unknown.
        options: Options of the command line, without their dashes, that every printed command repeats.
        only_active_tuners: Whether the provider of the base model takes new jobs of active tuners only.
        n_functions: Functions of the store that share alpha.
        priority: The function that has half of alpha. None for equal parts.
        target_sources: The source of each target by its name in *config*: an option, a file, the store, or the default.
    """

    strategies: tuple[StrategyCounts, ...] = ()
    playbook: Annotated[tuple[PlaybookStep, ...], "ladder"] = ()
    calls_per_month: float | None = None
    current: str | None = None
    config: Config = Config()
    is_users_target: bool = False
    economics: Economics | None = None
    feasibility: Feasibility = Feasibility()  # noqa: RUF009 - it is frozen
    pilot: Pilot | None = None
    segments: tuple[Segment, ...] = ()
    schemas: tuple[SchemaCount, ...] = ()
    comparisons: tuple[ComparisonCounts, ...] = ()
    latency: CallSeconds | None = None
    content: Right | None = None
    values: Mapping[str, Any] | None = None
    target_history: tuple[tuple[str, float], ...] = ()
    sources: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    about: EvidenceSubject | None = None
    day: str | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target_sources: Mapping[str, str] = field(default_factory=dict)
    only_active_tuners: bool = False
    n_functions: int = 1
    priority: str | None = None

    @property
    def is_priority(self) -> bool | None:
        """Whether this function has half of alpha; None for equal parts."""
        is_own = self.about is not None and self.about.function == self.priority
        return None if self.priority is None else is_own
