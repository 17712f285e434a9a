"""The command `demo`: its output on recorded replies matches the store that it leaves."""

import re

import pytest

from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.golden import expected, normalized, transcript


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Output of the demo, and the URL of its store."""
    url = f"sqlite:///{tmp_path_factory.mktemp('demo')}/demo.db"
    with stopped_clock():
        return command("demo", "--offline", "--store", url), url


def test_demo_output_matches_the_recording(story):
    """The demo's output equals the recorded one."""
    result, url = story
    text = re.sub(
        r"took \d+ s",
        "took N s",
        normalized(transcript(["demo", "--offline"], result), url.removeprefix("sqlite:///")),
    )

    assert text == expected("desk/demo.txt", text)


def test_demo_shows_the_output_of_report_and_decide(story):
    """The rates and the verdict in the demo's output are those of its store."""
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
    """A second run with the same store ends with exit status 2."""
    status, out, err = command("demo", "--offline", "--store", story[1])

    assert (status, out) == (2, "")
    assert "already contains calls. Name an empty store" in err


@pytest.mark.parametrize("width", [60, 200])
def test_demo_fits_the_terminal(tmp_path, monkeypatch, width):
    """Only code and commands to paste are wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = command("demo", "--offline", "--store", f"sqlite:///{tmp_path}/demo.db")

    is_code = re.compile(r"schema-guard [a-z]|^ +(?:@guard|return |\(?\"|\])")
    assert [line for line in out.splitlines() if len(line) > width and not is_code.search(line)] == []
