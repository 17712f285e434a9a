# SPDX-License-Identifier: Apache-2.0
"""Evidence from the records of a store, in the form that `decide` takes.

Rules: Each configuration is a strategy. A note lists everything that is left out. Facts that a store can't have (money,
feasibility, the reason why a step isn't tried) are passed in, and take precedence over recorded ones.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import loss_lines
from schema_guard.decide.case import Case
from schema_guard.decide.evidence.reading import read_evidence, read_facts, with_budget
from schema_guard.decide.playbook import DECISION
from schema_guard.decide.recorded.arrivals import StoreArrivals, alpha_shares
from schema_guard.decide.recorded.comparisons import (
    add_known_answers,
    comparisons_of,
    newest_of,
    pilot_of,
    right_of,
    segments_of,
    use_known_answers,
    without_unanswered_trials,
    without_worse_form,
)
from schema_guard.decide.recorded.configurations import (
    Problem,
    RecordedConfiguration,
    is_trial,
    is_used,
    last_call,
    problems_of,
)
from schema_guard.decide.recorded.costs import (
    with_fallback_costs,
    with_fallbacks,
    with_recorded_costs,
    with_recorded_seconds,
)
from schema_guard.decide.recorded.fixes import claims_of, holding, tunings, with_recorded_model
from schema_guard.decide.recorded.production import Gathering, Production
from schema_guard.decide.recorded.router_calls import (
    answered_for,
    joined_pilots,
    split_fallbacks,
    with_fallback,
    with_fallback_prompt,
)
from schema_guard.decide.recorded.strategies import strategy_of
from schema_guard.decide.recorded.weeks import day_of, time_zone
from schema_guard.errors import InvalidArgument
from schema_guard.prices.sizes import sizes_of
from schema_guard.records.selection import NO_SEGMENT, Selection, choose_one, no_calls, select
from schema_guard.records.urls import store_options, storing_line
from schema_guard.stats import calls_needed
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from schema_guard.decide.recorded.volume import Volume
    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.records.declarations import DeclaredTarget


SILENT_S = 7 * 86_400
"""A function is silent after so many seconds without a call. Functions that are called only on weekends pause for less."""


class Gathered(NamedTuple):
    """The evidence from a store.

    Attributes:
        evidence: Evidence in the documented format of `decide`.
        function: Name of the function that the evidence is about. None if only trials are recorded.
        schema: Name of the schema.
        schema_fingerprint: Fingerprint of the schema's newest content, which the evidence is about.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls, over all versions.
        changes: Direction of each change of that rate, and the start of the hour in which it most likely occurred.
        last_call: Start of the last call in production, in seconds since the epoch; 0 if unknown. For a silent
            function, the calls of all segments count.
        is_silent: Whether the function's last call in any segment was more than a week before the store's last call.
    """

    evidence: dict[str, Any]
    function: str | None
    schema: str
    schema_fingerprint: str
    hours: tuple[tuple[int, int, int], ...] = ()
    changes: tuple[tuple[str, int], ...] = ()
    last_call: float = 0.0
    is_silent: bool = False


def gather(store: Store, **asked: Any) -> Gathered:
    """Read the evidence on one function and its schema. The arguments and errors are those of `gather_each`.

    Raises:
        InvalidArgument: Several functions or schemas match.
    """
    gathered = gather_each(store, **asked)
    if len(gathered) > 1:
        named = ", ".join(f"{clip(one.function or 'trials')} ({clip(one.schema)})" for one in gathered)
        raise InvalidArgument(
            f"{store.url} contains calls of several functions or schemas: {named}. Name one with function= or schema="
        )
    return gathered[0]


def add_texts(gathered: Gathered, store: Store) -> None:
    """Add the number of stored texts of the function to the evidence, and the line that makes a guard store texts."""
    with store.reading() as snapshot:
        texts = snapshot.kept_texts(gathered.schema_fingerprint, gathered.function)
    gathered.evidence["about"] |= {"texts": texts, "storing": storing_line(store)}


def gather_each(  # noqa: PLR0913 - the selection of calls, and facts that no store knows; all by name
    store: Store,
    *,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
    since: float | None = None,
    until: float | None = None,
    extra: Mapping[str, Any] | None = None,
    prices: str | None = None,
    also_versions: Sequence[str] = (),
    sizes: Sequence[str] = (),
    priority: str | None = None,
    may_be_empty: bool = False,
) -> list[Gathered]:
    """Read the evidence on each function and its schema from a store.

    Args:
        store: The store to read.
        schema: Name or fingerprint. None for all.
        function: Name, or a unique ending of it after a dot. None for all. The trials (`bench`, `bench run --playbook`)
            that belong to the function count too.
        segment: Only this part of the traffic, and trials.
        since: Only calls that started at this time or later, in seconds since the epoch.
        until: Only calls that started before this time, and trials.
        extra: Keys of the evidence that the store can't contain: `economics`, `feasibility`, `config`, `playbook`,
            `calls_per_month`, `content`, `latency`, `sources`, and `answers`, the result of
            `bench.result.answers.known_answers` for recorded trials. Missing parts of `economics.prompt_cost` and
            `tuned_cost` are filled in: tokens and seconds from the records of the best strategy, prices from *prices*.
            `latency` needs only `budget_s`. Only `config` can apply to several functions.
        prices: A table of token prices, in the form of `prices.costs.token_prices`.
        also_versions: Earlier versions of the functions whose calls count as those of the newest.
        sizes: Names of models from small to large. Of other models, the dearer one by *prices* is the larger.
        priority: The function that has half of alpha. None gives all functions of the store equal parts.
        may_be_empty: Whether an empty result is an answer and no error.

    Raises:
        InvalidArgument: No recorded call matches, a name is not recorded, or *extra* has a key that comes from the
            store.
        StoreError: The store cannot be read.
    """
    facts = _checked(extra or {})
    everything = store.configurations()
    known = [row for row in everything if is_used(row)]
    chosen = select(store, everything, schema=schema, function=function, segment=segment)
    contents = frozenset(row.schema_fingerprint for row in known if chosen.takes(row))
    is_windowed = since is not None or until is not None
    # A function of one schema needs no others read.
    of_schema = next(iter(contents)) if len(contents) == 1 else None
    rows = _in_time(store, of_schema, since, until) if is_windowed else known
    problems = problems_of(
        [row for row in rows if is_used(row) and _is_selected(row, chosen, contents)], known
    )
    _check_versions(also_versions, known)
    if not problems and not may_be_empty:
        if known and (is_windowed or any(chosen)):
            raise InvalidArgument(no_calls(store, since=since, until=until, **chosen._asdict()))
        raise InvalidArgument(_nothing(store, facts))
    _check_facts(facts, problems)
    rows = [row for row in known if chosen.segment in (None, row.segment or NO_SEGMENT)]
    reading = Gathering(
        store,
        everything,
        everything if until is None else store.configurations(until=until, clusters=False),
        rows,
        StoreArrivals(store),
        since,
        until,
        frozenset(also_versions),
        sizes_of(sizes, prices),
        time_zone(facts.get("config", {}).get("time_zone")),
        [],
    )
    shares = alpha_shares(store, known, priority)
    return [_gathered(one, {**shares, **facts}, reading._replace(notes=[])) for one in problems]


def _checked(extra: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("strategies", "schemas", "pilot", "current"):
        if key in extra:
            raise InvalidArgument(
                f"extra[{key!r}]: the store provides this fact. Remove it, or pass the complete evidence to `decide` instead of a store"
            )
    answers = {key: value for key, value in extra.items() if key == "answers"}
    return read_facts({key: value for key, value in extra.items() if key not in answers}) | answers


def _check_facts(facts: Mapping[str, Any], problems: Sequence[Problem]) -> None:
    if len(problems) > 1 and facts.keys() - {"config"}:
        raise InvalidArgument(
            f"extra: {', '.join(sorted(facts.keys() - {'config'}))}: these facts apply to only one function, so {choose_one((one.function, one.schema) for one in problems)}"
        )


def _in_time(
    store: Store, schema: str | None, since: float | None, until: float | None
) -> list[ConfigurationCounts]:
    """Return the calls of a period. For trials, the period has no end, because they follow the calls they are for."""
    rows = store.configurations(since=since, until=until, schema=schema)
    if until is None:
        return rows
    trials = filter(is_trial, store.configurations(since=since, schema=schema))
    return [*(row for row in rows if not is_trial(row)), *trials]


def _check_versions(named: Iterable[str], rows: Iterable[ConfigurationCounts]) -> None:
    known = {row.version for row in rows}
    for version in named:
        if version not in known:
            raise InvalidArgument(
                f"version {clip(repr(version))}: no recorded call has this version{did_you_mean(version, known) or '. To list the versions, run `schema-guard report --by version`'}"
            )


def _is_selected(row: ConfigurationCounts, chosen: Selection, contents: Container[str]) -> bool:
    """Return whether a row may belong to the chosen calls. For trials, the name of the schema doesn't matter."""
    if is_trial(row):
        return row.schema_fingerprint in contents
    return row.schema_fingerprint in contents and chosen._replace(schema=None).takes(row)


