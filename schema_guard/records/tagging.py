# SPDX-License-Identifier: Apache-2.0
"""Tags of calls: which part of the traffic they belong to, and whose the recorded ones are."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from schema_guard.arguments import require_text
from schema_guard.records.identity import Tags, current_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["tags"]


@contextmanager
def tags(
    *, segment: str | None = None, cluster: str | None = None, function: str | None = None
) -> Iterator[None]:
    """Tag the guarded and the recorded calls of a block, in this thread or task.

    Args:
        segment: Part of the traffic that they belong to.
        cluster: Inputs that belong together for statistics.
        function: What records call whatever makes the calls that a recorder sees. A guarded function keeps its own
            name.

    Raises:
        InvalidArgument: One of them is neither a str nor None.
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
