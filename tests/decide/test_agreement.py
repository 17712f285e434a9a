"""On any store `watch` and `decide` say the same of what is in production, and each verdict can be repeated."""

import pytest

from schema_guard.decide.recorded.from_store import gather_each
from schema_guard.records import open_store
from tests.decide.random_stores import asked_of
from tests.decide.records import record, record_excluded
from tests.thinned import thinned


def test_a_part_of_the_traffic_without_a_judged_call_is_no_part():
    """A segment whose calls are all excluded from the rate has no share, and evidence with a pilot does not trip over it."""
    with open_store("sqlite://") as store:
        for segment in ("eu", "us"):
            record(store, 300, 30, segment=segment)
            record(store, 50, 0, segment=segment, tuned=True, model="ft")
        record_excluded(store, 2, segment="asia")

        (result,) = gather_each(store)

        assert [part["name"] for part in result.evidence["pilot"]["segments"]] == ["eu", "us"]


@pytest.mark.costly
@pytest.mark.parametrize("first", thinned(range(0, 16, 4), 4))
def test_watch_and_decide_agree(first):
    """Of four random stores both say the same is wrong, and each verdict follows from its own figures."""
    assert [
        text for seed in range(first, first + 4) for one in asked_of(seed, 120) for text in one.wrong
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 1_060, 30))
def test_watch_and_decide_agree_on_larger_stores(first):
    """The same of thirty with more calls."""
    assert [text for seed in range(first, first + 30) for one in asked_of(seed) for text in one.wrong] == []
