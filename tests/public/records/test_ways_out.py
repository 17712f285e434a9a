"""What leaves a store or a call by each way out: a word and an address in every place that a call has."""

import asyncio
import io
import json
import logging
import pickle
import re
from contextlib import suppress
from types import SimpleNamespace

import pytest

from schema_guard import GuardFailed, guard, open_store, tags, telemetry
from tests.public.commands.command_lines import command
from tests.public.commands.training_rows import TICKET

POLICIES = ("off", "hash", "redacted", "full")
PLACES = (
    "task", "message", "own", "seen", "argument", "reply", "clean", "observed", "wrong", "check", "raised", "segment", "cluster",
)  # fmt: skip
# Of each place: a word, which no redaction touches, and an address, which every redaction takes out.
WORDS = {f"{place}.w": f"canary-{place}-word" for place in PLACES}
ADDRESSES = {f"{place}.a": f"canary.{place}@corp.com" for place in PLACES}
CANARIES = WORDS | ADDRESSES


def both(place):
    return f"{WORDS[f'{place}.w']} {ADDRESSES[f'{place}.a']}"


def places(*names, kinds="wa"):
    return {f"{name}.{kind}" for name in names for kind in kinds}


def seen_in(text):
    """Return the canaries that a text holds."""
    return {name for name, canary in CANARIES.items() if canary in text}


# Texts that were sent or came: of a call that raised nothing came. `argument` is no text of a prompt.
SENT = ("task", "message", "own", "seen")
CAME = ("reply", "clean", "observed", "wrong", "check")
TAGS = places("segment", "cluster")


def refuses(value):
    """Refuse the value of the place `wrong`, quoting a canary of its own."""
    return both("check") if WORDS["wrong.w"] in value.get("mail", "") else None


def ticket(mail, team="billing"):
    return json.dumps({"team": team, "mail": mail})


def answer(prompt):
    """Answer by the number of a ticket."""
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
    """Call functions of each kind with canaries in all places, and return the errors that came."""
    errors = []
    settings = {"store": store, "version": "v1", "max_attempts": 2, "checks": [refuses]}
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
        observed = guard(TICKET, name="app.seen", store=store, version="v1", observe=True)(wait)
        asyncio.run(observed(f"Seen {both('seen')}"))
    return errors


def commands(place):
    """Return what each way out of the command line gives."""
    (place / "ticket.json").write_text(json.dumps(TICKET))
    found = {}
    for name, line in LINES.items():
        _, out, err = command(*line.split(), "--store", place / "r.db")
        found[name] = out + err
    for folder in ("sft", "dpo"):
        files = sorted((place / folder).iterdir()) if (place / folder).exists() else []
        found[f"files of {folder}"] = "".join(path.read_text(encoding="utf-8") for path in files)
    return found


SET = "export --schema ticket.json --function app.plain --min-examples 1 --validation 0 --test 0"
LINES = {
    "report": "report", "report as Markdown": "report --format markdown", "report as JSON": "report --format json",
    "report by model": "report --by model", "report by version": "report --by version",
    "report by segment": "report --by segment", "report by segment as JSON": "report --by segment --format json",
    "verdicts": "decide", "verdict": "decide --function plain", "verdict in full": "decide --function plain --full",
    "verdict as Markdown": "decide --function plain --format markdown",
    "verdict as JSON": "decide --function plain --format json",
    "watch": "watch --slo 0.1", "watch as JSON": "watch --slo 0.1 --format json", "info": "store info",
    "check": "store check",
    "rows as JSON Lines": "store export", "rows as CSV": "store export --format csv",
    "redacted texts": "store export --texts redacted", "redacted texts as CSV": "store export --texts redacted --format csv",
    "kept texts": "store export --texts kept", "kept texts as CSV": "store export --texts kept --format csv",
    "set": f"{SET} -o sft", "pairs": f"{SET} --form dpo -o dpo",
}  # fmt: skip


