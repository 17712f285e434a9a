"""Applications of frameworks: each is run where its framework is installed, and its report is the one beside it."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import schema_guard

APPLICATIONS = Path(__file__).with_name("applications.md")
PAGES = Path(schema_guard.__file__).parent / "docs"
# An application in a `py` block, because its framework is not in the environment that runs `python` blocks.
APPLICATION = re.compile(
    r"```py\n(?P<code>(?:(?!```).)*?serve\((?:(?!```).)*?)```\n\n[^`]*`schema-guard report`[^`]*?\n\n```text\n(?P<report>.*?)```",
    re.DOTALL,
)
SNIPPET = re.compile(r"```py\n(.*?)```", re.DOTALL)
IMPORTED = re.compile(r"^(?:from|import) schema_guard\.ext\.recorders\.(?P<name>\w+)", re.MULTILINE)
# The module of a framework, if its recorder has another name.
MODULES = {"openai_agents": "agents"}
DAY = re.compile(r"\bsince \d{4}-\d\d-\d\d\b")
SECONDS = re.compile(r"\b(median|p95)(\s+)\d+\.\d\d\b")


def applications():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (APPLICATIONS, PAGES / "langchain.md"))
    for result in APPLICATION.finditer(text):
        name = IMPORTED.search(result["code"])["name"]
        reason = f"{name} is not installed"
        skip = pytest.mark.skipif(find_spec(MODULES.get(name, name)) is None, reason=reason)
        yield pytest.param(result["code"], result["report"], id=name, marks=skip)


@pytest.mark.parametrize(("code", "report"), list(applications()))
def test_report_of_an_application_is_the_recorded_one(code, report, tmp_path):
    """The report shows each call, its attempts, and its failures."""
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

    text = SECONDS.sub(r"\g<1>\g<2>0.01", run("-m", "schema_guard", "report"))
    text = DAY.sub("since 2026-11-26", text)
    # The page is about the default store.
    text = text.replace(f" --store {environment['SCHEMA_GUARD_STORE']}", "")
    assert text.rstrip() == report.rstrip()


def test_snippets_of_the_page_are_lines_of_the_applications():
    """The page on frameworks shows the lines that install a recorder. The applications run them."""
    known = {line.strip() for line in APPLICATIONS.read_text(encoding="utf-8").splitlines()}
    page = (PAGES / "frameworks.md").read_text(encoding="utf-8")

    assert {line.strip() for snippet in SNIPPET.findall(page) for line in snippet.splitlines()} <= known
