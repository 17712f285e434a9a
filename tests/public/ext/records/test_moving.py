"""Exports, imports, and merges: every row and every count is moved exactly once."""

import csv
import io
import json
import stat

import pytest

from schema_guard import guard, open_store
from tests.public.records.counting import stored_counts, stored_hours
from tests.public.records.outcomes import FAILED, FINGERPRINT, LOST, outcome

HOUR = 3_600.0
CALLS = [
    outcome({}, id="1", started_at=1_000.0, input_hash="a" * 32),
    outcome(FAILED, {}, id="2", started_at=1_000.5, input_hash="a" * 32, segment="=eu"),
    outcome(FAILED, FAILED, id="3", started_at=HOUR, cluster="c"),
    outcome(LOST, id="4", started_at=HOUR + 1),
    outcome({"form": "repaired_lossless", "repairs": ("fence", "comma")}, id="5", started_at=2 * HOUR),
    outcome({"cost": 0.1, "elapsed_s": 0.30000000000000004}, id="6", function="app.other", tuned=True,
            started_at=2 * HOUR, parent_call_id="5", model=None),
    outcome({"stopped_at": 3, "gateway_repaired": True, "unseen": True, "snapshot": "m-1", "model": "m"},
            id="7", version="v2", started_at=3 * HOUR),
]  # fmt: skip
ATTEMPTS = 9


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    """All stores use one hash key, unless a test removes it."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the team")


def fill(url, calls, *, lost_records=0, declared=None, **options):
    """Record calls, drop some attempts, and add declarations."""
    with open_store(str(url), **options) as store:
        for _ in range(lost_records):
            store.record(outcome({"repairs": 5}))
            store.flush()
        for one in calls:
            store.record(one, "task")
        store.flush()
        if declared:
            store.declare_step(FINGERPRINT, "few_shot", "declined", declared[0], function="app.extract")
            store.set_target(FINGERPRINT, declared[1])


def content_of(url):
    """Return all rows, counts, lost records, and declarations of a store."""
    with open_store(str(url)) as store:
        assert store.check().is_sound
        steps = [tuple(one) for one in store.declared_steps(FINGERPRINT)]
        targets = [tuple(one) for one in store.targets(FINGERPRINT)]
        return (
            list(store.attempts()),
            stored_counts(store),
            stored_hours(store),
            store.lost_records(),
            steps,
            targets,
        )


@pytest.fixture
def source(tmp_path):
    fill(tmp_path / "a.db", CALLS, lost_records=2, declared=("=too dear", 0.01))
    return tmp_path / "a.db"


@pytest.fixture
def move(cli_json, tmp_path):
    """Return a function that runs a `store` command and returns the sources of its document."""

    def run(command, *words, into="b.db"):
        document = cli_json("store", command, *words, "--store", tmp_path / into)
        return document["sources"]

    return run


def test_import_of_an_export_is_the_same_store(source, cli, move, tmp_path):
    """Rows, counts, lost records, and declarations are equal. A second import adds nothing."""
    file = tmp_path / "a.jsonl"
    status, out, _ = cli("store", "export", "--store", source, "-o", file)
    first = move("import", file)
    once = content_of(tmp_path / "b.db")
    second = move("import", file)

    assert (status, out) == (0, f"exported {ATTEMPTS} attempts to {file}\n")
    assert [(one["attempts"], one["calls"], one["added"]) for one in first + second] == [
        (ATTEMPTS, 7, ATTEMPTS),
        (ATTEMPTS, 7, 0),
    ]
    assert once == content_of(source)
    assert content_of(tmp_path / "b.db") == once
    cli("store", "export", "--store", tmp_path / "b.db", "-o", tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == file.read_bytes()


def test_export_to_stdout_is_json_lines(source, cli):
    """The lines are a header, declarations, lost records, one object for each attempt, and an end."""
    lines = [json.loads(line) for line in cli("store", "export", "--store", source)[1].splitlines()]
    attempts = [line for line in lines if "call_id" in line]

    assert [next(iter(line)) for line in lines if "call_id" not in line] == [
        "export", "declared_step", "declared_target", *["lost_records"] * (len(lines) - ATTEMPTS - 4), "end",
    ]  # fmt: skip
    assert lines[0]["export"]["format"] == 1
    assert lines[-1] == {"end": {"attempts": ATTEMPTS}}
    assert [line["call_id"] for line in attempts] == ["1", "2", "2", "3", "3", "4", "5", "6", "7"]
    assert [line["final"] for line in attempts] == [True, False, True, False, True, True, True, True, True]
    assert (attempts[7]["tuned"], attempts[7]["elapsed_s"], attempts[7]["model"]) == (
        True,
        0.30000000000000004,
        None,
    )
    assert (attempts[6]["repairs"], attempts[1]["violations"]) == (["fence", "comma"], [["/total", "type"]])
    assert sum(line["lost_records"]["attempts"] for line in lines if "lost_records" in line) == 2


def test_export_header_has_only_a_fingerprint_of_the_hash_key(source, cli, monkeypatch):
    """The hash key itself is not in the export."""
    out = cli("store", "export", "--store", source)[1]
    (fingerprint,) = json.loads(out.splitlines()[0])["export"]["hash_keys"]

    assert len(fingerprint) == 16
    assert "of the team" not in out


def test_csv_export_escapes_formulas(source, cli, tmp_path):
    """A text that a spreadsheet would run gets an apostrophe."""
    cli("store", "export", "--store", source, "-o", tmp_path / "a.csv")
    cells = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))

    assert {row["segment"] for row in cells} >= {"'=eu"}


FILTERS = {
    "since": (["--since", "1970-01-01T01:00"], "334567"),
    "until": (["--until", "1970-01-01T01:00"], "122"),
    "both": (["--since", "1970-01-01T01:00", "--until", "1970-01-01T02:00"], "334"),
    "function": (["--function", "app.other"], "6"),
    "end of a function": (["--function", "other"], "6"),
    "schema": (["--schema", "invoice", "--until", "1970-01-01T00:30"], "122"),
}


@pytest.mark.parametrize(("words", "calls"), FILTERS.values(), ids=FILTERS)
def test_export_applies_filters(source, cli, words, calls):
    """`--since` is inclusive, `--until` is exclusive, and names match."""
    lines = [json.loads(line) for line in cli("store", "export", "--store", source, *words)[1].splitlines()]

    assert "".join(line["call_id"] for line in lines if "call_id" in line) == calls
    assert lines[-1] == {"end": {"attempts": len(calls)}}
    # The lost records are from today and have no function.
    assert ("lost_records" in {next(iter(line)) for line in lines}) == (
        words[0] == "--since" and "--until" not in words
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--until", "soon"], "Invalid value for '--until': 'soon': expected a date such as 2026-11-01"),
        (["--function", "othr"], "Did you mean 'app.other'"),
        (["--format", "xml"], "xml"),
    ],
)
def test_export_rejects_invalid_filters(source, cli, words, message):
    """The exit status is 2, and the message suggests the nearest name."""
    status, out, err = cli("store", "export", "--store", source, *words)

    assert (status, out) == (2, "")
    assert message in err


def test_export_creates_private_files(source, cli, tmp_path):
    """A new file has mode 0600. An existing file keeps its mode. No other file is left."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "there.jsonl").write_text("before")
    (folder / "there.jsonl").chmod(0o640)
    for name in ("new.jsonl", "there.jsonl"):
        assert cli("store", "export", "--store", source, "-o", folder / name)[0] == 0

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == {"new.jsonl": 0o600, "there.jsonl": 0o640}
    assert (folder / "there.jsonl").read_text() == (folder / "new.jsonl").read_text()


