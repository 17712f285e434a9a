"""A reply that the output limit cut off is gone on with where it ends, judged as a whole, and never for ever."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard import Call, Failure, Limits, Message, Schema, Usage
from schema_guard.ext.streaming.resuming import joined
from schema_guard.loop import Done, enforce
from schema_guard.providers.dialects.detection import messages_of
from schema_guard.strategies import Plan, Resuming, Step, strategies_of
from schema_guard.values import Ask, Chunk, End, More, ParsedValue, Stop
from tests.thinned import examples

ORDER = Schema.of(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "lines": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["name", "lines"],
        "additionalProperties": False,
    },
    name="order",
)
ANY = Schema.of(True, name="any")
TEXT = '{"name": "Anna Berg", "lines": [1, 22, 333]}'
VALUE = json.loads(TEXT)
CALL = Call("0" * 32, "f", "order", ORDER.fingerprint, None, None, "bare", "{}", "1", None, None, None, 0.0)
CUT, STOP = End(finish_reason="length"), End(finish_reason="stop")
GOES_ON = Resuming()


def known():
    """What is known of every call here."""
    return CALL


def plan(*strategies, schema=ORDER, resuming=GOES_ON, **settings):
    steps = tuple(Step.of(strategy, schema) for strategy in strategies_of(strategies or ("bare",)))
    return Plan(schema=schema, steps=steps, resuming=resuming, **{"layout": "turns", **settings})


def asked(terms, answers, task="List it."):
    """Answer the asks of a loop in turn, each with a text and its End; give the outcome and the asks."""
    flow = enforce(task, terms, known)
    asks, step, given_ = [], next(flow), iter(answers)
    while isinstance(step, Ask):
        asks.append(step)
        text, end = next(given_)
        step = flow.send(end._replace(text=text))
    assert isinstance(step, Done)
    return step.outcome, asks


def codes(outcome):
    return [attempt.failure and attempt.failure.code for attempt in outcome.attempts]


def test_a_cut_off_reply_is_gone_on_with():
    """The same prompt is sent with the beginning behind it, and the whole is what is judged and recorded."""
    outcome, asks = asked(plan(), [(TEXT[:20], CUT), (TEXT[20:], STOP)])

    assert asks[1].prompt == (Message("user", "List it."), Message("assistant", TEXT[:20].rstrip()))
    assert asks[1]._replace(prompt="") == Ask(2, "bare", "", None, None, TEXT[:20].rstrip())
    assert (outcome.value, codes(outcome)) == (VALUE, ["max_tokens", None])
    assert [attempt.reply for attempt in outcome.attempts] == [TEXT[:20], TEXT]
    assert [attempt.form for attempt in outcome.attempts] == [None, "resumed"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@examples(100)
@given(JSON.filter(lambda value: isinstance(value, list | dict)), st.data())
def test_any_text_comes_out_as_it_would_have_come_uncut(value, data):
    """Wherever it is cut, and whether the beginning is given again or not, the value is that of the whole text."""
    text = json.dumps(
        value, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
    )
    first, second = sorted(data.draw(st.lists(st.integers(1, len(text) - 1), min_size=2, max_size=2)))
    repeats = data.draw(st.booleans())
    one = text[:first].strip("\ufffd").strip()
    two = text[:second].strip("\ufffd").strip()
    assume(text.startswith(two) and len(one) < len(two) < len(text))
    # Of a part that begins as the reply does, and was cut off too, nobody can say whether it is the beginning once more.
    assume(repeats or not text[len(one) : second].lstrip().startswith(one))
    begin = (lambda at: 0) if repeats else len
    answers = [(text[:first], CUT), (text[begin(one) : second], CUT), (text[begin(two) :], STOP)]

    outcome, asks = asked(plan(schema=ANY), answers)

    failed = [attempt.failure.code for attempt in outcome.attempts if attempt.failure is not None]
    assume("runaway" not in failed)
    assert (outcome.ok, outcome.value, len(asks)) == (True, value, 3)
    assert outcome.attempts[-1].form == "resumed"


@examples(100)
@given(JSON.filter(lambda value: isinstance(value, list | dict)), st.data())
def test_of_two_ways_to_read_a_repeated_beginning_one_at_the_most_is_a_text(value, data):
    """A beginning that comes twice, and the same once, are never both JSON: so nothing is chosen between them."""
    text = json.dumps(value)
    begun = text[: data.draw(st.integers(1, len(text) - 1))]

    def is_text(found):
        try:
            json.loads(found)
        except ValueError:
            return False
        return True

    assert is_text(text)
    assert not is_text(begun + text)


def test_what_nests_itself_is_not_taken_for_a_beginning_that_came_again():
    """`[` may be gone on with by `[1], 2]`, which begins as it does."""
    assert joined("[", "[1], 2]", Limits()) == "[[1], 2]"
    assert joined("[", "[1, 2]", Limits()) == "[1, 2]"
    assert joined("[", "[1], 2] Done.", Limits()) == "[[1], 2] Done."


@pytest.mark.parametrize(
    ("first", "end"),
    [
        pytest.param(TEXT[:20], End(finish_reason=None), id="nobody says that it was cut off"),
        pytest.param(TEXT[:20], STOP, id="the model had finished"),
        pytest.param('{"name": 1, "lines": [', CUT, id="it can be valid no more"),
        pytest.param('{"name": "' + "ab" * 200, CUT, id="it ran away"),
        pytest.param("", CUT, id="nothing was written"),
        pytest.param(TEXT[:20], CUT._replace(usage=Usage(reasoning_tokens=3)), id="it had reasoned"),
        pytest.param(TEXT[:20], CUT._replace(reasoned=True), id="it is known to reason"),
        pytest.param(TEXT[:20], CUT._replace(tool="order"), id="it is a tool's arguments"),
        pytest.param(TEXT[:20], CUT._replace(parsed=ParsedValue({})), id="the function has parsed it"),
        pytest.param(TEXT[:20], CUT._replace(is_final=True), id="the function asks by itself"),
    ],
)
def test_no_other_reply_is_gone_on_with(first, end):
    """Such a reply is judged, and asked for anew or not, as it would be without."""
    terms = plan(limits=Limits(max_output_tokens=9))
    answers = [(first, end), (TEXT, STOP)]

    outcome, asks = asked(terms, answers)

    assert asked(terms._replace(resuming=None), answers) == (outcome, asks)
    assert all(ask.prefix is None for ask in asks)


def test_a_reply_that_ran_away_is_not_gone_on_with():
    """It would run on."""
    terms = plan(schema=ANY, limits=Limits(max_output_tokens=9))

    outcome, asks = asked(terms, [('["' + "ab" * 200, CUT), ("[]", STOP)])

    assert (outcome.attempts[0].failure.code, [ask.prefix for ask in asks]) == ("runaway", [None, None])


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(("", CUT), id="nothing new"),
        pytest.param((TEXT[:20], CUT), id="the beginning alone"),
        pytest.param((TEXT, STOP), id="from the beginning"),
        pytest.param(("{}" + TEXT, STOP), id="something else"),
    ],
)
def test_it_is_tried_no_second_time(second):
    """What is no more of the reply ends the going on for this call."""
    begun = '{"name": "Anna Berger",'
    terms = plan(max_attempts=4, limits=Limits(output_tokens=5, max_output_tokens=40))

    outcome, asks = asked(terms, [(begun, CUT), second, (TEXT[:20], CUT), (TEXT, STOP)])

    assert [ask.prefix for ask in asks] == [None, begun, None, None]
    assert (outcome.value, outcome.attempts[-1].form) == (VALUE, "clean")


def test_going_on_needs_no_larger_limit_and_is_tried_before_one():
    """It is asked with the limit that was sent; a larger one comes when nothing more comes of it."""
    terms = plan(max_attempts=4, limits=Limits(output_tokens=5, max_output_tokens=10))

    _, asks = asked(terms, [(TEXT[:8], CUT), (TEXT[8:20], CUT), ("", CUT), (TEXT, STOP)])

    assert [(ask.prefix, ask.output_tokens) for ask in asks] == [
        (None, 5),
        (TEXT[:8], 5),
        (TEXT[:20].rstrip(), 5),
        (None, 10),
    ]


def test_attempts_and_budgets_bound_it():
    """It counts as an attempt, and so do its tokens."""
    cuts = [(TEXT[:9], CUT._replace(usage=Usage(5, 5))), (TEXT[9:20], CUT._replace(usage=Usage(5, 5)))]

    assert len(asked(plan(max_attempts=2), cuts)[1]) == 2
    assert len(asked(plan(limits=Limits(max_tokens=10)), cuts)[1]) == 1


@pytest.mark.parametrize("code", ["provider_error", "stream_cut"])
def test_a_server_that_refuses_to_go_on_makes_nothing_worse(code):
    """The call fails as the reply that was cut off did; the attempt is recorded as what it was."""
    lost = End(failure=Failure("transport", code, "the context is full"))

    outcome, _ = asked(plan(), [(TEXT[:20], CUT), ("", lost)])

    assert (outcome.failure.code, codes(outcome)) == ("max_tokens", ["max_tokens", code])
    assert outcome.attempts[-1].reply is None


def test_a_bug_of_the_function_ends_the_call_as_ever():
    """What is nobody's refusal is not taken for one."""
    bug = End(failure=Failure("transport", "call_raised", "KeyError was raised"))

    outcome, _ = asked(plan(), [(TEXT[:20], CUT), ("", bug)])

    assert outcome.failure.code == "call_raised"


