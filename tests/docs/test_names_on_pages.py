"""Pages have each code of a failure and of a refused schema, and each name of telemetry."""

import ast
import re
from pathlib import Path

import pytest

from tests.needs import ALL, needs

PACKAGE = Path(__file__).parents[2] / "schema_guard"
TELEMETRY = PACKAGE / "ext" / "telemetry"


def calls_of(name):
    """Yield the constant arguments of each call of a name in the product."""
    for path in PACKAGE.rglob("*.py"):
        if name not in (text := path.read_text("utf-8")):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name:
                named = {one.arg: one.value for one in node.keywords}
                values = [*node.args, *filter(None, [named.get("code")])]
                yield [value.value for value in values if isinstance(value, ast.Constant)]


def failure_codes():
    """Return the codes of failures. The text of a reply and its parts fail without a kind."""
    from schema_guard.decide.evidence.values import KINDS
    from schema_guard.prompting import _SYNTAX_TEXT

    named = {args[1] for args in calls_of("Failure") if len(args) > 1 and args[0] in KINDS}
    return {*named, *_SYNTAX_TEXT, *(args[0] for args in calls_of("NotJson") if len(args) > 1)}


def schema_codes():
    """Return the codes of refused schemas."""
    return {args[-1] for args in calls_of("InvalidSchema") if args and re.fullmatch(r"\w+", str(args[-1]))}


def telemetry_names():
    """Return the attributes and metrics of telemetry."""
    attributes = re.findall(
        r'"((?:gen_ai|schema_guard)\.[a-z_.]+)"', (TELEMETRY / "otel.py").read_text("utf-8")
    )
    metrics = [f"schema_guard.{args[0]}" for args in calls_of("CountedQuantity")]
    return {*attributes, *metrics}


@needs(*ALL)
@pytest.mark.parametrize(
    ("page", "names", "fewest"),
    [("reading", failure_codes, 30), ("limits", schema_codes, 7), ("telemetry", telemetry_names, 35)],
)
def test_page_has_each_name(page, names, fewest):
    """A page names everything of its kind in the code."""
    text = (PACKAGE / "docs" / f"{page}.md").read_text("utf-8")
    found = names()

    assert len(found) >= fewest
    assert sorted(name for name in found if f"`{name}`" not in text) == []