def test_store_commands_refuse_the_store_itself_as_a_file(source, cli):
    """No command exports to, imports, or merges the store itself, even through a link."""
    source.with_name("link.db").symlink_to(source)
    before = source.read_bytes()

    for words, refusal in ((["export", "-o"], "is the store itself"), (["import"], "is the target store")):
        status, _, err = cli("store", *words, source.with_name("link.db"), "--store", source)
        assert (status, refusal in err) == (2, True)
    assert source.read_bytes() == before


OTHERS = [
    outcome({}, id="8", started_at=1_500.0, input_hash="a" * 32),
    outcome(FAILED, id="9", started_at=HOUR),
]


def test_merged_store_equals_one_that_recorded_all_calls(source, move, tmp_path):
    """Order and repetition of merges do not matter."""
    fill(tmp_path / "c.db", OTHERS, lost_records=1, declared=("later", 0.02))
    fill(tmp_path / "both.db", [*CALLS, *OTHERS])

    first = move("import", source, tmp_path / "c.db")
    once = content_of(tmp_path / "b.db")
    second = move("import", tmp_path / "c.db", source, source)
    rows, counts, hours, lost_records, steps, targets = content_of(tmp_path / "b.db")

    assert [(one["attempts"], one["added"], one["lost_records"]) for one in first] == [(9, 9, 2), (2, 2, 1)]
    assert [(one["attempts"], one["added"], one["lost_records"]) for one in second] == [
        (2, 0, 0),
        (9, 0, 0),
        (9, 0, 0),
    ]
    assert (rows, counts, hours) == content_of(tmp_path / "both.db")[:3]
    assert lost_records == {"write_failed": 3}
    assert [step[2] for step in steps] == ["later"]
    assert [target[1] for target in targets] == [0.01, 0.02]
    assert content_of(tmp_path / "b.db") == once


