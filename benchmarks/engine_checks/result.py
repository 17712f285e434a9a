# SPDX-License-Identifier: Apache-2.0
"""What came of the engines on a suite: each schema, and the rates over all of them.

Rules:
1. A schema is supported by an engine that compiles it, accepts every valid instance and rejects every invalid one.
2. Rejecting a valid instance is over-constraint, accepting an invalid one under-constraint; one schema may show both.
3. Instances of one schema are no independent observations: a schema counts once, with the mean over its instances.
4. An engine that was not measured has no rates; a time-out or a crash is no refusal and no support.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from schema_guard.stats import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.engine_checks.engine import Engine
    from benchmarks.engine_checks.limits import EngineLimits

State: TypeAlias = Literal["judged", "refused", "timeout", "memory", "crashed"]

# What differs between two refusals for one cause: a piece of the schema, a place in it, a number.
_PARTICULARS = re.compile(r"\{.*(\}|$)|#/\S*|\d+")
_REASON_CHARS = 90


@dataclass(frozen=True, slots=True)
class Checked:
    """What one engine made of one schema.

    Attributes:
        schema: Its name.
        state: `judged`: compiled, and every instance was shown to it; `refused`: the engine says that it cannot;
            else what ended its process.
        reason: Of a state that is not `judged`, or why it gave up on an instance; None else.
        compile_s: Processor seconds of compiling; None when it did not come to its end.
        valid: Valid instances of the schema.
        valid_accepted: Of these, accepted.
        invalid: Invalid instances of the schema.
        invalid_accepted: Of these, accepted.
        gave_up: Instances on which the engine ended at a limit of its own.
        reordered: Accepted valid instances that can be written with their keys in another order.
        reordered_accepted: Of these, accepted with the keys of all objects in reverse.
        mask_s: Processor seconds of each mask that was timed.
    """

    schema: str
    state: State
    reason: str | None
    compile_s: float | None
    valid: int
    valid_accepted: int
    invalid: int
    invalid_accepted: int
    gave_up: int
    reordered: int
    reordered_accepted: int
    mask_s: tuple[float, ...]

    @property
    def is_compiled(self) -> bool:
        """Whether compiling came to its end."""
        return self.compile_s is not None

    @property
    def is_over_constrained(self) -> bool:
        """Whether it rejects a valid instance, or gives up on an instance."""
        return self.state == "judged" and (self.valid_accepted < self.valid or self.gave_up > 0)

    @property
    def is_under_constrained(self) -> bool:
        """Whether it accepts an invalid instance: it claims to enforce the schema and does not."""
        return self.state == "judged" and self.invalid_accepted > 0

    @property
    def is_supported(self) -> bool:
        """Whether it accepts every valid instance and rejects every invalid one, of at least one."""
        return (
            self.state == "judged"
            and self.valid + self.invalid > 0
            and not self.is_over_constrained
            and not self.is_under_constrained
        )


class Times(NamedTuple):
    """Processor seconds.

    Attributes:
        n: How many there are.
        p50: Median.
        p95: 95th percentile.
        largest: The longest.
    """

    n: int
    p50: float
    p95: float
    largest: float


class Reason(NamedTuple):
    """Why schemas were not judged.

    Attributes:
        state: What became of them.
        text: The reason, without names and numbers.
        schemas: How many.
    """

    state: str
    text: str
    schemas: int


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What one engine made of a suite.

    Attributes:
        engine: Its name.
        version: None when it is not installed.
        settings: How it was asked.
        not_measured: Why it was not; None when it was. All rates are without data then.
        compiled: Schemas whose compiling came to its end, of all.
        supported: Schemas that it supports, of those with instances.
        unsound: Schemas of which it accepts an invalid instance, of those judged that have one: claimed, not kept.
        narrowed: Schemas of which it rejects a valid instance, or gives up on an instance, of those judged that have a
            valid one.
        coverage: Valid instances accepted: the mean over all schemas that have one, compiled or not.
        soundness: Invalid instances rejected: the mean over the judged schemas that have one.
        any_order: Instances accepted with their keys in reverse, too: the mean over the schemas that have one.
        refused: Schemas that it says it cannot enforce.
        timeouts: Schemas at which it was too slow.
        memory: Schemas at which it became too large.
        crashed: Schemas at which it died.
        gave_up: Judged schemas with an instance on which it ended at a limit of its own.
        compile_s: Of the schemas whose compiling came to its end; None without any.
        mask_s: Of the masks; None without any.
        reasons: Why schemas were not judged, most frequent first.
        checked: Each schema, in the suite's order.
    """

    engine: str
    version: str | None
    settings: str
    not_measured: str | None
    compiled: Rate
    supported: Rate
    unsound: Rate
    narrowed: Rate
    coverage: Rate
    soundness: Rate
    any_order: Rate
    refused: int
    timeouts: int
    memory: int
    crashed: int
    gave_up: int
    compile_s: Times | None
    mask_s: Times | None
    reasons: tuple[Reason, ...]
    checked: tuple[Checked, ...]


