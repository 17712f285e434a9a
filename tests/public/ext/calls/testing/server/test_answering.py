"""Facts about the server on loopback itself: what answers, what is kept, how it ends."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

import schema_guard.testing
from schema_guard import InvalidArgument, guard
from schema_guard.models import connect
from schema_guard.testing import ScriptedModel, serve

TIMEOUT_S = 10.0
TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 12, "name": "Grüße, 你好"}'
MESSAGES = [{"role": "user", "content": "hi"}]


def text_of(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


# What answers.


def test_function_of_the_prompt_answers(chat):
    """A function gets the prompt's text, and gives a text or what a script may say."""

    def answer(prompt):
        return {"reply": prompt.upper(), "finish_reason": "length"}

    with serve(answer) as server:
        choice = chat(server, [{"role": "system", "content": "be"}, *MESSAGES]).choices[0]

    assert (choice.message.content, choice.finish_reason) == ("BE\nHI", "length")


def test_replies_by_prompt_answer(chat):
    """Replies that a scripted model takes by prompt are taken here."""
    with serve({"hi": "{}", "": "[]"}) as server:
        texts = [chat(server, [{"role": "user", "content": text}]) for text in ("hi", "ho")]

    assert [reply.choices[0].message.content for reply in texts] == ["{}", "[]"]


def test_model_behind_the_server_gets_the_request(chat):
    """A model that takes the request's arguments is given them all, whole and streamed."""
    with serve([GOOD, GOOD]) as inner, connect(f"{inner.openai_url}#small") as model, serve(model) as server:
        arguments = {"temperature": 0.5, "response_format": {"type": "json_object"}, "extra_body": {"top": 1}}
        whole = chat(server, **arguments).choices[0].message.content
        streamed = text_of(chat(server, stream=True, **arguments))

    assert whole == streamed == GOOD
    body = {"model": "small", "messages": MESSAGES, **arguments}
    del body["extra_body"]
    assert inner.requests[0].body == {**body, "top": 1}
    assert inner.requests[1].body["temperature"] == 0.5


def test_model_of_another_target_gets_the_prompt_alone(messages):
    """Arguments of another provider's are not passed on."""
    model = ScriptedModel(["{}"], provider="openai")
    with serve(model) as server:
        messages(server).create(model="m", max_tokens=9, messages=MESSAGES)

    assert (model.asked[0].prompt, model.asked[0].options) == (MESSAGES, {})


def test_half_a_surrogate_arrives_escaped(chat):
    """Text that UTF-8 cannot hold comes as JSON can write it."""
    with serve(["\ud800"]) as server:
        assert chat(server).choices[0].message.content == "\ud800"


class Three(ScriptedModel):
    """A model whose reply is a number."""

    def __call__(self, prompt, *, options=None):
        return 3


def test_what_is_no_reply_is_status_500(chat):
    """A model that gives something else is a server error that says so."""
    with serve(Three([])) as server, pytest.raises(openai.InternalServerError, match="a value of type 'int'"):
        chat(server)


def test_script_that_has_run_out_says_so(chat):
    """A request too many is status 400 with the model's message."""
    with serve(["{}"]) as server:
        chat(server)
        with pytest.raises(openai.BadRequestError, match="has no more replies after the first 1"):
            chat(server)
        with pytest.raises(openai.BadRequestError, match="has no more replies after the first 1"):
            chat(server, stream=True)


def test_what_the_model_raises_is_status_500(chat):
    """An exception before anything was sent is a server error that names it."""
    with (
        serve([{"raise": "TimeoutError: slow"}]) as server,
        pytest.raises(openai.InternalServerError, match="TimeoutError: slow"),
    ):
        chat(server)


def test_what_the_model_raises_in_a_stream_is_status_500(chat):
    """An exception after the first chunk is a server error, because the model answers before the server does."""
    with (
        serve([{"chunks": ["{"], "raise": "ConnectionError: gone"}]) as server,
        pytest.raises(openai.InternalServerError, match="ConnectionError: gone"),
    ):
        chat(server, stream=True)


def test_guard_asks_the_server_again(chat):
    """A guarded function around the client is asked again, and the second request has the correction."""
    with serve(['{"total": "one"}', GOOD]) as server:

        @guard(TOTAL, store=None)
        def extract(prompt: str):
            return chat(server, [{"role": "user", "content": prompt}])

        assert extract("read")["total"] == 12

    contents = [request.body["messages"][0]["content"] for request in server.requests]
    assert "At /total: expected number, got string." in contents[1]


# The server itself.


