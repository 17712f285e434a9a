"""The configurations that `watch` and `decide` check, the causes of failures, and the order of the lines."""

import itertools
import json
import re

import pytest

from schema_guard import tags
from tests.public.decide.production import DAY, SHAPE, TICKET


def watched(production, slo, *more):
    status, out, _ = production.run("watch", "--max-failure-rate", str(slo), *more)
    data = json.loads(production.run("watch", "--max-failure-rate", str(slo), *more, "--format", "json")[1])[
        "watched"
    ]
    # The first line of several functions is the answer about all of them.
    return status, [line for line in out.splitlines() if not line.endswith(" attention")], data


def test_breach_shows_counts_bounds_and_objective(production):
    """The first line shows the function with the most failures."""
    production.calls(100, 5, name="shop.some")
    production.calls(100, 1, name="shop.all")
    status, lines, data = watched(production, 0.01)

    assert status == 1
    assert lines[0].startswith(
        "BREACH: shop.all (schema ticket), system_prompt: 100% of calls failed (100 of 100;"
    )
    assert lines[0].endswith(
        ". Target: 1%. With this confidence, the bounds of up to 2 functions are all correct"
    )
    assert [(one["function"], one["n"], one["k"], one["state"]) for one in data] == [
        ("shop.all", 100, 100, "fail"),
        ("shop.some", 100, 20, "fail"),
    ]


def test_unexplained_exceptions_are_listed_first(production):
    """A function that raises unknown exceptions is listed before one that meets the objective."""
    production.calls(200, 10, name="shop.rate")
    production.calls(100, 0, name="shop.raises")
    production.calls(30, 0, name="shop.raises", raises=KeyError("x"))
    production.calls(5, 0, name="shop.raises", raises=ValueError("x"))
    status, lines, data = watched(production, 0.25)

    assert status == 1
    assert lines[0].startswith(
        "UNKNOWN: 35 of 135 calls raised KeyError (30), ValueError (5) (cause unknown). shop.raises"
    )
    assert lines[1].startswith("OK: shop.rate")
    assert [one["function"] for one in data] == ["shop.raises", "shop.rate"]


def test_provider_errors_are_excluded(production):
    """Timeouts are in no rate, and the exit status stays 0."""
    production.calls(400, 0)
    production.calls(100, 0, raises=TimeoutError("t"))
    status, lines, data = watched(production, 0.01)

    assert (status, lines[0].split(":")[0]) == (0, "OK")
    assert data[0]["excluded"] == [
        {"cause": "provider", "code": "provider_error", "exception": "TimeoutError", "calls": 100}
    ]


@pytest.mark.parametrize(("calls", "word"), [(376, "UNDECIDED"), (377, "OK")])
def test_few_clean_calls_are_undecided(production, calls, word):
    """A rate below 1% needs 377 clean calls. 376 are too few."""
    production.calls(calls, 0)
    status, lines, _ = watched(production, 0.01)

    assert (status, lines[0].split(":")[0]) == (0, word)


def test_alternating_versions_are_both_watched(production):
    """Two versions with alternating calls are both in use."""
    for _ in range(10):
        production.calls(20, 2, version="v1")
        production.calls(20, 0, version="v2")
    _, _, data = watched(production, 0.01)

    assert [(one["configuration"], one["n"], one["k"], one["share"]) for one in data] == [
        ("system_prompt v1", 200, 100, 0.5),
        ("system_prompt v2", 200, 0, 0.5),
    ]


def test_a_version_that_was_replaced_is_not_watched(production):
    """After a roll-out, only the new version counts."""
    production.calls(100, 2, version="v1")
    production.calls(2_000, 0, version="v2")
    status, _, data = watched(production, 0.01)

    assert (status, [one["n"] for one in data]) == (0, [2_000])


def test_trials_are_not_watched(production):
    """The failures of a benchmark are not reported. Exit status 2 shows that nothing was checked."""
    production.calls(100, 1, name="bench:1")

    assert watched(production, 0.01) == (2, [], [])


def test_rise_in_failures_is_a_breach(production):
    """Twenty failures after a thousand clean calls are a breach of their own."""
    production.calls(1_000, 0)
    production.clock.now += 30 * DAY
    production.calls(20, 1)
    status, lines, data = watched(production, 0.01)

    assert status == 1
    assert [breach["what"] for breach in data[0]["breaches"]] == ["format", "rise"]
    assert "from 0 of 1,000 calls to 20 of 20" in lines[0]


