# SPDX-License-Identifier: Apache-2.0
"""Where requests go, and the key that goes there and nowhere else.

Rules:
1. A key belongs to one origin: scheme, host and port. A request to another origin carries only the headers that HTTP
   itself needs. No request follows a redirect to another origin, because its body holds a prompt.
2. SDKs put the environment of their own provider into requests to anybody. What is another provider's is taken out.
3. An exception that passes through here holds no key: not in its words, its attributes, its response, or its pickle.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from schema_guard.models.error_keys import remove_key

# As the SDKs have it: ten minutes, for replies of slow models.
TIMEOUT_S = 600.0
OPENAI_URL = "https://api.openai.com/v1"
# Servers without keys still want a header.
NO_KEY = "none"

_PORTS = {"http": 80, "https": 443}
# What a request to another host may carry; everything else may be a credential.
_PLAIN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)  # fmt: skip
# What an SDK adds from its provider's environment, by the variable.
_ADDED = {"OPENAI_ORG_ID": "openai-organization", "OPENAI_PROJECT_ID": "openai-project"}
_ADDED_LINES = {"openai": "OPENAI_CUSTOM_HEADERS", "anthropic": "ANTHROPIC_CUSTOM_HEADERS"}
# Of a chain of exceptions; longer ones are somebody's mistake.
_DEEPEST = 8
# Extension of a request that holds its first origin. The requests of its redirects inherit extensions.
_FIRST_ORIGIN = "schema_guard.origin"


class CrossOriginRedirect(ConnectionError):
    """A server redirected a request to another origin."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and how.

    Attributes:
        base_url: Up to and with `/v1`, or what the provider's SDK takes.
        api_key: Sent to this address alone; None for servers without keys. The environment is not read.
        timeout_s: Seconds without a byte after which a request is given up.
        max_retries: Requests that the SDK repeats by itself, unseen by the records.
        direct: Whether proxies that the environment names are passed by.
        foreign: Headers that are taken out where they have this value: what an SDK adds that belongs to others.
    """

    base_url: str = OPENAI_URL
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S
    max_retries: int = 0
    direct: bool = False
    foreign: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        """What is sent as the key."""
        return self.api_key or NO_KEY

    def clean(self, request: Any) -> None:
        """Delete the headers of a request that another origin may not see; called before each request.

        Raises:
            CrossOriginRedirect: The request follows a redirect to another origin.
        """
        headers: MutableMapping[str, str] = request.headers
        place = origin(str(request.url))
        first = request.extensions.setdefault(_FIRST_ORIGIN, place)
        if place != first:
            raise CrossOriginRedirect(
                f"{_url(first)} redirects to {_url(place)}, but schema_guard sends prompts only to the server that you named. If you trust "
                "the new server, connect to its URL"
            )
        if place != origin(self.base_url):
            for name in [name for name in headers if name.lower() not in _PLAIN_HEADERS]:
                del headers[name]
            return
        for name, value in self.foreign.items():
            if headers.get(name) == value:
                del headers[name]

    async def aclean(self, request: Any) -> None:
        """Do the same for an asynchronous client."""
        self.clean(request)

    def http_arguments(self, *, is_async: bool) -> dict[str, Any]:
        """Return what an HTTP client is made with."""
        return {
            "event_hooks": {"request": [self.aclean if is_async else self.clean]},
            "trust_env": not self.direct,
        }

    @contextlib.contextmanager
    def keyless(self) -> Iterator[None]:
        """Remove the key from exceptions that pass; see `error_keys`.

        Raises:
            CrossOriginRedirect: In place of the error that an SDK made of it, which does not name the redirect.
        """
        try:
            yield
        except Exception as error:
            remove_key(error, self.api_key)
            redirect = _redirect_of(error)
            if redirect is None:
                raise
            raise redirect from None


def foreign_headers(own: str) -> dict[str, str]:
    """Give the headers that SDKs would add from the environment, but for those of one's own provider.

    Args:
        own: The provider whose environment may be used: `openai`, `anthropic`, or another word for none.
    """
    headers = (
        {} if own == "openai" else {name: os.environ.get(variable, "") for variable, name in _ADDED.items()}
    )
    for provider, variable in _ADDED_LINES.items():
        if provider != own:
            lines = [line.partition(":") for line in os.environ.get(variable, "").split("\n")]
            headers |= {name.strip().lower(): value.strip() for name, colon, value in lines if colon}
    return {name: value for name, value in headers.items() if value}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host, and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _url(place: tuple[str, str | None, int | None]) -> str:
    scheme, host, port = place
    return f"{scheme}://{host}" if port == _PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def _redirect_of(error: BaseException | None) -> CrossOriginRedirect | None:
    """Return the refused redirect in a chain of exceptions."""
    for _ in range(_DEEPEST):
        if error is None or isinstance(error, CrossOriginRedirect):
            return error
        error = error.__cause__ or error.__context__
    return None
