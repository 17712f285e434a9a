"""The steps of the workflows on the page about CI run in a project whose function calls a fake provider."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from schema_guard.testing import serve
from tests.needs import needs
from tests.public.pages.blocks import ROOT
from tests.public.pages.forge import serve_forge

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which mkdocs installs")
pytestmark = [needs("loopback", "channels", "fitting"), pytest.mark.costly]
PAGE = (ROOT / "schema_guard" / "docs" / "ci.md").read_text("utf-8")
DAILY, GITHUB, GITLAB = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
(BASELINE,) = re.findall(r"```sh\n(schema-guard bench run .*)\n```", PAGE)
(SHOWN,) = re.findall(r"```markdown\n(.*?)```", PAGE, re.DOTALL)
TOKEN = "canary-token"  # noqa: S105 - it is a test's
SCHEMA = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"type": "string"}},
    "required": ["team"],
}
SCHEMA["additionalProperties"] = False
APP = """
import json
from pathlib import Path

from openai import OpenAI
from schema_guard import guard

PROMPT = "Name the team."

def triage(prompt: str):
    return OpenAI().responses.create(model="MODEL", input=f"{PROMPT} {prompt}")

guarded = guard(
    json.loads(Path("schemas/ticket.json").read_text()), name="triage", max_attempts=1, on_failure="return"
)(triage)
"""
TEST = """
from app import guarded

def test_triage():
    for number in range(20):
        guarded(f"Ticket {number}")
"""


def write_project(folder):
    """Write a repository with a function, a test, a schema, and tasks."""
    (folder / "schemas").mkdir()
    (folder / "schemas" / "ticket.json").write_text(json.dumps(SCHEMA))
    (folder / "app.py").write_text(APP)
    (folder / "test_app.py").write_text(TEST)
    tasks = [
        {"id": f"t{n}", "input": f"Ticket {n}", "gold": {"team": "shop"}, "schema": SCHEMA}
        for n in range(200)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))


def answer(prompt):
    """Return a team, except that each fifth ticket has none if the prompt allows it."""
    allows_none = "or say that you are unsure" in prompt
    return '{"team": null}' if allows_none and re.search(r"\d[05]\b", prompt) else '{"team": "shop"}'


class Job:
    """The commands of a job, run as a runner does: after a failure, only some steps run.

    Attributes:
        statuses: Command -> exit status of each one that ran.
        is_green: Whether the job succeeded.
        output: The output of all commands.
    """

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.statuses, self.is_green, self.output = {}, True, ""

    def run(self, command, *, always=False, may_fail=False):
        """Run a command, unless the job has failed."""
        if command.startswith("pip install") or not (self.is_green or always):
            return
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", command],
            cwd=self.folder, env=self.environment, check=False, text=True, capture_output=True,
        )  # fmt: skip
        self.statuses[command] = done.returncode
        self.output += done.stdout + done.stderr
        self.is_green &= done.returncode == 0 or may_fail

    def run_github(self, job):
        """Run the steps of a job. One condition is known: the step runs if the step `gate` ran."""
        gate = next((step["run"] for step in job["steps"] if step.get("id") == "gate"), None)
        for step in job["steps"]:
            condition = step.get("if")
            assert condition in (None, "${{ !cancelled() && steps.gate.outcome != 'skipped' }}")
            if "run" in step:
                self.run(
                    step["run"],
                    always=condition is not None and gate in self.statuses,
                    may_fail=step.get("continue-on-error", False),
                )

    def run_gitlab(self, job):
        """Run the commands of a job. The ones after it neither depend on its result nor change it."""
        for command in job["script"]:
            self.run(command)
        for command in job.get("after_script", ()):
            self.run(command, always=True, may_fail=True)


def environment_of(folder, server, **more):
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SCHEMA_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": server.openai_url, "OPENAI_API_KEY": "none",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A repository with the baseline, and the server of the provider."""
    folder = tmp_path_factory.mktemp("measured")
    write_project(folder)
    with serve(answer) as server:
        baseline = Job(folder, environment_of(folder, server))
        baseline.run(BASELINE)
        assert baseline.is_green, baseline.output
        yield folder, server


