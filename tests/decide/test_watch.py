"""Watching the configurations in use against an objective."""

import pytest

from schema_guard.decide.watch import watch
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.report.watched import document_of
from tests.decide.recorded import DAY, record


@pytest.fixture
def store():
    """A store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def test_a_rate_that_is_proved_above_is_a_breach(store):
    """The lower bound above the objective is a breach."""
    record(store, 150, 30)

    (found,) = watch(store, 0.01)

    assert found.breach
    assert found.lower > 0.01


def test_a_rate_that_may_be_below_is_fine(store):
    """Two failures of ten do not prove a rate above 10 %."""
    record(store, 10, 2)

    (found,) = watch(store, 0.1)

    assert found.is_fine


def test_a_rise_below_the_objective_is_told(store):
    """A rate that has risen is no breach, and not fine."""
    record(store, 1000, 0)
    record(store, 30, 20, started_at=30 * DAY)

    (found,) = watch(store, 0.5)

    assert not found.breach
    assert found.risen_at == pytest.approx(1017, abs=10)
    assert not found.is_fine


def test_trials_are_not_watched(store):
    """What a benchmark fails at is no breach of a function in use."""
    record(store, 100, 100, function="bench:1")

    assert watch(store, 0.01) == []


def test_configurations_share_alpha(store):
    """With more configurations each bound is wider."""
    record(store, 100, 10)
    (alone,) = watch(store, 0.01)
    record(store, 100, 10, function="shop.other")

    assert all(found.lower < alone.lower for found in watch(store, 0.01))


def test_the_worst_comes_first(store):
    """Configurations that are not fine stand first, then those with the higher lower bound."""
    record(store, 100, 0)
    record(store, 100, 60, function="shop.bad")

    assert [found.function for found in watch(store, 0.01)] == ["shop.bad", "shop.extract"]


@pytest.mark.parametrize("objective", [0, 1, -0.1, 2])
def test_an_objective_is_a_rate(store, objective):
    """An objective out of (0, 1) is an error."""
    with pytest.raises(InvalidArgument, match="objective"):
        watch(store, objective)


def test_one_line_says_it(store):
    """A breach is one line with counts, bounds and the objective."""
    record(store, 100, 60)

    document = document_of(watch(store, 0.01), 0.01)
    line = document.title

    assert not document.good
    assert document.sections[0].table.rows[0][:5] == ("Invoice", "shop.extract", "system_prompt", "60", "100")
    assert line.startswith(
        "BREACH: 1 of 1 configurations; Invoice shop.extract system_prompt 60/100 = 60.00% ["
    )
    assert line.endswith("unhandled: above the objective of 1.00%")
    assert "\n" not in line


def test_nothing_recorded_is_no_data(store):
    """Without calls there is no rate."""
    assert document_of(watch(store, 0.01), 0.01).title == "no data: nothing is recorded"


def test_calls_whose_replies_named_no_model_are_of_the_only_one_that_is_known(store):
    """A call that raised before the first reply came is of the configuration that the others are of."""
    record(store, 100, 0)
    record(store, 20, 20, model=None)

    (found,) = watch(store, 0.01)
    assert (found.n, found.k) == (120, 20)

    record(store, 100, 0, model="another")
    assert [one.n for one in watch(store, 0.01)] == [20, 100, 100]
