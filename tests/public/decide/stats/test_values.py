"""Values of every public function of `stats` on a grid, with nine digits."""

from itertools import product

import pytest

from schema_guard.stats import (
    Drift,
    bounds,
    bursts_of,
    calls_needed,
    changes,
    clopper_pearson,
    e_bh,
    e_value,
    gap_bounds,
    log_e_value,
    mean_bounds,
    packed,
    paired,
    retry_hazards,
    unpacked,
)
from tests.public.golden import expected, normalized

COUNTS = [
    (0, 0),
    (0, 1),
    (1, 1),
    (0, 50),
    (3, 50),
    (50, 50),
    (12, 400),
    (5, 1000),
    (45, 1000),
    (2.5, 40),
    (100, 10_000),
]
WHOLE = [(k, n) for k, n in COUNTS if n and k == int(k)]
ALPHAS = (0.05, 0.025, 0.001)
TARGETS = (0.001, 0.01, 0.05, 0.5)
RETRIES = ([(1000, 100), (100, 60), (60, 45)], [(200, 0)], [(400, 40), (40, 2)], [(10, 10), (10, 10)])
STREAMS = {
    "a rise": [n % 50 == 49 for n in range(1_000)] + [n % 10 == 9 for n in range(300)],
    "an outage": [False] * 400 + [True] * 30 + [False] * 800,
    "a fall": [n % 4 == 0 for n in range(400)] + [False] * 600,
    "steady": [n % 20 == 0 for n in range(900)],
}  # fmt: skip
VALUES = ([1.0] + [0.0] * 9, [0.0] * 100, [0.5] * 50, [0.2, 0.9, 0.4] * 40)


def failed(calls):
    return [number for number, bad in enumerate(calls, start=1) if bad]


def table(function, rows, **settings):
    return [f"{function.__name__}{row} {settings or ''}: {function(*row, **settings)}" for row in rows]


def one_look():
    yield from table(clopper_pearson, WHOLE)
    yield from table(clopper_pearson, WHOLE, confidence=0.99)


def always_valid():
    for alpha in ALPHAS:
        yield from table(bounds, COUNTS, alpha=alpha)
    for function in (e_value, log_e_value):
        for side in ("ok", "bad"):
            yield from table(function, [(*count, tau) for count, tau in product(COUNTS, TARGETS)], side=side)
    for alpha in ALPHAS:
        yield from table(
            calls_needed, [(*count, tau) for count, tau in product(COUNTS, TARGETS)], alpha=alpha
        )


def pairs():
    rows = [(0, 0, 0), (25, 5, 200), (14, 11, 600), (8, 0, 200), (40, 10, 500), (0, 6, 30)]
    yield from table(paired, rows)
    yield from table(paired, rows, alpha=0.01)
    for gaps, alpha in product(([0.2, -0.1, 0.0] * 20, [1.0] * 9, [-0.5, 0.5] * 40, []), (0.05, 0.01)):
        yield f"gap_bounds {gaps[:3]} x {len(gaps)} {alpha}: {gap_bounds(gaps, alpha=alpha)}"


def many():
    for values, alpha in product(VALUES, (0.05, 0.01)):
        yield f"mean_bounds {values[:3]} x {len(values)} {alpha}: {mean_bounds(values, alpha=alpha)}"
    for values, delta in product(
        ([900, 60, 30, 8, 1], [30, 25, 20, 15, 1], [900, 12, 9, 8, 1], []), (0.1, 0.05, 0.5)
    ):
        yield f"e_bh {values} {delta}: {e_bh(values, delta=delta)}"


def retries():
    for attempts in RETRIES:
        yield f"retry_hazards {attempts}: {retry_hazards(attempts)}"


def over_time():
    for name, calls in STREAMS.items():
        numbers, n = failed(calls), len(calls)
        yield f"changes {name}: {changes(numbers, n)}"
        result = bursts_of(numbers, n)
        yield f"bursts_of {name}: {result}"
        yield f"  {result.bounds()} {result.bounds(alpha=0.01)} {result.calls_needed(0.2)} {result.calls_needed(0.01, alpha=0.01)}"
        for p0, alpha in ((0.01, 1e-4), (0.02, 1e-3), (0.02, 1e-4), (0.3, 1e-2)):
            drift = Drift(p0, alpha=alpha)
            alarm = next((number for number, bad in enumerate(calls, start=1) if drift.update(bad)), None)
            yield f"Drift {name} {p0} {alpha}: {alarm}"
        assert unpacked(packed(calls), n) == numbers


PARTS = (one_look, always_valid, pairs, many, retries, over_time)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_values_match_the_recording(part):
    """Each value equals the recorded one. Other tests check many of these values against scipy."""
    text = normalized("".join(f"{line}\n" for line in part()))

    assert text == expected(f"stats/{part.__name__}.txt", text)
