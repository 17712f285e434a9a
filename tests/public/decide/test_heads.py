"""Lines of a verdict's head that apply only in some stories."""

import json

import pytest

from tests.public.decide.production import DAY, ENUM, reply


def test_a_proved_rate_goes_before_calls_without_a_reply(production):
    """Twenty percent of the calls fail, and others raise an exception that nobody explains."""
    production.calls(1_000, 5, ENUM)
    production.calls(60, 0, raises=KeyError("team"))

    result = production.verdict()

    assert result.verdict == "USE_CONSTRAINED_DECODING"
    assert "fails at /team (enum) in 200 of 200 failed replies" in result.head
    assert "60 of 1060 calls raised KeyError" in result.head


def test_calls_that_raise_come_first_without_a_proved_rate(production):
    """All validated calls are good, and others raise an exception that nobody explains."""
    production.calls(1_000, 0)
    production.calls(60, 0, raises=KeyError("team"))

    assert "first find out why these calls raised exceptions" in production.verdict().head


@pytest.mark.parametrize("seed", range(2))
def test_unexplained_calls_between_failures_do_not_hide_them(production, seed):
    """The exceptions come between the failures, a few at a time."""
    for number in range(20):
        production.calls(50, 4 + (number + seed) % 3, ENUM)
        production.calls(3, 0, raises=ValueError("unfinished"))

    result = production.verdict()

    assert (result.verdict, result.exit_code) == ("USE_CONSTRAINED_DECODING", 1)


@pytest.mark.parametrize(("calls", "days"), [(60, 10), (2_000, 1)])
def test_few_calls_or_days_tell_no_volume(production, calls, days):
    """Sixty calls, or one day, are too few for a number of calls in a month."""
    production.calls(calls, 0, after_s=days * DAY / calls)

    assert "are too few to tell" in production.verdict().head


def test_a_budget_of_seconds_is_a_target(production):
    """The budget in a file is the time that 95% of the calls may take."""
    production.takes_s = 3.0
    production.calls(500, 0, good=reply('{"team": "a"}', tokens=(100, 10)))

    result = production.verdict(given={"latency": {"budget_s": 1.0}}, config={"latency_p95_s": 1.0})
    (production.folder / "budget.json").write_text(json.dumps({"latency": {"budget_s": 1.0}}))
    status, out, _ = production.run("decide", "--with", production.folder / "budget.json", "--format", "json")

    document = json.loads(out)
    assert (status, document["verdict"]) == (1, result.verdict)
    assert [breach["what"] for breach in document["breach"]] == ["latency"]
