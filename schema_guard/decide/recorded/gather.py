# SPDX-License-Identifier: Apache-2.0
"""Evidence from a store: what was recorded, as `decide` takes it.

Rules: a configuration is a strategy of its own. Whatever is left out is a note. What a store cannot know (money,
feasibility, why a rung is not tried) is handed in and goes before what was recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.core.values import UNMENDED_BY_LIMIT
from schema_guard.decide.ladder import RAISE_OUTPUT, RUNGS, STRICT
from schema_guard.decide.outside import ways_of
from schema_guard.decide.recorded.configurations import (
    RecordedConfiguration,
    alarm_of,
    calls_per_month,
    configurations_of,
    current_of,
    is_trial,
    is_used,
    last_call,
    of_newest_schema,
    problems_of,
    rung_of,
    settings_of,
    trial_of,
)
from schema_guard.decide.recorded.costs import with_recorded_costs, with_recorded_seconds
from schema_guard.errors import InvalidArgument
from schema_guard.prices.sizes import Sizes, sizes_of
from schema_guard.records.chosen import NO_SEGMENT, chosen_of
from schema_guard.stats import calls_needed
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.recorded.configurations import Problem
    from schema_guard.records import ConfigurationCounts, DeclaredRung, DeclaredTarget, Store
    from schema_guard.records.chosen import Chosen

_POINTS = 400
# Calls after an alarm are counted one by one, 20 us each; more of them only by their outcomes.
_MOST_RECOUNTED = 20_000


class Gathered(NamedTuple):
    """What a store gives.

    Attributes:
        evidence: For `decide`, in the format that it documents.
        function: Whose calls it is about; None where nothing but trials is recorded.
        schema: Name of the schema.
        schema_fingerprint: Of the schema's newest content, which it is about.
        paths: Strategy id -> (calls, unhandled) at points in the order of the calls, for a plot of how the evidence
            grew; only where a strategy's calls have one order.
    """

    evidence: dict[str, Any]
    function: str | None
    schema: str
    schema_fingerprint: str
    paths: dict[str, list[tuple[int, int]]]


class _Taken(NamedTuple):
    """How calls are taken."""

    versions: frozenset[str]
    sizes: Sizes
    windowed: bool


def gather(store: Store, **asked: Any) -> Gathered:
    """Read the evidence on one function and its schema; the arguments and errors are those of `gather_each`.

    Raises:
        InvalidArgument: Several functions, or schemas, are meant.
    """
    found = gather_each(store, **asked)
    if len(found) > 1:
        named = ", ".join(f"{clip(one.function or 'trials')} ({clip(one.schema)})" for one in found)
        raise InvalidArgument(
            f"{store.url} holds calls of several functions or schemas: {named}: name one with function= or schema="
        )
    return found[0]


def gather_each(  # noqa: PLR0913 - which calls, and what no store knows; all by name
    store: Store,
    *,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
    since: float | None = None,
    given: Mapping[str, Any] | None = None,
    prices: str | None = None,
    also_versions: Sequence[str] = (),
    sizes: Sequence[str] = (),
) -> list[Gathered]:
    """Read the evidence on each function and its schema from a store.

    Args:
        store: Where to read.
        schema: Name or fingerprint; None for all.
        function: Name, or an end of it behind a dot that no other has; None for all. The trials (`bench`, `climb`)
            that belong to it count as well.
        segment: Only this part of the traffic, and trials.
        since: Only calls that started then or later, in seconds since the epoch.
        given: Keys of the evidence that the store cannot know: `economics`, `feasibility`, `config`, `ladder`,
            `calls_per_month`, `content`, `latency`, `sources`. Of `economics.prompt_cost` and `tuned_cost` what is
            missing is filled in: tokens and seconds from the records of the best strategy, prices from *prices*. Of
            `latency` only `budget_s` is needed. Only `config` can hold for several functions.
        prices: A table of token prices, as `prices.tokens.token_prices` takes it.
        also_versions: Earlier versions of the functions whose calls count as those of the newest.
        sizes: Names of models from small to large; of those without, the dearer one by *prices* is the larger.

    Raises:
        InvalidArgument: Nothing is recorded that fits, a name is not recorded, or *given* holds what it may not.
        StoreError: The store cannot be read.
    """
    said = dict(given or {})
    for key in ("strategies", "schemas", "pilot", "current"):
        if key in said:
            raise InvalidArgument(f"given[{key!r}]: comes from the store: leave it out, or decide on a file")
    known = [row for row in store.configurations() if is_used(row)]
    chosen = chosen_of(store, known, schema=schema, function=function, segment=segment)
    rows = known if since is None else store.configurations(since=since, schema=chosen.schema)
    problems = problems_of([row for row in rows if is_used(row) and _is_meant(row, chosen)], known)
    _check_versions(also_versions, known)
    if not problems:
        raise InvalidArgument(_nothing(store, said, windowed=bool(known)))
    if len(problems) > 1 and said.keys() - {"config"}:
        raise InvalidArgument(
            f"given: {', '.join(sorted(said.keys() - {'config'}))}: expected one function that it is about, got "
            f"{len(problems)}: name it with function= or schema="
        )
    taken = _Taken(frozenset(also_versions), sizes_of(sizes, prices), windowed=since is not None)
    return [_gathered(problem, store, dict(said), taken) for problem in problems]


def _check_versions(named: Iterable[str], rows: Iterable[ConfigurationCounts]) -> None:
    known = {row.version for row in rows}
    for version in named:
        if version not in known:
            raise InvalidArgument(
                f"version {clip(repr(version))}: no call of it is recorded{did_you_mean(version, known)}"
            )


def _is_meant(row: ConfigurationCounts, chosen: Chosen) -> bool:
    """Say whether a row may belong to what was chosen: whose a trial is comes out later."""
    return chosen.takes(row) or (
        is_trial(row) and chosen.schema in (None, row.schema_name, row.schema_fingerprint)
    )


def _gathered(problem: Problem, store: Store, given: dict[str, Any], taken: _Taken) -> Gathered:
    notes: list[str] = []
    if problem.left_out:
        notes.append(
            f"{problem.left_out} calls of trials are left out: they name no function, and the schema has several; "
            "`schema-guard climb --function` names one"
        )
    rows = of_newest_schema(problem.rows, notes)
    fingerprint = rows[0].schema_fingerprint
    configurations = configurations_of(rows, notes, also_versions=taken.versions, sizes=taken.sizes)
    prompted = [configuration for configuration in configurations if configuration.rung != "tuned"]
    tuned = _piloted(configurations, notes)
    if not prompted:
        raise InvalidArgument(
            f"of {clip(problem.function or problem.schema)} only a tuned model's calls are recorded: expected those of "
            "a prompting strategy too"
        )
    # Of imported failures the share that is unhandled is no rate: they are the best where there is nothing else.
    best = min(
        prompted, key=lambda found: (not found.is_rated, found.unhandled / found.n if found.n else 1.0)
    )
    targets = targets_of(store, fingerprint, problem.function)
    evidence: dict[str, Any] = {
        "strategies": [
            _strategy(configuration, store, notes, windowed=taken.windowed) for configuration in prompted
        ],
        "current": current_of(prompted).id,
        "config": _config(given.pop("config", {}), targets),
        "ladder": _ladder(
            prompted, best, _rungs(store, fingerprint, problem.function), given.pop("ladder", [])
        ),
        "calls_per_month": calls_per_month(prompted),
        "target_history": [[_day(past.at), past.target] for past in targets],
        "pilot": _pilot(tuned, best, store),
        "segments": _segments(best) if best.is_rated and not tuned else [],
        "comparisons": _comparisons(prompted, store),
        "sources": [],
    }
    if "economics" in given:
        evidence["economics"] = with_recorded_costs(
            given.pop("economics"), best, store, taken.sizes.prices, evidence["sources"], notes
        )
    if "latency" in given:
        evidence["latency"] = with_recorded_seconds(given.pop("latency"), best, tuned)
    evidence |= given
    evidence["notes"] = notes
    known = {key: value for key, value in evidence.items() if value or key in ("strategies", "config")}
    return Gathered(known, problem.function, problem.schema, fingerprint, _paths(prompted))


def _piloted(
    configurations: Iterable[RecordedConfiguration], notes: list[str]
) -> list[RecordedConfiguration]:
    """Give the tuned models of which a rate is known."""
    tuned = [found for found in configurations if found.rung == "tuned"]
    notes += [
        f"{clip(found.id)}, a tuned model, {found.traffic.text}: left out"
        for found in tuned
        if found.traffic and not found.is_rated
    ]
    return [found for found in tuned if found.is_rated]


def _nothing(store: Store, given: Mapping[str, Any], *, windowed: bool) -> str:
    if windowed:
        return f"{store.url} holds no judged call since then: name an earlier time, or none"
    config = given.get("config", {})
    target = config.get("target", 0.01) if isinstance(config, Mapping) else 0.01
    text = f"{store.url} holds no judged call: guard a function, or run `schema-guard climb`"
    needed = calls_needed(0, 1, target)
    if needed is None:
        return text
    return f"{text}; the fewest calls that can decide, none of them unhandled, are {needed + 1}"


def _strategy(
    configuration: RecordedConfiguration, store: Store, notes: list[str], *, windowed: bool
) -> dict[str, Any]:
    rows = configuration.rows
    said: dict[str, Any] = {
        "id": configuration.id,
        "rung": configuration.rung,
        "n": configuration.n,
        "k_final": configuration.unhandled,
    }
    if configuration.outside and not is_trial(configuration.first):
        said["outside"] = [calls._asdict() for calls in ways_of(configuration.outside)]
    if configuration.traffic is not None:
        said["traffic"] = configuration.traffic._asdict()
    said["failure_kinds"] = _kinds(rows)
    after = [_after_alarm(row, store, notes, configuration.id, windowed=windowed) for row in rows]
    alarmed = [found for found in after if found is not None]
    if alarmed:
        remaining = [found.rest if found else row for row, found in zip(rows, after, strict=True)]
        said["drift"] = {
            "alarm_at": max(found.alarm_at for found in alarmed),
            "post_n": sum(row.calls for row in remaining),
            "post_k": sum(row.unhandled for row in remaining),
        }
        rows = tuple(remaining)
        if all(row.attempts for row in rows if row.calls) and _are_seen(rows):
            said["drift"]["post_attempts"] = _attempts(rows)
        # Of the calls before the alarm as well: what they failed at is no longer what is asked about.
        del said["failure_kinds"]
    elif configuration.n and _are_seen(rows):
        said["attempts"] = _attempts(rows)
    if not _are_seen(rows):
        notes.append(
            f"{clip(configuration.id)}: in {sum(row.unseen for row in rows)} calls a library inside of the function had "
            "asked again, unseen: what re-asking does is not known"
        )
    if any(row.clusters for row in rows):
        said["clusters"] = _clusters(rows)
    return said


def _kinds(rows: Iterable[ConfigurationCounts]) -> dict[str, int]:
    """Count unhandled calls by kind."""
    kinds: dict[str, int] = defaultdict(int)
    for row in rows:
        for kind, calls in row.failure_kinds.items():
            # A call that broke off after a judged reply is unhandled; at what it would have failed is not known.
            if kind != "transport":
                kinds[kind] += calls
    return dict(kinds)


def _are_seen(rows: Iterable[ConfigurationCounts]) -> bool:
    """Say whether all tries of all calls were seen."""
    return not any(row.unseen for row in rows)


def _attempts(rows: Iterable[ConfigurationCounts]) -> list[list[int]]:
    """Add up calls that reached an attempt, and calls that failed in it."""
    columns = zip_longest(*(row.attempts for row in rows), fillvalue=(0, 0))
    return [[sum(n for n, _ in column), sum(k for _, k in column)] for column in columns]


def _clusters(rows: Iterable[ConfigurationCounts]) -> list[list[int]]:
    """Give [calls, unhandled, inputs]: how many distinct inputs had so many."""
    found: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        shapes = row.clusters or ((1, 1, row.unhandled), (1, 0, row.calls - row.unhandled))
        for n, k, inputs in shapes:
            if inputs:
                found[n, k] += inputs
    return [[n, k, inputs] for (n, k), inputs in sorted(found.items())]


class _AfterAlarm(NamedTuple):
    """What came after an alarm at one row's call."""

    alarm_at: int
    rest: ConfigurationCounts


