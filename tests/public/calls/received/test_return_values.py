"""Facts about what a function returned: a text, a reply, or the value that it had parsed already."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import json
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, computed_field, create_model

from schema_guard import GuardFailed, guard, open_store
from tests.public.calls import wire

# The keys that identify a reply of a provider.
MARKERS = [
    "candidates", "choices", "content", "error", "message", "output", "promptFeedback", "prompt_feedback",
    "response", "tool_calls", "usageMetadata",
]  # fmt: skip


class Invoice(BaseModel):
    """An invoice, which has what JSON Schema and JSON do not: a naive time and a computed field."""

    total: float
    at: dt.datetime | None = None

    @computed_field
    def tax(self) -> float:
        return self.total / 5


class Chatty(BaseModel):
    """A value whose fields are called as those of replies."""

    choices: list[str]
    content: str
    message: str = ""
    output: int = 0


@dataclass
class Point:
    x: int


class Note(TypedDict):
    text: str


class Colour(enum.Enum):
    RED = "red"


INVOICE = Invoice(total=1, at=dt.datetime(2026, 1, 2, 3, 4))  # noqa: DTZ001 - a naive time is the point
CHATTY = Chatty(choices=["a"], content="b")
TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'


def outcome_of(schema: Any, value: Any, **settings: Any) -> Any:
    """Enforce a schema on a function that gives one value, once."""

    @guard(schema, store=None, max_attempts=1, **settings)
    def ask(prompt):
        return value

    return ask.outcome("t")


def observed(schema: Any, value: Any) -> list[tuple[Any, ...]]:
    """Observe a function that gives one value; what came out is that very object."""
    with open_store("sqlite://") as store:

        @guard(schema, store=store, observe=True)
        def ask(prompt):
            return value

        assert ask("t") is value
        return [(row["form"], row["kind"], row["code"]) for row in store.attempts()]


VALUES = [
    (Invoice, INVOICE),
    (Chatty, CHATTY),
    (Point, Point(1)),
    (Colour, Colour.RED),
    (list[Invoice], [INVOICE]),
    (list[Invoice] | None, [INVOICE]),
    (dict[str, Point], {"a": Point(1)}),
    (tuple[int, str], (1, "a")),
    (set[int], {1}),
    (Literal[Colour.RED], Colour.RED),
    (dt.date, dt.date(2026, 1, 2)),
    (Note, {"text": "a"}),
    (TOTAL, {"total": 1}),
    ({"type": "array"}, [1, {"a": None}]),
    (int, 3),
    (int | None, 3),
    (float, 1.5),
    (float, 2),
    (bool, True),
    (Literal[1, 2], 2),
    ({"enum": [1, 2]}, 2),
    ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, 3),
]


@pytest.mark.parametrize(("schema", "value"), VALUES, ids=lambda part: str(part)[:40])
def test_a_value_that_the_function_parsed_is_accepted(schema, value):
    """An instance of the schema's own type, plain JSON data, and a number where the schema is about one, are values."""
    outcome = outcome_of(schema, value)

    assert (outcome.ok, outcome.value) == (True, value)
    assert (outcome.attempts[0].form, outcome.attempts[0].reply) == ("parsed", None)
    assert observed(schema, value) == [("parsed", None, None)]


@pytest.mark.parametrize(("schema", "value"), [VALUES[0], VALUES[1], VALUES[2]], ids=str)
def test_an_instance_of_the_own_class_is_the_value_itself(schema, value):
    """An instance is never written as JSON and read again: it comes out as the same object."""
    assert outcome_of(schema, value).value is value


def test_an_instance_that_was_never_validated_is_none():
    """What instructor gives of a reply that was cut off: a required field is None where no None may be."""

    class Both(BaseModel):
        total: int
        note: str | None
        paid: bool = None  # type: ignore[assignment]

    whole, cut = (Both.model_construct(total=total, note=None) for total in (1, None))

    assert outcome_of(Both, whole).value is whole
    failed = outcome_of(Both, cut)
    assert (failed.failure.kind, failed.failure.code) == ("structure", "type")
    assert [violation.instance_location for violation in failed.failure.violations] == ["/total"]