def _gathered(problem: Problem, facts: dict[str, Any], reading: Gathering) -> Gathered:
    store, notes = reading.store, reading.notes
    if problem.left_out:
        notes.append(
            f"{problem.left_out} calls of trials are not counted, because they name no function and the schema has "
            "several. Name the function with `bench run --playbook --function`"
        )
    problem, again = split_fallbacks(problem)
    production = Production(problem, reading)
    fingerprint = production.configurations[0].first.schema_fingerprint
    for one in production.configurations:  # another schema was sent
        notes += [f"{clip(one.id)}: {line}" for line in loss_lines(one.first.settings)]
    own, tuned = _parted(production.configurations, notes)
    tuned, forms = without_worse_form(tuned, store, notes)
    answers = facts.pop("answers", [])
    own = without_unanswered_trials([with_fallback_prompt(one, again) for one in own], answers, notes)
    best = _best_of(own)
    targets = targets_of(store, fingerprint, problem.function)
    stored = {"target": targets[-1].target} if targets else {}
    config = with_budget({**stored, **facts.pop("config", {})}, facts.get("latency"))
    latency_p95_s = config.get("latency_p95_s")
    # Without a main configuration, the one with the most of the latest calls is current.
    current = max(own, key=lambda one: (not is_trial(one.first), one.is_main, one.share, one.last_call))
    hours, changes, last, is_silent = _times(problem, production, current.first)
    volume = None if is_silent else production.volume
    evidence: dict[str, Any] = {
        "strategies": [_strategy(one, production, latency_p95_s, answers) for one in own],
        "current": current.id,
        "config": config,
        "ladder": claims_of(own, best, problem.function, facts.pop("ladder", []), config, store),
        "calls_per_month": None if volume is None else volume.per_month,
        "target_history": [[day_of(past.at), past.target] for past in targets],
        "target_sources": {"target": f"stored on {day_of(targets[-1].at)}"} if targets else {},
        "pilot": answered_for(
            pilot_of(tuned, best, store, latency_p95_s, answers, forms), tuned, again, notes
        ),
        "segments": segments_of(best) if best.is_rated and not tuned else [],
        "comparisons": comparisons_of(own, store),
        "sources": [],
        "about": _scope_of(problem, production, None if "calls_per_month" in facts else volume)
        | ({"is_silent": True} if is_silent else {}),
        "day": datetime.now(UTC).date().isoformat(),
        "options": store_options(store),
    }
    _add_extra_evidence(evidence, facts, reading, best, tuned, current)
    use_known_answers(evidence, current.id)
    evidence["notes"] = [*notes, *evidence.get("notes", ())]
    known = {key: value for key, value in evidence.items() if value or key in ("strategies", "config")}
    _add_content(known, own, store)
    return Gathered(known, problem.function, problem.schema, fingerprint, hours, changes, last, is_silent)


