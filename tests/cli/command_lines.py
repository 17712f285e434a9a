"""What the tests of commands share: a command line run here, and the files that it reads."""

import json
import re
from pathlib import Path

from schema_guard.cli import main

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
# What may stand on a terminal: nothing below a space but line breaks, no C1 controls, no bidirectional overrides.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def script(folder, *replies):
    (folder / "replies.jsonl").write_text("\n".join(map(json.dumps, replies)))
    return "scripted:replies.jsonl"


def file(name, content):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def run(capsys, *arguments):
    """Exit status, stdout and stderr of a command line."""
    status = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert not FORBIDDEN.search(told.out + told.err)
    return status, told.out, told.err
