"""A verdict as a page: one file that loads and runs nothing, shows every figure, and lets no name be markup."""

import re
import sys
from base64 import b64encode
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given

from schema_guard.decide import decide
from schema_guard.errors import MissingExtra
from schema_guard.report.decision.page import decision_page
from tests.public.decide.examples import economics, failing, strategy
from tests.public.decide.test_laws import evidences
from tests.report.browser import needs_chromium, seen_by_chromium
from tests.report.decision.examples import EVIDENCE, VERDICTS, expected_words
from tests.report.decision.test_document import HOSTILE, hostile
from tests.report.written import Page, one_line
from tests.thinned import examples, thinned


@cache
def page_of(name):
    """The page of an example: it is drawn once."""
    return decision_page(VERDICTS[name])


@pytest.mark.costly
@given(evidences())
@examples(6)
def test_any_verdict_has_a_page(evidence):
    """Whatever the verdict, its page is well formed and holds every figure of it."""
    verdict = decide(evidence)
    page = Page(decision_page(verdict))

    assert page.open == []
    wanted = [one_line(text.replace("# ", "")) for text in expected_words(verdict.as_dict())]
    assert [text for text in wanted if text not in page.text] == []


@pytest.mark.parametrize("name", thinned(EVIDENCE, 5))
def test_every_line_is_told(name):
    """Every sentence, rate, cost, flip, note and gap of a verdict is on its page."""
    page = Page(page_of(name))

    assert page.open == []
    assert [
        text
        for text in expected_words(VERDICTS[name].as_dict())
        if one_line(text.replace("# ", "")) not in page.text
    ] == []


@pytest.mark.parametrize("name", ["pilot", "no economics", "schemas"])
def test_page_refers_to_nothing_outside(name):
    """No attribute and no style names another file or host, and there is nothing to run."""
    source = page_of(name)
    page = Page(source)
    references = [
        value
        for _, attrs in page.tags
        for key, value in attrs.items()
        if key in ("href", "src", "xlink:href")
    ]

    assert all(reference.startswith("#") for reference in references)
    assert "http" not in source.replace("http-equiv", "")
    assert "url(" not in source
    assert "@import" not in source
    assert page.names().isdisjoint({"script", "iframe", "object", "embed", "link", "img", "base", "form"})
    assert not any(key.startswith("on") or key == "style" for _, attrs in page.tags for key in attrs)


