"""Facts about reading what Mistral sends."""

import pytest

from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    FORMS,
    Reply,
    StreamCase,
    ids,
    read_stream_case,
)

STREAMS = [
    StreamCase(
        "mistral",
        ({"data": wire.chunk({"content": [{"type": "text", "text": "{}"}]}, "stop")},),
        ["{}"],
        Reply(None, "stop", model="gpt-x"),
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
