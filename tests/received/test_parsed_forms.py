"""Dates, times and decimals of typed schemas: what is told is one form, what is taken is what the type reads."""

import datetime as dt
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, WithJsonSchema, field_validator

from schema_guard import Schema, judge
from schema_guard.prompting import schema_text


class Meeting(BaseModel):
    at: dt.datetime
    day: dt.date | None = None
    lasts: dt.timedelta | None = None


@dataclass
class Slot:
    at: dt.datetime
    opens: dt.time | None = None


@dataclass
class Week:
    meetings: list[Meeting]


class Paid(TypedDict):
    amount: Decimal


class Odd(BaseModel):
    at: dt.datetime
    number: int

    @field_validator("number")
    @classmethod
    def odd(cls, number):
        if number % 2 == 0:
            raise ValueError("must be odd")
        return number


class Told(BaseModel):
    day: Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]


TEN = dt.datetime(2026, 1, 1, 10)  # noqa: DTZ001 - as the text has it
TAKEN = (
    (Meeting, {"at": "2026-01-01 10:00"}, Meeting(at=TEN)),
    (Meeting, {"at": "2026-01-01T10:00:00"}, Meeting(at=TEN)),
    (Meeting, {"at": "2026-01-01T10:00:00", "day": "2026-01-01T00:00:00"}, Meeting(at=TEN, day=TEN.date())),
    (Meeting, {"at": "2026-01-01T10:00:00Z", "lasts": "01:30:00"},
     Meeting(at=TEN.replace(tzinfo=dt.UTC), lasts=dt.timedelta(minutes=90))),
    (TypeAdapter(Meeting), {"at": "2026-01-01 10:00"}, Meeting(at=TEN)),
    (list[Meeting], [{"at": "2026-01-01 10:00"}], [Meeting(at=TEN)]),
    (Week, {"meetings": [{"at": "2026-01-01 10:00"}]}, Week([Meeting(at=TEN)])),
    (Slot, {"at": "2026-01-01 10:00"}, Slot(TEN)),
    (Slot, {"at": "2026-01-01 10:00", "opens": "10:00"}, Slot(TEN, dt.time(10))),
    (dt.datetime | None, "2026-01-01 10:00", TEN),
    (Paid, {"amount": "12.50"}, {"amount": Decimal("12.50")}),
    (Paid, {"amount": 12.5}, {"amount": Decimal("12.5")}),
    (Decimal, "-0.1", Decimal("-0.1")),
    (Annotated[Decimal, Field(ge=0)], "12.50", Decimal("12.50")),
    (Annotated[Decimal, Field(multiple_of=0.5)], "12.5", Decimal("12.5")),
)  # fmt: skip


@pytest.mark.parametrize(("source", "instance", "value"), TAKEN)
def test_what_a_type_reads_is_valid(source, instance, value):
    """A date in a form that the type itself parses, and a Decimal as text, come out as the type's values."""
    schema = Schema.of(source)

    assert schema.violations(instance) == []
    assert schema.is_valid(instance)
    judgement = judge(_json(instance), schema)
    assert (judgement.ok, judgement.form) == (True, "clean")
    assert judgement.value == value
    assert type(judgement.value) is type(value)


def _json(instance):
    return TypeAdapter(object).dump_json(instance).decode()


REFUSED = (
    (Meeting, {"at": "tomorrow"}, ("value", "format", "/at")),
    (Meeting, {"at": "2026-01-01 10:00", "day": "never"}, ("value", "format", "/day")),
    (Meeting, {}, ("structure", "required", "")),
    (Slot, {"at": "tomorrow"}, ("value", "format", "/at")),
    (Slot, {"at": "2026-01-01 10:00", "x": 1}, ("structure", "additionalProperties", "")),
    (Decimal, "12,50", ("semantic", "pydantic", "")),
    (Decimal, "Infinity", ("semantic", "pydantic", "")),
    (Annotated[Decimal, Field(ge=0)], "-1", ("semantic", "pydantic", "")),
    (Annotated[Decimal, Field(multiple_of=0.5)], "12.3", ("semantic", "pydantic", "")),
    ({"type": "string", "format": "date-time"}, "2026-01-01 10:00", ("value", "format", "")),
)


@pytest.mark.parametrize(("source", "instance", "failed"), REFUSED)
def test_what_no_type_reads_is_refused(source, instance, failed):
    """A violation has the keyword of the document, or the message of the type if the document accepts the value."""
    schema = Schema.of(source)
    kind, keyword, location = failed

    failure = judge(_json(instance), schema).failure

    assert (failure.kind, failure.code) == (kind, keyword)
    assert location in [result.instance_location for result in schema.violations(instance)]
    assert not schema.is_valid(instance)


def test_a_format_without_a_type_is_an_annotation():
    """The type decides: a text with a format of the user's own is any text."""
    assert judge('{"day": "1 January"}', Told).value == Told(day="1 January")


def test_what_a_validator_refuses_is_no_matter_of_the_dates():
    """Beside a date in another form the model's own check is what fails, not the format."""
    failure = judge('{"at": "2026-01-01 10:00", "number": 2}', Schema.of(Odd)).failure

    assert (failure.kind, failure.code) == ("semantic", "pydantic")
    assert [v.instance_location for v in failure.violations] == ["/number"]


@pytest.mark.parametrize("source", [Meeting, Slot, Paid, Week])
def test_the_model_is_told_one_form(source):
    """The prompt and the fingerprint are those of the document, before and after another form was met."""
    schema = Schema.of(source)
    text, fingerprint = schema_text(schema), schema.fingerprint

    schema.is_valid({"at": "2026-01-01 10:00"})

    assert (schema_text(schema), schema.fingerprint) == (text, fingerprint)
    assert '"format":"date-time"' in text or source is Paid


def test_a_schema_takes_its_forms_into_a_pickle():
    """A schema out of a pickle takes what it took before."""
    schema = Schema.of(Meeting)
    schema.is_valid({"at": "2026-01-01 10:00"})

    assert pickle.loads(pickle.dumps(schema)).is_valid({"at": "2026-01-01 10:00"})


@given(st.datetimes(), st.sampled_from(["T", " ", "t"]), st.sampled_from(["", "Z", "+02:00"]))
def test_every_datetime_that_pydantic_reads_is_valid(at, separator, zone):
    """What Pydantic parses the schema of its model takes, and gives the same value."""
    text = at.isoformat().replace("T", separator) + zone
    expected = Meeting.model_validate_json(f'{{"at": "{text}"}}')

    assert judge(f'{{"at": "{text}"}}', Schema.of(Meeting)).value == expected