def test_merge_counts_shared_calls_once(source, move, tmp_path):
    """Calls that both stores have are recognized by their ids."""
    fill(tmp_path / "b.db", [CALLS[1], *OTHERS])

    (result,) = move("import", source)

    assert (result["attempts"], result["added"]) == (ATTEMPTS, ATTEMPTS - 2)
    rows, counts, hours, *_ = content_of(tmp_path / "b.db")
    assert [row["call_id"] for row in rows] == ["2", "2", "8", "9", "1", "3", "3", "4", "5", "6", "7"]
    assert sum(one["calls"] + one["transport"] for one in counts.values()) == 9
    assert sum(one["calls"] + one["transport"] for one in hours.values()) == 9


def test_dry_run_counts_without_creating_a_store(source, cli, cli_json, move, tmp_path):
    """`--dry-run` prints the numbers of the real run and creates no store."""
    dry = cli_json("store", "import", source, "--store", tmp_path / "b.db", "--dry-run")
    line = cli("store", "import", source, "--store", tmp_path / "b.db", "--dry-run")[1]
    exists = (tmp_path / "b.db").exists()
    real = move("import", source)

    assert (dry["dry_run"], dry["sources"]) == (True, real)
    assert "9 of 9 attempts would be added; 2 declarations" in line
    assert not exists


@pytest.mark.parametrize("is_exported", [True, False], ids=["file", "store"])
def test_dry_run_counts_only_missing_attempts(source, cli, move, tmp_path, is_exported):
    """`--dry-run` leaves out the attempts that the store already has."""
    fill(tmp_path / "b.db", CALLS[:3])
    cli("store", "export", "--store", source, "-o", tmp_path / "a.jsonl")
    file = tmp_path / "a.jsonl" if is_exported else source
    (dry,) = move("import", file, "--dry-run")
    (real,) = move("import", file)
    (again,) = move("import", file, "--dry-run")

    # The first three calls have five attempts.
    assert (dry["added"], real["added"], again["added"]) == (ATTEMPTS - 5, ATTEMPTS - 5, 0)


def test_merge_prints_a_line_for_each_source(source, cli, tmp_path):
    """The line is printed even if the source adds nothing."""
    words = ("store", "import", source, "--store", tmp_path / "b.db")
    first, second = (cli(*words)[1].partition(": ")[2] for _ in range(2))

    assert first.startswith("9 of 9 attempts added; 2 declarations")
    assert second == "0 of 9 attempts added; 9 were already in the store\n"


