"""Facts about each fault: what the real clients give for it, and how a guarded call records it."""

import json
from dataclasses import dataclass

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import CallFailed, GuardFailed, InvalidArgument, guard, open_store
from schema_guard.testing import FAULTS, serve
from tests.thinned import costly

TIMEOUT_S = 10.0
# For the faults that end with the client's own timeout.
SHORT_S = 0.2
SILENT = ("read_timeout", "stall")
OF_STREAMS = ("empty_stream", "cut_stream", "malformed_sse", "error_event")
TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 12, "name": "Grüße, 你好"}'
VALUE = {"total": 12, "name": "Grüße, 你好"}
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def open_clients():
    arguments = {"api_key": "k", "max_retries": 0, "timeout": TIMEOUT_S}
    with openai.OpenAI(**arguments) as of_openai, anthropic.Anthropic(**arguments) as of_anthropic:
        yield {"openai": of_openai, "anthropic": of_anthropic}


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def create(open_clients, server, api, *, stream, timeout=TIMEOUT_S):
    if api == "messages":
        client = open_clients["anthropic"].with_options(base_url=server.anthropic_url, timeout=timeout)
        return client.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=stream)
    client = open_clients["openai"].with_options(base_url=server.openai_url, timeout=timeout)
    if api == "responses":
        return client.responses.create(model="m", input="hi", stream=stream)
    return client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)


@dataclass(frozen=True)
class Expected:
    """What a guarded call raises, by the provider's client, and its failure; nothing raised is a value."""

    of_openai: type[Exception] | None = None
    of_anthropic: type[Exception] | None = None
    failure: tuple[str, str] | None = ("transport", "provider_error")


def ends(error, kind, code):
    return Expected(error, error, (kind, code))


EXPECTED = {
    "http_400": Expected(openai.BadRequestError, anthropic.BadRequestError),
    "http_401": Expected(openai.AuthenticationError, anthropic.AuthenticationError),
    "http_404": Expected(openai.NotFoundError, anthropic.NotFoundError),
    "http_409": Expected(openai.ConflictError, anthropic.ConflictError),
    "http_429": Expected(openai.RateLimitError, anthropic.RateLimitError),
    "http_500": Expected(openai.InternalServerError, anthropic.InternalServerError),
    "http_503": Expected(openai.InternalServerError, anthropic.InternalServerError),
    "http_529": Expected(openai.InternalServerError, anthropic.InternalServerError),
    "connect_refused": Expected(openai.APIConnectionError, anthropic.APIConnectionError),
    "read_timeout": Expected(openai.APITimeoutError, anthropic.APITimeoutError),
    "html": ends(CallFailed, "transport", "provider_error"),
    "empty_stream": ends(CallFailed, "transport", "stream_cut"),
    "json_validate_failed": ends(GuardFailed, "syntax", "provider_rejected"),
    "reset": Expected(openai.APIConnectionError, anthropic.APIConnectionError),
    "stall": Expected(openai.APITimeoutError, anthropic.APITimeoutError),
    "broken_json": Expected(json.JSONDecodeError, json.JSONDecodeError),
    "cut_stream": ends(CallFailed, "transport", "stream_cut"),
    "malformed_sse": Expected(json.JSONDecodeError, json.JSONDecodeError),
    "error_event": Expected(openai.APIError, anthropic.APIStatusError),
    "split_utf8": Expected(failure=None),
    "no_choices": ends(CallFailed, "transport", "provider_error"),
    "null_choices": ends(CallFailed, "transport", "provider_error"),
    "null_content": ends(GuardFailed, "syntax", "empty"),
    "refusal": ends(GuardFailed, "refusal", "refusal"),
    "content_filter": ends(GuardFailed, "refusal", "content_filter"),
    "length": ends(GuardFailed, "truncation", "max_tokens"),
    "half_tool_call": ends(GuardFailed, "truncation", "max_tokens"),
    "wrong_tool": Expected(failure=None),
    "parallel_calls": ends(GuardFailed, "syntax", "several_documents"),
    # These APIs have no word for it.
    "malformed_call": Expected(openai.BadRequestError, anthropic.BadRequestError),
}
EMPTY = ends(GuardFailed, "syntax", "empty")
CUT = ends(CallFailed, "transport", "stream_cut")
# Where an API or its client differs.
EXCEPTIONS = {
    ("chat", True, "no_choices"): CUT,
    ("chat", True, "null_choices"): CUT,
    # Only Chat Completions tells a reply without choices from one without content.
    **{
        (api, stream, fault): EMPTY
        for api in ("responses", "messages")
        for stream in (False, True)
        for fault in ("no_choices", "null_choices")
    },
    # The client of OpenAI gives this event as it is.
    ("responses", True, "error_event"): ends(CallFailed, "transport", "provider_error"),
    # Anthropic has no word for a filter, and its client lets the errors of httpx2 through in a stream.
    ("messages", False, "content_filter"): EXPECTED["refusal"],
    ("messages", True, "content_filter"): EXPECTED["refusal"],
    ("messages", True, "reset"): Expected(None, httpx2.ReadError),
    ("messages", True, "stall"): Expected(None, httpx2.ReadTimeout),
}
CASES = [
    (api, stream, fault)
    for api in ("chat", "responses", "messages")
    for stream in (False, True)
    for fault in FAULTS
    if fault not in (("broken_json",) if stream else OF_STREAMS)
]


