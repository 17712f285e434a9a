# SPDX-License-Identifier: Apache-2.0
"""A program's own requests to decision models, in the form of recorded calls.

Rules:
1. The schema of a call has one property for each question, with the question's words as its description.
2. The answers are validated like those of guarded calls. A refused question is a refusal.
3. A request with questions that a guard wrote belongs to the guarded call around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.recorders.requests import Requested
from schema_guard.pointer import join
from schema_guard.providers.fields import as_json
from schema_guard.strategies import SentForm
from schema_guard.text import reason_of
from schema_guard.values import AdaptedSchema, Failure

if TYPE_CHECKING:
    from schema_guard.schema import Schema
    from schema_guard.values import Reply

DECISION: Final = "decision"


def requested_decision(questions: Any) -> Requested | None:
    """Return the format that questions ask for, in one of the three wire formats, or None if a question is unknown."""
    try:
        properties = dict(_properties(questions))
    except (AttributeError, KeyError, TypeError):
        return None
    if not properties or len(properties) < len(questions):
        return None
    document = {"type": "object", "properties": properties, "required": list(properties)}
    return Requested({**document, "additionalProperties": False}, DECISION, DECISION)


def is_of_a_guard(request: Requested) -> bool:
    """Return whether a guard wrote the questions."""
    return list(request.source["properties"]) == [f"q{at}" for at in range(len(request.source["properties"]))]


def _properties(questions: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    named = questions.items() if isinstance(questions, Mapping) else ((None, one) for one in questions)
    for at, (name, one) in enumerate(named):
        question = _plain(one)
        text = question.get("instructions")
        words = {} if text is None else {"description": text if isinstance(text, str) else as_json(text)}
        yield name or question.get("name") or f"q{at}", {**_values(question), **words}


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value


def _values(question: Mapping[str, Any]) -> dict[str, Any]:
    kind = question["type"]
    if kind in ("predicate", "noul"):
        return {"type": "boolean"}
    options = question.get("choices") or question.get("levels") or question["criteria"]
    if len(options) > 1 and kind == "score":
        return {"type": "integer", "minimum": 0, "maximum": len(options) - 1}
    labels = list(options) if isinstance(options, Mapping) else [_plain(one)["value"] for one in options]
    # A label with blanks at its ends has another form in the questions of a schema.
    if len(labels) > 1 and kind == "choice" and all(str(label).strip() == str(label) for label in labels):
        return {"enum": labels}
    raise KeyError(kind)


@lru_cache(maxsize=256)
def decision_form(schema: Schema[Any]) -> SentForm:
    """Return the form of the answers to the questions of a schema."""
    # The import takes 0.1 s of CPU time, and few programs call decision models.
    from schema_guard.ext.decisions.fields import fields_of
    from schema_guard.ext.decisions.hosts import HOSTS
    from schema_guard.ext.decisions.profile import QuestionsForm
    from schema_guard.ext.decisions.steps import Decider

    # Larger limits than any host has, because the request was already made.
    host = HOSTS["openai-decisions"]._replace(options=1_000, levels=1_000)
    form = QuestionsForm(fields_of(schema, host), host)
    recorded = AdaptedSchema(schema.fingerprint, (), ())
    return SentForm(schema, recorded, form.restore, None, Decider(form, text_follows=False))


def decision_reply(reply: object, schema: Schema[Any]) -> Reply:
    """Read a reply. Its answers get the names that `decision_form` expects."""
    from schema_guard.received.replies import read  # only recorders of decisions need it

    received = read(reply)
    try:
        answers = json.loads(received.text or "")["answers"]
        names = {name: f"q{at}" for at, name in enumerate(schema.document["properties"])}
        named = answers.items() if isinstance(answers, dict) else ((one.get("name"), one) for one in answers)
        listed = [{**_by_place(one), "name": names.get(name, name)} for name, one in named]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = f"the decision model's reply can't be read: {reason_of(error)}"
        return received._replace(failure=Failure("structure", "decision_reply", fault))
    return received._replace(text=as_json({"answers": listed}))


def _by_place(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the place of each level as its key."""
    levels = answer.get("probabilities")
    if answer.get("type") != "score" or not isinstance(levels, list):
        return answer
    return {**answer, "probabilities": {str(one["value"]): one["probability"] for one in levels}}


def confidence_in(details: Any, text: str | None, threshold: float) -> dict[str, float] | None:
    """Return the probability of each field from pydantic-ai's `provider_details`, or None if no decision model replied.

    Args:
        details: The details of the reply.
        text: The value as JSON.
        threshold: The lowest probability of a yes.
    """
    given = details if isinstance(details, Mapping) else {}
    sureness, probabilities = given.get("confidence"), given.get("probabilities")
    if not sureness or not isinstance(sureness, Mapping) or not isinstance(probabilities, Mapping):
        return None
    value = json.loads(text or "{}")
    found = {}
    for name, sure in sureness.items():
        path = name.split(".")
        returned = value
        for key in path:
            returned = returned.get(key) if isinstance(returned, dict) else None
        options = probabilities.get(name)
        if options is not None:
            found[join(path)] = _probability(returned, options)
        else:  # yes or no, for which pydantic-ai reports the scaled distance from the threshold
            limit = threshold if returned is True else 1 - threshold
            found[join(path)] = limit + sure * (1 - limit)
    return found


def _probability(returned: Any, options: Mapping[str, float]) -> float:
    """Return the probability of a returned option. For several options, return the lowest one."""
    if not isinstance(returned, list | dict):
        return options.get(str(returned), max(options.values()))
    is_chosen = returned.get if isinstance(returned, dict) else returned.__contains__
    return min(one if is_chosen(option) else 1 - one for option, one in options.items())
