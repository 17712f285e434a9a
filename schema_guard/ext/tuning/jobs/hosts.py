# SPDX-License-Identifier: Apache-2.0
"""The hosts of tuning that are known by name: where each is, whose key it takes, and what it answers from.

To add one: a row of `HOSTS`, one of `models.providers.PROVIDERS` for its address and key, one of `export/hosts.json`
for its limits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.jobs.job_host import JobHost
from schema_guard.models.endpoint import Endpoint, foreign_headers
from schema_guard.models.providers import KEY_VARIABLE, PROVIDERS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOSTS", "MESSAGES", "HostRules", "checked_url", "connect_host"]

_MIB: Final = 1024 * 1024
# Of one request; files are the largest.
_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class HostRules:
    """A host of tuning; what it refuses of rows stands in `export.hosts`.

    Attributes:
        label: As people write it.
        most_bytes: Of a file that is uploaded in one request; None for what the host takes altogether.
        spellings: Keys of a row that it takes, of which one file has one; None where they are not known.
        deployment: What has to be done before a tuned model answers; None where it answers by itself.
        hosting: The price of the dated table that the deployment has for an hour; None where there is none.
        guide: The page about tuning jobs of a host with an API of its own, whose jobs are planned here and begun there.
    """

    label: str
    most_bytes: int | None = None
    spellings: tuple[frozenset[str], ...] | None = None
    deployment: str | None = None
    hosting: str | None = None
    guide: str | None = None


MESSAGES: Final = frozenset({"messages"})
_COMPLETION: Final = frozenset({"prompt", "completion"})

HOSTS: Final[Mapping[str, HostRules]] = {
    "openai": HostRules(
        label="OpenAI",
        spellings=(MESSAGES,),
    ),
    "azure": HostRules(
        label="Azure OpenAI",
        spellings=(MESSAGES,),
        deployment="a deployment of it, made in the portal or by the control plane; charged by the hour whether it is called or not",
    ),
    "together": HostRules(
        label="Together",
        most_bytes=5 * 1024 * _MIB,
        spellings=(MESSAGES, _COMPLETION),
        deployment="a dedicated endpoint for it",
        hosting="host one H100",
        guide="docs.together.ai/docs/fine-tuning/quickstart",
    ),
    "fireworks": HostRules(
        label="Fireworks",
        most_bytes=150_000_000,
        spellings=(MESSAGES,),
        deployment="a dedicated deployment of its base model, with the LoRA on it",
        hosting="host one A100",
        guide="docs.fireworks.ai/fine-tuning/fine-tuning-models",
    ),
    "openai-compatible": HostRules(label="the server"),
}
"""Each host by the name that `--backend` takes."""


def connect_host(backend: str, url: str | None) -> JobHost:
    """Give a host; nothing is sent before the first call.

    The key is what `connect` would take: that of the host's own variable, or SCHEMA_GUARD_MODEL_KEY for a server
    that is named by its URL.

    Args:
        backend: A key of `HOSTS`.
        url: Where it is; None for where it is by itself.

    Raises:
        InvalidArgument: It has no address, or none that can be used, there is no key for it, or it has an API of its own.
        MissingExtra: The `openai` package is not installed.
    """
    rules = HOSTS[backend]
    if rules.guide is not None:
        raise InvalidArgument(
            f"--backend {backend}: begin the job at {rules.label}, which has an API of its own: upload train.jsonl and "
            f"validation.jsonl as {rules.guide} describes, then use connect('{backend}:NAME')"
        )
    if url is not None or backend == "openai-compatible":
        address = checked_url(url)
        key, connects, foreign = os.environ.get(KEY_VARIABLE) or None, f"{address}#", foreign_headers("")
    else:
        provider = PROVIDERS[backend]
        address, key, connects = provider.base_url(), provider.key(None), f"{backend}:"
        foreign = foreign_headers(backend)
    return JobHost(rules.label, Endpoint(address, key, _TIMEOUT_S, foreign=foreign), connects)


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
