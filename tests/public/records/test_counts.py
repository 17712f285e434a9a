"""Counts of calls by configuration, by hour, and within a time range equal the counts of plain Python."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure, Usage, Violation, open_store
from tests.public.records.counting import (
    counts_in,
    expected,
    expected_counts,
    expected_hours,
    stored_counts,
    stored_hours,
)
from tests.public.records.outcomes import BROKEN, FAILED, LOST, REFUSED, outcome
from tests.thinned import examples

HOUR = 3_600.0
T = 472_222 * HOUR  # an hour of 2023


def call_at(*attempts, at, **call):
    return outcome(*attempts, started_at=T + at, **call)


UNIT = Failure("value", "enum", "", (Violation("/unit", "/properties/unit/enum", "enum", "", ""),))
# Calls at seconds after T, around the borders of hours.
CALLS = [
    call_at({}, at=-0.5, input_hash="a"),
    call_at({}, at=0, input_hash="a"),
    call_at({"form": "unwrapped"}, at=1, input_hash="b"),
    call_at({"form": "repaired_lossless", "repairs": ("fence",)}, at=1_800, cluster="c"),
    call_at(FAILED, {}, at=3_599.9, cluster="c"),
    call_at(FAILED, {"form": "repaired_lossy"}, at=3_600),
    call_at(FAILED, {"failure": UNIT, "form": None}, at=3_601, input_hash="a"),
    call_at({"failure": REFUSED, "form": None, "reply": "no"}, at=7_199),
    call_at(LOST, at=7_200),
    call_at(FAILED, LOST, at=7_201),
    call_at({"form": "parsed", "reply": None}, at=7_202),
    call_at({"unseen": True}, at=10_800),
    call_at(FAILED | {"unseen": True}, at=10_801),
    call_at({}, at=10_802, segment="eu"),
    call_at(FAILED, at=10_803, segment="eu"),
    call_at({}, at=10_804, function="app.other"),
    call_at({}, at=10_805, version="v2"),
    call_at({}, at=10_806, model="m2"),
    call_at({}, at=10_807, tuned=True),
    call_at({}, at=14_400, schema_name="other", schema_fingerprint="e" * 16),
]
MAIN = [one for one in CALLS if one.call == CALLS[0].call._replace(
    started_at=one.call.started_at, input_hash=one.call.input_hash, cluster=one.call.cluster,
)]  # fmt: skip


@pytest.fixture
def filled(store):
    """A store with all calls, written in three batches."""
    for number, one in enumerate(CALLS):
        store.record(one)
        if number % 7 == 6:
            store.flush()
    assert store.flush() == 0
    return store


def test_counts_of_one_configuration_are_exact(filled):
    """Each of the thirteen calls of one configuration is counted once.

    The expected numbers are handmade.
    """
    result = counts_in(filled.configurations()[0])

    assert len(MAIN) == 13
    assert {name: result[name] for name in (
        "calls", "valid_first_time", "clean", "parsed", "textless", "repaired", "fixed_by_retry", "failed", "unseen",
        "unseen_failed", "transport",
    )} == {
        "calls": 12,
        "valid_first_time": 4,
        "clean": 2,
        "parsed": 1,
        "textless": 1,
        "repaired": 2,
        "fixed_by_retry": 1,
        "failed": 4,
        "unseen": 2,
        "unseen_failed": 1,
        "transport": 1,
    }  # fmt: skip
    assert result["started"] == (T - 0.5, T + 10_801)
    assert result["attempts"] == [(12, 6), (3, 1)]
    assert result["failures"] == {
        ("structure", "type"): 5,
        ("transport", "call_raised"): 2,
        ("value", "enum"): 1,
        ("refusal", "refusal"): 1,
    }
    assert result["failed_as"] == {
        ("value", "enum"): 1,
        ("refusal", "refusal"): 1,
        ("transport", "call_raised"): 1,
        ("structure", "type"): 1,
    }
    assert result["violations"] == {("/total", "type"): 5, ("/unit", "enum"): 1}
    assert result["excluded"] == {("call_raised", "TimeoutError"): 1}
    assert result["clusters"] == {(3, 1): 1, (2, 0): 1, (1, 0): 4, (1, 1): 3}
    assert result["inputs"] == 9
    assert result["order"] == [False] * 6 + [True, True, True, False, False, True]


def test_configurations_are_counted_separately(filled):
    """Calls that differ in function, version, model, tuning, segment, or schema have separate counts."""
    assert stored_counts(filled) == expected_counts(CALLS)
    assert len(stored_counts(filled)) == 7


def test_configurations_are_in_order_of_their_first_call(filled):
    """The configuration that was stored first is first. Each one has its own id."""
    configurations = filled.configurations()
    expected_order = list(dict.fromkeys(name for name in expected_counts(CALLS)))

    assert [
        (one.function, one.version, one.model, one.tuned, one.segment, one.schema_name) for one in configurations
    ] == [
        (name[0], name[7], name[3], name[8], name[9], name[1]) for name in expected_order
    ]  # fmt: skip
    assert len({one.id for one in configurations}) == 7


def test_calls_are_counted_in_the_hour_of_their_start(filled):
    """A call counts in the hour of its start, to the second. The hours are in order."""
    assert stored_hours(filled) == expected_hours(CALLS)
    assert [hour.at - T for hour in filled.by_hour()] == sorted(hour.at - T for hour in filled.by_hour())
    main = [hour for hour in filled.by_hour() if hour.configuration == filled.by_hour()[0].configuration]
    assert [(hour.at - T, hour.calls, hour.transport) for hour in main] == [
        (-HOUR, 1, 0),
        (0, 4, 0),
        (HOUR, 3, 0),
        (2 * HOUR, 2, 1),
        (3 * HOUR, 2, 0),
    ]


BOUNDS = [
    None,
    -0.5,
    0,
    0.1,
    1,
    1_800,
    3_599.9,
    3_600,
    3_600.1,
    7_200,
    10_801,
    10_803.5,
    14_400,
    14_401,
    99_999,
]
WINDOWS = [(since, until) for since in BOUNDS for until in BOUNDS]


def within(since, until):
    return [
        one
        for one in CALLS
        if (since is None or one.call.started_at >= T + since)
        and (until is None or one.call.started_at < T + until)
    ]


def times(since, until):
    return {name: T + bound for name, bound in (("since", since), ("until", until)) if bound is not None}


def test_time_range_counts_exactly_its_calls(filled):
    """`since` is inclusive and `until` exclusive, for all 225 pairs of bounds."""
    wrong = [
        (since, until)
        for since, until in (WINDOWS if "postgres" not in filled.url else WINDOWS[::9])
        if stored_counts(filled, **times(since, until)) != expected_counts(within(since, until))
    ]

    assert wrong == []


def test_time_range_selects_the_attempts_of_its_calls(filled):
    """The attempts of a time range are those of the counted calls."""
    for since, until in WINDOWS[::4]:
        results = [row["started_at"] for row in filled.attempts(**times(since, until))]
        assert results == [one.call.started_at for one in within(since, until) for _ in one.attempts]


def test_time_range_selects_whole_hours(filled):
    """An hour that overlaps the range is counted whole. An hour that starts at `until` is left out."""
    main = filled.by_hour()[0].configuration

    def hours(**where):
        return [int((hour.at - T) // HOUR) for hour in filled.by_hour(**where) if hour.configuration == main]

    assert hours(since=T + 1) == [0, 1, 2, 3]
    assert hours(since=T) == [0, 1, 2, 3]
    assert hours(since=T - 0.1) == [-1, 0, 1, 2, 3]
    assert hours(until=T) == [-1]
    assert hours(until=T + 0.1) == [-1, 0]
    assert hours(since=T + HOUR, until=T + 2 * HOUR) == [1]
    assert hours(since=T + 1.5 * HOUR, until=T + 2.5 * HOUR) == [1, 2]
    assert hours(since=T + 9 * HOUR) == []


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ({"function": "app.other"}, [15]),
        ({"function": "other"}, []),
        ({"schema": "other"}, [19]),
        ({"schema": "e" * 16}, [19]),
        ({"schema": "invoice"}, range(19)),
        ({"function": "app.extract", "schema": "f" * 16, "since": T + 10_802}, [13, 14, 16, 17, 18]),
    ],
)
def test_names_select_calls(filled, where, chosen):
    """A function matches by its whole name, and a schema by its name or fingerprint."""
    calls = [CALLS[number] for number in chosen]

    assert stored_counts(filled, **where) == expected_counts(calls)
    without_times = {name: value for name, value in where.items() if name != "since"}
    if where == without_times:
        assert stored_hours(filled, **where) == expected_hours(calls)


AMOUNTS = [
    ({"usage": Usage(10, 20, 3, 4), "cost": 0.25, "elapsed_s": 1.5},),
    ({"usage": Usage(1, None, 0, None), "elapsed_s": 2.0},),
    (FAILED | {"usage": Usage(5, 6), "cost": 0.5, "elapsed_s": 0.25}, {"cost": 0.125, "elapsed_s": 4.0}),
    (LOST | {"elapsed_s": 60.0},),
    ({"elapsed_s": float("nan")},),
]


def test_sums_are_separate_for_first_and_second_attempts(store):
    """Each sum of tokens, seconds, and costs has the number of attempts without a value."""
    for attempts in AMOUNTS:
        store.record(outcome(*attempts))
    (result,) = store.configurations()

    assert counts_in(result)["sums"] == {
        1: (5, (16, 2), (3, 3), (26, 3), (4, 4), (63.75, 1), (0.75, 3)),
        2: (1, (None, 1), (None, 1), (None, 1), (None, 1), (4.0, 0), (0.125, 0)),
    }


def test_small_amounts_are_summed_precisely(store):
    """Sums of tiny costs and seconds have an error below one in a thousand million."""
    for _ in range(3):
        store.record(outcome({"cost": 1.23e-7, "elapsed_s": 4.5e-5}))
    (result,) = store.configurations()

    (sums,) = result.sums
    assert sums.cost.known == pytest.approx(3.69e-7, rel=1e-9)
    assert sums.elapsed_s.known == pytest.approx(1.35e-4, rel=1e-9)


def test_latency_of_a_call_is_the_sum_of_its_attempts(store):
    """A call that raised counts only in the latency of attempts."""
    for attempts in AMOUNTS[:4]:
        store.record(outcome(*attempts))
    (result,) = store.configurations()

    calls = [result.call_latency.percentile_s(percent) for percent in (1, 50, 100)]
    attempts = [result.attempt_latency.percentile_s(percent) for percent in (1, 40, 60, 100)]
    assert calls == [pytest.approx(seconds, rel=1 / 64) for seconds in (1.5, 2.0, 4.25)]
    assert attempts == [pytest.approx(seconds, rel=1 / 64) for seconds in (0.25, 1.5, 2.0, 60.0)]


def test_absurd_amounts_are_unknown(store):
    """Impossible seconds, costs, and tokens are stored as unknown. Their rows are stored."""
    store.record(outcome({"elapsed_s": 1e300, "cost": 1e300, "usage": Usage(10**300, -1)}))
    store.record(outcome({"elapsed_s": -1.0}))
    (result,) = store.configurations()

    assert counts_in(result)["sums"] == {1: (2, *[(None, 2)] * 6)}


def test_calls_of_one_cluster_are_one_input(store):
    """Calls of one cluster are one input even if their tasks differ.

    A call without either is an input of its own.
    """
    for number in range(4):
        store.record(outcome(cluster="c", input_hash=f"i{number}"))
    store.record(outcome(input_hash="i0"))
    store.record(outcome())
    (result,) = store.configurations()

    assert (result.calls, result.inputs, result.clusters) == (6, 3, ((1, 0, 2), (4, 0, 1)))


def test_pairs_are_inputs_called_once_in_both_configurations(store):
    """An input without exactly one call in each configuration is not a pair. Failures are counted for each side."""
    failing = {"m1": "bdff", "m2": "cde"}
    for model, inputs in {"m1": "abcdeffg", "m2": "abcdef"}.items():
        for name in inputs:
            store.record(outcome(*[FAILED] * (name in failing[model]), model=model, input_hash=name))
    one, other = store.configurations()

    assert (one.model, store.pairs(one.id, other.id)) == ("m1", (5, 1, 2))
    assert store.pairs(other.id, one.id) == (5, 2, 1)


def test_frequent_inputs_have_at_least_the_given_calls(store):
    """Frequent inputs are returned with their calls and failed calls. Excluded calls do not count."""
    for name, calls, failed in (("a", 1, 1), ("b", 2, 0), ("c", 3, 2), ("d", 3, 0)):
        for number in range(calls):
            store.record(outcome(*[FAILED] * (number < failed), input_hash=name))
    store.record(outcome(LOST, input_hash="b"))
    (result,) = store.configurations()

    def frequent(least):
        with store.reading() as snapshot:
            return sorted((calls, failed) for _, calls, failed in snapshot.frequent_inputs(result.id, least))

    assert frequent(1) == [(1, 1), (2, 0), (3, 0), (3, 2)]
    assert frequent(2) == [(2, 0), (3, 0), (3, 2)]
    assert frequent(3) == [(3, 0), (3, 2)]
    assert frequent(4) == []


def test_names_lists_functions_schemas_and_segments(filled):
    """`names` returns every function, schema, and segment with calls."""
    assert {(one.function, one.schema_name, one.segment) for one in filled.names()} == {
        ("app.extract", "invoice", None),
        ("app.extract", "invoice", "eu"),
        ("app.extract", "other", None),
        ("app.other", "invoice", None),
    }


def test_counts_continue_in_a_reopened_file(tmp_path):
    """A reopened file has the same counts, and new calls are added to them."""
    for part in (CALLS[:9], CALLS[9:]):
        with open_store(f"{tmp_path}/r.db") as store:
            for one in part:
                store.record(one)
    with open_store(f"{tmp_path}/r.db") as store:
        assert stored_counts(store) == expected_counts(CALLS)
        assert stored_hours(store) == expected_hours(CALLS)
        assert store.check().is_sound
        assert stored_counts(store) == expected_counts(CALLS)


@pytest.mark.parametrize("read", ["by_hour", "configurations"])
def test_counts_include_calls_that_were_just_recorded(store, read):
    """A count waits for the calls that this process recorded before it."""
    for number in range(300):
        store.record(call_at({}, at=number))

    assert sum(one.calls for one in getattr(store, read)()) == 300


def test_late_call_is_counted_in_the_hour_of_its_start(store):
    """A call that is stored after later calls counts in the hour of its start."""
    for at in (5 * HOUR, 0.0, 2 * HOUR, 5 * HOUR + 1):
        store.record(call_at({}, at=at))
        store.flush()

    assert [(hour.at - T, hour.calls) for hour in store.by_hour()] == [(0, 1), (2 * HOUR, 1), (5 * HOUR, 2)]
    assert [one.calls for one in store.configurations(since=T + 1)] == [3]
    (result,) = store.configurations()
    assert (result.first_started_at, result.last_started_at) == (T, T + 5 * HOUR + 1)


def test_call_without_a_start_is_in_no_hour(store):
    """A call whose start is not finite counts in the total, but in no time range."""
    store.record(outcome(started_at=float("nan")))
    store.record(call_at({}, at=0))

    assert [one.calls for one in store.configurations()] == [2]
    assert [one.calls for one in store.configurations(since=-1e18)] == [1]
    assert [one.calls for one in store.configurations(until=1e18)] == [1]
    assert [hour.calls for hour in store.by_hour()] == [1]


def test_report_since_leaves_out_earlier_calls(tmp_path, cli_json):
    """`report --since` counts only later calls, and shows only the hours since then."""
    path = tmp_path / "r.db"
    with open_store(str(path)) as store:
        for one in CALLS:
            store.record(one)
    every = cli_json("report", "--store", path, "--by", "segment")
    later = cli_json("report", "--store", path, "--by", "segment", "--since", "2023-11-14T23:00")

    # T is 2023-11-14T22:00 UTC.
    for document, since in ((every, None), (later, 3_600)):
        result = Counter()
        for one in document["configurations"]:
            result[one["segment"], one["schema"]] += one["calls"]
        wanted = Counter()
        for name, counts in expected_counts(within(since, None)).items():
            wanted[name[9], name[1]] += counts["calls"]
        assert result == wanted
    calls = sum(point["failed"]["n"] for series in every["over_time"]["series"] for point in series)
    assert calls == sum(counts["calls"] for counts in expected_counts(CALLS).values())
    assert {point["at"] - T for series in later["over_time"]["series"] for point in series} <= {
        HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR,
    }  # fmt: skip


# Strategies for random calls.
tokens = st.none() | st.integers(0, 10**9)
common = {
    "usage": st.builds(Usage, tokens, tokens, tokens, tokens),
    "cost": st.none() | st.integers(0, 99).map(lambda n: n / 4),  # quarters add up exactly
    "elapsed_s": st.just(float("nan")) | st.integers(0, 400).map(lambda n: n / 4),
    "reply": st.none() | st.sampled_from(["{}", "ä" * 100]),
    "model": st.none() | st.just("m"),
    "snapshot": st.none() | st.just("m-1"),
    "unseen": st.booleans(),
}
validated = st.builds(
    Failure,
    st.sampled_from(["syntax", "structure", "value", "truncation"]),
    st.sampled_from(["empty", "type", "max_tokens"]),
    st.just(""),
    st.sampled_from([(), BROKEN.violations, UNIT.violations]),
)
lost = st.sampled_from(["call_raised", "cancelled"]).map(lambda code: Failure("transport", code, ""))
failed = st.fixed_dictionaries({"failure": validated, "form": st.none(), **common})
forms = st.sampled_from(["clean", "unwrapped", "parsed", "repaired_lossless"])
last = st.one_of(
    st.fixed_dictionaries({"failure": st.none(), "form": forms, **common}),
    failed,
    st.fixed_dictionaries(
        {"failure": lost, "form": st.none(), "exception": st.none() | st.just("ValueError"), **common}
    ),
)
calls = st.fixed_dictionaries(
    {
        "model": st.none() | st.just("m"),
        "segment": st.none() | st.just("eu"),
        "tuned": st.booleans(),
        "cluster": st.none() | st.sampled_from(["c1", "c2"]),
        "input_hash": st.none() | st.sampled_from(["i1", "i2"]),
        "started_at": st.integers(0, 9).map(lambda n: n * 1_000.0),
    }
)
described = st.lists(st.tuples(st.lists(failed, max_size=2), last, calls), max_size=15)
quarters = st.none() | st.integers(-1, 12).map(lambda number: number * 900.0)


@examples(12)
@given(described=described, cuts=st.lists(st.integers(0, 15), max_size=3), since=quarters, until=quarters)
def test_random_calls_are_counted_as_in_plain_python(new_url, described, cuts, since, until):
    """Random calls in random batches have the counts of plain Python, for any time range."""
    calls = [outcome(*failures, end, **call) for failures, end, call in described]
    with open_store(new_url()) as store:
        for start, end in pairwise(sorted({0, *(min(cut, len(calls)) for cut in cuts), len(calls)})):
            for one in calls[start:end]:
                store.record(one)
            store.flush()
        chosen = [
            one
            for one in calls
            if (since is None or one.call.started_at >= since)
            and (until is None or one.call.started_at < until)
        ]

        assert stored_counts(store) == expected_counts(calls)
        assert stored_hours(store) == expected_hours(calls)
        assert stored_counts(store, since=since, until=until) == expected_counts(chosen)
        assert stored_counts(store, function="app.extract", until=until) == expected_counts(
            [one for one in calls if until is None or one.call.started_at < until]
        )


def test_reference_counts_are_not_zero():
    """The reference counts twelve validated calls, so that equal zeros cannot pass."""
    assert expected(MAIN)["calls"] == 12
