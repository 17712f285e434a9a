"""One static page for an account: its head, its plots, its tables, and texts of strangers.

Rules: the page is one file that loads nothing and runs nothing, and its policy forbids both; whatever it is
given is shown as text, escaped by the template; only our own style sheet and the SVG that matplotlib wrote are
let through as they are; the same account gives the same bytes.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import missing_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.report.decision_account import Fact
    from schema_guard.report.decision_sections import Section
    from schema_guard.report.drawing import Plot


class Quote(NamedTuple):
    """A text of a stranger's, with what is said about it.

    Attributes:
        heading: What it is an example of.
        gloss: What is wrong with it.
        text: The text, printable; None where there was none.
    """

    heading: str
    gloss: str
    text: str | None


def check_extra(what: str) -> None:
    """Make sure that a page can be made, before anything is computed for it.

    Args:
        what: The feature, as its user named it.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    for package in ("matplotlib", "jinja2"):
        try:
            import_module(package)
        except ImportError as error:
            raise missing_extra(what, error.name or package, "report") from error


def page(  # noqa: PLR0913 - one argument a part of the page
    *,
    title: str,
    heading: str,
    good: bool,
    facts: Sequence[Fact],
    plots: Sequence[Plot],
    sections: Sequence[Section],
    quotes: Sequence[Quote] = (),
) -> str:
    """Give an account as an HTML document that needs no network and no script.

    Args:
        title: Of the document, printable.
        heading: The answer.
        good: Whether the answer is a good one.
        facts: The head.
        plots: In their order; of those without a drawing the page says what is missing.
        sections: The details.
        quotes: Texts of strangers.
    """
    from jinja2 import Environment, StrictUndefined  # an extra
    from markupsafe import Markup  # comes with jinja2

    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = _read("page.css")
    return engine.from_string(_read("page.html")).render(
        title=title,
        heading=heading,
        good=good,
        facts=facts,
        plots=[
            plot if plot.svg is None else replace(plot, svg=Markup(plot.svg))  # noqa: S704 - matplotlib wrote it
            for plot in plots
        ],
        sections=sections,
        quotes=quotes,
        style=Markup(style),  # noqa: S704 - our own
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )


def _read(name: str) -> str:
    return files("schema_guard.report").joinpath(name).read_text(encoding="utf-8")