def test_a_correction_is_gone_on_from_too():
    """The second attempt's prompt is the one that is sent again."""
    wrong = '{"name": 1, "lines": []}'

    outcome, asks = asked(plan(), [(wrong, STOP), (TEXT[:20], CUT), (TEXT[20:], STOP)])

    assert asks[2].prompt == (*asks[1].prompt, Message("assistant", TEXT[:20].rstrip()))
    assert (outcome.ok, asks[2].correction) == (True, None)


def test_only_the_last_way_of_asking_is_gone_on_with():
    """What another model, or another strategy, is to be asked is no more of this reply."""
    terms = plan("bare", "system_prompt", resuming=Resuming(first=2))

    _, asks = asked(
        terms._replace(limits=Limits(max_output_tokens=9)),
        [(TEXT[:20], CUT), (TEXT[:20], CUT), (TEXT[20:], STOP)],
    )

    assert [ask.prefix for ask in asks] == [None, None, TEXT[:20].rstrip()]


@pytest.mark.parametrize("cut", [20, TEXT.index("[")])
@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("early_stop", [False, True])
def test_a_stream_is_gone_on_with_too(early_stop, repeats, cut):
    """Its pieces stand behind the beginning; one that comes again is no reason to stop it."""
    flow = enforce("x", plan(early_stop=early_stop), known)
    next(flow)
    flow.send(CUT._replace(text=TEXT[:cut]))
    came = TEXT if repeats else TEXT[cut:]
    answers = [flow.send(Chunk(came[at : at + 4])) for at in range(0, len(came), 4)]

    assert {type(answer) for answer in answers} == {More}
    assert flow.send(STOP).outcome.value == VALUE


