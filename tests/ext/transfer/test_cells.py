"""No cell of a table is a formula."""

import pytest

from schema_guard.ext.transfer.exporter import safe_cell

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u200b=1",
    "\ufeff=1",
    "\uff1d1",
    "\uff20a",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_has_an_apostrophe_before_it(text):
    """What a spreadsheet would run, behind what it skips, is a text to it."""
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["app.extract", "a=1", "2026-11-01", "0.5", "<lambda>", "'quoted'", ""])
def test_plain_texts_stay(text):
    """A name is written as it is."""
    assert safe_cell(text) == text
