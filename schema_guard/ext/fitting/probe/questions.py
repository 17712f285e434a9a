# SPDX-License-Identifier: Apache-2.0
"""Questions that show whether a schema is enforced, because they ask for a value that the schema forbids.

Rules:
1. A schema requires random parts that occur nowhere else. If a reply has them, they come from the schema.
2. The prompt asks for another value, word for word. A server that ignores the schema returns that value.
3. The questions differ from one another. Among the first are keywords that a model hardly matches on its own, even if
   it reads the schema: a pattern, a number of items, and bounds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.linting import lint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HARD = frozenset({"pattern", "minItems", "minimum"})
"""Keywords that a model rarely obeys if it only sees them in the prompt."""

_LETTERS = "bcdfghjkmnpqrstvwxz"
_FIELD = "answer"


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    """A request whose reply shows whether a keyword is enforced.

    Attributes:
        keyword: The keyword.
        schema: Schema to send.
        prompt: Prompt to send, which asks for a value that the schema forbids.
    """

    keyword: str
    schema: dict[str, Any]
    prompt: str


def prompt_of(value: Any) -> str:
    """Return a prompt that asks for a value and for nothing else."""
    return f"Reply with exactly this JSON and nothing else:\n{json.dumps(value)}"


def forbidding(keyword: str, inner: Mapping[str, Any], wanted: Any, *, name: str = _FIELD) -> ProbeQuestion:
    """Return the question whose prompt asks for a value of one property that its schema forbids.

    Args:
        keyword: Keyword that forbids the value.
        inner: Schema of the property.
        wanted: Value that the prompt asks for.
        name: Name of the property in the schema. The name in the prompt is always the same.
    """
    schema = {
        "type": "object",
        "properties": {name: dict(inner)},
        "required": [name],
        "additionalProperties": False,
    }
    return ProbeQuestion(keyword, schema, prompt_of({_FIELD: wanted}))


def enforcement_questions(provider: str, count: int, seed: int | None = None) -> list[ProbeQuestion]:
    """Return different questions for a provider, with keywords that it enforces by its rules.

    Args:
        provider: A key of `PROVIDER_OPTIONS`.
        count: Number of questions, at least 1. After the last kind, each kind is repeated with other constants.
        seed: Seed of the constants. None makes new constants each time.

    Raises:
        InvalidArgument: The provider enforces none of the keywords, by its rules.
    """
    random = SystemRandom() if seed is None else Random(seed)
    kinds = [make for make in _KINDS if not lint(in_form(make(random), provider).schema, provider)]
    if not kinds:
        raise InvalidArgument(
            f"provider={provider!r}: this provider enforces no keyword that a probe can test. Name another provider"
        )
    return [in_form(make(random), provider) for make in islice(cycle(kinds), count)]


def in_form(question: ProbeQuestion, provider: str) -> ProbeQuestion:
    """Return a question with an object around its value in the provider's form. Some providers refuse closed objects."""
    closed = lint({**question.schema, "properties": {}, "required": []}, provider)
    if not any(finding.keyword == "additionalProperties" for finding in closed):
        return question
    schema = {word: value for word, value in question.schema.items() if word != "additionalProperties"}
    return replace(question, schema=schema)


def _word(random: Random) -> str:
    return "".join(random.choices(_LETTERS, k=6)) + str(random.randrange(100, 1000))


def _enum(random: Random) -> ProbeQuestion:
    return forbidding("enum", {"type": "string", "enum": [_word(random), _word(random)]}, "yellow")


def _pattern(random: Random) -> ProbeQuestion:
    return forbidding("pattern", {"type": "string", "pattern": f"^{_word(random)}-[0-9]{{3}}$"}, "Paris")


def _items(random: Random) -> ProbeQuestion:
    # So many items that a model which only reads the number would have to count.
    count = random.randrange(31, 48)
    inner = {"type": "array", "items": {"type": "boolean"}, "minItems": count, "maxItems": count}
    return forbidding("minItems", inner, [True])


def _bounds(random: Random) -> ProbeQuestion:
    least = random.randrange(100_000, 900_000)
    return forbidding("minimum", {"type": "integer", "minimum": least, "maximum": least + 9}, 12)


def _name(random: Random) -> ProbeQuestion:
    return forbidding("properties", {"type": "boolean"}, True, name=_word(random))


def _const(random: Random) -> ProbeQuestion:
    return forbidding("const", {"type": "string", "const": _word(random)}, "seven")


# The order matters, because three requests have the first three kinds that a provider enforces.
_KINDS: tuple[Callable[[Random], ProbeQuestion], ...] = (_enum, _pattern, _items, _bounds, _name, _const)
