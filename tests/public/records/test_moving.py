"""Out of a store and into another: exports, imports, and merges keep every row and every count, once."""

import csv
import io
import json
import stat

import pytest

from schema_guard import guard, open_store
from tests.public.records.counting import found_of, hours_of
from tests.public.records.outcomes import FAILED, FINGERPRINT, LOST, outcome

FORMS = ("jsonl", "csv", "parquet")
HOUR = 3_600.0
CALLS = [
    outcome({}, id="1", started_at=1_000.0, input_hash="a" * 32),
    outcome(FAILED, {}, id="2", started_at=1_000.5, input_hash="a" * 32, segment="=eu"),
    outcome(FAILED, FAILED, id="3", started_at=HOUR, cluster="c"),
    outcome(LOST, id="4", started_at=HOUR + 1),
    outcome({"form": "repaired_lossless", "repairs": ("fence", "comma")}, id="5", started_at=2 * HOUR),
    outcome({"cost": 0.1, "elapsed_s": 0.30000000000000004}, id="6", function="app.other", tuned=True,
            started_at=2 * HOUR, parent_call_id="5", model=None),
    outcome({"stopped_at": 3, "healed": True, "unseen": True, "retries": 2, "snapshot": "m-1", "model": "m"},
            id="7", version="v2", started_at=3 * HOUR),
]  # fmt: skip
ATTEMPTS = 9


@pytest.fixture(autouse=True)
def one_key(monkeypatch):
    """All machines hash with one key, unless a test says otherwise."""
    monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "of the team")


def fill(url, calls, *, drops=0, declared=None, **options):
    """Record calls, drop some attempts, and declare something."""
    with open_store(str(url), **options) as store:
        for _ in range(drops):
            store.record(outcome({"repairs": 5}))
            store.flush()
        for one in calls:
            store.record(one, "task")
        store.flush()
        if declared:
            store.declare_rung(FINGERPRINT, "few_shot", "declined", declared[0], function="app.extract")
            store.set_target(FINGERPRINT, declared[1])


def all_of(url):
    """Return everything that a store gives."""
    with open_store(str(url)) as store:
        assert store.check().is_sound
        rungs = [tuple(one) for one in store.declared_rungs(FINGERPRINT)]
        targets = [tuple(one) for one in store.targets(FINGERPRINT)]
        return list(store.attempts()), found_of(store), hours_of(store), store.drops(), rungs, targets


@pytest.fixture
def a(tmp_path):
    fill(tmp_path / "a.db", CALLS, drops=2, declared=("=too dear", 0.01))
    return tmp_path / "a.db"


@pytest.fixture
def move(cli_json, tmp_path):
    """Return a function that runs a command on a store and gives its sources, without their names."""

    def run(command, *words, into="b.db"):
        document = cli_json("store", command, *words, "--store", tmp_path / into)
        return document["sources"]

    return run


@pytest.mark.parametrize("form", FORMS)
def test_out_and_in_is_the_same_store(a, form, cli, move, tmp_path):
    """Attempts, counts, hours, drops, and declarations come back as they were, and a second import adds nothing."""
    file = tmp_path / f"a.{form}"
    status, out, _ = cli("store", "export", "--store", a, "-o", file)
    first = move("import", file)
    once = all_of(tmp_path / "b.db")
    second = move("import", file)

    assert (status, out) == (0, f"exported {ATTEMPTS} attempts to {file}\n")
    assert [(one["attempts"], one["calls"], one["added"]) for one in first + second] == [
        (ATTEMPTS, 7, ATTEMPTS),
        (ATTEMPTS, 7, 0),
    ]
    assert once == all_of(a)
    assert all_of(tmp_path / "b.db") == once
    cli("store", "export", "--store", tmp_path / "b.db", "-o", tmp_path / f"b.{form}")
    if form != "parquet":
        assert (tmp_path / f"b.{form}").read_bytes() == file.read_bytes()


