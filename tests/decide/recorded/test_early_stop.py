"""What a verdict makes of calls whose replies are stopped when they can no longer become valid."""

import pytest

from schema_guard.configuration.early_stop import NOT_COMPARED
from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.records import open_store
from schema_guard.report.as_text import as_text
from schema_guard.report.decision import document_of
from schema_guard.values import UNKNOWN_USAGE, Attempt, Failure, Outcome, Usage
from tests.decide.records import CALL, record
from tests.public.decide.examples import economics
from tests.report.written import one_line

TOLD = Usage(50, 100)
STOPS = '{"early_stop":true,"max_attempts":1}'


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def record_stopped(store, n, k, *, at=100, whole=400, usage=TOLD):
    """Record n calls of one attempt, k of them stopped after *at* characters, the others *whole* characters long."""
    for number in range(n):
        failed = (number + 1) * k // n > number * k // n
        failure = Failure("structure", "type", "...") if failed else None
        made = Attempt(
            1, "system_prompt", "p", "x" * (at if failure else whole), failure, None if failure else "clean", (),
            UNKNOWN_USAGE if failure else usage, None, None if failure else "stop", 1.0, stopped_at=at if failure else None,
        )  # fmt: skip
        what = CALL._replace(settings=STOPS, id=f"{number:032x}", started_at=60.0 * number)
        store.record(
            Outcome(failure is None, None, (made,), failure, made.usage, None, 1.0, what), f"task {number}"
        )
    store.flush(30.0)


def evidence_of(store, **asked):
    return gather(store, **asked).evidence


def told_of(evidence):
    return one_line(as_text(document_of(decide(evidence))))


def test_evidence_says_that_replies_are_stopped(store):
    """A configuration with the setting says so, and one without says nothing."""
    record_stopped(store, 20, 5)
    record(store, 20, 5, first=50, settings='{"max_attempts":1}')

    results = {one["id"]: one.get("early_stop") for one in evidence_of(store)["strategies"]}

    assert sorted(results.values(), key=str) == [None, True]


def test_kinds_of_failures_are_not_put_beside_those_of_whole_replies(store):
    """The table of kinds has those that compare with the best strategy, and says which it leaves out."""
    record(store, 200, 100, kind="value", strategies="few_shot", first=500)
    record_stopped(store, 200, 5)

    text = told_of(evidence_of(store))

    assert f"not shown: few_shot ({NOT_COMPARED})" in text
    assert "system_prompt structure 5" in text
    assert "few_shot value 100" not in text


def test_rates_of_valid_values_are_compared(store):
    """Which strategy is the best does not hang on how its replies ended."""
    record(store, 200, 100, kind="value", strategies="few_shot", first=500)
    record_stopped(store, 200, 5)

    figures = decide(evidence_of(store)).as_dict()

    assert figures["best"] == "system_prompt"
    assert figures["rates"]["few_shot"]["k"] == 100
    assert figures["stops_early"] == ["system_prompt"]


def test_a_reader_is_told_that_a_kind_is_the_first_fault_alone(store):
    """What a fix could fix is read from the first faults, and that is said; of words nothing is claimed."""
    record_stopped(store, 200, 50)

    figures = decide(evidence_of(store)).as_dict()

    assert any("early stop ends its replies at the first fault" in note for note in figures["notes"])
    assert "domain vocabulary: needs the failure kind of each failed call" in figures["not_measured"]


def test_tokens_of_stopped_replies_are_estimated_from_what_came_of_them(store):
    """A quarter of the text of a whole reply counts a quarter of its tokens; that it is estimated is a note."""
    record_stopped(store, 100, 50, at=100, whole=400)

    evidence = evidence_of(
        store,
        extra={
            "economics": economics() | {"prompt_cost": {"p_in": 1.0, "p_cached": 1.0, "p_out": 1.0}},
            "calls_per_month": 10,
        },
    )

    assert evidence["economics"]["prompt_cost"]["out"] == pytest.approx(0.5 * 100 + 0.5 * 25, rel=0.02)
    assert any("50% of its replies were stopped early" in note for note in evidence["notes"])


def test_a_tuned_model_is_not_taken_to_write_as_little_as_is_stopped(store):
    """What is assumed of its replies are the tokens of whole ones: stopped ones would have made it cheaper than it is."""
    record_stopped(store, 100, 50, at=100, whole=400)

    money = economics() | {"prompt_cost": {"p_in": 1.0, "p_cached": 1.0, "p_out": 1.0}, "tuned_cost": {}}
    evidence = evidence_of(store, extra={"economics": money, "calls_per_month": 10})

    assert evidence["economics"]["tuned_cost"]["out"] == 100
    assert any("its replies are assumed to be complete" in note for note in evidence["notes"])


def test_reasoning_is_taken_to_come_before_the_text(store):
    """A stopped reply had been thought about as long as a whole one."""
    record_stopped(store, 100, 50, at=100, whole=400, usage=Usage(50, 100, None, 60))

    evidence = evidence_of(
        store,
        extra={
            "economics": economics() | {"prompt_cost": {"p_in": 1.0, "p_cached": 1.0, "p_out": 1.0}},
            "calls_per_month": 10,
        },
    )

    assert evidence["economics"]["prompt_cost"]["out"] == pytest.approx(0.5 * 100 + 0.5 * (60 + 10), rel=0.02)


def test_a_stop_never_calls_for_a_larger_output_limit(store):
    """Replies that were stopped are no truncations: raising the limit is ruled out by the records."""
    record_stopped(store, 200, 100)

    (claim,) = [one for one in evidence_of(store)["ladder"] if one["rung"] == "raise_max_output_tokens"]

    assert claim["status"] == "not_applicable"
