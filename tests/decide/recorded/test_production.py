"""What a store says of calls in production: when their rate changed, and what changed then."""

import pytest

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.records import open_store
from tests.decide.records import DAY, record


@pytest.fixture
def store():
    """A store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def strategies(gathered):
    """The strategies of the evidence, by id."""
    return {strategy["id"]: strategy for strategy in gathered.evidence["strategies"]}


def test_after_an_alarm_the_calls_since_count(store):
    """Where the failure rate has risen, only the calls after the alarm are evidence."""
    record(store, 600, 0)
    record(store, 400, 400, started_at=DAY)

    gathered = gather(store)
    (result,) = strategies(gathered).values()

    change = result["change"]
    assert (change["direction"], change["at"], change["open"]) == ("rise", 601, True)
    assert 600 < change["alarm_at"] < 620
    assert change["n"] == change["k"] == 1000 - change["alarm_at"]
    assert decide(gathered.evidence).as_dict()["rates"]["system_prompt"]["n"] == change["n"]


@pytest.mark.costly
def test_a_rise_with_a_new_version_names_it(store):
    """What moved between the day of the rise and that of the alarm is told."""
    record(store, 4000, 8, gap_s=20.0)
    record(store, 2000, 200, version="v2", started_at=4000 * 20.0, gap_s=20.0)

    (result,) = strategies(gather(store)).values()

    assert result["change"]["with"] == ["version v2"]
    assert result["change"]["days"] == ["1970-01-01", "1970-01-01"]


@pytest.mark.costly
def test_a_version_that_began_before_the_estimate_is_named(store):
    """The call at which a rate rose is an estimate: what came some calls before it is what changed then."""
    record(store, 4000, 8, gap_s=600.0)
    record(store, 100, 0, version="v2", started_at=4000 * 600.0, gap_s=600.0)
    record(store, 1000, 60, version="v2", started_at=4100 * 600.0, gap_s=600.0)

    (result,) = strategies(gather(store)).values()

    assert result["change"]["at"] > 4050
    assert result["change"]["with"] == ["version v2"]


@pytest.mark.costly
def test_a_new_version_is_a_new_baseline(store):
    """What an earlier version had risen to is no rise of the version after it."""
    record(store, 2000, 2, gap_s=20.0)
    record(store, 500, 50, started_at=40_000.0, gap_s=20.0)
    record(store, 400, 40, version="v2", started_at=60_000.0, gap_s=20.0)

    (result,) = strategies(gather(store)).values()

    assert "change" not in result