def test_every_fault_has_its_expectation():
    """The table of faults and this one are the same."""
    assert EXPECTED.keys() == FAULTS.keys()


@pytest.mark.parametrize(("api", "stream", "fault"), costly(CASES, 4), ids=str)
def test_fault_ends_as_is_documented(open_clients, store, api, stream, fault):
    """The client raises what it raises for the provider's own fault; a guarded call records kind and code."""
    expected = EXCEPTIONS.get((api, stream, fault), EXPECTED[fault])
    error = expected.of_anthropic if api == "messages" else expected.of_openai
    timeout = SHORT_S if fault in SILENT else TIMEOUT_S
    with serve([GOOD], faults=fault) as server:

        @guard(TOTAL, store=store, max_attempts=1)
        def extract(prompt: str):
            return create(open_clients, server, api, stream=stream, timeout=timeout)

        if error is None:
            assert extract("t") == VALUE
        else:
            with pytest.raises(error):
                extract("t")

    [attempt] = store.attempts()
    assert (attempt["kind"], attempt["code"]) == (expected.failure or (None, None))


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
@pytest.mark.parametrize(
    ("fault", "stream"), [*[(fault, False) for fault in OF_STREAMS], ("broken_json", True)]
)
def test_fault_of_another_kind_of_reply_is_refused(open_clients, api, fault, stream):
    """A stream's fault does not pass unseen in a whole reply, nor the other way."""
    with (
        serve([GOOD], faults=fault) as server,
        pytest.raises(
            (openai.BadRequestError, anthropic.BadRequestError), match=f"fault '{fault}' applies only to"
        ),
    ):
        create(open_clients, server, api, stream=stream)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_cut_stream_gives_a_beginning(open_clients, echo_cut, text):
    """What comes of a stream that is cut is the beginning of the reply, not empty, without an end."""
    client = open_clients["openai"].with_options(base_url=echo_cut.openai_url)
    turn = [{"role": "user", "content": text}]

    choices = [
        chunk.choices[0] for chunk in client.chat.completions.create(model="m", messages=turn, stream=True)
    ]

    given_text = "".join(choice.delta.content for choice in choices)
    assert given_text
    assert text.startswith(given_text)
    assert {choice.finish_reason for choice in choices} == {None}


@pytest.fixture(scope="module")
def echo_cut():
    with serve(lambda prompt: prompt, faults="cut_stream") as server:
        yield server


def test_too_many_requests_say_when_to_come_again(open_clients):
    """Status 429 has Retry-After in seconds."""
    with serve([], faults="http_429") as server, pytest.raises(openai.RateLimitError) as caught:
        create(open_clients, server, "chat", stream=False)

    assert caught.value.response.headers["retry-after"] == "1"


