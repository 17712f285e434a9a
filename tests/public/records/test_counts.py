"""Counts of calls: by configuration, by hour, and within times, always those that plain Python counts."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure, InvalidArgument, Usage, Violation, open_store
from tests.public.records.counting import (
    expected,
    expected_hours,
    expected_of,
    found_in,
    found_of,
    hours_of,
    rounded,
)
from tests.public.records.outcomes import BROKEN, FAILED, LOST, REFUSED, outcome
from tests.thinned import examples

HOUR = 3_600.0
T = 472_222 * HOUR  # an hour of 2023


def made(*attempts, at, **call):
    return outcome(*attempts, started_at=T + at, **call)


UNIT = Failure("value", "enum", "", (Violation("/unit", "/properties/unit/enum", "enum", "", ""),))
# Calls around the borders of hours: seconds since T, and how they ended.
CALLS = [
    made({}, at=-0.5, input_hash="a"),
    made({}, at=0, input_hash="a"),
    made({"form": "unwrapped"}, at=1, input_hash="b"),
    made({"form": "repaired_lossless", "repairs": ("fence",)}, at=1_800, cluster="c"),
    made(FAILED, {}, at=3_599.9, cluster="c"),
    made(FAILED, {"form": "repaired_lossy"}, at=3_600),
    made(FAILED, {"failure": UNIT, "form": None}, at=3_601, input_hash="a"),
    made({"failure": REFUSED, "form": None, "reply": "no"}, at=7_199),
    made(LOST, at=7_200),
    made(FAILED, LOST, at=7_201),
    made({"form": "parsed", "reply": None}, at=7_202),
    made({"unseen": True}, at=10_800),
    made(FAILED | {"unseen": True}, at=10_801),
    made({}, at=10_802, segment="eu"),
    made(FAILED, at=10_803, segment="eu"),
    made({}, at=10_804, function="app.other"),
    made({}, at=10_805, version="v2"),
    made({}, at=10_806, model="m2"),
    made({}, at=10_807, tuned=True),
    made({}, at=14_400, schema_name="other", schema_fingerprint="e" * 16),
]
MAIN = [one for one in CALLS if one.call == CALLS[0].call._replace(
    started_at=one.call.started_at, input_hash=one.call.input_hash, cluster=one.call.cluster,
)]  # fmt: skip


@pytest.fixture
def filled(store):
    """Record all calls, in three batches."""
    for number, one in enumerate(CALLS):
        store.record(one)
        if number % 7 == 6:
            store.flush()
    assert store.flush() == 0
    return store


def test_counts_of_one_configuration_are_exact(filled):
    """Each call is in one count: fourteen calls of one configuration, by hand."""
    found = found_in(filled.configurations()[0])

    assert len(MAIN) == 13
    assert {name: found[name] for name in (
        "calls", "first_pass", "exact", "parsed", "textless", "repaired", "reasked", "unhandled", "unseen",
        "unseen_unhandled", "transport",
    )} == {
        "calls": 12,
        "first_pass": 4,
        "exact": 2,
        "parsed": 1,
        "textless": 1,
        "repaired": 2,
        "reasked": 1,
        "unhandled": 4,
        "unseen": 2,
        "unseen_unhandled": 1,
        "transport": 1,
    }  # fmt: skip
    assert found["started"] == (T - 0.5, T + 10_801)
    assert found["attempts"] == [(12, 6), (3, 1)]
    assert found["failures"] == {
        ("structure", "type"): 5,
        ("transport", "call_raised"): 2,
        ("value", "enum"): 1,
        ("refusal", "refusal"): 1,
    }
    assert found["failed_as"] == {
        ("value", "enum"): 1,
        ("refusal", "refusal"): 1,
        ("transport", "call_raised"): 1,
        ("structure", "type"): 1,
    }
    assert found["violations"] == {("/total", "type"): 5, ("/unit", "enum"): 1}
    assert found["outside"] == {("call_raised", "TimeoutError"): 1}
    assert found["clusters"] == {(3, 1): 1, (2, 0): 1, (1, 0): 4, (1, 1): 3}
    assert (found["inputs"], found["unhandled_inputs"]) == (9, round(3 + 1 / 3, 12))
    assert found["order"] == [False] * 6 + [True, True, True, False, False, True]


def test_all_configurations_are_those_of_plain_python(filled):
    """Calls that differ in function, version, model, tuning, segment, or schema are counted apart."""
    assert found_of(filled) == expected_of(CALLS)
    assert len(found_of(filled)) == 7


def test_configurations_come_in_the_order_of_their_first_call(filled):
    """The configuration that was stored first comes first, and each has an id of its own."""
    found = filled.configurations()
    expected_order = list(dict.fromkeys(name for name in expected_of(CALLS)))

    assert [
        (one.function, one.version, one.model, one.tuned, one.segment, one.schema_name) for one in found
    ] == [
        (name[0], name[7], name[3], name[8], name[9], name[1]) for name in expected_order
    ]  # fmt: skip
    assert len({one.id for one in found}) == 7


def test_hours_are_those_in_which_calls_began(filled):
    """A call is in the hour of its start, to the second, and the hours come in order."""
    assert hours_of(filled) == expected_hours(CALLS)
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


def test_a_window_counts_the_calls_in_it(filled):
    """`since` includes its moment and `until` excludes it, wherever they cut an hour: all 225 pairs of bounds."""
    wrong = [
        (since, until)
        for since, until in (WINDOWS if "postgres" not in filled.url else WINDOWS[::9])
        if found_of(filled, **times(since, until)) != expected_of(within(since, until))
    ]

    assert wrong == []


def test_attempts_in_a_window_are_those_of_its_calls(filled):
    """The rows of a window are those of the calls that it counts."""
    for since, until in WINDOWS[::4]:
        found = [row["started_at"] for row in filled.attempts(**times(since, until))]
        assert found == [one.call.started_at for one in within(since, until) for _ in one.attempts]


def test_hours_in_a_window_are_counted_whole(filled):
    """An hour that the times touch is given whole; the hour that begins at `until` is not."""
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
def test_names_choose_what_is_counted(filled, where, chosen):
    """A function goes by its whole name, a schema by name or fingerprint, in counts, hours, and sums."""
    calls = [CALLS[number] for number in chosen]

    assert found_of(filled, **where) == expected_of(calls)
    without_times = {name: value for name, value in where.items() if name != "since"}
    if where == without_times:
        assert hours_of(filled, **where) == expected_hours(calls)
        assert sum(one.calls for one in filled.summary(**where)) == sum(
            counts["calls"] for counts in expected_of(calls).values()
        )


def test_a_summary_pools_functions_and_segments(filled):
    """Calls that differ in function or segment only are one entry of the summary."""
    found = {(one.schema_name, one.model, one.version, one.tuned): one.calls for one in filled.summary()}

    assert found == {
        ("invoice", "m1", "v1", False): 15,
        ("invoice", "m1", "v2", False): 1,
        ("invoice", "m2", "v1", False): 1,
        ("invoice", "m1", "v1", True): 1,
        ("other", "m1", "v1", False): 1,
    }


AMOUNTS = [
    ({"usage": Usage(10, 20, 3, 4), "cost": 0.25, "elapsed_s": 1.5},),
    ({"usage": Usage(1, None, 0, None), "elapsed_s": 2.0},),
    (FAILED | {"usage": Usage(5, 6), "cost": 0.5, "elapsed_s": 0.25}, {"cost": 0.125, "elapsed_s": 4.0}),
    (LOST | {"elapsed_s": 60.0},),
    ({"elapsed_s": float("nan")},),
]


def test_sums_are_by_the_number_of_the_attempt(store):
    """Tokens, seconds, and costs are added up for first and second attempts, unknown ones counted."""
    for attempts in AMOUNTS:
        store.record(outcome(*attempts))
    (found,) = store.configurations()

    assert found_in(found)["sums"] == {
        1: (5, (16, 2), (3, 3), (26, 3), (4, 4), (63.75, 1), (0.75, 3)),
        2: (1, (None, 1), (None, 1), (None, 1), (None, 1), (4.0, 0), (0.125, 0)),
    }


def test_small_amounts_are_added_up_exactly(store):
    """Costs count to a thousand-millionth of a unit, seconds to a millionth."""
    for _ in range(3):
        store.record(outcome({"cost": 1.23e-7, "elapsed_s": 4.5e-5}))
    (found,) = store.configurations()

    (sums,) = found.sums
    assert sums.cost.known == pytest.approx(3.69e-7, rel=1e-9)
    assert sums.elapsed_s.known == pytest.approx(1.35e-4, rel=1e-9)


def test_latencies_are_those_of_calls_and_of_attempts(store):
    """A call takes as long as its attempts; a lost one counts for the attempts alone."""
    for attempts in AMOUNTS[:4]:
        store.record(outcome(*attempts))
    (found,) = store.configurations()

    calls = [found.call_latency.percentile_s(percent) for percent in (1, 50, 100)]
    attempts = [found.attempt_latency.percentile_s(percent) for percent in (1, 40, 60, 100)]
    assert calls == [pytest.approx(seconds, rel=1 / 64) for seconds in (1.5, 2.0, 4.25)]
    assert attempts == [pytest.approx(seconds, rel=1 / 64) for seconds in (0.25, 1.5, 2.0, 60.0)]


def test_absurd_amounts_are_unknown(store):
    """Seconds, money, and tokens that cannot be add nothing, and lose no row."""
    store.record(outcome({"elapsed_s": 1e300, "cost": 1e300, "usage": Usage(10**300, -1)}))
    store.record(outcome({"elapsed_s": -1.0}))
    (found,) = store.configurations()

    assert found_in(found)["sums"] == {1: (2, *[(None, 2)] * 6)}


def test_a_cluster_goes_before_the_input(store):
    """Calls of one cluster are one input, although their tasks differ; a call without either is its own."""
    for number in range(4):
        store.record(outcome(cluster="c", input_hash=f"i{number}"))
    store.record(outcome(input_hash="i0"))
    store.record(outcome())
    (found,) = store.configurations()

    assert (found.calls, found.inputs, found.clusters) == (6, 3, ((1, 0, 2), (4, 0, 1)))


def test_pairs_are_the_inputs_called_once_in_both(store):
    """An input that one of two configurations never had, or twice, is no pair; failures of only one are told apart."""
    failing = {"m1": "bdff", "m2": "cde"}
    for model, inputs in {"m1": "abcdeffg", "m2": "abcdef"}.items():
        for name in inputs:
            store.record(outcome(*[FAILED] * (name in failing[model]), model=model, input_hash=name))
    one, other = store.configurations()

    assert (one.model, store.pairs(one.id, other.id)) == ("m1", (5, 1, 2))
    assert store.pairs(other.id, one.id) == (5, 2, 1)


def test_frequent_inputs_are_those_with_so_many_calls(store):
    """Inputs with at least so many judged calls are given with their calls and failed calls."""
    for name, calls, failed in (("a", 1, 1), ("b", 2, 0), ("c", 3, 2), ("d", 3, 0)):
        for number in range(calls):
            store.record(outcome(*[FAILED] * (number < failed), input_hash=name))
    store.record(outcome(LOST, input_hash="b"))
    (found,) = store.configurations()

    def frequent(least):
        return sorted((calls, failed) for _, calls, failed in store.frequent_inputs(found.id, least))

    assert frequent(1) == [(1, 1), (2, 0), (3, 0), (3, 2)]
    assert frequent(2) == [(2, 0), (3, 0), (3, 2)]
    assert frequent(3) == [(3, 0), (3, 2)]
    assert frequent(4) == []


def test_calls_after_a_number_are_the_rest(store):
    """The calls of a configuration after its first judged ones are counted alone."""
    for number in range(6):
        store.record(outcome(*[LOST] if number == 2 else [FAILED] * (number > 3), id=str(number)))
        store.record(outcome(segment="other", id=f"{number}-other"))
    (found, _) = store.configurations()

    left = [store.configuration_after(found.id, number) for number in range(6)]
    assert [(one.calls, one.unhandled, one.transport) for one in left] == [
        (5, 2, 1), (4, 2, 1), (3, 2, 1), (2, 2, 0), (1, 1, 0), (0, 0, 0),
    ]  # fmt: skip
    for number in (-1, 6):
        with pytest.raises(InvalidArgument, match=f"call_number={number}: expected 0 to 5"):
            store.configuration_after(found.id, number)


def test_names_are_those_of_all_calls(filled):
    """Every function, schema, and segment that has calls is named."""
    said = {name for names in filled.names() for name in names if isinstance(name, str)}

    assert {"app.extract", "app.other", "invoice", "other", "eu"} <= said


def test_counts_are_the_same_when_a_file_is_opened_again(tmp_path):
    """Counts come from the file, not from the process, and new calls are added to them."""
    for part in (CALLS[:9], CALLS[9:]):
        with open_store(f"{tmp_path}/r.db") as store:
            for one in part:
                store.record(one)
    with open_store(f"{tmp_path}/r.db") as store:
        assert found_of(store) == expected_of(CALLS)
        assert hours_of(store) == expected_hours(CALLS)
        assert store.check().is_sound
        assert found_of(store) == expected_of(CALLS)


def test_a_late_call_goes_into_its_own_hour(store):
    """A call that is stored after later ones is counted in the hour of its start."""
    for at in (5 * HOUR, 0.0, 2 * HOUR, 5 * HOUR + 1):
        store.record(made({}, at=at))
        store.flush()

    assert [(hour.at - T, hour.calls) for hour in store.by_hour()] == [(0, 1), (2 * HOUR, 1), (5 * HOUR, 2)]
    assert [one.calls for one in store.configurations(since=T + 1)] == [3]
    (found,) = store.configurations()
    assert (found.first_started_at, found.last_started_at) == (T, T + 5 * HOUR + 1)


def test_a_call_without_a_time_is_in_no_hour(store):
    """A start that is not finite is unknown: counted in all, and in no times."""
    store.record(outcome(started_at=float("nan")))
    store.record(made({}, at=0))

    assert [one.calls for one in store.configurations()] == [2]
    assert [one.calls for one in store.configurations(since=-1e18)] == [1]
    assert [one.calls for one in store.configurations(until=1e18)] == [1]
    assert [hour.calls for hour in store.by_hour()] == [1]


def test_a_report_counts_from_a_moment_on(tmp_path, cli_json):
    """`report --since` leaves out earlier calls, and shows each hour from the first one on."""
    path = tmp_path / "r.db"
    with open_store(str(path)) as store:
        for one in CALLS:
            store.record(one)
    every = cli_json("report", "--store", path, "--by", "segment")
    later = cli_json("report", "--store", path, "--by", "segment", "--since", "2023-11-14T23:00")

    # T is 2023-11-14T22:00 in UTC.
    for document, since in ((every, None), (later, 3_600)):
        found = Counter()
        for one in document["configurations"]:
            found[one["segment"], one["schema"]] += one["calls"]
        wanted = Counter()
        for name, counts in expected_of(within(since, None)).items():
            wanted[name[9], name[1]] += counts["calls"]
        assert found == wanted
    calls = sum(point["unhandled"]["n"] for series in every["over_time"]["series"] for point in series)
    assert calls == sum(counts["calls"] for counts in expected_of(CALLS).values())
    assert {point["at"] - T for series in later["over_time"]["series"] for point in series} <= {
        HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR,
    }  # fmt: skip


# Any calls at all.
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
judged = st.builds(
    Failure,
    st.sampled_from(["syntax", "structure", "value", "truncation"]),
    st.sampled_from(["empty", "type", "max_tokens"]),
    st.just(""),
    st.sampled_from([(), BROKEN.violations, UNIT.violations]),
)
lost = st.sampled_from(["call_raised", "cancelled"]).map(lambda code: Failure("transport", code, ""))
failed = st.fixed_dictionaries({"failure": judged, "form": st.none(), **common})
forms = st.sampled_from(["exact", "unwrapped", "parsed", "repaired_lossless", "resumed"])
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
def test_any_calls_in_any_batches_are_counted(new_url, described, cuts, since, until):
    """For any calls in any batches, and any times, counts are those of plain Python."""
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

        assert found_of(store) == expected_of(calls)
        assert hours_of(store) == expected_hours(calls)
        assert found_of(store, since=since, until=until) == expected_of(chosen)
        assert found_of(store, function="app.extract", until=until) == expected_of(
            [one for one in calls if until is None or one.call.started_at < until]
        )


def test_expected_counts_are_not_empty():
    """The counting of plain Python tells these calls apart."""
    assert rounded(expected(MAIN))["calls"] == 12


def test_a_summary_has_the_sums_of_all_attempts(store):
    """Each kind of tokens, and the cost, has its own number of attempts that told none."""
    for attempts in AMOUNTS:
        store.record(outcome(*attempts))
    (found,) = store.summary()

    assert (found.attempts, found.input_tokens, found.input_tokens_unknown) == (6, 16, 3)
    assert (found.output_tokens, found.output_tokens_unknown) == (26, 4)
    assert (found.cost, found.cost_unknown, found.elapsed_s) == (0.875, 3, 67.75)


@pytest.mark.parametrize("since", [None, 0.0, 3_600.0, 10_802.0])
@pytest.mark.parametrize("until", [None, 3_600.0, 7_200.0, 10_803.0])
@pytest.mark.parametrize("function", [None, "app.extract"])
def test_a_summary_counts_the_window_of_its_configurations(filled, since, until, function):
    """All three times and names choose calls in a summary as they do in the counts that it pools."""
    where = {name: T + value for name, value in (("since", since), ("until", until)) if value is not None}
    where |= {"function": function} if function else {}
    counted = filled.configurations(**where)

    assert sum(one.calls for one in filled.summary(**where)) == sum(one.calls for one in counted)


def test_windows_differ(filled):
    """Each bound of the table above leaves out calls, so that a bound that is ignored is seen."""
    windows = ({}, {"until": T + 3_600.0}, {"until": T + 7_200.0}, {"since": T + 10_802.0})

    assert len({sum(one.calls for one in filled.summary(**where)) for where in windows}) == 4