def _after_alarm(
    row: ConfigurationCounts, store: Store, notes: list[str], name: str, *, windowed: bool
) -> _AfterAlarm | None:
    alarm = alarm_of(row)
    if alarm is None:
        return None
    if windowed or row.id is None:
        notes.append(
            f"{clip(name)}: the unhandled rate rose at call {alarm} of this window; name a later --since, or none, to "
            "decide on the calls after it"
        )
        return None
    notes.append(f"{clip(name)}: the unhandled rate rose at call {alarm}; only the calls after it count")
    rest = row.calls - alarm
    if rest <= _MOST_RECOUNTED:
        return _AfterAlarm(alarm, store.configuration_after(row.id, alarm))
    notes.append(
        f"{clip(name)}: of those {rest} calls repeated inputs are not put together, and attempts not told"
    )
    bits = int.from_bytes(row.outcomes) & ((1 << (8 * len(row.outcomes) - alarm)) - 1)
    return _AfterAlarm(alarm, replace(row, calls=rest, unhandled=bits.bit_count(), clusters=(), attempts=()))


def targets_of(store: Store, fingerprint: str, function: str | None) -> list[DeclaredTarget]:
    """Give the targets that hold for a function; without one, those that were set without one."""
    found = store.targets(fingerprint, function=function)
    return [one for one in found if function is not None or one.function is None]


