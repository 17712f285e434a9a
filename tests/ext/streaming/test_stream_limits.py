"""When a reply that arrives is looked at: soon after it has failed, and not at every piece."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Limits, PrefixChecker, Schema, prefix_checker
from schema_guard.received.stream_limits import StreamLimits
from schema_guard.values import Chunk, More, Stop
from tests.thinned import examples

SCHEMA = Schema.of({"properties": {"id": {"type": "integer"}, "note": {"type": "string"}}})
WIDEST, SHARE = 64, 12


def reply(before, behind):
    """A reply that is doomed with the quote behind `id`, so many characters after its beginning, and goes on."""
    return '{"note": "' + "x" * before + '", "id": "' + "y" * behind


def watched(text, widths, *, patient):
    """Feed a watch with a text in pieces; gives how much it was fed until it stopped, None if it did not.

    A patient driver keeps pieces for as long as it is allowed to.
    """
    watch = StreamLimits(Limits(), 0.0, SCHEMA)
    at, stored, room = 0, "", 0
    for width in widths * (len(text) // sum(widths) + 1):
        stored += text[at : at + width]
        at += width
        if patient and len(stored) < room:
            continue
        answer, stored = watch.answer(Chunk(stored)), ""
        if type(answer) is Stop:
            return min(at, len(text))
        assert type(answer) is More
        room = answer.min_chars
    return None


@pytest.mark.parametrize("patient", [False, True])
@examples(40)
@given(st.integers(0, 1_500), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_a_reply_is_stopped_soon_after_it_has_failed_whatever_the_pieces(patient, before, widths):
    """It is looked at when it has grown by a twelfth, by 64 characters at the most, and by a piece."""
    text = reply(before, 300)
    checker = prefix_checker(SCHEMA)
    checker.feed(text)

    stopped = watched(text, widths, patient=patient)

    assert checker.read <= stopped <= checker.read + min(WIDEST, checker.read // SHARE) + max(widths)


@examples(40)
@given(st.integers(0, 1_500), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_a_reply_is_not_looked_at_with_every_piece(before, widths):
    """What the checker is fed at once is a twelfth of what it had before at the least, or 64 characters."""
    fed = []
    feed = PrefixChecker.feed

    def counted(self, text):
        fed.append(len(text))
        return feed(self, text)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PrefixChecker, "feed", counted)
        watched(reply(before, 300), widths, patient=False)

    had = 0
    for size in fed:
        assert size >= min(WIDEST, had // SHARE)
        had += size


@pytest.mark.parametrize("max_repeats", [None, 6])
@pytest.mark.parametrize(("text", "max_depth"), [(reply(0, 400), 100), ('{"a": ' + "[" * 400, 3)])
def test_what_a_reply_is_stopped_for_is_what_it_has_broken_first(text, max_depth, max_repeats):
    """The schema and the limits go before what is repeated behind that."""
    limits = Limits(max_depth=max_depth, max_repeats=max_repeats)
    watch = StreamLimits(limits, 0.0, SCHEMA)

    answer = watch.answer(Chunk(text))

    assert answer == Stop(prefix_checker(SCHEMA, limits=limits).feed(text))
    assert answer.failure is not None
