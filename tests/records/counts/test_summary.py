"""The summary counts as plain Python does."""

import secrets
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.pointer import declared_location
from schema_guard.records import Store, Summary
from schema_guard.records.rows import store_text
from schema_guard.values import Failure, Usage, Violation

FORMS = ["clean", "unwrapped", "repaired_lossless", "repaired_lossy"]
REPAIRED = set(FORMS[2:])

violations = st.builds(
    lambda key, keyword, declared: Violation(
        f"/{key}", f"/properties/{key}/{keyword}" if declared else f"/{keyword}", keyword, "", ""
    ),
    st.sampled_from("abcdefg"),
    st.sampled_from(["type", "enum", "required"]),
    st.booleans(),
)
judged = st.builds(
    Failure,
    st.sampled_from(["syntax", "structure", "value", "semantic", "truncation", "refusal"]),
    st.sampled_from(["empty", "type", "enum"]),
    st.just(""),
    st.lists(violations, max_size=12).map(tuple),
)
transport = st.builds(
    Failure, st.just("transport"), st.sampled_from(["call_raised", "cancelled"]), st.just("")
)
tokens = st.none() | st.integers(0, 10**9)
common = {
    "usage": st.builds(Usage, tokens, tokens),
    "cost": st.none() | st.integers(0, 99).map(lambda n: n / 4),  # quarters add up exactly
    "elapsed_s": st.integers(0, 400).map(lambda n: n / 4),
}
failed = st.fixed_dictionaries({"failure": judged, "form": st.none(), **common})
last = st.one_of(
    st.fixed_dictionaries({"failure": st.none(), "form": st.sampled_from(FORMS), **common}),
    failed,
    st.fixed_dictionaries({"failure": transport, "form": st.none(), **common}),
)
calls = st.fixed_dictionaries(
    {
        "schema_name": st.sampled_from(["a", "b"]),
        "model": st.none() | st.just("m"),
        "strategies": st.sampled_from(["x", "x>y"]),
        "provider": st.none() | st.just("openai"),
        "settings": st.sampled_from(["{}", '{"max_attempts":3}']),
        "version": st.sampled_from(["v1", "v2"]),
        "tuned": st.booleans(),
        "segment": st.none() | st.just("eu"),
    }
)
outcomes = st.lists(st.tuples(st.lists(failed, max_size=2), last, calls), max_size=12)


def way(outcome):
    """How a call ended, by the definitions of the rates."""
    end = outcome.attempts[-1]
    if end.failure is not None:
        is_cancelled = end.failure.code == "cancelled" and end.exception is not None
        is_excluded = end.failure.kind == "transport" and (end.number == 1 or is_cancelled)
        return "transport" if is_excluded else "failed"
    if end.form in REPAIRED:
        return "repaired"
    return "valid_first_time" if end.number == 1 else "fixed_by_retry"


