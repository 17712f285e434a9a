# SPDX-License-Identifier: Apache-2.0
"""The texts of the schemas of recorded calls in a process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.records.rows import COLUMNS
from schema_guard.records.values import SchemaText
from schema_guard.schema import living

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.rows import Row
    from schema_guard.schema import Schema

_MOST_TEXTS = 1_000
_FINGERPRINT = COLUMNS.index("schema_fingerprint")


class SchemaTexts:
    """Texts that a process has stored, and those that it has yet to store."""

    def __init__(self) -> None:
        self._fingerprints: set[object] = set()
        self._stored: set[tuple[str, str]] = set()
        self._coming: list[tuple[str, str]] = []

    def of(self, rows: Sequence[Row]) -> list[SchemaText]:
        """Return the texts that are not stored yet, of the schemas of these rows and of earlier rows.

        If several schemas have the same name and fingerprint, a process stores the first, because the form that is sent
        to a provider is built later. A process that builds a schema for each call stores only the first thousand. A
        schema that is deleted before its first call is written leaves no text.
        """
        if len(self._stored) >= _MOST_TEXTS:
            self._coming = []
            return []
        self._fingerprints.update([row[_FINGERPRINT] for row in rows])
        schemas = [one for ref in living.valuerefs() if (one := ref()) is not None]
        new: dict[tuple[str, str], Schema[Any]] = {}
        for one in schemas:
            key = one.fingerprint, one.name
            if one.fingerprint in self._fingerprints and key not in self._stored:
                new.setdefault(key, one)
        self._coming = list(new)
        return [SchemaText(one.fingerprint, one.name, _text(one.document)) for one in new.values()]

    def note_stored(self) -> None:
        """Record that the last texts that `of` returned are stored."""
        self._stored.update(self._coming)


def _text(document: Any) -> str:
    """Return the compact JSON of a schema. Its keys keep their order, because prompts have them in this order."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
