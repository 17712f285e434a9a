# SPDX-License-Identifier: Apache-2.0
"""Tags of guarded calls: which part of the traffic they belong to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from schema_guard.calls.identity import Tags, current_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["tags"]


@contextmanager
def tags(*, segment: str | None = None, cluster: str | None = None) -> Iterator[None]:
    """Tag the guarded calls of a block, in this thread or task.

    Args:
        segment: Part of the traffic that they belong to.
        cluster: Inputs that belong together for statistics.
    """
    outer = current_tags.get()
    token = current_tags.set(Tags(segment or outer.segment, cluster or outer.cluster))
    try:
        yield
    finally:
        current_tags.reset(token)
