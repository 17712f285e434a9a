"""The changes page lists the renames."""

from tests.docs import changes


def test_page_has_the_tables_of_renames():
    """If it fails, run `python tests/docs/changes.py`."""
    text = changes.PAGE.read_text(encoding="utf-8")

    assert "| `guard(budget=)` | `limits=Limits(...)` |" in text
    assert changes.page(text) == text
