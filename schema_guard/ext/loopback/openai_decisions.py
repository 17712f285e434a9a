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
    Streamed,
    check_content,
    items_of,
    messages_of,
    model_of,
    options_of,
)
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DECISIONS"]

_MOST_QUESTIONS, _FEWEST_OPTIONS, _MOST_OPTIONS = 400, 2, 255
_KNOWN: Final = {
    "input", "model", "questions", "prompt_cache_key", "prompt_cache_options", "safety_identifier",
}  # fmt: skip
_LISTS: Final = {"choice": ("choices", "value"), "score": ("levels", "label")}
_ROLES: Final = ("user", "developer", "system", "assistant")
_PARTS: Final = ("input_text", "input_image", "input_json", "output_text", "refusal")


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model = model_of(body)
    unknown = sorted(body.keys() - _KNOWN)
    if unknown:
        raise BadRequest(f"Unknown parameter: {clip(repr(unknown[0]))}.")
    questions = items_of(body.get("questions"), "questions")
    if len(questions) > _MOST_QUESTIONS:
        raise BadRequest(f"'questions': expected at most {_MOST_QUESTIONS} questions, got {len(questions)}")
    names = [_checked(question, f"questions[{at}]") for at, question in enumerate(questions)]
    given = [name for name in names if name is not None]
    if len(set(given)) < len(given):
        raise BadRequest("'questions': expected a different name for each question")
    return Question(index, model, _prompt(body), options_of(body, ("model", "input")), (), None, False)


def _checked(question: Any, where: str) -> str | None:
    """Check a question, and return its name."""
    kind = question.get("type") if isinstance(question, dict) else None
    if kind not in ("predicate", *_LISTS):
        raise BadRequest(f"'{where}.type': expected predicate, choice, or score, got {clip(repr(kind))}")
    key, label = _LISTS.get(kind, ("", ""))
    unknown = sorted(question.keys() - {"type", "name", "instructions", key})
    if unknown:
        raise BadRequest(f"Unknown parameter: '{where}.{unknown[0]}'.")
    if not question.get("instructions"):
        raise BadRequest(f"Missing required parameter: '{where}.instructions'.")
    if key:
        _check_options(items_of(question.get(key), f"{where}.{key}"), f"{where}.{key}", label)
    name = question.get("name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"'{where}.name': expected a string")
    return name


def _check_options(options: list[Any], where: str, label: str) -> None:
    if not _FEWEST_OPTIONS <= len(options) <= _MOST_OPTIONS:
        raise BadRequest(
            f"'{where}': expected {_FEWEST_OPTIONS} to {_MOST_OPTIONS} options, got {len(options)}"
        )
    labels = [(type(one.get(label)), one.get(label)) for one in options if isinstance(one, dict)]
    if len(set(labels)) < len(options) or any(kind not in (str, bool) for kind, _ in labels):
        raise BadRequest(f"'{where}': expected a different '{label}' for each option")
    for one in options:
        description = one.get("description", "")
        if one.keys() - {label, "description"} or not isinstance(description, str):
            raise BadRequest(f"'{where}': expected only the keys '{label}' and 'description' in each option")


def _prompt(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = body.get("input")
    if isinstance(text, str) and text:
        return [{"role": "user", "content": text}]
    found = messages_of(body, "input")
    for at, message in enumerate(found):
        if message["role"] not in _ROLES:
            raise BadRequest(f"'input[{at}].role': expected one of {', '.join(_ROLES)}")
        check_content(message.get("content"), f"input[{at}].content", _PARTS)
    return found


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


def _events(question: Question, streamed: Streamed) -> Iterator[Event]:
    raise BadRequest("this endpoint does not stream. Send the request without stream")


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
