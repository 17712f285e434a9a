# SPDX-License-Identifier: Apache-2.0
"""No network but loopback while a test runs.

What is stopped is what Python's own `socket` is asked for: connections, datagrams and names. Sockets that are
no internet sockets, Unix ones above all, stay as they are.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
# At which place each method takes its address, if it is given one.
_ADDRESS_AT = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
_LOOKUPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


@contextmanager
def blocked(test: str) -> Iterator[None]:
    """Let the block reach loopback only; what it wants beyond that fails the test.

    The failure is no `Exception`: clients retry those, or report them as a network that is down.

    Args:
        test: Id of the test, for the message.
    """
    import pytest  # only tests get here

    with pytest.MonkeyPatch.context() as patch:
        for name, at in _ADDRESS_AT.items():
            patch.setattr(socket.socket, name, _checked_method(getattr(socket.socket, name), at, test))
        for name in _LOOKUPS:
            patch.setattr(socket, name, _checked_lookup(getattr(socket, name), test))
        yield


def _checked_method(method: Callable[..., Any], at: int, test: str) -> Callable[..., Any]:
    def checked(self: socket.socket, *arguments: Any) -> Any:
        __tracebackhide__ = True
        address = arguments[at] if -len(arguments) <= at < len(arguments) else None
        if self.family in _FAMILIES and isinstance(address, tuple) and address:
            _require_loopback(address[0], test)
        return method(self, *arguments)

    return checked


def _checked_lookup(lookup: Callable[..., Any], test: str) -> Callable[..., Any]:
    def checked(host: Any, *arguments: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        _require_loopback(host, test)
        return lookup(host, *arguments, **named)

    return checked


def _require_loopback(host: Any, test: str) -> None:
    __tracebackhide__ = True
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
    if not isinstance(name, str) or _is_loopback(name):
        return
    import pytest

    pytest.fail(
        f"{test} tried to reach {safe(clip(name))!r}: schema_guard blocks the network in this test; let it call a model "
        "by scripted_model or llm_server, or mark it @pytest.mark.schema_guard_live to let it through"
    )


def _is_loopback(host: str) -> bool:
    """Say whether a host is this machine: by its address, or by a name that can be nothing else (RFC 6761)."""
    name = host.rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # A connection to the unspecified address goes to this machine.
    return address.is_loopback or address.is_unspecified
