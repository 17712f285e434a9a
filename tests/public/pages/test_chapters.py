"""The chapters have one form, a chapter for every command, links that lead somewhere, and a map that is the tree."""

import re
from pathlib import Path

import pytest

from tests.needs import needs
from tests.public.commands.command_lines import COMMANDS, LEAVES
from tests.public.commands.test_help import commands_in
from tests.public.pages.blocks import CHAPTERS, PAGES, README, ROOT

PACKAGE = ROOT / "schema_guard"
OPENING = re.compile(
    r"# (?P<title>[^\n]+)\n\n(?P<about>[^\n]+\.)\n\n<!-- commands:(?P<commands>[^\n]*) -->\n\n"
)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")


def opening_of(chapter):
    return OPENING.match(chapter.read_text(encoding="utf-8"))


def anchors_of(page):
    """Give the anchors of a page's headings, as GitHub makes them; blocks have none."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    }


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_begins_with_a_title_a_sentence_and_its_commands(chapter):
    """`schema-guard help` shows the first two, and finds a chapter by the third."""
    assert opening_of(chapter)


def test_no_chapter_documents_a_command_that_another_does_or_that_is_gone():
    """That every command has a chapter is a test of `help`."""
    documented = [name for chapter in CHAPTERS for name in commands_in(opening_of(chapter)["commands"])]

    assert len(set(documented)) == len(documented)
    assert set(documented) <= {*COMMANDS, *LEAVES}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(page):
    """A link names a file that is there, and a heading that is in it."""
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / link["path"]).resolve() if link["path"] else page

        assert target.exists(), link[0]
        assert not link["anchor"] or link["anchor"] in anchors_of(target), link[0]


def test_the_front_page_links_to_every_chapter():
    """Nothing is written that nobody finds."""
    linked = {Path(link["path"]).name for link in LINK.finditer(README.read_text(encoding="utf-8"))}

    assert {chapter.name for chapter in CHAPTERS} <= linked


def test_benchmarks_name_results_that_exist():
    """A reader can open each result that the page of benchmarks names."""
    text = (PACKAGE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    results = set(re.findall(r"\d{4}-\d\d-\d\d-[\w-]+\.(?:txt|json)", text))

    assert results
    assert {path.name for path in (ROOT / "benchmarks" / "results").iterdir()} >= results


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_hosted_model_is_named_as_if_it_would_last(page):
    """A page says MODEL: names of hosted models are gone before the page is. A dated result names what it measured."""
    text = re.sub(r"(?m)^ends  .*$", "", page.read_text(encoding="utf-8"))
    text = re.sub(r"(?s)<!-- benchmarks/results/[^>]*-->\n```text\n.*?```", "", text)

    assert not re.findall(r"gpt-\d\S*|claude-\S+|gemini-\d\S*", text)


@needs("loopback")
def test_the_checklists_name_files_that_are_there():
    """What contributing.md sends somebody to exists; NAME stands for what is new."""
    text = (PACKAGE / "docs" / "contributing.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:schema_guard|tests|schemas|\.ci)/[^`\s]*)", text)

    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []
