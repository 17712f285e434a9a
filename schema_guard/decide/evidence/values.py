# SPDX-License-Identifier: Apache-2.0
"""Evidence: what a verdict is made from, as frozen values.

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
    """What is asked for.

    Attributes:
        target: Share of calls that may fail, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        horizon_months: Within how many months fine-tuning has to pay back.
        lead_months: From the decision to the tuned model in production.
        min_train_examples: Fewer validated examples than these are not enough to tune on.
        fdr: Of the schemas flagged, the share that may be flagged wrongly.
        content_margin: The share of right answers that a tuned model may lose.
        primary_share_min: The share of the traffic that tuning must serve to be worth routing.
        right: Share of values that must be right, in (0, 1); None does not ask.
        latency_p95_s: Seconds within which 95 % of the calls must end; None does not ask.
        burst_length: Mean failed calls of the outages that "enough" must stand up to; 1 when failures come one by one.
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
        """Return all that is asked for; the time zone only if it is not UTC."""
        asked = asdict(self)
        return asked if self.time_zone != "UTC" else {key: asked[key] for key in asked if key != "time_zone"}


class AttemptCounts(NamedTuple):
    """How many calls reached an attempt, and in how many of them it failed."""

    reached: int
    failed: int


class Cluster(NamedTuple):
    """Distinct inputs that were each asked *n* times and *failed* so often."""

    n: int
    failed: int
    inputs: int = 1


class InputShares(NamedTuple):
    """Inputs, and of each the share of its calls that missed what is asked for, added up."""

    n: int
    missed: Annotated[float, "k"]


