# SPDX-License-Identifier: Apache-2.0
"""The hosts of tuning that are known by name: where each is, whose key it takes, and what it answers from.

To add one: a row of `HOSTS`, one of `models.providers.PROVIDERS` for its address and key, one of `export/hosts.json`
for what it refuses, and where it has another API than OpenAI's a file beside `openai_host`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.jobs.fireworks_host import FireworksHost
from schema_guard.ext.tuning.jobs.openai_host import OpenAIHost
from schema_guard.ext.tuning.jobs.together_host import TogetherHost
from schema_guard.ext.tuning.jobs.wire import Wire
from schema_guard.models.endpoint import Endpoint, foreign_headers
from schema_guard.models.providers import KEY_VARIABLE, PROVIDERS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.ext.tuning.jobs.host_api import HostApi

__all__ = ["HOSTS", "MESSAGES", "HostRules", "checked_url", "connect_host"]

_MIB: Final = 1024 * 1024
# Of one request; files are the largest.
_TIMEOUT_S: Final = 600.0
_INFERENCE: Final = "/inference/v1"


@dataclass(frozen=True, kw_only=True)
class HostRules:
    """A host of tuning; what it refuses of rows stands in `export.hosts`.

    Attributes:
        label: As people write it.
        make: Makes it, of a connection and of what stands before a model's name for `connect`.
        most_bytes: Of a file that is uploaded in one request; None for what the host takes altogether.
        spellings: Keys of a row that it takes, of which one file has one; None where they are not known.
        deployment: What has to be done before a tuned model answers; None where it answers by itself.
        hosting: The price of the dated table that the deployment has for an hour; None where there is none.
    """

    label: str
    make: Callable[[Wire, str], HostApi]
    most_bytes: int | None = None
    spellings: tuple[frozenset[str], ...] | None = None
    deployment: str | None = None
    hosting: str | None = None


MESSAGES: Final = frozenset({"messages"})
_COMPLETION: Final = frozenset({"prompt", "completion"})

HOSTS: Final[Mapping[str, HostRules]] = {
    "openai": HostRules(
        label="OpenAI",
        make=OpenAIHost,
        spellings=(MESSAGES,),
    ),
    "azure": HostRules(
        label="Azure OpenAI",
        make=OpenAIHost,
        spellings=(MESSAGES,),
        deployment="a deployment of it, made in the portal or by the control plane; charged by the hour whether it is called or not",
    ),
    "together": HostRules(
        label="Together",
        make=TogetherHost,
        most_bytes=5 * 1024 * _MIB,
        spellings=(MESSAGES, _COMPLETION),
        deployment="a dedicated endpoint for it",
        hosting="host one H100",
    ),
    "fireworks": HostRules(
        label="Fireworks",
        make=FireworksHost,
        most_bytes=150_000_000,
        spellings=(MESSAGES,),
        deployment="a dedicated deployment of its base model, with the LoRA on it",
        hosting="host one A100",
    ),
    "openai-compatible": HostRules(label="the server", make=OpenAIHost),
}
"""Each host by the name that `--backend` takes."""


def connect_host(backend: str, url: str | None) -> HostApi:
    """Give a host; nothing is sent before the first call.

    The key is what `connect` would take: that of the host's own variable, or SCHEMA_GUARD_MODEL_KEY for a server
    that is named by its URL.

    Args:
        backend: A key of `HOSTS`.
        url: Where it is; None for where it is by itself.

    Raises:
        InvalidArgument: It has no address, or none that can be used, or there is no key for it.
        MissingExtra: The `openai` package is not installed.
    """
    rules = HOSTS[backend]
    if url is not None or backend == "openai-compatible":
        address = checked_url(url)
        endpoint = Endpoint(
            address, os.environ.get(KEY_VARIABLE) or None, _TIMEOUT_S, foreign=foreign_headers("")
        )
        answers_at = f"{address}{_INFERENCE}" if backend == "fireworks" else address
        return rules.make(Wire(rules.label, endpoint), f"{answers_at}#")
    provider = PROVIDERS[backend]
    base = provider.base_url()
    # Fireworks answers behind another path than the one at which it is managed.
    address = base.removesuffix(_INFERENCE) if backend == "fireworks" else base
    own = "openai" if backend == "openai" else backend
    endpoint = Endpoint(address, provider.key(None), _TIMEOUT_S, foreign=foreign_headers(own))
    return rules.make(Wire(rules.label, endpoint), f"{backend}:")


def checked_url(url: str | None) -> str:
    """Give the URL of a server.

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
            f"--url: expected one without a password or a query: the key goes into {KEY_VARIABLE}"
        )
    return url.rstrip("/")
