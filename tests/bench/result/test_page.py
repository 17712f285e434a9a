"""A result as a page: one file that loads and runs nothing, shows every figure, and lets no reply be markup."""

import json
import re
import sys
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given

from schema_guard.bench.result.as_json import result_file, result_from_json
from schema_guard.bench.result.document import document_of
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.result.page import result_page
from schema_guard.errors import MissingExtra
from tests.bench.simulated_runs import FAILURES, run_of, runs, scored, simulated
from tests.report.browser import needs_chromium, seen_by_chromium
from tests.report.test_drawing import boxes, faults
from tests.report.written import Page, left_out
from tests.thinned import examples

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\x9b31m\u202e\r\n\x00{{ 7 * 7 }}"
RESULT = result_of(
    simulated(
        3, {"system_prompt": 0.5, "few_shot": 0.2, "strict_schema": 0.05}, tasks=60, schemas=8, epochs=2
    )
)
MANY = result_of(
    simulated(
        1,
        {f"http://localhost:8000/v1#a-model-with-a-long-name-{n} strict_schema": 0.05 * n for n in range(12)},
        tasks=120,
        schemas=40,
    )
)
LOST_AFTER_FAILURE = result_of(run_of(scored("t1", "a", "lost", failures=FAILURES[:1]), scored("t1", "b")))


def hostile():
    failed = FAILURES[1]._replace(
        code=HOSTILE, keyword=HOSTILE, location=f"/{HOSTILE}", message=HOSTILE, reply=HOSTILE
    )
    calls = (
        scored("t1", HOSTILE, "failed", schema=HOSTILE, group=HOSTILE, failures=(failed,)),
        scored(HOSTILE, HOSTILE, "lost", error=HOSTILE),
        scored("t1", "b", schema=HOSTILE),
    )
    return result_of(run_of(*calls, suite=HOSTILE, currency=HOSTILE, stopped=(HOSTILE,)))


@given(runs())
@examples(6)
def test_any_result_has_a_page(run):
    """Whatever was run, its page is well formed and shows nothing that cannot be printed."""
    page = Page(result_page(result_of(run)))

    assert page.open == []
    assert all(text.replace("\n", "").isprintable() for text in page.texts)


@given(runs())
@examples(6)
def test_every_writer_shows_all_of_it(run):
    """Text, Markdown and page leave nothing of a result's document out, not even of the whole one."""
    assert left_out(document_of(result_of(run), examples=True)) == []


def test_replies_are_text():
    """A hostile reply, name or error is shown escaped, and adds no tag, attribute or template to the page."""
    page, plain = Page(result_page(hostile())), Page(result_page(RESULT))
    text = "".join(page.texts)

    assert page.open == []
    assert page.names() <= plain.names()
    assert {key for _, attrs in page.tags for key in attrs} <= {
        key for _, attrs in plain.tags for key in attrs
    }
    assert r"""<img src=x onerror=alert(1)>\x1b[2J\x9b31m\u202e\r\n\x00{{ 7 * 7 }}""" in text
    assert not any(character in text for character in "\x1b\x9b\u202e\x00")


def test_page_refers_to_nothing_outside():
    """No attribute names another file or host, and there is nothing to run."""
    source = result_page(RESULT)
    page = Page(source)
    references = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("href", "src")]

    assert all(reference.startswith("#") for reference in references)
    assert "http" not in source.replace("http-equiv", "")
    assert page.names().isdisjoint({"script", "iframe", "object", "embed", "link", "img", "base", "form"})
    assert not any(key.startswith("on") or key == "style" for _, attrs in page.tags for key in attrs)