def known_sum(values):
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def nearest_rank(values, percent):
    ranked = sorted(values)
    return pytest.approx(ranked[-(-percent * len(ranked) // 100) - 1], rel=1 / 64, abs=0)


def group_of(outcome):
    call = outcome.call
    parts = (
        "schema_name",
        "schema_fingerprint",
        "model",
        "provider",
        "strategies",
        "settings",
        "version",
        "tuned",
    )
    return tuple(getattr(call, part) for part in parts)


def recount(group, members):
    ways = Counter(way(outcome) for outcome in members)
    attempts = [attempt for outcome in members for attempt in outcome.attempts]
    failures = Counter((a.failure.kind, a.failure.code) for a in attempts if a.failure)
    pairs = Counter()
    for attempt in attempts:
        result = attempt.failure.violations if attempt.failure else ()
        pairs.update(
            list(
                dict.fromkeys(
                    (store_text(declared_location(v, indices=False)), store_text(v.keyword)) for v in result
                )
            )[:10]
        )
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    inputs = [attempt.usage.input_tokens for attempt in attempts]
    outputs = [attempt.usage.output_tokens for attempt in attempts]
    costs = [attempt.cost for attempt in attempts]
    seconds = [attempt.elapsed_s for attempt in attempts]
    return Summary(
        *group,
        calls=len(members) - ways["transport"],
        valid_first_time=ways["valid_first_time"],
        clean=sum(o.attempts[-1].form == "clean" for o in members if way(o) == "valid_first_time"),
        repaired=ways["repaired"],
        fixed_by_retry=ways["fixed_by_retry"],
        failed=ways["failed"],
        transport=ways["transport"],
        attempts=len(attempts),
        failures=tuple((*pair, n) for pair, n in sorted(failures.items(), key=lambda f: (-f[1], f[0]))),
        violations=tuple((*pair, n) for pair, n in ranked[:10]),
        input_tokens=known_sum(inputs),
        input_tokens_unknown=inputs.count(None),
        output_tokens=known_sum(outputs),
        output_tokens_unknown=outputs.count(None),
        cost=known_sum(costs),
        cost_unknown=costs.count(None),
        elapsed_s=sum(seconds),
        elapsed_p50_s=nearest_rank(seconds, 50),
        elapsed_p95_s=nearest_rank(seconds, 95),
    )


def recounted(made):
    groups = defaultdict(list)
    for outcome in made:
        groups[group_of(outcome)].append(outcome)
    ordered = sorted(groups.items(), key=lambda item: [str(part or "") for part in item[0]])
    return [recount(*item) for item in ordered]


@pytest.fixture(scope="module")
def shared_store(new_backend):
    with Store(new_backend()) as opened:
        yield opened


@given(described=outcomes)
def test_summary_equals_a_recount(make, shared_store, described):
    """Every store gives, for any outcomes, the counts that plain Python gives."""
    function = secrets.token_hex(8)  # examples share a store
    made = [make.outcome(*failures, end, function=function, **call) for failures, end, call in described]
    for outcome in made:
        shared_store.record(outcome)

    assert shared_store.summary(function=function) == recounted(made)


def test_the_rates_add_up_to_the_calls(store, make):
    """One call of each way: transport alone and a cancelled retry are excluded, other transport in a retry failed."""
    broken_off = {"failure": Failure("transport", "call_raised", ""), "form": None}
    cancelled = {"failure": Failure("transport", "cancelled", ""), "form": None}
    store.record(make.outcome({}))
    store.record(make.outcome({"form": "unwrapped"}))
    store.record(make.outcome({"form": "repaired_lossless"}))
    store.record(make.outcome(make.failed, {"form": "repaired_lossy"}))
    store.record(make.outcome(make.failed, {}))
    store.record(make.outcome(make.failed, make.failed))
    store.record(make.outcome(make.failed, broken_off))
    store.record(make.outcome(broken_off))
    store.record(make.outcome(make.failed, {**cancelled, "exception": "CancelledError"}))
    store.record(make.outcome(make.failed, cancelled))
    (result,) = store.summary()

    assert (result.valid_first_time, result.clean, result.repaired, result.fixed_by_retry, result.failed) == (
        2,
        1,
        2,
        1,
        3,
    )
    assert (result.calls, result.transport, result.attempts) == (8, 2, 16)


def test_a_summary_can_be_chosen(store, make):
    """Only the calls that meet the conditions are counted."""
    store.record(make.outcome(started_at=100.0))
    store.record(make.outcome(started_at=200.0, schema_name="b"))

    chosen = store.summary(since=150.0, schema="b", function="app.extract")

    assert [(result.schema_name, result.calls) for result in chosen] == [("b", 1)]


@pytest.mark.parametrize(
    "other",
    [
        {"model": "m2"},
        {"provider": "t"},
        {"settings": "s"},
        {"version": "v2"},
        {"schema_fingerprint": "e" * 16},
    ],
    ids=lambda other: next(iter(other)),
)
def test_configurations_are_not_pooled(store, make, other):
    """Calls that differ in a part of their configuration are counted apart."""
    store.record(make.outcome())
    store.record(make.outcome(**other))

    assert [result.calls for result in store.summary()] == [1, 1]


@pytest.mark.parametrize("other", [{"function": "other"}, {"segment": "eu"}, {"cluster": "c"}])
def test_functions_and_segments_are_pooled(store, make, other):
    """A configuration is one, whichever functions and parts of the traffic use it."""
    store.record(make.outcome())
    store.record(make.outcome(**other))

    assert [result.calls for result in store.summary()] == [2]