def test_requests_are_kept_without_their_keys(chat, messages):
    """Path, body and headers are there to look at; the values of keys are not."""
    with serve(["{}", "{}"]) as server:
        chat(server, extra_headers={"X-Team": "blue"})
        messages(server).create(
            model="m", max_tokens=9, messages=MESSAGES, extra_headers={"x-api-key": "secret"}
        )

    first, second = server.requests
    assert (first.method, first.path, first.index) == ("POST", "/v1/chat/completions", 0)
    assert first.body == {"model": "m", "messages": MESSAGES}
    assert (first.headers["x-team"], first.headers["authorization"]) == ("blue", "***")
    assert (second.headers["x-api-key"], second.index) == ("***", 1)
    assert "secret" not in repr(server.requests)


CALLS = 50


def test_fifty_threads_get_a_reply_each(chat):
    """Requests at the same time get different replies, and each request an index of its own."""
    with (
        serve([f'{{"total": {number}}}' for number in range(CALLS)]) as server,
        ThreadPoolExecutor(CALLS) as pool,
    ):
        texts = list(pool.map(lambda _: chat(server).choices[0].message.content, range(CALLS)))

    assert sorted(json.loads(text)["total"] for text in texts) == list(range(CALLS))
    assert [request.index for request in server.requests] == list(range(CALLS))


@pytest.mark.costly
def test_fifty_tasks_get_their_streams():
    """Streams at the same time do not mix."""

    async def main(server):
        async with openai.AsyncOpenAI(
            api_key="k", base_url=server.openai_url, max_retries=0, timeout=TIMEOUT_S
        ) as client:

            async def ask(number):
                turn = [{"role": "user", "content": f"{number} " * 20}]
                chunks = await client.chat.completions.create(model="m", messages=turn, stream=True)
                return text_of([chunk async for chunk in chunks])

            return await asyncio.gather(*(ask(number) for number in range(CALLS)))

    with serve(lambda prompt: prompt) as server:
        assert asyncio.run(main(server)) == [f"{number} " * 20 for number in range(CALLS)]


def test_closed_server_refuses(chat):
    """After the block nobody answers; closing again is no error."""
    with serve(["{}"]) as server:
        pass
    server.close()

    assert repr(server) == f"<Server {server.url} closed>"
    with pytest.raises(openai.APIConnectionError):
        chat(server)


def test_closing_ends_what_is_on_its_way(chat):
    """A request that waits for ever ends when the server is closed."""
    with serve([], faults="read_timeout") as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(chat, server)
        while not server.requests:
            pass
        server.close()
        error = waiting.exception()

    assert isinstance(error, openai.APIConnectionError)
    assert not isinstance(error, openai.APITimeoutError)


def test_two_servers_have_two_ports():
    """Port 0 is a free one; a port that is taken is an error of the system's."""
    with serve([]) as one, serve([]) as other:
        assert one.url != other.url
        with pytest.raises(OSError, match="in use"):
            serve([], port=int(one.url.rpartition(":")[2]))


FORGOTTEN = """
import threading, urllib.request
from schema_guard.testing import serve

server = serve(["{}"], faults=FAULTS)
ask = urllib.request.Request(server.openai_url + "/chat/completions", b'{"model": "m", "messages": [{"role": "user"}]}')
if not server.requests and FAULTS:
    threading.Thread(target=urllib.request.urlopen, args=(ask,), daemon=True).start()
    while not server.requests:
        pass
print("over")
"""


@pytest.mark.costly
@pytest.mark.parametrize("faults", [None, "read_timeout"])
def test_forgotten_server_ends_with_its_process(faults):
    """A server that is not closed keeps no process alive, not even with a request on its way."""
    code = FORGOTTEN.replace("FAULTS", repr(faults))
    ended = subprocess.run(
        [sys.executable, "-c", code], timeout=20, check=True, capture_output=True, text=True
    )

    assert ended.stdout == "over\n"


def test_importing_the_fakes_opens_nothing():
    """The names of the server are there without Hypothesis and without a client's package."""
    code = (
        "import sys; from schema_guard.testing import serve, ScriptedModel;"
        "print({'hypothesis', 'openai', 'anthropic', 'httpx2'} & sys.modules.keys())"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ended.stdout == "set()\n"


def test_scripted_model_is_the_one_of_the_models():
    """The model of scripts has two homes and is one class."""
    assert schema_guard.testing.ScriptedModel is ScriptedModel


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"host": "0.0.0.0"},  # noqa: S104
            "host='0.0.0.0': expected one of 127.0.0.1, localhost, because the server accepts only loopback addresses",
        ),
        ({"port": 70_000}, "port=70000: expected an int from 0 to 65535. Use 0 for a free port"),
        ({"port": True}, "port=True: expected an int from 0 to 65535. Use 0 for a free port"),
        (
            {"answering": "{}"},
            "replies='{}': expected a list of replies, or a list of (prompt, reply) pairs",
        ),
        (
            {"answering": 3},
            "replies=3: expected a list of replies, or a list of (prompt, reply) pairs",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    """What cannot be served is said before anything listens."""
    with pytest.raises(InvalidArgument) as caught:
        serve(**{"answering": [], **arguments})

    assert str(caught.value).startswith(message)
