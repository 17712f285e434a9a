# SPDX-License-Identifier: Apache-2.0
"""Failed calls: the fixes for each kind, the places at which most replies fail, and the calls without a reply.

Rules: One table of fixes, for `decide` and for `bench run --playbook`. Any fix can fix a failure of unknown kind. If only the
code is unknown, a fix counts if it fixes all failures of the kind. A trial measures how many a fix does fix. A call without a
validated reply says nothing about the format. The provider's faults, the caller's, and expected ones never raise an alarm.
The others can be failures of the model. If they are more than the target's share of all calls, no rate can be trusted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.configuration.excluded_calls import ways_of
from schema_guard.decide.playbook import (
    DECISION,
    IMPROVED,
    LARGER,
    RAISE_OUTPUT,
    REASONING_LIMIT,
    SMALLER,
    STRICT,
)
from schema_guard.pointer import join, split
from schema_guard.text import clip, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records.counts.configurations import FailureCount, ViolationCount

_SHAPE = ("syntax", "structure")
_FORMAT = (*_SHAPE, "value", "semantic")
_ALL = (*_FORMAT, "truncation", "refusal")

# Keywords that decoders enforce, if they accept the keyword at all.
_ENFORCED = frozenset(
    {
        "enum", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
        "maxLength", "minItems", "maxItems",
    }
)  # fmt: skip
# The reply contains a JSON text, and a lenient parser finds it.
_LENIENT = frozenset({"malformed", "several_documents", "not_finite"})


@dataclass(frozen=True, slots=True)
class Fixable:
    """The faults that a step can fix.

    Attributes:
        kinds: Failures of these kinds, regardless of their code.
        codes: Failures with these codes, by kind.
        right: Whether the step can make wrong values right.
        latency: Whether the step can make calls faster.
    """

    kinds: tuple[str, ...] = ()
    codes: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    right: bool = False
    latency: bool = False


FIXABLE: Mapping[str, Fixable] = {
    RAISE_OUTPUT: Fixable(codes={"truncation": frozenset({"max_tokens", "unfinished"})}),
    REASONING_LIMIT: Fixable(codes={"truncation": frozenset({"reasoning_exhausted"})}, latency=True),
    "lenient_parse": Fixable(codes={"syntax": _LENIENT, "structure": frozenset({"encoded_value"})}),
    "system_prompt": Fixable(kinds=(*_FORMAT, "refusal"), right=True),
    STRICT: Fixable(kinds=_SHAPE, codes={"value": _ENFORCED}),
    "json_mode": Fixable(kinds=("syntax",)),
    "few_shot": Fixable(kinds=(*_FORMAT, "refusal"), right=True),
    "temperature": Fixable(kinds=_FORMAT, right=True),
    "reason_then_format": Fixable(kinds=_FORMAT, right=True),
    # They enforce the same as strict_schema, and may lose fewer right values.
    "strict_only": Fixable(right=True),
    "reason_then_strict": Fixable(right=True),
    IMPROVED: Fixable(kinds=(*_FORMAT, "refusal"), right=True),
    DECISION: Fixable(kinds=(*_FORMAT, "truncation"), right=True, latency=True),
    "schema_simplify": Fixable(kinds=_FORMAT, right=True),
    SMALLER: Fixable(latency=True),
    LARGER: Fixable(kinds=_ALL, right=True),
}
"""The failures that each step can fix. The results of retries measure `repair_retry`, which is not here."""


class Failures(NamedTuple):
    """Failed calls by kind and code.

    Attributes:
        calls: All failed calls.
        kinds: Failed calls by kind. The others are of unknown kind.
        codes: Failed calls by code.
        again: Share of failed attempts whose retry failed too. None if there was no retry.
    """

    calls: int
    kinds: Mapping[str, int]
    codes: Mapping[str, int]
    again: float | None = None

    def fixed_by(self, step: str) -> float:
        """Count the failures that a step can fix, including failures of unknown kind."""
        return self.calls - self.left_by(step)

    def left_by(self, step: str) -> float:
        """Count the failures that a step is known not to fix."""
        if step == "repair_retry":
            return self.calls * (self.again or 0.0)
        fixable = FIXABLE[step]
        known = {
            kind: sum(self.codes.get(code, 0) for code in codes) for kind, codes in fixable.codes.items()
        }
        return sum(
            max(count - known.get(kind, 0), 0)
            for kind, count in self.kinds.items()
            if kind not in fixable.kinds
        )

    def told(self) -> str:
        """Write the failures in words, most frequent first: `12 refusal, 3 value enum`."""
        parts = sorted(self.kinds.items(), key=lambda item: -item[1])
        named = ", ".join(f"{count} {kind}" for kind, count in parts if count)
        codes = ", ".join(code for code, _ in sorted(self.codes.items(), key=lambda item: -item[1])[:3])
        text = named or plural(self.calls, "failure") + " of unknown kind"
        return f"{text} ({codes})" if codes and named else text


# A place is named if at least so many replies fail there, and this share of the failed replies that have a place.
_LEAST, _FIRST = 5, 1 / 3
# A second place is named if at least this share of the failed replies fails there.
_SECOND = 0.2
# Failures of these kinds have no place.
WHOLE = ("syntax", "truncation", "refusal", "semantic")
_MOST_CODES = 3


class FailingPlace(NamedTuple):
    """A place at which replies fail.

    Attributes:
        place: JSON Pointer with `*` for each index. None if the reply fails as a whole, for example because it is cut
            off.
        code: The violated keyword, or the code of the failure. Several are separated by commas.
        k: Failed replies that fail there.
        n: All failed replies of the same calls.
    """

    place: str | None
    code: str
    k: int
    n: int


def failing_places(
    failures: Iterable[FailureCount], violations: Iterable[ViolationCount]
) -> tuple[FailingPlace, ...]:
    """Return the place at which most failed replies fail, and a second one if many fail there.

    Nothing is returned if fewer than 5 replies fail at each place, or less than a third of those that fail at any place.

    Places that fail equally often are one entry, with the deepest path that they have in common. If they have only the
    root in common, each is an entry.

    Args:
        failures: Failed attempts by kind and code.
        violations: Failed attempts by place and keyword. An attempt can have several.

    >>> from schema_guard.records.counts.configurations import FailureCount, ViolationCount
    >>> broken = [ViolationCount("/lines/*/price", "minimum", 95), ViolationCount("/team", "enum", 5)]
    >>> failing_places([FailureCount("value", "minimum", 95), FailureCount("value", "enum", 5)], broken)
    (FailingPlace(place='/lines/*/price', code='minimum', k=95, n=100),)
    """
    placed, whole = Counter[tuple[str | None, str]](), Counter[tuple[str | None, str]]()
    for location, keyword, k in violations:
        placed[location, keyword] += k
    n = 0
    coded = {code for _, code in placed}
    for kind, code, k in failures:
        n += k * (kind != "transport")
        if kind in WHOLE and code not in coded:
            whole[None, code] += k
    by_count: dict[int, list[tuple[str | None, str]]] = {}
    for (place, code), k in (placed + whole).items():
        by_count.setdefault(min(k, n), []).append((place, code))
    found: list[FailingPlace] = []
    has_place = max(n - sum(whole.values()), 0)
    for k in sorted(by_count, reverse=True):
        share = _SECOND * n if found else _FIRST * (n if None in dict(by_count[k]) else has_place)
        if k >= max(_LEAST, share):
            found += [FailingPlace(place, code, k, n) for place, code in _joined(by_count[k])]
    return tuple(found[:2])


def _joined(tied: Sequence[tuple[str | None, str]]) -> list[tuple[str | None, str]]:
    """Return one entry for places that have more than the root in common, otherwise one for each place."""
    places = {place for place, _ in tied if place}
    tokens = [split(place) for place in places]
    shared = [row[0] for row in takewhile(lambda row: len(set(row)) == 1, zip(*tokens, strict=False))]
    if shared and len(places) == len({place for place, _ in tied}):
        return [(join(shared), _codes(tied))]
    by_place: dict[str | None, list[tuple[str | None, str]]] = {}
    for place, code in tied:
        by_place.setdefault(place, []).append((place, code))
    return [(place, _codes(entries)) for place, entries in by_place.items()]


def _codes(tied: Iterable[tuple[str | None, str]]) -> str:
    return ", ".join(list(dict.fromkeys(code for _, code in tied))[:_MOST_CODES])


FEWEST_UNKNOWN = 5
"""Fewer calls of unknown cause may be bad luck."""

_NO_REPLY = "no_reply"
_NAMELESS = "an exception without a recorded type"


class Unexplained(NamedTuple):
    """Excluded calls of unknown cause, if there are too many.

    Attributes:
        calls: Number of these calls.
        of: Number of all calls, with and without a validated reply.
        exceptions: Names of the raised exception types with their calls, most frequent first.
        no_reply: Calls that raised nothing and gave no reply.
    """

    calls: int
    of: int
    exceptions: tuple[tuple[str, int], ...]
    no_reply: int

    @property
    def text(self) -> str:
        """The calls in words: `150 of 300 calls raised ValueError (100), KeyError (50)`."""
        names = [
            f"{clip(name)} ({calls:,})" if len(self.exceptions) > 1 or self.no_reply else clip(name)
            for name, calls in self.exceptions
        ]
        parts = [f"raised {', '.join(names)}"] if names else []
        if self.no_reply:
            parts.append(f"gave no reply ({self.no_reply:,})" if names else "gave no reply")
        return f"{self.calls:,} of {self.of:,} calls {' or '.join(parts)}"


def unexplained(
    excluded: Iterable[tuple[str, str | None, int]], judged: int, target: float
) -> Unexplained | None:
    """Return the calls of unknown cause; None if they are few, or no more than the target's share of all calls.

    Args:
        excluded: Code, exception's type and number of calls without a validated reply.
        judged: Calls with one.
        target: The share of calls that may fail.
    """
    ways = ways_of(excluded)
    unknown = [way for way in ways if way.cause == "unknown"]
    calls = sum(way.calls for way in unknown)
    of = judged + sum(way.calls for way in ways)
    if calls < FEWEST_UNKNOWN or calls <= target * of:
        return None
    named: Counter[str] = Counter()
    for way in unknown:
        if way.code != _NO_REPLY:
            named[way.exception or _NAMELESS] += way.calls
    return Unexplained(calls, of, tuple(named.most_common()), calls - named.total())