@dataclass(frozen=True, slots=True)
class EnginesResult:
    """What all engines made of one suite.

    Attributes:
        suite: Its name.
        suite_fingerprint: Of its contents.
        schemas: How many it has.
        valid: Valid instances in all.
        invalid: Invalid instances in all.
        vocabulary: Tokens that texts were cut into, and where they are from.
        limits: For each schema.
        engines: In the order given.
    """

    suite: str
    suite_fingerprint: str
    schemas: int
    valid: int
    invalid: int
    vocabulary: str
    limits: EngineLimits
    engines: tuple[EngineResult, ...]


def result_of(engine: Engine, checked: Sequence[Checked], *, not_measured: str | None = None) -> EngineResult:
    """Put together what one engine made of a suite."""
    judged = [each for each in checked if each.state == "judged"]
    with_instances = [each for each in checked if each.valid + each.invalid]
    states = Counter(each.state for each in checked)
    return EngineResult(
        engine=engine.name,
        version=engine.version,
        settings=engine.settings,
        not_measured=not_measured,
        compiled=_share(checked, lambda each: each.is_compiled),
        supported=_share(with_instances, lambda each: each.is_supported),
        unsound=_share([each for each in judged if each.invalid], lambda each: each.is_under_constrained),
        narrowed=_share([each for each in judged if each.valid], lambda each: each.is_over_constrained),
        coverage=_mean((each.valid_accepted, each.valid) for each in checked),
        soundness=_mean((each.invalid - each.invalid_accepted, each.invalid) for each in judged),
        any_order=_mean((each.reordered_accepted, each.reordered) for each in judged),
        refused=states["refused"],
        timeouts=states["timeout"],
        memory=states["memory"],
        crashed=states["crashed"],
        gave_up=sum(each.gave_up > 0 for each in judged),
        compile_s=times_of(each.compile_s for each in checked if each.compile_s is not None),
        mask_s=times_of(seconds for each in checked for seconds in each.mask_s),
        reasons=_reasons(checked),
        checked=tuple(checked),
    )


def _share(checked: Sequence[Checked], claim: Callable[[Checked], bool]) -> Rate:
    return Rate.of(sum(map(claim, checked)), len(checked))


def _mean(counts: Iterable[tuple[int, int]]) -> Rate:
    """Give the mean of the schemas' own shares; those without instances are left out."""
    shares = [count / n for count, n in counts if n]
    return Rate.of(sum(shares), len(shares))


def times_of(seconds: Iterable[float]) -> Times | None:
    """Give the median, the 95th percentile and the largest of some times; None without any.

    >>> times_of([0.3, 0.1, 0.2])
    Times(n=3, p50=0.2, p95=0.3, largest=0.3)
    """
    ascending = sorted(seconds)
    if not ascending:
        return None
    return Times(len(ascending), _percentile(ascending, 0.5), _percentile(ascending, 0.95), ascending[-1])


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Give the smallest of the values that at least this share of them does not exceed."""
    return ordered[max(0, -(-len(ordered) * round(100 * share) // 100) - 1)]


def _reasons(checked: Iterable[Checked]) -> tuple[Reason, ...]:
    counts = Counter(
        (each.state, _PARTICULARS.sub("…", each.reason or "")[:_REASON_CHARS])
        for each in checked
        if each.state != "judged"
    )
    return tuple(
        Reason(state, text, n)
        for (state, text), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
