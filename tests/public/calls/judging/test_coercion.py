"""A type may convert a value that its schema refuses. The conversions, and the failures of other values."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from schema_guard import InvalidArgument, guard, judge
from tests.needs import is_installed, needs

REPAIRS = ["off", "lossless", "lossy"] if is_installed("repair") else ["off"]


class Card(BaseModel):
    kind: Literal["card"]
    last: int


class Cash(BaseModel):
    kind: Literal["cash", "coins"]


class Order(BaseModel):
    number: int = 0
    total: float | None = None
    day: dt.date | None = None
    at: dt.time | None = None
    key: Optional[uuid.UUID] = None  # noqa: UP045 - what is tested
    lines: list["Line"] = []
    paid: bool = False
    by: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    note: str = Field("", max_length=3)

    @field_validator("note")
    @classmethod
    def _is_no_shout(cls, note):
        if note == "!!!":
            raise ValueError("must not shout")
        return note


class Line(BaseModel):
    count: int = Field(validation_alias=AliasChoices("count", "qty"))


@dataclass
class Closed:
    number: int


class Written(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")
    total: float


CONVERTED = [
    ('{"number": "12"}', ["/number string -> integer"]),
    ('{"number": true}', ["/number boolean -> integer"]),
    ('{"day": 0}', ["/day number -> date"]),
    ('{"paid": "yes", "number": "1"}', ["/number string -> integer", "/paid string -> boolean"]),
    ('{"lines": [{"count": "1"}, {"count": "2"}]}', ["/lines/*/count string -> integer"]),
    ('{"lines": [{"qty": 1}]}', ["/lines/*/count another key -> integer"]),
    ('{"by": {"kind": "card", "last": "7"}}', ["/by/last string -> integer"]),
]


@pytest.mark.parametrize(("text", "coercions"), CONVERTED)
def test_coercions_hold_places_and_kinds_without_values(text, coercions):
    """A converted reply is valid with the form `coerced`, and lists each place with its kinds."""
    judged = judge(text, Order)

    assert (judged.ok, judged.form, sorted(map(str, judged.coercions))) == (True, "coerced", coercions)
    assert judged.value == Order.model_validate_json(text)


@pytest.mark.parametrize(
    "text", ['{"at": "10:00"}', f'{{"key": "{uuid.UUID(int=1).hex}"}}', '{"number": 12.0}']
)
def test_a_text_that_the_type_reads_is_clean(text):
    """The type decides whether a text is a time or a UUID; nothing is converted."""
    judged = judge(text, Order)

    assert (judged.form, judged.coercions) == ("clean", ())


REFUSED = [
    ('{"total": "nan"}', "structure", [("/total", "type")]),
    ('{"number": 1, "number": 2}', "syntax", []),
    ('{"note": "long"}', "value", [("/note", "maxLength")]),
    ('{"note": "!!!"}', "semantic", [("/note", "value_error")]),
    ('{"note": "!!!", "number": "1"}', "semantic", [("/note", "value_error")]),
    ('{"key": "bad"}', "value", [("/key", "format")]),
    ('{"day": "2026-13-01"}', "value", [("/day", "format")]),
    ('{"at": "10:00", "number": "x"}', "structure", [("/number", "type")]),
    ('{"by": {"kind": "cheque"}}', "value", [("/by/kind", "enum")]),
    ('{"by": {"kind": "card"}}', "structure", [("/by", "required")]),
    ('{"by": {"kind": "card", "last": "x"}}', "structure", [("/by/last", "type")]),
    ('{"lines": [{"qty": 1}, {"qty": "x"}]}', "semantic", [("/lines/1/qty", "int_parsing")]),
    ('{"lines": [{}]}', "structure", [("/lines/0", "required")]),
    ('{"note": "!!!", "day": "soon"}', "semantic", [("/note", "value_error"), ("/day", "format")]),
]


@pytest.mark.parametrize(("text", "kind", "violations"), REFUSED)
def test_a_failure_has_the_places_of_the_type_and_the_words_of_the_schema(text, kind, violations):
    """A violation has a keyword of the schema, or the type's message if only the type refuses the place."""
    failure = judge(text, Order).failure

    assert (failure.kind, [(v.instance_location, v.keyword) for v in failure.violations]) == (
        kind,
        violations,
    )


