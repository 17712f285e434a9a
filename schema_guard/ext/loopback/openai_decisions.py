# SPDX-License-Identifier: Apache-2.0
"""The wire format of OpenAI's Decisions.

The model's text is a JSON object. Each key is the name of a question, or its place. Each value is the answer: true or false,
a label, the probability of yes, or the probabilities of labels. A question without an answer is refused.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.openai_chat import error_body, total_tokens
from schema_guard.ext.loopback.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    options_of,
)
from schema_guard.schema import Schema
from schema_guard.validation.published_schemas import judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LISTS: Final = {"choice": ("choices", "value"), "score": ("levels", "label")}
_ROLES: Final = ["user", "developer", "system", "assistant"]


def _options(label: str) -> dict[str, Any]:
    """Return the schema of the options of a question."""
    kinds = {label: {"type": ["string", "boolean"]}, "description": {"type": "string"}}
    option = {"type": "object", "properties": kinds, "required": [label], "additionalProperties": False}
    return {"type": "array", "items": option, "minItems": 2, "maxItems": 255, "uniqueItems": True}


_ASKED: Final = {
    "type": "object",
    "properties": {
        "type": {"enum": ["predicate", *_LISTS]},
        "name": {"type": ["string", "null"]},
        "instructions": {"minLength": 1},
        **{key: _options(label) for key, label in _LISTS.values()},
    },
    "required": ["type", "instructions"],
    "additionalProperties": False,
}
_REQUEST: Final = Schema.of(
    {
        "type": "object",
        "properties": {
            "model": {"type": "string", "minLength": 1},
            "input": {
                "type": ["string", "array"],
                "minLength": 1,
                "items": {"properties": {"role": {"enum": _ROLES}}, "required": ["role"]},
            },
            "questions": {"type": "array", "items": _ASKED, "minItems": 1, "maxItems": 400},
            **dict.fromkeys(("prompt_cache_key", "prompt_cache_options", "safety_identifier"), True),
        },
        "required": ["model", "input", "questions"],
        "additionalProperties": False,
    }
)


def _question(index: int, body: Mapping[str, Any]) -> Question:
    asked = judged(body, _REQUEST, "the request")
    names = [one["name"] for one in asked["questions"] if one.get("name") is not None]
    if len(set(names)) < len(names):
        raise BadRequest("'questions': expected a different name for each question")
    text = asked["input"]
    prompt = [{"role": "user", "content": text}] if isinstance(text, str) else text
    return Question(index, asked["model"], prompt, options_of(body, ("model", "input")), (), None, False)


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    given = _given(answer)
    questions = question.options["questions"]
    names = [one.get("name", str(at)) for at, one in enumerate(questions)]
    answers = [
        {"name": one.get("name"), **_answer(one, given.get(name))}
        for one, name in zip(questions, names, strict=True)
    ]
    usage = answer.usage
    return {
        "answers": answers,
        "model": question.model,
        "usage": {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {
                "cached_tokens": usage.cached_input_tokens or 0,
                "cache_write_tokens": 0,
            },
            "output_tokens": usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": total_tokens(usage),
        },
    }


def _given(answer: Answer) -> dict[str, Any]:
    try:
        given = json.loads(answer.text or "{}")
    except (ValueError, RecursionError):
        given = {}
    return given if isinstance(given, dict) else {}


def _answer(question: dict[str, Any], given: Any) -> dict[str, Any]:
    if given is None:
        return {"type": "refusal"}
    if question["type"] == "predicate":
        return {"type": "predicate", "probability": float(given)}
    key, label = _LISTS[question["type"]]
    labels = [one[label] for one in question[key]]
    found = given if isinstance(given, dict) else {given: 1.0}
    probabilities = [float(found.get(one, 0.0)) for one in labels]
    more = {"type": question["type"], "confidence": max(probabilities)}
    if question["type"] == "choice":
        best = labels[probabilities.index(max(probabilities))]
        listed = [{"value": one, "probability": p} for one, p in zip(labels, probabilities, strict=True)]
        return {**more, "choice": best, "probabilities": listed}
    mean = math.fsum(at * p for at, p in enumerate(probabilities))
    levels = [
        {"value": at, "label": one, "probability": p}
        for at, (one, p) in enumerate(zip(labels, probabilities, strict=True))
    ]
    return {**more, "score": mean, "probabilities": levels}


def _events(question: Question, answer: Answer) -> Iterator[Event]:
    raise BadRequest("this endpoint does not support streaming. Remove 'stream' from the request")


DECISIONS: Final = Api(
    providers=frozenset({"openai-decisions"}),
    holds="answers",
    question=_question,
    whole=_whole,
    events=_events,
    error=error_body,
    error_event=Event,
)
"""POST /v1/decisions."""
