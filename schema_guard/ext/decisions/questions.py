# SPDX-License-Identifier: Apache-2.0
"""The questions about a schema, and the value that their answers make.

Rule: each possible part of a value is valid. So, any complete set of answers makes a valid value.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Answers: TypeAlias = Mapping[int, Sequence[float]]
"""The probabilities of the options of each question, by its index. A question without an answer has no entry.

A predicate has the options yes and no.
"""
ABSENT: Final[Any] = object()
"""The value of an optional property that the text does not state."""
_HALF: Final = 0.5


class TypedQuestion(NamedTuple):
    """A question about the text.

    Attributes:
        kind: `predicate` for yes or no, `choice` for one of the labels, `score` for a level of a scale.
        instructions: The question in words.
        labels: The options of a choice, or the levels of a score. Empty for a predicate.
        descriptions: The description of each label, or None.
    """

    kind: Literal["predicate", "choice", "score"]
    instructions: str
    labels: tuple[str, ...] = ()
    descriptions: tuple[str | None, ...] = ()

    @property
    def size(self) -> int:
        """The number of options."""
        return len(self.labels) or 2


class AnswerReading:
    """The value of some answers.

    Attributes:
        confidence: The probability of each part of the value that was asked, by path.
        missing: The paths of parts whose question has no answer.
        questions: The indices of the questions behind each part, by path.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.confidence: dict[tuple[str, ...], float] = {}
        self.missing: list[tuple[str, ...]] = []
        self.questions: dict[tuple[str, ...], tuple[int, ...]] = {}

    def best(self, question: int, path: tuple[str, ...]) -> int | None:
        """Return the likeliest option of a question, the first one of equals. None without an answer."""
        self.questions[path] = (*self.questions.get(path, ()), question)
        found = self._answers.get(question)
        if found is None:
            self.missing.append(path)
            return None
        best = max(range(len(found)), key=found.__getitem__)
        self._note(path, found[best])
        return best

    def likely(self, questions: Sequence[int], least: int, most: int, path: tuple[str, ...]) -> list[int]:
        """Return the places of the questions that are answered with yes: at least *least*, at most *most*."""
        self.questions[path] = (*self.questions.get(path, ()), *questions)
        if any(question not in self._answers for question in questions):
            self.missing.append(path)
            return []
        yes = [self._answers[question][0] for question in questions]
        order = sorted(range(len(yes)), key=lambda at: -yes[at])
        count = min(max(sum(one >= _HALF for one in yes), least), most)
        chosen = sorted(order[:count])
        for at, one in enumerate(yes):
            self._note(path, one if at in chosen else 1 - one)
        return chosen

    def _note(self, path: tuple[str, ...], probability: float) -> None:
        self.confidence[path] = min(probability, self.confidence.get(path, 1.0))


class OneValue(NamedTuple):
    """A place with one possible value."""

    value: Any

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return the value."""
        return copy.deepcopy(self.value)


class YesNo(NamedTuple):
    """A boolean."""

    question: int

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return whether yes is the likeliest."""
        best = reading.best(self.question, path)
        return ABSENT if best is None else best == 0


class Choice(NamedTuple):
    """One of some values."""

    question: int
    values: tuple[Any, ...]

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return the likeliest value."""
        best = reading.best(self.question, path)
        return ABSENT if best is None or self.values[best] is ABSENT else copy.deepcopy(self.values[best])


class Several(NamedTuple):
    """A list of some values, with one question for each of them."""

    questions: tuple[int, ...]
    values: tuple[Any, ...]
    least: int
    most: int

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return the likely values, in the order of the schema."""
        chosen = reading.likely(self.questions, self.least, self.most, path)
        return [copy.deepcopy(self.values[at]) for at in chosen]


class Record(NamedTuple):
    """An object.

    Attributes:
        fields: Its properties that can be asked.
        texts: Its properties that cannot be asked.
        schema: Its schema.
    """

    fields: tuple[tuple[str, Node], ...]
    texts: tuple[str, ...]
    schema: Mapping[str, Any]

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return an object of the properties that have a value."""
        values = {name: node.read(reading, (*path, name)) for name, node in self.fields}
        return {name: value for name, value in values.items() if value is not ABSENT}


class Tagged(NamedTuple):
    """One of some objects that differ in one property. The questions about all of them are asked."""

    question: int
    tag: str
    branches: tuple[tuple[Any, Record], ...]

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return an object of the likeliest branch."""
        best = reading.best(self.question, (*path, self.tag))
        if best is None:
            reading.missing[-1] = path  # a text model must write the whole object
            return ABSENT
        return self.branches[best][1].read(reading, path)


class Maybe(NamedTuple):
    """A value that may be null: a question whether the text states it, and the value."""

    question: int
    node: Node

    def read(self, reading: AnswerReading, path: tuple[str, ...]) -> Any:
        """Return the value, or None."""
        best = reading.best(self.question, path)
        if best is None:
            return ABSENT
        return self.node.read(reading, path) if best == 0 else None


Node: TypeAlias = OneValue | YesNo | Choice | Several | Record | Tagged | Maybe
