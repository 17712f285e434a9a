"""What is made when it is first used."""

from __future__ import annotations

from threading import Event, Thread

from schema_guard.locks import cached_property


class _Slow:
    """Says when it begins to make its value, and waits until it may end."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.made = Event(), Event(), 0

    @cached_property
    def value(self) -> list[int]:
        """What is made."""
        self.begun.set()
        self.may_end.wait(10.0)
        self.made += 1
        return [self.made]


def test_a_value_is_made_once_and_kept():
    """It is the same object whenever it is asked for, and stands among the attributes."""
    slow = _Slow()
    slow.may_end.set()

    assert slow.value is slow.value is vars(slow)["value"]
    assert slow.made == 1
    assert _Slow.value.__doc__ == "What is made."


def test_nobody_waits_for_a_value_of_another():
    """A thread that makes one keeps no other from making its own: a forked child would wait for it for ever."""
    slow, other = _Slow(), _Slow()
    other.may_end.set()
    thread = Thread(target=lambda: slow.value, daemon=True)
    thread.start()
    slow.begun.wait()

    assert other.value == [1]
    assert thread.is_alive()
    slow.may_end.set()
    thread.join()


def test_who_comes_second_gets_what_the_first_one_kept():
    """Of two threads that make a value at once both have the same object."""
    slow = _Slow()
    values = []
    thread = Thread(target=lambda: values.append(slow.value))
    thread.start()
    slow.begun.wait()
    slow.__dict__.setdefault("value", [0])
    slow.may_end.set()
    thread.join()

    assert values == [[0]]
    assert slow.value is values[0]
