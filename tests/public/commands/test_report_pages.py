"""The page of `schema-guard report` for calls of hours, weeks, and years, and for calls without a rate."""

import json

import pytest

from schema_guard import open_store, tags
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import lines
from tests.public.decide.production import DAY, ENUM, SHAPE, Production
from tests.public.golden import expected, normalized, words_of


def hours(production):
    """Failures become more frequent within a day."""
    production.calls(120, 40, ENUM, after_s=300.0)
    production.calls(120, 4, SHAPE, after_s=300.0)


def weeks(production):
    """Two segments, with a gap of ten days between the calls of one."""
    for segment, every in (("eu", 5), ("us", 30), ("eu", 2)):
        with tags(segment=segment):
            production.calls(60, every, ENUM, after_s=DAY / 10)
        production.clock.now += 10 * DAY


def years(production):
    """One call every three days for more than two years."""
    production.calls(300, 20, ENUM, SHAPE, after_s=3 * DAY)


def raised(production):
    """Only calls without a reply."""
    production.calls(5, 0, raises=TimeoutError("slow"), after_s=60.0)


STORIES = {one.__name__: one for one in (hours, weeks, years, raised)}


@pytest.mark.parametrize("name", STORIES)
def test_words_of_the_page_match_the_recording(folder, name):
    """The words of the page and of its drawings equal the recorded ones."""
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    url = f"sqlite:///{folder}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        STORIES[name](Production(store, clock, folder))
        store.flush(60.0)
        _, out, err = command("report", "--by", "segment", "--format", "html", "--store", url)
    text = normalized(words_of(out), folder)

    assert err == ""
    assert text == expected(f"report/{name}_page.txt", text)


@needs("traces")
def test_page_of_imported_failures_has_no_rate(folder):
    """Calls that were imported as failures only have no rate of the traffic."""
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    rows = [{"id": n, "reply": "{}", "started_at": f"2026-11-02T10:0{n}:00Z"} for n in range(5)]
    lines(folder / "log.jsonl", rows)
    (folder / "s.json").write_text(json.dumps({"title": "t", "type": "object", "required": ["a"]}))
    url = f"sqlite:///{folder}/r.db"
    command(
        "store",
        "import",
        "--from",
        "auto",
        "log.jsonl",
        "--schema",
        "s.json",
        "--traffic",
        "failures",
        "--store",
        url,
    )
    status, out, _ = command("report", "--format", "html", "--store", url)
    text = normalized(words_of(out), folder)

    assert status == 0
    assert text == expected("report/imported_failures_page.txt", text)
