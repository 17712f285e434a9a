"""Roll-ups: what is kept with every write is what plain Python counts, however the calls came in."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.configuration.early_stop import stops_replies
from schema_guard.records import ConfigurationCounts, Store, open_store
from schema_guard.records.attempts import Where
from schema_guard.records.backend import pages
from schema_guard.records.counts.buckets import bucket
from schema_guard.records.counts.configurations import Histogram
from schema_guard.records.rows import CONFIGURATION_COLUMNS
from schema_guard.values import Failure, Usage, Violation
from tests.records.scan import scanned

SLOW = pytest.mark.slow
tokens = st.none() | st.integers(0, 10**9)
common = {
    "usage": st.builds(Usage, tokens, tokens, tokens, tokens),
    "cost": st.none() | st.integers(0, 99).map(lambda n: n / 4),  # quarters add up exactly
    "elapsed_s": st.just(float("nan")) | st.integers(0, 400).map(lambda n: n / 4),
}
judged = st.builds(
    Failure,
    st.sampled_from(["syntax", "structure", "value", "truncation"]),
    st.sampled_from(["empty", "type", "max_tokens"]),
    st.just(""),
    st.sampled_from(["type", "enum"])
    .map(lambda keyword: Violation("/a", f"/properties/a/{keyword}", keyword, "", ""))
    .map(lambda violation: (violation,))
    | st.just(()),
)
common |= {
    "reply": st.none() | st.sampled_from(["{}", "ä" * 100]),
    "stopped_at": st.none() | st.sampled_from([2, 100]),
    "finish_reason": st.sampled_from(["stop", "length"]),
    "model": st.none() | st.just("m"),
    "snapshot": st.none() | st.just("m-1"),
    "unseen": st.booleans(),
}
transport = st.sampled_from(["call_raised", "cancelled"]).map(lambda code: Failure("transport", code, ""))
raised = st.none() | st.sampled_from(["TimeoutError", "ValueError"])
failed = st.fixed_dictionaries({"failure": judged, "form": st.none(), **common})
forms = st.sampled_from(["clean", "unwrapped", "parsed", "repaired_lossless"])
last = st.one_of(
    st.fixed_dictionaries({"failure": st.none(), "form": forms, **common}),
    failed,
    st.fixed_dictionaries({"failure": transport, "form": st.none(), "exception": raised, **common}),
)
calls = st.fixed_dictionaries(
    {
        "model": st.none() | st.just("m"),
        "segment": st.none() | st.just("eu"),
        "tuned": st.booleans(),
        "settings": st.sampled_from(
            [
                "{}",
                '{"early_stop":true}',
                '{"budget":{"max_repeats":6}}',
                '{"early_stop":true,"repair":"lossless"}',
            ]
        ),
        "cluster": st.none() | st.sampled_from(["c1", "c2"]),
        "input_hash": st.none() | st.sampled_from(["i1", "i2"]),
        "started_at": st.integers(0, 9).map(lambda n: n * 1_000.0),
    }
)
described = st.lists(st.tuples(st.lists(failed, max_size=2), last, calls), max_size=15)


@st.composite
def batches(draw, elements):
    """Lists that make up one list: any way of cutting it."""
    whole = draw(elements)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    return [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]


def outcomes_of(make, batch):
    return [make.outcome(*failures, end, **call) for failures, end, call in batch]


def is_judged(outcome):
    last = outcome.attempts[-1]
    is_cancelled = (
        last.failure is not None and last.failure.code == "cancelled" and last.exception is not None
    )
    return not is_transport(last) or (last.number > 1 and not is_cancelled)


def is_transport(attempt):
    return attempt.failure is not None and attempt.failure.kind == "transport"


def configuration_of(outcome):
    return tuple(getattr(outcome.call, name) for name in CONFIGURATION_COLUMNS)


REPAIRED = {"repaired_lossless", "repaired_lossy"}


def ways(outcomes):
    """How these calls ended, and the parts that they are in, by the definitions of the rates."""
    counts = Counter()
    for outcome in outcomes:
        last = outcome.attempts[-1]
        unseen = any(attempt.unseen for attempt in outcome.attempts)
        if not is_judged(outcome):
            counts["transport"] += 1
            continue
        counts["calls"] += 1
        counts["failed"] += not outcome.ok
        counts["unseen"] += unseen
        counts["unseen_failed"] += unseen and not outcome.ok
        if unseen:
            continue
        counts["coerced"] += last.form == "coerced"
        if outcome.ok:
            repaired = last.form in REPAIRED
            counts["repaired"] += repaired
            counts["fixed_by_retry"] += last.number > 1 and not repaired
            passed = last.number == 1 and not repaired
            counts["valid_first_time"] += passed
            counts["clean"] += passed and last.form == "clean"
            counts["textless"] += (
                passed and last.form != "clean" and (last.form == "parsed" or last.reply is None)
            )
            counts["parsed"] += passed and last.form == "parsed"
    names = "calls valid_first_time clean parsed textless coerced repaired fixed_by_retry failed unseen unseen_failed transport"
    return {name: counts[name] for name in names.split()}


def total(values):
    known = [value for value in values if value is not None]
    return (sum(known) if known else None), len(values) - len(known)


def known_seconds(attempt):
    return None if isnan(attempt.elapsed_s) else attempt.elapsed_s


def lengths(members):
    """Characters and bytes of stopped replies, and bytes of others, where the settings stop them; as buckets."""
    known = [
        attempt
        for outcome in members
        if stops_replies(outcome.call.settings)
        for attempt in outcome.attempts
        if attempt.reply is not None and not is_transport(attempt)
    ]
    stopped = [attempt for attempt in known if attempt.stopped_at is not None]
    whole = [attempt for attempt in known if attempt.stopped_at is None]
    return (
        Counter(bucket(attempt.stopped_at) for attempt in stopped),
        Counter(bucket(len(attempt.reply.encode())) for attempt in stopped),
        Counter(bucket(len(one.reply.encode())) for one in whole),
    )


def expected(members):
    """What `ConfigurationCounts` has to say of these outcomes, by plain counting."""
    hours = list(dict.fromkeys(outcome.call.started_at // 3_600 for outcome in members))
    ordered = sorted(members, key=lambda outcome: hours.index(outcome.call.started_at // 3_600))
    counted = [outcome for outcome in ordered if is_judged(outcome)]
    inputs = defaultdict(list)
    for number, outcome in enumerate(counted):
        call = outcome.call
        known = call.input_hash if call.cluster is None else ("cluster", call.cluster)
        inputs[number if known is None else known].append(not outcome.ok)
    repeats = any(len(members) > 1 for members in inputs.values())
    shapes = Counter((len(members), sum(members)) for members in inputs.values())
    by_number = defaultdict(list)
    for outcome in members:
        for attempt in outcome.attempts:
            by_number[attempt.number].append(attempt)
    met = {n: [a for a in attempts if not is_transport(a)] for n, attempts in by_number.items()}
    bits = "".join("01"[not outcome.ok] for outcome in counted)
    bits += "0" * (-len(bits) % 8)
    return {
        **ways(members),
        "excluded": dict(
            Counter((o.failure.code, o.attempts[-1].exception) for o in members if not is_judged(o))
        ),
        "models": dict(
            Counter(
                (a.model, a.snapshot) for o in members for a in o.attempts if a.model and not is_transport(a)
            )
        ),
        "first_started_at": min(outcome.call.started_at for outcome in members),
        "last_started_at": max(outcome.call.started_at for outcome in members),
        "clusters": tuple((*key, n) for key, n in sorted(shapes.items())) if repeats else (),
        "inputs": len(inputs),
        "attempts": tuple(
            (len(met[n]), sum(a.failure is not None for a in met[n])) for n in sorted(met) if met[n]
        ),
        "sums": tuple(
            (
                number,
                len(by_number[number]),
                total([a.usage.input_tokens for a in by_number[number]]),
                total([a.usage.cached_input_tokens for a in by_number[number]]),
                total([a.usage.output_tokens for a in by_number[number]]),
                total([a.usage.reasoning_tokens for a in by_number[number]]),
                total([known_seconds(a) for a in by_number[number]]),
                total([a.cost for a in by_number[number]]),
            )
            for number in sorted(by_number)
        ),
        "failures": dict(
            Counter((a.failure.kind, a.failure.code) for o in members for a in o.attempts if a.failure)
        ),
        "failure_kinds": dict(Counter(o.failure.kind for o in counted if not o.ok)),
        "lengths": lengths(members),
        "outcomes": bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)),
    }


def found_in(counts):
    """The parts of `ConfigurationCounts` that `expected` has, in its form."""
    names = (
        "calls valid_first_time clean parsed textless coerced repaired fixed_by_retry failed unseen unseen_failed transport "
        "first_started_at last_started_at clusters inputs attempts sums outcomes"
    )
    return {
        **{name: getattr(counts, name) for name in names.split()},
        "excluded": {(code, exception): calls for code, exception, calls in counts.excluded},
        "models": {(model, snapshot): attempts for model, snapshot, attempts in counts.models},
        "failures": {(kind, code): attempts for kind, code, attempts in counts.failures},
        "failure_kinds": counts.failure_kinds,
        "lengths": tuple(Counter(dict(lengths.buckets)) for lengths in counts.lengths),
    }


@given(given_batches=batches(described))
def test_roll_ups_are_what_plain_python_counts(new_backend, write, make, given_batches):
    """For any outcomes in any batches each configuration has the counts, sums, clusters and bits of its calls."""
    backend = new_backend()
    made = [outcomes_of(make, batch) for batch in given_batches]
    groups = defaultdict(list)
    for batch in made:
        for outcome in batch:
            groups[configuration_of(outcome)].append(outcome)

    write(backend, made)
    with Store(backend) as store:
        results = {counts.configuration: found_in(counts) for counts in store.configurations()}

    assert results == {configuration: expected(members) for configuration, members in groups.items()}


@given(given_batches=batches(described))
def test_each_call_is_in_one_way(new_backend, write, make, given_batches):
    """The five ways add up to the validated calls, and excluded calls are counted by cause."""
    backend = new_backend()
    write(backend, [outcomes_of(make, batch) for batch in given_batches])
    with Store(backend) as store:
        for one in store.configurations():
            valid_unseen = one.unseen - one.unseen_failed
            assert (
                one.calls
                == one.valid_first_time + one.repaired + one.fixed_by_retry + one.failed + valid_unseen
            )
            assert one.transport == sum(cause.calls for cause in one.excluded)
            assert one.clean + one.parsed <= one.valid_first_time
            assert one.clean <= one.texts <= one.calls - one.unseen - one.parsed


@given(given_batches=batches(described))
def test_hours_are_the_calls_that_began_in_them(new_backend, write, make, given_batches):
    """For any outcomes in any batches each hour has the counts of its calls, and any times give its hours whole."""
    backend = new_backend()
    made = [outcomes_of(make, batch) for batch in given_batches]
    groups = defaultdict(list)
    for outcome in (outcome for batch in made for outcome in batch):
        groups[outcome.call.started_at // 3_600 * 3_600, configuration_of(outcome)].append(outcome)

    write(backend, made)
    with Store(backend) as store:
        results = {(hour.at, hour.configuration): hour._asdict() for hour in store.by_hour()}
        second = store.by_hour(since=4_000.0, until=7_000.0)

    names = ("calls", "failed", "transport")
    assert {key: [counts[name] for name in names] for key, counts in results.items()} == {
        key: [ways(members)[name] for name in names] for key, members in groups.items()
    }
    assert {(hour.at, hour.configuration) for hour in second} == {key for key in groups if key[0] == 3_600}


def counts_of(store, **times):
    """The counts of the store, without the numbers of its configurations."""
    return [replace(counts, id=None) for counts in store.configurations(**times)]


def scan(backend, where):
    return scanned(pages(backend, where))


@given(given_batches=batches(described))
def test_roll_ups_are_the_count_of_all_attempts(new_backend, write, make, given_batches):
    """Whatever the batches were, the roll-ups equal a count of the stored attempts."""
    backend = new_backend()
    write(backend, [outcomes_of(make, batch) for batch in given_batches])
    with Store(backend) as store:
        assert counts_of(store) == scan(backend, Where())


quarters = st.none() | st.integers(-1, 12).map(lambda number: number * 900.0)


@given(given_batches=batches(described), since=quarters, until=quarters)
def test_any_times_are_the_count_of_their_attempts(new_backend, write, make, given_batches, since, until):
    """Whatever the batches, and wherever the times cut an hour, counts equal those of the attempts in these times."""
    backend = new_backend()
    write(backend, [outcomes_of(make, batch) for batch in given_batches])
    with Store(backend) as store:
        configurations = counts_of(store, since=since, until=until, function="app.extract")

        assert configurations == scan(backend, Where(since, until, function="app.extract"))


@pytest.mark.parametrize(
    "at",
    [
        None,
        float("nan"),
        3_600.0,
        *(pytest.param(at, marks=SLOW) for at in (-1e300, -4e12, -0.5, 3_599.9, 4e12, 1e300)),
    ],
)
@pytest.mark.parametrize(
    "since",
    [
        None,
        3_600.0,
        *(pytest.param(at, marks=SLOW) for at in (-1e300, -4e12, -3_600.0, 0.0, 4e12, float("inf"))),
    ],
)
def test_calls_of_absurd_times_are_where_a_count_of_attempts_has_them(new_backend, write, make, at, since):
    """A start that is unknown is in no times, and one that cannot be is in those that have it."""
    backend = new_backend()
    write(backend, [[make.outcome(started_at=at), make.outcome(make.failed, started_at=5_000.0)]])
    with Store(backend) as store:
        for until in (None, 3_600.0, 5e12):
            assert counts_of(store, since=since, until=until) == scan(backend, Where(since, until))


@pytest.mark.costly
def test_outcomes_continue_over_parts(new_backend, write, make):
    """Twenty thousand outcomes in batches of uneven size are one row of bits."""
    failures = [number % 7 == 0 for number in range(20_000)]
    made = [make.outcome(make.failed) if failed else make.outcome() for failed in failures]
    backend = new_backend()
    write(backend, [made[:1], made[1:8], made[8:8_200], made[8_200:8_203], made[8_203:]])
    with Store(backend) as store:
        (counts,) = store.configurations()

    assert [bool(counts.outcomes[i // 8] >> (7 - i % 8) & 1) for i in range(20_000)] == failures


def test_an_empty_store_has_no_configurations():
    """Nothing was recorded: nothing is counted."""
    with open_store("sqlite://") as store:
        assert (store.configurations(), store.configurations(since=0.0)) == ([], [])


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50), st.integers(1, 100))
def test_percentiles_are_within_a_sixty_fourth(new_backend, write, make, microseconds, percent):
    """A percentile of the buckets is within 1/64 of the one by nearest rank of the times themselves."""
    backend = new_backend()
    write(backend, [[make.outcome({"elapsed_s": us / 10**6}) for us in microseconds]])
    with Store(backend) as store:
        (counts,) = store.configurations()
    exact_us = sorted(microseconds)[-(-percent * len(microseconds) // 100) - 1]

    result = counts.attempt_latency.percentile_s(percent)

    assert result == pytest.approx(exact_us / 10**6, rel=1 / 64, abs=0)


def test_no_time_has_no_percentile():
    """Without data a percentile is None, not 0."""
    assert Histogram().percentile_s(50) is None


def test_counts_are_frozen(new_backend, make):
    """What was counted does not change."""
    with Store(new_backend()) as store:
        store.record(make.outcome())
        (counts,) = store.configurations()

    assert isinstance(counts, ConfigurationCounts)
    with pytest.raises(AttributeError):
        counts.calls = 2


@pytest.mark.costly
def test_an_input_that_repeats_is_one_input(new_backend, write, make):
    """An input of a thousand calls in two writes is counted once, with all its calls."""
    backend = new_backend()
    for _ in range(2):
        write(backend, [[make.outcome(input_hash="i")] * 500])
    with Store(backend) as store:
        (counts,) = store.configurations()

    assert counts.clusters == ((1_000, 0, 1),)


def test_pairs_are_the_inputs_that_each_was_called_with_once(new_backend, write, make):
    """Thirty inputs of two models: nine failed only with the first one."""
    backend = new_backend()
    for model in ("m1", "m2"):
        failed = [make.failed] if model == "m1" else []
        write(
            backend,
            [[make.outcome(*(failed if n < 9 else []), input_hash=f"{n}", model=model) for n in range(30)]],
        )
    with Store(backend) as store:
        one, other = store.configurations()

        assert store.pairs(one.id, other.id) == (30, 9, 0)
