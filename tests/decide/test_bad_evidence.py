"""Bad evidence: one fault, one message that names the place, what came, what was expected and what to do."""

from copy import deepcopy
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import pytest

from schema_guard.decide import decide
from schema_guard.errors import InvalidArgument
from tests.decide.examples import exhausted, strategy

PILOT = {
    "n": 100,
    "k_final": 2,
    "paired": {"b": 3, "c": 1},
    "content": {"n": 50, "worse": 3, "better": 2},
    "segments": [
        {"name": "a", "share": 0.6, "prompt_n": 50, "prompt_k": 1, "tuned_n": 60, "tuned_k": 1},
        {"name": "b", "share": 0.4, "prompt_n": 50, "prompt_k": 1, "tuned_n": 40, "tuned_k": 1},
    ],
}


def good():
    """Evidence with every key but *schemas*, without a fault."""
    evidence = exhausted(
        current="few_shot",
        config={"target": 0.02},
        pilot=deepcopy(PILOT),
        segments=[{"name": "a", "share": 0.5, "n": 10, "k": 1}, {"name": "b", "share": 0.5, "n": 10, "k": 1}],
        latency={"budget_s": 2, "p50_s": 1, "p95_s": 3},
        content={"n": 10, "right": 9},
        target_history=[["2026-01-01", 0.01], ["2026-02-01", 0.02]],
        sources=[{"name": "price page", "as_of": "2026-11-01"}],
        notes=["gathered by hand"],
        comparisons=[{"before": "few_shot", "after": "larger_model", "n": 40, "b": 3, "c": 1}],
    )
    evidence["strategies"].append(
        strategy("larger_model", 40, 4, clusters=[[20, 4], [20, 0]], drift=None, failure_kinds={"value": 4})
    )
    evidence["strategies"].append(
        strategy(
            "json_mode",
            400,
            40,
            drift={"alarm_at": 300, "post_n": 100, "post_k": 30, "post_attempts": [[100, 30]]},
        )
    )
    return evidence


MISSING = object()


@dataclass(frozen=True)
class Fault:
    at: str
    value: Any
    message: str

    @property
    def id(self):
        return f"{self.at}={'missing' if self.value is MISSING else self.value!r}"[:60]


def with_fault(fault):
    """Put the value of a fault at its place, or take the place away."""
    evidence = good()
    *parents, last = fault.at.strip("/").split("/")
    place = evidence
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    key = int(last) if isinstance(place, list) else last
    if fault.value is MISSING:
        del place[key]
    else:
        place[key] = fault.value
    return evidence


