"""The order of a function's calls over its configurations, against a list that is sorted."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide.recorded.stream import stream_of
from schema_guard.records import open_store
from tests.decide.records import record

CALLS = st.lists(
    st.tuples(
        st.sampled_from(["v1", "v2"]), st.sampled_from(["a", "b", None]), st.integers(0, 9_999), st.booleans()
    ),
    max_size=40,
)


def spread(row, hour, own):
    """When the calls of a configuration in an hour are taken to have come."""
    first = min(max(Fraction(row.first_started_at), hour), hour + 3_600)
    last = max(min(Fraction(row.last_started_at), hour + 3_600), hour)
    return [first + (last - first) * Fraction(2 * index + 1, 2 * len(own)) for index in range(len(own))]


@given(CALLS)
def test_calls_are_in_the_order_of_hours_and_evenly_within_one(calls):
    """Calls of one hour are spread evenly over the time in which their configuration was called, in their own order."""
    calls = sorted(calls, key=lambda call: call[2])
    with open_store("sqlite://") as store:
        for number, (version, segment, at, bad) in enumerate(calls):
            record(store, 1, int(bad), version=version, segment=segment, started_at=float(at), first=number)
        rows = store.configurations()
        result = stream_of(rows, store.by_hour())

    placed = []
    for hour in (0, 3_600, 7_200):
        for place, row in enumerate(rows):
            own = [
                bad
                for version, segment, at, bad in calls
                if (version, segment) == (row.version, row.segment) and hour <= at < hour + 3_600
            ]
            times = spread(row, hour, own)
            placed += [(hour, at, place, index, own[index]) for index, at in enumerate(times)]
    expected = [number for number, (*_, bad) in enumerate(sorted(placed), start=1) if bad]
    assert (result.n, list(result.failed)) == (len(calls), expected)
    for place, row in enumerate(rows):
        own = [(number, one[-1]) for number, one in enumerate(sorted(placed), start=1) if one[2] == place]
        part = result.part({row.configuration})
        assert (part.n, part.first) == (len(own), own[0][0])
        for number in range(1, len(calls) + 2):
            late = [bad for at, bad in own if at >= number]
            assert part.within([(number, result.n)]) == (len(late), sum(late))


def test_the_hour_of_a_call_is_that_of_its_number():
    """The first hundred calls began in the first hour, the next in the second."""
    with open_store("sqlite://") as store:
        record(store, 100, 0, gap_s=1.0)
        record(store, 10, 0, started_at=7_200.0, gap_s=1.0, version="v2")
        result = stream_of(store.configurations(), store.by_hour())

    assert [result.at(number) for number in (1, 100, 101, 110)] == [0, 0, 7_200, 7_200]


def test_an_outage_of_one_version_ends_in_the_next():
    """The calls of all versions are one stream: what one breaks, another fixes."""
    with open_store("sqlite://") as store:
        record(store, 1_000, 0, version="v1", gap_s=1.0)
        record(store, 60, 60, version="v2", started_at=2_000.0, gap_s=1.0)
        record(store, 500, 0, version="v3", started_at=4_000.0, gap_s=1.0)
        result = stream_of(store.configurations(), store.by_hour())

    assert [(one.direction, one.start) for one in result.changes] == [("rise", 1_001), ("fall", 1_061)]
    assert result.outages == [1_061]