@pytest.fixture
def two_keys(tmp_path, monkeypatch):
    """Two stores with the same three tasks and different hash keys."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY")
    for name in "xy":
        with open_store(f"{tmp_path}/{name}.db") as store:
            for number in range(3):
                store.record(outcome(id=f"{name}{number}", model=f"m-{name}"), f"task {number}")
    return tmp_path / "x.db", tmp_path / "y.db"


def test_merge_refuses_a_different_hash_key(two_keys, cli):
    """The exit status is 2, and the store does not change."""
    x, y = two_keys
    before = content_of(x)
    status, out, err = cli("store", "import", y, "--store", x)

    assert (status, out) == (2, "")
    assert "Use one SCHEMA_GUARD_HASH_KEY on all machines" in err
    assert "--unlinked" in err
    assert content_of(x) == before


def test_unlinked_merge_keeps_inputs_separate(two_keys, move):
    """With `--unlinked`, no inputs of two stores are equal. A second merge adds nothing."""
    x, y = two_keys
    added = [move("import", y, "--unlinked", into="x.db")[0]["added"] for _ in range(2)]

    assert added == [3, 0]
    rows, counts, *_ = content_of(x)
    assert len({row["input_hash"] for row in rows}) == 6
    assert [one["calls"] for one in counts.values()] == [3, 3]
    with open_store(str(x)) as store:
        first, second = store.configurations()
        assert store.pairs(first.id, second.id) == (0, 0, 0)


def test_import_takes_another_key_only_if_unlinked(two_keys, cli, tmp_path):
    """A file of a store with another key is refused. With `--unlinked`, its calls are imported as other inputs."""
    x, y = two_keys
    cli("store", "export", "--store", y, "-o", tmp_path / "y.jsonl")
    refused = cli("store", "import", tmp_path / "y.jsonl", "--store", x)
    taken = cli("store", "import", tmp_path / "y.jsonl", "--store", x, "--unlinked")

    assert refused[:2] == (2, "")
    assert "--unlinked" in refused[2]
    assert taken[0] == 0
    assert len({row["input_hash"] for row in content_of(x)[0]}) == 6


def test_empty_store_takes_the_hash_key_of_the_first_merge(two_keys, move, tmp_path, cli):
    """Later calls with the same task are the same input."""
    x, y = two_keys
    move("import", x)
    with open_store(f"{tmp_path}/b.db") as store:
        store.record(outcome(id="later", model="m-later"), "task 0")
        first, later = store.configurations()
        assert store.pairs(first.id, later.id) == (1, 0, 0)

    assert cli("store", "import", y, "--store", tmp_path / "b.db")[0] == 2


def test_inputs_with_one_hash_key_are_equal_after_a_merge(tmp_path, move):
    """A task that two machines recorded is one input."""
    for name in "xy":
        with open_store(f"{tmp_path}/{name}.db") as store:
            store.record(outcome(id=name, model=f"m-{name}"), "task")
    move("import", tmp_path / "x.db", tmp_path / "y.db")

    with open_store(f"{tmp_path}/b.db") as store:
        first, second = store.configurations()
        assert store.pairs(first.id, second.id) == (1, 0, 0)


def test_import_skips_calls_whose_rows_were_deleted(source, move, cli, tmp_path):
    """Deleted calls are not counted twice. Calls of later hours are imported."""
    cli("store", "export", "--store", source, "-o", tmp_path / "a.jsonl")
    before = content_of(source)[1:3]
    cli("store", "delete", "--yes", "--older-than", "1s", "--store", source)
    fill(tmp_path / "c.db", [outcome({}, id="new", started_at=9 * HOUR)])

    added = move("import", tmp_path / "a.jsonl", into="a.db") + move("import", tmp_path / "c.db", into="a.db")

    assert [one["added"] for one in added] == [0, 1]
    rows, counts, hours, *_ = content_of(source)
    assert [row["call_id"] for row in rows] == ["new"]
    assert sum(one["calls"] for one in counts.values()) == 1 + sum(one["calls"] for one in before[0].values())
    assert {key: result for key, result in hours.items() if key in before[1]} == before[1]


def test_texts_move_only_with_the_texts_option(tmp_path, cli, move):
    """Exports, imports, and merges leave prompts and replies out by default."""
    calls = [outcome({"prompt": "canary of ann@corp.com", "reply": "reply ß"}, id="1"), CALLS[3]]
    fill(tmp_path / "a.db", calls, payload="full")
    outs = {}
    for words in ((), ("--texts", "kept"), ("--texts", "redacted")):
        name = tmp_path / f"{'-'.join(words)}.jsonl"
        assert cli("store", "export", "--store", tmp_path / "a.db", "-o", name, *words)[0] == 0
        outs[words[-1] if words else None] = name

    assert "canary" not in outs[None].read_text()
    assert "canary of ann@corp.com" in outs["kept"].read_text()
    assert "ann@corp" not in outs["redacted"].read_text()
    assert "canary of redacted@example.com" in outs["redacted"].read_text()
    results = {}
    for number, (source, words) in enumerate(
        [("kept", []), ("kept", ["--texts"]), ("redacted", ["--texts"])]
    ):
        move("import", outs[source], *words, into=f"i{number}.db")
        results[number] = texts_of(tmp_path / f"i{number}.db")
    move("import", tmp_path / "a.db", into="m0.db")
    move("import", tmp_path / "a.db", "--texts", into="m1.db")

    assert results == {
        0: [],
        1: [("1", "canary of ann@corp.com", "reply ß"), ("4", "extract it", None)],
        2: [("1", "canary of redacted@example.com", "reply ß"), ("4", "extract it", None)],
    }
    assert texts_of(tmp_path / "m0.db") == []
    assert texts_of(tmp_path / "m1.db") == results[1] == texts_of(tmp_path / "a.db")


def texts_of(path):
    with open_store(str(path)) as store:
        return [(one.call_id, one.prompt, one.reply) for one in store.texts(list("123456789"))]


@pytest.fixture
def lines(source, cli):
    """The lines of an export without lost records and declarations."""
    calls = [json.loads(line) for line in cli("store", "export", "--store", source)[1].splitlines()]
    return [line for line in calls if {"lost_records", "declared_step", "declared_target"}.isdisjoint(line)]


@pytest.fixture
def import_lines(cli, tmp_path):
    """Return a function that imports lines and returns exit status, stdout, stderr, and the imported calls."""

    def run(lines, *words):
        content = b"".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
        )
        (tmp_path / "x.jsonl").write_bytes(content)
        result = cli("store", "import", tmp_path / "x.jsonl", "--store", tmp_path / "t.db", *words)
        if not (tmp_path / "t.db").exists():
            return *result, None
        with open_store(f"{tmp_path}/t.db") as store:
            return *result, list(dict.fromkeys(row["call_id"] for row in store.attempts()))

    return run


WRONG = {
    "type": ({"cost": "cheap"}, "line 3: at /cost: expected a number, got string 'cheap'"),
    "bool": ({"number": True}, "line 3: at /number: expected an integer from 0 to 2^63 - 1, got boolean True"),
    "negative": ({"reply_bytes": -1}, "line 3: at /reply_bytes: expected an integer from 0 to 2^63 - 1"),
    "flag": ({"tuned": 1}, "line 3: at /tuned: expected true or false, got number 1"),
    "null": ({"function": None}, "line 3: at /function: expected a string, got nothing"),
    "kind": ({"kind": "typo"}, "line 3: at /kind: expected one of syntax, structure"),
    "list": ({"violations": [["/a"]]}, "line 3: at /violations: expected an array of [location, keyword], got array"),
    "column": ({"functon": "f"}, "line 3: at (root): unknown column 'functon'. Did you mean 'function'?"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_import_refuses_a_file_with_an_invalid_field(fields, message, lines, import_lines):
    """The message has line, place, expected, and actual value."""
    lines[2] |= fields

    refused = import_lines(lines)

    assert (refused[0], refused[1], refused[3]) == (2, "", None)
    assert message in refused[2]
    assert "nothing was imported. Export the store again, or fix the file" in refused[2]


TEXTS = {
    "no json": b"{oops\n",
    "nan": b'{"call_id": NaN}\n',
    "twice": b'{"call_id": "a", "call_id": "b"}\n',
    "deep": b"[" * 100_000 + b"\n",
    "array": b"[1]\n",
    "huge": b'{"a": "' + b"x" * 3_000_000 + b'"}\n',
    "no utf-8": b'{"call_id": "\xff"}\n',
    "infinite": b'{"cost": 1e999}\n',
    "empty object": b"{}\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_import_refuses_hostile_lines(text, lines, import_lines):
    """The message has the number of the line."""
    lines.insert(2, text)

    status, out, err, calls = import_lines(lines)

    assert (status, out, calls) == (2, "", None)
    assert "line 3: " in err


FILES = {
    "empty": (lambda lines: [], "is empty: expected a file that `schema-guard store export` wrote"),
    "no header": (lambda lines: lines[1:], "got a file that begins with"),
    "later format": (
        lambda lines: [{"export": {**lines[0]["export"], "format": 2}}, *lines[1:]],
        "has format 2, but this version of schema-guard reads up to 1. Upgrade",
    ),
    "compressed": (lambda lines: [b"\x1f\x8b\x08"], "is compressed. Unpack it"),
    "cut off": (lambda lines: lines[:-1], "the file was cut off"),
    "cut in a call": (lambda lines: lines[:3], "expected a final attempt of the call '2'"),
    "a line too few": (lambda lines: [*lines[:1], *lines[2:]], "ends with the number 9, but has 8 attempts"),
    "two files": (lambda lines: [*lines[:-1], lines[0], lines[-1]], "expected one header. Pass files one by one"),
    "attempts that disagree": (
        lambda lines: [*lines[:3], {**lines[3], "model": "another"}, *lines[4:]],
        "line 4: at /model: expected the same value as in the call's first attempt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FILES.values(), ids=FILES)
def test_import_refuses_incomplete_files(change, message, lines, import_lines):
    """The exit status is 2, and no call of the file is imported."""
    status, out, err, calls = import_lines(change(lines))

    assert (status, out, calls) == (2, "", None)
    assert message in err


def test_import_checks_all_files_before_the_first(source, lines, cli, tmp_path):
    """One invalid file prevents the import of every file."""
    cli("store", "export", "--store", source, "-o", tmp_path / "good.jsonl")
    (tmp_path / "bad.jsonl").write_text("{\n")

    status, out, _ = cli(
        "store", "import", tmp_path / "good.jsonl", tmp_path / "bad.jsonl", "--store", tmp_path / "b.db"
    )

    assert (status, out) == (2, "")
    assert not (tmp_path / "b.db").exists()


@pytest.mark.parametrize(
    ("form", "message"), [("csv", "begins with b'call_id,"), ("parquet", "is a Parquet file")]
)
def test_import_refuses_tables(form, message, source, cli, tmp_path):
    """CSV and Parquet are for other programs. The message names the format that can be imported."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    file = tmp_path / f"a.{form}"
    cli("store", "export", "--store", source, "-o", file)

    status, _, err = cli("store", "import", file, "--store", tmp_path / "b.db")

    assert (status, message in err, "JSON Lines" in err) == (2, True, True)


