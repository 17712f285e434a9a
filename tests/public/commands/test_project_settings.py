"""The settings in `[tool.schema_guard]` of a `pyproject.toml`."""

import json
import os
import subprocess
import sys

import pytest

from schema_guard import open_store
from tests.needs import needs
from tests.public.commands.command_lines import run
from tests.public.processes import unmeasured

RECORDING = """
from schema_guard import default_store, guard, open_store
store = {store}
options = {{}} if store is None else {{"store": store}}
print(guard({{"type": "object"}}, **options)(lambda prompt: '{{"name": "canary"}}')("canary"))
store = store or default_store()
store.flush()
print(store.counts().stored, [(one.prompt, one.reply) for one in store.texts([row["call_id"] for row in store.attempts()])])
"""


def write(folder, text):
    (folder / "pyproject.toml").write_text(f"[tool.schema_guard]\n{text}\n")


def python(folder, code):
    """Run a program in a folder, outside of pytest. Return its stdout and stderr."""
    environment = {
        name: value for name, value in unmeasured().items() if not name.startswith(("PYTEST", "SCHEMA_GUARD"))
    }
    environment |= {"HOME": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def rate(folder):
    """A project with a rate, before the first record of the process reads it."""
    write(folder, "max_failure_rate = 0.02")


def test_the_library_records_in_the_store_of_the_project(folder):
    """A path is relative to the folder of the file, and not to the current one."""
    write(folder, 'store = "data/calls.db"')
    (folder / "src").mkdir()

    python(folder / "src", RECORDING.format(store=None))

    with open_store(str(folder / "data" / "calls.db")) as store:
        assert len(list(store.attempts())) == 1


def test_an_import_reads_no_settings(folder):
    """A wrong file matters at the first record."""
    write(folder, "store = 1")

    assert python(folder, "import schema_guard; from schema_guard import guard") == ("", "")


def test_a_wrong_table_fails_no_call(folder):
    """The records are lost, and a warning names the file, the key, and the expected form."""
    write(folder, "store = 1")
    code = "from schema_guard import guard\nprint(guard({'type': 'object'})(lambda prompt: '{}')('x'))"

    out, err = python(folder, code)

    assert out == "{}\n"
    assert f"{folder}/pyproject.toml: [tool.schema_guard] store = 1: expected a path or URL" in err


def test_an_unknown_key_loses_no_record(folder):
    """The library stores the call, in the store of the project, and no text of it."""
    write(folder, 'store = "calls.db"\nmax_failure = "1%"')

    python(folder, RECORDING.format(store=None))

    with open_store(str(folder / "calls.db")) as store:
        assert len(list(store.attempts())) == 1


def test_an_unknown_key_is_an_error_of_a_command(folder, capsys, monkeypatch):
    """The command names the file and the key."""
    write(folder, 'max_failure = "1%"')
    monkeypatch.chdir(folder)

    status, _, err = run(capsys, "report")

    assert status == 2
    assert "[tool.schema_guard] max_failure: unknown key" in err


@pytest.mark.parametrize(
    ("table", "stored"),
    [
        ('payload = "full"', "canary"),
        ('payload = "off"', "[]"),
        pytest.param('redact = "privacy:mask"', "[name]", marks=needs("redaction")),
        ('redact = "privacy:missing"', "[]"),
        ("payload = 1", "[]"),
    ],
    ids=["not_stricter", "off", "redact", "missing_function", "wrong_table"],
)
def test_the_project_only_restricts_stored_texts(folder, table, stored):
    """A store that the code opens with `payload="full"` follows the project too, and an error stores no text."""
    write(folder, table)
    (folder / "privacy.py").write_text("def mask(text): return text.replace('canary', '[name]')\n")

    out, _ = python(folder, RECORDING.format(store='open_store("r.db", payload="full")'))

    counted = out.splitlines()[1]
    assert counted.startswith("1 ")
    assert stored in counted
    assert ("canary" in counted) == (stored == "canary")


def test_watch_takes_the_rate_of_the_project(rate, recorded, capsys):
    """The command line wins over it."""
    assert "Target: 2%" in run(capsys, "watch")[1]
    assert "Target: 5%" in run(capsys, "watch", "--max-failure-rate", "5%")[1]


def test_decide_names_the_project_as_the_source_of_its_target(rate, recorded, capsys):
    """A rate that the store has is the decision of somebody about this function, and wins."""
    assert "at most 2% of the calls fail (pyproject.toml)" in run(capsys, "decide")[1]

    run(capsys, "decide", "--max-failure-rate", "3%")
    assert "at most 3% of the calls fail (stored on" in run(capsys, "decide")[1]


@needs("fitting")
def test_lint_takes_the_provider_of_the_project(folder, capsys, monkeypatch):
    """An error about it names its place."""
    write(folder, 'provider = "openai"')
    assert "openai: 1 schema" in run(capsys, "schema", "lint", "s.json")[1]

    (folder / "wrong").mkdir()
    monkeypatch.chdir(folder / "wrong")
    write(folder / "wrong", 'provider = "opnai"')
    status, _, err = run(capsys, "schema", "lint", "../s.json")
    assert status == 2
    assert "opnai" in err
    assert f"(from {folder}/wrong/pyproject.toml: [tool.schema_guard] provider)" in err


def test_doctor_shows_the_source_of_each_setting(folder, capsys):
    """A variable wins over the file."""
    write(folder, 'store = "unused.db"\npayload = "hash"')

    settings = json.loads(run(capsys, "doctor", "--format", "json")[1])["settings"]

    assert settings["store"] == "none ($SCHEMA_GUARD_STORE)"
    assert settings["payload"] == f"hash ({folder}/pyproject.toml)"
    assert settings["prices"] == "not set (default)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.schema_guard]\nmax_failure_rate = 5", 'expected a share above 0 and below 1, such as "1%"'),
        ('[tool.schema_guard]\npayload = "none"', 'expected "off", "hash", "second_opinion",'),
        ('[tool.schema_guard]\nredact = "privacy.mask"', 'such as "shop.privacy:mask"'),
        ('[tool.schema_guard]\nstores = "x.db"', "stores: unknown key. Expected one of store, "),
        ("[tool.schema-guard]\n", "Rename it to [tool.schema_guard]"),
        ("[tool.schema_guard]\nstore", "expected TOML"),
        ('[tool.schema_guard]\nstore = "mysql://x"', "unknown scheme 'mysql'"),
    ],
    ids=["rate", "payload", "redact", "key", "table", "toml", "store"],
)
def test_a_wrong_setting_is_2(folder, capsys, monkeypatch, text, message):
    """The message has the file and the expected form."""
    (folder / "pyproject.toml").write_text(text)
    monkeypatch.delenv("SCHEMA_GUARD_STORE")
    for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST"):
        monkeypatch.delenv(name, raising=False)

    status, _, err = run(capsys, "watch", "--max-failure-rate", "1%")

    assert status == 2
    assert f"{folder}/pyproject.toml" in err
    assert message in err


def test_another_projects_file_is_no_matter(folder, capsys):
    """Most files have no such table."""
    (folder / "pyproject.toml").write_text("[project]\nname = ")

    assert run(capsys, "doctor")[0] == 0
