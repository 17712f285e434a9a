"""Optional parts that are missing, and parts that cannot be imported."""

import pytest

from schema_guard.errors import MissingExtra
from schema_guard.extensions import PARTS, load, require
from tests.needs import is_installed, needs


@pytest.fixture
def absent(monkeypatch):
    """A row of the table whose part does not exist."""
    monkeypatch.setitem(PARTS, "option:absent", "schema_guard.ext.absent.module:name")
    return "option:absent"


@pytest.mark.parametrize("ask", [load, require])
def test_error_for_a_missing_part_names_the_part(ask, absent):
    """The error names the option that needs the part, and the package."""
    with pytest.raises(
        MissingExtra,
        match=r"^option 'absent' needs schema_guard\.ext\.absent\. Reinstall schema-guard to get it$",
    ):
        ask(absent)


@needs("repair")
def test_error_inside_a_part_is_not_a_missing_part(monkeypatch):
    """If a part needs a package that is not installed, its own error reaches the user."""
    monkeypatch.setitem(PARTS, "option:broken", "schema_guard.ext.repair:no_such_name")

    with pytest.raises(AttributeError):
        load("option:broken")


@needs("repair")
def test_missing_package_with_a_similar_name_is_not_a_missing_part(tmp_path, monkeypatch):
    """A part that imports a missing package `schema` raises Python's own error."""
    (tmp_path / "part_with_schema.py").write_text("import schema")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(PARTS, "option:broken", "schema_guard.ext.repair:no_such_name")
    monkeypatch.setattr("importlib.import_module", lambda name: __import__("part_with_schema"))

    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'schema'$"):
        load("option:broken")


@needs("repair")
def test_key_without_a_name_loads_the_module():
    """A row without a name after the colon gives the whole module."""
    assert load("option:repair").__name__ == "schema_guard.ext.repair"


@pytest.mark.parametrize(
    "what", [what for what in PARTS if is_installed(PARTS[what].partition(":")[0].split(".")[2])]
)
def test_installed_parts_meet_the_requirement(what):
    """`require` accepts each row of the table."""
    assert require(what) is None
