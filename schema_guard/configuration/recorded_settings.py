# SPDX-License-Identifier: Apache-2.0
"""The settings of a configuration, as records store them, and the facts in them.

Settings are one compact JSON object with sorted keys. Rules:
1. Settings that change results are recorded, so calls with other settings are another configuration.
2. Settings have no text of a user. They name the calls that examples are from, or the suite.
3. Settings mark calls that were imported, or that a router repeated. Other calls were recorded during the call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast, get_args

from schema_guard.pointer import pointer
from schema_guard.text import clip, exact_percent, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.values import AdaptedSchema


@lru_cache(maxsize=1024)
def parsed(settings: str | None) -> Mapping[str, Any]:
    """Return settings as a mapping. It is empty if they are not a JSON object."""
    try:
        document = json.loads(settings or "{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def written(settings: Mapping[str, Any]) -> str:
    """Return settings as text."""
    return json.dumps(settings, separators=(",", ":"), sort_keys=True)


def changed(settings: str, added: Mapping[str, Any], *removed: str) -> str:
    """Return settings with further entries, and without the removed keys."""
    kept = {name: part for name, part in parsed(settings).items() if name not in removed}
    return written({**kept, **added})


# Gateways that repair replies. None of them reports whether a reply was repaired.

GATEWAY_REPAIRED = "gateway_repaired"
"""The key of the settings for the list of names that repair replies."""

# Of OpenRouter and LLM Gateway (the first), and of orq.ai (the second), read in their documentation on 2026-11-26.
PLUGINS = ("response-healing", "response_healing")
"""The names in the `plugins` of a request that make a gateway repair the reply."""


def repairers(options: Any) -> tuple[str, ...]:
    """Return the names in the arguments of a request that make a gateway repair the reply.

    >>> repairers({"extra_body": {"plugins": [{"id": "response-healing"}]}})
    ('response-healing',)
    >>> repairers({"plugins": [{"id": "response-healing", "enabled": False}]})
    ()
    """
    if not isinstance(options, Mapping):
        return ()
    found: list[str] = []
    for holder in (options, options.get("extra_body")):
        plugins = holder.get("plugins") if isinstance(holder, Mapping) else None
        for plugin in plugins if isinstance(plugins, list | tuple) else ():
            name = plugin.get("id") if isinstance(plugin, Mapping) else plugin
            is_off = isinstance(plugin, Mapping) and plugin.get("enabled") is False
            if isinstance(name, str) and name in PLUGINS and not is_off:
                found.append(name)
    return tuple(dict.fromkeys(found))


def repairers_of(settings: str | None) -> tuple[str, ...]:
    """Return the repairers in the settings of a configuration. Empty without any, or if they are not a JSON object."""
    found = parsed(settings).get(GATEWAY_REPAIRED)
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def repair_in_words(names: tuple[str, ...]) -> str:
    """Return a sentence about the effect of repairers on rates."""
    return (
        f"replies may be repaired by {', '.join(names)} before they come: clean, valid first time and failed are those of model "
        "and gateway together, and the model's own are not known"
    )


# The prompts of a configuration: their layout, an improved prompt, and the source of the shown examples.

Layout: TypeAlias = Literal["text", "turns", "user_turn", "instructions"]
"""`text` is one text: the format, the examples, and the task. In `turns`, a system message has the format, and the
examples are turns. In `user_turn`, the user's first turn has the format. With `instructions`, the function gets the text
about the format, and builds the prompt."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)

LAYOUT = "layout"
"""The key of the settings."""

IMPROVED = "improved_prompt"
"""The key of the settings. Its value is the digest of the prompt."""

EXAMPLES = "examples"
"""The key of the settings."""


def layout_of(settings: str) -> Layout | None:
    """Return the layout in the settings of a configuration. None if they have none, as for observed functions."""
    layout = parsed(settings).get(LAYOUT)
    return cast("Layout", layout) if layout in LAYOUTS else None


def without_layout(settings: str) -> str:
    """Return settings without the layout."""
    return settings if layout_of(settings) is None else changed(settings, {}, LAYOUT)


@lru_cache(maxsize=256)
def with_layout(settings: str, layout: Layout) -> str:
    """Return settings with another layout."""
    return changed(settings, {LAYOUT: layout})


def improved_prompt_of(settings: str | None) -> str | None:
    """Return the digest of the improved prompt in recorded settings. None without one."""
    digest = parsed(settings).get(IMPROVED)
    return digest if isinstance(digest, str) else None


def shown_examples(model: Any) -> dict[str, Any]:
    """Return the source of a trial's examples as settings: ids of calls, or a text that names a suite."""
    source = getattr(model, "examples_source", None)
    return {EXAMPLES: source} if isinstance(source, list | str) and source else {}


# The losses of an adapted schema.

SENT = "sent"
"""The key of the settings for the schemas that were sent to each provider in place of the schema."""

# Largest numbers of places of each kind in a configuration, and in a line of a report.
_MOST_PLACES = 20
_MOST_PLACES_SHOWN = 4
_LOSS_WORDS = {
    "relaxed": "is not held to {places}: replies that break it come, and are failures",
    "narrowed": "cannot be asked for all that {places} allows: some right answers cannot be given",
}


def sent_as_settings(sent: Mapping[str, AdaptedSchema]) -> dict[str, Any]:
    """Return the losses of each provider's schema: the first 20 places of each kind, and their number."""
    return {provider: dict(_loss_parts(adapted)) for provider, adapted in sent.items()}