@pytest.fixture(scope="module", params=POLICIES)
def ways(request, tmp_path_factory):
    """What each way out gave, under each policy."""
    place = tmp_path_factory.mktemp("ways")
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    patch = pytest.MonkeyPatch()
    patch.chdir(place)
    patch.setenv("SCHEMA_GUARD_STORE", "none")
    try:
        telemetry.disable()
        on = telemetry.enable(prometheus_port=0)
        with open_store("r.db", payload=request.param) as store:
            errors = make_calls(store)
            store.flush(60.0)
            ids = [error.outcome.call.id for error in errors if isinstance(error, GuardFailed)]
            texts = repr(store.texts(ids))
        found = {"metrics": on.text(), "texts": texts, **commands(place), "log": log.getvalue()}
    finally:
        telemetry.disable()
        root.removeHandler(handler)
        root.setLevel(level)
        patch.undo()
    return SimpleNamespace(policy=request.param, place=place, errors=errors, found=found)


NOTHING = (
    "metrics", "log", "report", "report as Markdown", "report by model", "report by version",
    "verdicts", "verdict", "verdict as Markdown", "watch", "watch as JSON", "info", "check",
)  # fmt: skip


@pytest.mark.parametrize("way", NOTHING)
def test_no_text_and_no_tag_leaves_by_what_has_none(ways, way):
    """Counts, rates, metrics and log lines have names of functions and schemas alone, whatever is stored."""
    assert ways.found[way]
    assert seen_in(ways.found[way]) == set()


@pytest.mark.costly
@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("report --format html", set()),
        ("report --by segment --format html", places("segment")),
        ("decide --format html", set()),
        ("decide --function plain --format html", set()),
    ],
)
def test_no_text_is_on_a_page(ways, line, held):
    """A page holds names and figures, in its marks and scripts too."""
    status, out, err = command(*line.split(), "--store", ways.place / "r.db")

    assert status in (0, 1), err
    assert seen_in(out) == held


ONLY_TAGS = {
    "report as JSON": places("segment"),
    "report by segment": places("segment"),
    "report by segment as JSON": places("segment"),
    "rows as JSON Lines": TAGS,
    "rows as CSV": TAGS,
}


@pytest.mark.parametrize("way", ONLY_TAGS)
def test_tags_leave_as_the_names_that_they_are(ways, way):
    """A segment and a cluster are columns of a row, and no text of a call is beside them."""
    assert seen_in(ways.found[way]) == ONLY_TAGS[way]


@pytest.mark.parametrize("way", ["redacted texts", "redacted texts as CSV"])
def test_redacted_texts_leave_without_addresses(ways, way):
    """Of whatever is stored: nothing, hashes, redacted texts, or the texts as they are."""
    words = places(*SENT, *CAME, kinds="w") if ways.policy in ("redacted", "full") else set()

    assert seen_in(ways.found[way]) == TAGS | words


@pytest.mark.parametrize("way", ["kept texts", "kept texts as CSV"])
def test_kept_texts_leave_as_they_are_stored(ways, way):
    """Only the policy `full` stores addresses."""
    stored = {
        "redacted": places(*SENT, *CAME, kinds="w"),
        "full": places(*SENT, *CAME) - {"clean.a"},
    }

    assert seen_in(ways.found[way]) == TAGS | stored.get(ways.policy, set())


def test_texts_of_a_store_are_those_of_its_policy(ways):
    """`Store.texts` gives of the failed calls what the policy stores."""
    failed = ("task", "wrong", "check")
    stored = {"redacted": places(*failed, kinds="w"), "full": places(*failed)}

    assert seen_in(ways.found["texts"]) == stored.get(ways.policy, set())


def test_a_training_set_has_whole_answers_alone(ways):
    """Of redacted texts an answer that was touched is left out; a set never holds a refused reply or a check's words."""
    held = {
        "redacted": places("task", "clean", kinds="w"),
        "full": places("task", "reply", "clean") - {"clean.a"},
    }

    found = seen_in(ways.found["files of sft"])
    assert found - places("segment") == held.get(ways.policy, set())
    assert ("segment.w" in found) == (ways.policy in held)


def test_pairs_hold_rejected_replies_only_of_full_texts(ways):
    """A rejected reply that the redaction touched makes no pair."""
    found = seen_in(ways.found["files of dpo"])

    assert found & places("wrong", "reply") == (places("wrong", "reply") if ways.policy == "full" else set())
    assert found & places("check", "raised", "argument", "own", "message", "seen") == set()


def test_what_an_export_prints_has_no_answer(ways):
    """The inputs to label are shown by their beginning, and no reply is."""
    for way in ("set", "pairs"):
        found = seen_in(ways.found[way])

        assert found <= places("task", "segment")
        assert ("task.a" in found) <= (ways.policy == "full")


