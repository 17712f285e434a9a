# SPDX-License-Identifier: Apache-2.0
"""Comparisons of configurations: a pilot, the steps of a playbook run, the parts of the traffic, known answers.

Rules: a prompt is compared with a decision model on the same inputs. The best of several prompts is chosen on these
inputs too, so all of them share alpha.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.decide.evidence.reading import to_json
from schema_guard.decide.evidence.values import Segment
from schema_guard.decide.playbook import DECISION
from schema_guard.decide.recorded.configurations import RecordedConfiguration, is_trial, settings_of
from schema_guard.decide.recorded.strategies import slower
from schema_guard.extensions import load
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.stats import paired
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records import ConfigurationCounts, Store

Answers: TypeAlias = "Sequence[Mapping[str, Any]]"


def pilot_of(
    tuned: Sequence[RecordedConfiguration],
    best: RecordedConfiguration,
    store: Store,
    latency_p95_s: float | None,
    answers: Answers,
    forms: int,
) -> dict[str, Any] | None:
    """Return the counts of the newest tuned model, with the best prompt's if they share inputs or segments.

    Known *answers* of a benchmark count if they are of these two. The measured *forms* of the tuned model share alpha.
    """
    newest = newest_of(tuned)
    if newest is None:
        return None
    pilot: dict[str, Any] = {"n": newest.n, "k_final": newest.failed}
    if newest.share:
        pilot["traffic_share"] = newest.share
    if newest.arrival is not None:
        pilot["arrival"] = to_json(newest.arrival)
    if latency_p95_s is not None:
        pilot["latency"] = slower(newest.counts, latency_p95_s)
    shared, b, c = pairs_of(best, newest, store)
    if shared:
        pilot["paired"] = {"b": b, "c": c}
    prompted, of_tuned = _parts(best), _parts(newest)
    if len(prompted) > 1 and of_tuned.keys() <= prompted.keys():
        pilot["segments"] = [
            to_json(Segment(name, n / best.n, n, k, *of_tuned.get(name, (0, 0))))
            for name, (n, k) in prompted.items()
        ]
    pilot |= {} if forms == 1 else {"forms": forms}
    return pilot | _known_answers_of(newest, best, answers)


def without_worse_form(
    tuned: Sequence[RecordedConfiguration], store: Store, notes: list[str]
) -> tuple[list[RecordedConfiguration], int]:
    """Return the tuned models, without the worse form of one that was measured with a grammar and without.

    The second value is the number of measured forms of a tuned model.
    """
    dropped = []
    for plain in (one for one in tuned if one.first.strategies == "bare" and is_trial(one.first)):
        for enforced in (one for one in tuned if _is_enforced_form(one, plain)):
            n, b, c = pairs_of(plain, enforced, store)
            is_better = enforced.failed * plain.n < plain.failed * enforced.n
            if n:
                notes.append(grammar_line(n, b, c, is_better=is_better))
                dropped.append(plain if is_better else enforced)
    return [one for one in tuned if one not in dropped], 1 + len(dropped)


def _is_enforced_form(one: RecordedConfiguration, plain: RecordedConfiguration) -> bool:
    same = (one.first.model, settings_of(one.first).get("adapter"))
    is_same = same == (plain.first.model, settings_of(plain.first).get("adapter"))
    return is_trial(one.first) and one.first.strategies == "strict_only" and is_same


def grammar_line(n: int, b: int, c: int, *, is_better: bool) -> str:
    """Return the comparison of a tuned model with a grammar and without.

    Args:
        n: Inputs of both forms.
        b: Inputs that failed only without the grammar.
        c: Inputs that failed only with it.
        is_better: Whether the form with the grammar has the lower failure rate, and counts.
    """
    proof = (
        "the grammar is better (95% confidence)"
        if paired(b, c, n).better
        else "the grammar is worse (95% confidence)"
        if paired(c, b, n).better
        else "neither form is proved to be better"
    )
    return (
        f"trials measured the tuned model with a grammar (strict_only) and without one. Of {plural(n, 'input')}, {b} failed only "
        f"without the grammar, and {c} only with it; {proof}. The verdict counts the trial {'with' if is_better else 'without'} it"
    )


def newest_of(tuned: Sequence[RecordedConfiguration]) -> RecordedConfiguration | None:
    """Return the tuned model that was called last. None if there is none."""
    return max(tuned, key=lambda one: one.last_call, default=None)


def pairs_of(
    before: RecordedConfiguration, after: RecordedConfiguration, store: Store
) -> tuple[int, int, int]:
    """Count the inputs that both were asked once, and those that failed only before, and only after.

    A trial asks each of its inputs once, with an output limit of the task's own: its rows, one a limit, have no input in
    common, and all of them count. Of a function's calls those of its first segment do.
    """
    counts = [
        store.pairs(row.id, other.id)
        for row in _first_attempts(before)
        for other in _first_attempts(after)
        if row.id is not None and other.id is not None
    ]
    return sum(n for n, _, _ in counts), sum(b for _, b, _ in counts), sum(c for _, _, c in counts)


def _first_attempts(configuration: RecordedConfiguration) -> tuple[ConfigurationCounts, ...]:
    return configuration.rows if is_trial(configuration.first) else configuration.rows[:1]


def _parts(configuration: RecordedConfiguration) -> dict[str, tuple[int, int]]:
    """Return the calls of each segment that has some, and the failed ones."""
    parts: dict[str, tuple[int, int]] = {}
    for row in configuration.rows:
        n, k = parts.get(row.segment or NO_SEGMENT, (0, 0))
        parts[row.segment or NO_SEGMENT] = n + row.calls, k + row.failed
    return {name: counts for name, counts in parts.items() if counts[0]}


def comparisons_of(configurations: Sequence[RecordedConfiguration], store: Store) -> list[dict[str, Any]]:
    """Compare each trial with the one before it, on the inputs that both were asked once."""
    playbook_result = sorted(
        (one for one in configurations if is_trial(one.first) and one.first.id is not None),
        key=lambda found: found.first.first_started_at or 0.0,
    )
    compared = []
    for before, after in pairwise(playbook_result):
        n, b, c = pairs_of(before, after, store)
        if n:
            compared.append({"before": before.id, "after": after.id, "n": n, "b": b, "c": c})
    return compared


def segments_of(best: RecordedConfiguration) -> list[dict[str, Any]]:
    """Return the parts of the best strategy's traffic; none if it is not divided."""
    parts = _parts(best)
    if len(parts) <= 1:
        return []
    return [{"name": name, "share": n / best.n, "n": n, "k": k} for name, (n, k) in parts.items()]


