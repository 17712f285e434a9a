"""The texts and tags in each output of a store or a call, tested with canaries in every place of a call."""

import asyncio
import io
import json
import logging
import pickle
import re
from types import SimpleNamespace

import pytest

from schema_guard import About, GuardFailed, guard, open_store, tags
from tests.needs import marked, needs, with_parts
from tests.public.commands.command_lines import command
from tests.public.commands.training_rows import TICKET

POLICIES = ("off", "hash", "redacted", "full")
PLACES = (
    "task", "message", "own", "seen", "argument", "reply", "clean", "observed", "wrong", "check", "raised", "segment", "cluster",
)  # fmt: skip
# Each place has a word, which redaction does not change, and an address, which redaction always removes.
WORDS = {f"{place}.w": f"canary-{place}-word" for place in PLACES}
ADDRESSES = {f"{place}.a": f"canary.{place}@corp.com" for place in PLACES}
CANARIES = WORDS | ADDRESSES


def both(place):
    return f"{WORDS[f'{place}.w']} {ADDRESSES[f'{place}.a']}"


def places(*names, kinds="wa"):
    return {f"{name}.{kind}" for name in names for kind in kinds}


def canaries_in(text):
    """Return the names of the canaries in a text."""
    return {name for name, canary in CANARIES.items() if canary in text}


# Texts in prompts and texts in replies. `argument` is in no prompt, and a call that raised has no reply.
PROMPTS = ("task", "message", "own", "seen")
REPLIES = ("reply", "clean", "observed", "wrong", "check")
TAGS = places("segment", "cluster")


def refuses(value):
    """Refuse a value with the canary `wrong`. The message has a canary of its own."""
    return both("check") if WORDS["wrong.w"] in value.get("mail", "") else None


def ticket(mail, team="billing"):
    return json.dumps({"team": team, "mail": mail})


def answer(prompt):
    """Return a reply that depends on the number of the ticket."""
    text = prompt if isinstance(prompt, str) else str(prompt)
    number = int(re.search(r"Ticket (\d)", text)[1])
    if number == 3:
        raise ConnectionError(both("raised"))
    if number == 4 or (number == 1 and "was not valid" not in text):
        return ticket("x", both("wrong"))
    if number == 2:
        return ticket(both("wrong"))
    return ticket(WORDS["clean.w"] if number == 5 else both("reply"))


def make_calls(store):
    """Call functions of each kind with canaries in all places. Return the raised errors."""
    errors = []
    settings = {"store": store, "about": About(version="v1"), "max_attempts": 2, "checks": [refuses]}
    plain = guard(TICKET, name="app.plain", **settings)(answer)
    messages = guard(TICKET, name="app.messages", **settings)(answer)

    def build(text, instructions, feedback=None, api_key=None):
        return ticket("x")

    async def wait(prompt):
        return ticket(both("observed"))

    with tags(segment=both("segment"), cluster=both("cluster")):
        for number in range(6):
            try:
                plain(f"Ticket {number} {both('task')}")
            except (GuardFailed, ConnectionError) as error:
                errors.append(error)
        messages([{"role": "user", "content": f"{both('message')} Ticket 6"}])
        own = guard(TICKET, name="app.own", **settings)(build)
        own(f"Own {both('own')}", api_key=ADDRESSES["argument.a"])
        observed = guard(TICKET, name="app.seen", store=store, about=About(version="v1"), observe=True)(wait)
        asyncio.run(observed(f"Seen {both('seen')}"))
    return errors


def commands(place):
    """Return the output of each command line, and the exported files."""
    (place / "ticket.json").write_text(json.dumps(TICKET))
    results = {}
    for name, line in LINES.items():
        _, out, err = command(*line.split(), "--store", place / "r.db")
        results[name] = out + err
    files = sorted((place / "set").iterdir()) if (place / "set").exists() else []
    results["files of the set"] = "".join(path.read_text(encoding="utf-8") for path in files)
    return results


SET = "tune prepare --schema ticket.json --function app.plain --min-examples 1 --validation 0 --test 0"
LINES = {
    "report": "report", "report as Markdown": "report --format markdown", "report as JSON": "report --format json",
    "report by model": "report --by model", "report by version": "report --by version",
    "report by segment": "report --by segment", "report by segment as JSON": "report --by segment --format json",
    "verdicts": "decide", "verdict": "decide --function plain", "verdict in full": "decide --function plain --full",
    "verdict as Markdown": "decide --function plain --format markdown",
    "verdict as JSON": "decide --function plain --format json",
    "watch": "watch --max-failure-rate 0.1", "watch as JSON": "watch --max-failure-rate 0.1 --format json", "info": "store info",
    "check": "store check",
    "rows as JSON Lines": "store export", "rows as CSV": "store export --format csv",
    "redacted texts": "store export --texts redacted", "redacted texts as CSV": "store export --texts redacted --format csv",
    "kept texts": "store export --texts kept", "kept texts as CSV": "store export --texts kept --format csv",
    "set": f"{SET} -o set",
}  # fmt: skip