def test_an_error_quotes_the_reply_and_never_the_prompt(ways):
    """The message of `GuardFailed` has the refused value, or what a check says of it."""
    failed = [error for error in ways.errors if isinstance(error, GuardFailed)]

    assert [seen_in(f"{error}{error!r}") for error in failed] == [places("check"), places("wrong")]


def test_a_pickled_error_has_no_prompt(ways):
    """The reply is in it, and so are the check's words; the prompt is not, which the policy does not change."""
    failed = [error for error in ways.errors if isinstance(error, GuardFailed)]
    found = [seen_in(pickle.dumps(error).decode("latin-1")) for error in failed]

    assert [one & places("task") for one in found] == [set(), set()]
    assert [one & places("wrong") for one in found] == [places("wrong"), places("wrong")]


def test_no_argument_but_the_prompt_is_anywhere(ways):
    """A key that was handed to a function leaves by no way."""
    assert {way for way, text in ways.found.items() if seen_in(text) & places("argument")} == set()


def test_what_an_exception_says_is_stored_nowhere(ways):
    """Of a call that raised the records have the name of its exception alone."""
    assert {way for way, text in ways.found.items() if seen_in(text) & places("raised")} == set()
    assert "ConnectionError" in ways.found["rows as JSON Lines"]


def moved(ways, tmp_path, texts, *taking):
    """Return what a second store exports after it took in a file of the first one."""
    file, other = tmp_path / "moved.jsonl", tmp_path / "other.db"
    how = [] if texts is None else ["--texts", texts]
    assert command("store", "export", *how, "-o", file, "--store", ways.place / "r.db")[0] == 0
    assert command("store", "import", file, *taking, "--store", other)[0] == 0
    return seen_in(command("store", "export", "--texts", "kept", "--store", other)[1])


@pytest.mark.parametrize("texts", [None, "redacted", "kept"])
def test_an_import_leaves_texts_out_unless_asked(ways, tmp_path, texts):
    """Whatever the file holds."""
    assert moved(ways, tmp_path, texts) == TAGS


def test_an_import_of_redacted_texts_has_no_address(ways, tmp_path):
    """What was taken out on the way out does not come back."""
    words = places(*SENT, *CAME, kinds="w") if ways.policy in ("redacted", "full") else set()

    assert moved(ways, tmp_path, "redacted", "--texts") == TAGS | words


@pytest.mark.parametrize("texts", [(), ("--texts",)], ids=["rows", "texts"])
def test_a_merge_leaves_texts_out_unless_asked(ways, tmp_path, texts):
    """As an import does."""
    other = tmp_path / "all.db"
    assert command("store", "merge", ways.place / "r.db", *texts, "--store", other)[0] == 0
    found = seen_in(command("store", "export", "--texts", "kept", "--store", other)[1])
    stored = {
        "redacted": places(*SENT, *CAME, kinds="w"),
        "full": places(*SENT, *CAME) - {"clean.a"},
    }

    assert found == TAGS | (stored.get(ways.policy, set()) if texts else set())


BAD = {
    "report": ("report", "--function", "canary-function"),
    "decide": ("decide", "--schema", "canary-schema"),
    "watch": ("watch", "--slo", "0.1", "--function", "canary-function"),
    "export": ("export", "--schema", "canary-schema", "-o", "set"),
    "store export": ("store", "export", "--function", "canary-function"),
}


@pytest.mark.parametrize("way", BAD)
def test_an_error_of_a_command_names_what_was_asked_and_no_text(ways, way):
    """It lists functions or schemas that are recorded, and nothing of their calls."""
    status, out, err = command(*BAD[way], "--store", ways.place / "r.db")

    assert (status, out) == (2, "")
    assert "canary-" in err
    assert seen_in(err) == set()


def test_values_switched_off_leave_nothing_in_an_error(monkeypatch):
    """With SCHEMA_GUARD_VALUES=off neither the value nor the check's words are in the message."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")
    errors = []
    with suppress(TypeError):
        errors = make_calls(None)

    failed = [error for error in errors if isinstance(error, GuardFailed)]
    assert len(failed) == 2
    assert [seen_in(f"{error}{error!r}") for error in failed] == [set(), set()]