def test_a_wrong_tag_is_told_with_all_tags():
    """The message for an unknown tag lists the tags of all branches."""
    failure = judge('{"by": {"kind": "cheque"}}', Order).failure

    assert failure.violations[0].expected == "one of 'card', 'cash', 'coins'"


def test_a_closed_type_stays_closed_when_it_converts():
    """A key that a dataclass does not name is refused beside a value that it would convert."""
    assert judge('{"number": "1"}', Closed).value == Closed(1)
    failure = judge('{"number": "1", "more": 2}', Closed).failure
    assert [v.keyword for v in failure.violations] == ["additionalProperties"]


def test_many_violations_hide_no_key():
    """A closed type stays closed beside more violations than are listed."""

    @dataclass
    class Rows:
        rows: list[Closed]

    texts = ", ".join('{"number": "1"}' for _ in range(60))
    assert judge(f'{{"rows": [{texts}]}}', Rows).ok
    assert not judge(f'{{"rows": [{texts}, {{"number": "1", "more": 2}}]}}', Rows).ok


def test_an_infinite_value_is_never_converted():
    """A type that writes NaN back as NaN does not make it JSON."""
    assert judge('{"total": "inf"}', Written).failure.code == "type"


def test_without_coercion_the_schema_alone_decides():
    """With `coerce=False`, a value of another kind is a failure, and a text that the type reads is not."""
    failure = judge('{"number": "12", "at": "10:00"}', Order, coerce=False).failure

    assert [(v.instance_location, v.keyword) for v in failure.violations] == [("/number", "type")]
    assert judge('{"at": "10:00"}', Order, coerce=False).form == "clean"


@pytest.mark.parametrize("text", ['Here it is: {"number": "12"}.', '```json\n{"number": "12"}\n```'])
def test_a_value_in_prose_is_converted(text):
    """The form names the furthest step. Other text around the value changes nothing."""
    judged = judge(text, Order)

    assert (judged.value, judged.form) == (Order(number=12), "coerced")


def test_two_values_that_would_be_converted_are_several_documents_or_none():
    """Of two different values in prose neither is taken."""
    assert not judge('Either {"number": "12"} or {"number": "13"}.', Order).ok


@needs("repair")
def test_a_repaired_reply_may_be_converted_too():
    """A repaired reply keeps its form, and lists its conversions."""
    judged = judge("{'number': '12',}", Order, repair="lossless")

    assert (judged.form, [str(each) for each in judged.coercions]) == (
        "repaired_lossless", ["/number string -> integer"]
    )  # fmt: skip


def test_schemas_that_are_documents_convert_nothing():
    """A dict is no type, whatever it was made from."""
    failure = judge('{"number": "12"}', Order.model_json_schema()).failure

    assert failure.code == "type"


def test_an_attempt_has_its_coercions_and_its_own_text():
    """The reply of an attempt stays as it came; checks see the type's value."""
    seen = []
    read = guard(Order, checks=[seen.append], store=None)(lambda prompt: '{"number": "12"}')

    outcome = read.outcome("Order 12")

    attempt = outcome.attempts[0]
    assert (attempt.reply, attempt.form) == ('{"number": "12"}', "coerced")
    assert [str(each) for each in attempt.coercions] == ["/number string -> integer"]
    assert (outcome.value, seen) == (Order(number=12), [Order(number=12)])


def test_a_guard_may_refuse_to_convert():
    """`coerce=False` retries a reply that would have to be converted."""
    replies = iter(['{"number": "12"}', '{"number": 12}'])
    read = guard(Order, coerce=False, store=None)(lambda prompt: next(replies))

    assert len(read.outcome("Order 12").attempts) == 2


@needs("streaming")
def test_early_stop_converts_nothing():
    """Early stop validates a stream against the schema alone, because a value that has begun may still be converted."""
    replies = iter(['{"number": "12"}', '{"number": 12}'])
    read = guard(Order, early_stop=True, store=None)(lambda prompt: iter([next(replies)]))

    assert len(read.outcome("Order 12").attempts) == 2