def _times(problem: Problem, production: Production, current: ConfigurationCounts) -> tuple[Any, ...]:
    """Return the last four values of `Gathered`."""
    reading = production.reading

    def last_of(rows: Iterable[ConfigurationCounts]) -> float:
        return max((last_call(row) for row in rows if not is_trial(row)), default=0.0)

    names = {(row.function, row.schema_name) for row in problem.rows}
    own = last_of(row for row in reading.before if (row.function, row.schema_name) in names)
    # A clock that is ahead makes no other function silent.
    is_silent = 0 < own < min(last_of(reading.before), time()) - SILENT_S
    last = own if is_silent else last_of(problem.rows)
    return production.over_time(current), production.changed(current), last, is_silent


def _add_extra_evidence(
    evidence: dict[str, Any],
    facts: dict[str, Any],
    reading: Gathering,
    best: RecordedConfiguration,
    tuned: Sequence[RecordedConfiguration],
    current: RecordedConfiguration,
) -> None:
    """Add the facts that a store can't have, and fill in missing parts of them from the records."""
    if "economics" in facts:
        money, sources = facts.pop("economics"), evidence["sources"]
        # The cost of a tuned model's calls is its cost in use, or in its pilot if it is not in use.
        measured = current if current.step == "tuned" and best is not current else newest_of(tuned)
        filled = with_recorded_costs(
            money, best, reading.sizes.prices, sources, reading.notes, piloted=measured
        )
        if measured is current:
            filled = with_fallbacks(filled, current, reading.notes)
        evidence["economics"] = filled
    if "latency" in facts:
        evidence["latency"] = with_recorded_seconds(facts.pop("latency"), best, tuned)
    evidence |= facts
    model_of = current if current.step == "tuned" else newest_of(tuned) or current
    evidence["feasibility"] = with_recorded_model(
        evidence.get("feasibility", {}),
        (model_of, current),
        reading.everything,
        tunings(reading.store),
        evidence["day"],
        reading.notes,
    )


