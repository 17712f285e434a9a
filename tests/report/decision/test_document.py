"""A verdict as text and as Markdown: everything is there, once, in the figures' own words."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide import decide
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.decision import document_of
from schema_guard.text import dollars, percent
from tests.public.decide.examples import exhausted, failing, strategy
from tests.public.decide.test_laws import evidences
from tests.report.decision.examples import EVIDENCE, SEGMENTS, VERDICTS, expected_words
from tests.report.written import left_out, one_line, unmarked
from tests.thinned import costly

HOSTILE = "<script>alert(1)</script>|*b* [l](x) \x1b[2J\x9b31m\u202e\r\n# h"


def decision_as_text(verdict):
    return as_text(document_of(verdict))


def decision_as_markdown(verdict):
    return as_markdown(document_of(verdict))


def why(verdict):
    """Return the lines of the first section."""
    return document_of(verdict).sections[0].lines


@given(evidences())
def test_any_verdict_is_told_whole(evidence):
    """Whatever the verdict, text and Markdown hold every figure of it."""
    verdict = decide(evidence)
    wanted = [one_line(text) for text in expected_words(verdict.as_dict())]

    for shown in (one_line(decision_as_text(verdict)), one_line(unmarked(decision_as_markdown(verdict)))):
        assert [text for text in wanted if text not in shown] == []


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_line_is_told(name):
    """Every sentence, rate, cost, flip, note and gap of a verdict is in the text and in the Markdown."""
    verdict = VERDICTS[name]
    wanted = [one_line(text) for text in expected_words(verdict.as_dict())]

    for shown in (one_line(decision_as_text(verdict)), one_line(unmarked(decision_as_markdown(verdict)))):
        assert [text for text in wanted if text not in shown] == []


@pytest.mark.parametrize("name", costly(EVIDENCE, 4))
def test_every_writer_shows_all_of_it(name):
    """Text, Markdown and page leave nothing of a verdict's document out."""
    assert left_out(document_of(VERDICTS[name])) == []


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_amount_is_a_figure_of_the_verdict(name):
    """No amount of money is shown that the verdict does not have."""
    figures = VERDICTS[name].as_dict()
    known = {dollars(number) for number in numbers(figures)}
    known |= set(amounts(json.dumps(figures)))
    known |= {amount.removeprefix("-") for amount in known}

    assert set(amounts(decision_as_text(VERDICTS[name]))) <= known


def amounts(text):
    return re.findall(r"-?\$\d+(?:,\d{3})*(?:\.\d+)?", text)


def numbers(value):
    if isinstance(value, dict | list):
        members = value.values() if isinstance(value, dict) else value
        return [number for member in members for number in numbers(member)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("more data", "about 7,487 more calls, which arrive within 7.5 months at the current volume"),
        ("more data, no volume", "about 7,487 more calls"),
        (
            "more data, never",
            "another target, because the rate is too near this one for any number of calls to decide",
        ),
        ("no data yet", "about 377 more calls, which arrive within 3 hours at the current volume"),
        ("content unclear", "more answers"),
    ],
)
def test_more_data_says_how_many_calls_and_how_long(name, told):
    """A verdict of too few data has the number of missing calls, and the time that they take if the volume is known."""
    (text,) = [fact.text for fact in document_of(VERDICTS[name]).facts if fact.label == "needs"]

    assert text == told or (name == "content unclear" and told in text)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("strict", "20 failures are of a kind that strict decoding can't fix"),
        ("ship", "on the same inputs, the tuned model is proved to be better. Its failure rate is lower by"),
        ("blocked", "not counted, because you gave no values: batch price"),
        ("blocked", "the base model must be available for at least"),
    ],
)
def test_details_have_what_the_head_leaves_out(name, told):
    """The details have the facts that the head leaves out."""
    document = document_of(VERDICTS[name])

    assert told in " ".join(line for section in document.sections for line in section.lines)


def test_unmeasured_reasons_are_told():
    """Of the four reasons to fine-tune, those that nobody measured are listed as that."""
    lines = decision_as_text(VERDICTS["more data, no volume"]).splitlines()
    reasons = [line.split()[:4] for line in lines if line.startswith(("  cost at volume", "  latency"))]

    assert reasons == [["cost", "at", "volume", "not"], ["latency", "not", "measured", "-"]]


@pytest.mark.parametrize("name", EVIDENCE)
def test_text_fits_a_terminal(name):
    """Lines of text keep to 110 columns, except a command that is longer."""
    lines = decision_as_text(VERDICTS[name]).splitlines()

    assert [one for one in lines if len(one) > 110 and "schema-guard " not in one] == []


@pytest.mark.parametrize("render", [decision_as_text, decision_as_markdown])
def test_rendering_is_deterministic(render):
    """The same evidence gives the same text."""
    assert render(decide(EVIDENCE["ship"])) == render(decide(EVIDENCE["ship"]))


def hostile():
    """Evidence in which every name and reason is hostile."""
    refused = [{"rung": "json_mode", "status": "declined", "reason": HOSTILE}]
    segments = [{**SEGMENTS[0], "name": HOSTILE + "1"}, {**SEGMENTS[1], "name": HOSTILE + "2"}]
    return decide(
        exhausted(
            strategies=[strategy() | {"id": HOSTILE}],
            ladder=refused,
            segments=segments,
            sources=[{"name": HOSTILE, "as_of": HOSTILE}],
        )
    )


def test_text_shows_no_control_character():
    """No name or reason reaches a terminal unescaped, and none breaks a line."""
    text = decision_as_text(hostile())

    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\x1b[2J\x9b31m\u202e\r\n# h" in text


def test_markdown_shows_no_markup_of_a_name():
    """In Markdown no name opens a tag, a cell, a link or an emphasis."""
    markdown = decision_as_markdown(hostile())
    rows = [line for line in markdown.splitlines() if "script" in line and line.startswith("|")]

    assert rows
    assert "<" not in markdown
    assert r"\|\*b\* \[l](x)" in markdown
    assert all(line.isprintable() for line in markdown.split("\n"))


@given(st.text(min_size=1).filter(str.strip))
def test_any_name_keeps_tables_whole(name):
    """Whatever a strategy is called, each row of a Markdown table has the cells of its header."""
    markdown = decision_as_markdown(decide(failing(strategies=[strategy() | {"id": name}])))

    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in table.splitlines()}
        assert len(cells) == 1


def test_percents_of_the_playbook_are_those_of_the_rates():
    """A step that was measured shows the rate of its strategy."""
    text = decision_as_text(VERDICTS["pilot"])
    rate = VERDICTS["pilot"].as_dict()["rates"]["few_shot"]
    (row,) = [line for line in text.splitlines() if line.split()[:2] == ["few_shot", "tested"]]

    assert f"120/2,000 = {percent(rate['rate'])}" in row
