"""What importing the package costs and binds."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

import schema_guard
from tests.needs import ALL, needs
from tests.public.processes import unmeasured

LOOK = """
import json, sys
opened = []
def hook(event, args):
    if event == "open" and not str(args[0]).endswith((".py", ".pyc")) and "__pycache__" not in str(args[0]):
        opened.append(str(args[0]))
    elif event.startswith(("socket.", "subprocess.")):
        opened.append(event)
before = set(sys.modules)
sys.addaudithook(hook)
import schema_guard
print(json.dumps([sorted(set(sys.modules) - before), opened]))
"""


@pytest.fixture(scope="module")
def look():
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=unmeasured(), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_importing_loads_no_third_party_module(look):
    """`import schema_guard` loads itself and the standard library."""
    loaded, _ = look

    assert {name.split(".")[0] for name in loaded} - sys.stdlib_module_names == {"schema_guard"}


def test_import_opens_no_database(look):
    """`import schema_guard` opens no file but its sources, no socket and no process."""
    _, opened = look

    assert opened == []


FIRST_CALL = """
import sys
from schema_guard import guard
guard({"type": "object"}, store=None)(lambda prompt: "{}")("x")
slow = {"logging", "asyncio", "uuid", "email.message", "pathlib", "pydantic", "schema_guard.ext"}
print(sorted(slow & set(sys.modules)))
"""


def test_a_first_call_loads_nothing_slow_that_it_does_not_need():
    """A process that makes one call waits for no slow module that it does not use."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], env=unmeasured(), capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@needs(*ALL)
def test_every_public_name_is_there():
    """Each name of `__all__` is mapped to its module and can be had."""
    assert sorted(schema_guard.__all__) == sorted(
        [*schema_guard._HOME_OF, *schema_guard._OF_PARTS, "__version__"]
    )
    assert all(getattr(schema_guard, name) is not None for name in schema_guard.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A name that the package does not have is refused as any module refuses it."""
    with pytest.raises(AttributeError, match="module 'schema_guard' has no attribute 'gaurd'"):
        schema_guard.gaurd


@needs(*ALL)
def test_names_that_benchmarks_import_exist():
    """A benchmark imports each name from a module that has it."""
    names = {
        f"{node.module}.{alias.name}"
        for path in (Path(__file__).parents[1] / "benchmarks").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "schema_guard"
        for alias in node.names
    }

    assert len(names) > 100
    for name in names:
        resolve_name(name)