def test_import_lists_the_first_ten_faults(lines, import_lines):
    """The message has the number of all faults and of those not listed."""
    lines[1:1] = [b"{\n"] * 25

    status, _, err, _ = import_lines(lines)

    assert status == 2
    assert "the file has 25 faults" in err
    assert err.rstrip().endswith("and 15 more")


def test_import_reads_standard_input(source, cli, tmp_path, monkeypatch):
    """The file name `-` means standard input."""
    out = cli("store", "export", "--store", source)[1]
    stream = io.TextIOWrapper(io.BytesIO(out.encode()))
    monkeypatch.setattr("sys.stdin", stream)

    status, result, _ = cli("store", "import", "-", "--store", tmp_path / "b.db")

    assert (status, "9 of 9 attempts added" in result) == (0, True)
    assert content_of(tmp_path / "b.db") == content_of(source)


def test_redacted_export_redacts_the_task_too(tmp_path, cli):
    """The task is stored in addition to the prompt, so it needs its own redaction."""
    path = tmp_path / "a.db"
    with open_store(str(path), payload="full") as store:
        guarded = guard({"type": "object"}, store=store, strategy="system_prompt")(lambda prompt: "{}")
        guarded([{"role": "user", "content": "Write to ann@corp.com"}])
    outs = {}
    for how in ("kept", "redacted"):
        outs[how] = tmp_path / f"{how}.jsonl"
        assert cli("store", "export", "--store", path, "-o", outs[how], "--texts", how)[0] == 0

    entries = {how: map(json.loads, out.read_text().splitlines()) for how, out in outs.items()}
    tasks = {
        how: next(one["texts"]["task"] for one in found if "texts" in one) for how, found in entries.items()
    }
    assert outs["kept"].read_text().count("ann@corp.com") == 2
    assert tasks["redacted"] == json.loads(
        json.dumps(tasks["kept"]).replace("ann@corp.com", "redacted@example.com")
    )
    assert "ann@corp" not in outs["redacted"].read_text()


def test_export_of_a_function_includes_general_declarations(source, cli, move, tmp_path):
    """Targets and steps without a function are exported with every function."""
    with open_store(str(source)) as store:
        store.declare_step(FINGERPRINT, "larger_model", "declined", "for all")
        store.declare_step(FINGERPRINT, "json_mode", "declined", "for another one", function="app.other")
    assert (
        cli("store", "export", "--store", source, "-o", tmp_path / "a.jsonl", "--function", "app.extract")[0]
        == 0
    )
    move("import", tmp_path / "a.jsonl")

    *_, steps, targets = content_of(tmp_path / "b.db")
    assert sorted(one[0] for one in steps) == ["few_shot", "larger_model"]
    assert len(targets) == 1
