# SPDX-License-Identifier: Apache-2.0
"""A document as one static page, with plots of the same figures.

Rules: The page is one file that loads nothing and runs nothing, and its policy forbids both. The template escapes every
text. Only our own style sheet, script, and drawings are not escaped. The same document gives the same bytes. A page that
follows its store is the same page with our script, which requests it again from its own server.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import missing_extra
from schema_guard.report.document import mapped, pieces
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.report.document import Document, Fact, Quote
    from schema_guard.report.drawing import Plot

# The facts that identify the calls of a document.
_SCOPE = ("function", "suite", "model", "models", "calls", "began")
_MOST_LINES = 8


def check_extra(what: str) -> None:
    """Check that a page can be written, before anything is computed for it.

    Args:
        what: The feature, as the user named it.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import_module("jinja2")
    except ImportError as error:
        raise missing_extra(what, error.name or "jinja2", "report") from error


class PageChoice(NamedTuple):
    """A choice on a page that follows its store.

    Attributes:
        name: Name of the parameter.
        label: Label that the reader sees.
        options: The values, each with its text on the page.
        chosen: One of the values.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str


class Live(NamedTuple):
    """The parts that make a page follow its store: a script that requests the page repeatedly, and choices.

    Attributes:
        every_s: Seconds between two requests.
        choices: Choices of the calls to show.
    """

    every_s: int
    choices: tuple[PageChoice, ...] = ()


class Card(NamedTuple):
    """A group of calls on a page.

    Attributes:
        anchor: Its id on the page.
        title: Its name.
        tone: The value of a `Tone`.
        status: Its status in words; `""` if it has none.
        lines: Its facts.
        plot: Its rate over time. None if no time is known.
        step: The next step with its command; `""` if none is known.
        example: A failed reply. None if no text is stored.
    """

    anchor: str
    title: str
    tone: str
    status: str
    lines: tuple[str, ...]
    plot: Plot | None
    step: str
    example: Quote | None


class Slide(NamedTuple):
    """The first screen of a page. Everything else is folded.

    Attributes:
        verdict: The name of the verdict, or its tone in words; `""` for none.
        headline: The answer as a sentence.
        whose: The calls that it is about.
        lines: The facts that a reader needs at once.
        step: The next step with its command; `""` if there is none.
        plots: Number of plots on it: the first of those that are drawn.
        cards: The groups of calls, the worst first.
        folded: The title of the rest.
    """

    verdict: str
    headline: str
    whose: str = ""
    lines: tuple[str, ...] = ()
    step: str = ""
    plots: int = 0
    cards: tuple[Card, ...] = ()
    folded: str = "Everything else"

    @classmethod
    def of(cls, headline: str, facts: Iterable[Fact], *, plots: int, verdict: str = "") -> Slide:
        """Return the first screen of a document from its head. The next step has a place of its own."""
        scope: list[str] = []
        lines: list[str] = []
        step = ""
        for label, text in facts:
            if label == "next":
                step = text
            else:
                (scope if label in _SCOPE else lines).append(f"{label}: {text}")
        return cls(verdict, headline, "; ".join(scope), tuple(lines[:_MOST_LINES]), step, plots)


def policy(*, live: bool = False) -> str:
    """Return the content security policy of a page, which loads only its own style, and its script if it is live."""
    parts = ["default-src 'none'", f"style-src '{_hash('page.css')}'"]
    if live:
        parts += [f"script-src '{_hash('page.js')}'", "connect-src 'self'"]
    form = "'self'" if live else "'none'"
    return "; ".join([*parts, "img-src data:", "base-uri 'none'", f"form-action {form}"])


def page(
    document: Document,
    *,
    plots: Sequence[Plot] = (),
    title: str | None = None,
    live: Live | None = None,
    slide: Slide | None = None,
) -> str:
    """Return a document as an HTML document that needs no network and no script.

    Args:
        document: The document to show.
        plots: Plots in the order of the page. For a plot without a drawing, the page names the missing data.
        title: Title of the page. None uses the title of the document.
        live: Makes the page follow its store. This requires a server.
        slide: First screen of the page. None shows the whole document.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    check_extra("a page")
    from jinja2 import Environment, StrictUndefined  # an extra
    from markupsafe import Markup  # comes with jinja2

    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    engine.filters |= {"printable": safe, "pieces": pieces, "drawing": Markup}
    return engine.from_string(_read("page.html")).render(
        title=safe(f"schema-guard: {document.title}" if title is None else title),
        about=safe("schema-guard" if title is None else title),
        document=mapped(document, safe),
        slide=None if slide is None else mapped(slide, safe),
        plots=plots,
        style=Markup(_read("page.css")),  # noqa: S704 - our own
        script=Markup(_read("page.js")),  # noqa: S704 - our own
        policy=Markup(policy(live=live is not None)),  # noqa: S704 - our own
        live=live,
    )


def _hash(name: str) -> str:
    return f"sha256-{b64encode(sha256(_read(name).encode()).digest()).decode()}"


def _read(name: str) -> str:
    return files("schema_guard.report").joinpath(name).read_text(encoding="utf-8")