@pytest.mark.parametrize("observe", [False, True])
def test_the_last_of_growing_values_is_the_value(observe):
    """A stream of instances, as instructor and pydantic-ai give it: the last one counts, and must be whole."""
    values = [Invoice.model_construct(total=None), Invoice.model_construct(total=None, at=INVOICE.at)]

    def streamed(*chunks):
        with open_store("sqlite://") as store:

            @guard(Invoice, store=store, observe=observe, max_attempts=1)
            def ask(prompt):
                yield from chunks

            with contextlib.suppress(GuardFailed):
                list(ask("t")) if observe else ask("t")
            return [(row["kind"], row["form"]) for row in store.attempts()]

    assert streamed(*values, INVOICE) == [(None, "parsed")]
    assert streamed(*values) == [("structure", None)]


def test_checks_run_on_an_instance():
    """An instance of the schema's own class must pass the checks all the same."""
    outcome = outcome_of(Invoice, INVOICE, checks=[lambda invoice: f"{invoice.total} is little"])

    assert (outcome.failure.kind, outcome.failure.message) == ("semantic", "1.0 is little")


BAD_DATA = [
    (TOTAL, {"total": "one"}, ("structure", "type")),
    (TOTAL, {"total": float("nan")}, ("syntax", "not_finite")),
    (TOTAL, {"total": 10**500}, ("syntax", "number_too_long")),
    (TOTAL, {"total": 1, "a": "\ud800"}, ("syntax", "bad_unicode")),
    (TOTAL, {}, ("structure", "required")),
    (Invoice, {"total": None}, ("structure", "type")),
    ({"type": "string"}, [1], ("structure", "type")),
]


@pytest.mark.parametrize(("schema", "value", "code"), BAD_DATA, ids=str)
def test_data_that_does_not_fit_is_the_models_failure(schema, value, code):
    """Plain data is judged as the JSON text of it would be."""
    failure = outcome_of(schema, value).failure

    assert (failure.kind, failure.code) == code
    assert observed(schema, value) == [(None, *code)]


def test_a_list_that_holds_itself_is_refused_by_a_limit():
    """A value without an end is refused, however often it doubles."""
    once: list[Any] = []
    once.append(once)
    twice: list[Any] = []
    twice += [twice, twice]

    assert outcome_of({}, once).failure.code == "too_deep"
    assert outcome_of({}, twice).failure.code == "too_many_nodes"


NOT_VALUES = [
    (TOTAL, None, "return its text, null"),
    (type(None), None, "return its text, null"),
    (TOTAL, 3, "The schema has another type"),
    ({"type": "string"}, True, "The schema has another type"),
    (TOTAL, CHATTY, "guard(Chatty), or return value.model_dump(mode='json')"),
    (TOTAL, Point(1), "guard(Point), or return dataclasses.asdict(value)"),
    (TOTAL, (1, 2), "or list(...) of it"),
    (TOTAL, {1}, "or list(...) of it"),
    (TOTAL, {"total": dt.date(2026, 1, 2)}, "the value contains a value of type 'date'"),
    (TOTAL, {1: 2}, "the value contains a key of type 'int'"),
]


@pytest.mark.parametrize(("schema", "value", "way_out"), NOT_VALUES, ids=lambda part: str(part)[:40])
def test_what_cannot_be_judged_has_a_way_out(schema, value, way_out):
    """A value that is neither reply nor JSON is told by its type, with what to return instead."""

    @guard(schema, store=None)
    def ask(prompt):
        return value

    with pytest.raises(ValueError, match="return") as caught:
        ask("t")

    assert way_out in str(caught.value)


# Keys that mark replies.


@pytest.mark.parametrize("marker", MARKERS)
def test_a_dict_whose_marker_the_schema_declares_is_data(marker):
    """A reply's key is a property like others where the schema declares it; the parsed instance is judged as itself."""
    reply = wire.chat(GOOD)
    schema = {"type": "object", "properties": {marker: {}}, "required": [marker]}
    value = {**reply, marker: reply.get(marker, "x")}

    outcome = outcome_of(schema, value)

    assert (outcome.value, outcome.attempts[0].form) == (value, "parsed")


