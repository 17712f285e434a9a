"""A document and its three writers: each shows all of it, and none of it as anything but text."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import MissingExtra
from schema_guard.report.as_markdown import as_markdown, escaped
from schema_guard.report.as_text import as_text
from schema_guard.report.document import Document, Fact, Quote, Section, Table, Tone, mapped
from schema_guard.report.page import page
from tests.report.written import Page, left_out

WORDS = st.text(min_size=1, max_size=12)


@st.composite
def tables(draw):
    columns = draw(st.integers(1, 4))
    cells = st.tuples(*[WORDS] * columns)
    left = tuple(sorted(draw(st.sets(st.integers(0, columns - 1)))))
    return Table(draw(cells), tuple(draw(st.lists(cells, max_size=3))), left)


def some(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


QUOTES = st.builds(Quote, WORDS, WORDS, st.none() | WORDS)
SECTIONS = st.builds(Section, WORDS, WORDS, st.none() | tables(), some(WORDS), some(QUOTES))
DOCUMENTS = st.builds(
    Document, WORDS, some(st.builds(Fact, WORDS, WORDS)), some(SECTIONS), st.sampled_from(Tone)
)


@given(DOCUMENTS)
def test_every_writer_shows_everything_in_one_order(document):
    """Text, Markdown and page hold every text of a document, in the document's order."""
    assert left_out(document) == []


@given(DOCUMENTS)
def test_no_writer_shows_what_does_not_print(document):
    """Whatever a document holds, every line that is written can be printed."""
    for written in (as_text(document), as_markdown(document), page(document)):
        assert all(line.isprintable() for line in written.split("\n"))


@given(DOCUMENTS)
def test_page_is_well_formed(document):
    """Nothing in a document opens or closes a tag."""
    assert Page(page(document)).open == []


@given(tables())
def test_rows_of_markdown_have_one_number_of_cells(table):
    """Whatever stands in a cell, each row of a table has the cells of its header."""
    written = as_markdown(Document("t", sections=(Section("s", table=table),)))
    rows = [line for line in written.splitlines() if line.startswith("|")]

    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {len(table.header) + 1}


def test_text_of_a_document():
    """The title, facts behind their labels, and sections with what stands in them indented."""
    document = Document(
        "title",
        (Fact("why", "so it is"),),
        (
            Section("Table", "a gloss", Table(("a", "n"), (("xyz", "1"), ("x", "1000"))), ("a line",)),
            Section(
                "Examples", quotes=(Quote("what", "why", "a reply\nof two"), Quote("nothing", "empty", None))
            ),
        ),
    )

    assert as_text(document).split("\n") == [
        "title",
        "why          so it is",
        "",
        "Table",
        "  a gloss",
        "  a       n",
        "  xyz     1",
        "  x    1000",
        "  - a line",
        "",
        "Examples",
        "  - what",
        "    why",
        r"    > a reply\nof two",
        "  - nothing",
        "    empty",
        "    > no text came back",
    ]


def test_a_command_stands_in_one_line():
    """However long it is, and wherever it stands, a command is not broken: it can be copied and run."""
    command = f"schema-guard bench run --playbook --schema FILE --function {'shop.orders.extract_' * 4} --max-failure-rate 0.01"
    text = f"if it has to stay as it is today, and nobody has found out why: {command}  # instead of waiting"
    lines = as_text(Document("t", (Fact("next", text),))).splitlines()

    assert [line.strip() for line in lines[2:]] == [command, "# instead of waiting"]


def test_long_words_are_folded_behind_their_label():
    """A fact, a line and a last column of words are folded to 110 columns, indented as they began."""
    words = " ".join(["word"] * 40)
    table = Table(("a", "b"), (("x", words),), (0, 1))
    text = as_text(Document("t", (Fact("why", words),), (Section("s", words, table, (words,)),)))

    assert max(map(len, text.splitlines())) <= 110
    assert text.count("word") == 160
    assert {line[:13].strip() for line in text.splitlines()[2:3]} == {""}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b <i> _c_", r"a\|b &lt;i&gt; \_c\_"),
        ("http://x.org", r"http\://x.org"),
        ("WWW.x.org", r"WWW\.x.org"),
        ("snake_case and 2 - 1", "snake_case and 2 - 1"),
        ("- no item", r"\- no item"),
        ("1. no item", r"1\. no item"),
        ("+12.5 [1, 2]", r"+12.5 \[1, 2]"),
        ("\x1b[2J", r"\\x1b\[2J"),
    ],
)
def test_markdown_is_escaped(text, shown):
    """What would be a mark, a tag, a link or a list in GitHub's Markdown is text."""
    assert escaped(text) == shown


def test_mapped_changes_texts_alone():
    """Texts are changed, numbers, truth and what is not there stay; the types stay too."""
    section = Section("s", "", Table(("a",), (("b",),), (0,)), ("c",), (Quote("q", "r", None),))

    assert mapped(Document("t", (Fact("l", "f"),), (section,), tone=Tone.BAD), str.upper) == Document(
        "T",
        (Fact("L", "F"),),
        (Section("S", "", Table(("A",), (("B",),), (0,)), ("C",), (Quote("Q", "R", None),)),),
        tone=Tone.BAD,
    )


def test_missing_extra_is_named(monkeypatch):
    """A page needs jinja2, and the error names the extra."""
    assert page(Document("t")).startswith("<!doctype html>")
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtra) as caught:
        page(Document("t"))

    assert str(caught.value) == "a page needs jinja2. Run pip install 'schema-guard[report]'"
