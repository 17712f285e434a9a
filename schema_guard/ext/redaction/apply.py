# SPDX-License-Identifier: Apache-2.0
"""Remove credentials and personal data from texts, and return the places.

Rules: pure, and linear in the text. A removed part isn't changed again, so redacting twice gives the same result.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.ext.redaction.kinds import MARKED, SecretSpan
from schema_guard.ext.redaction.named_secrets import find_named, is_secret_name
from schema_guard.ext.redaction.personal_data import EMAIL, NUMBERS, find_cards, find_emails, find_ibans
from schema_guard.ext.redaction.readings import OtherReading, decoded, folded, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REDACTED: Final = "[redacted]"
REDACTED_EMAIL: Final = "redacted@example.com"
"""Still an address, so that it stays valid for a schema that requires one. Nobody owns its host."""

_ESCAPED_LETTERS: Final = frozenset("nrtbfv")
_UNICODE_ESCAPE: Final = re.compile(r"\\u[0-9A-Fa-f]{4}")
_UNICODE_ESCAPE_CHARS: Final = 6
_BARE_QUOTE: Final = re.compile(r'(?<!\\)(?:\\\\)*+"')


class RedactedPlace(NamedTuple):
    """A location from which schema_guard removed text.

    Attributes:
        location: JSON Pointer into a value, or `""` for a text.
        kind: The type of credential or personal data, or `"redact"` for a change by your own function.
        start: Start of the replacement, as a character index in the redacted text.
        stop: End of the replacement.
    """

    location: str
    kind: str
    start: int
    stop: int


class Redacted(NamedTuple):
    """A redacted text or value.

    Attributes:
        value: The text or value after redaction.
        places: Locations of the removed text, in order.
    """

    value: Any
    places: tuple[RedactedPlace, ...]


def redact(text: str, *, personal: bool = True) -> str:
    """Return the text without credentials and, by default, without personal data.

    >>> redact("Bearer abcdefgh12345 of ann@corp.com, api_key=0123456789")
    'Bearer [redacted] of redacted@example.com, api_key=[redacted]'
    """
    return str(redacted(text, personal=personal).value)


def redacted(text: str, *, personal: bool = True, further: Callable[[str], str] | None = None) -> Redacted:
    """Return the redacted text and the locations of the removed credentials and personal data.

    Args:
        text: Any text.
        personal: Whether to also remove personal data.
        further: Function that takes the redacted text, and returns it with more parts removed.
    """
    parts, places, at, size = [], [], 0, 0
    for start, stop, kind in _merged(text, _spans(text, personal)):
        instead = REDACTED_EMAIL if kind == EMAIL else REDACTED
        parts += [text[at:start], instead]
        size += start - at
        places.append(RedactedPlace("", kind, size, size + len(instead)))
        size, at = size + len(instead), stop
    cleaned = "".join([*parts, text[at:]]) if parts else text
    if further is None:
        return Redacted(cleaned, tuple(places))
    return _apply_function(further, cleaned, places)


def redacted_value(
    value: Any, *, personal: bool = True, further: Callable[[str], str] | None = None, location: str = ""
) -> Redacted:
    """Return a redacted copy of a JSON value.

    The function redacts texts and the keys of objects. It removes the whole text under a key that names a secret.

    Args:
        value: A JSON value.
        personal: Whether to also remove personal data.
        further: Function that takes the redacted text, and returns it with more parts removed.
        location: JSON Pointer of the value.
    """
    if isinstance(value, str):
        text, places = redacted(value, personal=personal, further=further)
        return Redacted(text, tuple(place._replace(location=location) for place in places))
    all_places: list[RedactedPlace] = []

    def inside(member: Any, name: str) -> Any:
        pointer = f"{location}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(member, str) and is_secret_name(name) and len(member) > 3 and member != REDACTED:
            all_places.append(RedactedPlace(pointer, "named_secret", 0, len(REDACTED)))
            return REDACTED
        cleaned = redacted_value(member, personal=personal, further=further, location=pointer)
        all_places.extend(cleaned.places)
        return cleaned.value

    if isinstance(value, list):
        return Redacted([inside(member, str(index)) for index, member in enumerate(value)], tuple(all_places))
    if isinstance(value, dict):
        members = {}
        for key, member in value.items():
            name = redacted(str(key), personal=personal, further=further)
            all_places += [place._replace(location=location) for place in name.places]
            members[name.value] = inside(member, str(key))
        return Redacted(members, tuple(all_places))
    return Redacted(value, ())


def _apply_function(further: Callable[[str], str], text: str, places: list[RedactedPlace]) -> Redacted:
    """Apply the caller's function to a text. Its change is one place, and the places after it move."""
    cleaned = further(text)
    if not isinstance(cleaned, str):
        raise TypeError(f"redact: expected your function to return a str, got {type(cleaned).__name__}")
    if cleaned == text:
        return Redacted(text, tuple(places))
    least = min(len(cleaned), len(text))
    start = next((at for at in range(least) if cleaned[at] != text[at]), least)
    end = next((at for at in range(least - start) if cleaned[-1 - at] != text[-1 - at]), least - start)
    moved = len(cleaned) - len(text)
    changed = RedactedPlace("", "redact", start, len(cleaned) - end)
    before = [place for place in places if place.stop <= start]
    after = [
        place._replace(start=place.start + moved, stop=place.stop + moved)
        for place in places
        if place.start >= len(text) - end
    ]
    return Redacted(cleaned, (*before, changed, *after))


