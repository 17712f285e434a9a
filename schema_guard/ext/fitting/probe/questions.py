# SPDX-License-Identifier: Apache-2.0
"""What is asked to see whether a schema is enforced: for something that the schema forbids.

Rules:
1. What a schema asks for has random parts that stand nowhere else: a reply that has them has them from the schema.
2. The prompt asks for another value, word for word: a server that hands the schema to nobody gives that one.
3. Questions are unlike one another, and those come first that a model does not keep to by itself although it is shown
   the schema: a pattern, a number of items, bounds.
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
"""Keywords that a model hardly keeps to where they are only shown to it."""

_LETTERS = "bcdfghjkmnpqrstvwxz"
_FIELD = "answer"


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    """A request whose reply tells whether a keyword is enforced.

    Attributes:
        keyword: The keyword.
        schema: The schema to send; the prompt asks for what it forbids.
        prompt: What to ask.
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
        keyword: What forbids it.
        inner: Schema of the property.
        wanted: The value that the prompt asks for.
        name: Of the property in the schema; the prompt's is always the same.
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
        count: How many, >= 1; beyond the kinds that there are each comes again with other constants.
        seed: Of the constants; None makes new ones each time.

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
    # So many that a model which is only shown the number would have to count.
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


# In this order: three requests are the first three that a provider takes.
_KINDS: tuple[Callable[[Random], ProbeQuestion], ...] = (_enum, _pattern, _items, _bounds, _name, _const)