def test_an_export_to_standard_output_is_json_lines(a, cli):
    """The header, one object for each attempt with its own types, what stands beside, and the end."""
    lines = [json.loads(line) for line in cli("store", "export", "--store", a)[1].splitlines()]
    attempts = [line for line in lines if "call_id" in line]

    assert [next(iter(line)) for line in lines if "call_id" not in line] == [
        "export", "declared_rung", "declared_target", *["drop"] * (len(lines) - ATTEMPTS - 4), "end",
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
    assert sum(line["drop"]["attempts"] for line in lines if "drop" in line) == 2


def test_a_header_names_the_keys_without_giving_them(a, cli, monkeypatch):
    """The header has a fingerprint of the key of the hashes, and nobody's key."""
    out = cli("store", "export", "--store", a)[1]
    (fingerprint,) = json.loads(out.splitlines()[0])["export"]["hash_keys"]

    assert len(fingerprint) == 16
    assert "of the team" not in out


def test_a_formula_is_disarmed_in_csv(a, cli, tmp_path, move):
    """A text that a spreadsheet would run gets an apostrophe, which the import takes off."""
    cli("store", "export", "--store", a, "-o", tmp_path / "a.csv")
    cells = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    move("import", tmp_path / "a.csv")

    assert {row["segment"] for row in cells} >= {"'=eu"}
    with open_store(str(tmp_path / "b.db")) as store:
        assert [row["segment"] for row in store.attempts()][1] == "=eu"


CHOSEN = {
    "since": (["--since", "1970-01-01T01:00"], "334567"),
    "until": (["--until", "1970-01-01T01:00"], "122"),
    "both": (["--since", "1970-01-01T01:00", "--until", "1970-01-01T02:00"], "334"),
    "function": (["--function", "app.other"], "6"),
    "end of a function": (["--function", "other"], "6"),
    "schema": (["--schema", "invoice", "--until", "1970-01-01T00:30"], "122"),
}


@pytest.mark.parametrize(("words", "calls"), CHOSEN.values(), ids=CHOSEN)
def test_a_part_of_a_store_goes_out(a, cli, words, calls):
    """Times and names choose; `--since` includes its moment, `--until` excludes it."""
    lines = [json.loads(line) for line in cli("store", "export", "--store", a, *words)[1].splitlines()]

    assert "".join(line["call_id"] for line in lines if "call_id" in line) == calls
    assert lines[-1] == {"end": {"attempts": len(calls)}}
    # The drops are of today, and of no function.
    assert ("drop" in {next(iter(line)) for line in lines}) == (
        words[0] == "--since" and "--until" not in words
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--until", "soon"], "--until 'soon': expected a date such as 2026-11-01, or 90m, 24h, 7d"),
        (["--function", "othr"], "did you mean 'app.other'"),
        (["--format", "xml"], "xml"),
    ],
)
def test_rejects_a_wrong_choice(a, cli, words, message):
    """What cannot be chosen is exit 2, with the option and the near name."""
    status, out, err = cli("store", "export", "--store", a, *words)

    assert (status, out) == (2, "")
    assert message in err


