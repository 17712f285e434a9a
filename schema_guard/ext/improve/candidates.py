# SPDX-License-Identifier: Apache-2.0
"""Candidates for a better prompt, made from the failure map. No model invents one.

Rules:
1. Each candidate changes the prompt in use in one respect, and a few change several. Each added line has a reason.
2. An example comes from no input of the race or the proof, and from no near copy of one.
3. The same failures, schema, and examples give the same candidates.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.improve.failure_map import place_text
from schema_guard.ext.improve.wording import SchemaWords
from schema_guard.pointer import split
from schema_guard.prompting import Example, schema_instructions, schema_text
from schema_guard.validation.drawing.demand import DeadEnd
from schema_guard.validation.drawing.samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.ext.improve.failure_map import FailureMap, Gap
    from schema_guard.schema import Schema

SHOWN = 3
"""Number of examples in a candidate."""
_PLACES = 3
"""Number of places with their own candidate."""
# Names of fields that a model fills while it thinks, before it decides.
_REASONING = ("reason", "thought", "think", "rationale", "explanation", "analysis", "evidence")
# The token of a place that stands for every index.
_EVERY = ("*",)
_OTHER_LAYOUT: dict[Layout, Layout] = {"text": "turns", "turns": "text"}
_LAYOUT_WORDS = {
    "turns": "layout: a system message with the format, and examples as turns",
    "text": "layout: one text with the format, the examples, and the task",
}


class AddedLine(NamedTuple):
    """A line that a candidate adds to the prompt, and the failures that it answers."""

    line: str
    reason: str


class PromptCandidate(NamedTuple):
    """A prompt to race.

    Attributes:
        name: Its name in the race.
        instructions: The text about the format.
        examples: The examples.
        layout: The place of the text about the format.
        added: The lines that it adds to the prompt in use.
    """

    name: str
    instructions: str
    examples: tuple[Example, ...]
    layout: Layout
    added: tuple[AddedLine, ...]


class PoolExample(NamedTuple):
    """An example that a candidate may show.

    Attributes:
        task: The task.
        value: Its valid answer.
        source: Its source, for people.
        gaps: The failures of the prompt in use on this task. Empty if it was not measured.
    """

    task: str
    value: Any
    source: str
    gaps: tuple[Gap, ...] = ()


def candidates_of(
    base: PromptCandidate,
    schema: Schema[Any],
    failures: FailureMap,
    pool: Sequence[PoolExample],
    *,
    layouts: bool,
) -> list[PromptCandidate]:
    """Return the candidates for a prompt, without the prompt itself.

    Args:
        base: The prompt in use.
        schema: The schema of the answers.
        failures: The failures of the prompt in use.
        pool: Examples that may be shown.
        layouts: Whether the function can take another layout.
    """
    words = SchemaWords(schema)
    single = [*_with_sentences(base, words, failures), *_with_schema_texts(base, schema, words, failures)]
    shown = _with_examples(base, schema, failures, pool)
    turned = _in_other_layout(base, failures) if layouts else None
    all_sentences = next((one for one in single if one.name == "sentences"), None)
    found = [*shown, *([turned] if turned else []), *single]
    for name, parts in (
        ("layout and examples", (turned, *shown[:1])),
        ("examples and sentences", (*shown[:1], all_sentences)),
    ):
        if len(parts) == 2 and all(parts):
            found.append(_joined(name, base, parts))
    unique = {(one.instructions, one.layout, _as_text(one.examples)): one for one in reversed(found)}
    unique.pop((base.instructions, base.layout, _as_text(base.examples)), None)
    return [one for one in found if one in unique.values()]


def _as_text(examples: Iterable[Example]) -> str:
    return json.dumps([list(one) for one in examples])


def _joined(name: str, base: PromptCandidate, parts: Sequence[PromptCandidate | None]) -> PromptCandidate:
    """Return a candidate with the changes of several."""
    joined = base._replace(name=name)
    for part in filter(None, parts):
        joined = joined._replace(
            instructions=part.instructions if part.instructions != base.instructions else joined.instructions,
            examples=part.examples if part.examples != base.examples else joined.examples,
            layout=part.layout if part.layout != base.layout else joined.layout,
            added=(*joined.added, *part.added),
        )
    return joined


def _in_other_layout(base: PromptCandidate, failures: FailureMap) -> PromptCandidate | None:
    other = _OTHER_LAYOUT.get(base.layout)
    if other is None:
        return None
    line = AddedLine(_LAYOUT_WORDS[other], failures.reason())
    return base._replace(name="layout", layout=other, added=(line,))


def _with_sentences(
    base: PromptCandidate, words: SchemaWords, failures: FailureMap
) -> Iterator[PromptCandidate]:
    """Yield a candidate for each of the most failing places, and one with all of their sentences."""
    reasons: dict[str, list[Gap]] = {}
    for one in failures.gaps:
        sentence = words.sentence(one.gap)
        if sentence is not None:
            reasons.setdefault(sentence, []).append(one.gap)
    lines = [AddedLine(sentence, failures.reason(*gaps)) for sentence, gaps in reasons.items()]
    for line, gaps in list(zip(lines, reasons.values(), strict=True))[:_PLACES]:
        yield _with_lines(f"sentence for {place_text(gaps[0])}", base, [line])
    if len(lines) > 1:
        yield _with_lines("sentences", base, lines)


def _with_lines(name: str, base: PromptCandidate, lines: Sequence[AddedLine]) -> PromptCandidate:
    text = "\n".join([base.instructions, *(one.line for one in lines)])
    return base._replace(name=name, instructions=text, added=tuple(lines))


def _with_schema_texts(
    base: PromptCandidate, schema: Schema[Any], words: SchemaWords, failures: FailureMap
) -> Iterator[PromptCandidate]:
    """Yield candidates that show the schema in another form, if the prompt shows it."""
    shown = schema_text(schema)
    if shown not in base.instructions:
        return
    ordered = _ordered(schema.document)
    if ordered is not None:
        line = AddedLine(f"order of the keys: {', '.join(ordered['properties'])}", failures.reason())
        text = base.instructions.replace(shown, _text_of(ordered))
        examples = tuple(one._replace(value=_in_order(one.value, ordered)) for one in base.examples)
        yield base._replace(name="key order", instructions=text, examples=examples, added=(line,))
    described, lines = _described(schema.document, words, failures)
    if lines:
        text = base.instructions.replace(shown, _text_of(described))
        yield base._replace(name="descriptions", instructions=text, added=tuple(lines))
    whole = words.whole()
    head, _, _ = schema_instructions(schema).partition("\n")
    if whole is not None and head in base.instructions:
        asked = head.replace("that is valid for this JSON Schema", "as described below")
        text = base.instructions.replace(head, asked).replace(shown, whole)
        line = AddedLine("the fields in words, in place of the schema", failures.reason())
        yield base._replace(name="words", instructions=text, added=(line,))


def _text_of(document: Any) -> str:
    kept = {key: part for key, part in document.items() if key not in ("$schema", "$id")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _ordered(document: Any) -> Any:
    """Return a schema with reasoning first and decisions last; None if it has this order already."""
    fields = document.get("properties") if isinstance(document, dict) else None
    if not isinstance(fields, dict):
        return None
    names = sorted(fields, key=lambda name: _rank(name, fields[name]))
    if names == list(fields):
        return None
    return {**document, "properties": {name: fields[name] for name in names}}


def _rank(name: str, field: Any) -> int:
    """Return 0 for reasoning, 2 for a decision that depends on other fields, and 1 for any other field."""
    if any(word in name.lower() for word in _REASONING):
        return 0
    is_decision = isinstance(field, dict) and (
        "enum" in field or "const" in field or field.get("type") in ("boolean", "number", "integer")
    )
    return 2 if is_decision else 1


def _in_order(value: Any, document: Any) -> Any:
    if not isinstance(value, dict):
        return value
    order = list(document["properties"])
    return {
        name: value[name]
        for name in sorted(value, key=lambda key: order.index(key) if key in order else len(order))
    }


def _described(document: Any, words: SchemaWords, failures: FailureMap) -> tuple[Any, list[AddedLine]]:
    """Return a schema with descriptions at the failing places that have none, and the descriptions."""
    copy = deepcopy(document)
    lines = []
    for one in failures.gaps:
        sentence = words.sentence(one.gap) if one.gap.place else None
        field = _inside(copy, one.gap.place or "")
        if sentence is not None and isinstance(field, dict) and "description" not in field:
            field["description"] = sentence
            lines.append(AddedLine(f"description of {one.gap.place}: {sentence}", failures.reason(one.gap)))
    return copy, lines


def _inside(document: Any, place: str) -> Any:
    """Return the schema at a place, or None if only a reference or an alternative leads to it."""
    found = document
    for token in split(place):
        found = found if isinstance(found, dict) else {}
        found = found.get("items") if token in _EVERY else (found.get("properties") or {}).get(token)
    return found


def _with_examples(
    base: PromptCandidate, schema: Schema[Any], failures: FailureMap, pool: Sequence[PoolExample]
) -> list[PromptCandidate]:
    """Return candidates with examples: chosen ones, or drawn ones if there is none to choose."""
    chosen = chosen_examples(pool, failures)
    if chosen:
        lines = [
            AddedLine(
                f"example: {one.task} -> {json.dumps(one.value, ensure_ascii=False)}", _why(one, failures)
            )
            for one in chosen
        ]
        examples = tuple(Example(one.value, one.task) for one in chosen)
        return [base._replace(name="examples", examples=examples, added=tuple(lines))]
    try:
        drawn = samples(schema, count=SHOWN)
    except DeadEnd:
        return []
    lines = [
        AddedLine(
            f"example: {json.dumps(value, ensure_ascii=False)}", f"drawn from the schema; {failures.reason()}"
        )
        for value in drawn
    ]
    examples = tuple(Example(value) for value in drawn)
    return [base._replace(name="drawn examples", examples=examples, added=tuple(lines))]


def _why(example: PoolExample, failures: FailureMap) -> str:
    shown = [one.gap for one in failures.gaps if _shows(example, one.gap)]
    return f"{example.source}; {failures.reason(*shown[:2])}"


def chosen_examples(pool: Sequence[PoolExample], failures: FailureMap) -> list[PoolExample]:
    """Return the examples that show the failing places, those of failing inputs first."""
    left, chosen = list(pool), list[PoolExample]()
    shown: dict[Gap, int] = {}
    while left and len(chosen) < SHOWN:
        known = [one.value for one in chosen]
        best = max(
            left, key=lambda one: (_gain(one, failures, shown), bool(one.gaps), one.value not in known)
        )
        chosen.append(best)
        left.remove(best)
        for one in failures.gaps:
            if _shows(best, one.gap):
                shown[one.gap] = shown.get(one.gap, 0) + 1
    return chosen


def _gain(example: PoolExample, failures: FailureMap, shown: dict[Gap, int]) -> float:
    """Return the weighted number of failing calls that an example covers. A place that is already shown counts less."""
    return sum(
        one.calls * (2.0 if one.gap in example.gaps else 1.0) / (1 + 2 * shown.get(one.gap, 0))
        for one in failures.gaps
        if _shows(example, one.gap)
    )


def _shows(example: PoolExample, gap: Gap) -> bool:
    """Return whether an example covers a gap: its input failed this way, or its value has this place."""
    if gap in example.gaps or gap.place is None:
        return True
    return _has(example.value, split(gap.place))


def _has(value: Any, tokens: Sequence[str]) -> bool:
    if not tokens:
        return True
    first, *rest = tokens
    if first == "*" and isinstance(value, list):
        return any(_has(one, rest) for one in value)
    return isinstance(value, dict) and first in value and _has(value[first], rest)
