"""What a result has found, in words: never more than is proved, and a next step that can be taken."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.result.as_json import result_file, result_from_json
from schema_guard.bench.result.comparisons import DELTA
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.headline import headline_of
from schema_guard.bench.result.ranking import alpha_of, names_of, ranked
from schema_guard.report.document import Tone
from schema_guard.stats import e_bh, paired
from tests.bench.simulated_runs import FAILURES, content, run_of, runs, scored
from tests.thinned import examples


def asked(name, n, failed=0, *, wrong=0, **others):
    """A column's calls on the tasks t0, t1 ...: the first ones fail, the last ones are wrong."""
    return [
        scored(f"t{number}", name, "failed" if number < failed else "clean",
               **({"content": content(0)} if number >= n - wrong else {}), **others)
        for number in range(n)
    ]  # fmt: skip


def found(*calls, **others):
    return headline_of(result_of(run_of(*(call for variant in calls for call in variant), **others)))


CASES = {
    "one": (
        [asked("few_shot", 200, 20)],
        None,
        Tone.PLAIN,
        (
            "few_shot fails in 10% of its calls (20 of 200 tasks; between 4.3% and 18%). 90% of its calls return the "
            "right value (between 82% and 96%)."
        ),
    ),
    "proved": (
        [asked("a", 200, 2), asked("b", 200, 50)],
        None,
        Tone.PLAIN,
        (
            "a fails less often than b: 1% of its calls (2 of 200 tasks; between 0.013% and 4.9%) against 25%. "
            "With a, 99% of the calls return the right value (between 95% and 99.99%)."
        ),
    ),
    "half proved": (
        [asked("a", 200, 2), asked("b", 200, 4), asked("c", 200, 90)],
        None,
        Tone.PLAIN,
        (
            "a fails less often than c: 1% of its calls (2 of 200 tasks; between 0.011% and 5.1%) against 45%. "
            "The data does not show whether b fails as rarely. With a, 99% of the calls return the right value (between 94% and "
            "99.99%)."
        ),
    ),
    "nothing proved": (
        [asked("a", 20, 1), asked("b", 20, 2)],
        None,
        Tone.OPEN,
        (
            "The data does not show which variant fails least often. The lowest failure rate is 5% (a), and the highest is 10% (b), with 20 tasks each. "
            "With a, 95% of the calls return the right value (between 67% and 99.992%)."
        ),
    ),
    "all alike": (
        [asked("a", 20, 1), asked("b", 20, 1)],
        None,
        Tone.OPEN,
        (
            "The data shows no difference in failures. Each variant fails in 5% of its calls (20 tasks; between 0.008% "
            "and 33%). With a, 95% of the calls return the right value (between 67% and 99.992%)."
        ),
    ),
    "meets": (
        [asked("a", 600, 0, wrong=500), asked("b", 600, 60)],
        0.05,
        Tone.GOOD,
        (
            "a fails less often than b: 0% of its calls (0 of 600 tasks; at most 0.76%) against 10%. "
            "a meets the target of 5%, the only one of 2. At most 0.76% of its calls fail (0 of 600 tasks). "
            "With a, 17% of the calls return the right value (between 11% and 23%); b does so in 90% "
            "(between 85% and 94%)."
        ),
    ),
    "both meet": (
        [asked("a", 600, 0), asked("b", 600, 1)],
        0.05,
        Tone.GOOD,
        (
            "2 of 2 meet the target of 5%. With a, at most 0.76% of the calls fail (0 of 600 tasks). "
            "With a, 100% of the calls return the right value (at least 99%)."
        ),
    ),
    "open": (
        [asked("a", 50, 0)],
        0.05,
        Tone.OPEN,
        (
            "The data does not show whether a meets the target of 5%. It fails in at most 7.3% of its calls (0 of 50 tasks). 100% of its calls "
            "return the right value (at least 92%)."
        ),
    ),
    "misses": (
        [asked("a", 200, 40), asked("b", 200, 60)],
        0.05,
        Tone.BAD,
        (
            "a fails less often than b: 20% of its calls (40 of 200 tasks; between 11% and 31%) against 30%. "
            "None of 2 meets the target of 5%. Even with a, at least 11% of the calls fail (40 of 200 "
            "tasks). With a, 80% of the calls return the right value (between 69% and 89%)."
        ),
    ),
}


@pytest.mark.parametrize(("calls", "target", "tone", "headline"), CASES.values(), ids=CASES)
def test_headline(calls, target, tone, headline):
    """The sentence has the difference that was found, the best variant with its n and bounds, and what is not decided."""
    text = found(*calls, target=target)

    right = next(fact.text for fact in text.facts if fact.label == "right")
    assert (f"{text.title} {right}", text.tone) == (headline, tone)