def test_an_exported_file_is_for_its_owner_only(a, cli, tmp_path):
    """A new file has mode 0600, one that is there keeps its own, and nothing else is left."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "there.jsonl").write_text("before")
    (folder / "there.jsonl").chmod(0o640)
    for name in ("new.jsonl", "there.jsonl"):
        assert cli("store", "export", "--store", a, "-o", folder / name)[0] == 0

    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == {"new.jsonl": 0o600, "there.jsonl": 0o640}
    assert (folder / "there.jsonl").read_text() == (folder / "new.jsonl").read_text()


def test_a_store_is_never_written_over(a, cli):
    """The store is no file to write, to read, or to merge, under any name of it."""
    a.with_name("link.db").symlink_to(a)
    before = a.read_bytes()

    for words in (["export", "-o"], ["import"], ["merge"]):
        status, _, err = cli("store", *words, a.with_name("link.db"), "--store", a)
        assert (status, "is the store itself" in err) == (2, True)
    assert a.read_bytes() == before


OTHERS = [
    outcome({}, id="8", started_at=1_500.0, input_hash="a" * 32),
    outcome(FAILED, id="9", started_at=HOUR),
]


def test_a_merge_is_recording_both(a, move, tmp_path):
    """A store that two others were merged into is one that recorded the calls of both, in any order and number."""
    fill(tmp_path / "c.db", OTHERS, drops=1, declared=("later", 0.02))
    fill(tmp_path / "both.db", [*CALLS, *OTHERS])

    first = move("merge", a, tmp_path / "c.db")
    once = all_of(tmp_path / "b.db")
    second = move("merge", tmp_path / "c.db", a, a)
    rows, counts, hours, drops, rungs, targets = all_of(tmp_path / "b.db")

    assert [(one["attempts"], one["added"], one["drops"]) for one in first] == [(9, 9, 2), (2, 2, 1)]
    assert [(one["attempts"], one["added"], one["drops"]) for one in second] == [
        (2, 0, 0),
        (9, 0, 0),
        (9, 0, 0),
    ]
    assert (rows, counts, hours) == all_of(tmp_path / "both.db")[:3]
    assert drops == {"write_failed": 3}
    assert [rung[2] for rung in rungs] == ["later"]
    assert [target[1] for target in targets] == [0.01, 0.02]
    assert all_of(tmp_path / "b.db") == once


def test_a_merge_of_an_overlap_counts_each_call_once(a, move, tmp_path):
    """Calls that both stores have are known by their ids."""
    fill(tmp_path / "b.db", [CALLS[1], *OTHERS])

    (said,) = move("merge", a)

    assert (said["attempts"], said["added"]) == (ATTEMPTS, ATTEMPTS - 2)
    rows, counts, hours, *_ = all_of(tmp_path / "b.db")
    assert [row["call_id"] for row in rows] == ["2", "2", "8", "9", "1", "3", "3", "4", "5", "6", "7"]
    assert sum(one["calls"] + one["transport"] for one in counts.values()) == 9
    assert sum(one["calls"] + one["transport"] for one in hours.values()) == 9


def test_a_dry_run_changes_nothing_and_says_what_would_come(a, cli, cli_json, move, tmp_path):
    """`--dry-run` gives the numbers of the real run, and makes no store."""
    dry = cli_json("store", "merge", a, "--store", tmp_path / "b.db", "--dry-run")
    line = cli("store", "merge", a, "--store", tmp_path / "b.db", "--dry-run")[1]
    is_there = (tmp_path / "b.db").exists()
    real = move("merge", a)

    assert (dry["dry_run"], dry["sources"]) == (True, real)
    assert "9 of 9 attempts would be added, 2 declarations" in line
    assert not is_there or cli_json("store", "info", "--store", tmp_path / "b.db")["rows"] == 9


def test_a_merge_tells_each_source(a, cli, tmp_path):
    """One line for each source, also when everything was there."""
    words = ("store", "merge", a, "--store", tmp_path / "b.db")
    first, second = (cli(*words)[1].partition(": ")[2] for _ in range(2))

    assert first.startswith("9 of 9 attempts added, 2 declarations")
    assert second == "0 of 9 attempts added, 9 were there already\n"


@pytest.fixture
def two_keys(tmp_path, monkeypatch):
    """Make two stores with the same three tasks, hashed with keys of their own."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY")
    for name in "xy":
        with open_store(f"{tmp_path}/{name}.db") as store:
            for number in range(3):
                store.record(outcome(id=f"{name}{number}", model=f"m-{name}"), f"task {number}")
    return tmp_path / "x.db", tmp_path / "y.db"


def test_another_key_is_refused(two_keys, cli):
    """Stores of two keys are not merged without being asked, and nothing changes."""
    x, y = two_keys
    before = all_of(x)
    status, out, err = cli("store", "merge", y, "--store", x)

    assert (status, out) == (2, "")
    assert "record with one SCHEMA_GUARD_HASH_KEY on all machines" in err
    assert "--unlinked" in err
    assert all_of(x) == before


