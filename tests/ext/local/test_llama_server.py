import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schema_guard import Limits, guard
from schema_guard.errors import SchemaGuardError
from schema_guard.ext.local import llama_server
from schema_guard.models import connect, local_weights
from schema_guard.providers.options import options_for
from schema_guard.schema import Schema
from tests.ext.local.cars import CAR as DOCUMENT

pytest.importorskip("xllamacpp", reason="needs the extra 'local'")

CAR = Schema.of(DOCUMENT, name="car")


@pytest.fixture(scope="module")
def model():
    with connect("local") as model:
        yield model


def test_weights_that_are_none_are_refused_with_the_servers_words(tmp_path):
    """A server that does not start ends in an error that holds what llama.cpp said."""
    path = tmp_path / "no.gguf"
    path.write_text("no model")

    with pytest.raises(
        SchemaGuardError, match=r"model 'local': llama.cpp ended while starting .*invalid magic"
    ):
        llama_server.LlamaServer(path)


def test_start_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    """A server that does not answer in time is killed and said."""
    path = tmp_path / "no.gguf"
    path.write_text("no model")
    monkeypatch.setattr(llama_server, "START_TIMEOUT_S", 0.0)

    with pytest.raises(SchemaGuardError, match="timed out while starting"):
        llama_server.LlamaServer(path)


@pytest.mark.local_model
def test_prompt_is_answered(model):
    """A call with a system prompt gives a chat completion with text and usage."""
    reply = model(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
        options={"max_tokens": 16},
    )

    assert (model.name, model.provider) == ("SmolLM2-135M-Instruct-Q4_1", "llamacpp-llguidance")
    assert reply.model == model.name
    assert reply.choices[0].message.content
    assert reply.usage.completion_tokens <= 16


@pytest.mark.local_model
def test_grammar_enforces_the_schema(model):
    """Enum, bounds and pattern hold in the reply, which the prompt alone would not bring."""
    options = options_for(model.provider, "strict_schema", CAR, output_tokens=200)

    reply = model("Tell me about a bicycle.", options=options)

    assert reply.choices[0].finish_reason == "stop"
    assert CAR.violations(json.loads(reply.choices[0].message.content)) == []


@pytest.mark.local_model
def test_stream_joins_to_a_reply(model):
    """A stream comes in several chunks, with finish reason and usage at its end."""
    chunks = list(model.stream("Count to ten.", options={"max_tokens": 24}))

    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert len(chunks) > 3
    assert "".join(texts)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in ("stop", "length")
    assert chunks[-1].usage.completion_tokens <= 24


@pytest.mark.local_model
def test_four_asynchronous_calls_run_at_once():
    """Four slots answer four calls, each its own."""

    async def ask():
        async with connect("local") as model:
            options = options_for(model.provider, "strict_schema", CAR, output_tokens=200)
            replies = await asyncio.gather(
                *(model.acall(f"Car {number}", options=options) for number in range(4))
            )
            chunks = [chunk async for chunk in model.astream("Hello", options={"max_tokens": 4})]
            return [json.loads(reply.choices[0].message.content) for reply in replies], chunks

    values, chunks = asyncio.run(ask())

    assert all(CAR.is_valid(value) for value in values)
    assert chunks


@pytest.mark.local_model
def test_second_connection_shares_the_server(model):
    """Connecting again is instant, and closing that connection leaves the first one its server."""
    begun = time.perf_counter()
    second = connect("local")
    elapsed_s = time.perf_counter() - begun
    second.close()

    assert elapsed_s < 0.2
    assert model("Hello", options={"max_tokens": 2}).choices


