# SPDX-License-Identifier: Apache-2.0
"""Ray: its module, a connection to a cluster, pickled models, and one cached value in each worker."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def ray_module(what: str) -> Any:
    """Return the module `ray`. A Ray that this process starts sends no usage statistics to its makers.

    Args:
        what: Name of the feature that needs it, for the message.

    Raises:
        MissingExtra: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise missing_extra(what, "ray", "ray") from error


@contextmanager
def connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to a cluster. An existing connection stays open."""
    if ray.is_initialized():
        if address is not None:
            raise InvalidArgument(
                f"address={address!r}: this process is already connected to a Ray cluster. Use address=None"
            )
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None and not os.environ.get("RAY_ADDRESS"):
        quiet["include_dashboard"] = False
    try:
        ray.init(address=address, **quiet)
    # RuntimeError: the cluster has another version of Ray or of Python.
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InvalidArgument(
            f"connecting to the Ray cluster {address!r} failed: {clip(str(error), 200)}. Check the address"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def pickled(name: str, model: Any) -> bytes:
    """Return a model in a form for workers.

    Raises:
        InvalidArgument: The model has parts that can't be sent, such as connections.
    """
    try:
        pickle: bytes = import_module("ray").cloudpickle.dumps(model)
    except Exception as error:
        raise InvalidArgument(
            f"model {name} can't be sent to the Ray workers ({clip(str(error))}). Pass the name of the model, as for connect()"
        ) from error
    return pickle


def once(key: str, make: Callable[[], Any]) -> Any:
    """Return the value for a key from the cache of this process, or make it. The cache has only the last key."""
    if key not in _cache:
        _cache.clear()
        _cache[key] = make()
    return _cache[key]


_cache: dict[str, Any] = {}
