"""Run a command line in this process, and write input files for it."""

import io
import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import schema_guard

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
COMMANDS = (
    "bench", "comment", "completion", "decide", "demo", "doctor", "help", "improve", "label", "report", "schema", "store", "tune",
    "watch",
)  # fmt: skip
LEAVES = (
    "bench compare", "bench run", "schema check", "schema lint", "schema probe", "store check", "store delete",
    "store export", "store import", "store info", "tune prepare", "tune run",
)  # fmt: skip
# Under pytest, a package's loader cannot run the package as `python -m` does.
MODULE = str(Path(schema_guard.__file__).parent / "__main__.py")
# Characters that control a terminal: C0 controls except line breaks, C1 controls, and bidirectional overrides.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def published(name):
    """Return a JSON Schema of the package by its file name."""
    (path,) = Path(schema_guard.__file__).parent.rglob(name)
    return schema_guard.Schema.of(json.loads(path.read_text("utf-8")))


def script(folder, *replies):
    (folder / "replies.jsonl").write_text("\n".join(map(json.dumps, replies)))
    return "scripted:replies.jsonl"


def file(name, content):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def main(arguments):
    """Run `python -m schema_guard` with these arguments in this process. Return its exit status."""
    with mock.patch.object(sys, "argv", ["schema-guard", *map(str, arguments)]):
        try:
            runpy.run_path(MODULE, run_name="__main__")
        except SystemExit as end:
            return 0 if end.code is None else end.code
    raise AssertionError("the module did not exit")


def command(*arguments):
    """Run a command line without a fixture. Return its exit status, stdout, and stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
        for stream in (out, err):
            stream.flush()
    return status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


def measured_command(*arguments):
    """Run a command line in its own process. Return its exit status, stdout, and peak of memory in bytes."""
    program = (
        "import re, runpy, sys\n"
        "from pathlib import Path\n"
        "try:\n"
        "    runpy.run_module('schema_guard', run_name='__main__')\n"
        "finally:\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    print(re.search('VmHWM:[^0-9]*([0-9]+)', status)[1], file=sys.stderr)\n"
    )  # not ru_maxrss: that of a child begins with its parent's
    root = str(Path(schema_guard.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    return done.returncode, done.stdout, int(done.stderr.split()[-1]) * 1024


def run(capsys, *arguments):
    """Run a command line. Return its exit status, stdout, and stderr."""
    status = main(arguments)
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    assert not FORBIDDEN.search(output.out + output.err)
    return status, output.out, output.err