@pytest.mark.local_model
@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "model.close()",
        "next(model.stream('Tell a long story.'))",
        "threading.Thread(target=ask, daemon=True).start(); time.sleep(0.5)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.fork() or sys.exit(0); os.wait(); model('Hello', options={'max_tokens': 2})",
    ],
)
def test_process_ends_and_takes_the_server_with_it(tmp_path, end):
    """However a process ends, it does not hang, prints nothing, and leaves no server behind."""
    program = (
        "import contextlib, openai, os, signal, sys, threading, time\n"
        "from schema_guard.ext.local import llama_server\nfrom schema_guard.models import connect\n"
        "model = connect('local')\n"
        "print(llama_server._shared.servers[None]._process.pid, flush=True)\n"
        "def ask():\n"
        "    with contextlib.suppress(openai.APIError):\n"
        "        model('Tell a long story.')\n" + end
    )

    ended = subprocess.run(  # our own program
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.stderr == ""
    assert ended.returncode == (-9 if "SIGKILL" in end else 0)
    assert _is_gone(int(ended.stdout.split()[0]))


def lora(path, *, width=576, size=0.3):
    """Write a LoRA of rank 4 on the attention of every layer, drawn by chance: what it makes of replies is no words."""
    gguf = pytest.importorskip("gguf", reason="needs the package gguf, which writes adapters")
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    for block in range(30):
        for part, shape in (("a", (4, width)), ("b", (width, 4))):
            drawn = (size * random.standard_normal(shape)).astype(numpy.float32)
            writer.add_tensor(f"blk.{block}.attn_output.weight.lora_{part}", drawn)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return path


@pytest.mark.local_model
def test_an_adapter_makes_another_model(model, tmp_path):
    """A LoRA changes the replies of its own connection alone, is recorded with its digest, and counts as tuned."""
    path = lora(tmp_path / "orders.gguf")
    options = {"max_tokens": 12}

    def said(found):
        return found("Say hello.", options=options).choices[0].message.content

    before = said(model)
    with connect("local", adapter=path) as adapted:
        call = guard({}, max_attempts=1, on_failure="return", store=None)(adapted).outcome("hi").call
        held = options_for(adapted.provider, "strict_schema", CAR, output_tokens=200)
        value = json.loads(adapted("A bicycle.", options=held).choices[0].message.content)

        assert said(adapted) != before
        assert said(model) == before
        assert CAR.is_valid(value)
    assert re.fullmatch(r"orders\.gguf@[0-9a-f]{16}", json.loads(call.settings)["adapter"])
    assert (call.model, call.tuned) == (model.name, True)
    assert str(tmp_path) not in repr(call)


@pytest.mark.local_model
@pytest.mark.parametrize("which", ["of another model", "the weights themselves"])
def test_an_adapter_that_does_not_fit_is_refused_with_the_servers_words(tmp_path, which):
    """What only llama.cpp can tell is told in its words."""
    path = lora(tmp_path / "wide.gguf", width=64) if which == "of another model" else local_weights()
    words = "has incorrect shape" if which == "of another model" else "expect general.type to be 'adapter'"

    with pytest.raises(SchemaGuardError, match=f"model 'local': llama.cpp ended while starting .*{words}"):
        connect("local", adapter=path)


def _is_gone(pid, within_s=5.0):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.local_model
@pytest.mark.parametrize("way", ["__call__", "stream"])
def test_a_cut_off_reply_is_retried_with_a_larger_limit(model, way):
    """The model gets the output limit of each attempt, whole and streamed."""
    limits = Limits(output_tokens=8, max_output_tokens=16)
    ask = guard(Schema.of(True), strategy="bare", limits=limits, store=None)(getattr(model, way))

    first, second = ask.outcome("Give the first twenty numbers as a JSON list of integers.").attempts[:2]

    assert first.failure.kind == "truncation"
    assert first.usage.output_tokens <= 8 < second.usage.output_tokens <= 16


@pytest.mark.local_model
def test_a_context_that_is_full_makes_the_call_no_worse(model):
    """The reply is cut off where the context ends, and no exception reaches the caller."""
    ask = guard({"type": "array", "items": {"type": "integer"}}, strategy="strict_schema", store=None)(model)

    outcome = ask.outcome("one two three " * 985)

    assert outcome.failure.kind == "truncation"
    assert [attempt.failure.code for attempt in outcome.attempts] == ["max_tokens"]
