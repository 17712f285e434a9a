"""The gate: missed on proof, passed with a word about what is not proved."""

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.gate import document_of, gate, reason_of
from schema_guard.errors import InvalidArgument
from schema_guard.report import as_json
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.stats import gap_bounds
from schema_guard.text import percent
from tests.bench.simulated_runs import RUNS, run_of, runs, scored, simulated
from tests.report.written import left_out


def gate_as_text(result):
    return as_text(document_of(result))


def gate_as_markdown(result):
    return as_markdown(document_of(result))


def answered(failing, *, tasks=200, variant="a"):
    """A result in which the first so many tasks fail."""
    return result_of(
        run_of(*(scored(f"t{n}", variant, "failed" if n < failing else "clean") for n in range(tasks)))
    )


GOOD, BAD = answered(4), answered(60)


@pytest.mark.costly
@RUNS
@given(runs())
def test_gate_against_itself_is_passed(run):
    """A result is never missed against itself."""
    result = result_of(run)
    assume(any(variant.calls for variant in result.variants))

    assert gate(result, result, max_drop=0).exit_code() == 0


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 0.9))
def test_proof_is_the_stricter_gate(failing_now, failing_then, max_drop):
    """What is passed with a proof is passed without one."""
    now, then = answered(failing_now, tasks=60), answered(failing_then, tasks=60)

    assert gate(now, then, max_drop=max_drop, proved=True).passed <= gate(now, then, max_drop=max_drop).passed


def test_proved_drop_is_missed():
    """A drop whose lower bound is above what is allowed misses the gate, and the first line says why."""
    result = gate(BAD, GOOD)
    bound = gap_bounds([1.0] * 56 + [0.0] * 144, alpha=0.025).lower

    assert (result.passed, result.exit_code()) == (False, 1)
    assert result.drops[0].lower == bound > 0.02
    assert gate_as_text(result).split("\n")[0] == (
        f"gate missed: a: valid dropped by at least {percent(bound, -1)[:-1]} percentage points. Allowed: 2 percentage points."
    )


def test_improvement_is_passed():
    """A rate that rose passes, and that no drop is possible is told as proved."""
    result = gate(GOOD, BAD)

    assert result.passed
    assert gate_as_text(result).startswith("gate passed: no rate dropped by more than 2 percentage points.\n")


def test_small_drop_is_passed_with_what_is_not_ruled_out():
    """Without proof the gate is passed, and the drop that cannot be ruled out is told."""
    result = gate(answered(3, tasks=40), answered(1, tasks=40))
    upper = gap_bounds([1.0] * 2 + [0.0] * 38, alpha=0.025).upper

    assert result.passed
    assert reason_of(result) == (
        "gate passed: no rate is proved to have dropped by more than 2 percentage points. A drop of up to "
        f"{percent(upper, 1)[:-1]} percentage points (a: valid, 40 tasks) is possible."
    )


def test_proof_can_be_asked_for():
    """With `proved` a drop that is not ruled out misses the gate."""
    result = gate(answered(3, tasks=40), answered(1, tasks=40), proved=True)

    assert result.exit_code() == 1
    assert reason_of(result) == (
        f"gate missed: a drop of {percent(gap_bounds([1.0] * 2 + [0.0] * 38, alpha=0.025).upper, 1)[:-1]} percentage points "
        "(a: valid, 40 tasks) is possible. Allowed: 2 percentage points."
    )


def test_proved_drop_is_told_before_one_that_is_not_ruled_out():
    """Where one drop is proved and another variant has too few tasks to say, the first line tells the proved one."""
    few = [scored(f"t{n}", "few") for n in range(3)]
    then = result_of(run_of(*(scored(f"t{n}", "many") for n in range(100)), *few))
    now = result_of(
        run_of(*(scored(f"t{n}", "many", "failed" if n < 40 else "clean") for n in range(100)), *few)
    )

    for proved in (False, True):
        reason = gate_as_text(gate(now, then, proved=proved)).split("\n")[0]
        assert reason.startswith("gate missed: many: valid dropped by at least ")