@pytest.fixture(scope="module", params=marked(POLICIES, "redaction", "redacted".__eq__))
def outputs(request, tmp_path_factory):
    """Every output of a store and its calls, for each policy."""
    place = tmp_path_factory.mktemp("outputs")
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    patch = pytest.MonkeyPatch()
    patch.chdir(place)
    patch.setenv("SCHEMA_GUARD_STORE", "none")
    try:
        with open_store("r.db", payload=request.param) as store:
            errors = make_calls(store)
            store.flush(60.0)
            ids = [error.outcome.call.id for error in errors if isinstance(error, GuardFailed)]
            texts = repr(store.texts(ids))
        results = {"texts": texts, **commands(place), "log": log.getvalue()}
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        patch.undo()
    return SimpleNamespace(policy=request.param, place=place, errors=errors, texts=results)


WITHOUT_TEXTS = (
    "log", "report", "report as Markdown", "report by model", "report by version",
    "verdicts", "verdict", "verdict as Markdown", "watch", "watch as JSON", "info", "check",
)  # fmt: skip


@pytest.mark.parametrize("output", WITHOUT_TEXTS)
def test_counts_and_logs_have_no_texts_or_tags(outputs, output):
    """Counts, rates, metrics, and log lines name only functions and schemas, under every policy."""
    assert outputs.texts[output]
    assert canaries_in(outputs.texts[output]) == set()


@pytest.mark.costly
def test_page_has_an_example_if_texts_are_stored(outputs):
    """The card of a function has a failed reply, as it is stored. Without stored texts, it has none."""
    _, out, _ = command("report", "--format", "html", "--store", outputs.place / "r.db")

    assert canaries_in(out) == {"redacted": {"wrong.w"}, "full": {"wrong.a", "wrong.w"}}.get(
        outputs.policy, set()
    )


@pytest.mark.costly
@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("report --by segment --format html", places("segment")),
        ("decide --format html", set()),
        ("decide --function plain --format html", set()),
    ],
)
def test_pages_have_no_texts(outputs, line, held):
    """Any other page has only names and figures, even in its markup and scripts."""
    status, out, err = command(*line.split(), "--store", outputs.place / "r.db")

    assert status in (0, 1), err
    assert canaries_in(out) == held


ONLY_TAGS = {
    "report as JSON": places("segment"),
    "report by segment": places("segment"),
    "report by segment as JSON": places("segment"),
    "rows as JSON Lines": TAGS,
    "rows as CSV": TAGS,
}


@pytest.mark.parametrize("output", marked(ONLY_TAGS, "transfer", lambda output: "rows" in output))
def test_rows_have_tags_but_no_texts(outputs, output):
    """Segment and cluster are columns of a row. A row has no text of the call."""
    assert canaries_in(outputs.texts[output]) == ONLY_TAGS[output]


@needs("transfer")
@pytest.mark.parametrize("output", ["redacted texts", "redacted texts as CSV"])
def test_redacted_export_has_no_addresses(outputs, output):
    """`--texts redacted` removes addresses, even if the store has full texts."""
    words = places(*PROMPTS, *REPLIES, kinds="w") if outputs.policy in ("redacted", "full") else set()

    assert canaries_in(outputs.texts[output]) == TAGS | words


@needs("transfer")
@pytest.mark.parametrize("output", ["kept texts", "kept texts as CSV"])
def test_kept_export_has_the_stored_texts(outputs, output):
    """`--texts kept` exports addresses only under the policy `full`."""
    stored = {
        "redacted": places(*PROMPTS, *REPLIES, kinds="w"),
        "full": places(*PROMPTS, *REPLIES) - {"clean.a"},
    }

    assert canaries_in(outputs.texts[output]) == TAGS | stored.get(outputs.policy, set())


def test_store_texts_follow_the_policy(outputs):
    """`Store.texts` returns the texts of the failed calls that the policy stores."""
    failed = ("task", "wrong", "check")
    stored = {"redacted": places(*failed, kinds="w"), "full": places(*failed)}

    assert canaries_in(outputs.texts["texts"]) == stored.get(outputs.policy, set())


@needs("tuning")
def test_training_set_has_only_unredacted_answers(outputs):
    """A redacted answer is left out. A refused reply or a check's message is never in a set."""
    held = {
        "redacted": places("task", "clean", kinds="w"),
        "full": places("task", "reply", "clean") - {"clean.a"},
    }

    result = canaries_in(outputs.texts["files of the set"])
    assert result - places("segment") == held.get(outputs.policy, set())
    assert ("segment.w" in result) == (outputs.policy in held)