def right_of(configuration: RecordedConfiguration, answers: Answers) -> dict[str, int] | None:
    """Return the number of known answers of a prompted trial, and of its misses. None without known answers."""
    if not is_trial(configuration.first):
        return None
    own = _of(configuration, [answer for answer in answers if not answer["tuned"]])
    return None if own is None or own["n"] > configuration.n else _missed(own)


def _known_answers_of(
    newest: RecordedConfiguration, best: RecordedConfiguration, answers: Answers
) -> dict[str, Any]:
    """Return the known answers of a tuned model, and those of the best prompt on the same inputs."""
    tuned_answers = [answer for answer in answers if answer["tuned"] and answer["n"] <= newest.n]
    form = newest.first.strategies
    tuned_answers = [one for one in tuned_answers if one["strategy"] == form] or tuned_answers
    if not tuned_answers:
        return {}
    own = tuned_answers[-1]
    beside = _of(best, own["beside"])
    known = {"right": _missed(own)}
    if beside is not None and beside["n"]:
        known["content"] = {name: beside[name] for name in ("n", "worse", "better")}
    return known


def without_unanswered_trials(
    own: Sequence[RecordedConfiguration], answers: Answers, notes: list[str]
) -> list[RecordedConfiguration]:
    """Return the prompts, without the smaller trials of those that another trial measured with known answers."""
    known = [one for one in own if right_of(one, answers) is not None]
    dropped = [
        one
        for one in own
        if one not in known
        and is_trial(one.first)
        and any(_measured(one) == _measured(other) and one.n <= other.n for other in known)
    ]
    notes += [
        f"{plural(one.n, 'call')} of {one.id} aren't counted, because a larger trial of this strategy has known answers"
        for one in dropped
    ]
    return [one for one in own if one not in dropped]


