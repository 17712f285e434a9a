# SPDX-License-Identifier: Apache-2.0
"""A store written into a file: its attempts in the order of storing, with what stands beside them."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from schema_guard.records.reading import pages
from schema_guard.records.transfer import forms
from schema_guard.records.transfer.entries import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.rows import Row
    from schema_guard.records.transfer.forms import Form

__all__ = ["beside_of", "export"]

_FUNCTION, _SCHEMA_NAME, _SCHEMA_FINGERPRINT = 0, 1, 2  # of `CONFIGURATION_COLUMNS`


def export(
    backend: Backend,
    stream: IO[bytes],
    *,
    form: Form,
    where: Where,
    release: str,
    on_step: Callable[[int], None] | None = None,
) -> int:
    """Write the attempts of a store that are stored now, a page at a time.

    Args:
        backend: The store.
        stream: Where to.
        form: As which.
        where: Which calls.
        release: Of this library.
        on_step: Is told after each page how many attempts it had.

    Returns:
        How many attempts there were.

    Raises:
        StoreError: The store cannot be read.
        MissingExtra: Parquet was asked for and pyarrow is not installed.
    """

    def read() -> Iterator[list[Row]]:
        for page in pages(backend, where):
            yield [row for _, row in page]
            if on_step is not None:
                on_step(len(page))

    return forms.write(form, beside_of(backend, where), read(), stream, release)


def beside_of(backend: Backend, where: Where) -> Beside:
    """Give what a store has beside the attempts in question.

    Declarations go by schema and function, whatever the times. Counts of drops go by time, and nobody knows of which
    schema or function they were: where those are named there are none.
    """
    with backend.reading() as snapshot:
        keys, declared, drops = snapshot.keys(), snapshot.every_declaration(), snapshot.every_drop()
        configurations = snapshot.configuration_ids()
    if where.schema is not None:
        fingerprints = {
            one[_SCHEMA_FINGERPRINT] for one in configurations if where.schema == one[_SCHEMA_NAME]
        } | {where.schema}
        declared = [one for one in declared if one.schema_fingerprint in fingerprints]
    if where.function is not None:
        names = (None, where.function)
        declared = [
            one._replace(
                rungs=tuple(rung for rung in one.rungs if rung.function in names),
                targets=tuple(target for target in one.targets if target.function in names),
            )
            for one in declared
        ]
    if where.schema is not None or where.function is not None:
        drops = []
    since, until = where.since, where.until
    drops = [one for one in drops if (since is None or one.at >= since) and (until is None or one.at < until)]
    return Beside(keys, tuple(one for one in declared if one.rungs or one.targets), tuple(drops))
