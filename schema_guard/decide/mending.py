# SPDX-License-Identifier: Apache-2.0
"""What mends what: which of the failures that were seen a remedy can do something about.

Rules: one table, for `decide` and for `climb`. A failure whose kind is not known may be mended by any remedy; one whose
kind is known and whose code is not, only by those that mend all of that kind. What a remedy does to failures that it can
mend is not said here: a trial measures it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from schema_guard.decide.ladder import LARGER, RAISE_OUTPUT, REASONING_LIMIT, SMALLER, STRICT
from schema_guard.text import plural

_SHAPE = ("syntax", "structure")
_FORMAT = (*_SHAPE, "value", "semantic")
_ALL = (*_FORMAT, "truncation", "refusal")

# What decoders hold a value to where they take the keyword at all.
_ENFORCED = frozenset(
    {
        "enum", "const", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength",
        "maxLength", "minItems", "maxItems",
    }
)  # fmt: skip
# A JSON text stands in the reply, and reading it leniently finds it.
_LENIENT = frozenset({"malformed", "several_documents", "not_finite"})


@dataclass(frozen=True, slots=True)
class Mends:
    """What a remedy can mend.

    Attributes:
        kinds: Failures of these kinds, whatever their code.
        codes: By kind, failures of these codes.
        right: Whether it can make wrong values right.
        latency: Whether it can make calls faster.
    """

    kinds: tuple[str, ...] = ()
    codes: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    right: bool = False
    latency: bool = False


MENDS: Mapping[str, Mends] = {
    RAISE_OUTPUT: Mends(codes={"truncation": frozenset({"max_tokens", "unfinished"})}),
    REASONING_LIMIT: Mends(codes={"truncation": frozenset({"reasoning_exhausted"})}, latency=True),
    "lenient_parse": Mends(codes={"syntax": _LENIENT, "structure": frozenset({"encoded_value"})}),
    "system_prompt": Mends(kinds=(*_FORMAT, "refusal"), right=True),
    STRICT: Mends(kinds=_SHAPE, codes={"value": _ENFORCED}),
    "json_mode": Mends(kinds=("syntax",)),
    "few_shot": Mends(kinds=(*_FORMAT, "refusal"), right=True),
    "temperature": Mends(kinds=_FORMAT, right=True),
    "reason_then_format": Mends(kinds=_FORMAT, right=True),
    "schema_simplify": Mends(kinds=_FORMAT, right=True),
    SMALLER: Mends(latency=True),
    LARGER: Mends(kinds=_ALL, right=True),
    "tuned": Mends(kinds=("structure", "value", "semantic"), right=True, latency=True),
}
"""By rung; `repair_retry` is measured by what re-asking did."""


class Failures(NamedTuple):
    """Unhandled calls by what they failed at.

    Attributes:
        calls: All of them.
        kinds: By kind; those that are in none are of unknown kind.
        codes: By code.
        again: The share of failed attempts whose re-ask failed as well; None where nothing was re-asked.
    """

    calls: int
    kinds: Mapping[str, int]
    codes: Mapping[str, int]
    again: float | None = None

    def mended_by(self, rung: str) -> float:
        """Count those that a remedy can mend, those of unknown kind among them."""
        return self.calls - self.left_by(rung)

    def left_by(self, rung: str) -> float:
        """Count those that are known to be none that a remedy can mend."""
        if rung == "repair_retry":
            return self.calls * (self.again or 0.0)
        mends = MENDS[rung]
        return sum(count - self._mended_of(kind, count, mends) for kind, count in self.kinds.items())

    def _mended_of(self, kind: str, count: int, mends: Mends) -> int:
        if kind in mends.kinds:
            return count
        return min(count, sum(self.codes.get(code, 0) for code in mends.codes.get(kind, ())))

    def told(self) -> str:
        """Say them in words, the most frequent first: `12 refusal, 3 value enum`."""
        parts = sorted(self.kinds.items(), key=lambda one: -one[1])
        named = ", ".join(f"{count} {kind}" for kind, count in parts if count)
        codes = ", ".join(code for code, _ in sorted(self.codes.items(), key=lambda one: -one[1])[:3])
        told = named or plural(self.calls, "failure") + " of unknown kind"
        return f"{told} ({codes})" if codes and named else told
