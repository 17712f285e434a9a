"""Why a difference is not decided, and how many tasks would decide it."""

from random import Random

from schema_guard.bench.result.comparisons import clusters_of, compared, corrected, tasks_needed
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.headline import headline_of
from schema_guard.report.document import Tone
from tests.bench.simulated_runs import content, run_of, scored


def answered(name, rights):
    """Return valid calls of a variant, of which those with True are right."""
    return [
        scored(f"t{number}", name, "clean", **({} if right else {"content": content(0)}))
        for number, right in enumerate(rights)
    ]


def both(only_a, only_b, right, wrong):
    """Return a result of two variants, in which A is right alone on *only_a* tasks, and B on *only_b*."""
    a = [True] * only_a + [False] * only_b + [True] * right + [False] * wrong
    b = [False] * only_a + [True] * only_b + [True] * right + [False] * wrong
    return result_of(run_of(*answered("a", a), *answered("b", b)))


def test_decided_difference_comes_first():
    """A decided difference of right values leads, although the failures are equal."""
    text = headline_of(both(32, 1, 39, 8))

    assert text.tone is Tone.PLAIN
    assert text.title.startswith("a is right more often than b: 89% of its calls")
    assert text.facts[-1].text.startswith("to state the format")


def test_power_of_an_undecided_difference():
    """95% against 79% at 80 tasks: the odds are too low, and the text has the odds that decide and the tasks."""
    result = both(16, 3, 60, 1)
    power = next(fact.text for fact in headline_of(result).facts if fact.label == "power")

    assert power == (
        "the data does not show whether a (95% right) is better than b (79% right). Of 80 tasks, a is better on 16, and b on "
        "3. The odds are 24:1, and a decision needs 40:1. With about 70 more tasks, the probability of a decision is 80%."
    )


def test_planned_tasks_decide_in_four_of_five_samples():
    """Samples with the planned number of tasks, from the same rates, are decided in about 80% of the cases."""
    result = both(16, 3, 60, 1)
    right = next(one for one in result.comparisons if one.measure == "content")
    tasks, random, decided = 80 + tasks_needed(right, result), Random(34), 0
    for _ in range(400):
        draws = [random.random() * 80 for _ in range(tasks)]
        a = clusters_of(result_of(run_of(*answered("a", [d < 16 or d >= 19 for d in draws]))).calls)
        b = clusters_of(result_of(run_of(*answered("b", [d >= 16 for d in draws]))).calls)
        pair = [compared(("a", a), ("b", b), measure=measure) for measure in ("format", "content")]
        decided += corrected(pair)[1].called

    assert 300 <= decided <= 350


def test_equal_rates_have_no_power():
    """Variants that differ equally often in both directions get no line about tasks."""
    assert "power" not in {fact.label for fact in headline_of(both(5, 5, 60, 10)).facts}
