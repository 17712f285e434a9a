"""A verdict as one static page: the answer, its plots, every table.

Rules: the page is one file that loads nothing and runs nothing, and its policy forbids both; whatever it is
given is shown as text, escaped by the template; only our own style sheet and the SVG that matplotlib wrote are
let through as they are; the same verdict gives the same bytes.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, clip, did_you_mean, missing_extra, safe
from schema_guard.report.decision_account import account_of
from schema_guard.report.decision_plots import plots_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from schema_guard.decide import Verdict


def decision_page(
    verdict: Verdict,
    *,
    paths: Mapping[str, Sequence[tuple[int, float]]] | None = None,
    title: str | None = None,
) -> str:
    """Give a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: As `decide` gives it.
        paths: By strategy id: the calls and the unhandled calls among them so far, in the order of the
            calls, so that calls rise and failures never fall. None draws the totals only.
        title: What the page is about; None names the verdict.

    Raises:
        InvalidArgument: A path is of no strategy of this verdict, or its counts contradict themselves.
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    figures = verdict.as_dict()
    _check_paths(figures, paths or {})
    environment, as_it_is = _template_engine()
    account = account_of(figures)
    style = _read("decision_page.css")
    return environment.from_string(_read("decision_page.html")).render(
        title=safe(f"verdict of schema_guard: {account.verdict}" if title is None else title),
        account=account,
        plots=[
            replace(plot, svg=None if plot.svg is None else as_it_is(plot.svg))
            for plot in plots_of(figures, paths)
        ],
        style=as_it_is(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )


def _template_engine() -> tuple[Environment, type[Markup]]:
    """Give an engine that escapes whatever it is given, but for texts of the type beside it."""
    try:
        import_module("matplotlib")
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an extra
        from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2
    except ImportError as error:
        raise missing_extra("decision_page", error.name or "jinja2", "report") from error
    engine = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return engine, Markup


def _read(name: str) -> str:
    return files("schema_guard.report").joinpath(name).read_text(encoding="utf-8")


def _check_paths(figures: Mapping[str, Any], paths: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    known = [*figures.get("rates", ()), *(("tuned",) if "tuned" in figures else ())]
    for name, path in paths.items():
        if name not in known:
            raise InvalidArgument(
                f"paths: expected ids of strategies of this verdict, got {clip(repr(name))}"
                f"{did_you_mean(name, known)}"
            )
        for (n_before, k_before), (n, k) in pairwise([(0, 0), *path]):
            if n <= n_before or not k_before <= k <= n:
                raise InvalidArgument(
                    f"paths[{clip(repr(name))}]: expected calls that rise, and failures that do not fall and are no more "
                    f"than the calls, got ({n}, {k}) after ({n_before}, {k_before})"
                )
        if not path:
            raise InvalidArgument(
                f"paths[{clip(repr(name))}]: expected at least one point, got none: leave it out"
            )
