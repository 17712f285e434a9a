"""What has been written, read again: text without its folds, what Markdown shows, what a browser makes of a page."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.page import page
from schema_guard.text import safe

VOID = {"meta", "link"}


@dataclass
class Page(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, its text, and what is not closed."""

    source: str
    tags: list = field(default_factory=list)
    texts: list = field(default_factory=list)
    open: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return one_line(" ".join(self.texts))

    def names(self):
        return {tag for tag, _ in self.tags}

    def plots(self):
        return [
            attrs["id"].removesuffix("-title") for tag, attrs in self.tags if tag == "title" and "id" in attrs
        ]


def one_line(text):
    """Give a text without its folds."""
    return " ".join(text.split())


def unmarked(markdown):
    """Give the text that Markdown shows."""
    return unescape(re.sub(r"\\([\\`*_\[|~#:.+)-])", r"\1", markdown))


def texts(value):
    """Give every text of a document, in order."""
    if isinstance(value, str):
        return [value]
    return [text for member in value for text in texts(member)] if isinstance(value, tuple) else []


def left_out(document):
    """Give what the writers do not show of a document, each by itself and in the document's order."""
    pages = (as_text(document), unmarked(as_markdown(document)), "".join(Page(page(document)).texts))
    return [text for written in pages for text in _left_out(texts(document), _bare(written))]


def _left_out(wanted, written):
    at = 0
    for text in wanted:
        result = written.find(_bare(safe(text)), at)
        if result < 0:
            yield text
        else:
            at = result + len(_bare(safe(text)))


def _bare(text):
    """Return a text without the blanks of folded lines, and without the marks of headings and comments."""
    return re.sub(r"\s|#", "", text)
