"""The gate: missed on proof, passed with a word about what is not proved."""

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.run_comparison import compare, document_of
from schema_guard.errors import InvalidArgument
from schema_guard.report import as_json
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.stats import gap_bounds
from schema_guard.text import percent
from tests.bench.simulated_runs import RUNS, run_of, runs, scored, simulated
from tests.report.written import left_out


def gate(now, then, *, max_drop=0.02, **settings):
    """Compare with an allowed drop. The baseline is the first result."""
    return compare(then, now, max_drop=max_drop, **settings)


def is_passed(now, then, **settings):
    return gate(now, then, **settings).gate.passed


def reason_of(result):
    return document_of(result).title


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

    assert is_passed(result, result, max_drop=0)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 0.9))
def test_proof_is_the_stricter_gate(failing_now, failing_then, max_drop):
    """What is passed with a proof is passed without one."""
    now, then = answered(failing_now, tasks=60), answered(failing_then, tasks=60)

    assert is_passed(now, then, max_drop=max_drop, proved=True) <= is_passed(now, then, max_drop=max_drop)


def test_proved_drop_is_missed():
    """A drop whose lower bound is above what is allowed misses the gate, and the first line says why."""
    result = gate(BAD, GOOD)
    bound = gap_bounds([1.0] * 56 + [0.0] * 144, alpha=0.025).lower

    assert not result.gate.passed
    assert -result.differences[0].compared.upper == bound > 0.02
    assert reason_of(result) == (
        f"gate missed: the share of valid replies of a dropped by at least {percent(bound, -1)[:-1]} percentage points. Allowed: 2 percentage points."
    )


def test_improvement_is_passed():
    """A rate that rose passes, and that no drop is possible is told as proved."""
    result = gate(GOOD, BAD)

    assert result.gate.passed
    assert gate_as_text(result).startswith("gate passed: no rate dropped by more than 2 percentage points.\n")


def test_small_drop_is_passed_with_what_is_not_ruled_out():
    """Without proof the gate is passed, and the drop that cannot be ruled out is told."""
    result = gate(answered(3, tasks=40), answered(1, tasks=40))
    upper = gap_bounds([1.0] * 2 + [0.0] * 38, alpha=0.025).upper

    assert result.gate.passed
    assert reason_of(result) == (
        "gate passed: no rate is proved to have dropped by more than 2 percentage points. But the share of "
        f"valid replies of a may have dropped by up to {percent(upper, 1)[:-1]} percentage points (40 tasks)."
    )


def test_proof_can_be_asked_for():
    """With `proved` a drop that is not ruled out misses the gate."""
    result = gate(answered(3, tasks=40), answered(1, tasks=40), proved=True)

    assert not result.gate.passed
    assert reason_of(result) == (
        "gate missed: the share of valid replies of a may have dropped by up to "
        f"{percent(gap_bounds([1.0] * 2 + [0.0] * 38, alpha=0.025).upper, 1)[:-1]} percentage points (40 tasks). "
        "Allowed: 2 percentage points."
    )


def test_proved_drop_is_told_before_one_that_is_not_ruled_out():
    """Where one drop is proved and another variant has too few tasks to say, the first line tells the proved one."""
    few = [scored(f"t{n}", "few") for n in range(3)]
    then = result_of(run_of(*(scored(f"t{n}", "many") for n in range(100)), *few))
    now = result_of(
        run_of(*(scored(f"t{n}", "many", "failed" if n < 40 else "clean") for n in range(100)), *few)
    )

    for proved in (False, True):
        reason = gate_as_text(gate(now, then, proved=proved))
        assert reason.startswith("gate missed: the share of valid replies of many dropped by at least ")


@pytest.mark.parametrize(
    ("less", "allowed"),
    [(1e-4, None), (1e-6, None), (None, 0.0004), (None, 0.1235), (None, 0.138), (None, 0)],
)
def test_points_have_as_many_decimals_as_they_need(less, allowed):
    """The allowed drop is written exactly, and the known drop with enough digits to be larger."""
    bound = gap_bounds([1.0] * 56 + [0.0] * 144, alpha=0.025).lower
    max_drop = round(bound - less, 8) if allowed is None else allowed
    text = " ".join(gate_as_text(gate(BAD, GOOD, max_drop=max_drop)).split())
    dropped, permitted = re.findall(r"([\d.]+) percentage points", text)[:2]

    assert float(permitted) == pytest.approx(100 * max_drop, rel=1e-9)
    assert float(dropped) > float(permitted)


def test_allowed_drop_is_allowed():
    """A proved drop of less than what is allowed is passed."""
    assert is_passed(BAD, GOOD, max_drop=0.3)
    assert not is_passed(BAD, GOOD, max_drop=0.05)


def test_bounds_are_shared_by_all_variants_and_measures():
    """The more drops are looked at, the wider are their bounds."""
    both = result_of(run_of(*(scored(f"t{n}", c) for n in range(50) for c in "xyz")))

    assert gate(both, both).gate.alpha == pytest.approx(0.05 / 6)
    assert gate(both, both, pair=("x", "x")).gate.alpha == pytest.approx(0.05 / 2)
    three, one = (gate(both, both, pair=pair).differences[0].compared for pair in (None, ("x", "x")))
    assert three.upper > one.upper


def test_content_is_gated_apart():
    """Values that are still valid and no longer right miss the gate of right values alone."""
    now = result_of(simulated(1, {"a": 0.0}, tasks=300))
    then = result_of(run_of(*(scored(f"t{n}", schema="s0", group="g0") for n in range(300))))

    result = gate(now, then)
    assert not result.gate.passed
    drops = [one.compared for one in result.differences]
    assert [drop.measure for drop in drops if result.gate.is_missed(drop)] == ["content"]


def test_missing_variant_is_told():
    """A variant of the baseline that is not there any more is not compared, and that is said."""
    then = result_of(run_of(scored("t1", "x"), scored("t1", "y")))
    result = gate(result_of(run_of(scored("t1", "x"))), then)

    assert result.unpaired_a == ("y",)
    assert "omitted      y (only in A)\n" in gate_as_text(result)


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

    assert "-28 [" in gate_as_text(result)
    assert "| a: valid | 200 | 98% | 70% | -28 \\[" in gate_as_markdown(result)
    document = as_json(result)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["gate"]["passed"] is False
    assert document["differences"][0]["compared"]["difference"] == pytest.approx(-0.28)


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
        is_passed(
            *(result_of(simulated(seed + 10_000 * now, {"a": 0.2}, tasks=200)) for now in (0, 1)), max_drop=0
        )
        for seed in range(200)
    ].count(False)

    assert missed <= 10
