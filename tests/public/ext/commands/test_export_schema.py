"""The option `--schema` of `export`: each way to name a schema gives the same training set."""

import json

import pytest

from tests.public.commands.command_lines import command
from tests.public.commands.training_rows import TICKET, recorded

MODULE = """
from schema_guard import About, guard

DOCUMENT = {document!r}


@guard(DOCUMENT, name="app.triage", about=About(version="v1"))
def triage(prompt: str):
    return "{{}}"
"""


@pytest.fixture
def store(folder, monkeypatch):
    """A store with the calls of one function, and the files that name its schema."""
    recorded(folder / "r.db", [['{"team": "billing"}']] * 30).close()
    (folder / "t.json").write_text(json.dumps(TICKET))
    (folder / "export_schema_app.py").write_text(MODULE.format(document=TICKET))
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(
    ("named", "name"), [("ticket", "ticket"), ("t.json", "t"), ("export_schema_app:triage", "ticket")]
)
def test_schema_is_named_by_name_file_or_function(store, named, name):
    """A recorded name, a JSON file, and a guarded function of a module name the same calls."""
    line = f"tune prepare --schema {named} --store r.db -o set --min-examples 1 --accept-unchecked --base m9 --format json"
    status, out, err = command(*line.split())

    assert status == 0, err
    manifest = json.loads(out)["manifest"]
    assert manifest["schema"]["name"] == name
    assert sum(manifest["sources"].values()) + sum(manifest["left_out"].values()) == 30


@pytest.mark.parametrize("named", ["label", "none.json", "export_schema_app:nothing", "no_such_module:Model"])
def test_unknown_schema_is_an_error(store, folder, named):
    """A name, a file, or a module that does not exist ends with exit status 2 and writes no set."""
    status, out, err = command(*f"tune prepare --schema {named} --store r.db -o set".split())

    assert (status, out, (folder / "set").exists()) == (2, "", False)
    assert err.startswith("schema-guard: ")
