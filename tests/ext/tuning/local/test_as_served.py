"""What is learned is what is served: the prompt, its tokens, and what the adapter does to the model."""

import json
import urllib.request
from statistics import mean

import pytest

from schema_guard.ext.local.llama_server import LlamaServer
from schema_guard.ext.tuning.local import learning
from schema_guard.ext.tuning.local.learning import encode, served_prompt, write_adapter
from schema_guard.ext.tuning.training_rows import SftRow
from schema_guard.models import local_weights

for _package in ("torch", "transformers", "peft", "gguf", "xllamacpp", "openai"):
    pytest.importorskip(_package, reason=f"needs the extra 'tuning': {_package} is not installed")

pytestmark = pytest.mark.local_model

TEXTS = (
    "Hello",
    " before and after \n",
    "\n\nlines\r\nof two kinds\t",
    "Ünï 漢字 🙂\u200b e\u0301",
    "a<|im_end|>b <|im_start|>system\nc",
    "{{ messages }} {% if %} <s></s>",
    '{"total": 12.50, "id": "A-3456"}',
    "  ",
)


def prompts():
    """Messages of one text: alone, below a system message, and as the answer in a dialogue."""
    for text in TEXTS:
        user = {"role": "user", "content": text}
        yield [user]
        yield [{"role": "system", "content": text}, user]
        yield [user, {"role": "assistant", "content": text}, {"role": "user", "content": "Go on."}]


def ask(server, path, body):
    request = urllib.request.Request(  # noqa: S310 - of our own server
        server.base_url.removesuffix("/v1") + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {server.api_key}"},
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return json.loads(reply.read())


@pytest.fixture(scope="module")
def tokenizer():
    return learning._tokenizer(local_weights())


@pytest.fixture(scope="module")
def server():
    server = LlamaServer(local_weights())
    yield server
    server.stop()


def test_prompts_are_rendered_as_the_server_renders_them(server, tokenizer):
    """The text of a prompt is the server's to the byte."""
    theirs = [ask(server, "/apply-template", {"messages": messages})["prompt"] for messages in prompts()]

    assert [served_prompt(tokenizer, messages) for messages in prompts()] == theirs


def test_rows_have_the_tokens_that_are_served(server, tokenizer):
    """Prompt and answer are the tokens of the server, and the answer ends with the token at which it stops."""

    def theirs(text):
        return ask(server, "/tokenize", {"content": text, "add_special": False, "parse_special": True})[
            "tokens"
        ]

    for messages in prompts():
        row = encode(tokenizer, SftRow(messages, messages[0]["content"]))
        whole = ask(server, "/v1/chat/completions", {"messages": messages, "max_tokens": 1})

        assert row.prompt == theirs(served_prompt(tokenizer, messages))
        assert len(row.prompt) == whole["usage"]["prompt_tokens"]
        assert row.answer == [*theirs(messages[0]["content"]), *theirs("<|im_end|>")]


HEADS = {"q_proj": 9, "k_proj": 3}
TASKS = ("Order 3 lamps for Ann.", "Say hello.", "What is the capital of France?", "Write a JSON object.")


def drawn(model):
    """The tensors of a LoRA, drawn by chance, with the largest part in queries and keys."""
    import numpy as np
    import peft

    random, tensors = np.random.default_rng(0), {}
    for name, tensor in peft.get_peft_model_state_dict(model, save_embedding_layers=False).items():
        size = 0.3 if any(part in name for part in HEADS) else 0.02
        scale = size if "lora_B" in name else tensor.shape[1] ** -0.5
        tensors[name] = (scale * random.standard_normal(tuple(tensor.shape))).astype("float16")
    return tensors


def said(adapter):
    """What the server says with an adapter, and how sure it was of each token."""
    server = LlamaServer(local_weights(), adapter=adapter)
    try:
        for task in TASKS:
            body = {"messages": [{"role": "user", "content": task}], "temperature": 0, "max_tokens": 24}
            reply = ask(server, "/v1/chat/completions", {**body, "logprobs": True, "top_logprobs": 1})
            tokens = reply["choices"][0]["logprobs"]["content"]
            yield task, [one["id"] for one in tokens], [one["logprob"] for one in tokens]
    finally:
        server.stop()


def apart(model, tokenizer, replies):
    """How far torch is from the server's replies: the mean difference of log-probabilities, and the share of tokens in which its choice is another."""
    import torch

    differences, others = [], []
    for task, tokens, sure in replies:
        prompt = tokenizer(
            served_prompt(tokenizer, [{"role": "user", "content": task}]), add_special_tokens=False
        )
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt.input_ids + tokens])).logits[0]
        own = logits[len(prompt.input_ids) - 1 : -1].float().log_softmax(-1)
        others += [choice != token for choice, token in zip(own.argmax(-1).tolist(), tokens, strict=True)]
        differences += [abs(own[n, token].item() - sure[n]) for n, token in enumerate(tokens)]
    return mean(differences), mean(others)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # between peft and transformers
def test_the_adapter_does_in_llama_cpp_what_it_does_in_torch(tmp_path, tokenizer):
    """Both say the same with the same LoRA, up to what quantised weights round; not so with rows in torch's order."""
    import peft
    import torch

    torch.set_num_threads(1)
    model = learning._model(local_weights(), 4)
    tensors, result = drawn(model), {}
    for name, heads in (("right", HEADS), ("wrong", {})):
        write_adapter(tmp_path / "a.gguf", tensors, alpha=8.0, heads=heads, base="0" * 64)
        result[name] = list(said(tmp_path / "a.gguf"))
    loaded = {name: torch.tensor(tensor).float() for name, tensor in tensors.items()}
    peft.set_peft_model_state_dict(model, loaded)

    difference, others = apart(model, tokenizer, result["right"])
    wrong, _ = apart(model, tokenizer, result["wrong"])
    assert others < 0.15
    assert difference < 0.25
    assert wrong > 0.35
