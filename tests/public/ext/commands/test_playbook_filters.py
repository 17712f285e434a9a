"""Stories about `bench run --playbook` with the filters of `decide`: it asks the inputs of these calls, and decides on them."""

import json
from datetime import UTC, datetime

import pytest

from schema_guard import open_store, tags
from schema_guard.testing import serve
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.printed import commands_in
from tests.public.decide.production import DAY, GOOD, SHAPE, Production

pytestmark = needs("playbook", "loopback")


@pytest.fixture
def story(tmp_path, monkeypatch):
    """A production whose store keeps texts, and whose model is a server that always replies well."""
    monkeypatch.setenv("OPENAI_API_KEY", "dummy")
    with (
        stopped_clock() as clock,
        open_store(f"{tmp_path}/records.db?payload=redacted") as store,
        serve(lambda _: GOOD) as server,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        story = Production(store, clock, tmp_path)
        story.server = server
        yield story


def record(story, calls, every, segment=None):
    """Call the function of the story with texts that begin with the name of the segment."""
    with tags(segment=segment):
        story.calls(calls, every, SHAPE, provider="openai")


def day(at):
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def printed_by_decide(story, *options):
    """Return the playbook that `decide` prints as the next step."""
    text = json.loads(story.run("decide", *options, "--format", "json")[1])["next_step"]
    return commands_in(text)[-1].strip()


def run(line):
    """Run a printed command in this process."""
    return command(*line.removeprefix("schema-guard ").split(), "--format", "json")


def asked(story):
    """Return the numbers of the inputs that reached the server."""
    return {int(request.body["messages"][-1]["content"].split()[-1]) for request in story.server.requests}


def test_the_playbook_of_a_segment_asks_the_inputs_of_the_segment(story):
    """One segment fails a tenth of its calls. Its playbook has the segment, and sends no input of the other one."""
    record(story, 400, 10, "eu")
    record(story, 400, 0, "us")
    line = printed_by_decide(story, "--segment", "eu", "--max-failure-rate", "2%")
    assert "--segment eu" in line

    result = json.loads(run(f"{line} --max-calls 300")[1])

    assert asked(story) <= set(range(400))
    assert result["verdict"]["verdict"] == "PROMPTING_ENOUGH"
    assert "--segment eu" in printed_by_decide(story, "--segment", "eu", "--max-failure-rate", "0.001%")


def test_the_playbook_since_a_day_asks_the_inputs_since_that_day(story):
    """Failures begin on the second day. The playbook has the day, and sends no earlier input."""
    record(story, 500, 0)
    story.clock.now += DAY
    start = day(story.now)
    record(story, 400, 10)
    line = printed_by_decide(story, "--since", start, "--max-failure-rate", "2%")
    assert f"--since {start}" in line

    run(f"{line} --max-calls 300")

    assert asked(story) <= set(range(500, 900))
    assert len(asked(story)) > 100


def test_a_trial_counts_for_the_calls_before_its_end(story):
    """The calls end before the trial begins. The next `decide` with the same end knows the trial."""
    record(story, 400, 10)
    end = day(story.now)
    story.clock.now += DAY
    record(story, 50, 0)
    options = ("--until", end, "--max-failure-rate", "2%")
    line = printed_by_decide(story, *options)
    assert f"--until {end}" in line

    result = json.loads(run(f"{line} --max-calls 300")[1])
    again = json.loads(story.run("decide", *options, "--format", "json")[1])

    assert asked(story) <= set(range(400))
    assert result["verdict"]["verdict"] == again["verdict"] == "PROMPTING_ENOUGH"
    assert again["switch_to"] == result["verdict"]["switch_to"]


def test_filters_that_leave_no_call_report_the_other_calls(story):
    """Nothing is sent."""
    record(story, 20, 0)

    status, _, err = command(
        "bench", "run", "--playbook", "--function", "shop.extract", "--since", "1999-01-01", "--until", "1999-01-02",
        "--store", story.store.url,
    )  # fmt: skip

    assert status == 2
    assert "no calls of function 'shop.extract' since 1999-01-01" in err
    assert "20 later calls are recorded" in err
    assert story.server.requests == []


def test_filters_need_the_calls_of_a_function(story):
    """A suite has no calls to choose from."""
    status, _, err = command(
        "bench", "run", "--playbook", "--schema", "invoice", "--segment", "eu", "--store", "none", "--dry-run"
    )

    assert (status, err) == (2, "schema-guard: --segment needs --function\n")


def test_filters_choose_the_texts_that_are_counted(story):
    """The store keeps texts of one segment only. The playbook of the other one says that it has none."""
    with open_store(story.store.url) as silent:
        texts, story.store = story.store, silent
        record(story, 30, 0, "us")
        story.store = texts
    record(story, 20, 0, "eu")
    line = f"schema-guard bench run --playbook --function shop.extract --segment us --store {story.store.url}"

    result = json.loads(run(line)[1])

    assert (result["calls"], result["texts"]) == (30, 0)