@given(runs(), st.sampled_from([None, 0.01, 0.1, 0.5]))
@examples(10)
def test_nothing_is_said_that_is_not_proved(run, target):
    """A target is met where a bound says so; one fails least where every other one is called worse; the rest is open."""
    result = result_of(replace(run, setup=replace(run.setup, target=target)))
    text, variants = headline_of(result), ranked(result)
    called = {(one.better, one.a, one.b) for one in result.comparisons if one.measure == "format"}
    proved = [
        one
        for one in variants
        if all(
            {(one.variant.name, one.variant.name, other.variant.name), (one.variant.name, other.variant.name, one.variant.name)} & called
            for other in variants
            if other is not one
        )
    ]  # fmt: skip

    if target is not None and variants:
        assert (text.tone is Tone.GOOD) == any(one.failed.bounds.upper <= target for one in variants)
        assert (text.tone is Tone.BAD) == all(one.failed.bounds.lower > target for one in variants)
    if " fails least, in " in text.title and target is None:
        assert proved
    if text.tone is Tone.PLAIN:
        assert proved or any(one.called for one in result.comparisons)
    assert text.facts[-1].label == "next"


@given(st.integers(1, 30), st.integers(0, 20), st.integers(0, 20))
@examples(10)
def test_so_many_more_tasks_decide(n, only_a, only_b):
    """On so many tasks more, on which the two differ as often, they are called different; without any they are not."""
    only_a = min(only_a, n)
    only_b = min(only_b, n - only_a)
    calls = [
        *(scored(f"t{number}", "a", "failed" if number < only_a else "clean") for number in range(n)),
        *(scored(f"t{number}", "b", "failed" if number >= n - only_b else "clean") for number in range(n)),
    ]
    text = headline_of(result_of(run_of(*calls, suite_tasks=10**7))).facts[-1].text
    needed = re.search(r"--sample ([0-9]+)", text)
    if needed is None or "decide between" not in text:
        return
    whole = int(needed[1])
    share = whole / n
    e_value = (
        evidence(only_a * share, only_b * share, whole) + evidence(only_b * share, only_a * share, whole)
    ) / 2

    assert e_bh([e_value, 1.0], delta=DELTA) == [0]
    assert whole > n


def evidence(only_a, only_b, tasks):
    return paired(only_a, only_b, tasks).e_value


@pytest.mark.parametrize(
    ("calls", "others", "said"),
    [
        ([asked("a", 300)], {"target": 0.05}, "use a, and watch it with: schema-guard watch --max-failure-rate 5%"),
        ([asked("a", 50)], {"target": 0.05, "suite_tasks": 500}, "about 24 more tasks would show whether a meets the target. To use them, run the same command with --sample 74"),
        ([asked("a", 50)], {"target": 0.05}, "about 24 more tasks would show whether a meets the target. Add tasks to the suite, because the run used all of its tasks"),
        ([asked("a", 50)], {"target": 0.05, "suite_tasks": 60}, "about 24 more tasks would show whether a meets the target. Add tasks to the suite, which has only 10 more (--sample all)"),
        ([asked("a", 50)], {"target": 0.05, "tasks": 80, "suite_tasks": 80, "stopped": ("the budget is used up",)}, "about 24 more tasks would show whether a meets the target. The run stopped early, so first run the same command again to finish it"),
        ([asked("a", 50, 5), asked("b", 50, 5)], {}, "use the cheaper or faster variant, because at these rates no number of tasks would show whether a or b is better"),
        ([asked("strict_schema", 50, 10)], {}, "to state the format in the system prompt (system_prompt), run the same command with --strategy system_prompt, which can fix 10 of 10 failures"),
        ([asked("system_prompt", 50, 0, wrong=30)], {}, "to show the model examples (few_shot), run the same command with --strategy few_shot. Some wrong values may then be right"),
        ([asked("system_prompt", 50, 10, failures=FAILURES[3:])], {}, "no strategy is left that can fix this; run the same command with a larger model (--model NAME)"),
        ([asked("a", 50)], {}, "use a, and watch it with: schema-guard watch --max-failure-rate 1%"),
    ],
)  # fmt: skip
def test_next_step(calls, others, said):
    """What comes next can be taken: use it, ask so many more tasks, try what can fix what fails."""
    text = found(*calls, **others)

    assert text.facts[-1].text == said


def test_names_are_told_apart():
    """Two long names that differ in one letter are shown as two."""
    long = [f"http://host/{'a' * 60}{letter}{'b' * 60} strict_schema" for letter in "xy"]
    result = result_of(run_of(*(scored("t1", name) for name in long)))

    assert len(set(names_of(result))) == 2


def test_target_is_kept_with_the_result():
    """A result's file says what its variants were held against; a file without a target is as it was before."""
    result = result_of(run_of(*asked("a", 30), target=0.05))
    plain = result_file(result_of(run_of(*asked("a", 30))))

    assert result_from_json(json.loads(result_file(result))) == result
    assert '"target"' not in plain
    assert result_from_json(json.loads(plain)).setup.target is None


def test_bounds_are_shared():
    """The bounds of what is said hold for all variants that have calls together."""
    result = result_of(run_of(*asked("a", 30), *asked("b", 30), scored("t1", "c", "lost")))

    assert alpha_of(result) == 0.025
