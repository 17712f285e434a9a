"""Lines of a verdict's head that apply only in some stories."""

import json
from random import Random

import pytest

from tests.public.commands.command_lines import command
from tests.public.decide.production import DAY, ENUM, reply
from tests.public.decide.recompute import repeated


def test_a_proved_rate_goes_before_calls_without_a_reply(production):
    """Twenty percent of the calls fail, and others raise an exception that nobody explains."""
    production.calls(1_000, 5, ENUM)
    production.calls(60, 0, raises=KeyError("team"))

    result = production.verdict()

    assert result.verdict == "USE_CONSTRAINED_DECODING"
    assert "fails at /team (enum) in 200 of 200 failed replies" in result.head
    assert "60 of 1,060 calls raised KeyError" in result.head


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

    assert "are too few for an estimate" in production.verdict().head


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


@pytest.mark.parametrize(
    ("slower", "verdict", "status"),
    [(0, "PROMPTING_ENOUGH", 0), (900, "FINE_TUNE_JUSTIFIED", 1), (None, "NEED_MORE_DATA", 0)],
)
def test_a_budget_in_an_evidence_file_is_a_target(tmp_path, slower, verdict, status):
    """It is met, missed, or not measured. The file has no config."""
    counts = {} if slower is None else {"latency": {"n": 3_000, "k": slower}}
    file = tmp_path / "evidence.json"
    file.write_text(
        json.dumps(
            {
                "strategies": [
                    {
                        "id": "plain",
                        "rung": "system_prompt",
                        "n": 3_000,
                        "k_final": 0,
                        "traffic_share": 1,
                        **counts,
                    }
                ],
                "latency": {"budget_s": 2, "p50_s": 1, "p95_s": 1.8},
            }
        )
    )

    code, text, _ = command("decide", "--evidence", file)
    document = json.loads(command("decide", "--evidence", file, "--format", "json")[1])

    assert (code, document["verdict"], document["config"]["latency_p95_s"]) == (status, verdict, 2)
    assert [breach["what"] for breach in document["breach"]] == (["latency"] if status else [])
    assert f"95% of the calls take at most 2 s ({file})" in " ".join(text.split())
    assert repeated(document) == []


def test_a_limit_goes_before_a_budget(production):
    """The config of the same file has a limit of its own."""
    production.takes_s = 3.0
    production.calls(500, 0)

    result = production.verdict(given={"latency": {"budget_s": 1.0}}, config={"latency_p95_s": 5.0})

    assert (result.figures["config"]["latency_p95_s"], result.figures["breach"]) == (5.0, [])


@pytest.mark.parametrize("seed", range(2))
def test_a_budget_is_missed_with_noise(production, seed):
    """One call in eight takes 4 seconds, by chance. The budget is 2 seconds."""
    random = Random(seed)
    for _ in range(600):
        production.takes_s = 4.0 if random.random() < 1 / 8 else 0.5
        production.calls(1, 0)
    (production.folder / "budget.json").write_text(json.dumps({"latency": {"budget_s": 2.0}}))

    status, out, _ = production.run("decide", "--with", production.folder / "budget.json", "--format", "json")

    assert (status, [one["what"] for one in json.loads(out)["breach"]]) == (1, ["latency"])


def test_calls_without_a_reply_are_named_beside_a_good_rate(production):
    """The provider gave no reply to 91 of 3,000 calls."""
    production.calls(2_909, 0)
    production.calls(91, 0, raises=TimeoutError())

    head = production.verdict().head

    assert "91 of 3,000 calls got no reply (TimeoutError)" in head


def test_four_calls_without_a_reply_are_not_named(production):
    """Four calls are few."""
    production.calls(1_000, 0)
    production.calls(4, 0, raises=TimeoutError())

    assert "got no reply" not in production.verdict().head


@pytest.mark.parametrize("seed", range(2))
def test_calls_without_a_reply_are_named_between_failures(production, seed):
    """Timeouts come a few at a time, between failures."""
    random = Random(seed)
    for _ in range(20):
        production.calls(random.randint(40, 60), random.randint(30, 50), ENUM)
        production.calls(random.randint(2, 4), 0, raises=TimeoutError())

    result = production.verdict()
    (ways,) = result.figures["excluded"].values()
    lost = sum(way["calls"] for way in ways)

    assert f"{lost} of {result.figures['calls'] + lost:,} calls got no reply (TimeoutError)" in result.head


def test_repeated_inputs_are_counted(production):
    """Thirty inputs have a hundred calls each."""
    for number in range(30):
        production.calls(100, 0, task=f"input {number}")

    assert (
        "3,000 calls, 30 distinct inputs, so one new input that fails adds 3.3%" in production.verdict().head
    )


@pytest.mark.parametrize("seed", range(2))
def test_mostly_new_inputs_are_not_named(production, seed):
    """Half of the calls repeat one of ten inputs; the others are new."""
    random = Random(seed)
    for number in range(40):
        production.calls(random.randint(10, 14), 0)
        production.calls(12, 0, task=f"input {number % 10}")

    assert "distinct input" not in production.verdict().head


@pytest.mark.parametrize("seed", range(3))
def test_volume_follows_the_latest_level(production, seed):
    """Fifty calls a day become two hundred a day, with noise on each day."""
    random = Random(seed)
    for day in range(26):
        calls = round(random.gauss(50 if day < 20 else 200, 10))
        production.calls(calls, 0, after_s=DAY / calls)

    result = production.verdict()

    assert result.figures["calls_per_month"] == pytest.approx(200 * 30.4, rel=0.15)
    assert "like the latest 6 days" in result.head


@pytest.mark.parametrize("idle", [0, 1, 2])
def test_volume_of_weekdays_is_that_of_whole_weeks(production, idle):
    """A function without calls on Saturday and Sunday has five of seven days."""
    for day in range(40):
        if day % 7 < 5:
            production.calls(60, 0, after_s=DAY / 60)
        else:
            production.clock.now += DAY
    production.clock.now += idle * DAY

    assert production.verdict().figures["calls_per_month"] == pytest.approx(60 * 5 / 7 * 30.4, rel=0.05)


def test_a_given_volume_is_not_that_of_latest_days(production):
    """The user typed the number of calls in a month."""
    production.calls(3_000, 0, after_s=600)

    result = production.verdict(given={"calls_per_month": 777})

    assert result.figures["calls_per_month"] == 777
    assert "latest" not in result.head