@pytest.mark.parametrize(
    ("less", "allowed"),
    [(1e-4, None), (1e-6, None), (None, 0.0004), (None, 0.1235), (None, 0.138), (None, 0)],
)
def test_points_have_as_many_decimals_as_they_need(less, allowed):
    """The allowed drop is written exactly, and the known drop with enough digits to be larger."""
    bound = gap_bounds([1.0] * 56 + [0.0] * 144, alpha=0.025).lower
    max_drop = round(bound - less, 8) if allowed is None else allowed
    reason = gate_as_text(gate(BAD, GOOD, max_drop=max_drop)).split("\n")[0]
    dropped, permitted = re.findall(r"([\d.]+) percentage points", reason)

    assert float(permitted) == pytest.approx(100 * max_drop, rel=1e-9)
    assert float(dropped) > float(permitted)


def test_allowed_drop_is_allowed():
    """A proved drop of less than what is allowed is passed."""
    assert gate(BAD, GOOD, max_drop=0.3).passed
    assert not gate(BAD, GOOD, max_drop=0.05).passed


def test_bounds_are_shared_by_all_variants_and_measures():
    """The more drops are looked at, the wider are their bounds."""
    both = result_of(run_of(*(scored(f"t{n}", c) for n in range(50) for c in "xyz")))

    assert gate(both, both).alpha == pytest.approx(0.05 / 6)
    assert gate(both, both, pair=("x", "x")).alpha == pytest.approx(0.05 / 2)
    assert gate(both, both).drops[0].upper > gate(both, both, pair=("x", "x")).drops[0].upper


def test_content_is_gated_apart():
    """Values that are still valid and no longer right miss the gate of right values alone."""
    now = result_of(simulated(1, {"a": 0.0}, tasks=300))
    then = result_of(run_of(*(scored(f"t{n}", schema="s0", group="g0") for n in range(300))))

    result = gate(now, then)
    assert not result.passed
    assert [drop.measure for drop in result.drops if drop.lower > result.max_drop] == ["content"]


def test_missing_variant_is_told():
    """A variant of the baseline that is not there any more is not compared, and that is said."""
    then = result_of(run_of(scored("t1", "x"), scored("t1", "y")))
    result = gate(result_of(run_of(scored("t1", "x"))), then)

    assert result.not_compared == ("y",)
    assert "omitted      variants that are missing in the current result: y" in gate_as_text(result)


def test_nothing_in_common_is_an_error():
    """A gate that would compare nothing is no pass."""
    with pytest.raises(InvalidArgument, match="no task has an answer in both results"):
        gate(answered(0, tasks=1), result_of(run_of(scored("other"))))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_drop": 1}, "max_drop=1: expected a fraction from 0 to below 1, such as 0.02"),
        ({"max_drop": -0.1}, "max_drop=-0.1: expected a fraction from 0 to below 1, such as 0.02"),
        (
            {"max_drop": float("nan")},
            "max_drop=nan: expected a fraction from 0 to below 1, such as 0.02",
        ),
        ({"max_drop": "x"}, "max_drop='x': expected a fraction from 0 to below 1, such as 0.02"),
    ],
)
def test_arguments_out_of_range(settings, message):
    """What cannot be asked for is refused."""
    with pytest.raises(InvalidArgument) as caught:
        gate(GOOD, GOOD, **settings)

    assert str(caught.value) == message


def test_renderings_have_the_same():
    """Text, Markdown and JSON tell the same drops."""
    result = gate(BAD, GOOD)

    assert "  a: valid    200       98%      70%  +28 [" in gate_as_text(result)
    assert "| a: valid | 200 | 98% | 70% | +28 \\[" in gate_as_markdown(result)
    document = as_json(result)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["passed"], document["drops"][0]["difference"]) == (False, pytest.approx(0.28))


def test_every_writer_shows_all_of_it():
    """Text, Markdown and page leave nothing of it out."""
    assert left_out(document_of(gate(BAD, GOOD))) == []


def test_names_are_escaped():
    """No name of a variant reaches a terminal unescaped."""
    result = answered(0, tasks=3, variant="\x1b[2J")

    assert all(line.isprintable() for line in gate_as_text(gate(result, result)).split("\n"))


@pytest.mark.slow
def test_gate_is_rarely_missed_without_a_drop():
    """Of 200 pairs of runs without a drop at most 5 % miss a gate that allows none."""
    missed = [
        gate(
            *(result_of(simulated(seed + 10_000 * now, {"a": 0.2}, tasks=200)) for now in (0, 1)), max_drop=0
        ).passed
        for seed in range(200)
    ].count(False)

    assert missed <= 10