def test_a_reply_that_was_stopped_is_not_gone_on_with():
    """It can become valid no more."""
    flow = enforce("x", plan(early_stop=True), known)
    next(flow)

    assert type(flow.send(Chunk('{"name": 1, "lines": [1, 2, 3, 4, 5]'))) is Stop
    assert flow.send(CUT).prefix is None


def test_a_function_that_asks_by_itself_is_left_to_it():
    """Also where it does so in the midst of going on."""
    answers = [(TEXT[:9], CUT), (TEXT[9:20], CUT._replace(is_final=True))]

    outcome, asks = asked(plan(max_attempts=4), answers)

    assert (len(asks), codes(outcome)) == (2, ["max_tokens", "max_tokens"])


def test_a_refusal_to_go_on_is_recorded_as_it_was_said():
    """What came before it is no part of the model's words."""
    refused = End(refusal="I will not go on.")

    outcome, _ = asked(plan(), [(TEXT[:20], CUT), ("", refused)])

    assert codes(outcome) == ["max_tokens", "refusal"]
    assert outcome.attempts[-1].reply == "I will not go on."


def test_white_space_at_the_ends_is_left_out():
    """Servers take it away, or refuse a message that ends with it: what comes is to stand behind what they have."""
    cut = TEXT.index(" 22") + 1

    outcome, asks = asked(plan(), [("\n\n" + TEXT[:cut], CUT), (TEXT[cut:], STOP)])

    assert (asks[1].prefix, outcome.value) == (TEXT[: cut - 1], VALUE)


def test_half_a_character_is_left_out():
    """What stands for it would be gone on with as a character of the text."""
    _, asks = asked(plan(), [('{"name": "J\ufffd', CUT), ('ö", "lines": []}', STOP)])

    assert asks[1].prefix == '{"name": "J'


def test_the_message_is_marked_as_its_server_wants_it():
    """Some want the message marked that is gone on with."""
    task = (Message("system", "s"), Message("user", "u"))

    _, asks = asked(
        plan(resuming=Resuming(fields={"prefix": True})), [(TEXT[:20], CUT), (TEXT[20:], STOP)], task
    )

    assert asks[1].prompt[-1].as_dict() == {
        "role": "assistant",
        "content": TEXT[:20].rstrip(),
        "prefix": True,
    }


def test_a_function_that_is_given_objects_alone_is_given_no_message_of_ours():
    """It may read them as the objects that they are, and those have no place for the mark."""

    class Turn:
        role, content = "user", "List it."

    written = {"role": "user", "content": "List it.", "name": "n"}
    for elements, asks_made in (([Turn()], 1), ([written], 2), ([Turn(), written], 2)):
        task = messages_of(elements)
        _, asks = asked(plan(), [(TEXT[:20], CUT), (TEXT[20:], STOP)], task)

        assert len(asks) == asks_made


@pytest.mark.parametrize("task", ["a text", (Message("user", "u"), Message("assistant", "{"))])
def test_a_prompt_that_cannot_hold_a_beginning_is_left_alone(task):
    """A function that takes a text has no place for it, nor has a list that ends with a beginning already."""
    _, asks = asked(plan(layout="text"), [(TEXT[:20], CUT)], task)

    assert len(asks) == 1
