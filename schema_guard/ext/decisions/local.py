# SPDX-License-Identifier: Apache-2.0
"""The local model as a decision model. It scores the options by the tokens of llama.cpp, and writes no text.

Rules:
1. The options are the paths of a trie of tokens, with a token for the end, so that none is the beginning of another.
2. Each node with several children takes one request, which allows only these children. The product along a path is the
   probability of the option under constrained decoding. It is not the probability of the whole sequence.
3. The text comes first and the question last, so that the server reads the text once for all questions.
4. The functions that score do no I/O. They yield requests, and receive the replies.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.decisions.model import NO_STREAM
from schema_guard.ext.decisions.questions import TypedQuestion
from schema_guard.ext.decisions.wire import wire_answers
from schema_guard.ext.local.llama_server import connect_local
from schema_guard.models.interface import Closing, messages
from schema_guard.providers.options import capabilities
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from schema_guard.models.interface import PromptLike

DIVIDE = "divide_by_empty_text"


EMPTY_TEXTS = ("N/A", "", "[MASK]")
"""Texts that state nothing. Their mean answer is the model's bias for an option."""
_END = "<|im_end|>"
_YES_NO = ("yes", "no")
# More than any difference between two logits, so that only the children can be drawn.
_BIAS = 100.0
_SMALLEST = 1e-9


def connected(timeout_s: float, options: Mapping[str, Any] | None) -> LocalDecisionModel:
    """Return the local model as a decision model."""
    return LocalDecisionModel(timeout_s, options)


class LocalDecisionModel(Closing):
    """The local model as a decision model.

    The option `divide_by_empty_text` divides the probabilities by those that the model gives without a text. It takes
    at least nine more requests for each new question.
    """

    provider = "local-decisions"
    rules = None
    tuned = False
    lacks: Mapping[str, str] = MappingProxyType({"stream": NO_STREAM, "astream": NO_STREAM})

    def __init__(self, timeout_s: float, options: Mapping[str, Any] | None) -> None:
        """Start the server of the local model.

        Raises:
            InvalidArgument: An option is unknown.
        """
        self.options = dict(options or {})
        self.defaults = self.options
        for name, value in self.options.items():
            if name != DIVIDE or not isinstance(value, bool):
                raise InvalidArgument(
                    f"options[{clip(repr(name))}]={clip(repr(value))}: expected only the option {DIVIDE!r}, with the value True or False"
                )
        self.capabilities = capabilities(self.provider)
        self._llama = connect_local(timeout_s=timeout_s)
        self.name = self._llama.name
        self._root = self._llama.endpoint.base_url.removesuffix("/v1")
        self._asked = AskedBefore()

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the answers to the questions in *options*."""
        flow, reply = self._flow(prompt, options), None
        client = self._llama.client()
        try:
            while True:
                reply = client.post(**self._request(flow.send(reply)))
        except StopIteration as end:
            return {**end.value, "model": self.name}

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the answers without blocking the event loop."""
        flow, reply = self._flow(prompt, options), None
        client = self._llama.async_client()
        while True:
            try:
                request = flow.send(reply)
            except StopIteration as end:
                return {**end.value, "model": self.name}
            reply = await client.post(**self._request(request))

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Raise InvalidArgument, because answers arrive whole."""
        raise InvalidArgument(NO_STREAM)

    def astream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Raise InvalidArgument, because answers arrive whole."""
        raise InvalidArgument(NO_STREAM)

    def close(self) -> None:
        """Stop the server if no other model uses it."""
        self._llama.close()

    async def aclose(self) -> None:
        """Close everything, including the connections of this event loop."""
        await self._llama.aclose()

    def _flow(self, prompt: PromptLike, options: Mapping[str, Any] | None) -> Any:
        given = {**self.options, **(options or {})}
        questions = given.get("questions")
        if not questions:
            raise InvalidArgument(
                "a decision model needs questions, but this call sends none. Use strategy='decision'"
            )
        text = prompt if isinstance(prompt, str) else messages(prompt)
        return decide(text, questions, self._asked, divide=given.get(DIVIDE) is True)

    def _request(self, request: LlamaRequest) -> dict[str, Any]:
        return {"path": f"{self._root}{request.path}", "body": request.body, "cast_to": object}


class LlamaRequest(NamedTuple):
    """A request to llama.cpp's own API: path, and JSON body."""

    path: str
    body: dict[str, Any]


class AskedBefore:
    """The tokens of options and the answers to empty texts, from earlier questions to a model."""

    def __init__(self) -> None:
        self.options: dict[tuple[str, ...], list[list[int]]] = {}
        self.biases: dict[TypedQuestion, list[float]] = {}


