"""Facts about rollouts: the share grows as far as is proved, and goes back by itself."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument, Rollout, open_store
from schema_guard.stats import bounds, calls_needed
from tests.public.ext.calls.routing.routers import Branches


def failing_at(rate, seed):
    random = Random(seed)
    return lambda branch, task: branch == "tuned" and random.random() < rate


@given(st.lists(st.booleans(), max_size=60), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_share_is_never_more_than_the_bound_allows(replies, target):
    """At every look target / U is at least the share, U being the smallest upper bound so far; it shrinks but to 0."""
    given = iter(replies)
    router = Branches(fails=lambda branch, task: branch == "tuned" and next(given)).router(
        share=Rollout(target=target), shadow=1.0
    )
    n = k = 0
    allowed = target
    for number, failed in enumerate(replies):
        before = router.share
        router(str(number))
        router.flush()
        n, k = n + 1, k + failed
        allowed = max(allowed, target / bounds(k, n).upper)
        assert router.share <= allowed + 1e-9
        assert router.share >= before or (router.share == 0 and router.why_back is not None)


def test_a_clean_model_has_all_calls_after_as_many_as_the_bound_needs():
    """377 shadows without a failure prove 1 %, and the share is 1."""
    router = Branches().router(share=Rollout(), shadow=1.0)
    needed = 1 + calls_needed(0, 1, 0.01)
    for number in range(2 * needed):
        router(str(number))
        router.flush()
        if router.share == 1:
            break

    counts = router.counts()
    assert needed <= counts.shadows + counts.tuned <= 1.1 * needed


def test_a_bad_model_goes_back_by_itself_and_pulls_the_switch(tmp_path, caplog):
    """It is proved above the target, said once with its counts, and a new process finds the file."""
    branches = Branches(fails=failing_at(0.3, 1))
    router = branches.router(share=Rollout(), kill_switch=tmp_path / "off", shadow=1.0)
    for number in range(60):
        router(str(number))
        router.flush()

    assert router.share == 0
    assert "proves a failure rate above the target of 1%" in router.why_back
    assert len([record for record in caplog.records if "answers no more calls" in record.message]) == 1
    assert router.why_back in (tmp_path / "off").read_text()
    assert branches.router(share=Rollout(), kill_switch=tmp_path / "off")("t") == {"by": "prompt"}


@pytest.mark.parametrize(("failed", "back_at"), [(range(99), 5), (range(0, 99, 8), 20)])
def test_a_few_failures_of_the_first_calls_do_not_end_a_rollout(failed, back_at):
    """A rollout goes back after 5 failures, or after 20 calls if fewer failed."""
    router = Branches(fails=lambda branch, task: branch == "tuned" and int(task) in failed).router(
        share=Rollout(), shadow=1.0
    )
    number = 0
    while router.why_back is None:
        router(str(number))
        router.flush()
        number += 1

    assert number == back_at


def test_a_new_process_takes_up_a_rollout_where_the_records_say_it_is(tmp_path):
    """What was counted before, shadows among it, counts: a good model goes on with its share, a bad one stays out."""
    for name, rate in (("good", 0.0), ("bad", 0.3)):
        with open_store(str(tmp_path / name)) as store:
            first = Branches(fails=failing_at(rate, 1), store=store).router(share=Rollout(), shadow=1.0)
            for number in range(120):
                first(str(number))
                first.flush()
            store.flush(10)
            anew = Branches(store=store).router(share=Rollout())
            anew("t")

            assert anew.share == pytest.approx(first.share, rel=0.1)
            assert (anew.why_back is None) == (first.why_back is None) == (name == "good")


def test_a_store_that_cannot_be_read_starts_a_rollout_with_nothing(tmp_path, caplog):
    """It is said once, no call is lost, and the share is the smallest."""
    (tmp_path / "no.db").write_text("this is no database, and longer than a header " * 9)
    router = Branches(store=str(tmp_path / "no.db")).router(share=Rollout())

    assert router("t") == {"by": "prompt"}
    assert router.share == 0.01
    assert "the rollout starts without records" in caplog.text


def test_a_model_that_was_good_for_long_is_found_out_by_its_latest_calls():
    """After 3,000 clean calls all of them together prove nothing for long; the rise is seen within 200."""
    bad = []
    router = Branches(
        fails=lambda branch, task: branch == "tuned" and bool(bad) and int(task) % 8 == 0
    ).router(share=Rollout(), primary=lambda prompt: True)
    router._policy._course.share = 1.0
    for number in range(3000):
        router(str(number))
    bad.append(1)
    calls = next(number for number in range(400) if (router(str(number)), router.share == 0)[1])

    assert calls < 200
    assert "has risen above the target" in router.why_back


@pytest.mark.parametrize("settings", [{"target": 0}, {"target": 0.5}, {"alpha": "x"}, {"most": 1.5}])
def test_what_is_no_rollout_is_refused(settings):
    """The message names the argument and its range."""
    with pytest.raises(InvalidArgument, match=next(iter(settings))):
        Rollout(**settings)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_same_input_again_proves_nothing_of_the_others(is_restarted):
    """A thousand calls of ten inputs are ten: one at the tenth share would have been given all of them."""
    with open_store("sqlite://") as store:
        branches = Branches(store=store)
        router = branches.router(share=Rollout(), shadow=1.0)
        for number in range(1000):
            router(str(number % 10))
            router.flush()
        if is_restarted:
            store.flush(10)
            router = branches.router(share=Rollout(), shadow=1.0)
            router("0")
            router.flush()

    # The records have sums and no inputs: one that was shadowed and then answered, as which ones are is drawn by a new
    # key each time, is two of them after a restart, and what is met again is one more.
    most = 2 * 10 + 1 if is_restarted else 10
    assert 0.01 < router.share <= 0.01 / bounds(0, most).upper
