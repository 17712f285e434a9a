"""Facts about what a report says of replies that were stopped early."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.configuration.early_stop import NOT_COMPARED
from schema_guard.records import open_store
from schema_guard.records.counts.buckets import bucket
from schema_guard.records.counts.configurations import Lengths, ReplyLengths
from schema_guard.report import as_json, report_on
from schema_guard.report.stopped import stopped_replies
from schema_guard.report.store_document import document_of
from schema_guard.values import Failure
from tests.report.test_report import TOTAL, as_text, left_out, outcome

STOPS = json.dumps({"early_stop": True, "max_attempts": 3}, separators=(",", ":"))
lengths = st.lists(st.integers(0, 10**6), max_size=30)


def bucketed(numbers):
    counts = {}
    for number in numbers:
        counts[bucket(number)] = counts.get(bucket(number), 0) + 1
    return Lengths(tuple(sorted(counts.items())))


def found_of(stopped, whole):
    return stopped_replies(ReplyLengths(bucketed(stopped), bucketed(stopped), bucketed(whole)))


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


@given(lengths, lengths)
def test_an_estimate_stands_between_its_bounds(cut, whole):
    """Whatever the lengths, the share is one, its bounds are around it, and without either there is none.

    There is none either where the stopped ones are longer than the others, and only there.
    """
    result = found_of(cut, whole)

    assert (result.attempts, result.judged) == (len(cut), len(cut) + len(whole))
    assert (result.stopped_bytes is None, result.whole_bytes is None) == (not cut, not whole)
    if result.saved is None:
        assert not cut or not whole or result.stopped_bytes >= result.whole_bytes
    else:
        assert cut
        assert whole
        saved = result.saved
        assert 0 <= saved.lower <= saved.share <= saved.upper < 1
        assert saved.upper > 0
        assert 0 <= saved.size_bytes <= saved.most_bytes
        messages = (
            result.stopped_bytes,
            result.whole_bytes,
            saved.size_bytes,
            saved.most_bytes,
            saved.counted_bytes,
        )
        assert {type(size) for size in messages} == {int}
        assert saved.from_replies == len(whole)


def test_the_bound_holds_at_every_look():
    """Of 100 streams of replies whose mean length is known few ever say that more was saved than was, or less."""
    drawn = random.Random(1)
    wrong = 0
    for _ in range(100):
        whole, refuted = [], False
        for _ in range(8):
            whole += [round(drawn.triangular(100, 500, 150)) for _ in range(5)]
            saved = found_of([50] * 4, whole).saved
            refuted |= not saved.lower <= 1 - 50 / 250 <= saved.upper
        wrong += refuted

    assert wrong <= 5


def test_the_upper_bound_says_how_much_of_a_reply_it_counts():
    """Of replies longer than any that was seen it knows nothing: what it counts of each is told, and is over all seen."""
    rare = found_of([20] * 5, [100] * 40).saved

    assert rare.counted_bytes == 128
    assert rare.upper < 1 - 20 / (0.98 * 100 + 0.02 * 5_000)
    assert found_of([20] * 5, [100] * 40 + [5_000]).saved.counted_bytes == 8_192


def test_a_reply_that_was_stopped_late_saved_nothing():
    """Where stopped replies were as long as whole ones nothing was saved, and not less than nothing."""
    saved = found_of([210] * 5, [200] * 50).saved

    assert (saved.share, saved.lower, saved.size_bytes) == (0.0, 0.0, 0.0)


def test_replies_that_ran_on_are_not_said_to_have_saved_nothing(store):
    """Where stopped replies are longer than the others can be in the mean these say nothing of them, and that is told."""
    assert found_of([300] * 5, [200] * 50).saved is None

    text = " ".join(as_text(recorded(store, *(stopped(n, 8_000) for n in range(20)))).split())

    assert (
        "stopped 20 of 40 replies before their end: after 8,000 characters in the median; what that saved: no estimate, for "
        "by then they had 8,000 bytes in the mean, and the n 20 that were not stopped have 100"
    ) in text


def test_a_report_tells_how_many_were_stopped_and_what_that_saved(store):
    """The line has the number, the median, the share with its bounds, from how many it is, and what it does not know."""
    text = " ".join(as_text(recorded(store, *(stopped(n, 40) for n in range(20)))).split())

    assert (
        "shop.extract stopped 20 of 40 replies before their end: after 40 characters in the "
        "median; saved about 60.2 [22.4, 68.1] % of their text, 1,210 bytes and at most 1,708, if they had become as long as "
        "the replies that were not stopped: n 20, 100 bytes in the mean, at most 128 counted of each; a provider may bill "
        "the whole reply all the same"
    ) in text
    assert "failed (of each stopped reply the first fault alone): structure type 20" in text


def test_nothing_is_estimated_from_nothing(store):
    """Where every reply was stopped there is no estimate of what one would have been."""
    made = stopped(1, 40)
    text = as_text(recorded(store, made._replace(ok=False, attempts=made.attempts[:1], failure=TOTAL)))

    assert "what that saved: no data, for every reply was stopped" in " ".join(text.split())


def test_a_report_of_calls_that_stop_none_is_as_it_was(store):
    """Without the setting nothing is said of stopping, and with it and no stopped reply that none was."""
    assert "stopped" not in as_text(recorded(store, outcome(1, TOTAL)))
    result = recorded(store, outcome(2, settings=STOPS, function="shop.other"))
    assert "shop.other stopped 0 of 1 replies before their end" in " ".join(as_text(result).split())


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

    assert (result["attempts"], result["judged"], result["median_characters"]) == (20, 40, 40)
    assert result["saved"]["from_replies"] == 20
    assert result["saved"]["lower"] <= result["saved"]["share"] <= result["saved"]["upper"]