def test_unlinked_inputs_are_their_own(two_keys, move):
    """With `--unlinked` no input of one store equals one of the other; twice changes nothing."""
    x, y = two_keys
    came = [move("merge", y, "--unlinked", into="x.db")[0]["added"] for _ in range(2)]

    assert came == [3, 0]
    rows, counts, *_ = all_of(x)
    assert len({row["input_hash"] for row in rows}) == 6
    assert [one["calls"] for one in counts.values()] == [3, 3]
    with open_store(str(x)) as store:
        first, second = store.configurations()
        assert store.pairs(first.id, second.id) == (0, 0, 0)


def test_an_empty_store_takes_the_key_of_the_first(two_keys, move, tmp_path, cli):
    """A store that is merged into an empty one brings its key, so that its inputs are known there."""
    x, y = two_keys
    move("merge", x)
    with open_store(f"{tmp_path}/b.db") as store:
        store.record(outcome(id="later", model="m-later"), "task 0")
        first, later = store.configurations()
        assert store.pairs(first.id, later.id) == (1, 0, 0)

    assert cli("store", "merge", y, "--store", tmp_path / "b.db")[0] == 2


def test_inputs_of_one_key_are_known_as_equal(tmp_path, move):
    """With one key an input that two machines were asked is one input."""
    for name in "xy":
        with open_store(f"{tmp_path}/{name}.db") as store:
            store.record(outcome(id=name, model=f"m-{name}"), "task")
    move("merge", tmp_path / "x.db", tmp_path / "y.db")

    with open_store(f"{tmp_path}/b.db") as store:
        first, second = store.configurations()
        assert store.pairs(first.id, second.id) == (1, 0, 0)


def test_calls_whose_rows_are_gone_do_not_come_again(a, move, cli, tmp_path):
    """What was counted and then deleted is not counted twice by an import; calls of later hours come."""
    cli("store", "export", "--store", a, "-o", tmp_path / "a.jsonl")
    before = all_of(a)[1:3]
    cli("store", "prune", "--max-rows", "0", "--store", a)
    fill(tmp_path / "c.db", [outcome({}, id="new", started_at=9 * HOUR)])

    came = move("import", tmp_path / "a.jsonl", into="a.db") + move("merge", tmp_path / "c.db", into="a.db")

    assert [one["added"] for one in came] == [0, 1]
    rows, counts, hours, *_ = all_of(a)
    assert [row["call_id"] for row in rows] == ["new"]
    assert sum(one["calls"] for one in counts.values()) == 1 + sum(one["calls"] for one in before[0].values())
    assert {key: found for key, found in hours.items() if key in before[1]} == before[1]


def test_texts_move_only_when_asked(tmp_path, cli, move):
    """Prompts and replies go out, come in, and are merged with `--texts` alone."""
    made = [outcome({"prompt": "canary of ann@corp.com", "reply": "reply ß"}, id="1"), CALLS[3]]
    fill(tmp_path / "a.db", made, payload="full")
    outs = {}
    for words in ((), ("--texts", "kept"), ("--texts", "redacted")):
        name = tmp_path / f"{'-'.join(words)}.jsonl"
        assert cli("store", "export", "--store", tmp_path / "a.db", "-o", name, *words)[0] == 0
        outs[words[-1] if words else None] = name

    assert "canary" not in outs[None].read_text()
    assert "canary of ann@corp.com" in outs["kept"].read_text()
    assert "ann@corp" not in outs["redacted"].read_text()
    assert "canary of redacted@example.com" in outs["redacted"].read_text()
    found = {}
    for number, (source, words) in enumerate(
        [("kept", []), ("kept", ["--texts"]), ("redacted", ["--texts"])]
    ):
        move("import", outs[source], *words, into=f"i{number}.db")
        found[number] = texts_of(tmp_path / f"i{number}.db")
    move("merge", tmp_path / "a.db", into="m0.db")
    move("merge", tmp_path / "a.db", "--texts", into="m1.db")

    assert found == {
        0: [],
        1: [("1", "canary of ann@corp.com", "reply ß"), ("4", "extract it", None)],
        2: [("1", "canary of redacted@example.com", "reply ß"), ("4", "extract it", None)],
    }
    assert texts_of(tmp_path / "m0.db") == []
    assert texts_of(tmp_path / "m1.db") == found[1] == texts_of(tmp_path / "a.db")


