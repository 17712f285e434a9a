"""The commands that a text prints, and a run of each in a process of its own.

Models are reached through `serve`: the address of each API and a dummy key are in the environment. Nothing else is
replaced.
"""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import schema_guard

# A word of a shell, with its quotes.
WORD = r"""(?:'[^']*'|"[^"]*"|[^\s'"`;#])+"""
COMMAND = re.compile(rf"schema-guard(?: (?!#){WORD})+")
CODE = re.compile(r"<code>([^<]*)</code>")
ROOT = Path(schema_guard.__file__).parent.parent
KEYS = (
    "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "CO_API_KEY", "SCHEMA_GUARD_MODEL_KEY",
)  # fmt: skip


def commands_in(text):
    """Return the different commands of a text, a JSON document, or the code of a page, in order."""
    try:
        strings = list(_strings(json.loads(text)))
    except ValueError:
        is_page = text.startswith("<!doctype html>")
        strings = map(unescape, CODE.findall(text)) if is_page else text.splitlines()
    return list(dict.fromkeys(found for string in strings for found in COMMAND.findall(string)))


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _strings(member)


def outcomes_of(commands, folder, reply):
    """Run each command in a shell, from a folder of its own. Return the exit status and the output by command.

    Args:
        commands: The commands as they are printed.
        folder: A temporary folder.
        reply: The reply of every model.
    """
    from schema_guard.testing import serve  # of a part that may be missing

    with serve(lambda _: reply) as server:
        environment = _environment(server, folder)
        return {one: _run(one, folder / "elsewhere", environment) for one in commands}


def failures_of(commands, folder, reply='{"team": "a"}'):
    """Return the output of each command whose exit status is not 0 or 1, by command."""
    outcomes = outcomes_of(commands, folder, reply)
    return {one: text for one, (status, text) in outcomes.items() if status not in (0, 1)}


def _environment(server, folder):
    program = folder / "bin" / "schema-guard"
    program.parent.mkdir(exist_ok=True)
    (folder / "elsewhere").mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m schema_guard "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {
        **kept,
        **dict.fromkeys(KEYS, "dummy"),
        "OPENAI_BASE_URL": server.openai_url,
        "ANTHROPIC_BASE_URL": server.anthropic_url,
        "GOOGLE_GEMINI_BASE_URL": server.google_url,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


def _run(line, folder, environment):
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr
