# SPDX-License-Identifier: Apache-2.0
"""JSON Pointers (RFC 6901)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def escape(token: str) -> str:
    """Write one token of a pointer.

    >>> escape("a/b~c")
    'a~1b~0c'
    """
    # RFC 6901 s. 3: "~" first, else the "~" of "~1" would be escaped again.
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def unescape(token: str) -> str:
    """Read one token of a pointer."""
    # RFC 6901 s. 4: "~1" first, else "~01" would decode to "/".
    return token.replace("~1", "/").replace("~0", "~")


def join(tokens: Iterable[str | int]) -> str:
    """Give the pointer of a path.

    >>> join(["lines", 0, "qty"])
    '/lines/0/qty'
    """
    return "".join([f"/{token if type(token) is int else escape(str(token))}" for token in tokens])


def split(location: str) -> list[str]:
    """Give the tokens of a pointer.

    >>> split("/lines/0")
    ['lines', '0']
    """
    return [unescape(token) for token in location.split("/")[1:]]


def pointer(location: str) -> str:
    """Show a pointer to a person: the root, which is the empty text, is written `(root)`."""
    return location or "(root)"
