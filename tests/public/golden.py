"""Outputs that were read once and found right, in files beside this one: a later output must be the same.

`SCHEMA_GUARD_GOLDEN=update pytest tests/public` writes what comes out now. Read the difference before you commit it: each
line of it is a change that users see.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import schema_guard

FOLDER = Path(__file__).parent / "golden"
UPDATE = os.environ.get("SCHEMA_GUARD_GOLDEN") == "update"
# Digits beyond the ninth may differ between two machines.
LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{9,}(?:e[-+]?\d+)?(?![\w.])")
CALL_ID = re.compile(r"\b[0-9a-f]{32}\b")
DIGEST = re.compile(r"\b[0-9a-f]{11}…")
# A line of progress ends with a bar and seconds, which are not the same twice.
PROGRESS = re.compile(r"[ ━╸╺]+ (\d+/\d+) [\d:-]+$", re.MULTILINE)
# A bar of one word comes only when a step takes longer than a second.
SLOW_STEP = re.compile(r"^\w+ +[━╸╺ ]*\d+/\d+ [\d:-]+\n", re.MULTILINE)
MOMENT = re.compile(r"TODAYT\d\d:\d\d:\d\d")
MARK = re.compile(r"\bsg-[0-9a-f]{12}\b|(?<=\"mark\": \")[0-9a-f]{12}")
HASH_KEY = re.compile(r"(?<=hash_keys\"\": \[\"\")[0-9a-f]{16}")
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d+")


def steady(text, folder=None):
    """Return a text without what differs from run to run."""
    if folder is not None:
        text = text.replace(str(folder), "FOLDER")
    text = text.replace(schema_guard.__version__, "VERSION")
    # A test may run over midnight.
    for days in (0, 1):
        text = text.replace((datetime.now(UTC) - timedelta(days=days)).date().isoformat(), "TODAY")
    text = DIGEST.sub("DIGEST…", PORT.sub(r"\1:PORT", CALL_ID.sub("ID", text)))
    text = HASH_KEY.sub("KEY", text)
    text = MARK.sub("sg-MARK", PROGRESS.sub(r" \1", SLOW_STEP.sub("", MOMENT.sub("TODAY", text))))
    return LONG_NUMBER.sub(lambda found: f"{float(found[0]):.9g}", text)


def as_told(arguments, told):
    """Return a command line with its exit status and both of its outputs, as one text."""
    status, out, err = told
    line = " ".join(str(argument) for argument in arguments)
    return f"$ schema-guard {line}\nexit {status}\n--- stdout\n{out}--- stderr\n{err}"


def contents(path):
    """Return what a file holds; of many lines only the first two, with their number."""
    text = Path(path).read_text(encoding="utf-8")
    rows = text.splitlines()
    if path.endswith(".jsonl"):
        text = "".join(f"{row}\n" for row in rows[:2])
    return f"$ cat {path}\n{len(rows)} lines\n{text}"


def drawn(page):
    """Return a page of HTML without its styles, and with coordinates to a tenth of a point."""
    page = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(
        r"(?<=[\s\"',(ML-])-?\d+\.\d{2,}(?=[\s\"',)])", lambda found: f"{float(found[0]):.1f}", page
    )


def expected(name, text):
    """Return what the file of that name holds; first write *text* into it if that was asked for."""
    path = FOLDER / name
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")
