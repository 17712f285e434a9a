# SPDX-License-Identifier: Apache-2.0
"""The attempts of a call that asks a decision model, and the text model after it.

Rules:
1. A reply that does not answer the questions as it should is a failure of its attempt.
2. If a text model follows, it writes the fields that stay text and those whose question was refused. The decision model's
   fields stay as they are, and the whole value is validated.
3. If the confidence of one field is too low, the next model decides the whole value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.decisions.profile import QuestionsForm, asked
from schema_guard.ext.decisions.questions import ABSENT, Record
from schema_guard.ext.decisions.wire import BadAnswer
from schema_guard.pointer import join
from schema_guard.schema import Schema
from schema_guard.strategies import SentForm
from schema_guard.text import safe
from schema_guard.values import AdaptedSchema, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from schema_guard.ext.decisions.questions import AnswerReading
    from schema_guard.strategies import Step

DECISION = "decision"
# Failures after which a text model writes the open fields.
_OPEN = ("unanswered", "undecided")
_MOST_NAMED = 3


def with_answers(
    steps: Sequence[Step],
    schema: Schema[Any],
    made: Callable[[int, Schema[Any]], Step],
    thresholds: Sequence[float | None] = (),
) -> tuple[Step, ...]:
    """Return steps that ask a decision model first. A text model after it writes the remaining fields.

    Args:
        steps: The steps, at least one of them with strategy `decision`.
        schema: The user's schema.
        made: Returns the step at a place for another schema.
        thresholds: The confidence below which each model abstains, or None.

    Raises:
        InvalidArgument: A required field stays text, and no text model follows. A model abstains with another strategy.
    """
    completed: list[Step] = []
    form: QuestionsForm | None = None
    for at, step in enumerate(steps):
        if step.strategy.name == DECISION:
            form = _form(schema, step)
            text_follows = any(later.strategy.name != DECISION for later in steps[at + 1 :])
            if not text_follows:
                _require_no_text(schema, form)
            assert step.sent is not None
            decider = Decider(form, text_follows=text_follows, abstain_below=_at(thresholds, at))
            completed.append(step._replace(sent=step.sent._replace(decided=decider)))
        elif _at(thresholds, at) is not None:
            raise InvalidArgument(
                f"abstain_below: expected strategy={DECISION!r} for the model, got {step.strategy.name!r}"
            )
        elif form is None:
            completed.append(step)
        else:
            completed.append(step._replace(after=Rest(schema, form, at, made)))
    return tuple(completed)


def _at(thresholds: Sequence[float | None], at: int) -> float | None:
    """Return the threshold of an attempt. Attempts after the last model call the last model."""
    return thresholds[min(at, len(thresholds) - 1)] if thresholds else None


def _form(schema: Schema[Any], step: Step) -> QuestionsForm:
    assert step.provider is not None
    form = asked(schema, step.provider).form
    assert isinstance(form, QuestionsForm)
    return form


def _require_no_text(schema: Schema[Any], form: QuestionsForm) -> None:
    required = [one for one in form.fields.texts if one.is_required]
    if required:
        raise InvalidArgument(
            f"strategy={DECISION!r}: schema {safe(schema.name)}: at {safe(join(required[0].path))}, {required[0].reason}, so a "
            "decision model can't answer this field. Add a text model. To do so, use strategy=['decision', 'strict_schema'] "
            "and name both models in models="
        )


@dataclass(frozen=True, slots=True)
class Decider:
    """Reads a decision model's reply for the loop."""

    form: QuestionsForm
    text_follows: bool
    abstain_below: float | None = None

    def __call__(self, text: str) -> tuple[dict[str, float], Failure | None]:
        """Return the confidence by JSON Pointer, and the failure if the reply does not decide all fields."""
        try:
            _, reading = self.form.read(json.loads(text))
        except (BadAnswer, ValueError, RecursionError) as fault:
            return {}, Failure(
                "structure", "decision_reply", f"the decision model's reply is invalid: {fault}"
            )
        confidence = {join(path): one for path, one in reading.confidence.items()}
        return confidence, self._failure(reading, confidence)

    def _failure(self, reading: AnswerReading, confidence: Mapping[str, float]) -> Failure | None:
        least = min(confidence.items(), key=lambda one: one[1], default=None)
        if self.abstain_below is not None and least is not None and least[1] < self.abstain_below:
            where, one = least
            return Failure(
                "semantic",
                "abstained",
                f"confidence {one:.2g} at {where or '(root)'} is below abstain_below={self.abstain_below:g}",
            )
        if reading.missing:
            message = f"the model refused to answer about {_named(reading.missing)}"
            return (
                Failure("semantic", "unanswered", message)
                if self.text_follows
                else Failure("refusal", "refusal", message)
            )
        if self.text_follows and self.form.fields.texts:
            texts = [one.path for one in self.form.fields.texts]
            return Failure("semantic", "undecided", f"the next model writes {_named(texts)}")
        return None