KEYS = (
    "calls_per_month current config strategies ladder economics feasibility pilot segments schemas comparisons latency content "
    "target_history sources notes"
)
FAULTS = [
    Fault("/stratgies", [], f"(root): expected only the keys {KEYS}, got an object with 16 keys: 'stratgies' is none of them, did you mean 'strategies'?"),
    Fault("/strategies", [], "(root): expected at least one member in 'strategies' or in 'schemas', got an object with 15 keys: without a count there is no verdict"),
    Fault("/strategies", {}, "/strategies: expected an array, got an object with 0 keys"),
    Fault("/schemas", [["a", 1, 1]], "(root): expected either 'strategies' or 'schemas', got an object with 16 keys: schemas alone ask which of them fail; decide twice"),
    Fault("/comparisons/0/after", "few_shots", "/comparisons/0/after: expected one of few_shot larger_model json_mode, got 'few_shots': did you mean 'few_shot'?"),
    Fault("/comparisons/0/c", 38, "/comparisons/0/c: expected an integer from 0 to n - b = 37, got 38"),
    Fault("/calls_per_month", 0, "/calls_per_month: expected a number > 0, got 0"),
    Fault("/calls_per_month", "many", "/calls_per_month: expected a finite number, got 'many'"),
    Fault("/calls_per_month", inf, "/calls_per_month: expected a finite number, got inf"),
    Fault("/calls_per_month", 10**400, "/calls_per_month: expected a finite number, got 1" + 78 * "0" + "…"),
    Fault("/calls_per_month", MISSING, "(root): expected the key 'calls_per_month' beside 'economics', got an object with 14 keys: costs are counted by the month"),
    Fault("/current", "fewshot", "/current: expected one of few_shot larger_model json_mode, got 'fewshot': did you mean 'few_shot'?"),
    Fault("/config/target", 0, "/config/target: expected a fraction between 0 and 1, neither of them, got 0: 1 % is 0.01"),
    Fault("/config/target", 2, "/config/target: expected a fraction between 0 and 1, neither of them, got 2: 1 % is 0.01"),
    Fault("/config/alpha", True, "/config/alpha: expected a finite number, got True"),
    Fault("/config/horizon_months", -1, "/config/horizon_months: expected a number > 0, got -1"),
    Fault("/config/lead_months", -1, "/config/lead_months: expected a number >= 0, got -1"),
    Fault("/config/min_train_examples", 1.5, "/config/min_train_examples: expected an integer from 0 to 9007199254740992, got 1.5"),
    Fault("/config/fdr", 1, "/config/fdr: expected a fraction between 0 and 1, neither of them, got 1: 1 % is 0.01"),
    Fault("/config/content_margin", -0.1, "/config/content_margin: expected a number from 0 to 1, got -0.1"),
    Fault("/config/primary_share_min", 1.1, "/config/primary_share_min: expected a number from 0 to 1, got 1.1"),
    Fault("/config/taget", 0.1, "/config: expected only the keys target alpha horizon_months lead_months min_train_examples fdr content_margin primary_share_min, got an object with 2 keys: 'taget' is none of them, did you mean 'target'?"),
    Fault("/strategies/0", 7, "/strategies/0: expected an object, got 7"),
    Fault("/strategies/0/id", " ", "/strategies/0/id: expected a text that is not blank, got ' '"),
    Fault("/strategies/1/id", "few_shot", "/strategies/1: expected another id than those before, got 'few_shot': rename one of the two"),
    Fault("/strategies/0/n", MISSING, "/strategies/0: expected the key 'n', got none: add 'n', a zero too must be given"),
    Fault("/strategies/0/n", None, "/strategies/0: expected the key 'n', got none: add 'n', a zero too must be given"),
    Fault("/strategies/0/n", True, "/strategies/0/n: expected an integer from 0 to 9007199254740992, got True"),
    Fault("/strategies/0/n", -1, "/strategies/0/n: expected an integer from 0 to 9007199254740992, got -1"),
    Fault("/strategies/0/n", nan, "/strategies/0/n: expected an integer from 0 to 9007199254740992, got nan"),
    Fault("/strategies/0/k_final", 2001, "/strategies/0/k_final: expected an integer from 0 to n = 2000, got 2001"),
    Fault("/strategies/0/k_final", "120", "/strategies/0/k_final: expected an integer from 0 to n = 2000, got '120'"),
    Fault("/strategies/0/rung", "fewshots", "/strategies/0/rung: expected one of bare raise_max_output_tokens lenient_parse system_prompt strict_schema json_mode few_shot temperature reason_then_format schema_simplify repair_retry larger_model, got 'fewshots': did you mean 'few_shot'?"),
    Fault("/strategies/0/rung", "tuned", "/strategies/0/rung: expected a rung of the ladder or 'bare', got 'tuned': a tuned model's counts stand under /pilot"),
    Fault("/strategies/0/attempts", [], "/strategies/0/attempts: expected at least one attempt, got an array of 0: leave the key out where attempts are not recorded"),
    Fault("/strategies/0/attempts/0", [1999, 200], "/strategies/0/attempts/0/0: expected an integer from 2000 to n = 2000, got 1999"),
    Fault("/strategies/0/attempts/0", [2000], "/strategies/0/attempts/0: expected an array [n_j, k_j], got an array of 1"),
    Fault("/strategies/0/attempts/1", [201, 150], "/strategies/0/attempts/1/0: expected an integer from 0 to failed before = 200, got 201"),
    Fault("/strategies/0/attempts/1", [200, 201], "/strategies/0/attempts/1/1: expected an integer from 0 to n_j = 200, got 201"),
    Fault("/strategies/0/attempts/2", [150, 119], "/strategies/0/attempts: expected attempts that leave k_final = 120 calls without a valid one, got an array of 3: these leave 119"),
    Fault("/strategies/0/attempts/2", [149, 130], "/strategies/0/attempts: expected attempts that leave k_final = 120 calls without a valid one, got an array of 3: these leave 130 to 131"),
    Fault("/strategies/0/failure_kinds/sintax", 1, "/strategies/0/failure_kinds: expected only the kinds syntax structure value semantic truncation refusal transport, got an object with 3 keys: 'sintax' is none of them, did you mean 'syntax'?"),
    Fault("/strategies/0/failure_kinds/value", 101, "/strategies/0/failure_kinds: expected kinds of the k_final = 120 unhandled calls, got an object with 2 keys: these are 121: count the calls without a valid attempt, not attempts"),
    Fault("/strategies/1/failure_kinds", {"transport": 1}, "/strategies/1/failure_kinds/transport: expected none beside clusters, got 1: leave these calls out of n, k_final and clusters"),
    Fault("/strategies/1/clusters/1", [20, 1], "/strategies/1/clusters: expected clusters of 40 calls with 4 failures in all, got an array of 2: these have 40 with 5: give one pair for each distinct input"),
    Fault("/strategies/1/clusters/1", [0, 0], "/strategies/1/clusters/1/0: expected an integer from 1 to 9007199254740992, got 0"),
    Fault("/strategies/1/clusters/1", [20, 0, 2], "/strategies/1/clusters: expected clusters of 40 calls with 4 failures in all, got an array of 2: these have 60 with 4: give one pair for each distinct input"),
    Fault("/strategies/1/clusters/1", [20, 0, 0], "/strategies/1/clusters/1/2: expected an integer from 1 to 9007199254740992, got 0"),
    Fault("/strategies/1/clusters/1", [20, 0, 1, 1], "/strategies/1/clusters/1: expected an array [n, k, inputs], got an array of 4"),
    Fault("/strategies/1/clusters/1", [20], "/strategies/1/clusters/1: expected an array [n, k], got an array of 1"),
    Fault("/notes/0", "", "/notes/0: expected a text that is not blank, got ''"),
    Fault("/strategies/2/drift/post_n", 401, "/strategies/2/drift/post_n: expected an integer from 0 to n = 400, got 401"),
    Fault("/strategies/2/drift/post_k", 41, "/strategies/2/drift/post_k: expected an integer from 0 to the smaller of post_n and k_final = 40, got 41"),
    Fault("/strategies/2/drift/alarm_at", MISSING, "/strategies/2/drift: expected the key 'alarm_at', got none: add 'alarm_at', a zero too must be given"),
    Fault("/strategies/2/drift/post_attempts", [[100, 31]], "/strategies/2/drift/post_attempts: expected attempts that leave k_final = 30 calls without a valid one, got an array of 1: these leave 31"),
    Fault("/ladder/0/rung", "bare", "/ladder/0/rung: expected one of raise_max_output_tokens lenient_parse system_prompt strict_schema json_mode few_shot temperature reason_then_format schema_simplify repair_retry larger_model, got 'bare'"),
    Fault("/ladder/0/status", "done", "/ladder/0/status: expected one of untested tested not_applicable declined, got 'done'"),
    Fault("/ladder/0/reason", 3, "/ladder/0/reason: expected a text, got 3"),
    Fault("/ladder/1/rung", "raise_max_output_tokens", "/ladder/1: expected another rung than those before, got 'raise_max_output_tokens': rename one of the two"),
    Fault("/economics/failure_cost", MISSING, "/economics: expected the key 'failure_cost', got none: add 'failure_cost', a zero too must be given"),
    Fault("/economics/failure_cost", -1, "/economics/failure_cost: expected a number >= 0, got -1"),
    Fault("/economics/prompt_cost/p_in", MISSING, "/economics/prompt_cost: expected the key 'p_in', got none: add 'p_in', a zero too must be given"),
    Fault("/economics/tuned_cost/hit", 80, "/economics/tuned_cost/hit: expected a number from 0 to 1, got 80"),
    Fault("/economics/upfront/labels", "1000", "/economics/upfront/labels: expected a finite number, got '1000'"),
    Fault("/economics/tuned/hazards", [], "/economics/tuned/hazards: expected the failure rate of at least one attempt, got an array of 0"),
    Fault("/economics/tuned/residual/pess", 0.0001, "/economics/tuned/residual: expected opt <= point <= pess, got an object with 3 keys: they are 0.001, 0.004, 0.0001"),
    Fault("/feasibility/new_jobs_allowed", "yes", "/feasibility/new_jobs_allowed: expected true or false, got 'yes'"),
    Fault("/feasibility/months_to_shutdown", -1, "/feasibility/months_to_shutdown: expected a number >= 0, got -1"),
    Fault("/pilot/k_final", 101, "/pilot/k_final: expected an integer from 0 to n = 100, got 101"),
    Fault("/pilot/paired/c", 98, "/pilot/paired/c: expected an integer from 0 to n - b = 97, got 98"),
    Fault("/pilot/content/better", 48, "/pilot/content/better: expected an integer from 0 to n - worse = 47, got 48"),
    Fault("/pilot/segments/0/tuned_n", 61, "/pilot/segments: expected segments of the pilot's n = 100 calls, got an array of 2: their tuned_n sum to 101"),
    Fault("/pilot/segments/0/tuned_k", 61, "/pilot/segments/0/tuned_k: expected an integer from 0 to tuned_n = 60, got 61"),
    Fault("/pilot/segments/0/share", 0.5, "/pilot/segments: expected shares that sum to 1, got an array of 2: they sum to 0.9: add the segments left out"),
    Fault("/segments/0/share", 0, "/segments/0/share: expected a share above 0, got 0: leave out a segment without traffic"),
    Fault("/segments/1/name", "a", "/segments/1: expected another name than those before, got 'a': rename one of the two"),
    Fault("/segments/1/k", 11, "/segments/1/k: expected an integer from 0 to n = 10, got 11"),
    Fault("/latency/p50_s", "fast", "/latency/p50_s: expected a finite number, got 'fast'"),
    Fault("/content/right", 11, "/content/right: expected an integer from 0 to n = 10, got 11"),
    Fault("/target_history/0", ["2026-01-01"], "/target_history/0: expected an array [date, target], got an array of 1"),
    Fault("/sources/0/as_of", 2026, "/sources/0/as_of: expected a text that is not blank, got 2026"),
]  # fmt: skip