def _best_of(configurations: Sequence[RecordedConfiguration]) -> RecordedConfiguration:
    """Return the prompt with the lowest rate, or a tuned model if there are no other calls."""
    models = [one for one in configurations if one.step != "tuned"]
    prompted = [one for one in models if one.step != DECISION] or models
    # The failed share of imported failures isn't a rate, so they are the best only if there is nothing else.
    return min(
        prompted or configurations,
        key=lambda one: (
            not one.is_rated,
            one.failed / one.n if one.n else 1.0,
        ),
    )


def _strategy(
    configuration: RecordedConfiguration,
    production: Production,
    latency_p95_s: float | None,
    answers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the evidence of a configuration, with the prompt behind it if one answers in its place."""
    reading = production.reading
    strategy = strategy_of(configuration, production, latency_p95_s)
    strategy = with_fallback(strategy, configuration, reading.notes)
    strategy = with_fallback_costs(strategy, configuration, reading.sizes.prices, reading.notes)
    right = right_of(configuration, answers)
    return strategy if right is None else {**strategy, "right": right}


def _add_content(evidence: dict[str, Any], own: Sequence[RecordedConfiguration], store: Store) -> None:
    """Add known answers, rises of ungrounded values, and the bounds that labels prove, at the alpha of the verdict."""
    add_known_answers(evidence["strategies"], own, store)
    named = {one.id: [row.id for row in one.rows if row.id is not None] for one in own}
    known = {name: content for name, ids in named.items() if (content := store.content(ids))}
    for strategy in evidence["strategies"]:
        if rise := known.get(strategy["id"], {}).get("rise"):
            strategy["ungrounded_rise"] = rise
    if not any(content["opinions"] for content in known.values()):
        return
    case = Case(read_evidence(evidence))
    # A third target shares alpha as well. The bound of right values of all calls needs one half.
    alpha = case.alpha_each / max(2, len(case.strategies[0].met))
    for strategy in evidence["strategies"]:
        content = store.content(named[strategy["id"]], alpha=alpha)
        if content and content["opinions"] and "right" not in strategy:
            none = {"lower": 0, "upper": 1, "alpha": alpha, "blocks": 0}
            strategy["right"] = content["right"] or none


def _parted(
    configurations: Sequence[RecordedConfiguration], notes: list[str]
) -> tuple[list[RecordedConfiguration], list[RecordedConfiguration]]:
    """Split configurations into strategies and piloted tuned models.

    A tuned model is in service if it is the main configuration, or if nothing else is recorded.
    """
    tuned = [one for one in configurations if one.step == "tuned"]
    notes += [
        f"{clip(one.id)}, a tuned model, is not counted ({one.traffic.text})"
        for one in tuned
        if one.traffic and not one.is_rated
    ]
    tuned = [one for one in tuned if one.is_rated]
    prompted = [one for one in configurations if one.step != "tuned"]
    used = max([*prompted, *tuned], key=lambda one: (one.is_main, one.share))
    if used in tuned and (not prompted or used.share):
        others = [one for one in tuned if one is not used]
        return [used, *prompted], joined_pilots(others, used, notes)
    return prompted, joined_pilots(tuned, None, notes)


def _scope_of(problem: Problem, production: Production, volume: Volume | None) -> dict[str, Any]:
    """Return the subject of the calls, the calls that are left out, and the source of the volume if it is used."""
    rows = [row for one in production.configurations for row in one.rows]
    own = [row for row in rows if not is_trial(row)] or rows
    starts = [row.first_started_at for row in own if row.first_started_at is not None]
    recorded = sum(row.calls for row in problem.rows) + problem.left_out
    calls = sum(row.calls for row in rows)
    return {
        "function": problem.function,
        "schema": problem.schema,
        "schema_fingerprint": rows[0].schema_fingerprint,
        "schemas_of_function": problem.schemas,
        "models": sorted({row.model for row in own if row.model}),
        "period": [day_of(min(starts)), day_of(max(map(last_call, own)))] if starts else None,
        "calls": calls,
        "left_out": recorded - calls,
        "lost_records": production.reading.store.lost_records(since=production.reading.since),
        **({"clocks": production.clocks} if production.clocks else {}),
        **({"latest_days": volume.days, "latest_calls": volume.calls} if volume else {}),
    }


def _nothing(store: Store, facts: Mapping[str, Any]) -> str:
    target = facts.get("config", {}).get("target", 0.01)
    text = f"{store.url} has no call with a validated reply. Call a guarded function with this store"
    needed = calls_needed(0, 1, target)
    if needed is None:
        return text
    return f"{text}; without failures, {needed + 1} calls can decide"


def targets_of(store: Store, fingerprint: str, function: str | None) -> list[DeclaredTarget]:
    """Return the targets of a function. Without a function, return the targets that were set without one."""
    return holding(store.targets(fingerprint, function=function), function)
