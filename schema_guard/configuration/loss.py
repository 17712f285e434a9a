# SPDX-License-Identifier: Apache-2.0
"""What an adapted schema lost, as a part of a configuration's settings: written by guards, read by reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import changed, parsed
from schema_guard.pointer import pointer
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import AdaptedSchema

__all__ = ["SENT", "loss_lines", "sent_as_settings", "without_schemas"]

SENT = "sent"
"""The key of the settings: what was sent to each provider in the schema's place."""

# Places that a configuration names of each kind, and a line of a report.
_MOST_PLACES = 20
_MOST_SHOWN = 4
_WORDS = {
    "relaxed": "is not held to {places}: replies that break it come, and are failures",
    "narrowed": "cannot be asked for all that {places} allows: some right answers cannot be given",
}


def sent_as_settings(sent: Mapping[str, AdaptedSchema]) -> dict[str, Any]:
    """Return the losses of each provider's schema: the first 20 places of each kind, and their number."""
    return {provider: dict(_parts(adapted)) for provider, adapted in sent.items()}


def _parts(sent: AdaptedSchema) -> Iterator[tuple[str, Any]]:
    yield "fingerprint", sent.fingerprint
    for kind, places in (("relaxed", sent.relaxed), ("narrowed", sent.narrowed)):
        if places:
            yield kind, [*places[:_MOST_PLACES]]
        if len(places) > _MOST_PLACES:
            yield f"{kind}_in_all", len(places)


def loss_lines(settings: str | None) -> tuple[str, ...]:
    """Yield the keywords that the providers of a configuration don't enforce, and the values that they can't return.

    Args:
        settings: Of a configuration, as records keep them; None, and what is no JSON object, says nothing.

    >>> loss_lines('{"sent": {"openai": {"relaxed": ["/properties/a/not"]}}}')
    ('openai is not held to /properties/a/not: replies that break it come, and are failures',)
    """
    sent = parsed(settings).get(SENT)
    return tuple(_lines(sent)) if isinstance(sent, dict) else ()


def without_schemas(settings: str) -> str:
    """Give a configuration's settings with what was sent by its fingerprints alone.

    >>> without_schemas('{"max_attempts":2,"sent":{"openai":{"fingerprint":"07207a4c36d8fb8d","relaxed":["/not"]}}}')
    '{"max_attempts":2,"sent":{"openai":"07207a4c"}}'
    """
    sent = parsed(settings).get(SENT)
    if not isinstance(sent, dict):
        return settings
    entries = ((provider, entry) for provider, entry in sent.items() if isinstance(entry, dict))
    return changed(
        settings, {SENT: {provider: str(entry.get("fingerprint"))[:8] for provider, entry in entries}}
    )


def _lines(sent: dict[str, Any]) -> Iterator[str]:
    for provider, entry in sent.items():
        for kind, words in _WORDS.items():
            places = entry.get(kind) if isinstance(entry, dict) else None
            if not isinstance(places, list) or not places:
                continue
            in_all = entry.get(f"{kind}_in_all")
            more = max(in_all if type(in_all) is int else 0, len(places)) - _MOST_SHOWN
            text = ", ".join(clip(pointer(safe(str(place)))) for place in places[:_MOST_SHOWN])
            yield f"{safe(provider)} {words.format(places=text + (f' and {more} other places' if more > 0 else ''))}"