@pytest.fixture
def project(measured, tmp_path):
    """A copy of the repository, and the server."""
    template, server = measured
    return shutil.copytree(template, tmp_path / "project"), server


def check(project, service, forge, *, token=TOKEN):
    """Run the job of a pull request."""
    folder, server = project
    (folder / "ci.db").unlink(missing_ok=True)
    own = GITHUB["jobs"]["check"]["env"] if service == "github" else GITLAB["check"]["variables"]
    job = Job(
        folder,
        environment_of(
            folder,
            server,
            SCHEMA_GUARD_STORE=own["SCHEMA_GUARD_STORE"],
            **forge.environment_of(service, token),
        ),
    )
    if service == "github":
        job.run_github(GITHUB["jobs"]["check"])
    else:
        job.run_gitlab(GITLAB["check"])
    assert TOKEN not in job.output
    return job


HEADER = {"github": f"Bearer {TOKEN}", "gitlab": TOKEN}


@pytest.mark.parametrize("service", HEADER)
def test_a_pull_request_is_green_and_with_a_regression_red(project, service):
    """There is one comment, which later runs replace. It is the one that the page shows."""
    with serve_forge(HEADER[service]) as forge:
        assert check(project, service, forge).is_green
        ((number, passed),) = forge.comments.items()
        app = project[0] / "app.py"
        app.write_text(app.read_text().replace("team.", "team, or say that you are unsure."))
        job = check(project, service, forge)

    assert not job.is_green
    assert [command.split()[2] for command, status in job.statuses.items() if status == 1] == ["compare"]
    assert "gate passed: no rate is proved to have dropped by more than 2" in passed
    ((replaced, missed),) = forge.comments.items()
    assert replaced == number
    lines = [line for line in SHOWN.splitlines() if line.startswith(("#", "|"))]
    assert lines
    assert [line for line in lines if line not in missed.splitlines()] == []
    if service == "github":
        assert "## schema ticket" in (project[0] / "summary.md").read_text("utf-8")
        assert json.loads((project[0] / "lint.sarif").read_text("utf-8"))["version"] == "2.1.0"


def test_a_read_only_token_fails_no_job(project):
    """A pull request from a fork has one. The gate alone decides."""
    with serve_forge("Bearer other") as forge:
        job = check(project, "github", forge)

    assert job.is_green
    assert job.statuses["schema-guard comment gate.md"] == 2
    assert "commenting on pull request 7 failed: status 401" in job.output


def test_a_test_that_fails_is_red_without_a_comment(project):
    """The gate has not run, so there is nothing to say."""
    (project[0] / "test_app.py").write_text("def test_triage():\n    assert False\n")
    with serve_forge(HEADER["github"]) as forge:
        job = check(project, "github", forge)

    assert not job.is_green
    assert forge.requests == []


@pytest.mark.parametrize("service", HEADER)
@pytest.mark.parametrize("fails", [False, True])
def test_the_daily_check_fails_if_too_many_calls_failed(project, service, fails):
    """It reads the store of production."""
    folder, server = project
    environment = environment_of(folder, server, SCHEMA_GUARD_STORE="production.db")
    words = ", or say that you are unsure" if fails else ""
    calls = f"import app\nfor number in range(200): app.guarded(f'Ticket {{number}}{words}')"
    subprocess.run([sys.executable, "-c", calls], cwd=folder, env=environment, check=True)
    job = Job(folder, environment)

    if service == "github":
        job.run_github(DAILY["jobs"]["watch"])
    else:
        job.run_gitlab(GITLAB["watch"])

    assert job.is_green is not fails
    assert len(job.statuses) == {"github": 2, "gitlab": 1}[service]
    result = Path(folder, {"github": "summary.md", "gitlab": "watch.xml"}[service]).read_text("utf-8")
    assert ("## schema ticket" if service == "github" else f'failures="{int(fails)}"') in result


def test_workflows_install_existing_extras():
    """Each extra is in pyproject.toml."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        extra
        for names in re.findall(r"pip install .*schema-guard\[([\w,]+)\]", PAGE)
        for extra in names.split(",")
    }

    assert named <= {*extras}