def test_converting_is_a_part_of_the_settings():
    """Calls that convert and calls that do not are never counted together; of a document there is no difference."""

    def settings(schema, **given):
        return guard(schema, store=None, **given)(lambda prompt: "{}").outcome("t").call.settings

    assert settings(Order) != settings(Order, coerce=False)
    assert settings({"type": "object"}) == settings({"type": "object"}, coerce=False)


@pytest.mark.parametrize("function", [lambda: judge("1", int, coerce="no"), lambda: guard(int, coerce=1)])
def test_a_wrong_value_of_coerce_is_refused(function):
    """`coerce` is True or False."""
    with pytest.raises(InvalidArgument, match="coerce"):
        function()


def test_a_value_that_was_parsed_may_be_converted():
    """A dict that the function gives is converted as a text is."""
    read = guard(Order, store=None)(lambda prompt: {"number": "12"})

    assert read.outcome("Order 12").attempts[0].form == "coerced"


class Numbered(BaseModel):
    number: int = Field(validation_alias=AliasChoices("no", "nr"))


class Unwritten(BaseModel):
    secret: int = Field(exclude=True)


@pytest.mark.parametrize(
    ("kind", "text", "coercion"),
    [
        (Numbered, '{"no": "1"}', "/no string -> integer"),
        (Numbered, '{"nr": 1}', "/no another key -> integer"),
        (Numbered, 'See {"nr": 1} there.', "/no another key -> integer"),
        (Unwritten, '{"secret": "1"}', "/secret string -> integer"),
    ],
)
def test_a_conversion_is_listed_if_the_type_writes_another_key(kind, text, coercion):
    """The kinds are those of the schema if the value has another key, or none, when it is written back."""
    judged = judge(text, kind)

    assert (judged.form, [str(each) for each in judged.coercions]) == ("coerced", [coercion])


@pytest.mark.parametrize("text", ['{"number": "12"}', 'See {"number": "12"} there.'])
def test_a_check_refuses_a_converted_value_once(text):
    """The failure is that of the check, which sees the type's value once."""
    seen = []

    def is_small(value):
        seen.append(value)
        return "expected a number below 10"

    failure = judge(text, Order, checks=[is_small]).failure

    assert (failure.kind, failure.code, seen) == ("semantic", "is_small", [Order(number=12)])


@given(
    st.sampled_from([Order, Numbered, Closed, Unwritten]),
    st.sampled_from(["{}", "See {} there.", "```json\n{}\n```", "{},", '"{}"']),
    st.dictionaries(
        st.sampled_from(["number", "no", "nr", "note", "day", "more"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=3)
        | st.sampled_from(["12", '{"number": 1}']),
        max_size=3,
    ),
    st.booleans(),
    st.sampled_from(REPAIRS),
)
def test_nothing_raises_for_a_typed_schema(kind, around, value, accepts, repair):
    """Every reply has a value or a failure, whatever the type, the check, and the repair say."""
    text = around.replace("{}", json.dumps(value))

    judged = judge(text, kind, checks=[lambda value: accepts], repair=repair)

    assert judged.ok is (judged.failure is None)
    assert judged.ok or not judged.coercions


@dataclass
class Message:
    parsed: Order
    content: str
    role: str = "assistant"


@dataclass
class Choice:
    message: Message
    finish_reason: str = "stop"


@dataclass
class Completion:
    """A reply of an SDK that parsed the text into the type."""

    choices: list[Choice]
    object: str = "chat.completion"
    model: str = "m"


def test_a_reply_that_the_sdk_parsed_lists_its_conversions():
    """An SDK may convert the text into the type. The text shows what was converted."""
    text = '{"number": "12"}'
    completion = Completion([Choice(Message(Order(number=12), text))])

    outcome = guard(Order, store=None)(lambda prompt: completion).outcome("Order 12")

    assert (outcome.attempts[0].form, len(outcome.attempts[0].coercions)) == ("coerced", 1)
