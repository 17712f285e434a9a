# SPDX-License-Identifier: Apache-2.0
"""Questions and answers in the wire format of OpenAI. Answers are also read in the form of System One.

Rules:
1. Questions have the names `q0`, `q1`, ..., because hosts differ in the names that they accept.
2. No SDK checks an answer, so this module does: names, options, probabilities, and their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.ext.decisions.hosts import DecisionHost
    from schema_guard.ext.decisions.questions import TypedQuestion

_KINDS = {"noul": "predicate"}
_EXACT = 1e-6
_MOST_LOST = 0.5


class BadAnswer(Exception):
    """The reason why answers cannot be used."""


def wire_questions(questions: Sequence[TypedQuestion]) -> list[dict[str, Any]]:
    """Return questions as a host accepts them."""
    return [{"name": f"q{at}", **_wire_question(one)} for at, one in enumerate(questions)]


def _wire_question(question: TypedQuestion) -> dict[str, Any]:
    wire: dict[str, Any] = {"type": question.kind, "instructions": question.instructions}
    if question.kind == "predicate":
        return wire
    key, label = ("choices", "value") if question.kind == "choice" else ("levels", "label")
    options = zip(question.labels, question.descriptions, strict=True)
    return {
        **wire,
        key: [{label: name, **({} if text is None else {"description": text})} for name, text in options],
    }


def answers_of(reply: Any, questions: Sequence[TypedQuestion], host: DecisionHost) -> dict[int, list[float]]:
    """Return the probabilities of each question's options. A refused question has none.

    Args:
        reply: An object with the key `answers`.
        questions: The questions, in order.
        host: The host that answered.

    Raises:
        BadAnswer: An answer is missing, or is no answer to its question.
    """
    answers: dict[int, list[float]] = {}
    met: set[int] = set()
    for at, answer in _placed(reply, len(questions)):
        if at in met:
            raise BadAnswer(f"question {at}: expected one answer, got two")
        met.add(at)
        kind = answer.get("type")
        if kind == "refusal":
            continue
        question = questions[at]
        if _KINDS.get(str(kind), kind) != question.kind:
            raise BadAnswer(
                f"question {at}: expected the answer to a {question.kind}, got one of the type {clip(repr(kind))}"
            )
        answers[at] = _probabilities(at, question, answer, host)
    if len(met) < len(questions):
        missing = next(at for at in range(len(questions)) if at not in met)
        raise BadAnswer(f"question {missing}: expected an answer, got none")
    return answers


def _placed(reply: Any, count: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each answer with the place of its question. An answer without a name has its own place."""
    held = reply.get("answers") if isinstance(reply, Mapping) else None
    if isinstance(held, Mapping):
        named = list(held.items())
    elif isinstance(held, list):
        named = [(one.get("name") if isinstance(one, Mapping) else None, one) for one in held]
    else:
        raise BadAnswer("expected a reply with a list or an object under the key 'answers'")
    places = {f"q{at}": at for at in range(count)}
    for at, (name, answer) in enumerate(named):
        place = at if name is None and at < count else places.get(str(name))
        if place is None:
            raise BadAnswer(f"expected only answers to sent questions, got {clip(repr(name))}")
        if not isinstance(answer, Mapping):
            raise BadAnswer(f"question {place}: expected an object as the answer")
        yield place, answer


def _probabilities(
    at: int, question: TypedQuestion, answer: Mapping[str, Any], host: DecisionHost
) -> list[float]:
    if question.kind == "predicate":
        yes = answer.get("probability", answer.get("noul"))
        return [_checked(at, yes), 1 - _checked(at, yes)]
    found = dict(_pairs(at, question, answer.get("probabilities")))
    if found.keys() != set(question.labels):
        odd = min(found.keys() ^ set(question.labels))
        fault = "a probability for" if odd in question.labels else "only sent options, got"
        raise BadAnswer(f"question {at}: expected {fault} {clip(repr(odd))}")
    probabilities = [_checked(at, found[label]) for label in question.labels]
    if not _can_be_rounded(probabilities, host.rounding):
        total = math.fsum(probabilities)
        raise BadAnswer(f"question {at}: expected probabilities with the sum 1, got the sum {total:.6g}")
    chosen = answer.get("choice")
    if question.kind == "choice" and chosen is not None and _label(chosen) not in question.labels:
        raise BadAnswer(f"question {at}: expected a sent option, got the choice {clip(repr(chosen))}")
    return probabilities


def _can_be_rounded(probabilities: Sequence[float], rounding: float) -> bool:
    """Return whether rounding can make these probabilities from some with the sum 1.

    Each of those is at most the rounding away, and not below 0. A flat answer to 255 options may have only zeros, which
    say nothing. So the sum must also be within half of 1.
    """
    low = math.fsum(max(0.0, one - rounding) for one in probabilities)
    high = math.fsum(probabilities) + rounding * len(probabilities)
    is_near = abs(math.fsum(probabilities) - 1) <= _MOST_LOST
    return is_near and low <= 1 + _EXACT and high >= 1 - _EXACT


def _pairs(at: int, question: TypedQuestion, given: Any) -> Iterator[tuple[str, Any]]:
    """Yield the label and the probability of each option."""
    if isinstance(given, Mapping):
        labels = {str(place): label for place, label in enumerate(question.labels)}
        for key, one in given.items():
            yield str(labels.get(key, key) if question.kind == "score" else key), one
    elif isinstance(given, list) and all(isinstance(one, Mapping) for one in given):
        key = "value" if question.kind == "choice" else "label"
        if len({_label(one.get(key)) for one in given}) < len(given):
            raise BadAnswer(f"question {at}: expected one probability for each option, got two for one")
        for one in given:
            yield _label(one.get(key)), one.get("probability")
    else:
        raise BadAnswer(f"question {at}: expected a list or an object under the key 'probabilities'")


def _label(value: Any) -> str:
    """Return the label of an option. OpenAI also has the options true and false."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked(at: int, probability: Any) -> float:
    is_number = isinstance(probability, (int, float)) and not isinstance(probability, bool)
    if not is_number or not 0 <= probability <= 1:
        raise BadAnswer(f"question {at}: expected a probability from 0 to 1, got {clip(repr(probability))}")
    return float(probability)


def wire_answers(
    questions: Sequence[TypedQuestion], answers: Mapping[int, Sequence[float]]
) -> dict[str, Any]:
    """Return answers as a host sends them. A question without an answer is refused."""
    made = [_wire_answer(one, answers.get(at)) for at, one in enumerate(questions)]
    return {"answers": [{"name": f"q{at}", **one} for at, one in enumerate(made)]}


def _wire_answer(question: TypedQuestion, found: Sequence[float] | None) -> dict[str, Any]:
    if found is None:
        return {"type": "refusal"}
    if question.kind == "predicate":
        return {"type": "predicate", "probability": found[0]}
    best = max(range(len(found)), key=found.__getitem__)
    more: dict[str, Any] = {"type": question.kind, "confidence": found[best]}
    pairs = list(zip(question.labels, found, strict=True))
    if question.kind == "choice":
        listed = [{"value": label, "probability": one} for label, one in pairs]
        return {**more, "choice": question.labels[best], "probabilities": listed}
    mean = math.fsum(at * one for at, one in enumerate(found))
    levels = [{"value": at, "label": label, "probability": one} for at, (label, one) in enumerate(pairs)]
    return {**more, "score": mean, "probabilities": levels}
