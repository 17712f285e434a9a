"""What a benchmark asks is decided before the first call, the same everywhere."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.errors import InvalidArgument
from tests.bench.small_suites import small_suite

ONE = variants_of(["m"], ["bare"])


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 60), st.integers(0, 5))
def test_sample_takes_of_every_group_its_share(sizes, size, seed):
    """A group's part of the sample is its part of the suite, to less than one task."""
    suite = small_suite([f"s{at}" for at in range(len(sizes))], max(sizes))
    entries = tuple(
        type(entry)(entry.name, entry.group, "MIT", entry.schema, entry.tasks[:count])
        for entry, count in zip(suite.schemas, sizes, strict=True)
    )
    suite = type(suite)("small", suite.fingerprint, entries)

    plan = plan_of(suite, ONE, PlanSettings(sample=size, seed=seed))

    taken = min(size, sum(sizes))
    counts = Counter(entry.group for entry, _ in plan.tasks)
    assert len(plan.tasks) == len({task.id for _, task in plan.tasks}) == taken
    assert all(abs(counts[f"s{at}"] - count * taken / sum(sizes)) < 1 for at, count in enumerate(sizes))


def test_sample_holds_all_difficulties():
    """Of a group whose tasks differ in difficulty a sample has easy, medium and hard ones."""
    suite = small_suite(["only"], 9, hardness=lambda n: n / 10)

    plans = [plan_of(suite, ONE, PlanSettings(sample=3, seed=seed)) for seed in range(20)]

    assert all({task.difficulty for _, task in plan.tasks} == {"easy", "medium", "hard"} for plan in plans)


def test_same_settings_give_the_same_plan():
    """Suite, variants and settings decide the tasks, their order and the fingerprint."""
    first, second = (plan_of(small_suite(tasks=8), ONE, PlanSettings(sample=5, seed=7)) for _ in range(2))

    assert first.fingerprint == second.fingerprint
    assert [cell.key for cell in first.cells()] == [cell.key for cell in second.cells()]


CHANGES = [
    lambda: plan_of(small_suite(fingerprint="f" * 16), ONE),
    lambda: plan_of(small_suite(), variants_of(["m"], ["few_shot"])),
    lambda: plan_of(small_suite(), variants_of(["other"], ["bare"])),
    lambda: plan_of(small_suite(), ONE, PlanSettings(epochs=2)),
    lambda: plan_of(small_suite(), ONE, PlanSettings(max_attempts=3)),
    lambda: plan_of(small_suite(), ONE, PlanSettings(seed=1)),
    lambda: plan_of(small_suite(), ONE, PlanSettings(sample=3)),
]


@pytest.mark.parametrize("changed", CHANGES, ids=range(len(CHANGES)))
def test_fingerprint_follows_what_is_asked(changed):
    """Another suite, variant, setting, seed or sample is another plan."""
    assert changed().fingerprint != plan_of(small_suite(), ONE).fingerprint


def test_variants_are_asked_one_after_the_other_for_each_task():
    """Whenever a run stops, its variants have been asked the same tasks but for the last one."""
    plan = plan_of(small_suite(), variants_of(["a", "b"], ["bare", "few_shot"]), PlanSettings(epochs=2))
    cells = list(plan.cells())

    assert plan.calls == len(cells) == 4 * 4 * 2
    for start in range(0, len(cells), 4):
        block = cells[start : start + 4]
        assert [cell.variant for cell in block] == list(plan.variants)
        assert len({(cell.task.id, cell.epoch) for cell in block}) == 1


def test_order_is_shuffled_over_the_suite():
    """Tasks of one schema do not stand together."""
    plan = plan_of(small_suite(("a", "b", "c"), 10), ONE)

    assert len({entry.name for entry, _ in plan.tasks[:10]}) > 1


def test_variant_is_named_by_its_strategy_and_where_needed_by_its_model():
    """With one model the strategy says which variant it is."""
    assert [variant.name for variant in variants_of(["m"], ["bare", "bare>few_shot"])] == [
        "bare",
        "bare>few_shot",
    ]
    assert [variant.name for variant in variants_of(["a", "b"], ["bare"])] == ["a bare", "b bare"]


WRONG = [
    (lambda: variants_of(["m"], ["bar"]), "strategy='bar': expected one of"),
    (lambda: variants_of(["m"], []), "strategies=[]: expected at least one name, and each name only once"),
    (
        lambda: variants_of(["m", "m"], ["bare"]),
        "models=['m', 'm']: expected at least one name, and each name only once",
    ),
    (
        lambda: plan_of(small_suite(tasks=0), ONE),
        "suite 'small': the suite has no task with the split 'test'. Add at least one such task",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_planned_is_refused(make, message):
    """The message says what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        make()

    assert str(caught.value).startswith(message)