def test_anthropics_error_event_has_status_200(open_clients):
    """The client raises the status of the stream that the event came in."""
    with serve([GOOD], faults="error_event") as server, pytest.raises(anthropic.APIStatusError) as caught:
        list(create(open_clients, server, "messages", stream=True))

    assert caught.value.status_code == 200
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_rejected_generation_holds_the_reply(open_clients):
    """Groq's error carries what the model wrote."""
    with (
        serve(["{oops"], faults="json_validate_failed") as server,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        create(open_clients, server, "chat", stream=False)

    assert (caught.value.code, caught.value.body["failed_generation"]) == ("json_validate_failed", "{oops")


# When.


def statuses(open_clients, server, calls):
    """Whether each of some calls got its reply, or the name of what it raised."""
    results = []
    for _ in range(calls):
        try:
            results.append(create(open_clients, server, "chat", stream=False).choices[0].message.content)
        except openai.APIError as error:
            results.append(type(error).__name__)
    return results


def test_faults_come_in_their_order(open_clients):
    """A list is one fault for each request, and none after it; what comes instead of a reply uses up none."""
    with serve(["1", "2", "3"], faults=["http_429", None, "http_500"]) as server:
        result = statuses(open_clients, server, 5)

    assert result == ["RateLimitError", "1", "InternalServerError", "2", "3"]
    assert [request.fault for request in server.requests] == ["http_429", None, "http_500", None, None]


def test_faults_come_by_index(open_clients):
    """A mapping names the requests that go wrong."""
    with serve(["1", "2"], faults={1: "http_503"}) as server:
        assert statuses(open_clients, server, 3) == ["1", "InternalServerError", "2"]


def test_faults_come_by_a_function_of_the_request(open_clients):
    """A function looks at the request."""
    with serve(["1", "2"], faults=lambda request: "length" if request.index else None) as server:
        replies = [create(open_clients, server, "chat", stream=False).choices[0] for _ in range(2)]

    assert [reply.finish_reason for reply in replies] == ["stop", "length"]


def test_fault_that_is_done_to_a_reply_uses_it_up(open_clients):
    """The next request gets the next reply."""
    with serve(["12", "34"], faults=["length"]) as server:
        assert statuses(open_clients, server, 2) == ["1", "34"]


def test_requests_for_other_things_count_for_no_fault(open_clients):
    """Listing the models is no request for a reply."""
    with serve(["1"], faults=["http_500"]) as server:
        open_clients["openai"].with_options(base_url=server.openai_url).models.list()

        assert statuses(open_clients, server, 2) == ["InternalServerError", "1"]


KNOWN = f"expected one of {', '.join(FAULTS)}"


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ("http_42", f"faults='http_42': {KNOWN}. Did you mean 'http_429'?"),
        ([None, "cut"], f"faults[1]='cut': {KNOWN}"),
        ({2: 3}, f"faults[2]=3: {KNOWN}"),
        ({-1: "html"}, "faults: expected the index of a request (an int >= 0), got -1"),
        (3, "faults=3: expected the name of a fault, a list or mapping of names, or a function"),
        (
            ["connect_refused"],
            (
                "faults[0]='connect_refused': this fault closes the port, so it applies to all requests. Use serve(..., "
                "faults='connect_refused')"
            ),
        ),
    ],
)
def test_faults_that_there_are_not_are_refused(faults, message):
    """A wrong name is an error before anything listens."""
    with pytest.raises(InvalidArgument) as caught:
        serve([], faults=faults)

    assert str(caught.value).startswith(message)


def test_wrong_name_from_a_function_is_told_to_the_client(open_clients):
    """What the function names is checked when it is asked."""
    with (
        serve(["{}"], faults=lambda _: "htlm") as server,
        pytest.raises(openai.BadRequestError, match="Did you mean 'html'"),
    ):
        create(open_clients, server, "chat", stream=False)