def test_evidence_without_a_fault_has_a_verdict():
    """What the faults are put into is good evidence."""
    assert decide(good()).verdict == "NEED_MORE_DATA"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_one_fault_gives_one_message(fault):
    """A fault is told with its place, what was expected there, what came and what to do."""
    with pytest.raises(InvalidArgument) as caught:
        decide(with_fault(fault))

    assert str(caught.value) == f"evidence at {fault.message}"


@pytest.mark.parametrize("evidence", [None, [], "text"])
def test_evidence_is_an_object(evidence):
    """Anything but an object is no evidence."""
    with pytest.raises(InvalidArgument, match=r"^evidence at \(root\): expected an object, got "):
        decide(evidence)


def test_schemas_have_no_current_strategy():
    """Where schemas are asked about, no strategy can be the current one."""
    with pytest.raises(InvalidArgument, match=r"^evidence at /current: expected no current strategy"):
        decide({"schemas": [["a", 1, 1]], "current": "few_shot"})


def test_schema_names_are_distinct():
    """Two schemas of one name would share their evidence."""
    with pytest.raises(
        InvalidArgument, match=r"^evidence at /schemas/1: expected another name than those before"
    ):
        decide({"schemas": [["a", 1, 1], ["a", 2, 1]]})


def test_whole_floats_are_counts():
    """JSON does not tell 60 from 60.0, and so a whole float counts."""
    counts = {"id": "a", "rung": "bare", "n": 1000.0, "k_final": 0.0}

    assert decide({"strategies": [counts]}).as_dict()["rates"]["a"]["n"] == 1000


def test_no_reason_is_a_note():
    """A rung that is declined without a reason counts as untested, and a note says so."""
    evidence = exhausted(ladder=[{"rung": "json_mode", "status": "declined", "reason": " "}])

    found = decide(evidence).as_dict()

    assert "json_mode is declined without a reason: it counts as untested" in found["notes"]
