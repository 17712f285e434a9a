"""A report adds up the calls of several configurations."""

import pytest

from schema_guard import Usage, open_store
from schema_guard.report import report_on
from tests.public.records.outcomes import FAILED, FINGERPRINT, LOST, outcome


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


NAMES = {
    "schema_name": "invoice",
    "schema_fingerprint": FINGERPRINT,
    "model": "m9",
    "provider": "openai",
    "strategies": "bare>few_shot",
    "settings": '{"max_attempts":3}',
    "version": "v9",
    "tuned": True,
}


def used(given, made, cost=None, seconds=1.0):
    return {"usage": Usage(given, made), "cost": cost, "elapsed_s": seconds}


# Each count of the report is another number.
POOLED = [
    *[outcome(used(100, 10, 0.5), **NAMES)] * 5,
    *[outcome({"form": "unwrapped", **used(100, 10)}, **NAMES)] * 2,
    *[outcome(FAILED | used(7, None), {**used(50, 5, 0.25, 2.0)}, **NAMES)] * 3,
    *[outcome({"form": "repaired_lossless"} | used(None, None, None, 3.0), segment="eu", **NAMES)] * 4,
    *[outcome(FAILED | used(1, 1, None, 4.0), FAILED | used(1, 1), function="app.other", **NAMES)] * 6,
    *[outcome(LOST | used(None, None, None, 9.0), **NAMES)],
]


def test_report_has_the_sums_of_all_calls(store):
    """Names are those of the configuration. Counts, sums, and percentiles are those of all its calls."""
    for one in POOLED:
        store.record(one)
    (group,) = report_on(store, by="model").groups

    assert (group.calls, group.valid_first_time.count, group.clean.count) == (20, 7, 5)
    assert (group.repaired.count, group.fixed_by_retry.count, group.failed.count) == (4, 3, 6)
    assert (group.transport, group.attempts) == (1, 30)
    assert group.failures == (("structure", "type", 15), ("transport", "call_raised", 1))
    assert group.violations == (("/total", "type", 15),)
    assert (group.input_tokens, group.output_tokens, group.unknown_usage) == (883, 97, 8)
    assert group.elapsed_s == 7 * 1.0 + 3 * 3.0 + 4 * 3.0 + 6 * 5.0 + 9.0
    assert (group.elapsed_p50_s, group.elapsed_p95_s) == (
        pytest.approx(1.0, rel=1 / 64),
        pytest.approx(4.0, rel=1 / 64),
    )


def test_report_of_lost_calls_has_no_sums(store):
    """If no attempt has a value, the sum is unknown, and every attempt counts as unknown."""
    store.record(outcome(LOST))
    (group,) = report_on(store).groups

    assert (group.calls, group.transport, group.attempts) == (0, 1, 1)
    assert (group.input_tokens, group.output_tokens, group.unknown_usage) == (None, None, 1)
