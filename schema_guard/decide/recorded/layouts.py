# SPDX-License-Identifier: Apache-2.0
"""The layout of a function's prompts in its records, and the trials that measured this layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.prompt import Layout, improved_prompt_of, layout_of
from schema_guard.decide.recorded.configurations import asks_tuned, is_trial, last_call, settings_of
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records import ConfigurationCounts
    from schema_guard.schema import Schema

__all__ = ["RecordedRequests", "of_layout_in_use", "requests_of"]


class RecordedRequests(NamedTuple):
    """How a function sends its requests, as far as its records show it.

    Attributes:
        layout: Of the prompts.
        output_tokens: The output limit of the first attempt; None for none.
    """

    layout: Layout
    output_tokens: int | None


def requests_of(
    rows: Iterable[ConfigurationCounts], schemas: Iterable[Schema[Any]], function: str | None
) -> dict[str, RecordedRequests]:
    """Return what trials of each schema have to send, by the schema's fingerprint. Schemas without a function are left out.

    Args:
        rows: Of a store.
        schemas: The schemas of the trials.
        function: The function that the trials are for. Default: the only function of a schema.
    """
    own = [row for row in rows if not is_trial(row)]
    requests = {}
    for schema in schemas:
        of_schema = [row for row in own if row.schema_fingerprint == schema.fingerprint]
        names = {row.function for row in of_schema} if function is None else {function}
        named = [row for row in of_schema if row.function in names] or [
            row for row in own if row.function == function
        ]
        latest = _latest(named) if len(names) == 1 else None
        layout = None if latest is None else layout_of(latest.settings)
        if latest is not None and layout is not None:
            limits = settings_of(latest).get("limits", {})
            requests[schema.fingerprint] = RecordedRequests(layout, limits.get("output_tokens"))
    return requests


def _latest(rows: Iterable[ConfigurationCounts]) -> ConfigurationCounts | None:
    """Return the row of a function's latest calls with a prompt; None if no layout is known, as for observed functions."""
    own = [row for row in rows if not is_trial(row) and layout_of(row.settings) is not None]
    return max([row for row in own if not asks_tuned(row)] or own, key=last_call, default=None)


def of_layout_in_use(rows: Sequence[ConfigurationCounts], notes: list[str]) -> list[ConfigurationCounts]:
    """Leave out the trials in another layout than that of the function, because they measured other requests."""
    latest = _latest(rows)
    used = None if latest is None else layout_of(latest.settings)
    others = [
        row
        for row in rows
        if used is not None
        and is_trial(row)
        and not asks_tuned(row)
        # The layout of an improved prompt is a part of the prompt.
        and improved_prompt_of(row.settings) is None
        and layout_of(row.settings) not in (None, used)
    ]
    if others:
        calls, layouts = sum(row.calls for row in others), {str(layout_of(row.settings)) for row in others}
        notes.append(
            f"{plural(calls, 'call')} of trials not counted, because their layout is {' or '.join(sorted(layouts))} and the function's is {used}"
        )
    compared = [row for row in rows if row not in others]
    if used == "instructions" and any(is_trial(row) and not asks_tuned(row) for row in compared):
        notes.append(
            "the function builds its own prompts (layout instructions), so the trials sent the same text about the "
            "format, without the function's own instructions"
        )
    return compared
