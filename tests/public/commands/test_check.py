"""The command `check`, by its arguments, its output and its exit status."""

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.public.commands.command_lines import file, measured_command, run

EVIL = '{"a": "\\u001b[2J\\u009b31m", "\\u001b]0;owned\\u0007": 1}'


def test_check_tells_valid_and_invalid_files(capsys):
    """Each file has its line; one invalid file makes the exit status 1, and nothing goes to stderr."""
    result = run(
        capsys, "schema", "check", "s.json", file("ok.txt", '```\n{"a":1}\n```'), file("bad.txt", '{"a":"x"}')
    )

    assert result == (
        1,
        (
            "1 of 2 documents is invalid\n"
            "ok.txt: valid (unwrapped)\n"
            "bad.txt: structure type\n"
            "    at /a: expected integer, got string 'x'    [/properties/a/type]\n"
        ),
        "",
    )


def test_check_of_valid_files_is_good(capsys):
    """Where every file is valid the exit status is 0."""
    assert run(capsys, "schema", "check", "s.json", file("ok.txt", '{"a":1}')) == (
        0,
        "ok.txt: valid (clean)\n",
        "",
    )


def test_check_reads_json_lines(capsys):
    """A .jsonl file is judged line by line, by its line numbers; a line separator inside a string ends no line."""
    name = file("all.jsonl", '{"a":1}\n\n{"a":"\u2028"}\r\n{"a":2}\n')
    status, out, _ = run(capsys, "schema", "check", "s.json", name)

    assert (status, [line for line in out.splitlines() if line[0] != " "]) == (
        1,
        [
            "1 of 3 documents is invalid",
            "all.jsonl:1: valid (clean)",
            "all.jsonl:3: structure type",
            "all.jsonl:4: valid (clean)",
        ],
    )


def test_check_reads_standard_input(capsys, monkeypatch):
    """`-` is standard input."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"a":1}')))

    assert run(capsys, "schema", "check", "s.json", "-") == (0, "-: valid (clean)\n", "")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "syntax empty"),
        (b'{"a":"\xff"}', "syntax bad_unicode"),
        (b'\xff{"a":1}', "syntax bad_unicode"),
        (b'{"a":1}\x80', "syntax bad_unicode"),
        (b'Here it is \xc3:\n```json\n{"a":1}\n```', "syntax bad_unicode"),
        (b'{"a":', "syntax malformed"),
        (b"I cannot help with that.", "refusal refusal"),
        (b"\xef\xbb\xbf{}", "structure required"),
    ],
)
def test_check_names_kind_and_code(capsys, content, line):
    """An invalid file is told by kind and code; bytes that are not UTF-8 are no error of the command."""
    status, out, _ = run(capsys, "schema", "check", "s.json", file("f", content))

    assert (status, out.splitlines()[0]) == (1, f"f: {line}")


def test_check_as_json(capsys):
    """The JSON holds, for each file, whether it is valid, how it stood there, and the failure."""
    status, out, _ = run(
        capsys,
        "schema",
        "check",
        "--format",
        "json",
        "s.json",
        file("ok", '{"a":1}'),
        file("bad", '{"a":"x"}'),
    )

    violation = {
        "instance_location": "/a",
        "keyword_location": "/properties/a/type",
        "keyword": "type",
        "expected": "integer",
        "actual": "string 'x'",
    }
    failure = {
        "kind": "structure",
        "code": "type",
        "message": "at /a: expected integer, got string 'x'",
        "violations": [violation],
    }
    assert status == 1
    assert json.loads(out) == [
        {"file": "ok", "ok": True, "form": "clean", "coercions": [], "failure": None},
        {"file": "bad", "ok": False, "form": None, "coercions": [], "failure": failure},
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_check_shows_no_model_text_unescaped(capsys, form):
    """Values and keys of a reply, and names of files, are escaped."""
    status, out, _ = run(capsys, "schema", "check", "--format", form, "s.json", file("evil\x1b[2J", EVIL))

    assert status == 1
    assert "1b]0;owned" in out
    assert out.isascii()


def test_check_reports_a_line_that_is_not_utf_8(capsys):
    """Bytes around the JSON of a line make that line invalid, and the other lines are read."""
    status, out, _ = run(
        capsys, "schema", "check", "s.json", file("f.jsonl", b'{"a":1}\n\xff{"a":1}\n{"a":1}')
    )

    assert (status, [line for line in out.splitlines() if line[0] != " "]) == (
        1,
        [
            "1 of 3 documents is invalid",
            "f.jsonl:1: valid (clean)",
            "f.jsonl:2: syntax bad_unicode",
            "f.jsonl:3: valid (clean)",
        ],
    )


def sparse(name, size, start=b"", end=b""):
    """Write a file with a hole, which takes no room on the disk."""
    with Path(name).open("wb") as stream:
        stream.write(start)
        stream.truncate(size)
        stream.seek(size)
        stream.write(end)
    return name


@pytest.mark.parametrize("size", [600_000_000, pytest.param(3_000_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["f.json", "f.jsonl"])
def test_check_of_a_huge_file_needs_little_memory(name, size):
    """A sparse file of gigabytes is reported as too large, within 250 MB of memory."""
    status, out, peak = measured_command("schema", "check", "s.json", sparse(name, size))

    place = name if name == "f.json" else f"{name}:1"
    assert (status, out) == (1, f"{place}: syntax too_large\n    expected a document of at most 8 MiB\n")
    assert peak < 250e6


def test_check_reads_the_lines_after_a_huge_one(capsys):
    """A line that is too long is reported, and the lines around it are read."""
    name = sparse("f.jsonl", 100_000_000, b'{"a":1}\n', b'\n{"a":"x"}\n')
    status, out, _ = run(capsys, "schema", "check", "s.json", name)

    assert (status, [line for line in out.splitlines() if line[0] != " "]) == (
        1,
        [
            "2 of 3 documents are invalid",
            "f.jsonl:1: valid (clean)",
            "f.jsonl:2: syntax too_large",
            "f.jsonl:3: structure type",
        ],
    )


@pytest.mark.slow
def test_check_of_an_endless_file_is_an_error(capsys):
    """A file of lines that is larger than 4 GiB is refused with its name."""
    name = sparse("f.jsonl", 4 * 1024**3, b"", b"x")

    assert run(capsys, "schema", "check", "s.json", name) == (
        2, "", "schema-guard: f.jsonl: the file is larger than 4,096 MiB. Split it into smaller files\n",
    )  # fmt: skip
