"""`schema-guard tune prepare`, as its user runs it."""

import json
import re
import stat
from hashlib import sha256

import pytest

from tests.public.commands.command_lines import main
from tests.public.commands.training_rows import TICKET, WORDS, recorded

GOOD, BAD = '{"team": "billing"}', '{"team": "sales"}'
CANARIES = ("ann7@corp.com", "ghp_0123456789abcdefghijklmnopqrstuvwxyz", "4242 4242 4242 4242")


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own; gives its status and what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = main(["tune", "prepare", *arguments])
        return status, capsys.readouterr()

    return run


def record(path, replies, **settings):
    recorded(path, replies, **settings).close()


def lines(folder, name="train.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_a_set_is_written_for_its_owner_with_its_sources_first(tmp_path, ask):
    """The schema is known by its name, from the prompts that showed it; what is next is said."""
    record(tmp_path / "r.db", [[GOOD]] * 8)

    status, shown = ask("--schema", "ticket", "--store", "r.db", "--output", "set", "--min-examples", "5")

    assert status == 0
    assert shown.out.startswith("EXPORTED: 8 rows in set\nfunction     app.triage, schema ticket (")
    assert "next         schema-guard tune run set --backend local\n" in shown.out
    text = (tmp_path / "set" / "manifest.json").read_text(encoding="utf-8")
    assert text.splitlines()[0] == '{"sources": {"gold": 0, "agreed": 0, "checked": 8, "valid": 0},'
    manifest = json.loads(text)
    assert manifest["schema"]["document"] == TICKET
    assert (
        sum(one["rows"] for one in manifest["files"].values())
        == len(lines(tmp_path / "set", "rows.jsonl"))
        == 8
    )
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "set").iterdir())


@pytest.mark.parametrize(("host", "least"), [("openai", 10), ("bedrock", 32), ("fireworks", 3)])
def test_host_needs_its_least_number_of_rows(tmp_path, ask, host, least):
    """`--for HOST` writes no set with fewer rows than the host accepts, even if --min-examples is lower."""
    for rows in (least - 1, least):
        tasks = [sha256(bytes([number])).hexdigest() for number in range(rows)]
        record(tmp_path / f"{rows}.db", [[GOOD]] * rows, tasks=tasks)
    asked = (
        "--schema",
        "ticket",
        "--provider",
        host,
        "--min-examples",
        "1",
        "--validation",
        "0",
        "--test",
        "0",
    )

    few, text = ask(*asked, "--store", f"{least - 1}.db", "--output", "few")
    enough, _ = ask(*asked, "--store", f"{least}.db", "--output", "enough")

    assert (few, enough) == (1, 0)
    assert text.out.startswith(f"TOO FEW: {least - 1} rows to train on, but {least} are required")
    assert not (tmp_path / "few" / "train.jsonl").exists()


def test_too_few_rows_write_no_set_but_what_to_label_and_the_answers_make_one(tmp_path, ask):
    """The file of inputs, filled in, is what --answers takes; then the answers are gold."""
    record(tmp_path / "r.db", [[BAD] * 3] * 4 + [[GOOD]] * 2)
    asked = ("--schema", "ticket", "--store", "r.db", "--output", "set", "--min-examples", "5")

    status, text = ask(*asked)

    assert (status, sorted(path.name for path in (tmp_path / "set").iterdir())) == (1, ["to_label.jsonl"])
    assert text.out.startswith("TOO FEW: 2 rows to train on, but 5 are required. No set was written")
    assert "with --answers set/to_label.jsonl" in " ".join(text.out.split())
    open_inputs = lines(tmp_path / "set", "to_label.jsonl")
    assert {one["why"] for one in open_inputs} == {"no attempt was valid"}
    answered = "".join(json.dumps({**one, "answer": {"team": "shipping"}}) + "\n" for one in open_inputs)
    (tmp_path / "answers.jsonl").write_text(answered, encoding="utf-8")
    status, _ = ask(*asked, "--answers", "answers.jsonl", "--validation", "0", "--test", "0")
    assert status == 0
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["sources"] == {
        "gold": 4,
        "agreed": 0,
        "checked": 2,
        "valid": 0,
    }


