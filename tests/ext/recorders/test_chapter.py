"""The chapter on recorders: each of its applications is run where its framework is installed, and says what it shows."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import schema_guard

CHAPTER = Path(schema_guard.__file__).parent / "docs" / "recorders.md"
# An application in a `py` block, for its framework is not where `python` blocks are run, and the report of its records.
APPLICATION = re.compile(
    r"```py\n(?P<code>(?:(?!```).)*?serve\((?:(?!```).)*?)```\n\n[^`]*`schema-guard report`[^`]*?\n\n```text\n(?P<report>.*?)```",
    re.DOTALL,
)
IMPORTED = re.compile(r"^(?:from|import) schema_guard\.ext\.recorders\.(?P<name>\w+)", re.MULTILINE)
# The module of a framework, if its recorder has another name.
MODULES = {"openai_agents": "agents"}
SECONDS = re.compile(r"seconds p50/p95 \d+\.\d+/\d+\.\d+")


def applications():
    for result in APPLICATION.finditer(CHAPTER.read_text(encoding="utf-8")):
        name = IMPORTED.search(result["code"])["name"]
        reason = f"{name} is not installed"
        skip = pytest.mark.skipif(find_spec(MODULES.get(name, name)) is None, reason=reason)
        yield pytest.param(result["code"], result["report"], id=name, marks=skip)


@pytest.mark.parametrize(("code", "report"), list(applications()))
def test_the_chapter_shows_what_its_applications_do(code, report, tmp_path):
    """An application of the chapter is run as it stands there, and the report of its records is the one below it."""
    environment = {**os.environ, "SCHEMA_GUARD_STORE": f"sqlite:///{tmp_path}/records.db", "NO_COLOR": "1"}

    def run(*arguments):
        made = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        return made.stdout.decode()

    (tmp_path / "application.py").write_text(code, encoding="utf-8")
    run("application.py")

    text = SECONDS.sub("seconds p50/p95 0.01/0.01", run("-m", "schema_guard", "report"))
    assert text.rstrip() == report.rstrip()