def _loss_parts(sent: AdaptedSchema) -> Iterator[tuple[str, Any]]:
    yield "fingerprint", sent.fingerprint
    for kind, places in (("relaxed", sent.relaxed), ("narrowed", sent.narrowed)):
        if places:
            yield kind, [*places[:_MOST_PLACES]]
        if len(places) > _MOST_PLACES:
            yield f"{kind}_in_all", len(places)


def loss_lines(settings: str | None) -> tuple[str, ...]:
    """Yield the keywords that the providers of a configuration don't enforce, and the values that they can't return.

    Args:
        settings: Settings of a configuration, as records store them. None, or a text that is not a JSON object, has no
            losses.

    >>> loss_lines('{"sent": {"openai": {"relaxed": ["/properties/a/not"]}}}')
    ('openai is not held to /properties/a/not: replies that break it come, and are failures',)
    """
    sent = parsed(settings).get(SENT)
    return tuple(_loss_lines(sent)) if isinstance(sent, dict) else ()


def without_schemas(settings: str) -> str:
    """Return a configuration's settings, with only the fingerprints of the sent schema.

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


def _loss_lines(sent: dict[str, Any]) -> Iterator[str]:
    for provider, entry in sent.items():
        for kind, words in _LOSS_WORDS.items():
            places = entry.get(kind) if isinstance(entry, dict) else None
            if not isinstance(places, list) or not places:
                continue
            in_all = entry.get(f"{kind}_in_all")
            more = max(in_all if type(in_all) is int else 0, len(places)) - _MOST_PLACES_SHOWN
            text = ", ".join(clip(pointer(safe(str(place)))) for place in places[:_MOST_PLACES_SHOWN])
            yield f"{safe(provider)} {words.format(places=text + (f' and {more} other places' if more > 0 else ''))}"


# The part of the traffic that imported calls belong to, and the calls that a router repeated.

Part: TypeAlias = Literal["all", "sampled", "failures", "unknown"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Which calls an import contains: all of a period, a random sample, only failures, or an unknown part."""

IMPORTED, TRAFFIC, SAMPLE_SHARE = "imported", "traffic", "sample_share"
"""The keys of the settings: the tool that had stored the replies, the part, and the share of the calls in the sample."""

SHADOWS = "shadow:"
"""Prefix of the functions of calls that a router makes beside an answer. They are trials, not traffic."""

ROUTED, AFTER = "routed", "after"
"""The keys of the settings if a router repeated a call with the prompt: why, and the configuration that it replaced."""

_TRAFFIC_SHORT: dict[Part, str] = {
    "all": "imported, all",
    "sampled": "imported sample",
    "failures": "FAILURES ONLY",
    "unknown": "UNKNOWN PART",
}
_TRAFFIC_WORDS: dict[Part, str] = {
    "all": "all calls of a period",
    "sampled": "a sample of the calls",
    "failures": "failures only, which do not show the failure rate of your traffic",
    "unknown": "an unknown part of the calls, which does not show the failure rate of your traffic",
}


class Traffic(NamedTuple):
    """The part of the traffic to which imported calls belong.

    Attributes:
        part: The part.
        tool: The tool that had stored the calls.
        share: Share of the calls in the sample, in (0, 1]. None if unknown, or if the part is not a sample.
    """

    part: Part
    tool: str
    share: float | None = None

    @property
    def is_rated(self) -> bool:
        """Whether a rate of these calls is a rate of the traffic, or of a sample of it."""
        return self.part in ("all", "sampled")

    @property
    def drawn(self) -> float | None:
        """The share of the traffic's calls that were imported. None if unknown."""
        return 1.0 if self.part == "all" else self.share if self.part == "sampled" else None

    @property
    def short(self) -> str:
        """The part in two words, to print beside a rate."""
        return _TRAFFIC_SHORT[self.part]

    @property
    def text(self) -> str:
        """The tool, the part, and the share in words.

        >>> Traffic("sampled", "langfuse", 0.1).text
        'imported from langfuse, a sample of the calls (10%)'
        """
        share = f" ({exact_percent(self.share)})" if self.share is not None else ""
        return f"imported from {self.tool}, {_TRAFFIC_WORDS[self.part]}{share}"

    def as_figures(self) -> dict[str, Any]:
        """Return the fields and the text as plain JSON."""
        return {**self._asdict(), "text": self.text}


def traffic_of(settings: str) -> Traffic | None:
    """Return the traffic in the settings of a configuration. None for calls that were not imported."""
    document = parsed(settings)
    if not isinstance(document.get(IMPORTED), str):
        return None
    part, share = document.get(TRAFFIC), document.get(SAMPLE_SHARE)
    known: Part = next((name for name in PARTS if name == part), "unknown")
    drawn = float(share) if isinstance(share, int | float) and 0 < share <= 1 else None
    return Traffic(known, document[IMPORTED], drawn if known == "sampled" else None)


class Fallback(NamedTuple):
    """The reason why a router repeated a call with the prompt.

    Attributes:
        why: `fallback` if no reply of the tuned model was valid, so that one call of the user is two validated calls.
            `error` if it returned no reply, so that this call is the only validated one.
        after: Model and version of the function that the router called first.
    """

    why: Literal["fallback", "error"]
    after: str


def again_of(settings: str) -> Fallback | None:
    """Return the fallback in the settings of a configuration. None if no router repeated its calls."""
    document = parsed(settings)
    why = document.get(ROUTED)
    return Fallback(why, str(document.get(AFTER))) if why in ("fallback", "error") else None


def without_fallback(settings: str) -> str:
    """Return the settings of the prompt, without the entries of a router."""
    return settings if again_of(settings) is None else changed(settings, {}, ROUTED, AFTER)
