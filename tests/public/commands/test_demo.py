"""The command `demo`: the story on recorded replies, and that its figures are those of the store that it leaves."""

import json
import re

import pytest

from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.golden import as_told, expected, steady


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What the demo prints, and the store that it leaves."""
    url = f"sqlite:///{tmp_path_factory.mktemp('demo')}/demo.db"
    with stopped_clock():
        return command("demo", "--offline", "--store", url), url


def test_story_prints_what_it_printed(story):
    """Every figure of the story is the one that was found right."""
    told, url = story
    text = re.sub(
        r"took \d+ s",
        "took N s",
        steady(as_told(["demo", "--offline"], told), url.removeprefix("sqlite:///")),
    )

    assert text == expected("desk/demo.txt", text)


def test_story_shows_what_report_and_decide_show(story):
    """The rates and the verdict in the story are those of its store."""
    (status, out, _), url = story
    shown = re.sub(r"(?m)^ {4}", "", out)
    with stopped_clock():
        report = command("report", "--store", url)[1]
        judged, verdict, _ = command("decide", "--store", url)

    assert (status, judged) == (0, 1)
    assert f"$ schema-guard report\n{report}" in shown
    assert "PROMPTING_ENOUGH" in verdict.splitlines()[0]
    assert shown.count("USE_CONSTRAINED_DECODING") == 1


def test_store_with_calls_is_refused(story):
    """A second run in the same store ends with status 2."""
    status, out, err = command("demo", "--offline", "--store", story[1])

    assert (status, out) == (2, "")
    assert "holds calls already: expected one without" in err


@pytest.mark.costly
def test_json_has_the_figures_of_report_and_decide(tmp_path):
    """With --format json, each part is what the command of its name gives."""
    url = f"sqlite:///{tmp_path}/demo.db"
    with stopped_clock():
        found = json.loads(command("demo", "--offline", "--store", url, "--format", "json")[1])
        report = json.loads(command("report", "--store", url, "--format", "json")[1])
        verdict = json.loads(command("decide", "--store", url, "--format", "json")[1])

    assert found["report"] == report
    assert found["verdict"] == verdict
    assert found["climb"]["rungs"][0]["rung"] == found["first_verdict"]["next_rung"] == "strict_schema"
