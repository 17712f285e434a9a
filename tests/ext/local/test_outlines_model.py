import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schema_guard import guard
from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.limits import Limits
from schema_guard.models import connect
from schema_guard.models.interface import details_of
from schema_guard.providers.options import options_for
from schema_guard.schema import Schema
from schema_guard.testing import ScriptedModel, serve
from schema_guard.values import UNKNOWN_USAGE
from tests.ext.local.cars import CAR

# Of what torch says of itself.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
outlines = pytest.importorskip("outlines", reason="needs the extra 'outlines'")

TEXT = '{"colour": "red", "doors": 41, "code": "ABC-12"}'
BEGIN, END = "<s>", "</s>"
TEMPLATE = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"


def steered(name_or_path="", **more):
    """Make a model of Transformers: a tokenizer of bytes, and weights that know nothing."""
    torch = pytest.importorskip("torch", reason="needs torch and transformers")
    transformers = pytest.importorskip("transformers", reason="needs torch and transformers")
    import tokenizers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    bytes_ = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {BEGIN: 0, END: 1, **{char: 2 + at for at, char in enumerate(sorted(bytes_))}}
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, chat_template=TEMPLATE, bos_token=BEGIN, eos_token=END
    )
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=4096, bos_token_id=0, eos_token_id=1, pad_token_id=1, **more,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    model.config._name_or_path = model.name_or_path = name_or_path
    return outlines.from_transformers(model, tokenizer)


@pytest.fixture(scope="module")
def tiny():
    return steered("tiny")


@pytest.fixture
def server():
    with serve(ScriptedModel([TEXT], cycle=True)) as running:
        yield running


def behind(server, **more):
    import openai

    client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)
    return connect(outlines.from_openai(client, "m"), **more)


@pytest.mark.parametrize("at", [0, *[pytest.param(at, marks=pytest.mark.slow) for at in range(1, 24)]])
def test_a_steered_model_that_knows_nothing_keeps_a_schema(tiny, at):
    """Whatever weights say, a reply that is not cut off is valid, but for what the engine is told not to hold to."""
    document = load_suite("small").schemas[at].schema.document
    model = connect(tiny, options={"max_new_tokens": 400})
    ask = guard(document, strategy="strict_schema", max_attempts=1, on_failure="return", store=None)(model)

    (attempt,) = ask.outcome("hi").attempts
    relaxed = () if attempt.adapted is None else attempt.adapted.relaxed

    # Keys of a map may come twice: the engine does not remember them.
    passing = {"duplicate_key", *(place.rpartition("/")[2] for place in relaxed)}
    failure = attempt.failure
    assert failure is None or failure.kind == "truncation" or failure.code in passing, failure


def test_a_steered_model_gives_the_value(tiny):
    """Enum, bounds and pattern hold in the reply; its tokens are unknown."""
    outcome = guard(CAR, strategy="strict_schema", store=None)(connect(tiny)).outcome("hi")

    assert Schema.of(CAR).is_valid(outcome.value)
    assert (outcome.call.model, outcome.call.provider) == ("tiny", "outlines")
    assert (outcome.attempts[-1].usage, outcome.attempts[-1].finish_reason) == (UNKNOWN_USAGE, None)


def test_a_reply_that_is_cut_off_is_not_finished(tiny):
    """Outlines says nothing of why a model stopped: the text does. The limit has the model's own name."""
    ask = guard(
        CAR,
        strategy="strict_schema",
        max_attempts=1,
        on_failure="return",
        store=None,
        limits=Limits(output_tokens=9),
    )
    failure = ask(connect(tiny)).outcome("hi").attempts[-1].failure

    assert (failure.kind, failure.code) == ("truncation", "unfinished")


@pytest.mark.parametrize("keyword", [{"uniqueItems": True}, {"not": {"type": "null"}}, {"pattern": "(?=a)"}])
def test_what_the_engine_does_not_take_is_sent_in_another_form(tiny, keyword):
    """Outlines itself gives an empty text for these, and no error."""
    model = connect(tiny, options={"max_new_tokens": 20})
    ask = guard(keyword, strategy="strict_schema", max_attempts=1, on_failure="return", store=None)(model)

    (attempt,) = ask.outcome("hi").attempts
    assert attempt.adapted is not None
    assert attempt.reply


def test_calls_at_once_have_a_schema_each(tiny):
    """Threads that ask one model do not mix their schemas."""
    model = connect(tiny)
    asking = [guard({"const": number}, strategy="strict_schema", store=None)(model) for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda ask: ask("hi"), asking)) == [0, 1, 2, 3]


