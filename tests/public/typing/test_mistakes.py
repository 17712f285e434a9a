"""The reports of mypy for typical mistakes. `benchmarks/typing_mistakes.py` measures pyright too."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.public.typing.mistakes import COMMON, MISTAKES

MOST_CHARACTERS = 700


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return the lines that mypy reports for each mistake."""
    folder = tmp_path_factory.mktemp("mistakes")
    files = {name: f"m{number}.py" for number, name in enumerate(MISTAKES)}
    for name, file in files.items():
        (folder / file).write_text(f"{COMMON}{MISTAKES[name]}\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *files.values()]
    root = Path(__file__).parents[3]
    environment = {"MYPYPATH": str(root), "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(f"{file}:")] for name, file in files.items()}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mypy_reports_a_mistake_with_one_short_error(reports, mistake):
    """Each mistake gives one error, with all its notes at most 700 characters."""
    report = reports[mistake]

    assert len([line for line in report if ": error: " in line]) == 1, report
    assert sum(map(len, report)) <= MOST_CHARACTERS
