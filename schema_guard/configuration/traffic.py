# SPDX-License-Identifier: Apache-2.0
"""What part of a function's traffic imported calls are, as whoever imported them has said; and which calls answer again.

Rules: it stands in the settings of a configuration, so that such calls are configurations of their own. Calls without it
were recorded as they were made. Of failures alone, or of calls of which nobody knows what they were chosen by, no rate
is one of the traffic.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from schema_guard.configuration.recorded_settings import changed, parsed
from schema_guard.text import exact_percent

__all__ = [
    "AFTER", "IMPORTED", "PARTS", "ROUTED", "SAMPLE_SHARE", "SHADOWS", "TRAFFIC", "Fallback", "Part", "Traffic", "again_of", "traffic_of", "without_fallback",
]  # fmt: skip

Part: TypeAlias = Literal["all", "sampled", "failures", "unknown"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Which calls an import holds: all of a period, some of them drawn at random, those that had failed, or nobody knows."""

IMPORTED, TRAFFIC, SAMPLE_SHARE = "imported", "traffic", "sample_share"
"""The keys of the settings: the tool that had stored the replies, the part, and the share of the calls that was drawn."""

SHADOWS = "shadow:"
"""How the functions of calls begin that a router makes beside an answer: trials, and no traffic."""

ROUTED, AFTER = "routed", "after"
"""The keys of the settings of a call by which a router asked the prompt again: why, and in which configuration's place."""

_SHORT: dict[Part, str] = {
    "all": "imported, all",
    "sampled": "imported sample",
    "failures": "FAILURES ONLY",
    "unknown": "UNKNOWN PART",
}
_WORDS: dict[Part, str] = {
    "all": "all calls of a period",
    "sampled": "a sample of the calls",
    "failures": "failures only, which do not show the failure rate of your traffic",
    "unknown": "an unknown part of the calls, which does not show the failure rate of your traffic",
}


class Traffic(NamedTuple):
    """What part of the traffic some imported calls are.

    Attributes:
        part: Which calls they are.
        tool: Where they had been stored.
        share: Of a sample: the share of the calls that was drawn, in (0, 1]; None where nobody said.
    """

    part: Part
    tool: str
    share: float | None = None

    @property
    def is_rated(self) -> bool:
        """Whether a rate of these calls is one of the traffic, or of a sample of it."""
        return self.part in ("all", "sampled")

    @property
    def drawn(self) -> float | None:
        """The share of the traffic's calls that these are; None where that is not known."""
        return 1.0 if self.part == "all" else self.share if self.part == "sampled" else None

    @property
    def short(self) -> str:
        """The part in two words, to stand beside a rate."""
        return _SHORT[self.part]

    @property
    def text(self) -> str:
        """All of it in words.

        >>> Traffic("sampled", "langfuse", 0.1).text
        'imported from langfuse, a sample of the calls (10%)'
        """
        share = f" ({exact_percent(self.share)})" if self.share is not None else ""
        return f"imported from {self.tool}, {_WORDS[self.part]}{share}"

    def as_figures(self) -> dict[str, Any]:
        """Return it as plain JSON, in words as well."""
        return {**self._asdict(), "text": self.text}


def traffic_of(settings: str) -> Traffic | None:
    """Read it from the settings of a configuration; None for calls that were recorded as they were made."""
    document = parsed(settings)
    if not isinstance(document.get(IMPORTED), str):
        return None
    part, share = document.get(TRAFFIC), document.get(SAMPLE_SHARE)
    known: Part = next((name for name in PARTS if name == part), "unknown")
    drawn = float(share) if isinstance(share, int | float) and 0 < share <= 1 else None
    return Traffic(known, document[IMPORTED], drawn if known == "sampled" else None)


class Fallback(NamedTuple):
    """Why a router asked the prompt again.

    Attributes:
        why: `fallback`: no reply of the tuned model was valid, so one call of the user's is two judged calls. `error`: it
            gave no reply, so this call is the only judged one.
        after: Model and version of the function that was asked first.
    """

    why: Literal["fallback", "error"]
    after: str


def again_of(settings: str) -> Fallback | None:
    """Read it from the settings of a configuration; None for calls that were asked first, or not by a router."""
    document = parsed(settings)
    why = document.get(ROUTED)
    return Fallback(why, str(document.get(AFTER))) if why in ("fallback", "error") else None


def without_fallback(settings: str) -> str:
    """Give the settings without what a router has said in them: those by which the prompt was asked."""
    return settings if again_of(settings) is None else changed(settings, {}, ROUTED, AFTER)
