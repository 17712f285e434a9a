# SPDX-License-Identifier: Apache-2.0
"""What to return instead of a value that cannot be judged, by the kind of value; its content is never told."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Final

from schema_guard.providers.fields import field
from schema_guard.text import clip

__all__ = ["advice_for"]

_SCALARS: Final = (bool, int, float)


def advice_for(value: object) -> str | None:
    """Say what a function gave that is no reply, and what to return instead; None where only its type is known."""
    if value is None:
        return (
            "the function gave None, not a model's reply: return the reply or its text; where the model found nothing, "
            "return its text, null"
        )
    advice = _advice(value)
    if advice is None:
        return None
    return f"the function gave a value of type {clip(type(value).__name__)!r}, not a model's reply: {advice}"


def _advice(value: object) -> str | None:  # noqa: PLR0911 - one line a kind of value
    kind = type(value)
    if isinstance(value, _SCALARS):
        return "the schema's own type is another: return the reply or its text"
    if isinstance(value, tuple | set | frozenset):
        return "return the reply, its text, or list(...) of it"
    if callable(getattr(kind, "model_dump", None)):
        name = clip(kind.__name__)
        return f"return the reply, guard({name}), or return value.model_dump(mode='json')"
    if is_dataclass(kind):
        return f"return the reply, guard({clip(kind.__name__)}), or return dataclasses.asdict(value)"
    if field(value, "http_response") is not None:
        return "return its await .parse(), or .parse() once the body is read"
    if callable(getattr(kind, "json", None)) and (field(value, "status_code") or field(value, "status")):
        return "read its body first: return response.text, or await response.text()"
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return "return the reply, its text, or dict(...) of it"
    return None
