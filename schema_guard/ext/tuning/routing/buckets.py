# SPDX-License-Identifier: Apache-2.0
"""The bucket of an input, drawn from its keyed hash. One input has the same bucket in every process.

Rules: the key is that of the records, so nobody outside can choose the bucket of an input. It is SCHEMA_GUARD_HASH_KEY, which
is the same on all machines, or the key of the store. If nothing is recorded, buckets are drawn without a key.
"""

from __future__ import annotations

import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption
from schema_guard.records.rows import HASH_BYTES, keyed_hash, task_text
from schema_guard.records.store import Store

if TYPE_CHECKING:
    from schema_guard.values import Prompt

__all__ = ["Bucket", "bucket_of", "routing_key"]

_HALF = HASH_BYTES
_SIZE = float(1 << (4 * _HALF))
_UNKEYED = b"schema_guard routing"

_logger = logging.getLogger("schema_guard")


class Bucket(NamedTuple):
    """Two independent numbers in [0, 1) of an input.

    Attributes:
        branch: Below the share, the tuned model answers.
        shadow: Below the share of shadows, the tuned model is also asked beside the answer.
    """

    branch: float
    shadow: float


def bucket_of(name: str, task: Prompt, key: bytes) -> Bucket:
    """Return the bucket of an input. The name of the router is hashed too, so that routers split inputs differently."""
    digits = keyed_hash(f"{name}\0{task_text(task)}", key)
    return Bucket(int(digits[:_HALF], 16) / _SIZE, int(digits[_HALF:], 16) / _SIZE)


def routing_key(name: str, store: Any) -> bytes:
    """Return the key of a router's buckets. It may read the store."""
    named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
    if named:
        return named.encode("utf-8", "surrogateescape")
    try:
        return _key_of(store) if isinstance(store, Store) else _UNKEYED
    except Exception as error:
        if is_interruption(error):
            raise
        _logger.warning(
            "%s: the store's key cannot be read (%s). Until this process ends, inputs are split without it",
            name,
            type(error).__name__,
        )
        return _UNKEYED


def _key_of(store: Store) -> bytes:
    with store.backend.reading() as snapshot:
        key = snapshot.key()
    if key is not None:
        return key
    # Nothing was ever stored: the key is made with the tables.
    with closing(store.backend.session()) as session:
        return session.key
