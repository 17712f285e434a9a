# SPDX-License-Identifier: Apache-2.0
"""Tags of calls: the part of the traffic that they belong to, and the function of recorded calls."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from schema_guard.arguments import require_text
from schema_guard.records.identity import Tags, current_tags

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def tags(
    *, segment: str | None = None, cluster: str | None = None, function: str | None = None
) -> Iterator[None]:
    """Tag the guarded and recorded calls of a block, in this thread or task.

    Example:
        >>> from schema_guard import guard, open_store, tags
        >>> store = open_store("sqlite://", durability="sync")
        >>> ask = guard({"type": "integer"}, name="ask", store=store)(lambda prompt: "7")
        >>> with tags(segment="german", cluster="customer-12"):
        ...     ask("Wie viele?")
        7
        >>> [row["segment"] for row in store.attempts()]
        ['german']

    Args:
        segment: Segment of your traffic that the calls belong to.
        cluster: Group of related inputs, such as the inputs of one customer. Statistics count each group once.
        function: Name of the function for calls that a recorder stores. A guarded function keeps its own name.

    Raises:
        InvalidArgument: An argument is neither a str nor None.
    """
    for word, tag in (("segment", segment), ("cluster", cluster), ("function", function)):
        require_text(f"tags: {word}", tag)
    outer = current_tags.get()
    token = current_tags.set(
        Tags(segment or outer.segment, cluster or outer.cluster, function or outer.function)
    )
    try:
        yield
    finally:
        current_tags.reset(token)
