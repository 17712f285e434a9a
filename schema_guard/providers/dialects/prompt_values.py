# SPDX-License-Identifier: Apache-2.0
"""Prompt values: the objects that LangChain's prompt templates pass on, with a text or messages in them."""

from __future__ import annotations

from typing import Any

from schema_guard.interruptions import value_or
from schema_guard.providers.dialects.dialect import with_field
from schema_guard.providers.fields import field

__all__ = ["content_of", "with_content"]


def content_of(value: Any) -> Any:
    """Return the text of a prompt value, or its messages; the value itself if it cannot be read."""
    text = field(value, "text")
    return text if isinstance(text, str) else value_or(value, lambda: list(value.to_messages()))


def with_content(value: Any, content: Any) -> Any:
    """Return a copy of a prompt value with another content; the content alone if no copy can have it."""
    name = "text" if isinstance(content, str) else "messages"
    return content if field(value, name) is None else with_field(value, name, content) or content
