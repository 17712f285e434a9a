"""What `watch` and `decide` look at: the configurations in use, their causes, and the order of the worst."""

import json

import pytest

from schema_guard import tags
from tests.public.decide.town import DAY, SHAPE


def watched(town, slo, *more):
    status, out, _ = town.run("watch", "--slo", str(slo), *more)
    data = json.loads(town.run("watch", "--slo", str(slo), *more, "--format", "json")[1])["watched"]
    return status, out.splitlines(), data


def test_a_breach_says_counts_bounds_and_objective(town):
    """Sixty of a hundred calls failed where 1% may."""
    town.calls(100, 5, name="shop.some")
    town.calls(100, 1, name="shop.all")
    status, lines, data = watched(town, 0.01)

    assert status == 1
    assert lines[0].startswith("BREACH: shop.all (schema ticket), system_prompt: 100 of 100 failed, 100.00%")
    assert lines[0].endswith("; at most 1% may")
    assert [(one["function"], one["n"], one["k"], one["state"]) for one in data] == [
        ("shop.all", 100, 100, "fail"),
        ("shop.some", 100, 20, "fail"),
    ]


def test_unexplained_exceptions_come_before_a_higher_rate_that_is_fine(town):
    """A function that raises stands above one whose rate is higher and good enough."""
    town.calls(200, 10, name="shop.rate")
    town.calls(100, 0, name="shop.raises")
    town.calls(30, 0, name="shop.raises", raises=KeyError("x"))
    town.calls(5, 0, name="shop.raises", raises=ValueError("x"))
    status, lines, data = watched(town, 0.25)

    assert status == 1
    assert lines[0].startswith(
        "UNKNOWN: 35 of 135 calls raised KeyError (30), ValueError (5), whose fault is not known; shop.raises"
    )
    assert lines[1].startswith("OK: shop.rate")
    assert [one["function"] for one in data] == ["shop.raises", "shop.rate"]


def test_faults_of_the_provider_are_fine(town):
    """Timeouts are in no rate, and the status stays 0."""
    town.calls(400, 0)
    town.calls(100, 0, raises=TimeoutError("t"))
    status, lines, data = watched(town, 0.01)

    assert (status, lines[0].split(":")[0]) == (0, "OK")
    assert data[0]["outside"] == [{"code": "provider_error", "exception": "TimeoutError", "calls": 100}]


@pytest.mark.parametrize(("calls", "word"), [(376, "UNDECIDED"), (377, "OK")])
def test_few_clean_calls_are_undecided(town, calls, word):
    """One call of 377 fewer does not prove a rate below 1%."""
    town.calls(calls, 0)
    status, lines, _ = watched(town, 0.01)

    assert (status, lines[0].split(":")[0]) == (0, word)


def test_versions_side_by_side_are_all_watched(town):
    """Two versions that take turns are both in use."""
    for _ in range(10):
        town.calls(20, 2, version="v1")
        town.calls(20, 0, version="v2")
    _, _, data = watched(town, 0.01)

    assert [(one["configuration"], one["n"], one["k"], one["share"]) for one in data] == [
        ("system_prompt v1", 200, 100, 0.5),
        ("system_prompt v2", 200, 0, 0.5),
    ]


def test_a_version_that_was_replaced_is_not_watched(town):
    """After a roll-out only the new version counts."""
    town.calls(100, 2, version="v1")
    town.calls(2_000, 0, version="v2")
    status, _, data = watched(town, 0.01)

    assert (status, [one["n"] for one in data]) == (0, [2_000])


def test_trials_are_not_watched(town):
    """A benchmark's failures are no breach."""
    town.calls(100, 1, name="bench:1")
    status, lines, data = watched(town, 0.01)

    assert (status, data) == (0, [])
    assert lines == ["no data: nothing is recorded"]


def test_a_rise_is_a_breach_before_the_rate_is(town):
    """Twenty failures after a thousand clean calls are reported with their day."""
    town.calls(1_000, 0)
    town.clock.now += 30 * DAY
    town.calls(20, 1)
    status, lines, data = watched(town, 0.01)

    assert status == 1
    assert [breach["what"] for breach in data[0]["breaches"]] == ["format", "rise"]
    assert "before, 0 of 1,000 calls failed; since, 20 of 20" in lines[0]


def test_latency_of_two_models_is_watched(town):
    """With --latency-p95, a model that is too slow is a breach of latency alone."""
    for model, seconds in (("fast", 0.2), ("slow", 2.0)):
        town.takes_s = seconds
        town.calls(100, 0, model=model)
    _, _, data = watched(town, 0.3, "--latency-p95", "1.0")

    assert {one["configuration"]: [breach["what"] for breach in one["breaches"]] for one in data}[
        "system_prompt slow"
    ] == ["latency"]
    assert watched(town, 0.3)[0] == 0
    assert watched(town, 0.3, "--latency-p95", "4.0")[0] == 0


def test_an_input_that_came_twice_is_frequent_among_two_hundred(town):
    """Two calls of an input are 1% of 200 calls, and of 201 they are not."""
    town.calls(198, 0)
    town.calls(2, 1, SHAPE, task="again")
    found = town.verdict(0.2).figures

    assert [one[1:] for one in found["hot"]["system_prompt"]] == [[2, 2]]
    town.calls(1, 0)
    assert "hot" not in town.verdict(0.2).figures


def test_configurations_of_a_function_share_alpha(town):
    """With two configurations in use each bound is wider; another function has its own."""
    town.calls(100, 10)
    (alone,) = watched(town, 0.01)[2]
    town.calls(100, 10, name="shop.other")
    town.calls(100, 10, name="shop.other", version="v2")
    found = {(one["function"], one["configuration"]): one["lower"] for one in watched(town, 0.01)[2]}

    assert found["shop.extract", "system_prompt"] == alone["lower"]
    assert all(lower <= alone["lower"] for lower in found.values())


def test_segments_that_fail_are_named(town):
    """A segment with three quarters of the failures is told with its share."""
    for _ in range(20):
        with tags(segment="eu"):
            town.calls(20, 4)
        with tags(segment="us"):
            town.calls(80, 40)
    found = town.verdict()

    assert [
        (part["name"], part["n"], part["k"], round(part["share"], 3)) for part in found.figures["segments"]
    ] == [
        ("eu", 400, 100, 0.2),
        ("us", 1_600, 40, 0.8),
    ]


@pytest.mark.parametrize(("rest", "shown"), [(33, True), (34, False)])
def test_a_segment_is_shown_from_three_quarters_of_the_failures(town, rest, shown):
    """A segment with 100 of 133 failures is named in the answer; with 100 of 134 it is not."""
    for number in range(20):
        with tags(segment="eu"):
            town.calls(20, 4)
        with tags(segment="us"):
            town.calls(170, 0)
            town.calls(1 + (number < rest - 20), 1)
    head = town.verdict(0.02).head

    assert (f"where segment eu 25.00% failed: 100 of the {100 + rest} failures" in head) is shown
