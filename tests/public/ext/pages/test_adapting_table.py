"""The table of rewritten schemas on the page of benchmarks has the figures of the dated result."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[4]
RESULT = json.loads(max((ROOT / "benchmarks" / "results").glob("*-adapting.json")).read_text())
PAGE = (ROOT / "schema_guard" / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def share_of(result):
    share = 100 * result["means"] / result["schemas"]
    return f"{share:.1f}%" if 99.5 <= share < 100 else f"{share:.0f}%"


def rows():
    """Yield the rows of the table, without hosted providers that enforce nothing."""
    for one in RESULT["providers"]:
        if one["provider"] not in ("deepseek", "hint"):
            counts = one["classes"]
            lossless = counts.get("as it is", 0) + counts.get("exact", 0)
            losses = [counts.get(name, 0) for name in ("narrowed", "relaxed", "not at all")]
            cells = [one["provider"], lossless, *losses, share_of(one["refused"]), share_of(one["given"])]
            yield " | ".join(map(str, cells))


def test_page_has_the_rows_of_the_result():
    """The page has each count and share."""
    assert [row for row in rows() if f"| {row} |\n" not in PAGE] == []


def test_page_has_the_number_of_schemas():
    """A share without its number says nothing."""
    assert f"{RESULT['schemas']:,} real schemas" in PAGE