def test_wrong_answers_are_told_with_their_lines(tmp_path, ask):
    """All at once, and before anything is written."""
    wrong = [
        '{"input": "a", "answer": {"team": "sales"}}',
        '{"input": "", "answer": {"team": "billing"}}',
        "{",
        '{"input": "a"}',
        '{"call_id": 7, "answer": {"team": "billing"}}',
        '{"call_id": "c", "answer": {"team": "billing"}}',
        '{"call_id": "c", "answer": {"team": "billing"}}',
        '{"call_id": "c", "answer": {"team": "shipping"}}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(wrong), encoding="utf-8")
    (tmp_path / "t.json").write_text(json.dumps(TICKET), encoding="utf-8")
    record(tmp_path / "r.db", [[GOOD]])

    status, text = ask("--schema", "t.json", "--store", "r.db", "--output", "set", "--answers", "a.jsonl")

    assert status == 2
    assert "line 1: at /team of the answer: expected" in text.err
    assert [number for number in "12345678" if f"line {number}: " in text.err] == list("123458")
    assert (
        "line 8: the answer to call 'c' differs from the answer in line 6. Keep only one of them" in text.err
    )
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("task", [7, True, {"role": "user"}, [3], [{"a": 1}], [], [[]]], ids=str)
def test_an_answer_to_what_is_no_input_is_told(tmp_path, ask, task):
    """An input is a text or messages."""
    (tmp_path / "t.json").write_text(json.dumps(TICKET), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps({"input": task, "answer": json.loads(GOOD)}))
    record(tmp_path / "r.db", [[GOOD]])

    status, text = ask("--schema", "t.json", "--store", "r.db", "--output", "set", "--answers", "a.jsonl")

    assert status == 2
    assert "line 1: at /input: expected a text or a list of text messages, got" in text.err


def test_no_canary_of_a_redacted_store_is_in_any_file(tmp_path, ask):
    """Neither in a row, nor in what is to be labelled, nor in what is printed."""
    tasks = [f"Ticket {n} {WORDS[n % 8]}: {CANARIES[n % 3]}" for n in range(24)]
    replies = [
        [json.dumps({"team": "billing", **({"mail": CANARIES[n % 3]} if n % 4 == 0 else {})})]
        if n % 5
        else [BAD] * 3
        for n in range(24)
    ]
    record(tmp_path / "r.db", replies, tasks=tasks, payload="redacted")

    status, text = ask("--schema", "ticket", "--store", "r.db", "--output", "set", "--min-examples", "1")

    assert status == 0
    written = text.out + "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "set").iterdir())
    assert (tmp_path / "set" / "to_label.jsonl").exists()
    assert not [canary for canary in CANARIES if canary in written]


def suite(folder, count=30, split=None):
    """A labelled file, and its schema beside it."""
    (folder / "tickets.schema.json").write_text(json.dumps(TICKET), encoding="utf-8")
    rows = [
        {"id": f"t{n}", "schema": TICKET, "input": f"{n * 7919 % 10007} {WORDS[n % 8]} {chr(97 + n % 26) * 8}",
         "gold": {"team": "billing" if n % 2 else "shipping"}, **({"split": split(n)} if split else {})}
        for n in range(count)
    ]  # fmt: skip
    (folder / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows


def test_a_labelled_file_is_gold_and_its_own_split_stands(tmp_path, ask):
    """No store is read; test tasks are in test.jsonl, and nowhere else."""
    rows = suite(tmp_path, split=lambda n: "test" if n % 3 == 0 else "dev")

    status, text = ask(
        "--suite", "tickets.jsonl", "--output", "set", "--min-examples", "5", "--format", "json"
    )

    assert status == 0
    document = json.loads(text.out)
    assert document["manifest"]["sources"] == {"gold": 30, "agreed": 0, "checked": 0, "valid": 0}
    held_out = {row["messages"][0]["content"] for row in lines(tmp_path / "set", "test.jsonl")}
    assert held_out == {row["input"] for row in rows if row.get("split") == "test"}


USAGE = {
    "no schema": (["-o", "set"], "--schema is missing"),
    "no base": (
        ["--schema", "ticket", "-o", "set", "--accept-unchecked"],
        "--accept-unchecked needs --base MODEL",
    ),
    "two functions": (
        ["--schema", "ticket", "-o", "set", "--store", "two.db"],
        "several functions use this schema",
    ),
    "unknown": (["--schema", "tickets", "-o", "set", "--store", "bare.db"], "Did you mean 'ticket'"),
    "no call": (
        ["--schema", "ticket", "-o", "set", "--store", "bare.db", "--since", "2999-01-01"],
        "no calls of schema 'ticket' of function 'app.triage' since 2999-01-01 00:00 UTC, but 1 earlier call is recorded",
    ),
    "a module that raises": (
        ["--schema", "ticket", "-o", "set", "--store", "r.db", "--prompt-from", "raising:prompt"],
        "expected --prompt-from module:function, but importing raising raised RuntimeError: no key",
    ),
    "a full folder": (["--schema", "ticket", "-o", ".", "--store", "r.db"], "expected a new folder"),
}


@pytest.mark.parametrize(("arguments", "told"), USAGE.values(), ids=USAGE)
def test_what_is_missing_is_said(tmp_path, ask, arguments, told):
    """Exit status 2, in words that say what to do."""
    stores = {
        "r.db": [{}],
        "bare.db": [{"strategy": "bare"}],
        "two.db": [{"name": "app.one"}, {"name": "app.two"}],
    }
    (tmp_path / "raising.py").write_text('raise RuntimeError("no key")')
    for name in stores.keys() & set(arguments):
        for settings in stores[name]:
            record(tmp_path / name, [[GOOD]], **settings)

    status, text = ask(*arguments)

    assert status == 2
    assert re.search(re.escape(told), text.err)


def test_a_store_without_texts_gives_too_few_rows(tmp_path, ask):
    """The store knows the schema of a function. Without texts nothing is written, and the next step stores them."""
    record(tmp_path / "off.db", [[GOOD]], payload="off", name="app.triage")

    status, text = ask("--function", "triage", "-o", "set", "--store", "off.db")

    assert status == 1
    assert "TOO FEW: 0 rows to train on" in text.out
    assert "store texts from now on with open_store(URL," in text.out


def test_a_set_that_a_model_was_tuned_on_is_never_written_over(tmp_path, ask):
    """Its job says what it was tuned on."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "job.json").write_text("{}")
    record(tmp_path / "r.db", [[GOOD]])

    status, text = ask("--schema", "ticket", "--store", "r.db", "-o", "set")

    assert status == 2
    assert "a model was tuned on the set in this folder" in text.err


def test_what_stands_in_the_way_is_what_is_said_to_be_next(tmp_path, ask):
    """No texts kept, or a prompt that nobody knows: more calls would not help."""
    record(tmp_path / "r.db", [[GOOD]], payload="off")
    record(tmp_path / "o.db", [[GOOD]], observe=True, max_attempts=1)
    (tmp_path / "t.json").write_text(json.dumps(TICKET), encoding="utf-8")
    for name, shown in (
        ("r.db", "open_store(URL, payload='redacted')"),
        ("o.db", "--prompt-from"),
    ):
        status, text = ask("--schema", "t.json", "--store", name, "-o", "set")

        assert status == 1
        assert shown in text.out.partition("next  ")[2].partition("\n\n")[0]


def test_private_texts_are_warned_of(tmp_path, ask):
    """A store that keeps texts as they are keeps addresses too."""
    record(tmp_path / "r.db", [[GOOD]] * 3, tasks=[f"{n} {WORDS[n]} of ann@corp.com" for n in range(3)])

    _, text = ask(
        "--schema", "ticket", "--store", "r.db", "-o", "set", "--min-examples", "1", "--format", "json"
    )

    (warning,) = json.loads(text.out)["manifest"]["warnings"]
    assert warning.startswith("3 of 3 rows that were checked contain email, which a tuned model can repeat")