class RightBound(NamedTuple):
    """Bounds of the wrong values among valid replies, from labels and second opinions.

    Attributes:
        lower: Lower bound of the share of wrong values, or of calls with one.
        upper: Upper bound.
        alpha: Error probability of both bounds together.
        blocks: Labels, and labels that were skipped.
        skipped: The skipped ones.
        unit: `value` or `call`.
        lam: How much second opinions count.
        wrong: The shares of wrong values of all labels, added up; None if it is not known.
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
    """What a strategy sends with the task; None is not known, and of *temperature* and *top_p* also not sent.

    Attributes:
        temperature: Of the request.
        top_p: Of the request.
        examples: Shown in each prompt.
    """

    temperature: float | None = None
    top_p: float | None = None
    examples: int | None = None


class FunctionHistory(NamedTuple):
    """What is known of a function over all of its versions.

    Attributes:
        calls: All of them.
        outages: Rises that fell again.
        since_outage: Calls after the last of them; all calls where there was none.
    """

    calls: int
    outages: int
    since_outage: int


class BurstEvidence(NamedTuple):
    """Failures that come in bursts: where they were noticed.

    Attributes:
        entries: Bursts.
        at_risk: Calls at which one could begin.
        failures: Calls without a valid attempt.
        calls: All calls.
        longest: Calls of the longest burst.
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
    """What was counted of one way to ask.

    Attributes:
        id: As the verdict names it.
        step: A step of the playbook, or `bare`.
        n: Calls.
        failed: Calls without a valid attempt.
        attempts: Empty when not recorded.
        failure_kinds: Calls without a valid attempt, by kind; empty when not recorded.
        clusters: Of all calls, by how often their input was asked; empty when no input repeats.
        excluded: Calls without a judged reply, which are in none of the counts above.
        traffic: What part of the traffic these calls are; None for calls that were recorded as they were made.
        failure_codes: Calls without a valid attempt, by the code of the last failure; None when not recorded.
        model: That was asked; None when unknown.
        is_tuned: Whether that is a tuned model.
        traffic_share: Of the function's latest calls, in [0, 1]; None for trials and where it is not known. What has one
            is judged on its calls, as they come; what has none on distinct inputs, whose weights are the tester's.
        arrival: When its calls arrived; None for trials and if that is not known.
        prompt_cost: Tokens, seconds and prices of its own; None where those of the economics hold.
        inputs: Distinct inputs that are not frequent, by their first call; None when not recorded.
        hot: Inputs that are 1% of the calls or more: the keyed hash, the calls, and the failed calls of each.
        change: None when the rate has not changed.
        history: None when not recorded.
        bursts: None when failures come one by one, as far as is known.
        weekly: None before two weeks are complete.
        right: Values whose right answer is known, missed when wrong; None when none is known.
        right_bound: Bounds from labels; None without labels. Evidence has it as `right` too.
        content: Its right values beside those of a prompt; None without known answers.
        ungrounded_rise: None when no rise of values outside the source lasts.
        latency: Calls whose seconds are known, missed when slower than asked; None when not recorded.
        sent: None when not recorded.
        trial: What measuring it took; None for calls of production and where it is not known.
        stops_early: Whether replies are stopped when they can no longer become valid: then kinds and codes are those of
            the first fault of each.
        fails_at: The places at which most failed replies fail, the first one most often; empty when not recorded.
        behind: Number of calls that a router's tuned model failed (`n`), that were `asked` of the prompt then, and that
            the prompt failed too (`k`); None without a router.
        guard: The line of `guard` that sends its prompts; None for calls of production and if it is not known.
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
        """Whether a rate of these calls is one of the traffic, or of a sample of it."""
        return self.traffic is None or self.traffic.is_rated

    @property
    def is_gone(self) -> bool:
        """Whether it was in use and is no more, by the order of arrival."""
        return self.arrival is not None and self.arrival.is_gone

    @property
    def is_in_use(self) -> bool:
        """Whether it is in use. If the order of arrival is not known, a tenth of the latest calls decides."""
        if self.arrival is None:
            return (self.traffic_share or 0.0) >= _IN_PRODUCTION
        return not self.arrival.is_gone


class Segment(NamedTuple):
    """A part of the traffic, measured under the best strategy, and under the tuned model by a pilot.

    Attributes:
        name: As the verdict names it.
        share: Of the calls, in (0, 1].
        prompt_n: Calls that were prompted.
        prompt_failed: Of these, failed ones.
        tuned_n: Calls of the tuned model; None without a pilot.
        tuned_failed: Of these, failed ones.
    """

    name: str
    share: float
    prompt_n: int
    prompt_failed: Annotated[int, "prompt_k"]
    tuned_n: int | None = None
    tuned_failed: Annotated[int | None, "tuned_k"] = None


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


@dataclass(frozen=True, slots=True)
class Pilot(StrategyCounts):
    """The counts of a tuned model.

    Attributes:
        paired: Its inputs beside those of the best prompt.
        segments: The parts of the traffic.
        forms: Of how many measured forms of the model it is the best; None for one.
    """

    paired: PairCounts | None = None
    segments: tuple[Segment, ...] = ()
    forms: int | None = None


class SchemaCount(NamedTuple):
    """Calls of one schema and how many of them failed."""

    name: str
    n: int
    failed: int


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


class EvidenceSubject(NamedTuple):
    """Whose calls they are, and what is not among them.

    Attributes:
        function: Name of the guarded function; None where nothing but trials is recorded.
        schema: Name of its schema.
        models: That were asked.
        period: First and last day of the calls; None when unknown.
        calls: With a judged reply.
        left_out: Calls that are recorded and do not count here.
        lost_records: Attempts that could not be stored, by reason.
        latest_days: Days of the latest calls, from which calls per month are read; None when they are not.
        latest_calls: Recorded calls of these days; None if calls per month are not read from them.
        schemas_of_function: How many the function has calls of, as a guard of tools has one for each.
        schema_fingerprint: The identity of the schema. Its name is only a label.
        texts: Calls of the function whose texts are stored; None if that is not known.
        storing: The line that makes a guard store texts; None if it is not known.
        clocks: How many of the last calls (`calls`) are dated later than now (`ahead`), or over an hour earlier than a call
            that arrived before them (`behind`); None if there are none.
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

    def as_figures(self) -> dict[str, Any]:
        """Return the facts by their names, without the unknown ones about stored texts and clocks."""
        optional = ("texts", "storing", "clocks")
        return {
            name: value for name, value in self._asdict().items() if value is not None or name not in optional
        }


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """All that a verdict is made from.

    Attributes:
        strategies: Empty only where *schemas* are asked about.
        playbook: What is claimed of steps; a step that is not here is not claimed either way.
        calls_per_month: None when unknown.
        current: Id of the strategy in production; None when none is.
        config: What is asked for.
        is_users_target: Whether the target is the asker's own.
        economics: None when nothing is known of costs; so with *pilot*, *latency* and *content*.
        feasibility: Unknown where it is not given.
        pilot: A tuned model's counts.
        segments: Of the best strategy's traffic; a pilot brings its own.
        schemas: Asks which of these fail.
        comparisons: Of strategies that were asked the same inputs.
        latency: Seconds of a call.
        content: How often valid values were right.
        values: The values before and after enforcement, as the published schema describes them.
        target_history: Days and the targets since.
        sources: Of the prices, each with its `name` and its day (`as_of`).
        notes: What whoever gathered the evidence has to say, and what was not taken as it was claimed.
        about: None where nobody says whose calls they are.
        day: On which it is decided; None where nobody says.
        options: Options of the command line, without their dashes, that every printed command repeats.
        only_active_tuners: Whether the provider of the base model takes new jobs of active tuners only.
        n_functions: Functions of the store that share alpha.
        priority: The function that has half of it; None for equal parts.
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