def test_messages_become_a_chat(server):
    """A text is a user's message; messages keep their roles, and contents of texts become texts."""
    system, parts = {"role": "system", "content": "s"}, [{"type": "text", "text": "u"}]
    with behind(server, options={"temperature": 0}) as model:
        model("hi")
        model([system, {"role": "user", "content": parts}])

    sent = [request.body["messages"] for request in server.requests]
    assert sent == [[{"role": "user", "content": "hi"}], [system, {"role": "user", "content": "u"}]]


def test_a_model_behind_an_api_passes_the_schema_on(server):
    """The schema goes out as outlines sends it, to whoever answers; engines in this process have no say."""
    with behind(server) as model:
        value = guard(CAR, strategy="strict_schema", store=None)(model)("hi")

    assert value == json.loads(TEXT)
    assert server.requests[0].body["response_format"]["json_schema"]["schema"] == CAR


@pytest.mark.parametrize(
    ("fault", "kind"), [("refusal", "refusal"), ("null_content", "syntax"), ("http_503", None)]
)
def test_whose_fault_it_is(fault, kind):
    """A refusal and an empty message are the model's, what the server does wrong is the call's."""
    with serve(ScriptedModel([TEXT], cycle=True), faults=fault) as server, behind(server) as model:
        ask = guard(CAR, max_attempts=1, on_failure="return", store=None)(model)
        if kind is None:
            with pytest.raises(outlines.exceptions.ServerError):
                ask("hi")
            return
        assert ask.outcome("hi").attempts[-1].failure.kind == kind


def test_a_model_without_a_call_of_its_own_is_asked_in_a_thread(tiny):
    """What asks many at once, such as bench, asks a model in this process too."""
    model = connect(tiny)
    options = options_for("outlines", "strict_schema", Schema.of({"const": "x"}))

    assert asyncio.run(details_of(model).areply("hi", options=options)) == '"x"'


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"provider": "openai"},
            "provider='openai': expected 'outlines-api' for an outlines model of type OpenAI",
        ),
        (
            {"provider": "outlines"},
            "provider='outlines': expected 'outlines-api' for an outlines model of type OpenAI",
        ),
        ({"key": "k"}, "key=, timeout_s=, max_retries=: an outlines model has its own client"),
        ({"max_retries": 2}, "key=, timeout_s=, max_retries=: an outlines model has its own client"),
    ],
)
def test_what_is_not_for_such_a_model_is_refused(server, more, message):
    """Its client, and who answers there, are its owner's."""
    with pytest.raises(InvalidArgument) as caught:
        behind(server, **more)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("path", "name"), [("org/small", "org/small"), ("/srv/models/small/", "small"), ("", "Transformers")]
)
def test_its_name_is_no_path(path, name):
    """Weights from a folder have the folder's name."""
    assert connect(steered(path)).name == name


def test_a_missing_package_is_named(monkeypatch):
    """A function of your own that uses the provider also needs the package."""
    monkeypatch.setitem(__import__("sys").modules, "outlines.types", None)

    with pytest.raises(MissingExtra, match=r"needs outlines. Run pip install 'schema-guard\[outlines\]'"):
        options_for("outlines", "strict_schema", Schema.of(CAR))


@pytest.mark.local_model
def test_the_local_models_weights_keep_the_schema():
    """The same weights that llama.cpp is given, dequantised, are held to a schema."""
    transformers = pytest.importorskip("transformers", reason="needs torch and transformers")
    import torch

    from schema_guard.models import local_weights

    torch.set_num_threads(1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    weights = Path(local_weights())
    loaded = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
    model = outlines.from_transformers(
        transformers.AutoModelForCausalLM.from_pretrained(**loaded),
        transformers.AutoTokenizer.from_pretrained(**loaded),
    )

    value = guard(CAR, strategy="strict_schema", store=None)(connect(model))("Tell me about a bicycle.")

    assert Schema.of(CAR).is_valid(value)


def test_a_function_of_ones_own_takes_the_same_arguments(tiny):
    """By the provider a user's function is given the output type and the engine, as outlines' call takes them."""

    def ask(prompt, options=None):
        return tiny(prompt, max_new_tokens=200, **options)

    value = guard(CAR, strategy="strict_schema", provider="outlines", store=None)(ask)("hi")

    assert Schema.of(CAR).is_valid(value)