def decide(
    prompt: Any, wire: Sequence[Mapping[str, Any]], asked: AskedBefore, *, divide: bool
) -> Generator[LlamaRequest, Any, dict[str, Any]]:
    """Return the answers to questions about a text, in OpenAI's form.

    Args:
        prompt: A text, or messages.
        wire: The questions, in OpenAI's form.
        asked: The results of earlier calls.
        divide: Whether probabilities are divided by those of an empty text.
    """
    questions = [_question(one) for one in wire]
    answers: dict[int, list[float]] = {}
    count = [0, 0]
    for at, question in enumerate(questions):
        found = yield from _probabilities(_messages(prompt), question, asked, count)
        if divide:
            if question not in asked.biases:
                asked.biases[question] = yield from _bias(question, asked, count)
            found = _normalized(
                [one / max(bias, _SMALLEST) for one, bias in zip(found, asked.biases[question], strict=True)]
            )
        answers[at] = found
    reply = wire_answers(questions, answers)
    for answer, one in zip(reply["answers"], wire, strict=True):
        answer["name"] = one.get("name")
    usage = {
        "input_tokens": count[0],
        "input_tokens_details": {"cached_tokens": count[1]},
        "output_tokens": 0,
    }
    return {**reply, "usage": usage}


def _question(wire: Mapping[str, Any]) -> TypedQuestion:
    key, label = {"choice": ("choices", "value"), "score": ("levels", "label")}.get(wire["type"], ("", ""))
    options = wire.get(key, ())
    return TypedQuestion(
        wire["type"],
        wire["instructions"],
        tuple(str(one[label]) for one in options),
        tuple(one.get("description") for one in options),
    )


def _messages(prompt: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(one) for one in prompt]


def _bias(
    question: TypedQuestion, asked: AskedBefore, count: list[int]
) -> Generator[LlamaRequest, Any, list[float]]:
    total = [0.0] * question.size
    for text in EMPTY_TEXTS:
        found = yield from _probabilities(_messages(text), question, asked, count)
        total = [one + more for one, more in zip(total, found, strict=True)]
    return _normalized(total)


def _probabilities(
    messages: list[dict[str, Any]], question: TypedQuestion, asked: AskedBefore, count: list[int]
) -> Generator[LlamaRequest, Any, list[float]]:
    """Return the probability of each option, whose sum is 1."""
    labels = question.labels or _YES_NO
    if labels not in asked.options:
        asked.options[labels] = []
        for label in labels:
            tokens = yield from _tokens(f"{label}{_END}")
            asked.options[labels].append(tokens)
    asking = f"\n\nQuestion: {_wording(question)}\nReply only with one of: {', '.join(labels)}"
    *before, last = messages
    turns = [*before, {**last, "content": f"{last.get('content') or ''}{asking}"}]
    text = (yield LlamaRequest("/apply-template", {"messages": turns}))["prompt"]
    start = yield from _tokens(text)
    return (yield from _descend(start, asked.options[labels], count))


def _wording(question: TypedQuestion) -> str:
    described = [
        f"{label}: {text}" for label, text in zip(question.labels, question.descriptions, strict=True) if text
    ]
    return "\n".join([question.instructions, *described])


def _tokens(text: str) -> Generator[LlamaRequest, Any, list[int]]:
    reply = yield LlamaRequest("/tokenize", {"content": text, "parse_special": True, "add_special": False})
    return [int(token) for token in reply["tokens"]]


def _descend(
    start: list[int], options: list[list[int]], count: list[int]
) -> Generator[LlamaRequest, Any, list[float]]:
    """Walk the trie of the options. Return the product of the probabilities along each path."""
    found = [1.0] * len(options)
    nodes: list[tuple[int, ...]] = [()]
    while nodes:
        path = nodes.pop()
        depth = len(path)
        inside = [
            at for at, tokens in enumerate(options) if tuple(tokens[:depth]) == path and len(tokens) > depth
        ]
        children = sorted({options[at][depth] for at in inside})
        nodes += [(*path, child) for child in children]
        if len(children) < 2:
            continue
        by_token = yield from _children([*start, *path], children, count)
        for at in inside:
            found[at] *= by_token[options[at][depth]]
    return _normalized(found)


def _children(
    tokens: list[int], children: list[int], count: list[int]
) -> Generator[LlamaRequest, Any, dict[int, float]]:
    reply = yield LlamaRequest(
        "/completion",
        {
            "prompt": tokens,
            "n_predict": 1,
            "samplers": ["temperature"],
            "temperature": 1.0,
            "logit_bias": [[child, _BIAS] for child in children],
            "post_sampling_probs": True,
            "n_probs": len(children),
            "cache_prompt": True,
        },
    )
    count[0] += len(tokens)
    count[1] += int((reply.get("timings") or {}).get("cache_n") or 0)
    (drawn, *_) = reply["completion_probabilities"]
    listed = {int(one["id"]): float(one["prob"]) for one in drawn["top_probs"]}
    return {child: listed.get(child, 0.0) for child in children}


def _normalized(found: list[float]) -> list[float]:
    total = sum(found)
    return [one / total for one in found] if total else [1 / len(found)] * len(found)