def _rungs(store: Store, fingerprint: str, function: str | None) -> list[DeclaredRung]:
    """Give the declarations that hold for a function, as `targets_of` does."""
    found = store.declared_rungs(fingerprint, function=function)
    return [one for one in found if function is not None or one.function is None]


def _config(given: Any, targets: Sequence[DeclaredTarget]) -> Any:
    """Give the configuration asked for, its target being the last one that was set where none is given."""
    if not isinstance(given, Mapping) or "target" in given:
        return given
    return {**given, "target": targets[-1].target} if targets else dict(given)


def _ladder(
    configurations: Sequence[RecordedConfiguration],
    best: RecordedConfiguration,
    declared: Iterable[Any],
    given: Any,
) -> list[dict[str, Any]]:
    """Say where each rung stands: tested by the records, declared, ruled out by a fact, else untested."""
    claimed = given if isinstance(given, list) else []
    named = {claim.get("rung") for claim in claimed if isinstance(claim, Mapping)}
    tested = {rung for configuration in configurations for rung in _tested(configuration)}
    ruled_out = {found.rung: (found.status, f"{found.reason} ({_day(found.at)})") for found in declared}
    for rung, reason in _facts(best, tested):
        ruled_out.setdefault(rung, ("not_applicable", reason))
    claims = []
    for rung in RUNGS:
        if rung in named:
            continue
        if rung in tested:
            claims.append({"rung": rung, "status": "tested"})
        elif rung in ruled_out:
            status, reason = ruled_out[rung]
            claims.append({"rung": rung, "status": status, "reason": reason})
        else:
            claims.append({"rung": rung, "status": "untested"})
    return [*claimed, *claims]


