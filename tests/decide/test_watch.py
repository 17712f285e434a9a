"""Watching the configurations in use against an objective."""

import pytest

from schema_guard.decide.watch import watch
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.report.document import Tone
from schema_guard.report.watch_document import document_of
from tests.decide.records import DAY, record, record_excluded


@pytest.fixture
def store():
    """A store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def test_a_rate_that_is_proved_above_is_a_breach(store):
    """The lower bound above the objective is a breach."""
    record(store, 150, 30)

    (result,) = watch(store, 0.01)

    assert [breach.what for breach in result.breaches] == ["format"]
    assert result.lower > 0.01


def test_a_rate_that_may_be_below_is_fine(store):
    """Two failures of ten do not prove a rate above 10 %."""
    record(store, 10, 2)

    (result,) = watch(store, 0.1)

    assert result.is_fine


def test_a_rise_above_the_objective_is_a_breach_before_the_rate_is_proved(store):
    """A rate that has risen above the objective, and may stay there, is not fine however few calls came since."""
    record(store, 1000, 0)
    record(store, 20, 20, started_at=30 * DAY)

    (result,) = watched = watch(store, 0.01)

    assert [breach.what for breach in result.breaches] == ["format", "rise"]
    assert "rose on 1970-01-31, from 0 of 1,000 calls to 20 of 20" in result.change
    assert result.change in document_of(watched, 0.01).title


def test_nothing_grows_while_nothing_is_called(store):
    """The rate grows from the first call after a pause of 30 days. The days before the pause are no part of that."""
    record(store, 1000, 0)
    for number in range(8):
        record(store, 20, 2 * number + 1, started_at=30 * DAY + number * DAY / 4)

    (result,) = watch(store, 0.01)

    assert "rose" in result.change
    assert "growing since 1970-01-0" not in result.change


@pytest.mark.costly
def test_a_rise_below_the_objective_is_told_and_no_breach(store):
    """What has risen and stays below is good enough."""
    record(store, 4000, 0)
    record(store, 4000, 200, started_at=30 * DAY)

    (result,) = watch(store, 0.5)

    assert result.is_fine
    assert "failures rose" in result.change


@pytest.mark.costly
def test_a_rate_that_recovered_is_fine(store):
    """After an outage the calls since decide."""
    record(store, 3000, 3)
    record(store, 60, 60, started_at=3000 * 60.0)
    record(store, 1500, 1, started_at=4000 * 60.0)

    (result,) = watch(store, 0.01)

    assert result.is_fine
    assert "fell" in result.change
    assert result.n < 1500


def test_trials_are_not_watched(store):
    """What a benchmark fails at is no breach of a function in use."""
    record(store, 100, 100, function="bench:1")

    assert watch(store, 0.01) == []


def test_configurations_of_a_function_share_alpha(store):
    """Each bound is wider with more functions, and wider again with more configurations of a function."""
    record(store, 100, 10)
    (alone,) = watch(store, 0.01)
    record(store, 100, 10, function="shop.other")
    record(store, 100, 10, function="shop.other", strategies="few_shot")

    results = {one.function: one.lower for one in watch(store, 0.01)}

    assert results["shop.other"] < results["shop.extract"] < alone.lower


def test_the_worst_comes_first(store):
    """Configurations that are not fine stand first, then those with the higher lower bound."""
    record(store, 100, 0)
    record(store, 100, 60, function="shop.bad")

    assert [result.function for result in watch(store, 0.01)] == ["shop.bad", "shop.extract"]


@pytest.mark.parametrize("objective", [0, 1, -0.1, 2])
def test_an_objective_is_a_rate(store, objective):
    """An objective out of (0, 1) is an error."""
    with pytest.raises(InvalidArgument, match="objective"):
        watch(store, objective)


def test_versions_that_are_in_use_side_by_side_are_all_watched(store):
    """Two functions of one name, or halves of the traffic: the one that was not called last is not forgotten."""
    for hour in range(10):
        record(store, 20, 10, version="v1", started_at=3_600.0 * hour)
        record(store, 20, 0, version="v2", started_at=3_600.0 * hour + 30)

    assert [(result.configuration, not result.is_below) for result in watch(store, 0.01)] == [
        ("system_prompt v1", True),
        ("system_prompt v2", False),
    ]


def test_a_version_that_was_replaced_is_not_watched(store):
    """After a roll-out, in which both were called for a while, the old one has gone for longer than that."""
    record(store, 100, 60, version="v1")
    record(store, 100, 0, version="v2", started_at=60.0 * 90)

    assert [result.n for result in watch(store, 0.01)] == [100]


def test_calls_whose_cause_nobody_knows_are_not_fine(store):
    """Half of the calls raised something: however good the rate of the others is, that is told, with the types."""
    record(store, 150, 0)
    record_excluded(store, 100)
    record_excluded(store, 50, exception="ValueError")

    (result,) = watched = watch(store, 0.01)
    document = document_of(watched, 0.01)

    assert (result.is_below, result.is_fine) == (True, False)
    assert result.unexplained[:2] == (150, 300)
    assert document.tone is Tone.BAD
    assert document.title.startswith(
        "UNKNOWN: 150 of 300 calls raised KeyError (100), ValueError (50) (cause unknown). shop.extract (schema Invoice), "
    )


@pytest.mark.parametrize("code", ["provider_error", "stream_cut", "cancelled", "expected"])
def test_calls_whose_cause_is_known_are_fine(store, code):
    """The provider's faults, the caller's and expected ones never alarm."""
    record(store, 400, 0)
    record_excluded(store, 150, code=code)

    (result,) = watched = watch(store, 0.01)

    assert result.is_fine
    assert result.excluded == ((code, "KeyError", 150),)
    assert document_of(watched, 0.01).title.startswith("OK: ")


def test_a_function_all_of_whose_calls_raise_is_watched(store):
    """Without one judged reply there is no rate, and the calls are told."""
    record_excluded(store, 20)

    (result,) = watched = watch(store, 0.01)

    assert (result.n, result.rate, result.is_fine) == (0, None, False)
    assert "no call has a reply that can be validated" in document_of(watched, 0.01).title


def test_a_version_that_only_the_provider_failed_is_not_in_use_yet(store):
    """The rate is still that of the version before it; one that raises by itself is the newest."""
    record(store, 100, 60)
    record_excluded(store, 20, code="provider_error", version="v2", started_at=DAY)
    (result,) = watch(store, 0.01)
    assert (result.n, result.is_below) == (100, False)

    record_excluded(store, 20, version="v2", first=100, started_at=2 * DAY)
    (result,) = watch(store, 0.01)
    assert (result.n, result.unexplained.calls) == (0, 20)


def test_a_breach_goes_before_what_nobody_knows(store):
    """If both hold, the line has both."""
    record(store, 150, 60)
    record_excluded(store, 50)

    title = document_of(watch(store, 0.01), 0.01).title

    assert title.startswith("BREACH: shop.extract ")
    assert title.endswith(". 50 of 200 calls raised KeyError (cause unknown)")


def test_one_line_says_it(store):
    """A breach is one line with counts, bounds and the objective."""
    record(store, 100, 60)

    document = document_of(watch(store, 0.01), 0.01)
    line = document.title

    assert document.tone is Tone.BAD
    assert line.startswith(
        "BREACH: shop.extract (schema Invoice), system_prompt: 60% of calls failed (60 of 100; at least 44"
    )
    assert line.endswith(". Target: 1%")
    assert "\n" not in line


def test_nothing_recorded_is_no_data(store):
    """Without calls there is no rate."""
    assert document_of(watch(store, 0.01), 0.01).title == "no data, because no call is recorded"


def test_calls_whose_replies_named_no_model_are_of_the_only_one_that_is_known(store):
    """A call that raised before the first reply came is of the configuration that the others are of."""
    record(store, 100, 0)
    record(store, 40, 40, model=None)

    (result,) = watch(store, 0.01)
    assert (result.n, result.k) == (140, 40)

    record(store, 100, 0, model="another")
    assert [one.share for one in watch(store, 0.01)] == [5 / 12]


def test_few_clean_calls_are_no_proof(store):
    """What is not proved to be above is not called good before it is proved to be below."""
    record(store, 1, 0)

    assert document_of(watch(store, 0.01), 0.01).title.endswith(
        "system_prompt: 0% of calls failed (0 of 1). Target: 1%. There are too few calls to tell"
    )