def _measured(one: RecordedConfiguration) -> tuple[Any, ...]:
    """Return the configuration that a trial measured. The retries of the client are not a part of it."""
    settings = {name: value for name, value in settings_of(one.first).items() if name != "max_retries"}
    return one.first.strategies, one.first.model, one.first.version, settings


def _missed(counts: Mapping[str, Any]) -> dict[str, int]:
    return {"n": counts["n"], "k": counts["n"] - counts["right"]}


def _of(configuration: RecordedConfiguration, answers: Answers) -> Mapping[str, Any] | None:
    """Return the answers of a configuration."""
    matching = [answer for answer in answers if answer["strategy"] == configuration.first.strategies]
    named = [answer for answer in matching if answer["model"] == configuration.first.model]
    (match,) = named or matching if len(named or matching) == 1 else (None,)
    return match


def use_known_answers(evidence: dict[str, Any], current: str) -> None:
    """Set `right` of the strategy in use from the known answers, which belong to it."""
    content = evidence.get("content", {})
    n, right = content.get("n", 0), content.get("right", 0)
    for strategy in evidence["strategies"]:
        if content.keys() >= {"n", "right"} and strategy["id"] == current and right <= n <= strategy["n"]:
            strategy["right"] = {"n": n, "k": n - right}


def add_known_answers(
    strategies: Sequence[dict[str, Any]], configurations: Sequence[RecordedConfiguration], store: Store
) -> None:
    """Add the right values of trials with known answers, and those of each decision model beside the best prompt's.

    A decision model in use has the answers of the trial that asked the same model.
    """
    wrong = {one.id: _known_answers(one, store) for one in configurations}
    if not any(wrong.values()):
        return
    decided = [one for one in configurations if one.step == DECISION]
    for one in decided:
        same = [other.id for other in decided if wrong[other.id] and _asks_same(one, other)]
        wrong[one.id] = wrong[one.id] or (wrong[same[-1]] if same else {})
    prompts = {one.id: wrong[one.id] for one in configurations if one.step not in (DECISION, "tuned")}
    for strategy in strategies:
        found = wrong[strategy["id"]]
        if found and len(found) <= strategy["n"]:
            missed = sum(share > 0 for share in found.values())
            strategy.setdefault("right", {"n": len(found), "k": missed})
        if strategy["rung"] == DECISION and (content := values_beside(found, prompts)):
            strategy["content"] = content


def _known_answers(configuration: RecordedConfiguration, store: Store) -> dict[bytes, float]:
    """Return the share of wrong values of each input with a known answer, by the hash of the input."""
    ids = [row.id for row in configuration.rows if row.id is not None]
    with store.reading() as snapshot:
        if not snapshot.connection.select("SELECT 1 FROM content WHERE label = 'known' LIMIT 1"):
            return {}
        found: dict[bytes, float] = load("content:known").known_answers(snapshot.connection, ids)
        return found


def _asks_same(one: RecordedConfiguration, other: RecordedConfiguration) -> bool:
    def names(row: Any) -> tuple[str | None, ...]:
        return row.strategies, row.model, row.provider

    return names(one.first) == names(other.first)


def values_beside(
    found: Mapping[Any, float], prompts: Mapping[str, Mapping[Any, float]]
) -> dict[str, Any] | None:
    """Compare a decision model with the prompt that has the most right values, of those with the most inputs of both.

    The result has the number of prompts that could have been chosen. Each of them needs its part of alpha, because the
    best one is also the luckiest one on these inputs.

    Args:
        found: The share of wrong values of the decision model by input.
        prompts: The same of each prompt by the id of its strategy.
    """
    shared = {name: [task for task in found if task in known] for name, known in prompts.items()}
    most = max(map(len, shared.values()), default=0)
    if not most:
        return None
    largest = [name for name, tasks in shared.items() if len(tasks) == most]
    name = min(largest, key=lambda one: sum(prompts[one][task] for task in shared[one]) / most)
    pairs = [(prompts[name][task], found[task]) for task in shared[name]]
    worse, better = (sum(sign * (after - before) > 0 for before, after in pairs) for sign in (1, -1))
    compared = sum(1 for tasks in shared.values() if tasks)
    return {"n": most, "worse": worse, "better": better, "beside": name, "compared": compared}