def _spans(text: str, personal: bool) -> list[SecretSpan]:
    text = folded(text)
    spans = _spans_of_reading(text, personal)
    for reading in decoded(text):
        for span in _spans_of_reading(reading.text, personal):
            start, stop = reading.place(span.start, span.stop)
            # An escape ends where its string ends.
            quote = _BARE_QUOTE.search(text, start, stop)
            spans.append(SecretSpan(start, stop if quote is None else quote.end() - 1, span.kind))
    return spans


def _spans_of_reading(text: str, personal: bool) -> list[SecretSpan]:
    whole = list(_plain_spans(text, personal))
    spans = list(whole)
    readings = list(unwrapped(text))
    emails = list(find_emails(text, complete_reserved=True)) if personal and readings else []
    for reading in readings:
        spans += _wrapped_spans(reading, personal, whole, emails)
    return spans


def _wrapped_spans(
    reading: OtherReading, personal: bool, whole: list[SecretSpan], emails: list[SecretSpan]
) -> Iterator[SecretSpan]:
    """Yield spans that cross a line end, except for an address that is complete without it."""
    begun = {span.start for span in whole}
    for start, stop, kind in _marked_spans(reading.text, personal, is_wrapped=True):
        place = reading.span(start, stop)
        if place is not None and place[0] in begun:
            place = reading.span(start, reading.without_prose(start, stop))
        if place is not None:
            yield SecretSpan(*place, kind)
    starts, stops = [span.start for span in emails], [span.stop for span in emails]
    for start, stop, _ in find_emails(reading.text) if personal else ():
        place = reading.span(start, stop)
        if place is not None and bisect_left(starts, place[1]) == bisect_right(stops, place[0]):
            yield SecretSpan(*place, EMAIL)


def _marked_spans(text: str, personal: bool, *, is_wrapped: bool = False) -> Iterator[SecretSpan]:
    lowered = text.lower()
    # Numbers of persons are searched only in the original text.
    for kind in (*MARKED, *NUMBERS) if personal and not is_wrapped else MARKED:
        yield from kind.find(text, lowered)


def _plain_spans(text: str, personal: bool) -> Iterator[SecretSpan]:
    yield from _marked_spans(text, personal)
    yield from find_named(text, text.lower())
    if personal:
        yield from find_emails(text)
        yield from find_cards(text)
        yield from find_ibans(text)


def _merged(text: str, spans: Iterable[SecretSpan]) -> list[SecretSpan]:
    """Return spans without overlaps, in order, and without text that was already redacted."""
    merged: list[SecretSpan] = []
    for span in sorted(spans):
        start, stop, kind = _after_escape(text, span)
        if start >= stop or text[start:stop] in (REDACTED, REDACTED_EMAIL):
            continue
        if merged and start < merged[-1].stop:
            last = merged[-1]
            merged[-1] = SecretSpan(
                last.start, max(last.stop, stop), kind if last.kind == EMAIL else last.kind
            )
        else:
            merged.append(SecretSpan(start, stop, kind))
    return merged


def _after_escape(text: str, span: SecretSpan) -> SecretSpan:
    r"""Return a span without the letter of an escape before it: in JSON, `\\n` ends a line, and its `n` is a letter."""
    start, stop, kind = span
    for escape in _UNICODE_ESCAPE.finditer(
        text, max(0, start - _UNICODE_ESCAPE_CHARS + 1), start + _UNICODE_ESCAPE_CHARS - 1
    ):
        if escape.start() < start < escape.end():
            return SecretSpan(escape.end(), stop, kind)
    at = start
    while at and text[at - 1] == "\\":
        at -= 1
    if (start - at) % 2 == 0 or start >= len(text):
        return span
    return SecretSpan(start + 1, stop, kind) if text[start] in _ESCAPED_LETTERS else span