def _tested(configuration: RecordedConfiguration) -> set[str]:
    """Give the rungs on which a configuration stands."""
    settings = settings_of(configuration.first)
    rungs = {rung_of(name) for name in configuration.first.strategies.split(">")} & set(RUNGS)
    rungs |= {configuration.rung} & set(RUNGS)
    if settings.get("repair") in ("lossless", "lossy"):
        rungs.add("lenient_parse")
    if settings.get("max_attempts", 1) > 1:
        rungs.add("repair_retry")
    if (settings.get("budget") or {}).get("max_output_tokens"):
        rungs.add(RAISE_OUTPUT)
    return rungs


def _facts(best: RecordedConfiguration, tested: set[str]) -> Iterable[tuple[str, str]]:
    """Give the rungs that the records rule out, and why."""
    truncated = sum(row.failure_kinds.get("truncation", 0) for row in best.rows)
    unmended = sum(
        calls for row in best.rows for _, code, calls in row.unhandled_failures if code in UNMENDED_BY_LIMIT
    )
    if best.unhandled and not truncated:
        yield RAISE_OUTPUT, f"0 of {best.unhandled} unhandled calls of {best.id} are truncation"
    elif unmended and 2 * (truncated - unmended) < best.unhandled:
        told = f"only {truncated - unmended} of {best.unhandled} unhandled calls of {best.id} were too long"
        yield RAISE_OUTPUT, f"{told}: {unmended} ran away or were spent on reasoning"
    if STRICT in tested:
        yield "json_mode", "strict_schema was tried, which holds more than JSON mode"


