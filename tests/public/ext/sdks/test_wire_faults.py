"""Facts about each fault of a server, asked by the providers' own packages in every way: whose fault it is, and what is recorded.

Where a package is not installed its cases are skipped.
"""

import asyncio

import pytest

from schema_guard import GuardFailed, guard, open_store
from schema_guard.testing import FAULTS, serve
from tests.public.ext.sdks.case import HOWS
from tests.public.ext.sdks.wire_calls import APIS, function_of, row_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "name": {"type": "string"}},
    "required": ["total", "name"],
    "additionalProperties": False,
}
GOOD = '{"total": 12, "name": "Grüße, 你好"}'
VALUE = {"total": 12, "name": "Grüße, 你好"}
# What ends with the client's own timeout.
SILENT, SHORT_S = ("read_timeout", "stall"), 1.0

# Nothing that a model wrote: the call failed, and asking again is not the guard's business.
OF_PROVIDER = (
    *[name for name in FAULTS if name.startswith("http_")],
    "connect_refused", "read_timeout", "html", "empty_stream", "reset", "stall", "broken_json", "cut_stream",
    "malformed_sse", "error_event",
)  # fmt: skip
# What a model wrote, or would not: kind and code.
OF_MODEL = {
    "json_validate_failed": ("syntax", "provider_rejected"),
    "malformed_call": ("syntax", "provider_rejected"),
    "null_content": ("syntax", "empty"),
    "refusal": ("refusal", "refusal"),
    "content_filter": ("refusal", "content_filter"),
    "length": ("truncation", "max_tokens"),
    "half_tool_call": ("truncation", "max_tokens"),
    "parallel_calls": ("syntax", "several_documents"),
}
# A reply without a list where the provider always has one is no reply; where it may have none, the model said nothing.
HOLLOW = {
    "chat": ("transport", None),
    "responses": ("syntax", "empty"),
    "messages": ("syntax", "empty"),
    "contents": ("transport", None),
}
NO_FAULT = ("split_utf8", "wrong_tool")
# By its API, where it has no word of its own for something.
OTHERWISE = {
    ("messages", "content_filter"): ("refusal", "refusal"),
    ("contents", "refusal"): ("refusal", "content_filter"),
}


def expected(api, fault):
    """Give the kind and code of what is recorded; None for nothing wrong, and for a code that the provider decides."""
    if fault in NO_FAULT:
        return None, None
    if fault in OF_PROVIDER:
        return "transport", None
    if fault in ("no_choices", "null_choices"):
        return HOLLOW[api]
    return OTHERWISE.get((api, fault), OF_MODEL[fault])


def does(api, way, fault):
    """Whether the server does a fault to that kind of reply."""
    if fault == "malformed_call":
        return api == "contents"
    of_streams = fault in ("empty_stream", "cut_stream", "malformed_sse", "error_event")
    return not (of_streams and "streamed" not in way) and not (fault == "broken_json" and "streamed" in way)


CASES = [(api, way, fault) for api in APIS for way in HOWS for fault in FAULTS if does(api, way, fault)]


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def called(function, way):
    return asyncio.run(function("t")) if "async" in way else function("t")


def test_every_fault_is_somebodys():
    """Each fault of the server is the provider's, the model's or none."""
    named = {*OF_PROVIDER, *OF_MODEL, *NO_FAULT, "no_choices", "null_choices"}

    assert named == FAULTS.keys()


@pytest.mark.parametrize("form", ["strict", "tool"])
@pytest.mark.parametrize(("api", "way", "fault"), CASES)
def test_each_fault_is_recorded_as_whose_it_is(api, way, fault, form, store):
    """No provider's fault is a failure of the format, and none of the model's failures a provider's."""
    row = row_of(api)
    kind, code = expected(api, fault)
    timeout_s = SHORT_S if fault in SILENT else 10.0
    with serve([GOOD, GOOD], faults=fault) as server:
        ask = function_of(row, server, way, timeout_s=timeout_s, **getattr(row, form)(SCHEMA))
        guarded = guard(SCHEMA, store=store, max_attempts=2)(ask)
        if kind is None:
            assert called(guarded, way) == VALUE
        elif kind == "transport":
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
                called(guarded, way)
            assert not isinstance(caught.value, GuardFailed)
        else:
            with pytest.raises(GuardFailed):
                called(guarded, way)
        requests = len(server.requests)

    store.flush(10)
    rows = list(store.attempts())
    assert {attempt["kind"] for attempt in rows} == {kind}
    assert code is None or {attempt["code"] for attempt in rows} == {code}
    # A provider's fault is not asked again: its own package may do that.
    if fault == "connect_refused":
        assert requests == 0
    elif fault in SILENT:
        assert requests <= len(rows)  # on a busy machine, the short timeout passes before the request is sent
    else:
        assert requests == len(rows)
    assert len(rows) == 1 or kind not in (None, "transport")


@pytest.mark.parametrize("way", HOWS)
@pytest.mark.parametrize("api", APIS)
def test_a_provider_that_comes_back_is_asked_again_by_nobody(api, way, store):
    """After a status 503 there is one request, though two attempts are allowed and the next would succeed."""
    with serve([GOOD], faults=["http_503"]) as server:
        ask = guard(SCHEMA, store=store, max_attempts=2)(function_of(row_of(api), server, way))
        with pytest.raises(Exception):  # noqa: B017, PT011
            called(ask, way)

        assert len(server.requests) == 1


# Cancelled calls.


@pytest.mark.parametrize("way", ["async", "async streamed"])
@pytest.mark.parametrize("api", APIS)
def test_a_cancelled_call_is_recorded_as_cancelled(api, way, store):
    """The cancellation is raised again, and the attempt is recorded as a transport failure."""

    async def run(ask):
        task = asyncio.ensure_future(ask("t"))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serve([GOOD], faults="stall") as server:
        asyncio.run(run(guard(SCHEMA, store=store, max_attempts=2)(function_of(row_of(api), server, way))))

    store.flush(10)
    [attempt] = store.attempts()
    assert (attempt["kind"], attempt["code"]) == ("transport", "cancelled")
