# SPDX-License-Identifier: Apache-2.0
"""The findings of a result in two sentences, and the next step.

A sentence is for readers who know neither the library nor statistics. A number has its tasks and its bounds beside it.
The text names an open question as open.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schema_guard.bench.result.comparisons import power_text, tasks_needed
from schema_guard.bench.result.ranking import alpha_of, ranked
from schema_guard.decide.failures import FIXABLE, Failures
from schema_guard.decide.playbook import STEPS
from schema_guard.records.urls import command_on
from schema_guard.report.decision.words import fix
from schema_guard.report.document import Document, Fact, Tone
from schema_guard.stats import calls_needed
from schema_guard.strategies import STRATEGIES
from schema_guard.text import exact_percent, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.result.ranking import Ranked
    from schema_guard.bench.result.values import BenchResult, Compared, Measure
    from schema_guard.stats import Rate

_KINDS = {
    "syntax": "without readable JSON",
    "structure": "with the wrong structure",
    "value": "with a forbidden value",
    "semantic": "refused by a check",
    "truncation": "cut off",
    "refusal": "refused",
}

_TWO = 2


def headline_of(result: BenchResult, store: str | None = None) -> Document:
    """Return the findings of a result, the next step last. *store* is the URL of the store that a next command names."""
    variants = ranked(result)
    facts = [Fact("stopped", reason) for reason in result.setup.stopped]
    if not variants:
        error = next((call.error for call in result.calls if call.error), None)
        why = f" ({error})" if error else ""
        headline = "Nothing is measured, because no call has a reply that can be validated."
        facts.append(Fact("next", f"find out why no call has a validated reply{why}"))
        return Document(headline, tuple(facts), tone=Tone.OPEN)
    best = variants[0]
    rivals = [
        variant
        for variant in variants[1:]
        if "format" not in variant.beaten or not _beats(result, best, variant)
    ]
    target, parts = result.setup.target, list(_difference(result, variants))
    if target:
        parts.append(_against(variants, target))
    elif len(variants) > _TWO and not rivals:
        parts = [_among(variants, rivals)]
    elif parts and len(rivals) < len(variants) - 1:
        parts += [f"The data does not show whether {_rivals_text(rivals)} as rarely."] if rivals else []
    else:
        parts.append(_among(variants, rivals))
    facts.append(
        Fact(
            "right" if result.setup.teacher is None else "agreement with the teacher",
            _content(result, variants),
        )
    )
    if failures := _failures(result, best):
        facts.append(Fact("fails at", _failures_text(failures, best)))
    if power := power_text(result, {one.variant.name: one.name for one in variants}):
        facts.append(Fact("power", power))
    facts.append(Fact("next", _next(result, variants, rivals, store)))
    return Document(" ".join(parts), tuple(facts), tone=_tone_of(result, best, rivals))


def _tone_of(result: BenchResult, best: Ranked, rivals: Sequence[Ranked]) -> Tone:
    """Return the tone. A decided difference comes before open questions."""
    if result.setup.target is not None:
        return best.tone
    is_found = any(one.called for one in result.comparisons)
    return Tone.OPEN if not is_found and (rivals or result.setup.stopped) else Tone.PLAIN


def _comparison(result: BenchResult, a: Ranked, b: Ranked, measure: Measure) -> Compared:
    names = {a.variant.name, b.variant.name}
    return next(
        comparison
        for comparison in result.comparisons
        if comparison.measure == measure and {comparison.a, comparison.b} == names
    )


def _beats(result: BenchResult, one: Ranked, other: Ranked, measure: Measure = "format") -> bool:
    return _comparison(result, one, other, measure).better == one.variant.name


def _rivals_text(rivals: Sequence[Ranked]) -> str:
    return f"{rivals[0].name} fails" if len(rivals) == 1 else f"{len(rivals)} others fail"


def _difference(result: BenchResult, variants: Sequence[Ranked]) -> Iterator[str]:
    """Yield the largest difference that is called, one with the best variant first."""
    known, best = {one.variant.name: one for one in variants}, variants[0].variant.name
    called = [one for one in result.comparisons if one.better is not None]
    if not called:
        return
    found = max(
        called, key=lambda one: (one.measure == "format", one.better == best, abs(one.difference or 0.0))
    )
    better, worse = known[found.a], known[found.b]
    if found.better != found.a:
        better, worse = worse, better
    if found.measure == "format":
        verb, rate, other = "fails less often", better.failed, worse.failed
    else:
        verb = "is right" if result.setup.teacher is None else "agrees with the teacher"
        verb, rate, other = f"{verb} more often", better.right, worse.right
    yield (
        f"{better.name} {verb} than {worse.name}: {percent(rate.rate or 0.0)} of its calls ({_counts(rate)}; "
        f"{_between(rate)}) against {percent(other.rate or 0.0)}."
    )


def _against(variants: Sequence[Ranked], target: float) -> str:
    """Return whether the best variant meets the target, and how many other variants do."""
    best, of = variants[0], len(variants)
    rate, goal = best.failed, exact_percent(target)
    most, least = percent(rate.bounds.upper, 1, target), percent(rate.bounds.lower, -1, target)
    good = sum(variant.tone is Tone.GOOD for variant in variants)
    if good > 1:
        return f"{good} of {of} meet the target of {goal}. With {best.name}, at most {most} of the calls fail ({_counts(rate)})."
    if good:
        only = "" if of == 1 else f", the only one of {of}"
        return f"{best.name} meets the target of {goal}{only}. At most {most} of its calls fail ({_counts(rate)})."
    if best.tone is Tone.OPEN:
        return f"The data does not show whether {best.name} meets the target of {goal}. It fails in {_between(rate, target)} of its calls ({_counts(rate)})."
    if of == 1:
        return (
            f"{best.name} misses the target of {goal}. At least {least} of its calls fail ({_counts(rate)})."
        )
    return f"None of {of} meets the target of {goal}. Even with {best.name}, at least {least} of the calls fail ({_counts(rate)})."


def _among(variants: Sequence[Ranked], rivals: Sequence[Ranked]) -> str:
    """Return the variant that fails least, and whether that is proved."""
    best, others = variants[0], variants[1:]
    rate = f"in {percent(best.failed.rate or 0.0)} of its calls ({_counts(best.failed)}; {_between(best.failed)})"
    if not others:
        return f"{best.name} fails {rate}."
    if not rivals:
        return f"{best.name} fails least often, {rate}. Each of the other {len(others)} fails more often."
    if len(rivals) < len(others):
        return f"{best.name} fails least often so far, {rate}. The data does not show whether {_rivals_text(rivals)} as rarely."
    worst = variants[-1]
    lowest, highest = (percent(variant.failed.rate or 0.0) for variant in (best, worst))
    counts = _counts(best.failed, whole=False)
    if lowest == highest:
        return f"The data shows no difference in failures. Each variant fails in {lowest} of its calls ({counts}; {_between(best.failed)})."
    return (
        f"The data does not show which variant fails least often. The lowest failure rate is {lowest} ({best.name}), and the "
        f"highest is {highest} ({worst.name}), with {_sizes(variants)} each."
    )


def _sizes(variants: Sequence[Ranked]) -> str:
    """Return the number of tasks of each variant, or the smallest and the largest if they differ."""
    sizes = [variant.failed.n for variant in variants]
    least, most = min(sizes), plural(max(sizes), "task")
    return most if least == max(sizes) else f"{least:,} to {most}"


def _content(result: BenchResult, variants: Sequence[Ranked]) -> str:
    """Return how often the best variant is right, and whether another one is proved to be right more often."""
    best, most = variants[0], max(variants, key=lambda variant: variant.right.rate or 0.0)
    value = "right value" if result.setup.teacher is None else "teacher's value"
    text = f"{percent(best.right.rate or 0.0)} of its calls return the {value} ({_between(best.right)})"
    if len(variants) > 1:
        text = f"With {best.name}, {text.replace('of its calls', 'of the calls')}"
    if most is not best and _beats(result, most, best, "content"):
        text += f"; {most.name} does so in {percent(most.right.rate or 0.0)} ({_between(most.right)})"
    return f"{text}."


def _between(rate: Rate, target: float = 1.0) -> str:
    """Write bounds in words.

    >>> from schema_guard.stats import Rate
    >>> _between(Rate.of(0, 377)), _between(Rate.of(12, 400)), _between(Rate.of(5, 5))
    ('at most 1%', 'between 0.89% and 6.3%', 'at least 47%')
    """
    lower, upper = rate.bounds.lower, rate.bounds.upper
    if lower == 0:
        return f"at most {percent(upper, 1, target)}"
    if upper == 1:
        return f"at least {percent(lower, -1, target)}"
    return f"between {percent(lower, -1, target)} and {percent(upper, 1, target)}"


def _counts(rate: Rate, *, whole: bool = True) -> str:
    """Return the number of tasks of a rate, with its count if *whole* and the count has no fraction."""
    if whole and float(rate.count).is_integer():
        return f"{rate.count:,.0f} of {plural(rate.n, 'task')}"
    return plural(rate.n, "task")


def _failures(result: BenchResult, best: Ranked) -> Failures | None:
    """Count the calls of a variant without a valid value, by the failure of their last validated attempt."""
    last = [
        call.failures[-1]
        for call in result.calls
        if call.variant == best.number - 1 and call.format == "failed" and call.failures
    ]
    if not last:
        return None
    kinds, codes = (
        Counter(failure.kind for failure in last),
        Counter(failure.keyword or failure.code for failure in last),
    )
    return Failures(len(last), kinds, codes)


def _failures_text(failures: Failures, best: Ranked) -> str:
    parts = sorted(failures.kinds.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{count} {_KINDS.get(kind, kind)}" for kind, count in parts)
    return f"{plural(failures.calls, 'failed call')} of {best.name}: {text}"


def _next(
    result: BenchResult, variants: Sequence[Ranked], rivals: Sequence[Ranked], store: str | None
) -> str:
    """Return the next step."""
    best, target = variants[0], result.setup.target
    if best.tone is Tone.GOOD and target is not None:
        return _watched(best, target, store)
    if best.tone is Tone.OPEN and target is not None:
        rate = best.failed
        needed = calls_needed(rate.count, rate.n, target, alpha=alpha_of(result))
        return _more(result, [best], needed, f"whether {best.name} meets the target")
    most = max(variants, key=lambda variant: variant.right.rate or 0.0)
    if target is None and most is not best and _beats(result, most, best, "content"):
        return _another(result, most, store)
    open_rivals = [rival for rival in rivals if not _beats(result, best, rival, "content")]
    if target is None and open_rivals:
        needed = tasks_needed(_comparison(result, best, open_rivals[0], "format"), result)
        return _more(
            result, [best, open_rivals[0]], needed, f"whether {best.name} or {open_rivals[0].name} is better"
        )
    return _another(result, best, store)


def _watched(best: Ranked, target: float, store: str | None) -> str:
    watch = command_on(store, "watch", "--max-failure-rate", exact_percent(target))
    is_shown = "few_shot" in best.variant.strategy.split(">")
    shown = " with the dev tasks of the suite as examples, if it has any" if is_shown else ""
    return f"use {best.name}{shown}, and watch it with: {watch}"


def _more(result: BenchResult, ranked: Sequence[Ranked], needed: int | None, what: str) -> str:
    """Return how many more tasks would decide a question about some variants, and how to get them."""
    setup = result.setup
    remaining = setup.suite_tasks - setup.tasks
    if needed is None:
        return (
            f"use the cheaper or faster variant, because at these rates no number of tasks would show {what}"
        )
    text = f"about {needed:,} more tasks would show {what}. "
    made = min(sum(one.variant.formats.values()) for one in ranked)
    if setup.stopped and made < setup.tasks * setup.epochs:
        return f"{text}The run stopped early, so first run the same command again to finish it"
    if needed <= remaining:
        return f"{text}To use them, run the same command with --sample {setup.tasks + needed}"
    has = (
        f"which has only {remaining:,} more (--sample all)"
        if remaining
        else "because the run used all of its tasks"
    )
    return f"{text}Add tasks to the suite, {has}"


def _another(result: BenchResult, best: Ranked, store: str | None) -> str:
    """Return the untried strategy that can fix most failures, or the wrong values if there are more of them."""
    tried = {
        strategy
        for variant in result.variants
        if variant.model == best.variant.model
        for strategy in variant.strategy.split(">")
    }
    untried = [step for step in STEPS if step in STRATEGIES and step not in tried]
    failures, wrong = _failures(result, best), _wrong(result, best)
    if failures and failures.calls >= wrong:
        step = max(untried, key=failures.fixed_by, default=None)
        if step and failures.fixed_by(step):
            fixed = f"{failures.fixed_by(step):.0f} of {plural(failures.calls, 'failure')}"
            return f"to {fix(step)}, run the same command with --strategy {step}, which can fix {fixed}"
    elif wrong:
        step = next((step for step in untried if FIXABLE[step].right), None)
        if step:
            return f"to {fix(step)}, run the same command with --strategy {step}. Some wrong values may then be right"
    else:
        return _watched(best, 0.01, store)
    return "no strategy is left that can fix this; run the same command with a larger model (--model NAME)"


def _wrong(result: BenchResult, best: Ranked) -> int:
    """Count the calls of a variant with a valid but wrong value."""
    return sum(call.variant == best.number - 1 and call.is_valid and not call.right for call in result.calls)