def _pilot(
    tuned: Sequence[RecordedConfiguration], best: RecordedConfiguration, store: Store
) -> dict[str, Any] | None:
    """Give what the newest tuned model did, beside the best prompt where inputs or segments are shared."""
    if not tuned:
        return None
    newest = max(tuned, key=lambda configuration: max(map(last_call, configuration.rows)))
    pilot: dict[str, Any] = {"n": newest.n, "k_final": newest.unhandled}
    if best.first.id is not None and newest.first.id is not None:
        shared, b, c = store.pairs(best.first.id, newest.first.id)
        if shared:
            pilot["paired"] = {"b": b, "c": c}
    prompted, piloted = _parts(best), _parts(newest)
    if len(prompted) > 1 and piloted.keys() <= prompted.keys():
        pilot["segments"] = [
            {
                "name": name,
                "share": n / best.n,
                "prompt_n": n,
                "prompt_k": k,
                "tuned_n": piloted.get(name, (0, 0))[0],
                "tuned_k": piloted.get(name, (0, 0))[1],
            }
            for name, (n, k) in prompted.items()
        ]
    return pilot


def _parts(configuration: RecordedConfiguration) -> dict[str, tuple[int, int]]:
    """Give the calls of each segment, and the unhandled ones."""
    parts: dict[str, tuple[int, int]] = {}
    for row in configuration.rows:
        n, k = parts.get(row.segment or NO_SEGMENT, (0, 0))
        parts[row.segment or NO_SEGMENT] = n + row.calls, k + row.unhandled
    return parts


def _comparisons(configurations: Sequence[RecordedConfiguration], store: Store) -> list[dict[str, Any]]:
    """Compare each rung of a climb with the one before it, on the inputs that both were asked once."""
    climbed = sorted(
        (found for found in configurations if is_trial(found.first) and found.first.id is not None),
        key=lambda found: found.first.first_started_at or 0.0,
    )
    compared = []
    for before, after in pairwise(climbed):
        if trial_of(before.first).name == trial_of(after.first).name:
            n, b, c = store.pairs(before.first.id or 0, after.first.id or 0)
            if n:
                compared.append({"before": before.id, "after": after.id, "n": n, "b": b, "c": c})
    return compared


def _segments(best: RecordedConfiguration) -> list[dict[str, Any]]:
    """Give the parts of the best strategy's traffic; none where it is not divided."""
    parts = {name: counts for name, counts in _parts(best).items() if counts[0]}
    if len(parts) <= 1:
        return []
    return [{"name": name, "share": n / best.n, "n": n, "k": k} for name, (n, k) in parts.items()]


def _paths(configurations: Iterable[RecordedConfiguration]) -> dict[str, list[tuple[int, int]]]:
    return {
        configuration.id: _path(configuration.first)
        for configuration in configurations
        if len(configuration.rows) == 1
    }


def _path(row: ConfigurationCounts) -> list[tuple[int, int]]:
    """Give (calls, unhandled) at about `_POINTS` places, whole bytes of bits apart, and at the end."""
    step = max(1, len(row.outcomes) // _POINTS)
    points: list[tuple[int, int]] = []
    failed = 0
    for at in range(0, len(row.outcomes), step):
        failed += int.from_bytes(row.outcomes[at : at + step]).bit_count()
        points.append((min(8 * (at + step), row.calls), failed))
    return points


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
