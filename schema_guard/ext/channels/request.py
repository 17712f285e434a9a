# SPDX-License-Identifier: Apache-2.0
"""Send a request to a web server. Redirections are not followed, because the content is for one host."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILURES = (OSError, HTTPException, ValueError)
"""The errors of `request`: no connection, a refusal, or an answer that is not JSON."""

_TIMEOUT_S = 10.0


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def request(method: str, url: str, document: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Send a document as JSON. Return the body of the answer."""
    body = None if document is None else json.dumps(document).encode()
    kept = {"Content-Type": "application/json", "User-Agent": "schema-guard", **(headers or {})}
    with build_opener(_NoRedirect).open(
        Request(url, body, kept, method=method),  # noqa: S310 - the callers check the address
        timeout=_TIMEOUT_S,
    ) as answer:
        return bytes(answer.read())


def failure_of(error: Exception) -> str:
    """Return the reason of a failed request, without the address or the headers."""
    return (
        f"status {error.code}" if isinstance(error, HTTPError) else safe(str(getattr(error, "reason", error)))
    )


def is_web_address(url: str) -> bool:
    """Return whether an address is one of a web server."""
    return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