def test_a_dict_whose_marker_the_schema_does_not_declare_is_read():
    """A provider's reply as a dict is read as before."""
    outcome = outcome_of(TOTAL, wire.chat(GOOD))

    assert (outcome.value, outcome.attempts[0].form) == ({"total": 1}, "clean")


@given(
    st.dictionaries(
        st.sampled_from([*MARKERS, "model", "usage", "role", "object"]),
        st.sampled_from([(int, 3), (str, '{"a": 1}'), (list[str], ["a"]), (dict[str, int], {"a": 1})]),
        min_size=1,
    )
)
def test_a_parsed_instance_is_judged_as_itself(fields):
    """Whatever the fields of a schema are called, its instance and the plain data of it are the value."""
    model: Any = create_model("Model", **{name: (kind, ...) for name, (kind, _) in fields.items()})
    value = model(**{name: part for name, (_, part) in fields.items()})

    assert outcome_of(model, value).value is value
    assert outcome_of(model, value.model_dump(mode="json")).value == value


# Pairs and wrappers.


@dataclass
class Wrapper:
    """Somebody's own result."""

    parsed: Any
    raw: Any = None


@dataclass
class Response:
    """The response of an HTTP client."""

    status_code: int
    text: str
    headers: Any = ()

    def json(self) -> Any:
        import json

        return json.loads(self.text)


class Raw:
    """What a client gives that was asked for the raw response."""

    def __init__(self, reply: Any, *, is_read: bool = True) -> None:
        self.http_response = type("Http", (), {"text": json.dumps(reply) if is_read else None})()

    def parse(self) -> Any:
        raise AssertionError


class AsyncRaw:
    """The same of an asynchronous client, whose `.parse()` has to be awaited."""

    def __init__(self, text: str) -> None:
        self.http_response = Response(200, text)

    async def parse(self) -> Any:
        raise AssertionError


CHAT = wire.chat(GOOD)


@pytest.mark.parametrize(
    ("value", "form", "counted"),
    [
        (({"total": 1}, wire.typed(CHAT) if hasattr(wire, "typed") else CHAT), "clean", True),
        (({"total": 1}, object()), "parsed", False),
        (Wrapper({"total": 1}), "parsed", False),
        (Wrapper({"total": 1}, CHAT), "clean", True),
        (Raw(CHAT), "clean", True),
        ({"raw": CHAT, "parsed": {"total": 1}, "parsing_error": None}, "clean", True),
        ({"raw": CHAT, "parsed": None, "parsing_error": ValueError()}, "clean", True),
        (AsyncRaw(json.dumps(CHAT)), "clean", True),
        (Response(200, GOOD), "clean", False),
        (Response(200, json.dumps(CHAT)), "clean", True),
    ],
    ids=lambda part: type(part).__name__,
)
def test_wrappers_are_opened(value, form, counted):
    """What wraps a reply or a value is opened; where the reply's text is known it says the form, and the usage."""
    outcome = outcome_of(TOTAL, value)

    assert (outcome.value, outcome.attempts[0].form) == ({"total": 1}, form)
    assert (outcome.usage.input_tokens is not None) is counted


def test_an_instance_beside_its_completion():
    """`(value, completion)`: the value is valid by being what it is, and usage and model are the completion's."""
    completion = wire.chat(GOOD, finish_reason="tool_calls")
    [attempt] = outcome_of(Invoice, (INVOICE, completion)).attempts

    assert (attempt.form, attempt.reply, attempt.model) == ("clean", GOOD, completion["model"])
    assert attempt.usage.input_tokens is not None


def test_a_bad_status_is_the_providers():
    """A response with a bad status is no reply, and its body is not judged."""
    with open_store("sqlite://") as store:

        @guard(TOTAL, store=store, observe=True)
        def ask(prompt):
            return Response(502, "<html>Bad gateway</html>")

        ask("t")

        assert [(row["kind"], row["code"]) for row in store.attempts()] == [("transport", "provider_error")]


def test_a_body_that_was_not_read_is_left_alone():
    """A raw response whose body has not come is not read: that is the caller's to do."""
    outcome = None
    with pytest.raises(ValueError, match=r"[Rr]eturn value\.parse\(\)"):
        outcome = outcome_of(TOTAL, Raw(CHAT, is_read=False))

    assert outcome is None
