"""Whose call it was: guarded functions, a SQLite store and the commands that go by function."""

import json
import types
from contextlib import suppress

import pytest

from schema_guard import About, Schema, guard, open_store
from tests.needs import needs
from tests.public.commands.command_lines import run, script

TICKET = {
    "title": "ticket",
    "type": "object",
    "properties": {"team": {"type": "string"}},
    "required": ["team"],
    "additionalProperties": False,
}
GOOD, BAD = '{"team": "billing"}', "{}"


@pytest.fixture
def store(folder, monkeypatch):
    """A store in a file, the default one of the commands."""
    url = f"sqlite:///{folder}/records.db"
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)
    with open_store(url) as opened:
        yield opened


def function(module, name, store, *, every, settings=(), schema=TICKET):
    """A function of a module, that gives a bad reply to every so many calls; None for never."""
    numbers = iter(range(10**6))

    def reply():
        return BAD if every and next(numbers) % every == 0 else GOOD

    made = types.ModuleType(module)
    code = f"def {name}(prompt: str):\n    return reply()"
    vars(made)["reply"] = reply
    exec(code, vars(made))  # noqa: S102 - the test's own code
    values = {"max_attempts": 1, "on_failure": "return", "store": store, **dict(settings)}
    return guard(schema, **values)(getattr(made, name))


def asked(guarded, calls):
    for number in range(calls):
        guarded(f"ticket {number}")


def found(capsys, *arguments):
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert err == ""
    return status, json.loads(out)


@pytest.fixture
def two(store):
    """Two modules with a function of one name and one schema, one of which fails in 20 % of 200 calls."""
    asked(function("shop.mail", "extract", store, every=None), 200)
    asked(function("shop.scan", "extract", store, every=5), 200)
    store.flush(30.0)


def test_the_function_that_fails_is_named_by_watch(two, capsys):
    """Two functions are two lines below the answer, the worst first, and the worst exit status."""
    status, out, _ = run(capsys, "watch", "--max-failure-rate", "0.05")

    assert status == 1
    answer, first, second = out.splitlines()
    assert answer == "1 of 2 functions needs attention"
    assert first.startswith(
        "BREACH: shop.scan.extract (schema ticket), system_prompt: 20% of calls failed (40 of 200; at least"
    )
    assert second.startswith(
        "OK: shop.mail.extract (schema ticket), system_prompt: 0% of calls failed (0 of 200;"
    )
    assert run(capsys, "watch", "--max-failure-rate", "0.05", "--function", "mail.extract")[0] == 0


def test_one_function_of_two_schemas_is_one_function(store, capsys):
    """A name that two schemas stand under, as a guard of tools has one for each, is counted once."""
    asked(function("shop.mail", "extract", store, every=None), 50)
    other = TICKET | {"title": "other", "maxProperties": 9}
    asked(function("shop.mail", "extract", store, every=None, schema=other), 50)
    store.flush(30.0)

    assert run(capsys, "report")[1].startswith("No call of 1 function failed since ")
    assert run(capsys, "decide")[1].startswith("VERDICTS: 0 of 2 schemas of 1 function need a change\n")
    text = run(capsys, "decide", "--schema", "other")[1]
    assert (
        f"schema-guard decide --function shop.mail.extract --schema {Schema.of(other).fingerprint} " in text
    )


def test_two_functions_have_two_verdicts(two, capsys):
    """`decide` gives a line each, the worst first, and the worst exit status; JSON has both verdicts whole."""
    status, out, _ = run(capsys, "decide", "--what-if", "target=0.05")
    assert status == 1
    assert out.startswith("VERDICTS: 1 of 2 functions needs a change\n")
    lines = [line.split() for line in out.splitlines() if line.lstrip().startswith("shop.")]
    assert [(line[:4], line[7:11]) for line in lines] == [
        (
            ["shop.scan.extract", "USE_CONSTRAINED_DECODING", "200", "20%"],
            ["not", "good", "enough;", "let"],
        ),
        (["shop.mail.extract", "PROMPTING_ENOUGH", "200", "0%"], ["prompting", "is", "good", "enough;"]),
    ]

    status, several = found(capsys, "decide", "--what-if", "target=0.05")
    assert status == 1
    assert list(several) == ["verdicts"]
    assert [(one["function"], one["exit_code"]) for one in several["verdicts"]] == [
        ("shop.scan.extract", 1),
        ("shop.mail.extract", 0),
    ]
    for one in several["verdicts"]:
        status, alone = found(capsys, "decide", "--what-if", "target=0.05", "--function", one["function"])
        assert status == one["exit_code"]
        assert alone == one | {name: alone[name] for name in ("texts", "storing")}


