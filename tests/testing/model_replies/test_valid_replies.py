"""Replies drawn from a schema: each means its value, however it is sent."""

from dataclasses import dataclass
from functools import cache

import pydantic
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from schema_guard import InvalidArgument, Schema, judge
from schema_guard.testing import Sent, replies
from tests.testing.model_replies.sent_schemas import DRAWS, ORDER, SCHEMAS, TREE, draws
from tests.thinned import examples

# To explain an example varies it, and `find` gives the last one it saw.
FOUND = settings(database=None, derandomize=True, deadline=None, phases=[Phase.generate, Phase.shrink])
OF_ANY = {"bare", "white_space", "byte_order_mark", "fenced", "reasoning", "closed_reasoning"}
IN_PROSE = {"inline_fence", "prose_before", "prose_after", "prose_around"}


class Even(pydantic.BaseModel):
    """A model that asks for more than its schema."""

    total: int

    @pydantic.field_validator("total")
    @classmethod
    def even(cls, total):
        if total % 2:
            raise ValueError("must be even")
        return total


@dataclass(frozen=True)
class Point:
    """A dataclass."""

    x: int


def meaning(sent, schema):
    judged = judge(sent.text, schema, finish_reason="stop")
    return judged.ok, judged.value


@given(st.data())
@examples(40)
def test_judge_gives_the_value(data):
    """A reply means exactly its value, whatever the schema and the wrapping."""
    schema = Schema.of(data.draw(st.sampled_from(list(SCHEMAS.values()))))

    sent = data.draw(replies(schema))

    assert meaning(sent, schema) == (True, sent.value)


@given(replies(ORDER))
def test_chunks_join_to_the_text(sent):
    """The chunks of a reply are its text, in order."""
    assert "".join(sent.chunks) == sent.text


@pytest.mark.costly
@pytest.mark.parametrize(
    ("schema", "wrappings"),
    [(ORDER, OF_ANY | IN_PROSE | {"json_string"}), ({"type": "integer"}, OF_ANY)],
    ids=["object", "integer"],
)
def test_every_wrapping_comes_up(schema, wrappings):
    """An object is sent in every wrapping, a scalar in those in which the reading rule finds one."""
    assert {sent.wrapping for sent in draws(replies(schema), 300)} == wrappings


@pytest.mark.costly
def test_string_is_not_looked_into_where_strings_are_valid():
    """Where the schema takes a string, JSON inside one would mean that string: it is not sent so."""
    wrappings = {sent.wrapping for sent in draws(replies(SCHEMAS["text_or_object"]), 300)}

    assert "json_string" not in wrappings


@pytest.mark.parametrize(
    "holds",
    [
        lambda sent: "\\u" in sent.text,
        lambda sent: "\n  " in sent.text,
        lambda sent: sent.text.rfind('"id"') > sent.text.find('"paid"') > 0,
        lambda sent: "" in sent.chunks,
        lambda sent: len(sent.chunks) > 20 and all(len(chunk) == 1 for chunk in sent.chunks),
    ],
    ids=["escapes", "indent", "order_of_keys", "empty_chunk", "chunks_of_one"],
)
def test_writing_varies(holds):
    """JSON comes escaped, indented and in another order of keys; a stream with empty and tiny chunks."""
    assert any(map(holds, of_orders()))


@cache
def of_orders():
    return draws(replies(ORDER), 300)


def test_examples_shrink_to_a_bare_value():
    """The simplest reply is the simplest value, bare and in one piece."""
    assert find(replies(TREE), lambda _: True, settings=FOUND) == Sent(
        '{"name": ""}', {"name": ""}, ('{"name": ""}',), "bare"
    )


@pytest.mark.parametrize("source", [Point, Even])
@given(data=st.data())
def test_value_is_in_the_type_of_the_source(source, data):
    """The value of a schema that is made from a type is of that type, and passed its validators."""
    schema = Schema.of(source)

    sent = data.draw(replies(schema))

    assert isinstance(sent.value, source)
    assert meaning(sent, schema) == (True, sent.value)


def test_schema_without_an_instance_is_refused():
    """Nothing can be sent for a schema that nothing satisfies."""
    with pytest.raises(InvalidArgument, match="no instance of schema"):
        replies(False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_many_replies_mean_their_value(name):
    """Of many replies each gives exactly its value."""
    schema = Schema.of(SCHEMAS[name])

    wrong = [sent for sent in draws(replies(schema), DRAWS) if meaning(sent, schema) != (True, sent.value)]

    assert wrong == []
