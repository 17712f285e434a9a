"""Closing a stream: the server sees it, whatever stands between the guard and the SDK's stream."""

import asyncio
import io
import itertools
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import openai
import pytest

from schema_guard import CallFailed, GuardFailed, Limits, guard
from tests.needs import marked, needs
from tests.public.calls import wire
from tests.public.calls.functions import TOTAL
from tests.thinned import costly

# A busy machine may be late to look; what is not closed goes on for ten seconds.
WITHIN_S = pytest.mark.parametrize("within_s", [1.0, pytest.param(0.1, marks=pytest.mark.slow)])
MESSAGES = [{"role": "user", "content": "x"}]
# Loops that hold the stream by themselves, and those that name it.
SHAPES = ["given back", "yielded from", "looped over", "named", "mapped", "nested", "in a block"]
CLOSED = {**TOTAL, "additionalProperties": False}
ENDS = ["closed", "raised", "too long", "out of time", "hopeless"]


class EndlessServer(ThreadingHTTPServer):
    """Sends the beginning of a reply and then a piece of it every 5 ms; notes when the other side has gone."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Endless)
        self.left = threading.Event()
        self.left_at, self.sent = 0.0, 0
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Endless(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        is_chat = self.path.endswith("completions")
        begun = (
            [wire.chunk({"content": '{"a": "'})]
            if is_chat
            else [wire.message_start(), wire.block_start(wire.text_block('{"a": "'))]
        )
        more = wire.chunk({"content": "x"}) if is_chat else wire.block_delta(type="text_delta", text="x")
        self.connection.setblocking(False)
        for event in itertools.chain(begun, itertools.repeat(more, 2_000)):
            try:
                self.connection.send(wire.written(event, named=not is_chat))
                self.server.sent += 1
                if not self.connection.recv(1, socket.MSG_PEEK):
                    break
            except BlockingIOError:
                time.sleep(0.005)
            except OSError:
                break
        self.server.left_at = time.perf_counter()
        self.server.left.set()
        self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    server = EndlessServer()
    yield server
    server.shutdown()
    server.server_close()


def opening(package, server, *, is_async):
    """Give what opens a stream of the package."""
    if package == "openai":
        kind = openai.AsyncOpenAI if is_async else openai.OpenAI
        client = kind(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        return lambda: client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    kind = anthropic.AsyncAnthropic if is_async else anthropic.Anthropic
    client = kind(api_key="k", base_url=server.url, max_retries=0)
    return lambda: client.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=True)


def nested(chunks, depth=3):
    yield from chunks if depth == 0 else nested(chunks, depth - 1)


async def anested(chunks, depth=3):
    async for chunk in chunks if depth == 0 else anested(chunks, depth - 1):
        yield chunk


class Spoiled(Exception):
    """What the function raises in the middle of its stream."""


def streaming(shape, make, end):  # noqa: C901 - a function a shape
    """Give a function that streams in a shape; it raises after some chunks where that is how it ends."""

    def spoil(count):
        if end == "raised" and count > 3:
            raise Spoiled

    def given_back(prompt: str):
        return make()

    def yielded_from(prompt: str):
        yield from make()

    def looped_over(prompt: str):
        for count, chunk in enumerate(make()):
            spoil(count)
            yield chunk

    def named(prompt: str):
        stream = make()
        for count, chunk in enumerate(iter(stream)):
            spoil(count)
            yield chunk

    def mapped(prompt: str):
        yield from (chunk for _, chunk in zip(itertools.count(), make(), strict=False))

    def nests(prompt: str):
        for count, chunk in enumerate(nested(make())):
            spoil(count)
            yield chunk

    def in_a_block(prompt: str):
        with make() as stream:
            yield from stream

    return dict(
        zip(SHAPES, (given_back, yielded_from, looped_over, named, mapped, nests, in_a_block), strict=True)
    )[shape]


def async_streaming(shape, make, end):  # noqa: C901 - as above
    async def given_back(prompt: str):
        return await make()

    async def named(prompt: str):
        stream = await make()
        count = 0
        async for chunk in stream:
            count += 1
            if end == "raised" and count > 3:
                raise Spoiled
            yield chunk

    async def looped_over(prompt: str):
        async for chunk in await make():
            yield chunk

    async def nests(prompt: str):
        async for chunk in anested(await make()):
            yield chunk

    async def in_a_block(prompt: str):
        async with await make() as stream:
            async for chunk in stream:
                yield chunk

    return {
        "given back": given_back,
        "named": named,
        "looped over": looped_over,
        "nested": nests,
        "in a block": in_a_block,
    }[shape]


def guarded(function, end):
    limits = {"out of time": Limits(max_elapsed_s=0.03), "too long": Limits(max_bytes=12)}.get(end)
    settings = {"limits": limits, "early_stop": end == "hopeless"}
    return guard(CLOSED, max_attempts=1, name="stream", store=None, **settings)(function)


def check_left(server, since, within_s):
    assert server.left.wait(2)
    assert server.left_at - since < within_s


RAISES = {"raised": Spoiled, "too long": GuardFailed, "out of time": GuardFailed, "hopeless": GuardFailed}
CASES = [
    (shape, end)
    for shape in SHAPES
    for end in ENDS
    if end != "raised" or shape in ("looped over", "named", "nested")
]


def is_of_part(case):
    """Return whether a case uses `.stream` or `early_stop`."""
    return case[1] in ("closed", "hopeless")


@WITHIN_S
@pytest.mark.parametrize("package", ["openai", "anthropic"])
@pytest.mark.parametrize(("shape", "end"), marked(costly(CASES, 3), "streaming", is_of_part))
def test_the_server_sees_that_a_stream_is_closed(server, package, shape, end, within_s):
    """A stream that is given up, stopped or broken off is closed down to the connection, at once."""
    make = opening(package, server, is_async=False)
    function = guarded(streaming(shape, make, end), end)

    if end == "closed":
        values = function.stream("t")
        next(values)
        since = time.perf_counter()
        values.close()
    else:
        with pytest.raises(RAISES[end]):
            function("t")
        since = time.perf_counter()

    check_left(server, since, within_s)


ASYNC_CASES = [(shape, end) for shape, end in CASES if shape not in ("yielded from", "mapped")]
ASYNC_CASES = [(shape, end) for shape, end in ASYNC_CASES if end != "raised" or shape == "named"]


@WITHIN_S
@pytest.mark.parametrize("package", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("shape", "end"),
    marked(
        costly([("named", "cancelled"), ("given back", "cancelled"), *ASYNC_CASES], 3),
        "streaming",
        is_of_part,
    ),
)
def test_the_server_sees_that_an_asynchronous_stream_is_closed(server, package, shape, end, within_s):
    """The same for asynchronous functions, and for a call that is cancelled."""

    async def run():
        make = opening(package, server, is_async=True)
        function = guarded(async_streaming(shape, make, end), end)
        if end == "closed":
            values = function.stream("t")
            await anext(values)
            since = time.perf_counter()
            await values.aclose()
        elif end == "cancelled":
            task = asyncio.create_task(function("t"))
            await asyncio.sleep(0.2)
            since = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with pytest.raises(RAISES[end]):
                await function("t")
            since = time.perf_counter()
        await asyncio.to_thread(check_left, server, since, within_s)

    asyncio.run(run())


class Response:
    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


class SdkStream:
    """An iterator that has a response, in a circle with its own generator as the SDKs' are."""

    def __init__(self, chunks=("{", '"total": 1', "}")):
        self.response = Response()
        self.chunks = iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def close(self):
        self.response.close()


