"""Named tuples that are made without compiling their annotations: the same as those of `typing`."""

from __future__ import annotations

import inspect
import pickle
import typing
from typing import Any, Generic, TypeVar

import pytest

from schema_guard.light.tuples import NamedTuple
from schema_guard.values import Outcome, Usage

V = TypeVar("V")


class Ours(NamedTuple):
    """What was asked."""

    text: str
    size: int | None = None

    @property
    def shown(self) -> str:
        """The text, and its size."""
        return f"{self.text} {self.size}"

    @staticmethod
    def of(text: str) -> Ours:
        """Measure a text."""
        return Ours(text, len(text))


class Theirs(typing.NamedTuple):
    """What was asked."""

    text: str
    size: int | None = None


class Open(NamedTuple, Generic[V]):
    """A class that may be subscripted."""

    value: V | None


@pytest.mark.parametrize(
    "name",
    ["_fields", "_field_defaults", "__doc__", "__bases__", "__module__", "__match_args__", "__slots__"],
)
def test_what_is_known_of_the_class_is_the_same(name):
    """Fields, defaults, words and bases are those that `typing` gives it."""
    assert getattr(Ours, name) == getattr(Theirs, name)


def test_a_value_is_the_same():
    """It compares, reads, is copied and is taken apart as one of `typing` is."""
    ours, theirs = Ours("abc", 3), Theirs("abc", 3)

    assert ours == theirs == ("abc", 3)
    assert (ours._asdict(), ours._replace(size=1)) == (theirs._asdict(), theirs._replace(size=1))
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert not hasattr(ours, "__dict__")


def test_it_has_the_methods_that_its_author_wrote():
    """Properties and static methods."""
    assert Ours.of("abc") == Ours("abc", 3)
    assert Ours.of("abc").shown == "abc 3"


def test_types_of_its_fields_are_found():
    """By `get_type_hints` and in the signature, as texts until somebody asks."""
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Theirs)
    assert list(inspect.signature(Ours).parameters) == ["text", "size"]
    assert typing.get_type_hints(Usage)["input_tokens"] == int | None


@pytest.mark.parametrize("kind", [Open, Outcome])
def test_a_generic_one_is_subscripted(kind):
    """What stands in the brackets is for readers and type checkers."""
    assert typing.get_origin(kind[int]) is kind
    assert typing.get_args(kind[V][Any]) == (Any,)


@pytest.mark.parametrize("wrong", [{}, {"text": "a", "length": 1}, {"size": 1}])
def test_wrong_arguments_are_refused_in_the_same_words(wrong):
    """What is missing or unknown is named."""
    with pytest.raises(TypeError) as theirs:
        Theirs(**wrong)
    with pytest.raises(TypeError) as ours:
        Ours(**wrong)

    assert str(ours.value) == str(theirs.value).replace("Theirs", "Ours")


def test_wrong_fields_are_refused():
    """A value of too few fields, and a change of a field that is not there."""
    with pytest.raises(TypeError, match="Expected 2 arguments, got 1"):
        Ours._make(["a"])
    with pytest.raises(ValueError, match=r"Got unexpected field names: \['length'\]"):
        Ours.of("a")._replace(length=1)


def test_as_many_fields_keep_their_own_names():
    """Two classes with as many fields take each their own, which share what makes them."""

    class Other(NamedTuple):
        width: int
        height: int = 2

    assert (Other(width=1), Ours(text="a")) == ((1, 2), ("a", None))
    assert (Other(1).height, Ours("a").text) == (2, "a")
