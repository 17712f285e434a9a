"""Frozen dataclasses that are made without `dataclasses`: the same as its own."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, Generic, TypeVar

import pytest

from schema_guard import guard
from schema_guard.light.frozen import dataclass

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ours(Generic[V]):
    """What was asked."""

    text: str
    size: int | None = None
    more: Any = ()

    def __post_init__(self) -> None:
        """Refuse what is too long."""
        if self.size == 100:
            raise ValueError("too long")


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs(Generic[V]):
    """What was asked."""

    text: str
    size: int | None = None
    more: Any = ()


class Kind(Ours[V]):
    """A class with no fields of its own."""

    __slots__ = ()


def test_a_value_is_the_same():
    """It is made by position and by name, reads, compares, hashes, is copied and pickled as one of `dataclasses`."""
    ours, theirs = Ours("abc", more=[1]), Theirs("abc", more=[1])

    assert repr(ours) == "Ours(text='abc', more=[1])"
    assert repr(Ours("abc", 3)) == repr(Theirs("abc", 3)).replace("Theirs", "Ours").replace(", more=()", "")
    assert Ours.__match_args__ == Theirs.__match_args__
    assert ours == Ours(text="abc", size=None, more=[1]) != Ours("abc")
    assert ours != theirs
    assert hash(Ours("abc")) == hash(Theirs("abc"))
    assert pickle.loads(pickle.dumps(ours)) == copy.deepcopy(ours) == ours
    assert ours.__getstate__() == theirs.__getstate__()
    assert not hasattr(ours, "__dict__")


def test_it_is_one_of_dataclasses_to_who_asks():
    """`fields`, `asdict` and `replace` take it."""
    ours, theirs = Kind("abc", 3), Theirs("abc", 3)

    messages = [
        [(field.name, field.type, field.default) for field in dataclasses.fields(one)]
        for one in (ours, theirs)
    ]

    assert messages[0] == messages[1]
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert dataclasses.replace(ours, size=4) == Kind("abc", 4)
    assert type(dataclasses.replace(ours, size=4)) is Kind


@pytest.mark.parametrize(
    ("args", "given", "told"),
    [
        ((), {}, "missing 'text'"),
        (("a", 1, (), 2), {}, "too many by position: 4"),
        (("a",), {"text": "b"}, "twice 'text'"),
        (("a",), {"length": 1}, "no field 'length'"),
        ((), {"length": 1}, "no field 'length'; missing 'text'"),
    ],
)
def test_wrong_arguments_are_refused(args, given, told):
    """What is missing, too much, given twice or unknown is told, before the fields that there are."""
    with pytest.raises(TypeError):
        Theirs(*args, **given)
    with pytest.raises(TypeError, match=f"^Ours: {told}: its fields are text, size, more$"):
        Ours(*args, **given)


def test_it_cannot_be_changed():
    """With the exception that `dataclasses` has for it."""
    ours = Ours("abc")

    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'text'"):
        ours.text = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'text'"):
        del ours.text


def test_its_own_check_is_made():
    """Of a new one, and of one that is made by a change."""
    with pytest.raises(ValueError, match="too long"):
        Ours("a", 100)
    with pytest.raises(ValueError, match="too long"):
        dataclasses.replace(Ours("a"), size=100)


def test_the_settings_of_a_guard_are_one():
    """They are replaced one by one, and guard anew."""
    ask = guard({"type": "object"}, store=None)(lambda prompt: "[]")

    again = dataclasses.replace(ask.guard, max_attempts=1, on_failure="return")(ask.__wrapped__)

    assert len(again("x").attempts) == 1
