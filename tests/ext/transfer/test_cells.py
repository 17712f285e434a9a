"""No cell of a table is a formula, and every text comes back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.transfer.as_csv import safe_cell, text_of

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
    "'=1",
    "",
]


@given(st.text())
def test_a_text_comes_back(text):
    """What is written and read is the same text, through the quotation of CSV too."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerow([safe_cell(text), "x"])
    ((cell, _),) = csv.reader(io.StringIO(written.getvalue(), newline=""))

    assert text_of(cell) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_has_an_apostrophe_before_it(text):
    """What a spreadsheet would run, behind what it skips, is a text to it."""
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["app.extract", "a=1", "2026-11-01", "0.5", "<lambda>"])
def test_plain_texts_stay(text):
    """A name is written as it is."""
    assert safe_cell(text) == text
