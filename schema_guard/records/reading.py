# SPDX-License-Identifier: Apache-2.0
"""Reading the attempts of a store page by page, so that a long read keeps no transaction open.

Attempts are only ever appended. So pages up to the `id` that was the last one at the beginning show one state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.counts.calls import StoredRow


def pages(backend: Backend, where: Where, *, first: int = 0) -> Iterator[list[StoredRow]]:
    """Yield the attempts that are stored now, from an `id` on, in order.

    A page is read at a time: an open read would keep the log from being checkpointed.
    """
    with backend.reading() as snapshot:
        least, last = snapshot.span(where)
    first = max(first, least)
    while True:
        with backend.reading() as snapshot:
            rows = snapshot.page(where, first=first, last=last)
        if not rows:
            return
        yield rows
        first = rows[-1][0] + 1
