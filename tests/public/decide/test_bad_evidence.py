"""Bad evidence: one fault, one message that names the place, what came, what was expected and what to do."""

from copy import deepcopy
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import pytest

from schema_guard import InvalidArgument
from schema_guard.decide import decide
from tests.public.decide.examples import exhausted, strategy

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
        strategy("larger_model", 40, 4, clusters=[[20, 4], [20, 0]], failure_kinds={"value": 4})
    )
    evidence["strategies"].append(strategy("json_mode", 400, 40))
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
    "calls_per_month current config strategies ladder economics feasibility pilot segments schemas comparisons latency content values "
    "target_history sources about day options n_functions priority target_sources notes"
)
FAULTS = [
    Fault("/stratgies", [], f"(root): expected no further properties, got object with 'stratgies': known are {KEYS}. Did you mean 'strategies'?"),
    Fault("/strategies", [], "(root): expected at least one member in 'strategies' or in 'schemas', got object with 15 properties: without a count there is no verdict"),
    Fault("/strategies", {}, "/strategies: expected null or array, got object with 0 properties: a list with one object for each strategy"),
    Fault("/schemas", [["a", 1, 1]], "(root): expected either 'strategies' or 'schemas', got object with 16 properties: schemas alone ask which of them fail, so decide twice"),
    Fault("/comparisons/0/after", "few_shots", "/comparisons/0/after: expected one of few_shot larger_model json_mode, got string 'few_shots'. Did you mean 'few_shot'?"),
    Fault("/comparisons/0/c", 38, "/comparisons/0/c: expected at most n - b = 37, got number 38"),
    Fault("/calls_per_month", 0, "/calls_per_month: expected a number > 0, got number 0: the number of production calls per month, from which schema_guard calculates costs"),
    Fault("/calls_per_month", "many", "/calls_per_month: expected null or number, got string 'many': the number of production calls per month, from which schema_guard calculates costs"),
    Fault("/calls_per_month", inf, "/calls_per_month: expected a finite number, got number inf"),
    Fault("/calls_per_month", 10**400, "/calls_per_month: expected a finite number, got number of 1329 bits"),
    Fault("/calls_per_month", MISSING, "(root): expected property 'calls_per_month' beside 'economics', got object with 14 properties: costs are counted by the month"),
    Fault("/current", "fewshot", "/current: expected one of few_shot larger_model json_mode, got string 'fewshot'. Did you mean 'few_shot'?"),
    Fault("/config/target", 0, "/config/target: expected a number > 0, got number 0: the share of calls that may fail, above 0 and below 1, such as 0.01 for 1%"),
    Fault("/config/target", 2, "/config/target: expected a number < 1, got number 2: the share of calls that may fail, above 0 and below 1, such as 0.01 for 1%"),
    Fault("/config/alpha", True, "/config/alpha: expected null or number, got boolean true: the accepted probability that any verdict is wrong, above 0 and below 1, such as 0.05 for 5%"),
    Fault("/config/horizon_months", -1, "/config/horizon_months: expected a number > 0, got number -1: the number of months within which fine-tuning must pay for itself"),
    Fault("/config/lead_months", -1, "/config/lead_months: expected a number >= 0, got number -1: the number of months from the decision to the tuned model in production, 0 or more"),
    Fault("/config/min_train_examples", 1.5, "/config/min_train_examples: expected null or integer, got number 1.5: the smallest number of validated examples that is enough for tuning, 0 or more"),
    Fault("/config/fdr", 1, "/config/fdr: expected a number < 1, got number 1: the share of the flagged schemas that may be flagged wrongly, above 0 and below 1, such as 0.1 for 10%"),
    Fault("/config/content_margin", -0.1, "/config/content_margin: expected a number >= 0, got number -0.1: the share of right answers that a tuned model may lose, from 0 to 1, such as 0.02 for 2%"),
    Fault("/config/primary_share_min", 1.1, "/config/primary_share_min: expected a number <= 1, got number 1.1: the smallest share of the traffic that makes routing to a tuned model worthwhile, from 0 to 1, such as 0.6 for 60%"),
    Fault("/config/taget", 0.1, "/config: expected no further properties, got object with 'taget': known are target alpha horizon_months lead_months min_train_examples fdr content_margin primary_share_min right latency_p95_s burst_length time_zone. Did you mean 'target'?"),
    Fault("/strategies/0", 7, "/strategies/0: expected object, got number 7: the counts of one strategy"),
    Fault("/strategies/0/id", " ", "/strategies/0/id: expected a string that matches '\\\\S', got string ' ': a unique name for the strategy in the verdict, not blank"),
    Fault("/strategies/1/id", "few_shot", "/strategies/1: expected another id than those before, got string 'few_shot': rename one of the two"),
    Fault("/strategies/0/n", MISSING, "/strategies/0: expected property 'n', got object with 5 properties: add 'n', the number of calls with at least one validated reply, 0 or more"),
    Fault("/strategies/0/n", None, "/strategies/0/n: expected integer, got null: the number of calls with at least one validated reply, 0 or more"),
    Fault("/strategies/0/n", True, "/strategies/0/n: expected integer, got boolean true: the number of calls with at least one validated reply, 0 or more"),
    Fault("/strategies/0/n", -1, "/strategies/0/n: expected a number >= 0, got number -1: the number of calls with at least one validated reply, 0 or more"),
    Fault("/strategies/0/n", nan, "/strategies/0/n: expected a finite number, got number nan"),
    Fault("/strategies/0/k_final", 2001, "/strategies/0/k_final: expected at most n = 2000, got number 2001"),
    Fault("/strategies/0/k_final", "120", "/strategies/0/k_final: expected integer, got string '120': how many of the n calls had no valid attempt, 0 or more"),
    Fault("/strategies/0/rung", "fewshots", "/strategies/0/rung: expected one of 'bare', 'raise_max_output_tokens', 'reasoning_limit', 'lenient_parse', 'system_prompt', 'strict_schema', 'json_mode', 'few_shot' and 11 more, got string 'fewshots': bare, a step of the playbook, or other_model if you don't know whether the model is larger. Put the counts of a tuned model under /pilot; known are bare raise_max_output_tokens reasoning_limit lenient_parse system_prompt strict_schema json_mode few_shot temperature reason_then_format strict_only reason_then_strict improved_prompt decision_model schema_simplify repair_retry smaller_model larger_model other_model. Did you mean 'few_shot'?"),
    Fault("/strategies/0/rung", "tuned", "/strategies/0/rung: expected one of 'bare', 'raise_max_output_tokens', 'reasoning_limit', 'lenient_parse', 'system_prompt', 'strict_schema', 'json_mode', 'few_shot' and 11 more, got string 'tuned': bare, a step of the playbook, or other_model if you don't know whether the model is larger. Put the counts of a tuned model under /pilot; known are bare raise_max_output_tokens reasoning_limit lenient_parse system_prompt strict_schema json_mode few_shot temperature reason_then_format strict_only reason_then_strict improved_prompt decision_model schema_simplify repair_retry smaller_model larger_model other_model"),
    Fault("/strategies/0/attempts", [], "/strategies/0/attempts: expected at least 1 item, got array of 0 items: a list with one [n_j, k_j] for each attempt, in order. Leave the key out if attempts are not recorded"),
    Fault("/strategies/0/attempts/0", [1999, 200], "/strategies/0/attempts/0/0: expected n = 2000, which all reach attempt 1, got number 1999"),
    Fault("/strategies/0/attempts/0", [2000], "/strategies/0/attempts/0: expected at least 2 items, got array of 1 item: [n_j, k_j]: the number of calls that reached attempt j, and how many of them failed in it"),
    Fault("/strategies/0/attempts/1", [201, 150], "/strategies/0/attempts/1/0: expected at most failed before = 200, got number 201"),
    Fault("/strategies/0/attempts/1", [200, 201], "/strategies/0/attempts/1/1: expected at most n_j = 200, got number 201"),
    Fault("/strategies/0/attempts/2", [150, 119], "/strategies/0/attempts: expected attempts that leave k_final = 120 calls without a valid one, got array of 3 items: these leave 119"),
    Fault("/strategies/0/attempts/2", [149, 130], "/strategies/0/attempts: expected attempts that leave k_final = 120 calls without a valid one, got array of 3 items: these leave 130 to 131"),
    Fault("/strategies/0/failure_kinds/sintax", 1, "/strategies/0/failure_kinds: expected no further properties, got object with 'sintax': known are syntax structure value semantic truncation refusal transport. Did you mean 'syntax'?"),
    Fault("/strategies/0/failure_kinds/value", 101, "/strategies/0/failure_kinds: expected kinds of the k_final = 120 failed calls, got object with 2 properties: these are 121: count the calls without a valid attempt, not attempts"),
    Fault("/strategies/1/failure_kinds", {"transport": 1}, "/strategies/1/failure_kinds/transport: expected none beside clusters, got number 1: leave these calls out of n, k_final and clusters"),
    Fault("/strategies/1/clusters/1", [20, 1], "/strategies/1/clusters: expected clusters of 40 calls with 4 failures in all, got array of 2 items: these have 40 with 5. Pass one pair for each distinct input"),
    Fault("/strategies/1/clusters/1", [0, 0], "/strategies/1/clusters/1/0: expected a number >= 1, got number 0: the number of calls with this input, 1 or more"),
    Fault("/strategies/1/clusters/1", [20, 0, 2], "/strategies/1/clusters: expected clusters of 40 calls with 4 failures in all, got array of 2 items: these have 60 with 4. Pass one pair for each distinct input"),
    Fault("/strategies/1/clusters/1", [20, 0, 0], "/strategies/1/clusters/1/2: expected a number >= 1, got number 0: the number of inputs with the same n and k, 1 or more"),
    Fault("/strategies/1/clusters/1", [20, 0, 1, 1], "/strategies/1/clusters/1: expected at most 3 items, got array of 4 items: [n, k] for one input, or [n, k, inputs] for several inputs with the same n and k"),
    Fault("/strategies/1/clusters/1", [20], "/strategies/1/clusters/1: expected at least 2 items, got array of 1 item: [n, k] for one input, or [n, k, inputs] for several inputs with the same n and k"),
    Fault("/notes/0", "", "/notes/0: expected a string that matches '\\\\S', got string '': a note that is not blank"),
    Fault("/ladder/0/rung", "bare", "/ladder/0/rung: expected one of 'raise_max_output_tokens', 'reasoning_limit', 'lenient_parse', 'system_prompt', 'strict_schema', 'json_mode', 'few_shot', 'temperature' and 9 more, got string 'bare': a step of the playbook; known are raise_max_output_tokens reasoning_limit lenient_parse system_prompt strict_schema json_mode few_shot temperature reason_then_format strict_only reason_then_strict improved_prompt decision_model schema_simplify repair_retry smaller_model larger_model"),
    Fault("/ladder/0/status", "done", "/ladder/0/status: expected one of 'untested', 'tested', 'not_applicable', 'declined', got string 'done': the status of the step"),
    Fault("/ladder/0/reason", 3, "/ladder/0/reason: expected null or string, got number 3: the reason not to try the step. Without a reason, a step that is not_applicable or declined counts as untested"),
    Fault("/ladder/1/rung", "raise_max_output_tokens", "/ladder/1: expected another rung than those before, got string 'raise_max_output_tokens': rename one of the two"),
    Fault("/economics/failure_cost", MISSING, "/economics: expected property 'failure_cost', got object with 6 properties: add 'failure_cost', the cost of one failed call to your business, in dollars, 0 or more"),
    Fault("/economics/failure_cost", -1, "/economics/failure_cost: expected a number >= 0, got number -1: the cost of one failed call to your business, in dollars, 0 or more"),
    Fault("/economics/prompt_cost/p_in", MISSING, "/economics/prompt_cost: expected property 'p_in', got object with 8 properties: add 'p_in', the price of a million input tokens, in dollars, 0 or more"),
    Fault("/economics/tuned_cost/hit", 80, "/economics/tuned_cost/hit: expected a number <= 1, got number 80: the share of the fixed tokens that are billed as cached, from 0 to 1"),
    Fault("/economics/upfront/labels", "1000", "/economics/upfront/labels: expected null or number, got string '1000': the cost in dollars, 0 or more"),
    Fault("/strategies/0/sent", {"top_p": 1.5}, "/strategies/0/sent/top_p: expected a number <= 1, got number 1.5: the top_p of the request, from 0 to 1"),
    Fault("/strategies/0/trial", {"dollars": -1}, "/strategies/0/trial/dollars: expected a number >= 0, got number -1: the cost in dollars, 0 or more"),
    Fault("/strategies/0/trial", {"euros": 1}, "/strategies/0/trial: expected no further properties, got object with 'euros': known are input_tokens output_tokens seconds dollars"),
    Fault("/economics/tuned/hazards", [], "/economics/tuned/hazards: expected at least 1 item, got array of 0 items: a list with the failure rate of each attempt, starting with the first"),
    Fault("/economics/tuned/residual/pess", 0.0001, "/economics/tuned/residual: expected opt <= point <= pess, got object with 3 properties: they are 0.001, 0.004, 0.0001"),
    Fault("/economics/hosting_per_call", -1, "/economics/hosting_per_call: expected a number >= 0, got number -1: the cost of hosting for each call of the tuned model, in dollars, if this cost grows with the calls"),
    Fault("/economics/retuning_cost", 9, "/economics: expected property 'retuning_every_months', got object with 8 properties: retuning_cost and retuning_every_months need each other"),
    Fault("/economics/retuning_every_months", 0, "/economics/retuning_every_months: expected a number > 0, got number 0: the number of months between two retunings"),
    Fault("/economics/next_tuning", -1, "/economics/next_tuning: expected a number >= 0, got number -1: the cost of tuning the next base model after this one ends, in dollars. Default: the upfront costs without labels"),
    Fault("/economics/prompt_cost/batch_share", 0.5, "/economics/prompt_cost: expected property 'batch_price', got object with 10 properties: batch_share and batch_price need each other"),
    Fault("/economics/tuned_cost/batch_price", 2, "/economics/tuned_cost/batch_price: expected a number <= 1, got number 2: the price of a call in a batch, as a share of its usual price, from 0 to 1"),
    Fault("/economics/tuned_cost/p_cache_write", -1, "/economics/tuned_cost/p_cache_write: expected a number >= 0, got number -1: the price, in dollars, of a million fixed tokens that are written to the cache instead of read from it. Default: p_in"),
    Fault("/feasibility/next_life_months", 0, "/feasibility/next_life_months: expected a number > 0, got number 0: the lifetime of each later base model, in months. Default: 18"),
    Fault("/feasibility/new_jobs_allowed", "yes", "/feasibility/new_jobs_allowed: expected null or boolean, got string 'yes': whether the provider accepts new tuning jobs"),
    Fault("/feasibility/active_tuner", "yes", "/feasibility/active_tuner: expected null or boolean, got string 'yes': whether your account called a tuned model of the provider within the last 60 days, or has a tuning job"),
    Fault("/feasibility/months_to_shutdown", -1, "/feasibility/months_to_shutdown: expected a number >= 0, got number -1: the number of months until the provider shuts down the base model, 0 or more"),
    Fault("/pilot/k_final", 101, "/pilot/k_final: expected at most n = 100, got number 101"),
    Fault("/pilot/paired/c", 98, "/pilot/paired/c: expected at most n - b = 97, got number 98"),
    Fault("/pilot/content/better", 48, "/pilot/content/better: expected at most n - worse = 47, got number 48"),
    Fault("/pilot/segments/0/tuned_n", 61, "/pilot/segments: expected segments of the pilot's n = 100 calls, got array of 2 items: their tuned_n sum to 101"),
    Fault("/pilot/segments/0/tuned_k", 61, "/pilot/segments/0/tuned_k: expected at most tuned_n = 60, got number 61"),
    Fault("/pilot/segments/0/share", 0.5, "/pilot/segments: expected shares that sum to 1, got array of 2 items: they sum to 0.9. Add the segments left out"),
    Fault("/segments/0/share", 0, "/segments/0/share: expected a number > 0, got number 0: the segment's share of the traffic, above 0 and at most 1. Leave out a segment without traffic"),
    Fault("/segments/1/name", "a", "/segments/1: expected another name than those before, got string 'a': rename one of the two"),
    Fault("/segments/1/k", 11, "/segments/1/k: expected at most n = 10, got number 11"),
    Fault("/latency/p50_s", "fast", "/latency/p50_s: expected number, got string 'fast': the median duration of a call in seconds, 0 or more"),
    Fault("/content/right", 11, "/content/right: expected at most n = 10, got number 11"),
    Fault("/target_history/0", ["2026-01-01"], "/target_history/0: expected at least 2 items, got array of 1 item: [date, target]: the date from which the target applied, and the target"),
    Fault("/strategies/0/attempts/0/0", None, "/strategies/0/attempts/0/0: expected integer, got null: [n_j, k_j]: the number of calls that reached attempt j, and how many of them failed in it"),
    Fault("/strategies/1/clusters", [], "/strategies/1/clusters: expected clusters of 40 calls with 4 failures in all, got array of 0 items: these have 0 with 0. Pass one pair for each distinct input"),
    Fault("/strategies/1/clusters/0", [20, 21], "/strategies/1/clusters/0/1: expected at most n = 20, got number 21"),
    Fault("/strategies/0/n", 2**53 + 2, "/strategies/0/n: expected a number <= 9007199254740992, got number 9007199254740994: the number of calls with at least one validated reply, 0 or more"),
    Fault("/strategies/0/notes", None, "/strategies/0: expected no further properties, got object with 'notes': known are id rung n k_final attempts failure_kinds clusters traffic excluded failure_codes fails_at behind early_stop model tuned traffic_share arrival prompt_cost inputs hot change history bursts weekly right content ungrounded_rise latency sent guard trial"),
    Fault("/pilot/segments/1/prompt_k", 51, "/pilot/segments/1/prompt_k: expected at most prompt_n = 50, got number 51"),
    Fault("/economics/tuned", {"hazards": [1.5]}, "/economics/tuned/hazards/0: expected a number <= 1, got number 1.5: a failure rate, from 0 to 1"),
    Fault("/economics/upfront/labels", -1, "/economics/upfront/labels: expected a number >= 0, got number -1: the cost in dollars, 0 or more"),
    Fault("/comparisons/0/before", 7, "/comparisons/0/before: expected string, got number 7: the `id` of the first strategy"),
    Fault("/target_history/0/1", 1, "/target_history/0/1: expected a number < 1, got number 1: a target above 0 and below 1, such as 0.01 for 1%"),
    Fault("/notes", "text", "/notes: expected null or array, got string 'text': a list of notes for the reader of the verdict, with one string for each note"),
    Fault("/latency/p50_s", 10**309, "/latency/p50_s: expected a finite number, got number of 1027 bits"),
    Fault("/sources/0/as_of", 2026, "/sources/0/as_of: expected string, got number 2026: the date of the prices, as a string that is not blank"),
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
    with pytest.raises(InvalidArgument, match=r"^evidence at \(root\): expected object, got "):
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
    """A step that is declined without a reason counts as untested, and a note says so."""
    evidence = exhausted(ladder=[{"rung": "json_mode", "status": "declined", "reason": " "}])

    result = decide(evidence).as_dict()

    assert "json_mode is declined without a reason, so it counts as untested" in result["notes"]
