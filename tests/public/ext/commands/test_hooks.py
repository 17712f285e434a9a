"""The hooks for pre-commit: what they run is there, and pre-commit runs them from a clone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.public.commands.command_lines import LEAVES

ROOT = Path(__file__).parents[4]
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
OPEN = '{\n  "type": "object",\n  "properties": {},\n  "required": []\n}\n'
CONFIG = """
repos:
  - repo: {clone}
    rev: {commit}
    hooks:
      - id: schema-guard-lint
        args: [--provider=openai]
      - id: schema-guard-lint-models
        args: ["models:Ticket", "--provider=openai"]
"""


def test_hooks_run_a_command_that_there_is():
    """Each hook's entry is a command of schema-guard."""
    entries = re.findall(r"^  entry: schema-guard (.+)$", HOOKS, re.MULTILINE)

    assert len(entries) == HOOKS.count("- id: ") == 2
    assert set(entries) <= {*LEAVES}


def _done(*command, cwd, **more):
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False, **more)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of this repository as it was committed last."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git, or no clone: pre-commit takes hooks from a repository")
    folder = tmp_path_factory.mktemp("hooks") / "clone"
    _done("git", "clone", "-q", str(ROOT), str(folder), cwd=ROOT)
    return folder


@pytest.mark.slow
def test_pre_commit_runs_both_hooks_from_a_clone(clone, tmp_path, monkeypatch):
    """Installed from a clone the hooks find a fault in a file, by its line, and one in a class; try-repo does too."""
    if shutil.which("pre-commit") is None:
        pytest.skip("pre-commit is not installed: pip install pre-commit")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "home"))
    project = tmp_path / "project"
    project.mkdir()
    (project / "open.schema.json").write_text(OPEN)
    (project / "other.json").write_text(OPEN)
    (project / "models.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Ticket:\n    n: int = 1\n"
    )
    commit = _done("git", "rev-parse", "HEAD", cwd=clone).stdout.strip()
    (project / ".pre-commit-config.yaml").write_text(CONFIG.format(clone=clone, commit=commit))
    _done("git", "init", "-q", ".", cwd=project)
    _done("git", "add", "-A", cwd=project)

    run = _done("pre-commit", "run", "--all-files", cwd=project)
    if "InstallError" in run.stdout + run.stderr or "Could not find a version" in run.stdout:
        pytest.skip("pre-commit could not install the hook: no package index")
    monkeypatch.setenv("SCHEMA_GUARD_LINT_PROVIDER", "openai")
    tried = _done("pre-commit", "try-repo", str(clone), "schema-guard-lint", "--all-files", cwd=project)

    fault = 'open.schema.json:1: error: at (root): openai requires "additionalProperties"'
    assert (run.returncode, tried.returncode) == (1, 1)
    assert fault in run.stdout
    assert fault in tried.stdout
    assert "models.py:4: error: at (root): openai requires" in run.stdout
    assert "other.json" not in run.stdout
