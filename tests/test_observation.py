"""Finalization of an observed stream."""

import pytest

from schema_guard import observation as observe


def test_a_stream_that_was_interrupted_before_it_began_is_nothing():
    """An observed stream that was never made whole is finalized without a word."""
    half = observe._WatchedIterator.__new__(observe._WatchedIterator)

    with pytest.raises(AttributeError):
        half.response
    del half