@pytest.mark.costly
def test_what_a_function_raises_is_told_by_every_command(store, capsys):
    """Half of 300 calls raise what nobody explains: exit 1 in `watch` and `decide`, and beside the rate in `report`."""
    numbers = iter(range(300))

    def extract(prompt):
        if next(numbers) % 2:
            raise KeyError(prompt)
        return GOOD

    guarded = guard(TICKET, observe=True, store=store, name="shop.extract")(extract)
    for number in range(300):
        with suppress(KeyError):
            guarded(f"ticket {number}")
    store.flush(30.0)

    status, out, _ = run(capsys, "watch", "--max-failure-rate", "0.01")
    assert status == 1
    assert out.startswith("UNKNOWN: 150 of 300 calls raised KeyError (cause unknown). shop.extract ")
    status, verdict = found(capsys, "decide")
    assert (status, verdict["verdict"], verdict["exit_code"]) == (1, "NEED_MORE_DATA", 1)
    assert (verdict["unexplained"]["calls"], verdict["unexplained"]["of"]) == (150, 300)
    _, report = found(capsys, "report")
    assert [(one["cause"], one["calls"]) for one in report["groups"][0]["excluded"]] == [("unknown", 150)]
    for form in ("text", "markdown", "html"):
        shown = " ".join(run(capsys, "report", "--format", form)[1].split())
        assert "unknown 150 (KeyError 150)" in shown


def test_what_is_expected_alarms_nobody(store, capsys):
    """An exception that the guard was told of stands beside the rate, and no command minds it."""
    numbers = iter(range(600))

    def extract(prompt):
        if next(numbers) % 2:
            raise KeyError(prompt)
        return GOOD

    guarded = guard(TICKET, observe=True, ignore=(KeyError,), store=store, name="shop.extract")(extract)
    for number in range(600):
        with suppress(KeyError):
            guarded(f"ticket {number}")
    store.flush(30.0)

    assert run(capsys, "watch", "--max-failure-rate", "0.02")[0] == 0
    assert found(capsys, "decide", "--what-if", "target=0.02")[1]["verdict"] == "PROMPTING_ENOUGH"
    assert "expected 300 (KeyError 300)" in run(capsys, "report")[1]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_several_verdicts_are_written_in_every_form(two, capsys, form):
    """Every writer shows each function with its verdict."""
    _, out, _ = run(capsys, "decide", "--format", form)

    assert "shop.mail.extract" in out
    assert "USE_CONSTRAINED_DECODING" in out.replace("\\", "")


def test_what_is_declared_is_about_one_function(two, capsys):
    """A target that is to be kept needs a function that it is for."""
    status, _, err = run(capsys, "decide", "--max-failure-rate", "0.1")

    assert status == 2
    assert "choose one with --function: shop.mail.extract, shop.scan.extract" in err


@pytest.mark.costly
def test_of_many_functions_the_bad_one_is_named(store, capsys):
    """25 functions on one schema are 25 rows in each command, the bad one first."""
    for number in range(25):
        asked(function(f"shop.part{number}", "extract", store, every=4 if number == 17 else None), 60)
    store.flush(30.0)

    _, report, _ = run(capsys, "report")
    rows = [line.split()[0] for line in report.splitlines() if line.startswith("  shop.")]
    assert report.startswith(
        "1 of 25 functions has failed calls. The worst is shop.part17.extract: 25% of calls since 2026-"
    )
    assert (len(rows), rows[0]) == (25, "shop.part17.extract")

    status, out, _ = run(capsys, "watch", "--max-failure-rate", "0.02")
    assert (status, out.count(" (schema ticket), ")) == (1, 25)
    assert out.splitlines()[1].startswith("BREACH: shop.part17.extract (schema ticket), ")
    assert out.count("BREACH") == 1

    status, several = found(capsys, "decide", "--what-if", "target=0.02")
    assert status == 1
    assert [one["function"] for one in several["verdicts"] if one["exit_code"]] == ["shop.part17.extract"]
    assert len(several["verdicts"]) == 25


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--schema", "tikcet"], "Did you mean 'ticket'?"),
        (["--function", "extrct"], "Did you mean 'shop.mail.extract' or 'shop.scan.extract'?"),
        (["--function", "extract"], "2 names have this ending: shop.mail.extract, shop.scan.extract"),
        (["--segment", "eu"], "no segment 'eu' is recorded"),
    ],
)
@pytest.mark.parametrize(
    "command", [["report"], ["decide"], ["watch", "--max-failure-rate", "0.01"]], ids=lambda it: it[0]
)
def test_a_name_that_is_not_there_is_exit_2(two, capsys, command, arguments, told):
    """Every command says which names are near, and shows nothing."""
    status, out, err = run(capsys, *command, *arguments)

    assert (status, out) == (2, "")
    assert told in err


