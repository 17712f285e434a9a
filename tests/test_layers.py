"""Imports go one way: a module imports only from the layers below its own, and inside its own folder."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "schema_guard"
LAYERS = (
    ("errors", "text", "lazy"),
    ("core",),
    ("prices",),
    ("calls", "targets", "records", "stats"),
    ("models",),
    ("guards",),
    ("decide",),
    ("report",),
    ("bench", "testing"),
    ("climb", "datasets"),
    ("tuning",),
    ("demo",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
STANDARD_OF_CORE = {
    "__future__", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "itertools",
    "json", "math", "os", "pathlib", "re", "reprlib", "sys", "threading", "types", "typing", "urllib", "uuid", "operator", "string",
    "bisect", "heapq", "fractions", "unicodedata",
}  # fmt: skip
ENGINES = {"jiter", "jsonschema", "jsonschema_rs", "jsonschema_specifications", "referencing"}


def modules():
    return sorted(
        path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE
    )


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def is_typing_block(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path, *, at_top_only=False):
    """Give the full names that a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # What only a type checker imports binds nothing at run time.
    typed = {id(node) for block in tree.body if is_typing_block(block) for node in ast.walk(block)}
    nodes = tree.body if at_top_only else ast.walk(tree)
    for node in nodes:
        if id(node) in typed:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    """A module imports from layers below its own, or from its own folder."""
    own = part_of(path)
    parts = {name.split(".")[1] for name in imports(path) if name.startswith("schema_guard.")}
    foreign = {part for part in parts & LEVEL.keys() if part != own}

    assert own in LEVEL
    assert {part for part in foreign if LEVEL[part] >= LEVEL[own]} == set()


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_core_is_pure(path):
    """The core imports no clock, no randomness, no network, no process and no package but the engines."""
    named = {name.split(".")[0] for name in imports(path)}

    assert named - STANDARD_OF_CORE - ENGINES - {"schema_guard"} == set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_packages_are_imported_where_they_are_used(path):
    """No module imports a package of others at its top but the command line, and what tests use."""
    named = {name.split(".")[0] for name in imports(path, at_top_only=True)}
    allowed = {"cli": {"click"}, "testing": {"hypothesis", "pytest"}}

    assert named - sys.stdlib_module_names - {"schema_guard"} <= allowed.get(
        path.relative_to(PACKAGE).parts[0], set()
    )