def test_policy_forbids_everything_but_the_style_sheet():
    """The page's policy lets nothing load and nothing run, and the hash is that of its style sheet."""
    source = result_page(RESULT)
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    wanted = b64encode(sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{wanted}'; img-src data:; base-uri 'none'" in source


@pytest.mark.costly
def test_page_is_deterministic():
    """The same result gives the same bytes, also when it was read from its file."""
    assert result_page(result_from_json(json.loads(result_file(RESULT)))) == result_page(RESULT)


def test_page_has_every_table():
    """All sections are there: figures, differences, parts of the suite, failures, gaps and examples."""
    headings = re.findall("<h2><a [^>]*>(.*?)</a></h2>", result_page(RESULT))

    assert headings == [
        "Format",
        "Failed attempts",
        "Content",
        "Tokens, time, and cost",
        "Differences",
        "Calls without a valid value, by difficulty",
        "Calls without a valid value, by group",
        "Calls without a valid value, by schema",
        "Not measured",
        "Examples of failed attempts",
    ]


@pytest.mark.parametrize(
    ("result", "plots"),
    [
        (RESULT, ["rates", "right"]),
        (result_of(run_of(scored("t1", how="lost"))), []),
        (LOST_AFTER_FAILURE, ["rates", "right"]),
        (result_of(run_of(variants=["a"])), []),
    ],
    ids=["all", "all lost", "no failure but of a lost variant", "no calls"],
)
def test_plots_that_have_data_are_drawn(result, plots):
    """Each plot with data is drawn; of each other one a line says what is missing."""
    page = Page(result_page(result))

    assert page.plots() == plots
    assert page.text.count("No plot") == 2 - len(plots)


def test_plots_use_the_colours_of_the_page():
    """Every colour in a plot is one of the page's, so that it has one value in light and one in dark."""
    source = result_page(RESULT)
    colours = {attrs[key] for _, attrs in Page(source).tags for key in ("fill", "stroke") if key in attrs}
    declared = set(re.findall(r"(--[a-z0-9]+):", source))

    assert {colour for colour in colours if colour != "none"} <= {f"var({name})" for name in declared}


@pytest.mark.costly
def test_stopped_run_is_no_good_one():
    """A run that was stopped says why on its first screen, which is marked; one that was not has figures."""
    one = result_of(run_of(scored("t1")))
    stopped = replace(one, setup=replace(one.setup, stopped=("interrupted",)))

    assert '<h1 class="plain">' in result_page(one)
    assert '<h1 class="open">' in result_page(stopped)
    assert "<dt>stopped</dt><dd>interrupted</dd>" in result_page(stopped)


def test_details_are_folded():
    """The first screen has the sentence, what to do next and two plots. Every table is below it, folded."""
    before, after = result_page(RESULT).split('<details class="rest" id="all">')

    assert "strict_schema fails less often than system_prompt: 5.8% of its calls" in before
    assert re.search("about [0-9]+ more tasks would show whether strict_schema or few_shot is better", before)
    assert Page(before).plots() == ["rates", "right"]
    assert "<section" not in before
    assert after.split("</details>")[1].count("<") == 3


@pytest.mark.costly
def test_labels_stand_clear():
    """With twelve variants of long names no label stands upon another or past the edge, and no two rows look alike."""
    plots = re.findall(r"<svg.*?</svg>", result_page(MANY), re.DOTALL)
    names = [[text for *_, text in boxes(svg) if "strict_schema" in text] for svg in plots]

    assert [fault for svg in plots for fault in faults(svg)] == []
    assert [len(set(result)) for result in names] == [12, 12]


def test_missing_extra_is_named(monkeypatch):
    """Without its packages the page says which one is missing and how to get it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtra) as caught:
        result_page(RESULT)

    assert str(caught.value) == "result_page needs jinja2. Run pip install 'schema-guard[report]'"


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("result", [RESULT, MANY, hostile()], ids=["few", "many", "hostile"])
def test_page_in_a_browser(result, width, tmp_path):
    """In a browser nothing is wider than the page, on a phone as on a desk, and nothing is fetched."""
    seen = seen_by_chromium(result_page(result), width, tmp_path)

    # A scroll bar takes 15 pixels.
    assert seen.width in (width, width - 15)
    assert seen.content == seen.width
    assert seen.overlaps == []
    assert (seen.fetched, seen.asked) == ([], {"/", "/page.html"})
