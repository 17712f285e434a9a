"""The tables of the chapter on linting say what the dated result of `benchmarks/adapting.py` holds."""

import json
from pathlib import Path

from benchmarks.adapting import CLASSES, Share

ROOT = Path(__file__).parents[4]
RESULT = json.loads(max((ROOT / "benchmarks" / "results").glob("*-adapting.json")).read_text())
CHAPTER = (ROOT / "schema_guard" / "docs" / "linting.md").read_text(encoding="utf-8")


def told(share):
    return Share(**share).told().replace(", ", ", n = ").replace(" schemas)", ")")


def rows():
    """The rows of both tables, without the hosted providers that enforce nothing."""
    for one in RESULT["providers"]:
        if one["provider"] not in ("deepseek", "hint"):
            counts = [str(one["classes"].get(name, 0)) for name in CLASSES]
            yield " | ".join([one["provider"], *counts, told(one["refused"]), told(one["given"])])
    for one in RESULT["packages_beside"]:
        name = f"{one['package']} {RESULT['packages'][one['package']]}, {one['provider']}"
        sound = f"{told(one['sound_theirs'])}, {told(one['sound_ours'])}"
        text = f"{told(one['theirs_given'])}, {told(one['ours_given'])}"
        yield " | ".join([name, str(one["raised"]), str(one["rejected"]), sound, text])


def test_the_chapter_has_the_rows_of_the_result():
    """Each count, share and bound stands there as it came out."""
    assert [row for row in rows() if f"| {row} |\n" not in CHAPTER] == []


def test_the_chapter_says_how_many_schemas_were_measured():
    """A rate without its number says nothing."""
    assert f"What is left of {RESULT['schemas']:,} real schemas" in CHAPTER
