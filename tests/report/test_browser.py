"""The page of a report in a browser: hostile names are text, nothing is fetched or run, and labels stand apart."""

import re
from urllib.parse import urlencode

import jinja2
import pytest

from schema_guard.records import open_store
from schema_guard.report import report_on
from schema_guard.report.report_page import report_page
from schema_guard.text import safe
from tests.needs import needs
from tests.report.browser import dumped, needs_chromium, running, seen_by_chromium
from tests.report.test_report import CALL, CUT, TOTAL, outcome
from tests.report.written import Page

pytestmark = needs_chromium

HOUR = 3_600
# 2026-11-25 08:00 UTC.
MORNING = 1_795_593_600.0
HOSTILE = (
    "<script>parent.called = 1; alert(1)</script>",
    "\"'><img src=/asked onerror='parent.called = 1'>",
    "</title></style></svg><script src=/asked></script>",
    "</option></select><iframe src=/asked></iframe>",
    "javascript:parent.called=1//<a href=/asked>",
    "{{ 7 * 7 }}${7*7}{% raw %}&lt;&amp;&#x3c;",
    "\x1b[2J\x9b31m\x07red",
    "evil\u202egpj.exe\u2066\u200b",
    "<style>@import '/asked'</style><link rel=stylesheet href=/asked>",
)
LONG = ("x" * 4_990 + "a" + "y" * 5_009, "x" * 4_990 + "b" + "y" * 5_009)


def fill(store, *, names=HOSTILE + LONG):
    for number, name in enumerate(names):
        for hour in range(0, 24, 5):
            store.record(
                outcome(
                    100 * number + hour,
                    *((TOTAL, ...) if hour % 2 else ()),
                    function=name,
                    schema_name=names[number - 1],
                    schema_fingerprint=f"{number:016x}",
                    segment=name,
                    model=name,
                    version=name,
                    strategies=name,
                    started_at=MORNING + hour * HOUR,
                )
            )


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


def page_of(store, **how):
    report = report_on(store, hours=True, **how)
    return report_page(report)


def without_policy(source):
    """Give a page as it would be if its policy were forgotten: then its escaping stands alone."""
    result, changed = re.subn(r"<meta http-equiv=\"Content-Security-Policy\".*?>", "", source)
    assert changed == 1
    return result


def faults(seen):
    """Say what a hostile name has done."""
    results = []
    if seen.called:
        results.append("ran")
    if seen.fetched or seen.asked - {"/", "/page.html"}:
        results.append("asked")
    is_own = re.compile(r"#[fs]\d+").fullmatch
    if {"script", "img", "iframe", "link"} & set(seen.tags) or not all(map(is_own, seen.links)):
        results.append("made an element")
    text = "".join(seen.texts)
    if not all(safe(name) in text for name in HOSTILE):
        results.append("is shown otherwise")
    if any(not line.isprintable() for line in text.split("\n")):
        results.append("does not print")
    return results


@pytest.mark.costly
def test_hostile_names_are_text(store, tmp_path):
    """Names of functions, schemas, segments, models, versions and strategies stand on the page as they are, and do nothing."""
    fill(store)

    assert faults(seen_by_chromium(page_of(store), 400, tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("by", ["function", "segment", "model", "version"])
def test_escaping_alone_is_enough(store, tmp_path, by):
    """Also without the page's policy nothing of a name is run or fetched."""
    fill(store)

    assert faults(seen_by_chromium(without_policy(page_of(store, by=by)), 1_200, tmp_path)) == []


@pytest.mark.slow
def test_without_escaping_it_would_be_seen(store, tmp_path, monkeypatch):
    """With escaping switched off, the tests above fail: by what is run, and under the policy by what is not text."""
    fill(store)

    class Unescaped(jinja2.Environment):
        def __init__(self, **settings):
            super().__init__(**{**settings, "autoescape": False})

    monkeypatch.setattr(jinja2, "Environment", Unescaped)
    source = page_of(store)

    assert {"ran", "asked", "made an element"} <= set(
        faults(seen_by_chromium(without_policy(source), 400, tmp_path))
    )
    under_policy = faults(seen_by_chromium(source, 400, tmp_path))
    assert "ran" not in under_policy
    assert "made an element" in under_policy


@pytest.mark.slow
@needs("serving")
def test_live_page_is_read_again(store, tmp_path):
    """The address leads to the page, whose script reads it again; hostile names do nothing there either, also when chosen."""
    fill(store)
    from schema_guard.ext.serving.command import LiveReport
    from schema_guard.ext.serving.server import PageServer

    asked = []
    live = LiveReport(store, lambda text: None)

    def answer(query):
        asked.append(query)
        if len(asked) == 2:
            store.record(outcome(9_999, TOTAL, function="came.later", started_at=MORNING))
        return live(query)

    start = urlencode({"by": "function", "since": HOSTILE[0]})
    with PageServer(answer, start=start) as server, running(server):
        result = dumped(server.url, tmp_path, after_ms=20_000)
    shown = Page(result[result.index("<html") :])

    assert len(asked) > 2
    assert set(asked) == {start}
    assert "came.later" in shown.text
    assert "read at" in shown.text
    assert "alert(1)" in shown.text
    assert len([tag for tag, _ in shown.tags if tag == "script"]) == 1
    assert {"img", "iframe"}.isdisjoint(shown.names())


def long_history(store):
    number = 0
    for day in range(400):
        for _ in range(0 if 120 < day < 150 else 3):
            number += 1
            failed = number % (9 if day > 300 else 71) == 0
            store.record(
                outcome(number, *((TOTAL, ...) if failed else ()), started_at=MORNING + day * 24 * HOUR)
            )


def several(store):
    for number in range(400):
        failures = [(), (TOTAL,), (CUT, TOTAL, ...), ()][number % 4 if number % 3 else 0]
        name = f"shop.orders.{'a_part_of_a_very_long_name_' * (number % 3)}{'abcde'[number % 5]}"
        store.record(
            outcome(
                number,
                *failures,
                function=name,
                model=f"m{number % 2}",
                started_at=MORNING + number % 70 * 7_000,
            )
        )


def clean(store):
    for number in range(200):
        store.record(outcome(number, function=CALL.function, started_at=MORNING + number % 40 * HOUR))


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1_200])
@pytest.mark.parametrize("made", [clean, several, long_history, fill])
def test_page_fits(store, tmp_path, width, made):
    """On a phone as on a desk nothing is wider than the page, no label stands on another one, and nothing is fetched."""
    made(store)
    seen = seen_by_chromium(page_of(store), width, tmp_path)

    # A scroll bar takes 15 pixels.
    assert seen.width in (width, width - 15)
    assert seen.content == seen.width
    assert seen.overlaps == []
    assert (seen.fetched, seen.asked) == ([], {"/", "/page.html"})