def run_in(folder, *more):
    (folder / "ticket.json").write_text(json.dumps(TICKET))
    (folder / "inputs.txt").write_text("\n".join(f"ticket {number}" for number in range(40)))
    model = script(folder, *[GOOD] * 200)
    return ["bench", "run", "--playbook", "--schema", "ticket.json", "--inputs", "inputs.txt", "--model", model, "--concurrency", "1",
            "--max-failure-rate", "20%", "--first-step", "few_shot", "--decline", "larger_model=none", *more]  # fmt: skip


@needs("playbook")
def test_a_playbook_run_is_for_the_function_that_it_names(two, folder, capsys):
    """What is run for one of two functions is evidence on it, and on the other it is not."""
    status, out, _ = run(capsys, *run_in(folder, "--function", "scan.extract", "--format", "json"))
    assert (status, json.loads(out)["function"]) == (0, "shop.scan.extract")

    _, scan = found(capsys, "decide", "--function", "scan.extract", "--what-if", "target=0.2")
    _, mail = found(capsys, "decide", "--function", "mail.extract", "--what-if", "target=0.2")
    assert list(scan["rates"]) == ["system_prompt", "few_shot"]
    assert list(mail["rates"]) == ["system_prompt"]
    assert not [note for note in (*scan["notes"], *mail["notes"]) if "trials" in note]


@needs("playbook")
def test_a_playbook_run_for_nobody_says_that_it_counts_for_nobody(two, folder, capsys):
    """Where a schema has several functions, the first line says so; the verdicts on them leave it out."""
    _, _, err = run(capsys, *run_in(folder))
    assert (
        "several functions use ticket (shop.mail.extract, shop.scan.extract). Without --function, these results count for"
        in err
    )

    _, verdict = found(capsys, "decide", "--function", "scan.extract")
    assert list(verdict["rates"]) == ["system_prompt"]
    assert any(
        "calls of trials are not counted, because they name no function" in note for note in verdict["notes"]
    )


@needs("playbook")
@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--function", "scn.extract"], "Did you mean 'shop.scan.extract'"),
        (["--function", "extract"], "2 names have this ending: shop.mail.extract, shop.scan.extract"),
        (["--function", "scan.extract", "--store", "none"], "needs a store with calls of the function"),
        (["--function", "scan.extract", "--schema", "s.json"], "got one with ticket ("),
    ],
)
def test_a_playbook_run_for_a_function_that_is_not_there_asks_nobody(two, folder, capsys, more, told):
    """The function has to be recorded, and under this schema."""
    status, out, err = run(capsys, *run_in(folder, *more))

    assert (status, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("also", "calls"),
    [((), 30), (("v2",), 50), (("v1",), 40), (("v1", "v2"), 60), (("v2", "v1"), 60)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_decide_adds_the_calls_of_each_earlier_version(store, capsys, also, calls):
    """`--also-version` adds the calls of any earlier version, not only of the last one."""
    for version, number in (("v1", 10), ("v2", 20), ("v3", 30)):
        asked(
            function("shop.mail", "extract", store, every=5, settings={"about": About(version=version)}),
            number,
        )
    store.flush()
    options = [part for version in also for part in ("--also-version", version)]
    status, verdict = found(capsys, "decide", "--function", "extract", *options)

    assert (status, verdict["calls"]) == (1, calls)
