"""What is wrong in a file is told with its place, and nothing of the file comes in."""

import json

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite


@pytest.fixture
def new_backend():
    """A file is read before there is any store: one kind is enough."""
    return lambda: SQLite(None)


@pytest.fixture
def lines(new_backend, make, move):
    """The lines of a file of three calls; the second one has two attempts."""
    backend = new_backend()
    attempts = [[{}], [make.failed, {}], [{}]]
    move.fill(backend, [make.outcome(*tries, id=f"call {n}") for n, tries in enumerate(attempts)])
    return [json.loads(line) for line in move.out(backend).splitlines()]


def content(lines):
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)


def refusal(move, backend, lines):
    with pytest.raises(InvalidArgument) as caught:
        move.take(backend, content(lines))
    assert Store(backend).configurations() == []
    return str(caught.value)


def test_an_infinite_number_is_refused(lines, new_backend, move):
    """A number beyond what a float holds is none."""
    text = json.dumps({**lines[1], "call_id": "x"}).replace('"cost": null', '"cost": 1e999')

    assert "at /cost: expected a number that is finite" in refusal(
        move, new_backend(), [lines[0], text.encode() + b"\n"]
    )


HEADERS = {
    "none": ([], "is empty: expected a file that `schema-guard store export` wrote"),
    "other": ([{"a": 1}], 'got a file that begins with b\'{"a": 1}'),
    "later": (
        [{"export": {"format": 2, "hash_keys": []}}],
        "has format 2, but this version of schema-guard reads up to 1. Upgrade",
    ),
    "odd": ([{"export": {"format": True, "hash_keys": []}}], "At /export/format: expected 1, got True"),
    "keys": ([{"export": {"format": 1}}], "At /export/hash_keys: expected an array of strings, got None"),
    "gzip": ([b"\x1f\x8b\x08"], "is compressed. Unpack it"),
    "binary": ([b"\x00\x01"], "got a file that begins with b'\\x00\\x01'"),
}


@pytest.mark.parametrize(("lines", "told"), HEADERS.values(), ids=HEADERS)
def test_import_refuses_incomplete_files(lines, told, new_backend, move):
    """The header is checked before all else."""
    assert told in refusal(move, new_backend(), lines)


def test_a_file_that_was_cut_off_is_told(lines, new_backend, move):
    """The end says how many attempts there should be."""
    assert "the end: the entry 'end' is missing, so the file was cut off" in refusal(
        move, new_backend(), lines[:-1]
    )
    assert "line 3: expected a final attempt of the call 'call 1'" in refusal(move, new_backend(), lines[:3])
    assert "ends with the number 4, but has 3 attempts" in refusal(move, new_backend(), lines[:1] + lines[2:])


def test_two_files_joined_are_told(lines, new_backend, move):
    """A second header is none."""
    message = refusal(move, new_backend(), [*lines[:-1], lines[0], lines[-1]])

    assert "line 6: export at (root): expected one header. Pass files one by one" in message


BESIDE = {
    "step": ({"declared_step": {"schema_fingerprint": "f", "step": "r", "status": "never", "reason": "x", "at": 1}},
             "declared_step at /status: expected 'not_applicable' or 'declined'"),
    "target": ({"declared_target": {"schema_fingerprint": "f", "at": 1, "target": 2}},
               "declared_target at /target: expected a rate in (0, 1), got 2.0"),
    "lost_records": ({"lost_records": {"reason": "full", "attempts": "2", "at": 1}}, "lost_records at /attempts: expected an integer"),
    "field": ({"lost_records": {"reason": "full", "attempts": 2, "at": 1, "why": 1}}, "lost_records at (root): unknown field 'why'"),
}  # fmt: skip


@pytest.mark.parametrize(("entry", "told"), BESIDE.values(), ids=BESIDE)
def test_what_is_wrong_beside_attempts_is_told(entry, told, lines, new_backend, move):
    """Declarations and counts of lost records are checked as attempts are."""
    lines.insert(1, entry)

    assert f"line 2: {told}" in refusal(move, new_backend(), lines)


def test_attempts_of_a_call_agree_about_it(lines, new_backend, move):
    """The attempts of a call have one configuration and one input."""
    lines[3]["model"] = "another"

    assert "line 4: at /model: expected the same value as in the call's first attempt" in refusal(
        move, new_backend(), lines
    )
