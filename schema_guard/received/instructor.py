# SPDX-License-Identifier: Apache-2.0
"""instructor: the reply behind a value that it gave, and the tries that its exceptions tell of."""

from __future__ import annotations

from schema_guard.received.replies import Reply, read_shape

__all__ = ["attached_reply", "last_value"]


def attached_reply(value: object) -> Reply | None:
    """Give the reply that instructor has hung on a value; None when it has hung none.

    How often it had asked is not said, and the usage is that of all its tries.
    """
    attributes = getattr(value, "__dict__", {})
    raw = attributes.get("_raw_response")
    if raw is not None:
        return (read_shape(raw) or Reply())._replace(unseen=True)
    # The first version of mirascope does not retry.
    response = attributes.get("_response")
    return None if response is None else read_shape(response)


def last_value(value: object) -> object:
    """Return the last of the values that `create_partial` collected from a stream, and any other value as it is."""
    if not isinstance(value, list) or not value:
        return value
    raw = getattr(value, "__dict__", {}).get("_raw_response")
    return value[-1] if hasattr(type(raw), "__next__") else value
