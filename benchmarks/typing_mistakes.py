"""Count the errors and characters that mypy and pyright report for typical mistakes.

    python benchmarks/typing_mistakes.py [--before FOLDER] [--output FILE.txt]

FOLDER has another `schema_guard`, such as that of an earlier commit. mypy and pyright must be installed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from tests.public.typing.mistakes import COMMON, MISTAKES  # noqa: E402 - the folder is not installed


def measured(root: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Return the errors and characters of each checker for each mistake, with the `schema_guard` in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        names = {f"m{number:02}.py": name for number, name in enumerate(MISTAKES)}
        for file, name in names.items():
            (Path(folder) / file).write_text(f"{COMMON}{MISTAKES[name]}\n")
        environment = {**os.environ, "MYPYPATH": str(root), "PYTHONPATH": str(root)}
        bin_folder = Path(sys.executable).parent
        commands = {
            "mypy": [bin_folder / "mypy", "--strict", "--no-error-summary", *names],
            "pyright": [bin_folder / "pyright", "--pythonpath", sys.executable, *names],
        }
        results: dict[str, dict[str, tuple[int, int]]] = {}
        for checker, command in commands.items():
            text = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            ).stdout
            errors, sizes = counted(text)
            results[checker] = {name: (errors[file], sizes[file]) for file, name in names.items()}
        return results


def counted(text: str) -> tuple[Counter[str], defaultdict[str, int]]:
    """Count errors and characters of a report by file. Lines without a file belong to the line above."""
    errors: Counter[str] = Counter()
    sizes: defaultdict[str, int] = defaultdict(int)
    file = ""
    for line in text.splitlines():
        match = re.search(r"(m\d\d\.py):\d+", line)
        # Pyright has a line with the name of each file, and one with the sum.
        if match is None and re.match(r"/|\d+ error", line):
            continue
        file = file if match is None else match[1]
        errors[file] += " error: " in line and match is not None
        sizes[file] += len(re.sub(r"^\s*\S*/", "", line))
    return errors, sizes


def table(now: dict[str, dict[str, tuple[int, int]]], before: dict[str, dict[str, tuple[int, int]]]) -> str:
    """Write the table of both measurements."""
    checkers = list(now)
    lines = [
        f"{datetime.now(UTC).date()}, mypy {version('mypy')}, pyright {version('pyright')}: errors / characters",
        f"{'':42}" + "".join(f"{f'{c}, before':>20}{f'{c}, now':>18}" for c in checkers),
    ]
    for name in MISTAKES:
        cells = "".join(
            f"{_cell(before.get(c, {}).get(name)):>20}{_cell(now[c][name]):>18}" for c in checkers
        )
        lines.append(f"{name:42}{cells}")
    totals = "".join(f"{_cell(_sum(before.get(c, {}))):>20}{_cell(_sum(now[c])):>18}" for c in checkers)
    return "\n".join([*lines, f"{'sum':42}{totals}"])


def _cell(counts: tuple[int, int] | None) -> str:
    return "-" if counts is None else f"{counts[0]} / {counts[1]:,}"


def _sum(found: dict[str, tuple[int, int]]) -> tuple[int, int] | None:
    return (sum(one for one, _ in found.values()), sum(size for _, size in found.values())) if found else None


def main() -> None:
    """Measure, print a table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    before = {} if arguments.before is None else measured(arguments.before.resolve())
    text = table(measured(HERE), before)
    print(text)
    if arguments.output is not None:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
