"""The steps of the workflows on the page about CI run in a project whose function calls a fake provider."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from schema_guard.testing import serve
from tests.needs import needs
from tests.public.pages.blocks import ROOT

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which mkdocs installs")
pytestmark = [needs("loopback"), pytest.mark.costly]
PAGE = (ROOT / "schema_guard" / "docs" / "ci.md").read_text("utf-8")
JOBS = {
    name: job
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for name, job in yaml.safe_load(block)["jobs"].items()
}
PROJECT = """
from openai import OpenAI
from schema_guard import guard

@guard({"title": "ticket", "type": "object", "required": ["team"]}, max_attempts=1, on_failure="return")
def triage(prompt: str):
    return OpenAI().responses.create(model="MODEL", input=prompt)

def test_triage():
    for number in range(100):
        triage(f"Ticket {number}")
"""


def run_job(folder, job, reply):
    """Run the commands of a job, as a runner does. Return the exit status of each, and the summary."""
    Path(folder, "test_shop.py").write_text(PROJECT)
    with serve(reply) as server:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": "none",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            **{name: re.sub(r"\$\{\{.*\}\}", "secret.db", value) for name, value in job["env"].items()},
        }  # fmt: skip
        if "secret" in environment["SCHEMA_GUARD_STORE"]:  # production has recorded calls
            subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=folder, env=environment, check=True)
        commands = [step["run"] for step in job["steps"] if "run" in step]
        statuses = [
            subprocess.run(
                ["/bin/sh", "-e", "-c", command], cwd=folder, env=environment, check=False
            ).returncode
            for command in commands
            if not command.startswith("pip install")
        ]
    return statuses, Path(folder, "summary.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("job", "fails", "statuses"),
    [("watch", False, [0, 0]), ("watch", True, [0, 1]), ("report", True, [0, 0])],
)
def test_workflow_runs(tmp_path, job, fails, statuses):
    """The check fails if too many calls failed. The summary has the report."""
    exits, summary = run_job(
        tmp_path,
        JOBS[job],
        lambda prompt: "{}" if fails and re.search(r"\d[05]\b", prompt) else '{"team": "shop"}',
    )

    assert exits == statuses
    assert "## schema ticket" in summary


def test_workflows_install_existing_extras():
    """Each extra is in pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert {*re.findall(r"pip install .*schema-guard\[(\w+)\]", PAGE)} <= {*extras}
