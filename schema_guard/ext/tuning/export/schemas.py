# SPDX-License-Identifier: Apache-2.0
"""The document of a schema of which a store has the name: in the prompts that showed it.

A store keeps a schema's name and fingerprint. What is found in a prompt is that schema when it has the fingerprint, and
nothing else is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.tuning.export.from_store import StoredCall

__all__ = ["plain_schema", "shown_schema"]

# What a prompt does not show of a document.
_DIALECTS = (
    None,
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-04/schema#",
)
_MOST_READ = 50


def plain_schema(schema: Schema[Any]) -> Schema[Any]:
    """Give a schema whose values are plain JSON, whatever Python type it was made of."""
    try:
        plain = Schema.of(schema.document, name=schema.name, formats=schema.formats, allow_unknown=True)
    except InvalidSchema:
        return schema  # with resources of its own, so a document
    return plain if plain.fingerprint == schema.fingerprint else schema


def shown_schema(recorded: Iterable[StoredCall], names: tuple[str, ...]) -> Schema[Any] | None:
    """Find the document of a schema in recorded prompts; None where none shows it.

    Args:
        recorded: Calls; the first ones with texts are looked at.
        names: The name or fingerprint that is meant, one of them is enough.
    """
    looked_at = 0
    for call in recorded:
        first, texts = call.attempts[0], call.texts[0]
        if texts is None or not {first["schema_name"], first["schema_fingerprint"]} & set(names):
            continue
        looked_at += 1
        for document in _documents(texts.prompt):
            schema = _with_fingerprint(document, first["schema_fingerprint"], first["schema_name"])
            if schema is not None:
                return schema
        if looked_at == _MOST_READ:
            break
    return None


def _documents(prompt: Any) -> Iterator[dict[str, Any]]:
    """Give the objects that stand in lines of their own."""
    texts = [prompt] if isinstance(prompt, str) else [message.get("content") for message in prompt or ()]
    for text in texts:
        for line in text.split("\n") if isinstance(text, str) else ():
            if line.startswith("{") and line.endswith("}"):
                try:
                    document = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(document, dict):
                    yield document


def _with_fingerprint(document: dict[str, Any], fingerprint: str, name: str) -> Schema[Any] | None:
    for dialect in _DIALECTS:
        whole = document if dialect is None else {"$schema": dialect, **document}
        try:
            schema = Schema.of(whole, name=name, allow_unknown=True)
        except InvalidSchema:
            continue
        if schema.fingerprint == fingerprint:
            return schema
    return None
