"""The limits of exported files: a line, a document, and a whole file that are too large to be read."""

import gzip
import json

import pytest

from tests.public.commands.command_lines import command, measured_command
from tests.public.commands.exports import GOOD, SCHEMA

MANY = 600_000_000
REPLY = json.dumps({"prompt": "p", "reply": GOOD, "model": "m", "function": "app.f"}).encode()
HEADER = b"prompt,reply,model,function\n"
CSV_REPLY = b'p,"' + GOOD.replace('"', '""').encode() + b'",m,app.f\n'
OPTIONS = (
    "--schema",
    "ticket.json",
    "--traffic",
    "all",
    "--store",
    "sqlite:///r.db",
    "--field",
    "reply=reply",
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the schema of the replies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ticket.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def bomb(path, parts, size):
    """Write a compressed file that is a thousand times larger when it is unpacked."""
    start, filler, end = parts
    block = filler * (1_000_000 // len(filler))
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(start)
        for _ in range(size // len(block)):
            stream.write(block)
        stream.write(end)
    return path.name


def imported(run, name):
    status, out, *more = run("store", "import", "--from", "jsonl", name, *OPTIONS)
    return status, out, *more


@pytest.mark.parametrize("size", [MANY, pytest.param(2_000_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "parts", "why"),
    [
        ("f.jsonl.gz", (REPLY + b"\n", b"x", b"\n" + REPLY), "f.jsonl.gz:2: the line is longer than 16 MiB"),
        ("g.jsonl.gz", (b"", b"\0", b"\n" + REPLY), "g.jsonl.gz:1: the line is longer than 16 MiB"),
        ("f.json.gz", (b"[", b"[],", b"[]]"), "f.json.gz: the JSON document is larger than 64 MiB. Convert it to JSON Lines"),
        ("g.json.gz", (b"{\n", b'"x": 1,\n', b"}"), "g.json.gz: the JSON document is larger than 64 MiB"),
        ("f.csv.gz", (HEADER + CSV_REPLY, b"x", b"\n" + CSV_REPLY), "f.csv.gz:3: no CSV: the row is larger than 16 MiB"),
        ("g.csv.gz", (HEADER + CSV_REPLY + b'"', b"x" * 999 + b"\n", b""), "g.csv.gz:3: no CSV: "),
    ],
    ids=["line", "first line", "list", "object", "cell", "quoted cell"],
)  # fmt: skip
def test_a_compressed_bomb_needs_little_memory(folder, name, parts, why, size):
    """A file that unpacks to gigabytes is reported with its place, within 400 MB of memory."""
    status, out, peak = imported(measured_command, bomb(folder / name, parts, size))

    assert status == 1
    assert why in out
    assert peak < 400e6


@pytest.mark.parametrize(
    ("name", "parts", "stored"),
    [
        ("f.jsonl.gz", (REPLY + b"\n", b"x", b"\n" + REPLY), 2),
        ("g.jsonl.gz", (b"", b"x", b"\n" + REPLY), 1),
        ("f.csv.gz", (HEADER + CSV_REPLY, b"x", b"\n" + CSV_REPLY), 2),
    ],
)
def test_rows_around_a_huge_one_are_read(folder, name, parts, stored):
    """One row that is too large hides no other row."""
    status, out, _ = imported(command, bomb(folder / name, parts, 100_000_000))

    assert (status, out.splitlines()[0].partition(": ")[2].partition(",")[0]) == (
        1,
        f"{stored} call{'s' * (stored > 1)} stored",
    )


@pytest.mark.parametrize("name", ["f.json", "f.jsonl", "f.csv"])
def test_a_sparse_file_needs_little_memory(folder, name):
    """A file with a hole of gigabytes is reported with its place, within 400 MB of memory."""
    with (folder / name).open("wb") as stream:
        stream.truncate(MANY)
    status, out, peak = imported(measured_command, name)

    assert (status, f"{name}:1: " in out) == (1, True)
    assert peak < 400e6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["f.jsonl", "f.csv"])
def test_an_endless_file_is_reported(folder, name):
    """Reading ends after 4 GiB, and the place is reported."""
    with (folder / name).open("wb") as stream:
        stream.truncate(4 * 1024**3 + 1)
    status, out, _ = imported(command, name)

    assert (status, "the file is larger than 4,096 MiB. Split it" in out) == (1, True)


def test_a_large_line_of_one_document_is_read(folder):
    """A JSON list of 30 MB on one line is within the limits."""
    padding = "x" * 1_000_000
    rows = [{**json.loads(REPLY), "id": number, "prompt": padding} for number in range(30)]
    (folder / "f.json").write_text(json.dumps(rows))
    status, out, _ = imported(command, "f.json")

    assert (status, out.splitlines()[0].partition(": ")[2].partition(",")[0]) == (0, "30 calls stored")
