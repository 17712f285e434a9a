"""Facts about what a report says of replies that were stopped early."""

import json

import pytest

from schema_guard.configuration.early_stop import NOT_COMPARED
from schema_guard.records import open_store
from schema_guard.report import as_json, report_on
from schema_guard.report.store_document import document_of
from schema_guard.values import Failure
from tests.report.test_report import TOTAL, as_text, left_out, outcome

STOPS = json.dumps({"early_stop": True, "max_attempts": 3}, separators=(",", ":"))


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


def stopped(number, at, **call):
    """A call whose first reply was stopped after so many characters, and whose second one was whole and valid."""
    made = outcome(number, TOTAL, **{"settings": STOPS, **call})
    first, last = made.attempts
    cut = first._replace(reply="x" * at, stopped_at=at, finish_reason=None)
    return made._replace(attempts=(cut, last._replace(reply="y" * 100)))


def recorded(store, *outcomes):
    for given_outcome in outcomes:
        store.record(given_outcome)
    return report_on(store)


def test_report_has_number_and_median_of_stopped_replies(store):
    """The line has the number of stopped replies, and their median length."""
    text = " ".join(as_text(recorded(store, *(stopped(n, 40) for n in range(20)))).split())

    assert (
        "shop.extract: early stop ended 20 of 40 replies, after a median of 40 characters - shop.extract: failed attempts"
        in text
    )
    assert "failed attempts by kind (only the first one of each stopped reply): structure (type) 20" in text


def test_a_report_of_calls_that_stop_none_is_as_it_was(store):
    """Without the setting nothing is said of stopping, and with it and no stopped reply that none was."""
    assert "stopped" not in as_text(recorded(store, outcome(1, TOTAL)))
    result = recorded(store, outcome(2, settings=STOPS, function="shop.other"))
    assert "shop.other: early stop ended 0 of 1 replies" in " ".join(as_text(result).split())


def test_nothing_is_said_of_stopping_where_no_reply_was_judged(store):
    """Calls that were cancelled or broken off have no reply that might have been stopped."""
    cancelled = Failure("transport", "cancelled", "CancelledError was raised")
    result = recorded(store, outcome(1, cancelled, ..., settings=STOPS))

    assert "stopped" not in as_text(result)


def test_kinds_of_stopped_and_whole_replies_are_not_put_together(store):
    """A group of both has its rates, and no kinds and places: its configurations tell their own, with why."""
    report = recorded(store, *(stopped(n, 40) for n in range(5)), *(outcome(n, TOTAL) for n in range(5, 9)))
    (group,) = report.groups

    assert (group.calls, group.failures, group.violations, group.stopped) == (9, None, None, None)
    assert [one.failures[0].attempts for one in report.configurations] == [5, 4]
    assert NOT_COMPARED in " ".join(as_text(report).split())
    assert left_out(document_of(report)) == []


def test_the_json_has_the_figures(store):
    """What the text says is in the JSON, by name."""
    result = as_json(recorded(store, *(stopped(n, 40) for n in range(20))))["configurations"][0]["stopped"]

    assert result == {"attempts": 20, "judged": 40, "median_characters": 40}
