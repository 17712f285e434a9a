"""The tests in this folder reach the library only as a user can."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Modules that users import. A name is public if its module lists it in `__all__`, or if it is in DOCUMENTED.
PUBLIC_MODULES = (
    "schema_guard",
    "schema_guard.decide",
    "schema_guard.models",
    "schema_guard.recorders",
    "schema_guard.recorders.instructor",
    "schema_guard.recorders.langchain",
    "schema_guard.recorders.litellm",
    "schema_guard.recorders.pydantic_ai",
    "schema_guard.redaction",
    "schema_guard.stats",
    "schema_guard.telemetry",
    "schema_guard.testing",
)
# Names that the pages tell users to import, from modules that are not public as a whole.
DOCUMENTED = {
    "schema_guard.recorders.langchain.LangChainRecorder",
    "schema_guard.records.Retention",
}
# Underscored names of the standard library that have no public twin.
ALLOWED_ATTRIBUTES = {"_exit", "_asdict", "_replace", "_fields", "_getframe"}
IMPORT_IN_TEXT = re.compile(r"\b(?:from|import)\s+(schema_guard(?:\.\w+)*)(?:\s+import\s+\(?([\w, ]+))?")
FILES = sorted(HERE.rglob("*.py"))


def public_names(module):
    """Return the names that a module lists, read from its source: its packages need not be installed."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return {*ast.literal_eval(node.value)}
    return set()


def breaches(path):
    """Yield each use of a private name in a test file, as `line: name`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                f"{node.lineno}: {name}" for name in _private(node.module, [a.name for a in node.names])
            )
        elif isinstance(node, ast.Import):
            yield from (f"{node.lineno}: {a.name}" for a in node.names if _private(a.name, []))
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"_[a-z]\w*", node.attr):
            if node.attr not in ALLOWED_ATTRIBUTES:
                yield f"{node.lineno}: .{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for module, names in IMPORT_IN_TEXT.findall(node.value):
                wanted = [name.split()[0] for name in names.split(",") if name.strip()]
                yield from (f"{node.lineno}: {name} in a text" for name in _private(module, wanted))


def _private(module, names):
    if module.split(".")[0] == "tests":
        return [] if module.startswith("tests.public") or module in ("tests", "tests.thinned") else [module]
    if module.split(".")[0] != "schema_guard":
        return []
    listed = public_names(module) if module in PUBLIC_MODULES else set()
    public = {f"{module}.{name}" for name in listed} | DOCUMENTED | {*PUBLIC_MODULES}
    asked = [f"{module}.{name}" for name in names] or [module]
    return [name for name in asked if name not in public]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_file_uses_only_public_names(path):
    """A test in this folder imports public names and reads no private attribute."""
    assert list(breaches(path)) == [], (
        "use a public name, the command line, or a file; else move the test out"
    )


def test_every_public_module_exists():
    """Every module in the list can be found, with names."""
    for module in PUBLIC_MODULES:
        assert importlib.util.find_spec(module), module