def test_latency_of_two_models_is_watched(production):
    """With --max-p95, a slow model breaches only the latency objective."""
    for model, seconds in (("fast", 0.2), ("slow", 2.0)):
        production.takes_s = seconds
        production.calls(100, 0, model=model)
    _, _, data = watched(production, 0.3, "--max-p95", "1.0")

    assert {one["configuration"]: [breach["what"] for breach in one["breaches"]] for one in data}[
        "system_prompt slow"
    ] == ["latency"]
    assert watched(production, 0.3)[0] == 0
    assert watched(production, 0.3, "--max-p95", "4.0")[0] == 0


def test_input_with_a_hundredth_of_the_calls_is_frequent(production):
    """Two calls of an input are 1% of 200 calls. They are less than 1% of 201 calls."""
    production.calls(198, 0)
    production.calls(2, 1, SHAPE, task="again")
    result = production.verdict(0.2).figures

    assert [one[1:] for one in result["hot"]["system_prompt"]] == [[2, 2]]
    production.calls(1, 0)
    assert "hot" not in production.verdict(0.2).figures


def test_configurations_of_a_function_share_alpha(production):
    """Two configurations in use have wider bounds than one. Other functions do not count."""
    production.calls(100, 10)
    (alone,) = watched(production, 0.01)[2]
    for _ in range(10):
        production.calls(10, 10, name="shop.other", version="v1")
        production.calls(10, 10, name="shop.other", version="v2")
    results = {(one["function"], one["configuration"]): one["lower"] for one in watched(production, 0.01)[2]}

    extract = results.pop(("shop.extract", "system_prompt"))
    assert extract < alone["lower"]
    assert sorted(results) == [("shop.other", "system_prompt v1"), ("shop.other", "system_prompt v2")]
    assert all(lower < extract for lower in results.values())


def test_segments_that_fail_are_named(production):
    """A segment with most of the failures is reported with its share of the calls."""
    for _ in range(20):
        with tags(segment="eu"):
            production.calls(20, 4)
        with tags(segment="us"):
            production.calls(80, 40)
    result = production.verdict()

    assert [
        (part["name"], part["n"], part["k"], round(part["share"], 3)) for part in result.figures["segments"]
    ] == [
        ("eu", 400, 100, 0.2),
        ("us", 1_600, 40, 0.8),
    ]


@pytest.mark.parametrize(("rest", "shown"), [(33, True), (34, False)])
def test_text_names_a_segment_with_three_quarters_of_the_failures(production, rest, shown):
    """The text names a segment with 100 of 133 failures, but not one with 100 of 134."""
    for number in range(20):
        with tags(segment="eu"):
            production.calls(20, 4)
        with tags(segment="us"):
            production.calls(170, 0)
            production.calls(1 + (number < rest - 20), 1)
    head = production.verdict(0.02).head

    assert (f"where segment eu (25% fail) has 100 of the {100 + rest} failures" in head) is shown


def test_better_step_of_a_playbook_run_is_reported_as_better(production):
    """Two steps on the same inputs are compared. The counts follow the order of the steps."""
    production.calls(100, 5)
    for name, every in (
        ("playbook:1:system_prompt:shop.extract", 5),
        ("playbook:2:few_shot:shop.extract", 20),
    ):
        production.inputs = itertools.count(1_000)
        production.calls(40, every, name=name)
    (pair,) = production.verdict().figures["comparisons"]

    # Of 40 inputs, 8 fail in the first step, and 2 of these in the second step too.
    assert (pair["n"], pair["b"], pair["c"]) == (40, 6, 0)


def test_a_past_breach_without_recent_calls_is_no_breach(production):
    """One function was retired with failures. Eight days later, another one is called, and it is fine."""
    production.calls(100, 2, name="shop.retired")
    production.clock.now += 8 * DAY
    production.calls(600, 0, name="shop.used")

    status, lines, data = watched(production, 0.01)

    assert status == 0
    assert lines[0].startswith("OK: shop.used")
    assert lines[1:] == ["NO CALLS: shop.retired (schema ticket) was last called on 2026-05-28"]
    assert [(one["is_silent"], one["last_call"], one["breaches"]) for one in data] == [
        (False, "2026-06-06", []),
        (True, "2026-05-28", []),
    ]
    assert data[1]["state"] == "no_data"


def test_a_silent_function_alone_is_nothing_checked(production):
    """Only the retired function is selected. Exit status 2 shows that nothing was checked."""
    production.calls(100, 2, name="shop.retired")
    production.clock.now += 8 * DAY
    production.calls(20, 0, name="shop.used")
    asked = ["watch", "--max-failure-rate", "1%", "--function", "shop.retired"]

    status, out, err = production.run(*asked)

    assert (status, out.partition(":")[0]) == (2, "NO CALLS")
    assert "nothing was checked: no recent call of these functions is recorded in sqlite:///" in err
    assert production.run(*asked, "--allow-empty")[0] == 0


