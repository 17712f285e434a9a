# SPDX-License-Identifier: Apache-2.0
"""What fixes what: which of the failures that were seen a step can do something about.

Rules: one table, for `decide` and for `bench run --playbook`. A failure whose kind is not known may be fixed by any fix; one whose
kind is known and whose code is not, only by those that fix all of that kind. What a fix does to failures that it can
fix is not said here: a trial measures it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from schema_guard.decide.playbook import (
    DECISION,
    IMPROVED,
    LARGER,
    RAISE_OUTPUT,
    REASONING_LIMIT,
    SMALLER,
    STRICT,
)
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
class Fixable:
    """What a step can fix.

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
    # They enforce what strict_schema does, and may cost fewer right values.
    "strict_only": Fixable(right=True),
    "reason_then_strict": Fixable(right=True),
    IMPROVED: Fixable(kinds=(*_FORMAT, "refusal"), right=True),
    DECISION: Fixable(kinds=(*_FORMAT, "truncation"), right=True, latency=True),
    "schema_simplify": Fixable(kinds=_FORMAT, right=True),
    SMALLER: Fixable(latency=True),
    LARGER: Fixable(kinds=_ALL, right=True),
    "tuned": Fixable(kinds=("structure", "value", "semantic"), right=True, latency=True),
}
"""By step; `repair_retry` is measured by what retrying did."""


class Failures(NamedTuple):
    """Failed calls by what they failed at.

    Attributes:
        calls: All of them.
        kinds: By kind; those that are in none are of unknown kind.
        codes: By code.
        again: The share of failed attempts whose retry failed as well; None where nothing was retried.
    """

    calls: int
    kinds: Mapping[str, int]
    codes: Mapping[str, int]
    again: float | None = None

    def fixed_by(self, step: str) -> float:
        """Count those that a step can fix, those of unknown kind among them."""
        return self.calls - self.left_by(step)

    def left_by(self, step: str) -> float:
        """Count those that are known to be none that a step can fix."""
        if step == "repair_retry":
            return self.calls * (self.again or 0.0)
        fixable = FIXABLE[step]
        return sum(count - self._fixed_of(kind, count, fixable) for kind, count in self.kinds.items())

    def _fixed_of(self, kind: str, count: int, fixable: Fixable) -> int:
        if kind in fixable.kinds:
            return count
        return min(count, sum(self.codes.get(code, 0) for code in fixable.codes.get(kind, ())))

    def told(self) -> str:
        """Say them in words, the most frequent first: `12 refusal, 3 value enum`."""
        parts = sorted(self.kinds.items(), key=lambda item: -item[1])
        named = ", ".join(f"{count} {kind}" for kind, count in parts if count)
        codes = ", ".join(code for code, _ in sorted(self.codes.items(), key=lambda item: -item[1])[:3])
        text = named or plural(self.calls, "failure") + " of unknown kind"
        return f"{text} ({codes})" if codes and named else text
