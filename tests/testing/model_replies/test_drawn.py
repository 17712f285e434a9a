"""Replies drawn from a strategy."""

from random import Random

import pytest
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.testing.schemas.instances import drawn


def test_strategy_that_gives_nothing_ends():
    """Drawing ends where nothing can be drawn."""
    with pytest.raises(InvalidArgument) as raised:
        drawn(st.integers().filter(lambda _: False), 3, Random(0))  # a test

    assert str(raised.value) == "only 0 of 3 replies could be drawn for the schema"
