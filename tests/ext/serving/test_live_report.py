"""The page that follows a store: what can be chosen of it, and what becomes of a store that goes away."""

import re
from urllib.parse import urlencode

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.serving.command import LiveReport, chosen_in, query_of
from schema_guard.records import open_store, resolve_store
from tests.report.test_report import TOTAL, outcome
from tests.report.written import Page

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[2J\u202e{{ 7 * 7 }}"


def since(text):
    if text not in ("1h", "0"):
        raise InvalidArgument(f"--since {text!r}: expected a date")
    return 0.0


@pytest.fixture
def store(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/records.db", durability="sync") as opened:
        for number, (function, segment) in enumerate([("a.f", "eu"), ("a.f", None), ("b.g", "us")]):
            opened.record(
                outcome(number, *((TOTAL, ...) if number else ()), function=function, segment=segment)
            )
        yield opened


@pytest.fixture
def live(store):
    return LiveReport(store, since)


def chosen(page):
    """What the page's form has selected."""
    result, name = {}, None
    for tag, attrs in page.tags:
        name = attrs["name"] if tag == "select" else name
        if tag == "option" and "selected" in attrs:
            result[name] = attrs["value"]
    return result


def test_page_has_the_figures_and_the_choices(live):
    """The page has what the static one has, and a form with all that the store has."""
    answer = live("")
    page = Page(answer.page)

    assert answer.status == 200
    assert page.open == []
    assert page.plots() == ["trend0", "trend1"]
    assert "functions have failed calls. The worst is b.g: 100% of calls" in page.text
    options = [attrs["value"] for tag, attrs in page.tags if tag == "option"]
    assert {"a.f", "b.g", "invoice", "eu", "us", "(no segment)", "24h", "version"} <= set(options)
    assert chosen(page) == {"function": "", "schema": "", "segment": "", "since": "", "by": "function"}


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ({"function": "b.g"}, "b.g: 100% of calls"),
        ({"segment": "eu", "by": "segment"}, "eu: 0% of calls"),
        ({"schema": "invoice", "since": "1h"}, "The worst is b.g: 100% of calls"),
        ({"by": "model"}, "m1 system_prompt (function b.g)"),
    ],
)
def test_choices_narrow_it(live, asked, title):
    """What is chosen is what is shown, and stays chosen."""
    page = Page(live(urlencode(asked)).page)

    assert title in page.text
    assert chosen(page).items() >= asked.items()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("function=c.h", "no function 'c.h' is recorded"),
        ("since=yesterday", "--since 'yesterday': expected a date"),
        ("by=colour", "by='colour': expected one of function"),
        ("store=/etc/passwd", "'store': expected one of function, schema, segment, since, until, by"),
        ("functoin=a", "Did you mean 'function'?"),
        ("function=a.f&function=b.g", "the parameter function of the address: expected one value, got several"),
        ("&".join("by=a" for _ in range(20)), "the query of the address is invalid: expected name=value pairs"),
        ("function=%ff", "the query of the address is invalid: expected name=value pairs"),
        (urlencode({"function": HOSTILE}), "no function"),
        (urlencode({HOSTILE: "x"}), "expected one of"),
        ("function=" + "x" * 10_000, "no function"),
        ("since=" + "9" * 5_000 + "d", "expected a date"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(live, query, said):
    """A choice that is none is a page that says so, with nothing of it as markup."""
    answer = live(query)
    page = Page(answer.page)

    assert answer.status == 400
    assert said in page.text
    assert page.open == []
    assert page.names().isdisjoint({"img", "b"})
    assert len(re.findall("<script", answer.page)) == 1


@pytest.mark.costly
def test_hostile_names_are_text(store, live):
    """Names of functions, schemas, segments and models add no tag, attribute or line to the page or its form."""
    plain = {(tag, *attrs) for tag, attrs in Page(live("").page).tags}
    store.record(outcome(9, TOTAL, function=HOSTILE, schema_name=HOSTILE, segment=HOSTILE, model=HOSTILE))
    for by in ("function", "segment", "model", "version"):
        page = Page(LiveReport(store, since)(f"by={by}").page)

        assert page.open == []
        assert {(tag, *attrs) for tag, attrs in page.tags} <= plain
        assert r"<img src=x onerror=alert(1)>\x1b[2J\u202e{{ 7 * 7 }}" in page.text


@pytest.mark.costly
def test_a_name_with_a_control_character_can_be_chosen(store):
    """The value of a choice is the name itself, so that it is found again."""
    store.record(outcome(9, TOTAL, function="a\u202eb"))
    page = Page(LiveReport(store, since)("").page)
    (value,) = [attrs["value"] for tag, attrs in page.tags if tag == "option" and "\u202e" in attrs["value"]]

    text = Page(LiveReport(store, since)(urlencode({"function": value})).page).text
    assert r"a\u202eb: 0% of calls" in text
    assert "b.g: " not in text


@pytest.mark.costly
def test_new_calls_are_shown(store):
    """Each page is read from the store as it is."""
    live = LiveReport(store, since)
    before = live("").page
    store.record(outcome(9, TOTAL, function="c.new"))

    assert ("c.new" in before, "c.new" in live("").page) == (False, True)


@pytest.mark.costly
def test_a_store_that_goes_away_is_said(tmp_path):
    """A file that is removed has no data, one that is no store is an error; the page says so and comes back."""
    path = tmp_path / "records.db"
    with open_store(str(path)) as store:
        store.record(outcome(1))
    live = LiveReport(open_store(str(path)), since)
    aside = path.rename(tmp_path / "aside.db")
    gone = live("")
    path.write_text("no database " * 100)
    broken = live("")
    path.unlink()
    aside.rename(path)

    assert (gone.status, "no data, because no guarded call is recorded" in Page(gone.page).text) == (
        200,
        True,
    )
    assert (broken.status, str(path) in Page(broken.page).text) == (503, True)
    assert "extract: 0% of calls" in Page(live("").page).text


@pytest.mark.costly
def test_reading_leaves_the_store_as_it_is(tmp_path):
    """However often the page is asked for, no byte of the store changes, and no file is made beside it."""
    path = tmp_path / "records.db"
    with open_store(str(path)) as store:
        store.record(outcome(1))
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    live = LiveReport(resolve_store(str(path)), since)
    for by in ("function", "segment", "model", "version"):
        assert live(f"by={by}").status == 200

    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


@pytest.mark.parametrize("given", [{}, {"function": "a b&c=d#é\u202e", "since": None, "by": "model"}])
def test_a_query_is_read_as_it_was_written(given):
    """What the command line chose comes back out of the address."""
    assert chosen_in(query_of(**given)) == {name: value for name, value in given.items() if value}


def test_policy_allows_our_own_script_alone(live):
    """The script and the style of the page are allowed by their hashes, and nothing else is."""
    answer = live("")

    assert f'content="{answer.policy}"' in answer.page
    assert "'unsafe-" not in answer.policy
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; connect-src 'self'; img-src data:; "
        r"base-uri 'none'; form-action 'self'",
        answer.policy,
    )
