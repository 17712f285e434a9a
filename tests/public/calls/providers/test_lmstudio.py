"""Facts about reading what LM Studio gives."""

import pytest

from schema_guard import Usage
from tests.public.calls.providers.reading import (
    FORMS,
    Case,
    Reply,
    ids,
    read_case,
)

REPLIES = [
    Case(
        "lm studio",
        {
            "content": "{}",
            "stats": {"stopReason": "eosFound", "promptTokensCount": 12, "predictedTokensCount": 7},
        },
        Reply("{}", "stop", Usage(12, 7)),
    ),
]


@pytest.mark.parametrize("case", REPLIES, ids=ids)
@FORMS
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    assert read_case(case, form) == case.expected
