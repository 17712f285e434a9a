"""Questions and answers on the wire, and bad answers."""

import pytest

from schema_guard.ext.decisions.hosts import HOSTS
from schema_guard.ext.decisions.questions import TypedQuestion
from schema_guard.ext.decisions.wire import BadAnswer, answers_of, wire_answers, wire_questions

QUESTIONS = (
    TypedQuestion("predicate", "Is it spam?"),
    TypedQuestion("choice", "How urgent?", ("low", "high"), (None, "today")),
    TypedQuestion("score", "Stars", ("1", "2", "3"), (None, None, None)),
)
CERTAIN = {0: [0.75, 0.25], 1: [0.25, 0.75], 2: [0.25, 0.5, 0.25]}
HOST = HOSTS["openai-decisions"]


def test_reads_answers_that_it_wrote():
    """Answers survive the way to the wire and back."""
    assert answers_of(wire_answers(QUESTIONS, CERTAIN), QUESTIONS, HOST) == CERTAIN


def test_reads_answers_of_system_one():
    """System One has a map of answers, and levels by place. Recorders see such replies."""
    answers = {
        "q0": {"type": "noul", "noul": 0.75},
        "q1": {"type": "choice", "choice": "high", "probabilities": {"low": 0.25, "high": 0.75}},
        "q2": {"type": "score", "score": 1.0, "probabilities": {"0": 0.25, "1": 0.5, "2": 0.25}},
    }

    assert answers_of({"answers": answers}, QUESTIONS, HOST) == CERTAIN


def test_writes_questions_with_their_options():
    """A description is left out if there is none."""
    predicate, choice, score = wire_questions(QUESTIONS)

    assert predicate == {"name": "q0", "type": "predicate", "instructions": "Is it spam?"}
    assert choice["choices"] == [{"value": "low"}, {"value": "high", "description": "today"}]
    assert score["levels"] == [{"label": "1"}, {"label": "2"}, {"label": "3"}]


def test_refused_question_has_no_answer():
    """A refusal is no fault: the other questions are answered."""
    reply = wire_answers(QUESTIONS, {0: [1.0, 0.0], 2: [0.0, 1.0, 0.0]})

    assert answers_of(reply, QUESTIONS, HOST) == {0: [1.0, 0.0], 2: [0.0, 1.0, 0.0]}


def changed(at, **fields):
    """Return right answers, one of them changed."""
    reply = wire_answers(QUESTIONS, CERTAIN)
    reply["answers"][at] |= fields
    return reply


def choice(*pairs):
    """Return the probabilities of a choice."""
    return [{"value": value, "probability": one} for value, one in pairs]


FAULTS = {
    "none": ({}, "expected a reply with a list or an object under the key 'answers'"),
    "missing": (
        {"answers": wire_answers(QUESTIONS, CERTAIN)["answers"][:2]},
        "question 2: expected an answer, got none",
    ),
    "twice": (changed(2, name="q1", type="choice"), "question 1: expected one answer, got two"),
    "unknown": (
        changed(0, name="q9"),
        "expected only answers to sent questions, got 'q9'",
    ),
    "type": (
        changed(0, type="choice"),
        "question 0: expected the answer to a predicate, got one of the type 'choice'",
    ),
    "range": (changed(0, probability=1.5), "question 0: expected a probability from 0 to 1, got 1.5"),
    "null": (changed(0, probability=None), "question 0: expected a probability from 0 to 1, got None"),
    "left out": (
        changed(1, probabilities=choice(("low", 1.0))),
        "question 1: expected a probability for 'high'",
    ),
    "added": (
        changed(1, probabilities=choice(("low", 0.5), ("high", 0.5), ("mid", 0.0))),
        "question 1: expected only sent options, got 'mid'",
    ),
    "no object": ({"answers": {"q0": 0.5}}, "question 0: expected an object as the answer"),
    "doubled": (
        changed(1, probabilities=choice(("low", 0.5), ("low", 0.5))),
        "question 1: expected one probability for each option, got two for one",
    ),
    "sum": (
        changed(1, probabilities=choice(("low", 0.6), ("high", 0.5))),
        "question 1: expected probabilities with the sum 1, got the sum 1.1",
    ),
    "chosen": (
        changed(1, choice="mid"),
        "question 1: expected a sent option, got the choice 'mid'",
    ),
    "bare": (
        changed(1, probabilities=None),
        "question 1: expected a list or an object under the key 'probabilities'",
    ),
}


@pytest.mark.parametrize(("reply", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_question(reply, message):
    """A reply that does not answer the questions is refused, with the reason."""
    with pytest.raises(BadAnswer) as caught:
        answers_of(reply, QUESTIONS, HOST)

    assert str(caught.value) == message


def test_rounded_probabilities_are_accepted():
    """A sum may be off by as much as the host rounds each probability."""
    many = (TypedQuestion("choice", "?", ("a", "b", "c"), (None,) * 3),)
    reply = {
        "answers": {
            "q0": {"type": "choice", "choice": "a", "probabilities": {"a": 0.33, "b": 0.33, "c": 0.33}}
        }
    }

    assert answers_of(reply, many, HOST) == {0: [0.33, 0.33, 0.33]}
    with pytest.raises(BadAnswer, match="sum"):
        answers_of(reply, many, HOST._replace(rounding=1e-6))


MANY = tuple(str(at) for at in range(200))


@pytest.mark.parametrize(
    ("largest", "rest", "is_possible"),
    [
        ([0.6, 0.4], 0.0, True),
        ([0.7], 0.0, True),  # 0.3 is left for 199 options, so each has less than 0.005
        ([0.4], 0.0, False),  # more than half is lost
        ([0.9, 0.9], 0.0, False),  # no rounding adds 0.8 to two options
        ([], 0.01, False),  # no rounding adds so much to all options
        ([0.99], 0.01, False),
    ],
)
def test_rounding_explains_only_some_sums_of_many_options(largest, rest, is_possible):
    """With 200 options, a sum far from 1 is accepted only if rounding to two decimals can make it."""
    question = TypedQuestion("choice", "?", MANY, (None,) * len(MANY))
    held = [*largest, *[rest] * (len(MANY) - len(largest))]
    reply = {
        "answers": {
            "q0": {"type": "choice", "choice": "0", "probabilities": dict(zip(MANY, held, strict=True))}
        }
    }

    if is_possible:
        assert answers_of(reply, (question,), HOST) == {0: held}
    else:
        with pytest.raises(BadAnswer, match="expected probabilities with the sum 1, got the sum"):
            answers_of(reply, (question,), HOST)
