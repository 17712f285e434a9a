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
from schema_guard.report.decision.sensitivity import sensitivities
from schema_guard.text import dollars, percent
from tests.public.decide.examples import economics, exhausted, failing, strategy
from tests.public.decide.test_laws import evidences
from tests.report.decision.examples import EVIDENCE, SEGMENTS, VERDICTS, expected_words
from tests.report.written import left_out, one_line, unmarked
from tests.thinned import costly

HOSTILE = "<script>alert(1)</script>|*b* [l](x) \x1b[2J\x9b31m\u202e\r\n# h"


def decision_as_text(verdict):
    return as_text(document_of(verdict))


def decision_as_markdown(verdict):
    return as_markdown(document_of(verdict))


def facts(verdict):
    """Give what a verdict is in figures: what stands behind each label."""
    document = document_of(verdict)
    return {"VERDICT": document.title.removeprefix("VERDICT: "), **dict(document.sections[0].table.rows)}


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
    """No amount of money is shown that neither the verdict nor its sensitivity has."""
    figures = VERDICTS[name].as_dict()
    needed = figures.get("economics", {}).get("upfront", 0) / figures["config"]["horizon_months"]
    known = {dollars(number) for number in [*numbers(figures), needed]}
    known |= {
        dollars(end) for sensitivity in sensitivities(figures) for end in (sensitivity.low, sensitivity.high)
    }
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


def test_scenario_reads_as_its_example(corpora):
    """The worked case of a justified pilot opens with the facts in the figures of the scenario."""
    scenarios = json.loads((corpora / "decision_scenarios.json").read_text(encoding="utf-8"))["scenarios"]
    verdict = decide(next(result["input"] for result in scenarios if result["id"] == "S10"))

    assert facts(verdict) | {"unmeasured": "", "exit status": ""} == {
        "VERDICT": "FINE_TUNE_JUSTIFIED (pilot) - prompting is not good enough, and tuning pays: run a pilot",
        "why": "3 of 3 tested strategies are above 1.00%; 0 steps untested; fine-tuning pays back in 2.0 months",
        "target": "at most 1.00% of the calls failed",
        "best prompt": (
            "strict_schema  70/2000 = 3.50%  [2.10%, 5.14%]  (98.3% each side; all bounds together >= 90%, at every look)"
        ),
        "retries": "f = 8.00% 56.25% 77.78%  rho 0.52  geometric would claim 0.05%, recorded 3.50%",
        "cost/call": (
            "prompt $0.005928 tokens + 2.10% x $0.50 = $0.016404 ; tuned $0.000912 tokens + 0.80% x $0.50 = $0.004912"
        ),
        "saving": "$2,198/month at 200,000 calls/month ; upfront $4,324",
        "payback": "2.0 months (pess) / 1.0 months (point) / 0.7 months (opt) ; it has to be within 6.0 months",
        "total": "$6,668 over 6.0 months ; -$697 to $31,112 with volume and failure cost each halved and doubled",
        "not given": "batch price, cache-write price, hosting by volume, re-tuning each period: not counted",
        "the bar": (
            "to pay back within 6.0 months: the tuned model may fail <= 2.28% of the calls ; volume must stay >= 71,413 "
            "calls/month ; upfront may reach $13,190"
        ),
        "flips": (
            "the answer changes with: 83,956 calls a month ; not with: failures cost nothing (4.8 months), all token "
            "prices x2 (1.4 months), the tuned model's token prices x2 (2.1 months), no prompt token is cached "
            "(1.7 months) ; base model must live >= 3.0 months"
        ),
        "unmeasured": "",
        "exit status": "",
    }