@needs("tuning")
def test_output_of_export_has_no_replies(outputs):
    """The output shows only segments and the beginnings of inputs to label. The beginnings have no address."""
    held = {"task.w"} | places("segment") if outputs.policy in ("redacted", "full") else set()

    assert canaries_in(outputs.texts["set"]) == held


def test_guard_failed_quotes_the_reply_but_no_prompt(outputs):
    """The message has the refused value or the check's message."""
    failed = [error for error in outputs.errors if isinstance(error, GuardFailed)]

    assert [canaries_in(f"{error}{error!r}") for error in failed] == [places("check"), places("wrong")]


def test_pickled_error_has_no_prompt(outputs):
    """A pickled error has the reply, under every policy."""
    failed = [error for error in outputs.errors if isinstance(error, GuardFailed)]
    results = [canaries_in(pickle.dumps(error).decode("latin-1")) for error in failed]

    assert [one & places("task") for one in results] == [set(), set()]
    assert [one & places("wrong") for one in results] == [places("wrong"), places("wrong")]


def test_other_arguments_are_in_no_output(outputs):
    """An API key that is passed to a function is in no output."""
    assert {
        output for output, text in outputs.texts.items() if canaries_in(text) & places("argument")
    } == set()


@needs("transfer")
def test_exception_messages_are_in_no_output(outputs):
    """Only the name of an exception is recorded."""
    assert {output for output, text in outputs.texts.items() if canaries_in(text) & places("raised")} == set()
    assert "ConnectionError" in outputs.texts["rows as JSON Lines"]


def canaries_after_import(outputs, tmp_path, texts, *taking):
    """Return the canaries in a second store after an export and an import."""
    file, other = tmp_path / "moved.jsonl", tmp_path / "other.db"
    how = [] if texts is None else ["--texts", texts]
    assert command("store", "export", *how, "-o", file, "--store", outputs.place / "r.db")[0] == 0
    assert command("store", "import", file, *taking, "--store", other)[0] == 0
    return canaries_in(command("store", "export", "--texts", "kept", "--store", other)[1])


@needs("transfer")
@pytest.mark.parametrize("texts", [None, "redacted", "kept"])
def test_import_leaves_texts_out_by_default(outputs, tmp_path, texts):
    """Without --texts, an import takes no texts from the file."""
    assert canaries_after_import(outputs, tmp_path, texts) == TAGS


@needs("transfer")
def test_import_of_redacted_texts_has_no_addresses(outputs, tmp_path):
    """Redacted addresses do not return with an import."""
    words = places(*PROMPTS, *REPLIES, kinds="w") if outputs.policy in ("redacted", "full") else set()

    assert canaries_after_import(outputs, tmp_path, "redacted", "--texts") == TAGS | words


@needs("transfer")
@pytest.mark.parametrize("texts", [(), ("--texts",)], ids=["rows", "texts"])
def test_merge_leaves_texts_out_by_default(outputs, tmp_path, texts):
    """A merge takes texts only with --texts."""
    other = tmp_path / "all.db"
    assert command("store", "import", outputs.place / "r.db", *texts, "--store", other)[0] == 0
    result = canaries_in(command("store", "export", "--texts", "kept", "--store", other)[1])
    stored = {
        "redacted": places(*PROMPTS, *REPLIES, kinds="w"),
        "full": places(*PROMPTS, *REPLIES) - {"clean.a"},
    }

    assert result == TAGS | (stored.get(outputs.policy, set()) if texts else set())


BAD = {
    "report": ("report", "--function", "canary-function"),
    "decide": ("decide", "--schema", "canary-schema"),
    "watch": ("watch", "--max-failure-rate", "0.1", "--function", "canary-function"),
    "tune prepare": ("tune", "prepare", "--schema", "canary-schema", "-o", "set"),
    "store export": ("store", "export", "--function", "canary-function"),
}


@pytest.mark.parametrize("output", with_parts(BAD))
def test_command_errors_have_no_texts(outputs, output):
    """The message has the unknown name and the recorded names, but no text of a call."""
    status, out, err = command(*BAD[output], "--store", outputs.place / "r.db")

    assert (status, out) == (2, "")
    assert "canary-" in err
    assert canaries_in(err) == set()


def test_values_off_removes_texts_from_errors(monkeypatch):
    """With SCHEMA_GUARD_VALUES=off, the message has neither the value nor the check's message."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")
    failed = [error for error in make_calls(None) if isinstance(error, GuardFailed)]

    assert [canaries_in(f"{error}{error!r}") for error in failed] == [set(), set()]
