"""What a run has shown: figures that add up, whatever the order of the calls, and each task counted once."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.result.comparisons import IS_FAILURE
from schema_guard.bench.result.document import failed_section, parts_section
from schema_guard.bench.result.figures import MOST_EXAMPLES, result_of
from schema_guard.bench.run.scored_call import general_location
from schema_guard.stats import Rate, mean_bounds
from tests.bench.simulated_runs import FAILURES, RUNS, content, run_of, runs, scored, simulated

NO_BOUNDS = Rate(0, 0, None, None, None)


@RUNS
@given(runs())
def test_formats_add_up(run):
    """Valid first time, repaired, retried and failed calls are all judged calls, and their rates add up to 1."""
    for variant in result_of(run).variants:
        counts = dict(variant.formats)
        rates = [variant.valid_first_time, variant.repaired, variant.fixed_by_retry, variant.failed]

        assert sum(counts.values()) == variant.calls + variant.lost
        assert {rate.n for rate in rates} == {variant.tasks}
        assert sum(rate.count for rate in rates) == pytest.approx(variant.tasks)


@pytest.mark.costly
@RUNS
@given(runs())
def test_right_values_are_valid(run):
    """No variant has more right values than valid ones, nor a smaller share of right leaves than of right values."""
    for variant in result_of(run).variants:
        assert variant.right.count <= variant.tasks - variant.failed.count + 1e-9
        assert variant.leaf_share.count >= variant.right.count - 1e-9


def without_order(result):
    """A result without what depends on the order of its calls."""
    variants = [
        replace(variant, leaf_share=replace(variant.leaf_share, lower=None, upper=None))
        for variant in result.variants
    ]
    messages = [line for line in result.not_measured if "bounds of the share of right leaves" not in line]
    return replace(result, variants=variants, calls=sorted(result.calls, key=repr), not_measured=messages)


@pytest.mark.costly
@RUNS
@given(runs(), st.randoms())
def test_order_of_the_calls_changes_nothing_but_the_bounds_of_a_mean(run, random):
    """A permutation of the calls leaves every figure, comparison and example as it is."""
    shuffled = list(run.calls)
    random.shuffle(shuffled)

    assert without_order(result_of(replace(run, calls=tuple(shuffled)))) == without_order(result_of(run))


@pytest.mark.costly
@RUNS
@given(runs(), st.integers(2, 3))
def test_repeated_calls_are_no_more_evidence(run, times):
    """A task whose calls come again in the same way, as further epochs, counts once."""
    again = [s._replace(epoch=s.epoch + 10 * number) for number in range(times) for s in run.calls]
    once, repeated = result_of(run), result_of(replace(run, calls=tuple(again)))

    assert [c.failed.n for c in repeated.variants] == [c.failed.n for c in once.variants]
    assert [c.failed.count for c in repeated.variants] == pytest.approx(
        [c.failed.count for c in once.variants]
    )


def test_rates_of_a_variant():
    """Each format has its rate, over the tasks with a judged reply."""
    variant = result_of(
        run_of(
            scored("t1"),
            scored("t2", how="unwrapped"),
            scored("t3", how="repaired", content=content(2)),
            scored("t4", how="fixed_by_retry"),
            scored("t5", how="failed"),
            scored("t6", how="lost"),
        )
    ).variants[0]

    assert (variant.calls, variant.tasks, variant.lost) == (5, 5, 1)
    assert variant.clean == Rate.of(1, 5)
    assert variant.valid_first_time == Rate.of(2, 5)
    assert variant.repaired == variant.fixed_by_retry == variant.failed == Rate.of(1, 5)
    assert variant.right == Rate.of(3, 5)


def test_epochs_of_a_task_are_one_cluster():
    """A task that fails in one epoch of two is half a failure of one task."""
    variant = result_of(
        run_of(scored("t1"), scored("t1", how="failed", epoch=1), scored("t2"), scored("t2", epoch=1))
    ).variants[0]

    assert (variant.calls, variant.tasks) == (4, 2)
    assert variant.failed == Rate.of(0.5, 2)


def test_leaf_share_has_the_bounds_of_a_mean():
    """The share of right leaves is a mean over tasks, with bounds of 95 % each in the order of the run."""
    rights = [4, 0, 2, 3, 1, 4, 4, 2] * 5
    variant = result_of(
        run_of(*(scored(f"t{n}", content=content(r)) for n, r in enumerate(rights)))
    ).variants[0]
    result = mean_bounds([right / 4 for right in rights], alpha=0.1)

    assert variant.leaf_share == Rate(25, 40, 0.625, result.lower, result.upper)


def test_bounds_of_the_leaf_share_include_it():
    """Bounds that hold at any time can exclude the last mean, if the first tasks are easier."""
    calls = [scored(f"t{n}", content=content(4 if n < 40 else 2 + n % 2)) for n in range(80)]
    share = result_of(run_of(*calls)).variants[0].leaf_share
    result = mean_bounds([1.0] * 40 + [(2 + n % 2) / 4 for n in range(40)], alpha=0.1)

    assert result.lower > share.rate
    assert (share.lower, share.upper) == (share.rate, result.upper)


def test_mean_that_changes_during_the_run_has_no_bounds():
    """Where no one mean fits the whole run there are no bounds, and the result says so."""
    calls = [scored(f"t{n}", content=content(4 if n < 200 else 0)) for n in range(400)]
    result = result_of(run_of(*calls))

    assert result.variants[0].leaf_share == Rate(200, 400, 0.5, None, None)
    assert (
        "a: bounds of the share of right leaves (single values), because the share changed during the run"
        in result.not_measured
    )


def test_no_data_is_no_zero():
    """A variant without a judged reply has no rates, no time and no cost of a value."""
    variant = result_of(run_of(variants=["a"])).variants[0]

    assert (variant.failed, variant.right, variant.leaf_share) == (NO_BOUNDS, NO_BOUNDS, NO_BOUNDS)
    assert (variant.output_tokens, variant.elapsed_p50_s, variant.output_tokens_per_valid) == (
        None,
        None,
        None,
    )


def test_what_calls_take_is_summed_over_what_is_known():
    """Unknown tokens and costs stand in no sum and are counted; lost calls are paid for too."""
    variant = result_of(
        run_of(
            scored("t1", cost=0.5, elapsed_s=1.0),
            scored("t2", cost=0.25, elapsed_s=3.0, content=content(1)),
            scored("t3", how="lost", cost=0.25, elapsed_s=9.0),
            scored("t4", how="failed", cost=None, output_tokens=None, elapsed_s=2.0),
            currency="USD",
        )
    ).variants[0]

    assert (variant.input_tokens, variant.output_tokens, variant.unknown_tokens) == (400, 60, 1)
    assert (variant.cost, variant.unknown_cost) == (1.0, 1)
    assert (variant.cost_per_valid, variant.cost_per_right) == (0.5, 1.0)
    assert (variant.output_tokens_per_valid, variant.output_tokens_per_right) == (30.0, 60.0)
    assert (variant.elapsed_p50_s, variant.elapsed_p95_s) == (2.0, 9.0)


def test_parts_of_the_suite():
    """By schema and difficulty, a table has the calls and those that failed, the hardest schema first."""
    result = result_of(
        run_of(
            scored("t1", schema="s1", group="g", difficulty="hard"),
            scored("t2", how="failed", schema="s2", group="g", difficulty="easy"),
            scored("t3", schema="s2", group="g", difficulty=None),
        )
    )

    def cells(part):
        return parts_section(result, ["a"], part).table.rows

    assert cells("schema") == (("s2", "1/2"), ("s1", "0/1"))
    assert cells("group") == (("g", "1/3"),)
    assert cells("difficulty") == (("easy", "1/1"), ("hard", "0/1"))


def test_failures_are_counted_by_what_and_where():
    """Failed attempts are counted by variant, kind, code, keyword and general location, the most frequent first."""
    prose, missing = FAILURES[0], FAILURES[1]
    result = result_of(
        run_of(
            scored("t1", how="failed", failures=(prose, missing)),
            scored("t2", how="failed", failures=(missing, missing._replace(location="/lines/7"))),
            scored("t2", "b", how="fixed_by_retry", failures=(prose,)),
        )
    )

    assert failed_section(result, ["a", "b"]).lines == (
        "a: failed attempts by kind: structure (required) 3, syntax (no_json) 1",
        "a: schema violations by location: /lines/* (required) 3",
        "b: failed attempts by kind: syntax (no_json) 1",
    )


def test_location_that_a_model_made_up_is_cut():
    """A key as long as a reply is not kept whole, and half a surrogate pair is escaped."""
    assert len(general_location("/" + "k" * 10_000)) == 120
    assert general_location("/\ud800") == r"/\ud800"


def test_examples_differ():
    """Examples are of different failures, variants and schemas first, and few."""
    run = simulated(5, {"a": 0.4, "b": 0.3}, tasks=60, schemas=6)
    examples = result_of(run).examples

    assert len(examples) == MOST_EXAMPLES
    assert {(e.kind, e.code) for e in examples} == {(f.kind, f.code) for f in FAILURES}
    assert {e.variant for e in examples} == {0, 1}
    assert {e.schema for e in examples} == {f"s{n}" for n in range(6)}


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"suite_tasks": 9, "left_out": ("the sample has 1 tasks",)}, "8 of the suite's 9 tasks were not used, because the sample has 1 tasks"),
        ({"epochs": 3, "stopped": ("interrupted",)}, "2 of 3 planned calls were not made (stopped: interrupted)"),
        ({}, "the cost is unknown, because you gave no prices"),
        ({}, "the variation of a model on one task is unknown, because each task ran once"),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_said(others, told):
    """What the result cannot say is one sentence each."""
    assert told in result_of(run_of(scored("t1"), **others)).not_measured


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            scored("t1", how="lost"),
            "a: 1 of 2 calls had no validated reply, so they count in no rate (HTTP 503)",
        ),
        (scored("t1", input_tokens=None), "a: the tokens of 1 call are unknown, so the sums omit them"),
        (scored("t1", cost=1.0), "a: the cost of 1 call is unknown, so the sums omit it"),
    ],
)
def test_what_was_not_measured_of_a_variant_is_said(call, told):
    """Lost calls and unknown sums are told with the variant."""
    assert told in result_of(run_of(call, scored("t2"))).not_measured


def test_each_type_of_error_of_lost_calls_is_named():
    """The most frequent type is first, with one of its texts."""
    errors = ("TimeoutError: too slow", "BadRequestError: 4 tokens", "BadRequestError: 5 tokens")
    calls = [scored(f"t{number}", how="lost", error=error) for number, error in enumerate(errors)]

    assert (
        "a: 3 of 4 calls had no validated reply, so they count in no rate (2 with BadRequestError: 4 tokens; "
        "1 with TimeoutError: too slow)"
    ) in result_of(run_of(*calls, scored("t9"))).not_measured


def test_variant_without_time_is_said():
    """A model that has no time of its own has no latency, and the result says so."""
    result = result_of(run_of(scored("t1", elapsed_s=None), started_at=None))

    assert (result.variants[0].elapsed_p50_s, result.setup.started_at) == (None, None)
    assert "a: the duration is unknown, because the model does not report it" in result.not_measured


def test_failed_is_what_the_rates_say():
    """What a comparison counts as failed is what is not valid, or not right."""
    result = result_of(run_of(scored("t1", content=content(1)), scored("t2", how="failed"), scored("t3")))

    assert [IS_FAILURE["format"](call) for call in result.calls] == [False, True, False]
    assert [IS_FAILURE["content"](call) for call in result.calls] == [True, True, False]


def test_valid_calls_are_right_or_wrong():
    """Valid, right, and wrong but valid are shares of all calls with a model reply."""
    calls = [
        scored("t1"),
        scored("t2", content=content(1)),
        scored("t3", how="failed"),
        scored("t4", how="lost"),
    ]
    (variant,) = result_of(run_of(*calls)).variants

    assert (variant.valid.count, variant.right.count, variant.wrong_valid.count) == (2, 1, 1)
    assert {variant.valid.n, variant.right.n, variant.wrong_valid.n} == {3}


def test_invented_values_are_counted_where_the_answer_has_a_null():
    """Tasks without a null in their answer do not count."""
    run = run_of(scored("t1"), scored("t2"), scored("t3"))
    calls = [call._replace(invented=invented) for call, invented in zip(run.calls, (None, 0, 2), strict=True)]
    (variant,) = result_of(replace(run, calls=tuple(calls))).variants

    assert (variant.invented.count, variant.invented.n) == (1, 2)
