"""The tables of new names in docs/changes.md, built from tests/renames.json.

python tests/docs/changes.py writes them into the page.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "schema_guard" / "docs" / "changes.md"
# Section of the JSON -> heading of its table, and the text before a name of the section.
TABLES = {
    "guard": ("Parameters of `guard`", "guard("),
    "commands": ("Commands of `schema-guard`", ""),
    "options": ("Options of `schema-guard`", ""),
    "report": ("Keys and columns of the report", ""),
    "bench": ("Keys and columns of `bench` results", ""),
    "verdicts": ("Keys and words of a verdict", ""),
    "telemetry": ("Names in telemetry", ""),
}
_BLOCK = re.compile(r"<!-- renames -->\n.*?<!-- end of renames -->\n", re.DOTALL)


def tables():
    """Return the tables, in Markdown."""
    renames = json.loads((ROOT / "tests" / "renames.json").read_text(encoding="utf-8"))
    lines = []
    for section, (heading, before) in TABLES.items():
        after = ")" if before.endswith("(") else ""
        lines += [f"### {heading}", "", "| before | now |", "|---|---|"]
        lines += [
            f"| `{before}{old}{'=' * bool(after)}{after}` | `{new.removeprefix('schema-guard ')}` |"
            for old, new in renames[section].items()
        ]
        lines.append("")
    return "\n".join(lines)


def page(text):
    """Return the page with the tables of today."""
    return _BLOCK.sub(lambda _: f"<!-- renames -->\n{tables()}<!-- end of renames -->\n", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
