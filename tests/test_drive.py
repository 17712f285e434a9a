"""Laws of the drivers: what a stream brings reaches the loop whole and in its order, and no more is taken than is wanted."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import CallFailed, Limits, guard
from schema_guard.drive import with_time
from schema_guard.received.stream_limits import StreamLimits
from schema_guard.received.streams import MOST_IDLE_CHUNKS
from schema_guard.values import Reply
from tests.needs import marked, needs
from tests.thinned import examples

# Longer than the head in which a page is looked for: behind it texts are kept for a while.
HEAD = '{"note": "' + "x" * 80
NOTE = {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}
PIECES = st.lists(
    st.one_of(
        st.text("abc é", min_size=1, max_size=12),
        st.text("abc é", min_size=1, max_size=300),
        st.text("abc é", min_size=1, max_size=12).map(str.encode),
        st.sampled_from(["", None, b""]),
    ),
    max_size=30,
)
SETTINGS = [
    {},
    {"early_stop": True},
    {"limits": Limits(max_repeats=1_000)},
    {"limits": Limits(max_elapsed_s=1_000.0)},
    {"early_stop": True, "limits": Limits(max_elapsed_s=1_000.0)},
]


class Gone(Exception):
    """What the function raises behind its last piece."""


class Kept:
    """A recorder that keeps outcomes."""

    def __init__(self):
        self.outcomes = []

    def record(self, outcome, task=None):
        self.outcomes.append(outcome)


def streams(pieces, taken, error=None):
    """A function that gives the pieces, and an asynchronous one; both say how many characters were taken."""

    def ask(prompt):
        for piece in pieces:
            taken.append(len(piece or ""))
            yield piece
        if error is not None:
            raise error

    async def ask_later(prompt):
        for piece in ask(prompt):
            yield piece

    return ask, ask_later


def called(function, *, is_async, is_followed):
    """Call a guarded function, or follow its growing values; gives what it raises."""

    async def follow():
        async for _ in function.stream("t"):
            pass

    try:
        if is_async:
            asyncio.run(follow() if is_followed else function("t"))
        elif is_followed:
            list(function.stream("t"))
        else:
            function("t")
    except (Gone, CallFailed) as error:
        return error
    return None


def text_of(pieces):
    return "".join(piece.decode() if isinstance(piece, bytes) else piece or "" for piece in pieces)


@needs("streaming")
@pytest.mark.parametrize("is_followed", marked([False, True], "streaming", bool))
@pytest.mark.parametrize("is_async", [False, True])
@examples(30)
@given(PIECES, st.sampled_from(SETTINGS), st.booleans())
def test_what_came_is_the_reply_whatever_the_pieces(is_async, is_followed, pieces, settings, raises):
    """Texts, bytes and pieces that bring nothing, mixed: all of them are the reply, in their order, and if it broke off too."""
    stored, error = Kept(), Gone() if raises else None
    pieces = [HEAD, *pieces, *([] if raises else ['"}'])]
    function = streams(pieces, [], error)[is_async]
    ask = guard(NOTE, store=stored, max_attempts=1, on_failure="return", **settings)(function)

    raised = called(ask, is_async=is_async, is_followed=is_followed)

    assert raised is error
    assert [attempt.reply for attempt in stored.outcomes[0].attempts] == [text_of(pieces)]


@pytest.mark.parametrize("is_followed", marked([False, True], "streaming", bool))
@pytest.mark.parametrize("is_async", [False, True])
@examples(30)
@given(st.integers(0, 3_000), st.integers(1, 40))
def test_of_a_reply_that_is_too_large_no_more_is_taken(is_async, is_followed, room, width):
    """A stream is left with the piece that makes it too large."""
    taken = []
    function = streams([HEAD, *["a" * width] * (6_000 // width)], taken)[is_async]
    limits = Limits(max_bytes=len(HEAD) + room)
    ask = guard(NOTE, store=None, max_attempts=1, on_failure="return", limits=limits)(function)

    called(ask, is_async=is_async, is_followed=is_followed)

    assert limits.max_bytes < sum(taken) <= limits.max_bytes + width


@needs("streaming")
@pytest.mark.parametrize("is_async", [False, True])
@examples(10)
@given(st.integers(1, 40), st.sampled_from(SETTINGS))
def test_a_page_is_a_page_whatever_the_pieces(is_async, width, settings):
    """What is kept for a while is looked at all the same: a page that a proxy sent is no reply of a model, nor is its end."""
    stored = Kept()
    page = "\n<!DOCTYPE html><html><body>" + "Bad gateway. " * 20
    pieces = [page[at : at + width] for at in range(0, len(page), width)]
    ask = guard(NOTE, store=stored, **settings)(streams(pieces, [])[is_async])

    assert type(called(ask, is_async=is_async, is_followed=False)) is CallFailed
    assert [attempt.reply for attempt in stored.outcomes[0].attempts] == [None]


@pytest.mark.parametrize("is_async", [False, True])
def test_pieces_that_bring_nothing_end_no_stream_that_goes_on(is_async):
    """It is ended by ten thousand of them in a row alone, and not by as many between pieces of text."""
    pieces = [HEAD, *["a", ""] * (MOST_IDLE_CHUNKS + 1), '"}']
    ask = guard(NOTE, store=None)(streams(pieces, [])[is_async])

    assert called(ask, is_async=is_async, is_followed=False) is None


@needs("streaming")
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("is_followed", marked([False, True], "streaming", bool))
@pytest.mark.parametrize("is_async", [False, True])
def test_what_lands_in_the_loop_goes_on_as_itself(monkeypatch, is_async, is_followed, at):
    """An exception that comes from outside while a piece is looked at is raised as it is, and the loop is fed no more."""
    error, calls = Gone(), itertools.count(1)
    answer = StreamLimits.answer

    def landing(self, chunk):
        if next(calls) == at:
            raise error
        return answer(self, chunk)

    monkeypatch.setattr(StreamLimits, "answer", landing)
    stored = Kept()
    function = streams([HEAD, *["a" * 40] * 50, '"}'], [])[is_async]
    ask = guard(NOTE, store=stored, early_stop=True)(function)

    assert called(ask, is_async=is_async, is_followed=is_followed) is error
    assert stored.outcomes == []


def test_an_error_in_the_preparation_is_no_failure_of_the_function(monkeypatch):
    """An error of schema_guard itself before the function is called is raised, and no attempt is recorded."""
    calls, error = [], Gone()

    def failing(*_):
        raise error

    monkeypatch.setattr("schema_guard.running_call.arguments", failing)
    stored = Kept()
    ask = guard(NOTE, store=stored)(streams(["{}"], calls)[0])

    with pytest.raises(Gone):
        ask.outcome("t")
    assert (calls, stored.outcomes) == ([], [])


def test_all_that_is_known_of_a_reply_reaches_the_loop():
    """The driver adds the time and the judgement to a reply, and changes nothing else."""
    reply = Reply("[1]", model="m", tries=(Reply("no", model="m"),))

    assert with_time(reply, 2.5, None) == reply._replace(elapsed_s=2.5)
    assert with_time("[1]", 2.5) == Reply("[1]", elapsed_s=2.5)
