"""The values of a playbook's trials: right or grounded, before and after enforcement."""

from dataclasses import replace

import pytest

from schema_guard.bench.suites.values import SuiteSchema, Task
from schema_guard.ext.playbook.inputs import suite_inputs
from schema_guard.ext.playbook.result import document_of
from schema_guard.ext.playbook.steps import PlaybookSettings
from schema_guard.stats import gap_bounds
from tests.ext.playbook.playbook_models import (
    PROSE,
    SCHEMA,
    Answering,
    inputs,
    is_strict,
    run_playbook,
    task_of,
    texts,
)

SIMPLIFY = {"schema_simplify": "one field is all there is"}


def number_of(prompt):
    return int(task_of(prompt).split()[-1])


def model(enforced):
    """Replies with the number of the text, or with prose to every second one. If the schema is enforced, as *enforced* says."""

    def answer(_, prompt, options):
        number = number_of(prompt)
        if is_strict(options):
            return f'{{"n": {enforced(number)}}}'
        return PROSE if number % 2 else f'{{"n": {number}}}'

    return Answering(answer)


def result_of(asked, enforced, **changes):
    settings = {"target": 0.2, "declined": SIMPLIFY, "concurrency": 1, **changes}
    return run_playbook(asked, model(enforced), settings=PlaybookSettings(**settings))


def values_line(result):
    return next(fact.text for fact in document_of(result).facts if fact.label == "values")


def suite():
    tasks = tuple(Task(f"t{number}", text, "", {"n": number}) for number, text in enumerate(texts(60)))
    return suite_inputs(SuiteSchema("Count", "Count", "MIT", SCHEMA, tasks))


def test_grounding_is_compared_without_answers():
    """Without known answers, the values that occur in the input count, on inputs with a valid value in both steps."""
    result = result_of(inputs(), lambda _: 777)
    values = result.evidence["values"]
    before, after = result.steps[0], result.steps[1]

    assert (values["measure"], values["n"]) == ("grounded", before.n - before.k)
    assert (values["before"]["id"], values["before"]["share"]) == ("system_prompt", 1)
    assert (values["after"]["id"], values["after"]["share"]) == (after.strategy, 0)
    assert "of the values are in the input before" in values_line(result)


def test_right_values_are_compared_on_the_same_inputs():
    """With known answers, a call without a valid value is not right, and the bounds are those of the pairs."""
    result = result_of(suite(), lambda number: number if number % 4 else 777)
    asked = suite().tasks[: result.steps[0].n]
    numbers = [int(text.split()[-1]) for text in asked]
    gaps = [(number % 4 != 0) - (number % 2 == 0) for number in numbers]
    bounds = gap_bounds(map(float, gaps), alpha=0.05)
    values = result.evidence["values"]

    assert (values["measure"], values["n"]) == ("right", len(asked))
    assert (values["lower"], values["upper"]) == (bounds.lower, bounds.upper)
    assert values["after"]["share"] == pytest.approx(sum(number % 4 != 0 for number in numbers) / len(asked))
    assert "of the values are right before" in values_line(result)


def test_values_are_not_compared_before_enforcement():
    """A playbook that has not enforced the schema says nothing of values."""
    result = result_of(inputs(), lambda _: 777, max_calls=5)

    assert "values" not in result.evidence


def test_strategies_for_values_are_tried_if_right_values_are_asked_for():
    """The steps for values run when a share of right values is a target. Two requests are attempts of one call."""
    extra = {"config": {"right": 0.9}}
    result = result_of(
        replace(suite(), answers={}), lambda _: 777, extra=extra, first="reason_then_strict", max_calls=4
    )
    step = result.steps[0]

    assert (step.step, step.strategy, step.n) == ("reason_then_strict", "reason_then_strict", 4)
    assert len(step.attempts) == 2


def test_strategies_for_values_are_not_tried_for_the_format_alone():
    """Without such a target they are not applicable."""
    claims = {one["rung"]: one for one in result_of(inputs(), lambda _: 777).evidence["ladder"]}

    for step in ("strict_only", "reason_then_strict"):
        assert claims[step]["status"] == "not_applicable"
