# SPDX-License-Identifier: Apache-2.0
"""Remove a key from an exception: from its message, its attributes, its request, and its response.

Clients, connections, and tracebacks stay unchanged, because the next call needs its client. Nothing here raises.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from schema_guard.interruptions import is_interruption
from schema_guard.text import SHORTEST_SECRET

_HIDDEN = "***"
_SECRET_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie")
# Objects that are searched, beside exceptions and the values of dataclasses and Pydantic: those of HTTP libraries, by the
# end of the name of their class.
_HTTP_CLASSES = ("Cookie", "CookieJar", "Cookies", "Headers", "Request", "Response", "Stream")
# A container that is nested too deep (RecursionError), or that refuses to be changed, is replaced as a whole.
_UNCHANGEABLE = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def remove_key(error: BaseException, key: str | None) -> None:
    """Remove a key, and the request headers that contain keys, from an exception, its cause, and its context."""
    _KeyRemoval(key).clean(error)


class _KeyRemoval:
    """Removes the key in each of its spellings, from each object once."""

    def __init__(self, key: str | None) -> None:
        # A shorter key occurs in ordinary words.
        key = key if key and len(key) >= SHORTEST_SECRET else None
        escaped = json.dumps(key or "")[1:-1]
        spellings = {
            key or "",
            escaped,
            escaped.replace("/", "\\/"),
            repr(key or "")[1:-1],
            quote(key or ""),
            quote(key or "", safe=""),
            quote_plus(key or ""),
        }
        # Longer ones first, because a spelling can be a part of another one.
        self._spellings = sorted((spelling for spelling in spellings if spelling), key=len, reverse=True)
        # The result for each object by id. The object is stored too, so that no other one gets its id.
        self._cleaned: dict[int, tuple[object, Any]] = {}

    def clean(self, value: Any) -> Any:
        """Return a value without the key: a new one, or the same object with other attributes."""
        if isinstance(value, str):
            for spelling in self._spellings:
                value = value.replace(spelling, _HIDDEN)
            return value
        if isinstance(value, bytes | bytearray):
            for spelling in self._spellings:
                value = value.replace(spelling.encode("utf-8", "surrogatepass"), _HIDDEN.encode())
            return value
        if isinstance(value, list | tuple | set | frozenset | Mapping) or _is_searched(value):
            if id(value) in self._cleaned:
                return self._cleaned[id(value)][1]
            self._cleaned[id(value)] = value, value
            cleaned = self._parts_or_nothing(value)
            self._cleaned[id(value)] = value, cleaned
            return cleaned
        return value

    def _parts_or_nothing(self, value: Any) -> Any:
        try:
            return self._clean_parts(value)
        except _UNCHANGEABLE as error:
            if is_interruption(error):
                raise
            return _HIDDEN

    def _clean_parts(self, value: Any) -> Any:
        if isinstance(value, dict):
            parts = [(self.clean(name), self.clean(part)) for name, part in value.items()]
            value.clear()
            value.update(parts)
            return value
        if isinstance(value, list):
            value[:] = [self.clean(part) for part in value]
            return value
        if type(value) in (tuple, set, frozenset):
            return type(value)(self.clean(part) for part in value)
        if isinstance(value, tuple):
            return type(value)._make(map(self.clean, value)) if hasattr(value, "_make") else value
        self._clean_object(value)
        return value

    def _clean_object(self, value: Any) -> None:
        if type(value).__name__.endswith("Request"):
            for name in _SECRET_HEADERS:
                with _unchangeable_parts():
                    value.headers.pop(name, None)
        if isinstance(value, BaseException):
            for behind in (value.__cause__, value.__context__, *getattr(value, "exceptions", ())):
                self.clean(behind)
            with _unchangeable_parts():
                value.args = self.clean(value.args)
        attributes = getattr(value, "__dict__", {})
        for name, part in list(attributes.items()):
            with _unchangeable_parts():
                attributes[name] = self._without_key_in_url(self.clean(part))
        for name in [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]:
            with _unchangeable_parts():
                object.__setattr__(value, name, self.clean(getattr(value, name)))

    def _without_key_in_url(self, value: Any) -> Any:
        """Return a URL without the key. Return any other value unchanged."""
        if type(value).__name__ != "URL" or self.clean(str(value)) == str(value):
            return value
        return type(value)(self.clean(str(value)))


def _is_searched(value: object) -> bool:
    kind = type(value)
    if isinstance(value, BaseException) or kind.__name__.endswith(_HTTP_CLASSES):
        return True
    is_record = hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__pydantic_fields__")
    return is_record and not kind.__name__.endswith(("Client", "Configuration", "Endpoint", "Options"))


@contextlib.contextmanager
def _unchangeable_parts() -> Iterator[None]:
    """Ignore the error of a part that cannot be read or changed."""
    try:
        yield
    except Exception as error:
        if is_interruption(error):
            raise
