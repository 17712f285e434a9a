"""The page of a report: the figures of the text, and the rate over time of each row as a plot."""

import json
import re

import pytest

from schema_guard.records import open_store
from schema_guard.report import as_json, report_on
from schema_guard.report.over_time import MOST_PLOTS
from schema_guard.report.report_page import report_page
from schema_guard.report.store_document import names_of
from schema_guard.report.words import bounded, shortened
from schema_guard.stats import Rate
from schema_guard.text import percent
from tests.decide.records import record
from tests.report.test_report import BROKEN, CALL, TOTAL, outcome
from tests.report.written import Page

HOUR = 3_600
# 2026-11-25 08:00 UTC.
MORNING = 1_795_593_600.0


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


def recorded(store, *calls, **how):
    """Record calls: (function, hour after the morning, whether it is failed)."""
    for number, (function, hour, failed) in enumerate(calls, 1):
        failures = (TOTAL, ...) if failed else ()
        store.record(
            outcome(number, *failures, function=function, started_at=MORNING + hour * HOUR + 1, **how)
        )
    return report_on(store, hours=True)


def test_rates_over_time_have_their_bounds(store):
    """Each hour with calls is a point of the row, with n and bounds; the JSON has it in the order of the rows."""
    report = recorded(store, ("a.f", 0, True), ("a.f", 0, False), ("a.f", 3, False), ("a.g", 1, False))
    document = json.loads(json.dumps(as_json(report)))

    assert [group["function"] for group in document["groups"]] == ["a.f", "a.g"]
    assert document["over_time"]["step_s"] == HOUR
    first, second = document["over_time"]["series"]
    assert [(point["at"], point["failed"]["count"], point["failed"]["n"]) for point in first] == [
        (MORNING, 1, 2),
        (MORNING + 3 * HOUR, 0, 1),
    ]
    assert [point["at"] for point in second] == [MORNING + HOUR]
    assert first[0]["failed"]["lower"] < 0.5 < first[0]["failed"]["upper"]


@pytest.mark.parametrize("by", ["function", "segment", "model", "version"])
def test_points_are_those_of_the_row(store, by):
    """However calls are put together, the points of a row add up to its calls, with filters as without."""
    for number in range(24):
        name = "ab"[number % 2]
        store.record(
            outcome(
                number,
                *((TOTAL, ...) if number % 3 else ()),
                function=f"m.{name}",
                segment=[None, "eu", "us"][number % 3],
                model=name,
                version=name,
                started_at=MORNING + number * HOUR,
            )
        )
    for narrowed in ({}, {"function": "a"}, {"segment": "eu"}, {"since": MORNING + 12 * HOUR}):
        report = report_on(store, by=by, hours=True, **narrowed)
        sums = [
            (sum(p.count for p in points), sum(p.n for p in points)) for points in report.over_time.series
        ]

        assert sums == [(group.failed.count, group.calls) for group in report.groups]


def test_text_reads_no_hours(store):
    """Who does not ask for rates over time does not wait for them."""
    recorded(store, ("a.f", 0, False))

    assert report_on(store).over_time is None


@pytest.mark.costly
def test_page_has_a_plot_for_each_row(store):
    """Each row has a plot with its name, its rate and n, and a description for who does not see it."""
    report = recorded(store, ("a.f", 0, True), ("a.f", 30, False), ("a.g", 1, False))
    shown = Page(report_page(report))

    assert shown.open == []
    assert shown.plots() == ["trend0", "trend1"]
    assert f"{bounded(Rate.of(1, 2))} of 2 calls failed" in shown.text
    assert "Each point is an hour" in shown.text
    assert f"The lowest of 2 points is 2026-11-26 14:00: {percent(0)} of 1 call failed" in shown.text
    assert "3 calls, 2026-11-25 to 2026-11-26, " in shown.text


def test_a_gap_has_no_line(store):
    """Points without a call between them are not joined."""
    together = report_page(recorded(store, *(("a.f", hour, False) for hour in (0, 1, 2, 3))))
    with open_store("sqlite://", durability="sync") as other:
        apart = report_page(recorded(other, *(("a.f", hour, False) for hour in (0, 1, 3))))

    def lines(svg):
        return len(re.findall(r'stroke="var\(--series1\)" stroke-width="1.6"', svg))

    assert (lines(together), lines(apart)) == (1, 2)


@pytest.mark.costly
def test_of_many_rows_the_worst_are_drawn(store):
    """Of more rows than a page has room for, those are drawn that are proved worst."""
    calls = [(f"a.f{number:02}", hour, number < 15) for number in range(20) for hour in range(3)]
    report = recorded(store, *calls)
    cards = re.findall(r'<article class="card[^>]*>\s*<h2><a [^>]*>(.*?)</a>', report_page(report))

    assert len(cards) == MOST_PLOTS
    assert all(card < "a.f15" for card in cards)
    assert "8 more groups with lower rates are in the tables." in report_page(report)


@pytest.mark.parametrize(
    ("calls", "missing"),
    [
        ([outcome(1, BROKEN, ...)], "no call has a validated reply"),
        ([outcome(1, started_at=None)], "no call has a known time"),
    ],
    ids=["transport alone", "no time"],
)
def test_what_is_missing_is_said(store, calls, missing):
    """Without a point there is no plot, and the page says why."""
    for one in calls:
        store.record(one)
    report = report_on(store, hours=True)

    assert f'No plot "Failure rate over time": {missing}.' in report_page(report)


def test_times_beyond_all_calendars_are_drawn(store):
    """A clock that was wrong by ages makes a long axis and no error."""
    for number, at in enumerate((-1e14, 0.0, MORNING, 1e14)):
        store.record(outcome(number, started_at=at))
    report = report_on(store, hours=True)

    assert "<svg" in report_page(report)


@pytest.mark.costly
def test_same_store_gives_the_same_page(store):
    """A page has no time of its own and no chance in it."""
    report = recorded(store, ("a.f", 0, True), ("a.g", 5, False))

    assert report_page(report) == report_page(report)


def test_long_names_stay_apart():
    """Of two long names that are alike at both ends the shortened forms differ, and none is longer than asked."""
    names = [f"{'x' * 5_000}{letter}{'y' * 5_000}" for letter in "abc"]
    result = shortened([*names, "short", names[0]], 40)

    assert len(set(result)) == 4
    assert result[0] == result[4]
    assert max(map(len, result)) == 40


def test_functions_of_two_schemas_stay_apart(store):
    """A function that was asked for two schemas of one name has two names in a plot's title."""
    for number, fingerprint in enumerate(("a" * 16, "b" * 16)):
        store.record(outcome(number, schema_fingerprint=fingerprint))
    names = names_of(report_on(store), 56)

    assert names == [f"{CALL.function} (invoice {letter * 16})" for letter in "ab"]


def test_imported_failures_have_no_rate_over_time():
    """Neither alone nor beside other calls of the function: how many had failed in an hour is no rate."""
    text = '{"imported":"mlflow","max_attempts":1,"observe":true,"traffic":"failures"}'
    with open_store("sqlite://") as store:
        record(store, 3, 3, settings=text)
        alone = report_on(store, hours=True)
        record(store, 4, 1, first=3, started_at=86_400.0)
        both = report_on(store, hours=True)

    assert alone.over_time.series == ((),)
    assert [(point.count, point.n) for points in both.over_time.series for point in points] == [(1, 4)]
    assert "they do not show the failure rate of your traffic" in report_page(alone)
