"""The tests in this folder use only public names."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from tests.needs import needs

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Modules that users import. A name is public if its module lists it in `__all__`, or if it is in DOCUMENTED.
PUBLIC_MODULES = (
    "schema_guard",
    "schema_guard.decide",
    "schema_guard.models",
    "schema_guard.ext.recorders",
    "schema_guard.ext.recorders.dspy",
    "schema_guard.ext.recorders.haystack",
    "schema_guard.ext.recorders.instructor",
    "schema_guard.ext.recorders.langchain",
    "schema_guard.ext.recorders.litellm",
    "schema_guard.ext.recorders.llama_index",
    "schema_guard.ext.recorders.openai_agents",
    "schema_guard.ext.recorders.openai_decisions",
    "schema_guard.ext.recorders.pydantic_ai",
    "schema_guard.ext.redaction",
    "schema_guard.stats",
    "schema_guard.ext.telemetry",
    "schema_guard.testing",
)
# Names that the pages tell users to import, from modules that are not public as a whole.
DOCUMENTED = {
    "schema_guard.ext.recorders.langchain.LangChainRecorder",
    "schema_guard.records.Retention",
}
# Names of the standard library that start with an underscore and have no public equivalent.
ALLOWED_ATTRIBUTES = {"_exit", "_asdict", "_replace", "_fields", "_getframe", "_run", "_arun"}
# Modules outside of this folder that its tests may use.
HELPERS = {"tests", "tests.enforcing_model", "tests.needs", "tests.thinned"}
# Functions whose first argument can be the name of a module or of something inside a module.
TAKES_A_MODULE = {"delattr", "files", "find_spec", "import_module", "patch", "setattr"}
IMPORT_IN_TEXT = re.compile(r"\b(?:from|import)\s+(schema_guard(?:\.\w+)*)(?:\s+import\s+\(?([\w, ]+))?")
FILES = sorted(path for path in HERE.rglob("*.py") if HERE / "ext" not in path.parents)


def public_names(module):
    """Return the names in a module's `__all__`, read from its source because its packages may not be installed."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return {*ast.literal_eval(node.value)}
    return set()


def breaches(path):
    """Return each use of a private name in a test file, as `line: name`."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    return [f"{node.lineno}: {name}" for node in nodes for name in _private_of(node)]


def _private_of(node):
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            return _private(module, [one.name for one in names])
        case ast.Import(names=names):
            return [one.name for one in names if _private(one.name, [])]
        case ast.Attribute(attr=name) if re.fullmatch(r"_[a-z]\w*", name):
            return [] if name in ALLOWED_ATTRIBUTES else [f".{name}"]
        case ast.Call(func=function, args=[ast.Constant(value=str(target)), *_]):
            takes = ast.unparse(function).split(".")[-1] in TAKES_A_MODULE
            is_private = target.startswith("schema_guard.") and target not in PUBLIC_MODULES
            return [f"{target} in a text"] if takes and is_private else []
        case ast.Constant(value=str(text)):
            return [f"{name} in a text" for name in _imported_in(text)]
    return []


def _imported_in(text):
    for module, names in IMPORT_IN_TEXT.findall(text):
        yield from _private(module, [name.split()[0] for name in names.split(",") if name.strip()])


def _private(module, names):
    if module.split(".")[0] == "tests":
        return [] if module.startswith("tests.public") or module in HELPERS else [module]
    if module.split(".")[0] != "schema_guard":
        return []
    listed = public_names(module) if module in PUBLIC_MODULES else set()
    public = {f"{module}.{name}" for name in listed} | DOCUMENTED | {*PUBLIC_MODULES}
    asked = [f"{module}.{name}" for name in names] or [module]
    return [name for name in asked if name not in public]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_file_uses_only_public_names(path):
    """A test in this folder imports only public names and reads no private attribute."""
    assert breaches(path) == [], "use a public name, the command line, or a file; otherwise move the test out"


@needs("recorders")
def test_every_public_module_exists():
    """Every listed module exists and has an `__all__`."""
    for module in PUBLIC_MODULES:
        assert importlib.util.find_spec(module), module
