# SPDX-License-Identifier: Apache-2.0
"""An attempt on its way out of a store or into one, with its texts and the facts about its call."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.transfer.columns import CONTENT, TEXTS, row_of
from schema_guard.ext.transfer.content import content_of, read_content
from schema_guard.ext.transfer.texts import read_texts, texts_as_json
from schema_guard.records.attempts import as_dict
from schema_guard.records.counts.calls import calls, whole_calls
from schema_guard.records.reading import pages
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.ext.transfer.texts import TextsAs
    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row

__all__ = ["Moved", "moved_calls", "moved_of", "read_moved"]

_CALL_ID, _NUMBER = COLUMNS.index("call_id"), COLUMNS.index("number")


class Moved(NamedTuple):
    """An attempt.

    Attributes:
        row: The values of `COLUMNS`.
        texts: Its texts. None if there are none, or if they are not moved.
        content: The facts about the values of its call, at its first attempt. None if there are none.
    """

    row: Row
    texts: Texts | None = None
    content: dict[str, Any] | None = None

    @property
    def call_id(self) -> str:
        """The id of its call."""
        return str(self.row[_CALL_ID])

    def as_fields(self, texts: TextsAs | None) -> dict[str, Any]:
        """Return it by the names of its fields, in the types of JSON.

        Args:
            texts: How to write its texts. None writes none.
        """
        fields = as_dict(self.row)
        fields["final"] = bool(fields["final"])
        if texts is not None:
            fields[TEXTS] = None if self.texts is None else texts_as_json(self.texts, texts)
        if self.content is not None:
            fields[CONTENT] = self.content
        return fields


def read_moved(fields: Mapping[str, Any]) -> Moved:
    """Return an imported attempt.

    Raises:
        FieldFault: A field is missing or not known, or does not hold what it should.
    """
    return Moved(row_of(fields), read_texts(fields.get(TEXTS)), read_content(fields.get(CONTENT)))


def moved_of(backend: Backend, rows: Sequence[Row], *, with_texts: bool, with_content: bool) -> list[Moved]:
    """Return attempts of a store with all that the store has of them."""
    call_ids = list(dict.fromkeys(str(row[_CALL_ID]) for row in rows))
    with backend.reading() as snapshot:
        stored = snapshot.texts(call_ids) if with_texts else ()
        content = content_of(snapshot.connection, call_ids) if with_content else {}
    texts: dict[tuple[Any, Any], Texts] = {(one.call_id, one.number): one for one in stored}
    return [
        Moved(
            row,
            texts.get((str(row[_CALL_ID]), row[_NUMBER])),
            content.get(str(row[_CALL_ID])) if row[_NUMBER] == 1 else None,
        )
        for row in rows
    ]


def moved_calls(
    backend: Backend, where: Where, *, with_texts: bool, with_content: bool = True
) -> Iterator[list[Moved]]:
    """Yield the attempts of each call of a store, in the order of storing."""
    for page in whole_calls(pages(backend, where)):
        attempts = iter(
            moved_of(backend, [row for _, row in page], with_texts=with_texts, with_content=with_content)
        )
        for call in calls(page):
            yield list(islice(attempts, len(call)))