@pytest.mark.parametrize("is_followed", marked([False, True], "streaming", bool))
@pytest.mark.parametrize("is_async", [False, True])
def test_a_generator_that_ends_keeps_what_it_has_open(is_async, is_followed):
    """A function that takes a part of a stream and ends has more use for it, be its values followed or not."""
    stream = SdkStream(["{}", "more"])

    def ask(prompt):
        yield next(stream)

    async def ask_later(prompt):
        yield next(stream)

    guarded = guard({"type": "object"}, store=None)(ask_later if is_async else ask)

    async def follow():
        return [value async for value in guarded.stream("t")][-1]

    if is_async:
        value = asyncio.run(follow() if is_followed else guarded("t"))
    else:
        value = list(guarded.stream("t"))[-1] if is_followed else guarded("t")
    assert value == {}
    assert stream.response.closed == 0


def test_what_was_opened_before_the_first_chunk_is_closed():
    """A function that raises before it gives anything leaves no stream open."""
    stream = SdkStream()

    def ask(prompt):
        opened = stream
        if opened:
            raise Spoiled
        yield from opened

    with pytest.raises(Spoiled):
        guard(TOTAL, store=None)(ask)("t")

    assert stream.response.closed


@needs("streaming")
@pytest.mark.parametrize("is_followed", marked([False, True], "streaming", bool))
def test_an_iterator_that_an_asynchronous_function_gives_is_closed(is_followed):
    """What it gives may be no asynchronous one: it is closed as such a one is when its values are not wanted any more."""

    class Lines:
        def __init__(self):
            self.closed = 0

        def __iter__(self):
            return self

        def __next__(self):
            return '{"a": "x"'

        def close(self):
            self.closed += 1

    async def ask(prompt):
        return lines

    async def leave():
        values = guarded.stream("t")
        await anext(values)
        await values.aclose()

    lines = Lines()
    guarded = guard(CLOSED, store=None, max_attempts=1, early_stop=True, default=None)(ask)

    asyncio.run(leave() if is_followed else guarded("t"))

    assert lines.closed == 1


