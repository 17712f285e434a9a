# SPDX-License-Identifier: Apache-2.0
"""instructor: the reply behind a value that it gave, and the tries that its exceptions tell of."""

from __future__ import annotations

from schema_guard.received.replies import Reply, read_shape

__all__ = ["attached_reply"]


def attached_reply(value: object) -> Reply | None:
    """Give the reply that instructor has hung on a value; None when it has hung none.

    How often it had asked is not said, and the usage is that of all its tries.
    """
    raw = getattr(value, "__dict__", {}).get("_raw_response")
    if raw is None:
        return None
    return (read_shape(raw) or Reply())._replace(unseen=True)