def test_more_data_says_how_many_calls_and_how_long():
    """A verdict of too few data says how many calls of what are missing and how many days they take."""
    assert facts(VERDICTS["more data"])["collect"] == (
        "7,487 more of few_shot (calls; distinct inputs where inputs repeat) ; 7.5 months (228 days) at 1,000 calls/month"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("more data, no volume", "how long that takes is not known: calls_per_month is not given"),
        ("more data, never", "no number of calls of few_shot decides it at the observed rate"),
        (
            "no data yet",
            "377 more of few_shot (calls; distinct inputs where inputs repeat) ; 0.0038 months (less than a day) at",
        ),
        ("content unclear", "more of the tuned model, known answers"),
    ],
)
def test_more_data_without_an_end(name, told):
    """Where no duration or no number is known, that is said."""
    collect = facts(VERDICTS[name])["collect"]

    assert told in collect


@pytest.mark.parametrize(
    ("name", "label", "told"),
    [
        ("playbook", "next step", "larger_model"),
        ("strict", "decoding", "20 failures are known to be of a kind that strict decoding cannot fix"),
        ("route", "tune", "scans"),
        ("route", "prompt", "mails"),
        (
            "blocked",
            "blocked",
            "train_examples: too few checked examples to tune on ; provider_closed: the provider",
        ),
        ("cost, blocked", "blocked", "train_examples: too few checked examples to tune on"),
        ("schemas", "flagged", "a"),
        ("schemas, none", "flagged", "none"),
        ("schemas, none", "VERDICT", "no schema is shown to fail too often"),
        ("no economics", "costs", "no economics are given"),
        (
            "never pays",
            "the bar",
            "failures cost nothing, so any failure rate of the tuned model pays the same",
        ),
        ("never pays", "payback", "never (pess) / never (point) / never (opt)"),
        ("too slow", "the bar", "no tuned model pays: it would have to fail -"),
        ("ship", "tuned model", "3/3000 = 0.10%"),
        ("ship", "tuned wins", "proved; it leaves ["),
        ("prompting enough", "exit status", "0 (good)"),
        ("blocked", "exit status", "1 (something has to be done)"),
    ],
)
def test_figures_say_what_matters(name, label, told):
    """In figures, too, a verdict has the line that its reader acts on."""
    assert told in facts(VERDICTS[name])[label]


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


@pytest.mark.parametrize("name", ["pilot", "ship", "too slow", "never pays"])
def test_sensitivities_start_from_the_saving(name):
    """With an assumption at its pessimistic value the saving is that of the pessimistic column."""
    figures = VERDICTS[name].as_dict()
    now = figures["economics"]["pess"]["saving_per_month"]
    starts = [sensitivity.low for sensitivity in sensitivities(figures) if sensitivity.low_change == "pess"]

    assert starts == [pytest.approx(now), pytest.approx(now)]


@pytest.mark.parametrize(
    ("swung", "change"),
    [
        ("cost of a failure", {"failure_cost": 0.8}),
        (
            "price of a tuned call",
            {"tuned_cost": economics()["tuned_cost"] | {"p_in": 2.0, "p_cached": 1.0, "p_out": 16.0}},
        ),
        (
            "price of a prompted call",
            {"prompt_cost": economics()["prompt_cost"] | {"p_in": 6.0, "p_cached": 0.6, "p_out": 42.0}},
        ),
    ],
)
def test_sensitivity_is_what_the_verdict_would_say(swung, change):
    """The saving with an assumption doubled is that of the verdict on evidence in which it is doubled."""
    (result,) = [
        sensitivity
        for sensitivity in sensitivities(decide(exhausted()).as_dict())
        if sensitivity.name == swung
    ]
    changed = decide(failing(economics=economics(**change))).as_dict()

    assert result.high == pytest.approx(changed["economics"]["pess"]["saving_per_month"])


def test_percents_of_the_playbook_are_those_of_the_rates():
    """A step that was measured shows the rate of its strategy."""
    text = decision_as_text(VERDICTS["pilot"])
    rate = VERDICTS["pilot"].as_dict()["rates"]["few_shot"]
    (row,) = [line for line in text.splitlines() if line.split()[:2] == ["few_shot", "tested"]]

    assert f"120/2000 = {percent(rate['rate'])}" in row
