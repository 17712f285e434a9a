"""Two results, of two runs: paired by variant and task, and honest about what is not common."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given

from schema_guard.bench.result.as_json import result_file, result_from_json
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.run_comparison import compare, document_of
from schema_guard.errors import InvalidArgument
from schema_guard.report import as_json
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.stats import gap_bounds
from tests.bench.simulated_runs import RUNS, run_of, runs, scored, simulated
from tests.report.written import left_out


def compare_as_text(comparison):
    return as_text(document_of(comparison))


def compare_as_markdown(comparison):
    return as_markdown(document_of(comparison))


def result(*calls, **others):
    return result_of(run_of(*calls, **others))


BEFORE = result(*(scored(f"t{n}", how="failed" if n < 2 else "clean") for n in range(40)))
AFTER = result(*(scored(f"t{n}", how="failed" if n in range(1, 20) else "clean") for n in range(40)))


@pytest.mark.costly
@RUNS
@given(runs())
def test_result_compared_with_itself(run):
    """A result does not differ from itself, nor from what its file gives."""
    results = result_of(run)
    assume(any(variant.calls for variant in results.variants))
    comparison = compare(results, result_from_json(json.loads(result_file(results))))

    assert comparison.a.suite_fingerprint == comparison.b.suite_fingerprint
    assert (comparison.only_a, comparison.only_b, comparison.unpaired_a) == ((), (), ())
    for one in comparison.differences:
        assert (one.compared.only_a, one.compared.only_b, one.compared.called) == (0, 0, False)
        assert one.worse == one.better == ()


@RUNS
@given(runs())
def test_comparison_is_antisymmetric(run):
    """The other way round every difference has the other sign, and what got worse got better."""
    one = result_of(run)
    other = result_of(
        replace(run, calls=tuple(s._replace(task=f"t{int(s.task[1:]) + 2}") for s in run.calls))
    )
    assume(_common_tasks(one, other))
    forward, backward = compare(one, other), compare(other, one)

    for there, back in zip(forward.differences, backward.differences, strict=True):
        assert (there.compared.only_a, there.compared.only_b) == (back.compared.only_b, back.compared.only_a)
        assert there.compared.lower == pytest.approx(-back.compared.upper)
        assert (there.worse, there.better) == (back.better, back.worse)
    assert (forward.only_a, forward.only_b) == (backward.only_b, backward.only_a)


def _common_tasks(one, other):
    answered = [
        {(c.variant, c.schema, c.task) for c in results.calls if not c.is_lost} for results in (one, other)
    ]
    return answered[0] & answered[1]


def test_difference_is_paired_by_task():
    """The evidence is that of the tasks on which the two differ, and is called over all comparisons."""
    found = compare(BEFORE, AFTER).differences[0].compared
    results = gap_bounds([1.0] + [-1.0] * 18 + [0.0] * 21)

    assert (found.only_a, found.only_b, found.tasks) == (1, 18, 40)
    assert (found.lower, found.upper) == (results.lower, results.upper)
    assert (found.rate_a, found.rate_b, found.called) == (0.05, 0.475, True)


def test_tasks_that_changed_are_named():
    """Newly failing and newly valid tasks are told, and those newly wrong and right."""
    in_format, in_content = compare(BEFORE, AFTER).differences

    assert in_format.better == in_content.better == (("s", "t0"),)
    assert set(in_format.worse) == set(in_content.worse) == {("s", f"t{n}") for n in range(2, 20)}


def test_epochs_pair_with_epochs_of_another_number():
    """A task asked three times pairs with one that was asked once, by the share that failed."""
    a = result(*(scored("t1", how=how, epoch=n) for n, how in enumerate(["clean", "clean", "failed"])))
    b = result(scored("t1", how="failed"))

    assert compare(a, b).differences[0].compared.only_b == pytest.approx(2 / 3)


def test_tasks_that_are_not_common_are_told():
    """With another suite what is common by name is compared, and the rest is listed."""
    a = result(scored("t1"), scored("t2"))
    b = result(scored("t2"), scored("t3"), suite_fingerprint="d" * 16)
    comparison = compare(a, b)

    assert comparison.common_tasks == 1
    assert (comparison.only_a, comparison.only_b) == ((("s", "t1"),), (("s", "t3"),))
    assert (
        "1 common task, 1 only in A, 1 only in B\nsuites       the suites differ, so the comparison pairs tasks by name"
        in compare_as_text(comparison)
    )


def _paired(comparison):
    return {(one.compared.a, one.compared.b) for one in comparison.differences}


def test_variants_are_paired_by_name():
    """Variants that one result alone has are not compared, and that is said."""
    a = result(scored("t1", "x"), scored("t1", "y"))
    b = result(scored("t1", "y"), scored("t1", "z"))
    comparison = compare(a, b)

    assert _paired(comparison) == {("y", "y")}
    assert (comparison.unpaired_a, comparison.unpaired_b) == (("x",), ("z",))
    assert "omitted      x (only in A)\n" in compare_as_text(comparison)


def test_only_variants_pair_whatever_their_names():
    """Where each result has one variant the two are compared."""
    comparison = compare(result(scored("t1", "x")), result(scored("t1", "y")))

    assert _paired(comparison) == {("x", "y")}
    assert "x against y: valid" in compare_as_text(comparison)


def test_variants_can_be_named():
    """What is to be compared with what can be said."""
    a, b = result(scored("t1", "x"), scored("t1", "y")), result(scored("t1", "y"), scored("t1", "z"))

    assert _paired(compare(a, b, pair=("x", "z"))) == {("x", "z")}


@pytest.mark.parametrize(
    ("a", "b", "pair", "message"),
    [
        (["few_shot", "bare"], ["json"], None, "the two results share no variant name. The first has few_shot, bare, and the second has json. Name the two variants to compare, as in A=B"),
        (["few_shot"], ["json"], ("few_shots", "json"), "the first result has no variant 'few_shots': expected one of few_shot. Did you mean 'few_shot'?"),
        (["few_shot"], ["json"], ("few_shot", "x"), "the second result has no variant 'x': expected one of json"),
    ],
)  # fmt: skip
def test_variants_that_cannot_be_paired(a, b, pair, message):
    """Unknown variants, and results without a common one, are refused by name."""
    with pytest.raises(InvalidArgument) as caught:
        compare(result(*(scored("t", n) for n in a)), result(*(scored("t", n) for n in b)), pair=pair)

    assert str(caught.value) == message


def test_no_common_task_is_an_error():
    """Where no task was answered in both there is nothing to say."""
    with pytest.raises(InvalidArgument, match="no task has an answer in both results"):
        compare(result(scored("t1")), result(scored("t1", how="lost"), scored("t2")))


def test_text_of_a_comparison():
    """The text has both setups, rates and differences, and what changed."""
    text = compare_as_text(compare(BEFORE, AFTER))

    assert text.startswith(
        "A is better. With a, 42 percentage points more tasks are valid (at least 6.4 with 95% confidence)"
    )
    assert "-42 [-71, -6.4]  1,822:1       A\n" in text
    assert "  - 2 of 2 comparisons show a difference" in text
    assert "What changed: a\n  - 18 tasks newly failing: s t10, s t11, " in text
    assert "\n  - 1 task newly valid: s t0\n" in text


def test_bounds_are_explained():
    """Above the table it is said what the brackets hold: bounds of each difference, not of all of them."""
    legend = "low, high]: with 95% confidence, both bounds of a difference are correct, at any time\n"

    assert f"\n  [{legend}" in compare_as_text(compare(BEFORE, AFTER))
    assert f"\n\\[{legend}" in compare_as_markdown(compare(BEFORE, AFTER))


def test_many_changes_are_cut():
    """At most twenty tasks of a kind are named, with the number of all."""
    a, b = (result_of(simulated(0, {"a": rate}, tasks=40)) for rate in (0.0, 1.0))

    assert "40 tasks newly failing: " in compare_as_text(compare(a, b))
    assert "and 20 more\n" in compare_as_text(compare(a, b))


def test_markdown_and_json_have_the_same():
    """Markdown has the table of the text; the JSON has every field, and no infinity."""
    comparison = compare(BEFORE, AFTER)

    assert r"| a: valid | 40 | 95% | 52% | -42 \[-71, -6.4] | 1,822:1 | A |" in compare_as_markdown(
        comparison
    )
    document = as_json(comparison)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["differences"][0]["compared"]["called"] is True


def test_every_writer_shows_all_of_it():
    """Text, Markdown and page leave nothing of it out."""
    assert left_out(document_of(compare(BEFORE, AFTER))) == []


def test_names_are_escaped():
    """No name of a task or variant reaches a terminal unescaped."""
    name = "\x1b[2J|<b>"
    text = compare_as_text(
        compare(result(scored(name, name), suite=name), result(scored(name, name, "failed"), suite=name))
    )

    assert all(line.isprintable() for line in text.split("\n"))
    assert r"1 task newly failing: s \x1b[2J|<b>" in text
