# SPDX-License-Identifier: Apache-2.0
"""Pydantic's models, known by their shape: their own schemas and their own validation."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def adapter_of(annotation: Any) -> Any:
    """Give Pydantic's adapter for a model, a Pydantic dataclass or an adapter; None for everything else."""
    if hasattr(annotation, "validate_json") and hasattr(annotation, "json_schema"):
        return annotation
    pydantic = sys.modules.get("pydantic")
    if (
        pydantic is None
        or not isinstance(annotation, type)
        or not hasattr(annotation, "__pydantic_validator__")
    ):
        return None
    return pydantic.TypeAdapter(annotation)


def schema_of(adapter: Any, *, loosely: bool = False, **settings: Any) -> Any:
    """Give a model's schema as Pydantic makes it.

    Args:
        adapter: Of the model.
        loosely: Whether dates and times have no format, for the model itself reads more forms of them.
        settings: As `TypeAdapter.json_schema` takes them.
    """
    json_schema = sys.modules.get("pydantic.json_schema") if loosely else None
    if json_schema is not None:
        settings["schema_generator"] = _loose(json_schema.GenerateJsonSchema)
    return adapter.json_schema(**settings)


def _loose(generator: Any) -> type:
    """Give a generator of schemas that says no format where the type reads dates and times."""

    def without_format(name: str) -> Callable[[Any, Any], Any]:
        def made(self: Any, schema: Any) -> Any:
            document = getattr(generator, name)(self, schema)
            return {word: part for word, part in document.items() if word != "format"}

        return made

    kinds = ("date_schema", "datetime_schema", "time_schema", "timedelta_schema")
    return type("LooseSchema", (generator,), {name: without_format(name) for name in kinds})


class ModelRestore:
    """What makes a model of a valid value.

    Attributes:
        of_text: Makes it of the JSON text of the value.
    """

    def __init__(self, adapter: Any) -> None:
        # The adapter's own method does no more than pass its arguments on, in 0.3 us.
        self.of_text: Callable[[str], Any] = getattr(adapter, "validator", adapter).validate_json

    def __call__(self, value: Any) -> Any:
        """Make a model of a value."""
        # JSON mode, for a strict model refuses in Python mode what JSON has no type for, such as dates.
        return self.of_text(json.dumps(value))
