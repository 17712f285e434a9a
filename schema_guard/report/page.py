# SPDX-License-Identifier: Apache-2.0
"""A document as one static page, with plots of the same figures.

Rules: the page is one file that loads nothing and runs nothing, and its policy forbids both; whatever it is
given is shown as text, escaped by the template; only our own style sheet and script and the SVG that matplotlib wrote
are let through as they are; the same document gives the same bytes. A page that follows its store is the same page with
our script, which asks its own server for it again.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import missing_extra
from schema_guard.report.document import mapped
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.report.document import Document, Section
    from schema_guard.report.drawing import Plot


def check_extra(what: str, *, packages: Sequence[str] = ("matplotlib", "jinja2")) -> None:
    """Make sure that a page can be made, before anything is computed for it.

    Args:
        what: The feature, as its user named it.
        packages: What it needs; without plots that is jinja2 alone.

    Raises:
        MissingExtra: One of them is not installed.
    """
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise missing_extra(what, error.name or package, "report") from error


class PageChoice(NamedTuple):
    """What of a page that follows its store can be chosen.

    Attributes:
        name: Of the parameter.
        label: What a reader calls it.
        options: The values with what is shown of each.
        chosen: One of the values.
    """

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str


class Live(NamedTuple):
    """What makes a page follow its store: a script that asks for it again, and choices.

    Attributes:
        every_s: Seconds from one time to the next.
        choices: What is shown of it.
    """

    every_s: int
    choices: tuple[PageChoice, ...] = ()


class Slide(NamedTuple):
    """What stands on the first screen of a page; everything else is folded.

    Attributes:
        verdict: Its name, as a program reads it, or what its tone is in words.
        headline: The answer as a sentence.
        whose: What it is about.
        lines: What a reader has to know at once.
        plots: So many plots, the first of those that are drawn, stand on it.
        panels: Sentences beside the plots.
    """

    verdict: str
    headline: str
    whose: str = ""
    lines: tuple[str, ...] = ()
    plots: int = 0
    panels: tuple[Section, ...] = ()


def policy(*, live: bool = False) -> str:
    """Give the content security policy of a page: nothing is loaded but its own style, and its script where it has one."""
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
    """Give a document as an HTML document that needs no network and no script.

    Args:
        document: What is shown.
        plots: In their order; of those without a drawing the page says what is missing.
        title: What the page is about; None takes the document's own.
        live: Makes it follow its store, where a server gives it.
        slide: Its first screen; None shows the document whole.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    check_extra("a page", packages=("jinja2",))
    from jinja2 import Environment, StrictUndefined  # an extra
    from markupsafe import Markup  # comes with jinja2

    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    engine.filters["printable"] = safe
    return engine.from_string(_read("page.html")).render(
        title=safe(f"schema-guard: {document.title}" if title is None else title),
        about=safe("schema-guard" if title is None else title),
        document=mapped(document, safe),
        slide=None if slide is None else mapped(slide, safe),
        plots=[
            replace(
                plot,
                title=safe(plot.title),
                caption=safe(plot.caption),
                svg=None if plot.svg is None else Markup(plot.svg),  # noqa: S704 - matplotlib wrote it
            )
            for plot in plots
        ],
        style=Markup(_read("page.css")),  # noqa: S704 - our own
        script=Markup(_read("page.js")),  # noqa: S704 - our own
        policy=Markup(policy(live=live is not None)),  # noqa: S704 - our own
        live=live,
    )


def _hash(name: str) -> str:
    return f"sha256-{b64encode(sha256(_read(name).encode()).digest()).decode()}"


def _read(name: str) -> str:
    return files("schema_guard.report").joinpath(name).read_text(encoding="utf-8")
