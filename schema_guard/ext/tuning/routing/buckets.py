# SPDX-License-Identifier: Apache-2.0
"""The bucket of an input: drawn from its keyed hash, so that one input has one bucket, today and in every process.

Rules: the key is that of the records, so that nobody outside can choose an input by its bucket: SCHEMA_GUARD_HASH_KEY, which
is the same on all machines, else that of the store. Where nothing is recorded the bucket is drawn without a key.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.interruptions import is_interruption
from schema_guard.records.rows import HASH_BYTES, keyed_hash, task_text
from schema_guard.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.values import Prompt

__all__ = ["Bucket", "Buckets"]

_HALF = HASH_BYTES
_SIZE = float(1 << (4 * _HALF))
_UNKEYED = b"schema_guard routing"

_logger = logging.getLogger("schema_guard")


class Bucket(NamedTuple):
    """Two numbers in [0, 1) that an input always draws, the one independent of the other.

    Attributes:
        branch: The tuned model is given the inputs below the share.
        shadow: Those below the shadow are asked again beside the answer.
    """

    branch: float
    shadow: float


class Buckets:
    """Draws the buckets of one router's inputs."""

    def __init__(self, name: str, store: Callable[[], Any]) -> None:
        self._name = name
        self._store = store
        self._key: bytes | None = None

    def draw(self, task: Prompt) -> Bucket:
        """Return the bucket of an input. The first draw of a process reads the store's key."""
        if self._key is None:
            self._key = self._found()
        # With the router's name, so that two routers do not part the same inputs alike.
        digits = keyed_hash(f"{self._name}\0{task_text(task)}", self._key)
        return Bucket(int(digits[:_HALF], 16) / _SIZE, int(digits[_HALF:], 16) / _SIZE)

    def _found(self) -> bytes:
        named = os.environ.get("SCHEMA_GUARD_HASH_KEY")
        if named:
            return named.encode("utf-8", "surrogateescape")
        store = self._store()
        if not isinstance(store, Store):
            return _UNKEYED
        try:
            return _key_of(store)
        except Exception as error:
            if is_interruption(error):
                raise
            _logger.warning(
                "%s: the store's key cannot be read (%s). Until this process ends, inputs are split without it",
                self._name,
                type(error).__name__,
            )
            return _UNKEYED


def _key_of(store: Store) -> bytes:
    with store.backend.reading() as snapshot:
        key = snapshot.key()
    if key is not None:
        return key
    # Nothing was ever stored: the key is made with the tables.
    session = store.backend.session()
    try:
        return session.key
    finally:
        session.close()
