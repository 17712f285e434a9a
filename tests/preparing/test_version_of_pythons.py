"""The version of a function is the same on every Python."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import schema_guard
from tests.public.calls.version.modules import module_of
from tests.public.calls.version.test_version import BASE

SCRIPT = """
import ast, importlib.util, json, sys
from schema_guard.preparing.version import as_text, version_of

path, *files = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location("versioned", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = [version_of(module.ask, ())]
print(json.dumps(found + [as_text(ast.parse(open(file, encoding="utf-8").read())) for file in files]))
"""


def other_pythons():
    """Every other Python of a version that is supported, and runs: a name alone may be an empty shim."""
    named = (shutil.which(f"python3.{minor}") for minor in range(11, 20) if minor != sys.version_info.minor)
    return [
        path
        for path in named
        if path and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0
    ]


OTHERS = other_pythons()


@pytest.mark.skipif(not OTHERS, reason="there is one Python here")
def test_every_python_makes_the_same_version(tmp_path):
    """A version, and how syntax is written, is the same on every Python that is here."""
    module = module_of(tmp_path, BASE)
    package = Path(schema_guard.__file__).parent
    files = [package / "text.py", package / "prompting.py", Path(__file__)]
    text = json.dumps([module.__file__, *map(str, files)])
    results = [
        subprocess.run([python, "-c", SCRIPT, text], check=True, capture_output=True, text=True).stdout
        for python in (sys.executable, *OTHERS)
    ]

    assert len(set(results)) == 1