def test_decide_names_a_silent_function_and_forecasts_no_calls(production):
    """The function was retired before its calls could decide. No further calls arrive."""
    production.calls(100, 0, name="shop.retired")
    production.clock.now += 8 * DAY
    production.calls(20, 0, name="shop.used")

    text = production.run("decide", "--function", "shop.retired")[1]

    assert "100 on 2026-05-28, none in the week before the store's last call" in text
    assert "\nlast used    system_prompt: 0% of calls failed" in text
    assert re.search(r"\nneeds        about \d+ more calls\n", text)
    assert "\nvolume" not in text


@pytest.mark.parametrize("days", [5, 6])
def test_a_weekend_without_calls_is_no_silence(production, days):
    """A function that is called only on weekends is checked during the week."""
    production.calls(100, 2, name="shop.weekend")
    production.clock.now += days * DAY
    production.calls(20, 0, name="shop.used")

    assert watched(production, 0.01)[1][0].startswith("BREACH: shop.weekend")


def test_a_clock_that_is_ahead_makes_no_other_function_silent(production):
    """The clock of a machine is 30 days ahead."""
    production.clock.now += 30 * DAY
    production.calls(20, 0, name="shop.ahead")
    production.clock.now -= 30 * DAY
    production.calls(100, 2, name="shop.fails")

    assert watched(production, 0.01)[1][0].startswith("BREACH: shop.fails")


def test_a_function_is_silent_until_the_end_of_the_time(production):
    """With --until, later calls of other functions do not count."""
    production.calls(100, 2, name="shop.retired")
    production.clock.now += 8 * DAY
    production.calls(20, 0, name="shop.used")

    status, lines, _ = watched(production, 0.01, "--until", "2026-05-30")

    assert (status, lines[0].partition(":")[0]) == (1, "BREACH")


def test_calls_after_the_end_of_the_time_silence_no_function(production):
    """With --until, the result is that of `watch` at that time, whenever the function was called again."""
    production.calls(100, 2)
    production.clock.now += 20 * DAY
    production.calls(20, 0)

    status, lines, _ = watched(production, 0.01, "--until", "2026-06-10")

    assert (status, lines[0].partition(":")[0]) == (1, "BREACH")


def test_a_function_with_calls_of_another_segment_is_not_silent(production):
    """The last call of the chosen segment is eight days old. The function is called in another segment."""
    with tags(segment="us"):
        production.calls(100, 2)
    production.clock.now += 8 * DAY
    with tags(segment="eu"):
        production.calls(20, 0)

    status, out, err = production.run("watch", "--max-failure-rate", "1%", "--segment", "us")

    assert (status, out.partition(":")[0]) == (1, "BREACH")
    assert err == "the last call was on 2026-05-28, so the result describes only the calls up to this date\n"


def test_the_last_call_of_a_silent_function_is_that_of_all_segments(production):
    """The function was called in another segment a day later."""
    with tags(segment="us"):
        production.calls(100, 2)
    production.clock.now += DAY
    with tags(segment="eu"):
        production.calls(20, 0)
    production.clock.now += 8 * DAY
    production.calls(20, 0, name="shop.used")

    _, out, _ = production.run("watch", "--max-failure-rate", "1%", "--segment", "us")

    assert out == "NO CALLS: shop.extract (schema ticket) was last called on 2026-05-29\n"


def test_a_function_with_two_schemas_counts_once(production):
    """Each schema has a line of its own. The answer about all functions counts the function once."""
    production.calls(100, 2)
    production.calls(100, 2, schema={**TICKET, "title": "report", "minProperties": 1})
    production.calls(100, 0, name="shop.other")

    _, out, _ = production.run("watch", "--max-failure-rate", "1%")

    first, *lines = out.splitlines()
    assert (first, len(lines)) == ("1 of 2 functions needs attention", 3)


def test_excluded_calls_are_recent_calls(production):
    """Of two functions, one is silent, and all recent calls of the other one raised an exception."""
    production.calls(500, 0, name="shop.retired")
    production.clock.now += 8 * DAY
    production.calls(3, 0, name="shop.raises", raises=KeyError("x"))

    status, out, err = production.run("watch", "--max-failure-rate", "50%")

    assert (status, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()[1:]] == ["UNDECIDED", "NO CALLS"]


def test_old_calls_are_named(production):
    """No function was called for eight days, so the result describes earlier calls."""
    production.calls(100, 2)
    production.clock.now += 8 * DAY

    status, out, err = production.run("watch", "--max-failure-rate", "1%")

    assert (status, out.partition(":")[0]) == (1, "BREACH")
    assert err == "the last call was on 2026-05-28, so the result describes only the calls up to this date\n"
