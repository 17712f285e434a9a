"""Replies are kept as they come, and read back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.run.journal import Journal, JournalReply, reply_of_row, row_of
from schema_guard.bench.run.plan import plan_of, variants_of
from schema_guard.errors import InvalidArgument
from schema_guard.values import Failure, Reply, Usage
from tests.bench.small_suites import small_suite

PLAN = plan_of(small_suite(), variants_of(["m"], ["bare"]))
KEY = ("bare", "first-1", 0)


def kept(attempt=1, text="{}"):
    return JournalReply(attempt, "0" * 32, 1.5, "ab" * 8, Reply(text, "stop", Usage(3, 4)), 0.25)


COUNTS = st.none() | st.integers(0, 10**9)
REPLIES = st.builds(
    Reply,
    text=st.none() | st.text(st.characters(categories=["L", "N", "P", "C", "Z"])),
    finish_reason=st.none() | st.sampled_from(["stop", "length", "refusal"]),
    usage=st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS),
    refusal=st.none() | st.text(),
    model=st.none() | st.text(),
    failure=st.none() | st.just(Failure("syntax", "provider_rejected", "words")),
    # What a function had made of a reply is no matter of a run: its functions give what the model sent.
    parsed=st.none(),
    refused=st.none(),
    tries=st.just(()),
    calls=st.just(()),
    unseen=st.just(False),
    is_final=st.just(False),
    call_model=st.none(),
    exception=st.none(),
    instead=st.just(False),
    reasoned=st.booleans(),
    tool=st.none() | st.text(),
    elapsed_s=st.just(0.0),
    late=st.just(False),
    stopped=st.none(),
    judged=st.none(),
)


@given(REPLIES, st.floats(0, 1e4), st.none() | st.floats(0, 1e4))
def test_reply_survives_the_file(reply, at, elapsed_s):
    """Whatever came, lone surrogates and line separators too, is read back as it was."""
    one = JournalReply(2, "id", at, "digest", reply, elapsed_s)
    line = json.dumps(row_of(KEY, one))

    assert "\n" not in line
    assert reply_of_row(json.loads(line)) == (KEY, one)


def test_replies_are_there_after_resuming(tmp_path):
    """What was added is given back by call, in the order of attempts; the run keeps its name and time."""
    with Journal.begin(tmp_path / "j", PLAN) as journal:
        journal.add(KEY, kept())
        journal.add(("bare", "first-2", 0), kept())
        journal.add(KEY, kept(2))
        begun = journal.name, journal.started_at
    with Journal.resume(tmp_path / "j", PLAN) as journal:
        assert journal.replies == {KEY: [kept(), kept(2)], ("bare", "first-2", 0): [kept()]}
        assert (journal.name, journal.started_at) == begun


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_line_that_was_not_finished_is_cut_off(tmp_path, cut):
    """A process that dies while it writes loses that line alone, and the next one does not join it."""
    file = tmp_path / "j"
    with Journal.begin(file, PLAN) as journal:
        journal.add(KEY, kept())
        whole = file.read_bytes()
        journal.add(KEY, kept(2))
    file.write_bytes(file.read_bytes()[: len(whole) + cut])
    with Journal.resume(file, PLAN) as journal:
        assert journal.replies == {KEY: [kept()]}
        journal.add(KEY, kept(2, "again"))
    with Journal.resume(file, PLAN) as journal:
        assert journal.replies == {KEY: [kept(), kept(2, "again")]}


@pytest.mark.parametrize("left", [b"", b'{"jour', b'{"journal":1,"pl'])
def test_journal_that_died_at_its_first_line_is_begun_anew(tmp_path, left):
    """Without a whole first line nothing was paid for."""
    (tmp_path / "j").write_bytes(left)
    with Journal.resume(tmp_path / "j", PLAN) as journal:
        assert journal.replies == {}
        journal.add(KEY, kept())
    with Journal.resume(tmp_path / "j", PLAN) as journal:
        assert journal.replies == {KEY: [kept()]}


def test_reply_that_is_there_already_stays(tmp_path):
    """Of two replies to one attempt the first counts."""
    with Journal.begin(tmp_path / "j", PLAN) as journal:
        journal.add(KEY, kept())
        journal.add(KEY, kept(text="other"))
    with Journal.resume(tmp_path / "j", PLAN) as journal:
        assert journal.replies == {KEY: [kept()]}


def test_journal_of_another_plan_is_refused(tmp_path):
    """A journal goes on with its own plan only, and the message says of which run it is."""
    Journal.begin(tmp_path / "j", PLAN).close()
    other = plan_of(small_suite(), variants_of(["m"], ["few_shot"]))

    with pytest.raises(InvalidArgument, match=r"the journal belongs to another run \(small, 4 calls, bare"):
        Journal.resume(tmp_path / "j", other)


def test_file_that_is_there_is_not_begun_again(tmp_path):
    """Beginning never takes the place of replies that were paid for."""
    Journal.begin(tmp_path / "j", PLAN).close()

    with pytest.raises(InvalidArgument, match="the file already exists"):
        Journal.begin(tmp_path / "j", PLAN)


def test_one_process_at_a_time(tmp_path):
    """A journal that is being written is not opened again."""
    pytest.importorskip("fcntl", reason="needs file locks")
    with (
        Journal.begin(tmp_path / "j", PLAN),
        pytest.raises(InvalidArgument, match="another process is writing to this file"),
    ):
        Journal.resume(tmp_path / "j", PLAN)


DAMAGED = [
    (b'{"name": "x"}\n', "expected a journal that this version of schema-guard wrote"),
    (b"notes of mine, in one line", "expected a journal that this version of schema-guard wrote"),
    (b"[1]\n", "line 1: expected a JSON object"),
    (b"no\n", "line 1: expected a JSON object, but reading it failed"),
    (b"\xff\n", "reading this file failed"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED, ids=range(len(DAMAGED)))
def test_file_that_is_no_journal_is_refused(tmp_path, content, message):
    """Nothing is written to a file that is something else."""
    (tmp_path / "j").write_bytes(content)

    with pytest.raises(InvalidArgument, match=message):
        Journal.resume(tmp_path / "j", PLAN)
    assert (tmp_path / "j").read_bytes() == content


def test_damaged_line_is_told_with_its_number(tmp_path):
    """A whole line that is no reply is an error before anything is spent."""
    Journal.begin(tmp_path / "j", PLAN).close()
    with (tmp_path / "j").open("a") as file:
        file.write('{"call": ["bare", "first-1", 0]}\n')

    with pytest.raises(
        InvalidArgument, match="line 2: expected a recorded reply, but reading it failed: KeyError"
    ):
        Journal.resume(tmp_path / "j", PLAN)


def test_attempt_without_the_one_before_is_told(tmp_path):
    """A hole in a call's replies is damage, and no reply is left out without a word."""
    with Journal.begin(tmp_path / "j", PLAN) as journal:
        journal.add(KEY, kept(2))

    with pytest.raises(
        InvalidArgument,
        match="line 2: the file has attempt 2 of call bare/first-1/0, but not the attempt before it",
    ):
        Journal.resume(tmp_path / "j", PLAN)
