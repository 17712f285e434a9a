"""Imported calls in every command, by the part of the traffic that they are: counts, rates, and calls per month."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lines
from tests.public.decide.production import DAY, TICKET
from tests.public.golden import expected, normalized, transcript

FIRST = datetime(2026, 6, 1, tzinfo=UTC)
CALLS, DAYS = 1_500, 15
PER_MONTH = CALLS / DAYS * 365.25 / 12
RIGHT, WRONG = '{"team": "a"}', '{"team": "c"}'
PARTS = {
    "all": "--traffic all",
    "sampled": "--traffic sampled",
    "a tenth": "--traffic sampled --sample-share 0.1",
    "a half": "--traffic sampled --sample-share 0.5",
    "the whole sample": "--traffic sampled --sample-share 1",
    "failures": "--traffic failures",
    "unknown": "--traffic unknown",
}
SHARE = {"all": 1, "a tenth": 0.1, "a half": 0.5, "the whole sample": 1}
RATED = {"all", "sampled", *SHARE}


def rows(*, first=FIRST, calls=CALLS, every=31, prefix=""):
    """Return calls at equal distances over fifteen days. One in *every* failed, and one in 100 has no reply.

    100 calls are made a day. A number of *every* that divides 100 would make them fail at the same hours of each day.
    """
    for n in range(calls):
        reply = None if n % 100 == 50 else WRONG if n % every == 0 else RIGHT
        at = (first + timedelta(days=DAYS * n / calls)).isoformat()
        error = {} if reply else {"error": "Timeout", "exception": "Timeout"}
        yield {
            "id": f"{prefix}{first.day} {n}", "prompt": f"p{n}", "reply": reply, "started_at": at, "model": "m1", "segment": "eu" if n % 3 else "us",
            "input_tokens": 100 + n % 7, "output_tokens": 10, "elapsed_s": 0.5, **error,
        }  # fmt: skip


def traces(options, name="log.jsonl", function="app.read"):
    """Import a file into the store."""
    line = f"store import --from auto {name} --schema ticket.json --function {function} --field segment=segment --store r.db {options}"
    status, out, err = command(*line.split(), "--format", "json")
    assert status == 0, err
    return json.loads(out)


@pytest.fixture(autouse=True)
def files(folder):
    """The schema and the calls, in the working folder."""
    (folder / "ticket.json").write_text(json.dumps(TICKET))
    lines(folder / "log.jsonl", rows())
    lines(folder / "failed.jsonl", [row for row in rows() if row["reply"] == WRONG])
    with stopped_clock(FIRST.timestamp() + 20 * DAY):
        yield folder


def read(line, status=(0, 1)):
    """Run a command on the store. Return its exit status and JSON."""
    result, out, err = command(*line.split(), "--store", "r.db", "--format", "json")
    assert result in status, err
    return result, json.loads(out)


def decided(line="decide --max-failure-rate 0.1"):
    return read(line)[1]


@pytest.mark.parametrize("part", PARTS)
def test_calls_per_month_are_those_of_the_traffic(part):
    """The calls of a sample are divided by its share. Without a share, calls per month are unknown."""
    traces(PARTS[part])
    value = decided().get("calls_per_month")

    if part in SHARE:
        assert value == pytest.approx(PER_MONTH / SHARE[part], rel=0.02)
    else:
        assert value is None


@pytest.mark.parametrize("part", PARTS)
def test_given_calls_per_month_replace_those_of_a_sample(files, part):
    """A number in the file replaces the computed one."""
    traces(PARTS[part])
    (files / "with.json").write_text(json.dumps({"calls_per_month": 777}))

    assert decided("decide --max-failure-rate 0.1 --with with.json")["calls_per_month"] == 777


def test_calls_per_month_of_two_imports_are_added(files):
    """A period that was imported whole and a tenth of the next period count as what each stands for."""
    later = FIRST + timedelta(days=DAYS)
    lines(files / "later.jsonl", rows(first=later, calls=CALLS // 10))
    with stopped_clock(FIRST.timestamp() + 40 * DAY):
        traces("--traffic all")
        traces("--traffic sampled --sample-share 0.1", "later.jsonl")
        result = decided()["calls_per_month"]

    assert result == pytest.approx(PER_MONTH, rel=0.1)


@pytest.mark.parametrize("part", PARTS)
def test_counts_do_not_depend_on_the_part(part):
    """The imported calls are counted as they are, whatever their share of the traffic."""
    traces(PARTS[part])
    (group,) = read("report")[1]["groups"]
    rates = decided()["rates"]
    ((_, rate),) = rates.items()

    assert (group["calls"], group["failed"]["count"]) == (1_485, 49)
    assert (rate["n"], rate["k"]) == (1_485, 49)


@pytest.mark.parametrize("part", PARTS)
def test_only_rates_of_the_traffic_decide(part):
    """Failures and unknown parts need more data, with exit status 1. Other parts are good enough."""
    traces(PARTS[part])
    status, result = read("decide --max-failure-rate 0.1")

    assert (status, result["verdict"]) == (
        (0, "PROMPTING_ENOUGH") if part in RATED else (1, "NEED_MORE_DATA")
    )


@pytest.mark.parametrize("part", PARTS)
def test_failures_alone_have_no_rate(part):
    """If all calls failed, only a fair part of the traffic proves a breach. Exit status 1 comes with each part."""
    traces(PARTS[part], "failed.jsonl")
    status, result = read("watch --max-failure-rate 0.1")
    (watched,) = result["watched"]

    assert (status, watched["n"], watched["k"]) == (1, 49, 49)
    assert watched["state"] == ("fail" if part in RATED else "unrated")
    assert [one["what"] for one in watched["breaches"]] == (["format"] if part in RATED else [])


LINES = (
    "report --store r.db",
    "report --store r.db --by segment --format json",
    "report --store r.db --format json",
    "decide --store r.db --max-failure-rate 0.1 --full",
    "decide --store r.db --max-failure-rate 0.1 --format json",
    "decide --store r.db --max-failure-rate 0.1 --segment us --format json",
    "watch --store r.db --max-failure-rate 0.1",
    "watch --store r.db --max-failure-rate 0.01 --since 2026-06-08 --format json",
    "tune prepare --store r.db --schema ticket --function app.read -o set --accept-unchecked --base m9 --min-examples 1 --format json",
)


@pytest.mark.parametrize("part", PARTS)
def test_output_on_an_import_matches_the_recording(files, part):
    """The outputs of the commands equal the recorded ones."""
    result = json.dumps(traces(PARTS[part])) + "\n"
    messages = [transcript(line.split(), command(*line.split())) for line in LINES]
    text = normalized("\n".join([result, *messages]), files)
    base = None if part == "all" else "commands/imported_all.txt"

    assert text == expected(f"commands/imported_{part.replace(' ', '_')}.txt", text, base)


def test_parts_of_the_traffic_stay_apart(files):
    """Functions that were imported as different parts have lines of their own, with the part beside each."""
    for number, (part, options) in enumerate(PARTS.items()):
        lines(files / "part.jsonl", rows(calls=300, prefix=part))
        traces(options, "part.jsonl", f"app.f{number}_{part.replace(' ', '_')}")
    messages = [
        transcript(line.split(), command(*line.split()))
        for line in (
            "report --store r.db",
            "watch --store r.db --max-failure-rate 0.1",
            "decide --store r.db",
        )
    ]
    text = normalized("\n".join(messages), files)

    assert text == expected("commands/imported_parts.txt", text)
