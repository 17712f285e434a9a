"""The short `repr` of public values."""

import pytest

from schema_guard import About, Limits, Params, guard, judge

LONG = '{"name": "' + "x" * 5_000 + '"}'
SCHEMA = {"type": "object", "required": ["total"]}


@pytest.fixture(scope="module")
def values():
    """Return public values of a call with long texts, by name."""
    ask = guard(SCHEMA, store=None, name="ask", max_attempts=2, on_failure="return")(lambda prompt: LONG)
    outcome = ask("a long task " * 500)
    attempt = outcome.attempts[0]
    return {
        "Outcome": outcome, "Attempt": attempt, "Call": outcome.call, "Failure": outcome.failure,
        "Usage": outcome.usage, "Guard": ask.guard, "Guarded": ask, "Schema": ask.schema,
        "Judgement": judge(LONG, SCHEMA), "Violation": attempt.failure.violations[0],
    }  # fmt: skip


NAMES = (
    "Outcome", "Attempt", "Call", "Failure", "Usage", "Guard", "Guarded", "Schema", "Judgement", "Violation",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_public_value_has_a_short_repr(values, name):
    """A `repr` has one line and at most 240 characters, whatever the texts of the call."""
    written = repr(values[name])

    assert len(written) <= 240
    assert "\n" not in written


def test_repr_of_settings_shows_only_the_given_ones():
    """A `repr` leaves out the defaults."""
    assert repr(Limits(max_tokens=9)) == "Limits(max_tokens=9)"
    assert repr(About(version="2", tuned=True)) == "About(version='2', tuned=True)"
    assert repr(Params(options=None, feedback="again")) == "Params(feedback='again', options=None)"
    assert repr(guard({}, max_attempts=1, store=None)).endswith(", max_attempts=1, store=None)")