class Around:
    """An iterator that has another as its attribute."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.inner)


def named_by(stream):
    """A generator that names the stream, as a variable of the function around it."""

    def each():
        while True:
            yield next(stream)

    return each()


HOLDERS = {
    "a variable of the function around it": named_by,
    "an attribute": Around,
    "an attribute of an attribute": lambda stream: Around(Around(stream)),
    "a part of a pair": lambda stream: (one for one, _ in zip(stream, itertools.count(), strict=False)),
    "a chain": lambda stream: itertools.chain(stream, ()),
    "a chain of several": lambda stream: itertools.chain((), stream),
    "a map": lambda stream: map(str, stream),
}


@needs("streaming")
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_a_stream_is_closed_whatever_holds_it(holder):
    """What a function gives holds the stream in one way or another; none of them closes it."""
    stream = SdkStream(['{"a": 1, ', '"b', "more"])

    def ask(prompt):
        return holder(stream)

    with pytest.raises(GuardFailed):
        guard(CLOSED, store=None, max_attempts=1, early_stop=True)(ask)("t")

    assert stream.response.closed


class Bare:
    """An iterator, of either kind, that has a response and cannot be closed itself."""

    def __init__(self, response):
        self.response = response

    def __iter__(self):
        return self

    def __next__(self):
        return '{"b'

    __aiter__ = __iter__

    async def __anext__(self):
        return '{"b'


class AsyncResponse(Response):
    """A response that is closed by awaiting that alone."""

    close = None

    async def aclose(self):
        await asyncio.sleep(0)
        self.closed += 1


@needs("streaming")
@pytest.mark.parametrize("is_async", [False, True])
def test_of_a_stream_that_cannot_be_closed_its_response_is(is_async):
    """Down to the connection is what counts; of an asynchronous one that has to be awaited."""
    stream = Bare(AsyncResponse() if is_async else Response())

    def ask(prompt):
        yield from stream

    async def ask_later(prompt):
        async for chunk in stream:
            yield chunk

    guarded = guard(CLOSED, store=None, max_attempts=1, early_stop=True, default=None)(
        ask_later if is_async else ask
    )
    asyncio.run(guarded("t")) if is_async else guarded("t")

    assert stream.response.closed


@needs("streaming")
def test_a_function_that_raises_when_it_is_left_leaves_no_stream_open():
    """What is under it is closed all the same, and what it raises goes on."""
    stream = SdkStream(['{"b'])

    def ask(prompt):
        try:
            for count, chunk in enumerate(stream):
                yield chunk * (count + 1)
        finally:
            raise Spoiled

    with pytest.raises(Spoiled):
        guard(CLOSED, store=None, early_stop=True)(ask)("t")

    assert stream.response.closed


@needs("streaming")
def test_what_a_stream_of_an_sdk_holds_is_its_own():
    """It is closed as its SDK wants it closed, and so is not what it reads from."""
    inner = SdkStream(['{"b'])
    outer = Around(inner)
    outer.response = Response()

    with pytest.raises(GuardFailed):
        guard(CLOSED, store=None, max_attempts=1, early_stop=True)(lambda prompt: outer)("t")

    assert inner.response.closed == 0


@needs("streaming")
def test_a_file_is_left_alone_whatever_it_has():
    """Also one that was made of a response: who opened it may read on."""

    class Body(io.StringIO):
        response = Response()

    body = Body('{"b\nmore')

    def ask(prompt):
        yield from (line for line in body)

    with pytest.raises(GuardFailed):
        guard(CLOSED, store=None, max_attempts=1, early_stop=True)(ask)("t")

    assert not body.closed


def test_a_time_budget_ends_a_call_by_its_settings():
    """A stream that the budget ends gives what the settings say, and is nobody's failure."""

    def ask(prompt):
        for _ in range(100):
            time.sleep(0.002)
            yield " "

    function = guard(TOTAL, limits=Limits(max_elapsed_s=0.01), default=3, store=None)(ask)

    outcome = function.outcome("t")

    assert function("t") == 3
    assert (outcome.failure.kind, outcome.failure.code) == ("transport", "cancelled")
    assert "time limit" in outcome.failure.message


def test_a_stream_that_brings_nothing_is_left():
    """After ten thousand chunks without anything in them a stream was cut."""
    value = itertools.count()
    function = guard(TOTAL, store=None)(lambda prompt: (None for _ in value))

    with pytest.raises(CallFailed, match="10000 empty chunks in a row"):
        function("t")

    assert next(value) == 10_000
