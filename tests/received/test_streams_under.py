"""Search for the streams of SDKs inside a generator."""

from pathlib import Path
from types import SimpleNamespace

from schema_guard.received.cleanup import close, streams_under
from tests.public.calls.received.test_cleanup import Response, SdkStream


def test_what_is_no_stream_of_an_sdk_is_left_alone():
    """A client, a session and a file are not closed, nor a stream that no iterator holds."""
    stored = SdkStream()
    client = SimpleNamespace(response=Response(), stream=stored)

    def ask(prompt):
        with Path(__file__).open(encoding="utf-8") as file:
            yield client.response and "x"
            yield file

    generator = ask("t")
    next(generator)
    assert streams_under(generator) == []
    close(generator)
    assert (stored.response.closed, client.response.closed) == (0, 0)


def test_a_stream_is_found_through_eight_generators():
    """So many generators may stand between, and no more are looked through."""
    for depth, result in ((6, True), (12, False)):
        generator = SdkStream()
        for _ in range(depth):
            generator = (chunk for chunk in generator)
        next(generator)
        assert bool(streams_under(generator)) is result
