"""Telling an exception from outside from the answer of a foreign object."""

import signal
import sys
from functools import partial

import pytest

from schema_guard.calls.fields import field, first
from schema_guard.core.judge import judge
from schema_guard.core.schema import Schema
from schema_guard.outside import is_from_outside


class FromOutside(Exception):
    """What the handlers of these tests raise."""


def handler(number, frame):
    raise FromOutside


def handler_of_anything(*given):
    handler(*given)


def handler_with_more(more, number, frame):
    raise FromOutside


class Handler:
    def __call__(self, number, frame):
        self.give_up()

    def give_up(self):
        raise FromOutside


HANDLERS = [handler, handler_of_anything, partial(handler_with_more, 1), Handler(), Handler().__call__]


@pytest.fixture(params=HANDLERS, ids=range(len(HANDLERS)))
def interrupt(request):
    """Raise the signal whose handler raises."""
    before = signal.signal(signal.SIGUSR1, request.param)
    yield lambda: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_what_a_handler_raises_is_from_outside(interrupt):
    """However a handler is written, what it raises is told by the frame that it was handed."""
    with pytest.raises(FromOutside) as raised:
        interrupt()

    assert is_from_outside(raised.value)


def raises(error):
    raise error


def test_what_the_object_raises_is_its_own():
    """An exception of a function, a frame in its variables too, is an answer; and so is one that comes back."""

    def with_frames(number, other):
        frame = sys._getframe(1)
        raise ValueError(frame)

    for access in (lambda: raises(ValueError()), lambda: with_frames(1, 2)):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            access()

        assert not is_from_outside(raised.value)
        assert not is_from_outside(raised.value, access)


def test_what_does_not_come_back_is_from_outside():
    """An exception that another thread has thrown in is told by its not coming a second time."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        raises(ValueError())

    assert is_from_outside(raised.value, lambda: 1)
    assert is_from_outside(raised.value, lambda: raises(TypeError()))


def test_a_look_at_a_foreign_object_lets_it_through(interrupt):
    """What lands in an object while a field of it is read is no answer of the object."""

    class Slow:
        def __getattr__(self, name):
            interrupt()

        def __getitem__(self, index):
            interrupt()

    for look in (lambda: field(Slow(), "choices"), lambda: first(Slow())):
        with pytest.raises(FromOutside):
            look()


def test_a_check_that_is_interrupted_has_refused_nothing(interrupt):
    """What lands in a check, or in the schema's own type, ends the judging."""
    schema = Schema.of({"type": "object"})

    with pytest.raises(FromOutside):
        judge("{}", schema, checks=[lambda value: interrupt()])
    with pytest.raises(FromOutside):
        judge("{}", schema, restore=lambda value: interrupt())