def _named(paths: Sequence[tuple[str, ...]]) -> str:
    names = [join(path) or "(root)" for path in dict.fromkeys(paths)]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


@dataclass(frozen=True, slots=True)
class Rest:
    """The step of a text model after a decision model. It writes the fields that are not decided yet."""

    schema: Schema[Any]
    form: QuestionsForm
    at: int
    made: Callable[[int, Schema[Any]], Step]
    # The schemas of rests are compiled once. There is one for each set of refused fields.
    steps: dict[frozenset[tuple[str, ...]], Step] = field(default_factory=dict)

    def __call__(self, step: Step, tried: Sequence[Any]) -> Step:
        """Return the step for the fields that the last reply of the decision model left open."""
        last = next((one for one in reversed(tried) if one.step.strategy.name == DECISION), None)
        if last is None or last.judged.failure is None or last.judged.failure.code not in _OPEN:
            return step
        value, reading = self.form.read(json.loads(last.text))
        root = self.form.fields.root
        if not isinstance(root, Record):
            return step
        missing = frozenset(_lifted(root, path) for path in reading.missing)
        made = self.steps.get(missing)
        if made is None:
            made = self.steps[missing] = self._step(root, missing)
        assert made.sent is not None
        return made._replace(sent=made.sent._replace(restore=_Merge(value, missing, made.sent.restore)))

    def _step(self, root: Record, missing: Collection[tuple[str, ...]]) -> Step:
        document = _rest(root, missing, ()) or {"type": "object"}
        if self.form.fields.plain.definitions:
            document["$defs"] = self.form.fields.plain.definitions
        rest = Schema.of(document, name=self.schema.name, formats=self.schema.formats, allow_unknown=True)
        made = self.made(self.at, rest)
        if made.sent is None:
            made = made._replace(sent=SentForm(rest, AdaptedSchema(rest.fingerprint, (), ())))
        return made


class _Merge:
    """Converts the rest that a text model wrote into the whole value."""

    def __init__(self, value: Any, missing: Collection[tuple[str, ...]], inner: Any) -> None:
        self._value = _without(value, missing, ())
        self._inner = inner

    def __call__(self, value: Any) -> Any:
        """Return the whole value. The decided fields take precedence."""
        rest = value if self._inner is None else self._inner(value)
        return _merged(rest, self._value)


def _lifted(root: Record, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shortest prefix of a path that ends at no `Record`. A text model can write that part alone."""
    node: Any = root
    for depth, name in enumerate(path):
        node = dict(node.fields).get(name)
        if not isinstance(node, Record):
            return path[: depth + 1]
    return path


def _rest(
    record: Record, missing: Collection[tuple[str, ...]], path: tuple[str, ...]
) -> dict[str, Any] | None:
    """Return the schema of the open fields, or None if no field is open."""
    named = record.schema.get("properties", {})
    properties = {name: named[name] for name in record.texts}
    for name, node in record.fields:
        within = (*path, name)
        inner = _rest(node, missing, within) if isinstance(node, Record) else None
        if inner is not None or within in missing:
            properties[name] = inner or named[name]
    if not properties:
        return None
    words = {key: record.schema[key] for key in ("title", "description") if key in record.schema}
    required = [name for name in record.schema.get("required", ()) if name in properties]
    # In the order of the user's schema.
    ordered = {name: properties[name] for name in named if name in properties}
    return {
        **words,
        "type": "object",
        "properties": ordered,
        "required": required,
        "additionalProperties": False,
    }


def _without(value: Any, paths: Collection[tuple[str, ...]], path: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: _without(one, paths, (*path, name))
        for name, one in value.items()
        if one is not ABSENT and (*path, name) not in paths
    }


def _merged(rest: Any, decided: Any) -> Any:
    if not isinstance(rest, dict) or not isinstance(decided, dict):
        return decided
    both = {name: _merged(rest[name], one) if name in rest else one for name, one in decided.items()}
    return {**rest, **both}