def texts_of(path):
    with open_store(str(path)) as store:
        return [(one.call_id, one.prompt, one.reply) for one in store.texts(list("123456789"))]


@pytest.fixture
def lines(a, cli):
    """Return the lines of an export without what stands beside the attempts."""
    made = [json.loads(line) for line in cli("store", "export", "--store", a)[1].splitlines()]
    return [line for line in made if {"drop", "declared_rung", "declared_target"}.isdisjoint(line)]


@pytest.fixture
def take(cli, tmp_path):
    """Return a function that imports lines; it gives exit status, output, errors, and the calls that came."""

    def run(lines, *words):
        content = b"".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
        )
        (tmp_path / "x.jsonl").write_bytes(content)
        found = cli("store", "import", tmp_path / "x.jsonl", "--store", tmp_path / "t.db", *words)
        if not (tmp_path / "t.db").exists():
            return *found, None
        with open_store(f"{tmp_path}/t.db") as store:
            return *found, list(dict.fromkeys(row["call_id"] for row in store.attempts()))

    return run


WRONG = {
    "type": ({"cost": "cheap"}, "line 3: at /cost: expected a number, got string 'cheap'"),
    "bool": ({"number": True}, "line 3: at /number: expected an integer from 0 to 2^63 - 1, got boolean True"),
    "negative": ({"reply_bytes": -1}, "line 3: at /reply_bytes: expected an integer from 0 to 2^63 - 1"),
    "flag": ({"tuned": 1}, "line 3: at /tuned: expected true or false, got number 1"),
    "null": ({"function": None}, "line 3: at /function: expected a string, got nothing"),
    "kind": ({"kind": "typo"}, "line 3: at /kind: expected one of syntax, structure"),
    "list": ({"violations": [["/a"]]}, "line 3: at /violations: expected an array of [location, keyword], got array"),
    "column": ({"functon": "f"}, "line 3: at (root): unknown column 'functon', did you mean 'function'?"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_refused_with_its_line(fields, message, lines, take):
    """Line, place, expected and actual value are told, nothing comes in, and `--skip-bad` leaves that call out."""
    lines[2] |= fields

    refused = take(lines)
    skipped = take(lines, "--skip-bad")

    assert (refused[0], refused[1], refused[3]) == (2, "", None)
    assert message in refused[2]
    assert "nothing was imported: mend the file, or leave their calls out with --skip-bad" in refused[2]
    assert (skipped[0], skipped[3]) == (0, list("134567"))
    assert "1 place in it wrong and left out" in skipped[1]


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
def test_a_hostile_line_is_refused(text, lines, take):
    """A line that is no attempt is refused with its number, whatever it is."""
    lines.insert(2, text)

    status, out, err, calls = take(lines)

    assert (status, out, calls) == (2, "", None)
    assert "line 3: " in err


FILES = {
    "empty": (lambda lines: [], "is empty: expected what `schema-guard store export` has written"),
    "no header": (lambda lines: lines[1:], "got something else at its first line"),
    "later format": (
        lambda lines: [{"export": {**lines[0]["export"], "format": 2}}, *lines[1:]],
        "has format 2, this version knows up to 1: upgrade",
    ),
    "compressed": (lambda lines: [b"\x1f\x8b\x08"], "is compressed: unpack it first"),
    "cut off": (lambda lines: lines[:-1], "the file was cut off"),
    "cut in a call": (lambda lines: lines[:3], "expected a final attempt of the call '2'"),
    "a line too few": (lambda lines: [*lines[:1], *lines[2:]], "says that it has 9 attempts, and has 8"),
    "two files": (lambda lines: [*lines[:-1], lines[0], lines[-1]], "expected one header: give files one by one"),
    "attempts that disagree": (
        lambda lines: [*lines[:3], {**lines[3], "model": "another"}, *lines[4:]],
        "line 4: at /model: expected what the call's first attempt has",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FILES.values(), ids=FILES)
def test_a_file_of_something_else_is_refused(change, message, lines, take):
    """A file that is no whole export is exit 2, and nothing of it comes in."""
    status, out, err, calls = take(change(lines))

    assert (status, out, calls) == (2, "", None)
    assert message in err


def test_nothing_comes_of_any_file_when_one_is_bad(a, lines, cli, tmp_path):
    """All files are checked before the first one comes in."""
    cli("store", "export", "--store", a, "-o", tmp_path / "good.jsonl")
    (tmp_path / "bad.jsonl").write_text("{\n")

    status, out, _ = cli(
        "store", "import", tmp_path / "good.jsonl", tmp_path / "bad.jsonl", "--store", tmp_path / "b.db"
    )

    assert (status, out) == (2, "")
    assert not (tmp_path / "b.db").exists()


def test_ten_places_are_told(lines, take):
    """Of many faults the first ten are told, and how many more there are."""
    lines[1:1] = [b"{\n"] * 25

    status, _, err, _ = take(lines)

    assert status == 2
    assert "25 places in it wrong" in err
    assert err.rstrip().endswith("and 15 more")


def test_an_import_from_standard_input(a, cli, tmp_path, monkeypatch):
    """`-` reads what another command writes."""
    out = cli("store", "export", "--store", a)[1]
    stream = io.TextIOWrapper(io.BytesIO(out.encode()))
    monkeypatch.setattr("sys.stdin", stream)

    status, said, _ = cli("store", "import", "-", "--store", tmp_path / "b.db")

    assert (status, "9 of 9 attempts added" in said) == (0, True)
    assert all_of(tmp_path / "b.db") == all_of(a)


def test_redacted_export_redacts_the_task_too(tmp_path, cli):
    """A task is stored beside a prompt that has the format before it, so it has its own personal data."""
    path = tmp_path / "a.db"
    with open_store(str(path), payload="full") as store:
        guarded = guard({"type": "object"}, store=store, strategy="system_prompt")(lambda prompt: "{}")
        guarded([{"role": "user", "content": "Write to ann@corp.com"}])
    outs = {}
    for how in ("kept", "redacted"):
        outs[how] = tmp_path / f"{how}.jsonl"
        assert cli("store", "export", "--store", path, "-o", outs[how], "--texts", how)[0] == 0

    tasks = {how: json.loads(out.read_text().splitlines()[1])["texts"]["task"] for how, out in outs.items()}
    assert outs["kept"].read_text().count("ann@corp.com") == 2
    assert tasks["redacted"] == json.loads(
        json.dumps(tasks["kept"]).replace("ann@corp.com", "redacted@example.com")
    )
    assert "ann@corp" not in outs["redacted"].read_text()


def test_export_of_a_function_keeps_what_is_declared_for_all(a, cli, move, tmp_path):
    """A target and a step without a function hold for each function, so they go out with it."""
    with open_store(str(a)) as store:
        store.declare_rung(FINGERPRINT, "larger_model", "declined", "for all")
        store.declare_rung(FINGERPRINT, "json_mode", "declined", "for another one", function="app.other")
    assert (
        cli("store", "export", "--store", a, "-o", tmp_path / "a.jsonl", "--function", "app.extract")[0] == 0
    )
    move("import", tmp_path / "a.jsonl")

    *_, rungs, targets = all_of(tmp_path / "b.db")
    assert sorted(one[0] for one in rungs) == ["few_shot", "larger_model"]
    assert len(targets) == 1


def test_csv_that_a_spreadsheet_saved_comes_in(a, cli, move, tmp_path):
    """A spreadsheet writes true and false in capitals."""
    file = tmp_path / "a.csv"
    cli("store", "export", "--store", a, "-o", file)
    rows = list(csv.reader(io.StringIO(file.read_text())))
    saved = [[cell.upper() if cell in {"true", "false"} else cell for cell in row] for row in rows]
    with (tmp_path / "saved.csv").open("w", newline="") as out:
        csv.writer(out).writerows(saved)
    move("import", tmp_path / "saved.csv")

    assert saved != rows
    assert all_of(tmp_path / "b.db") == all_of(a)
