"""`store export`, `import` and `merge`, by their output and the files that they leave."""

import json
import stat

import pytest

from schema_guard.records import open_store
from tests.needs import needs
from tests.public.commands.command_lines import run
from tests.public.records.outcomes import BROKEN, outcome


@pytest.fixture
def full(folder):
    """A store of 60 calls of two functions, 18 of them with two attempts, with declarations and a count of lost records."""
    path = folder / "full.db"
    with open_store(str(path)) as store:
        for number in range(60):
            first = [{"failure": BROKEN, "form": None}] if number < 18 else []
            name = "extract" if number % 2 else "triage"
            store.record(
                outcome(*first, {}, id=f"{number:032x}", function=name, started_at=1.7e9 + 86_400 * number)
            )
        store.declare_step("f" * 16, "few_shot", "declined", "no examples")
        store.set_target("f" * 16, 0.01)
        store.flush()
        session = store.backend.session()
        session.write([], {"locked": 2}, 1.7e9)
        session.close()
    return path


def attempts(name):
    with open_store(name) as store:
        return list(store.attempts())


@needs("transfer")
def test_a_store_goes_out_and_comes_in(capsys, folder, full):
    """A store that imports the export of another store has the same attempts."""
    status, out, err = run(capsys, "store", "export", "--store", "full.db", "--output", "a.jsonl")
    again = [run(capsys, "store", "import", "a.jsonl", "--store", "b.db")[:2] for _ in range(2)]

    assert (status, out, err) == (0, "exported 78 attempts to a.jsonl\n", "")
    assert again == [
        (0, "a.jsonl: 78 of 78 attempts added; 2 declarations; 1 count of lost records\n"),
        (0, "a.jsonl: 0 of 78 attempts added; 78 were already in the store\n"),
    ]
    assert attempts("b.db") == attempts("full.db")


@needs("transfer")
def test_a_file_is_for_its_owner_only(capsys, folder, full):
    """A new file has mode 0600, one that is there keeps its own, and nothing else is left."""
    (folder / "there.jsonl").write_text("before")
    (folder / "there.jsonl").chmod(0o640)
    for name in ("new.jsonl", "there.jsonl"):
        run(capsys, "store", "export", "--store", "full.db", "-o", name)

    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("new.jsonl", "there.jsonl")]
    assert modes == [0o600, 0o640]
    assert (folder / "there.jsonl").read_text() == (folder / "new.jsonl").read_text()
    assert not list(folder.glob(".*"))


@needs("transfer")
def test_store_commands_refuse_the_store_itself_as_a_file(capsys, full):
    """The store is no file to write or to read, under any name of it."""
    full.with_name("link.db").symlink_to(full)
    before = full.read_bytes()

    for arguments, text in (
        (["export", "-o", "link.db"], "link.db is the store itself. Name another file"),
        (["import", "link.db"], "'link.db' is the target store. Name the target only with --store"),
    ):
        status, _, err = run(capsys, "store", *arguments, "--store", "full.db")
        assert (status, text in err) == (2, True)
    assert full.read_bytes() == before


@needs("transfer")
def test_stores_are_merged(capsys, full):
    """Each source is told, as text and as JSON; a store that is not there is exit 2."""
    status, out, _ = run(capsys, "store", "import", "full.db", "--store", "all.db", "--dry-run")
    first = run(capsys, "store", "import", "full.db", "--store", "all.db", "--format", "json")
    missing = run(capsys, "store", "import", "nope.db", "--store", "all.db")
    itself = run(capsys, "store", "import", "all.db", "--store", "all.db")

    assert (status, out.partition(": ")[2]) == (
        0, "78 of 78 attempts would be added; 2 declarations; 1 count of lost records\n",
    )  # fmt: skip
    document = json.loads(first[1])
    assert (document["dry_run"], document["sources"][0]["added"], document["sources"][0]["calls"]) == (
        False,
        78,
        60,
    )
    assert (missing[0], missing[2].strip()) == (
        2, "schema-guard: reading nope.db failed: No such file or directory. Check the path",
    )  # fmt: skip
    assert (itself[0], "'all.db' is the target store" in itself[2]) == (2, True)


@needs("transfer")
def test_import_checks_all_files_before_the_first(capsys, folder, full):
    """All files are checked before the first one comes in."""
    run(capsys, "store", "export", "--store", "full.db", "-o", "good.jsonl")
    lines = (folder / "good.jsonl").read_text().splitlines(keepends=True)
    lines[4] = "{\n"
    (folder / "bad.jsonl").write_text("".join(lines))

    refused = run(capsys, "store", "import", "good.jsonl", "bad.jsonl", "--store", "b.db")
    there = (folder / "b.db").exists()

    assert (refused[0], there) == (2, False)
    assert "bad.jsonl: the file has 1 fault, so nothing was imported" in refused[2]
    assert "line 5: expected a JSON object" in refused[2]


@needs("transfer")
def test_a_part_goes_to_standard_output(capsysbinary, full):
    """What is asked for is written as JSON Lines, by times and by an end of the function's name."""
    from schema_guard.cli import main

    assert (
        main(["store", "export", "--store", "full.db", "--function", "extract", "--until", "2025-11-25"]) == 0
    )

    lines = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert {line["function"] for line in lines if "function" in line} == {"extract"}


@needs("transfer")
def test_times_are_told_by_their_option(capsys, full):
    """What is no time is exit 2."""
    assert run(capsys, "store", "export", "--store", "full.db", "--until", "soon")[2] == (
        "schema-guard: Invalid value for '--until': 'soon': expected a date such as 2026-11-01 or 2026-11-01T08:00, yesterday, an age such as 90m, 24h, 7d, or a call's id\n"
    )
