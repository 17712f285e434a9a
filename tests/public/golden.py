"""Recorded outputs: a test passes if a later output equals the recorded one.

To record the current outputs, run `SCHEMA_GUARD_GOLDEN=update pytest tests/public`. Read the difference before you
commit it. Each changed line is a change that users see.
"""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from html import unescape
from pathlib import Path

import schema_guard

FOLDER = Path(__file__).parent / "golden"
SAME_BUT = "the same as "
UPDATE = os.environ.get("SCHEMA_GUARD_GOLDEN") == "update"
# Digits beyond the ninth may differ between two machines.
LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{9,}(?:e[-+]?\d+)?(?![\w.])")
CALL_ID = re.compile(r"\b[0-9a-f]{32}\b")
DIGEST = re.compile(r"\b[0-9a-f]{11}…")
# A line of progress ends with a bar and seconds, which differ in each run.
PROGRESS = re.compile(r"[ ━╸╺]+ (\d+/\d+) [\d:-]+$", re.MULTILINE)
# A bar of one word is printed only if a step takes longer than a second.
SLOW_STEP = re.compile(r"^\w+ +[━╸╺ ]*\d+/\d+ [\d:-]+\n", re.MULTILINE)
MOMENT = re.compile(r"TODAYT\d\d:\d\d:\d\d")
MARK = re.compile(r"\bsg-[0-9a-f]{12}\b|(?<=\"mark\": \")[0-9a-f]{12}")
HASH_KEY = re.compile(r"(?<=hash_keys\"\": \[\"\")[0-9a-f]{16}")
STDOUT = re.compile(r"^--- stdout\n(.*?)--- stderr\n", re.DOTALL | re.MULTILINE)
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d+")


def normalized(text, folder=None):
    """Return a text without the parts that differ from run to run."""
    if folder is not None:
        text = text.replace(str(folder), "FOLDER")
    text = text.replace(schema_guard.__version__, "VERSION")
    # A test may run over midnight.
    for days in (0, 1):
        text = text.replace((datetime.now(UTC) - timedelta(days=days)).date().isoformat(), "TODAY")
    text = DIGEST.sub("DIGEST…", PORT.sub(r"\1:PORT", CALL_ID.sub("ID", text)))
    text = HASH_KEY.sub("KEY", text)
    text = MARK.sub("sg-MARK", PROGRESS.sub(r" \1", SLOW_STEP.sub("", MOMENT.sub("TODAY", text))))
    return STDOUT.sub(_wrapped_stdout, LONG_NUMBER.sub(lambda match: f"{float(match[0]):.9g}", text))


def _wrapped_stdout(found):
    try:
        return f"--- stdout\n{wrapped_json(json.loads(found[1]))}\n--- stderr\n"
    except ValueError:
        return found[0]


def wrapped_json(value, width=110, indent=0):
    """Return JSON with as many values in a line as fit. A value longer than a line gets lines of its own."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= width or not isinstance(value, dict | list):
        return line
    space = " " * (indent + 1)
    rows = [space]
    is_object = isinstance(value, dict)
    for name, part in value.items() if is_object else enumerate(value):
        text = (f"{json.dumps(name)}: " if is_object else "") + wrapped_json(part, width, indent + 1) + ","
        if rows[-1] != space and ("\n" in text or len(rows[-1]) + len(text) >= width):
            rows.append(space)
        rows[-1] += text if rows[-1] == space else f" {text}"
        if "\n" in text:
            rows.append(space)
    rows = [row for row in rows if row != space]
    return "\n".join([line[0], *rows[:-1], rows[-1].removesuffix(","), " " * indent + line[-1]])


def transcript(arguments, result):
    """Return a command line, its exit status, and both of its outputs as one text."""
    status, out, err = result
    line = " ".join(str(argument) for argument in arguments)
    return f"$ schema-guard {line}\nexit {status}\n--- stdout\n{out}--- stderr\n{err}"


def contents(path):
    """Return the content of a file and its number of lines. Of a JSON Lines file, return only the first two."""
    text = Path(path).read_text(encoding="utf-8")
    rows = text.splitlines()
    if path.endswith(".jsonl"):
        text = "".join(f"{row}\n" for row in rows[:2])
    return f"$ cat {path}\n{len(rows)} lines\n{text}"


def words_of(page):
    """Return the text of an HTML page, one line for each element.

    Shapes are left out: the tests of the pages check them.
    """
    page = re.sub(r"<(style|script)\b.*?</\1>|<!--.*?-->", "", page, flags=re.DOTALL)
    lines = (" ".join(unescape(line).split()) for line in re.split(r"<[^>]*>", page))
    return "".join(f"{line}\n" for line in lines if line)


def expected(name, text, base=None):
    """Return the recorded text. In update mode, record *text* first.

    Args:
        name: Path of the recording, relative to the folder `golden`.
        text: The output.
        base: Path of the recording of a similar output. If the two differ little, only the difference is stored.
    """
    path = FOLDER / name
    if base and not (FOLDER / base).exists():
        base = None  # a later update stores the difference
    base_lines = _lines_of(base) if base else []
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        changes = "".join(_changes(base_lines, text.splitlines(keepends=True)))
        path.write_text(
            f"{SAME_BUT}{base}\n{changes}" if len(changes) < len(text) / 2 else text, encoding="utf-8"
        )
    stored = path.read_text(encoding="utf-8")
    if not stored.startswith(SAME_BUT):
        return stored
    changes = "".join(_changes(base_lines, text.splitlines(keepends=True)))
    return text if stored == f"{SAME_BUT}{base}\n{changes}" else stored


def _lines_of(name):
    return (FOLDER / name).read_text(encoding="utf-8").splitlines(keepends=True)


def _changes(before, after):
    """Return the differing lines, each block after its position in both texts."""
    return list(unified_diff(before, after, n=0))[2:]
