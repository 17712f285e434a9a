# SPDX-License-Identifier: Apache-2.0
"""The hosts of tuning that are known by name: where each is, whose key it takes, and what it answers from.

To add one: a row of `export/hosts.json`, and one of `models.providers.PROVIDERS` for its address and key.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.hosts import host_of
from schema_guard.ext.tuning.jobs.job_host import JobHost
from schema_guard.models.endpoint import Endpoint, foreign_headers
from schema_guard.models.providers import KEY_VARIABLE, PROVIDERS
from schema_guard.text import clip

__all__ = ["checked_url", "connect_host"]

# Of one request; files are the largest.
_TIMEOUT_S: Final = 600.0


def connect_host(backend: str, url: str | None) -> JobHost:
    """Return a host; nothing is sent before the first call.

    The key is what `connect` would take: that of the host's own variable, or SCHEMA_GUARD_MODEL_KEY for a server
    that is named by its URL.

    Args:
        backend: One of `BACKENDS`.
        url: Where it is; None for where it is by itself.

    Raises:
        InvalidArgument: It has no address, or none that can be used, there is no key for it, or it has an API of its own.
        MissingExtra: The `openai` package is not installed.
    """
    host = host_of(backend)
    if host.guide is not None:
        raise InvalidArgument(
            f"--backend {backend}: schema_guard can't start jobs at {host.label}, which has its own API. Upload train.jsonl and "
            f"validation.jsonl as {host.guide} describes, then use connect('{backend}:NAME')"
        )
    if url is not None or backend == "openai-compatible":
        address = checked_url(url)
        key, connects, foreign = os.environ.get(KEY_VARIABLE) or None, f"{address}#", foreign_headers("")
    else:
        provider = PROVIDERS[backend]
        address, key, connects = provider.base_url(), provider.key(None), f"{backend}:"
        foreign = foreign_headers(backend)
    return JobHost(host.label, Endpoint(address, key, _TIMEOUT_S, foreign=foreign), connects)


def checked_url(url: str | None) -> str:
    """Return the URL of a server.

    Raises:
        InvalidArgument: It is none, or may hold a key.
    """
    if url is None:
        raise InvalidArgument("--url is missing: expected http://HOST:PORT/v1")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgument(f"--url {clip(repr(url))}: expected http://HOST:PORT/v1")
    if "@" in parts.netloc or parts.query:
        raise InvalidArgument(
            f"--url: expected a URL without a password or a query. Set the key in {KEY_VARIABLE}"
        )
    return url.rstrip("/")
