"""Write the difficulty of the named suites into schemas/README.md: python -m benchmarks.suite_card.

The figures come from the difficulties in the files of `small` (`suite_difficulty.py --write`), the newest result of `long`
on the local model, and the recorded models of `real`. A test checks that the page has these figures.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.suites.reference import placement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.stats.rate import Rate

PAGE = Path(__file__).resolve().parent.parent / "schemas" / "README.md"
RESULTS = Path(__file__).resolve().parent / "results"
BEGIN, END = "<!-- written by python -m benchmarks.suite_card -->\n", "<!-- end -->\n"


def main() -> None:
    """Write the section."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(head + section() + rest.partition(END)[2], encoding="utf-8")


def section() -> str:
    """Return the section, between its two marks."""
    return f"{BEGIN}{_small()}\n\n{_long()}\n\n{_real()}\n{END}"


def _small() -> str:
    manifest = json.loads((PAGE.parent / "suite.json").read_text(encoding="utf-8"))
    rows = []
    for entry in load_suite("small").schemas:
        shares = [task.hardness for task in entry.tasks_of("test") if task.hardness is not None]
        rows.append(
            f"| `{entry.name}` | {len(shares)} | {statistics.mean(shares):.0%} | {min(shares):.0%} to {max(shares):.0%} |"
        )
    head = "| schema of `small` | tasks | wrong leaves | by task |\n|---|--:|--:|--:|"
    return "\n".join((f"Measured: {manifest['difficulty']}.\n", head, *rows))


def _long() -> str:
    """Return the table of the newest result of `long` unchanged."""
    file = max(RESULTS.glob("*-long-local.txt"))
    lines = file.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("schema "))
    columns, *rows = [re.split(r"\s{2,}", line.strip()) for line in lines[start:] if line.strip()]
    columns[0] = "schema of `long`"
    rows = [[f"`{name}`", *figures] for name, *figures in rows]
    source = f"Measured: {lines[1].split(', a ')[0]}. {lines[2]} (`benchmarks/results/{file.name}`)\n"
    return "\n".join(
        (source, *(_row(row) for row in (columns, ["---", *["--:"] * (len(columns) - 1)], *rows)))
    )


def _real() -> str:
    placed = placement()
    shares = {
        "valid": [row.valid for row in placed.rows],
        "right": [row.right for row in placed.rows],
        "leaves right": [row.leaves for row in placed.rows],
    }
    rows = [_row([name, *_range(rates)]) for name, rates in shares.items()]
    source = f"Measured: {len(placed.rows)} models whose replies SOB recorded, {placed.tasks} documents, {placed.date}.\n"
    return "\n".join((source, "| `real` | worst model | median | best model |\n|---|--:|--:|--:|", *rows))


def _range(rates: list[Rate]) -> Iterator[str]:
    values = sorted(rate.rate for rate in rates if rate.rate is not None)
    for value in (values[0], statistics.median(values), values[-1]):
        yield f"{value:.0%}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
