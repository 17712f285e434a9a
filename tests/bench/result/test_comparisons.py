"""Which variants are called different: paired on the same tasks, corrected over all comparisons."""

from dataclasses import replace

import pytest
from hypothesis import given

from schema_guard.bench.result.figures import result_of
from schema_guard.stats import gap_bounds, paired
from tests.bench.simulated_runs import RUNS, run_of, runs, scored, simulated

REPETITIONS = 200


@pytest.mark.costly
@RUNS
@given(runs())
def test_comparisons_are_antisymmetric(run):
    """With the variants in reverse order every difference has the other sign, and the same evidence."""
    last = len(run.setup.variants) - 1
    reversed_run = replace(
        run,
        setup=replace(run.setup, variants=run.setup.variants[::-1]),
        calls=tuple(call._replace(variant=last - call.variant) for call in run.calls),
    )
    backward = {(one.b, one.a, one.measure): one for one in result_of(reversed_run).comparisons}
    for one in result_of(run).comparisons:
        other = backward[one.a, one.b, one.measure]

        assert (other.only_a, other.only_b) == (one.only_b, one.only_a)
        assert (other.rate_a, other.rate_b) == (one.rate_b, one.rate_a)
        assert (-other.lower, -other.upper) == pytest.approx((one.upper, one.lower))
        assert other.e_value == pytest.approx(one.e_value)
        assert (other.called, other.better) == (one.called, one.better)


@pytest.mark.costly
@RUNS
@given(runs())
def test_every_two_variants_are_compared(run):
    """Of c variants there are c (c - 1) comparisons: each pair, for format and for content."""
    assert len(result_of(run).comparisons) == len(run.setup.variants) * (len(run.setup.variants) - 1)


@pytest.mark.costly
@RUNS
@given(runs())
def test_difference_is_that_of_the_rates(run):
    """The difference is A's failure rate less B's on the common tasks, and lies within its bounds."""
    for one in result_of(run).comparisons:
        if one.difference is None:
            assert (one.tasks, one.lower, one.upper, one.e_value) == (0, -1.0, 1.0, 1.0)
        else:
            assert one.difference == pytest.approx(one.rate_a - one.rate_b)
            assert one.lower - 1e-9 <= one.difference <= one.upper + 1e-9


def test_evidence_goes_both_ways():
    """The e-value is the mean of the two one-sided ones; the interval is that of the tasks' differences."""
    calls = [scored(f"t{n}", how="failed" if n < 20 else "clean") for n in range(60)]
    calls += [scored(f"t{n}", "b", how="failed" if 15 <= n < 25 else "clean") for n in range(60)]
    result = result_of(run_of(*calls)).comparisons[0]
    forward, backward = paired(15, 5, 60), paired(5, 15, 60)

    assert (result.tasks, result.only_a, result.only_b, result.difference) == (
        60,
        15,
        5,
        pytest.approx(1 / 6),
    )
    assert result.e_value == (forward.e_value + backward.e_value) / 2
    bounds = gap_bounds([1.0] * 15 + [-1.0] * 5 + [0.0] * 40)
    assert (result.lower, result.upper) == (bounds.lower, bounds.upper)


def test_only_common_tasks_are_compared():
    """A task that one of two variants lost, or was not asked, is in no comparison of the two."""
    result = result_of(
        run_of(
            scored("t1"),
            scored("t2"),
            scored("t3"),
            scored("t1", "b", "failed"),
            scored("t2", "b", "lost"),
        )
    )

    assert [one.tasks for one in result.comparisons] == [1, 1]


def test_epochs_of_a_task_count_once():
    """What counts of a task is by how much the shares of its failed calls differ."""
    hows = {"a": ["failed", "failed", "clean"], "b": ["clean", "failed", "clean"]}
    calls = [scored("t1", name, how, epoch=e) for name, made in hows.items() for e, how in enumerate(made)]
    result = result_of(run_of(*calls)).comparisons[0]

    assert (result.tasks, result.only_a, result.only_b) == (1, pytest.approx(1 / 3), 0)


def test_more_variants_need_more_evidence():
    """A difference that is called between two variants is not called beside many that do not differ."""
    few = [scored(f"t{n}", "a", "failed" if n < 10 else "clean") for n in range(40)]
    few += [scored(f"t{n}", "b") for n in range(40)]
    many = [scored(f"t{n}", f"c{number}") for number in range(12) for n in range(40, 60)]

    assert result_of(run_of(*few)).comparisons[0].better == "b"
    assert not any(one.called for one in result_of(run_of(*few, *many)).comparisons)


@pytest.mark.slow
def test_equal_variants_are_not_called_different():
    """Two variants that fail on 10 % of 400 tasks alike are called different in at most 5 % of 200 runs."""
    called = [
        any(one.called for one in result_of(simulated(seed, {"a": 0.1, "b": 0.1}, tasks=400)).comparisons)
        for seed in range(REPETITIONS)
    ]

    assert sum(called) <= 0.05 * REPETITIONS


@pytest.mark.slow
def test_planted_difference_is_found():
    """A difference of 8 % against 3 % failed is called in at least 80 % of 200 runs.

    So many tasks take one look at a power of 90% with an alpha of 0.05 / 40, for
    a first call among two comparisons needs odds of 40:1: 836 tasks. One look at one comparison would need 323.
    """
    tasks = 836
    better = [
        result_of(simulated(seed, {"a": 0.08, "b": 0.03}, tasks=tasks)).comparisons[0].better
        for seed in range(REPETITIONS)
    ]

    assert better.count("b") >= 0.8 * REPETITIONS
    assert "a" not in better
