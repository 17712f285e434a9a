"""Facts about the calibration of decision models, with scripted probabilities."""

import random

import pytest

from schema_guard.ext.right.figures import calibration, calibration_lines


def calls(count, seed, right):
    """Return calls of one value with a random probability, which is right with the probability *right* of it."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        sure = draw.uniform(0.5, 1.0)
        found.append(({"/team": min(int(10 * sure), 9)}, [] if draw.random() < right(sure) else ["/team"]))
    return found


def test_bounds_of_a_calibrated_model_have_no_error():
    """The lower bound is 0, and each tenth has its own probability inside of its bounds."""
    found = calibration(calls(2_000, 1, lambda sure: sure), 0.05)

    assert found["error"]["lower"] == 0
    assert found["error"]["estimate"] < 0.03
    for one in found["tenths"]:
        assert one["lower"] < one["tenth"] / 10 + 0.05 < one["upper"]


def test_an_overconfident_model_is_detected():
    """A model that is right half of the time, however sure it is, has an error above 0."""
    found = calibration(calls(500, 1, lambda _: 0.5), 0.05)

    assert found["error"]["lower"] > 0.05


def test_thresholds_bound_the_wrong_calls():
    """Calls above a threshold are wrong in a share that the bounds contain."""
    found = calibration(calls(2_000, 3, lambda sure: sure), 0.05)
    (most,) = [one for one in found["above"] if one["threshold"] == 0.9]

    assert most["share"] == pytest.approx(0.2, abs=0.03)
    assert most["lower"] < 0.05 < most["upper"] < 0.15


def test_without_right_answers_there_is_no_calibration():
    """The share above a threshold is known, and the error is not."""
    found = calibration([({"/team": 9}, None), ({"/team": 6}, None)], 0.05)

    assert list(calibration_lines(found)) == [
        "confidence: in 50% of 2 calls, the decision model is at least 90% sure of each value",
        "calibration: not known without right answers",
    ]


def test_a_part_of_a_list_belongs_to_its_field():
    """A wrong item makes its list wrong, and not the field beside it."""
    found = calibration([({"/tags": 9, "/tag": 9}, ["/tags/1"])], 0.05)

    assert [(one["n"], one["right"]) for one in found["tenths"]] == [(1, 0.5)]


def test_values_that_are_wrong_together_count_once():
    """Ten fields of a call are no more evidence than one, because they can be wrong for the same reason."""
    places = [f"/{number}" for number in range(10)]
    together = [(dict.fromkeys(places, 9), places if number % 4 == 0 else []) for number in range(40)]
    alone = [({"/0": 9}, ["/0"] if number % 4 == 0 else []) for number in range(40)]

    assert calibration(together, 0.05)["error"] == calibration(alone, 0.05)["error"]


def test_a_skipped_call_is_right_and_wrong():
    """Each bound takes the worse case, so that skipping the wrong replies can't make a model look calibrated."""
    labeled = calls(300, 1, lambda sure: sure)
    hidden = [sure for sure, wrong in labeled if wrong]
    honest = calibration(labeled, 0.05)
    found = calibration(
        [one for one in labeled if not one[1]] + [(one, None) for one in hidden], 0.05, hidden
    )

    for known, own in zip(honest["above"], found["above"], strict=True):
        assert own["lower"] <= known["lower"]
        assert own["upper"] >= known["upper"]
    for own in found["tenths"]:
        (known,) = [one for one in honest["tenths"] if one["tenth"] == own["tenth"]]
        assert own["lower"] <= known["lower"]


@pytest.mark.parametrize("skipped", [False, True])
def test_bounds_of_labels_hold(skipped):
    """In at most 5% of 200 samples, a bound is wrong, also if the person skips half of the wrong replies."""
    misses = 0
    for seed in range(200):
        labeled = calls(100, seed, lambda sure: 0.9 * sure)
        hidden = [sure for at, (sure, wrong) in enumerate(labeled) if skipped and wrong and at % 2]
        shown = [one for at, one in enumerate(labeled) if not (skipped and one[1] and at % 2)]
        found = calibration([*shown, *((sure, None) for sure in hidden)], 0.05, hidden)
        (half,) = [one for one in found["above"] if one["threshold"] == 0.5]
        misses += not half["lower"] <= 1 - 0.9 * 0.75 <= half["upper"]

    assert misses <= 10