def test_policy_forbids_everything_but_the_style_sheet():
    """The page's policy lets nothing load and nothing run, and the hash is that of its style sheet."""
    source = page_of("pilot")
    policies = [
        attrs["content"]
        for tag, attrs in Page(source).tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    wanted = hash_of(style)

    assert policies == [
        f"default-src 'none'; style-src 'sha256-{wanted}'; img-src data:; base-uri 'none'; form-action 'none'"
    ]


def hash_of(style):
    return b64encode(sha256(style.encode()).digest()).decode()


def test_names_are_text():
    """A hostile name is shown as it is written, and adds no tag and no attribute to the page."""
    page = Page(decision_page(hostile(), title=HOSTILE))
    plain = Page(page_of("route"))

    assert page.open == []
    assert page.names() == plain.names()
    assert {key for _, attrs in page.tags for key in attrs} == {
        key for _, attrs in plain.tags for key in attrs
    }
    assert r"<script>alert(1)</script>|*b* [l](x) \x1b[2J\x9b31m\u202e\r\n# h" in page.text
    assert not any(c in "".join(page.texts) for c in "\x1b\x9b\u202e")


def test_names_in_letters_of_any_script_are_drawn():
    """A name in letters that the font for measuring lacks, or with dollar signs, is drawn as it is."""
    name = "漢字 $x^2$ \\frac"
    page = Page(decision_page(decide(failing(strategies=[strategy() | {"id": name}]))))

    assert page.texts.count(name) >= 2


@pytest.mark.costly
def test_page_is_deterministic():
    """The same verdict gives the same bytes, also after another page was made."""
    first = decision_page(decide(EVIDENCE["pilot"]))
    decision_page(VERDICTS["ship"])

    assert decision_page(decide(EVIDENCE["pilot"])) == first


@pytest.mark.parametrize(
    ("name", "plots"),
    [
        ("pilot", ["rates", "costs"]),
        ("never pays", ["rates", "costs"]),
        ("no economics", ["rates"]),
        ("schemas", ["rates"]),
        ("no data yet", []),
    ],
)
def test_plots_that_have_data_are_drawn(name, plots):
    """Each plot with data is drawn; of each other one a line says what is missing."""
    page = Page(page_of(name))

    assert page.plots() == plots
    assert page.text.count("No plot") == 3 - len(plots)


def test_plots_tell_their_content_in_words():
    """Each plot has a title and a description that its element refers to, and the description has the figures."""
    page = Page(page_of("pilot"))
    labels = [attrs["aria-labelledby"].split() for tag, attrs in page.tags if tag == "svg"]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert [label for pair in labels for label in pair if label not in ids] == []
    assert len(ids) == len(set(ids))
    assert "Target 1%. few_shot: 6%, above [4.1%, 7.9%]." in page.text


def test_plots_use_the_colours_of_the_page():
    """Every colour in a plot is one of the page's, so that it has one value in light and one in dark."""
    source = decision_page(VERDICTS["pilot"])
    colours = {attrs[key] for _, attrs in Page(source).tags for key in ("fill", "stroke") if key in attrs}
    declared = set(re.findall(r"(--[a-z0-9]+):", source))

    assert {colour for colour in colours if colour != "none"} <= {f"var({name})" for name in declared}


@pytest.mark.costly
def test_free_tuning_is_drawn():
    """Where nothing is paid once or monthly the lines meet at no call, and there is a plot all the same."""
    money = economics(upfront={}, hosting_per_month=0, refresh_per_month=0)

    assert "costs" in Page(decision_page(decide(failing(economics=money)))).plots()


def test_title_is_shown():
    """The page is called what its maker calls it, else after its verdict."""
    assert "<title>Invoices &amp; more</title>" in decision_page(VERDICTS["pilot"], title="Invoices & more")
    assert "<title>schema-guard: VERDICT: FINE_TUNE_JUSTIFIED (pilot) - prompting" in decision_page(
        VERDICTS["pilot"]
    )


def test_missing_extra_is_named(monkeypatch):
    """Without its packages the page says which one is missing and how to get it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtra) as caught:
        decision_page(VERDICTS["pilot"])

    assert str(caught.value) == "decision_page needs jinja2. Run pip install 'schema-guard[report]'"


@pytest.mark.parametrize("name", thinned(EVIDENCE, 5))
def test_the_headline_is_a_sentence(name):
    """The first screen says the verdict in plain words, and below it the first lines of the head with their numbers."""
    source = page_of(name)
    (text,) = re.findall(r"<h1 class=\"(?:pass|fail|open)\">(.*?)</h1>", source)
    lines = re.findall(r"<p class=\"line\">(.*?)</p>", source)

    assert text.endswith(".")
    assert "_" not in text
    assert any(re.search(r"[0-9]", line) for line in lines)


@pytest.mark.parametrize("name", thinned(EVIDENCE, 5))
def test_all_details_are_folded(name):
    """Every section stands in the one part that is folded, and no plot of the first screen does."""
    source = page_of(name)
    before, after = source.split('<details class="rest" id="all">')

    assert "<section" not in before
    assert after.split("</details>")[1].count("<") == 3


def test_undecided_is_not_green():
    """What is not decided has a colour of its own, and so has what is proved."""
    assert '<h1 class="open">' in page_of("more data")
    assert '<h1 class="pass">' in page_of("prompting enough")
    assert '<h1 class="fail">' in page_of("playbook")


HOURS = [(1_780_000_000 // 3_600 * 3_600 + hour * 3_600, 40, hour % 7 == 0) for hour in range(0, 700, 2)]


@pytest.mark.costly
def test_the_rate_over_time_comes_first():
    """With hours the first plot is the rate over time, with its target and its changes in words."""
    changes = (("rise", HOURS[200][0]), ("fall", HOURS[300][0]))
    page = Page(decision_page(VERDICTS["playbook"], hours=HOURS, changes=changes))

    assert page.plots()[:2] == ["trend", "rates"]
    assert "Dashed line: the target. ▲: the rate rose. ▼: the rate fell." in page.text


@pytest.mark.costly
@needs_chromium
@pytest.mark.parametrize("width", [400, 1200])
def test_no_label_lies_on_another(tmp_path, width):
    """On a phone and on a slide nothing is wider than the page, and no label lies on another one or sticks out."""
    names = [f"shop.orders.{'x' * 60}{letter}" for letter in "ab"]
    many = [strategy("few_shot", 2000, 120) | {"id": name} for name in names]
    verdict = decide(failing(economics=economics(), strategies=many))
    seen = seen_by_chromium(
        decision_page(verdict, hours=HOURS, changes=[("rise", HOURS[200][0])]), width, tmp_path
    )

    assert seen.content <= seen.width
    assert seen.overlaps == []
    assert seen.called == 0
