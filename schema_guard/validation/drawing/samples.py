# SPDX-License-Identifier: Apache-2.0
"""Valid instances that are always the same for a schema, for a prompt that shows what a reply looks like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.validation.drawing.demand import DeadEnd
from schema_guard.validation.drawing.drawing import document_of, first_drawn, valid_value
from schema_guard.validation.drawing.sources import FixedChoices

if TYPE_CHECKING:
    from random import Random

    from schema_guard.schema import Schema

# A prompt has no larger example.
_MOST_PARTS, _MOST_CHARS = 500, 4_000


def samples(schema: Schema[Any], *, count: int = 2) -> list[Any]:
    """Return up to *count* different valid instances, always the same for a schema.

    The schema's own `examples` come first.

    Raises:
        DeadEnd: There is none. The error has the place and the reason.
    """
    document = schema.document
    declared = document.get("examples") if isinstance(document, dict) else None
    candidates = list(declared) if isinstance(declared, list) else []
    drawn = document_of(schema)
    first: DeadEnd | None = None
    for variant in range(2 * count):
        try:
            candidates.append(valid_value(schema, drawn, FixedChoices(variant), most=_MOST_PARTS)[0])
        except DeadEnd as end:
            first = first or end
    instances: list[Any] = []
    for value in candidates:
        if value not in instances and len(json.dumps(value)) <= _MOST_CHARS and _is_valid(value, schema):
            instances.append(value)
    if not instances:
        raise first or DeadEnd("the values are too large")
    return instances[:count]


def sample(schema: Schema[Any], random: Random) -> Any:
    """Return the first of the samples. If there is none, return an instance that is drawn by chance.

    Raises:
        InvalidArgument: None was found.
    """
    try:
        return samples(schema, count=1)[0]
    except DeadEnd:
        document = document_of(schema)
        return first_drawn(
            schema, lambda source: valid_value(schema, document, source)[0], random, "instance"
        )


def _is_valid(value: Any, schema: Schema[Any]) -> bool:
    try:
        return schema.is_valid(value)
    except InvalidArgument:
        # Beyond a limit of replies, such as an infinite number.
        return False
