# SPDX-License-Identifier: Apache-2.0
"""The configurations of a store that a decision is about.

Rules: Configurations are never pooled. Calls with another function, model, strategy, setting, or version are another
configuration. Only the newest version counts, and versions that are in use beside it by the order in which calls
arrived. Of trials of one kind (`bench`, `bench run --playbook`), only the newest counts. A note lists everything that
is left out. One verdict is about a function and its schema. A trial belongs to the function that it names. A trial that
names none counts if its schema has only one function.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.configuration.model_names import is_tuned
from schema_guard.configuration.recorded_settings import (
    AFTER,
    EXAMPLES,
    LAYOUT,
    ROUTED,
    Traffic,
    again_of,
    improved_prompt_of,
    layout_of,
    parsed,
    traffic_of,
)
from schema_guard.decide.playbook import DECISION, IMPROVED, LARGER, OTHER, SMALLER, STEPS, STRICT
from schema_guard.locks import cached_property
from schema_guard.prices.sizes import Sizes
from schema_guard.records.counts.tallies import together
from schema_guard.records.rows import TRIALS, Row
from schema_guard.text import clip, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from schema_guard.decide.in_use import Arrival
    from schema_guard.records import ConfigurationCounts

StreamKey = tuple["str | None", ...]
"""The key of a stream of calls."""

Versions: TypeAlias = "dict[tuple[Any, ...], dict[tuple[str | None, ...], list[ConfigurationCounts]]]"
"""Rows by the facts that versions have in common, then by version."""

_MOST_VERSIONS = 3
# The names in the playbook that differ from the strategy's name.
_STEP_OF_SIZE = {"larger": LARGER, "smaller": SMALLER, "unknown": OTHER}
_STEP_OF = {"tool_call": STRICT, "decision": DECISION}
_SAMPLING = ("temperature", "top_p")


@dataclass(frozen=True)
class RecordedConfiguration:
    """The rows of one configuration. There are several if it ran in several segments.

    Attributes:
        id: Name that differs from those of the other configurations.
        step: A step of the playbook, `bare`, or `tuned`.
        rows: Its recorded counts.
        again: The calls that a router sent to the prompt after this tuned model had given no value.
        share: Its share of the function's latest calls.
        arrival: Its use, by the order of arrival. None without production calls.
        is_main: Whether it is the main configuration.
    """

    id: str
    step: str
    rows: tuple[ConfigurationCounts, ...]
    again: tuple[ConfigurationCounts, ...] = ()
    share: float = 0.0
    arrival: Arrival | None = None
    is_main: bool = False

    @property
    def first(self) -> ConfigurationCounts:
        """The row that was stored first."""
        return self.rows[0]

    @property
    def keys(self) -> frozenset[Row]:
        """The identities of the rows in the store."""
        return frozenset(row.configuration for row in self.rows)

    @cached_property
    def counts(self) -> ConfigurationCounts:
        """The counts of the rows, added up."""
        return together(self.rows)

    @property
    def n(self) -> int:
        """Validated calls."""
        return self.counts.calls

    @property
    def failed(self) -> int:
        """Failed calls."""
        return self.counts.failed

    @property
    def last_call(self) -> float:
        """Start of the latest call, in seconds since the epoch; 0 if unknown."""
        return last_call(self.counts)

    @property
    def traffic(self) -> Traffic | None:
        """The part of the traffic that its calls are. None for calls that were recorded live."""
        return traffic_of(self.first.settings)

    @property
    def is_rated(self) -> bool:
        """Whether the rate of its calls is the rate of the traffic, or of a sample of it."""
        return is_rated(self.first)


def is_trial(row: ConfigurationCounts) -> bool:
    """Return whether calls are measurements, and not calls of a user's function."""
    return row.function.startswith(TRIALS)


def is_rated(row: ConfigurationCounts) -> bool:
    """Return whether the rate of these calls is the rate of the traffic, or of a sample of it."""
    traffic = traffic_of(row.settings)
    return traffic is None or traffic.is_rated


def stream_key(row: ConfigurationCounts) -> StreamKey:
    """Return the facts that the successive configurations of one stream of calls share."""
    return row.strategies, row.model, str(row.tuned)


def is_used(row: ConfigurationCounts) -> bool:
    """Return whether a row has evidence about the format, or calls of unknown cause.

    A call that the provider failed is no evidence. A version that has only such calls is not in use yet.
    """
    unknown = any(calls.cause == "unknown" for calls in row.excluded)
    return row.calls > 0 or (unknown and not is_trial(row))


def in_place_of(
    tuned: Iterable[ConfigurationCounts], rows: Iterable[ConfigurationCounts]
) -> tuple[ConfigurationCounts, ...]:
    """Return the calls that a router sent to the prompt after one of these tuned models had given no value."""
    places = {f"{row.model} {row.version}" for row in tuned}
    marked = ((row, again_of(row.settings)) for row in rows)
    return tuple(row for row, again in marked if again and again.why == "fallback" and again.after in places)


class Trial(NamedTuple):
    """The recorded name of a trial, its step, and its function. Each is empty if the record doesn't have it."""

    name: str = ""
    step: str = ""
    function: str = ""


def trial_of(row: ConfigurationCounts) -> Trial:
    """Parse the recorded name of a trial: `bench:ID`, `playbook:ID:STEP`, or `playbook:ID:STEP:FUNCTION`."""
    if not is_trial(row):
        return Trial()
    kind, _, rest = row.function.partition(":")
    name, _, rest = rest.partition(":")
    step, _, function = rest.partition(":")
    return Trial(f"{kind}:{name}", step, function)


def of_newest_schema(
    rows: Sequence[ConfigurationCounts], last: Mapping[int, int], notes: list[str]
) -> list[ConfigurationCounts]:
    """Return the calls under the schema's newest content.

    Args:
        rows: Rows of one problem.
        last: The place of the last call of each configuration in the order of arrival. It has no calls that were
            imported or that arrived long ago.
        notes: Receive the calls that are left out.
    """
    own = [row for row in rows if not is_trial(row)] or rows
    newest = max(own, key=lambda row: (last.get(row.id or 0, 0), last_call(row))).schema_fingerprint
    older = [row for row in rows if row.schema_fingerprint != newest]
    if older:
        calls = sum(row.calls for row in older)
        notes.append(f"{calls} calls with earlier contents of the schema are not counted")
    return [row for row in rows if row.schema_fingerprint == newest]


def _but_model(row: ConfigurationCounts) -> tuple[str | None, ...]:
    return row.function, row.provider, row.strategies, row.settings, row.version


def _only_models(rows: Sequence[ConfigurationCounts]) -> dict[tuple[str | None, ...], str]:
    """Return the model of calls whose replies named none, if similar calls all name the same one: a call that raises
    before the first reply has come is one of that model's.
    """  # noqa: D205
    models: dict[tuple[str | None, ...], set[str]] = defaultdict(set)
    for row in rows:
        if row.model is not None:
            models[_but_model(row)].add(row.model)
    return {key: next(iter(names)) for key, names in models.items() if len(names) == 1}


def configurations_of(
    rows: Sequence[ConfigurationCounts],
    notes: list[str],
    *,
    absences: Callable[[Mapping[Row, Any]], Mapping[Any, Arrival]],
    also_versions: Container[str] = (),
    sizes: Sizes | None = None,
) -> list[RecordedConfiguration]:
    """Group the rows by configuration, and give each configuration a unique name.

    Args:
        rows: Rows of one problem.
        notes: Receive the calls that are left out, and unknown facts.
        absences: Returns how long the configurations of each key were absent.
        also_versions: Versions of the function that also count, in addition to the newest.
        sizes: Known sizes of models.
    """
    versions = versions_of(rows)
    absent = absences(
        {
            row.configuration: (same, version)
            for same, by_version in versions.items()
            for version, group in by_version.items()
            for row in group
            if not is_trial(row)
        }
    )
    groups: list[tuple[ConfigurationCounts, ...]] = []
    for same, by_version in versions.items():
        known = [(group, absent.get((same, version))) for version, group in by_version.items()]
        *old, (newest, _) = sorted(known, key=_by_arrival)
        also = [group for group, _ in old if not is_trial(group[0]) and group[0].version in also_versions]
        # Two functions of one name, or a part of the traffic for each version.
        beside = [group for group, absence in old if absence and not absence.is_gone and group not in also]
        groups.append((*_known_models_first(newest), *(row for group in also for row in group)))
        groups += map(_known_models_first, beside)
        notes += _excluded([group for group, _ in old if group not in (*also, *beside)], newest[0])
    current = max(
        groups,
        key=lambda found: (not is_trial(found[0]), not asks_tuned(found[0]), max(map(last_call, found))),
    )
    groups.sort(key=lambda found: found is not current)
    ids = _names([group[0] for group in groups])
    steps = [_step(group[0], current[0].model, sizes or Sizes()) for group in groups]
    notes += _unsized(groups, steps, current[0].model)
    return [
        RecordedConfiguration(name, step, group) for name, step, group in zip(ids, steps, groups, strict=True)
    ]


def versions_of(rows: Sequence[ConfigurationCounts]) -> Versions:
    """Return the rows by the facts that versions have in common, and by version."""
    versions: Versions = defaultdict(lambda: defaultdict(list))
    models = _only_models(rows)
    for row in rows:
        # Trials use the same inputs, so two of them are not twice the evidence.
        trial = trial_of(row)
        function = trial.step if trial.name else row.function
        version = (trial.name, row.version)
        model = row.model or models.get(_but_model(row))
        same = (function, model, row.tuned, row.provider, row.strategies, settings_key(row))
        versions[same][version].append(row)
    return versions


def _known_models_first(rows: Sequence[ConfigurationCounts]) -> tuple[ConfigurationCounts, ...]:
    """Sort the rows with a known model first, because the first row stands for all."""
    return tuple(sorted(rows, key=lambda row: (row.model is None, again_of(row.settings) is not None)))


def _by_arrival(version: tuple[Sequence[ConfigurationCounts], Arrival | None]) -> tuple[bool, int, float]:
    """Return the sort key of a version, the newest last. Without an order of arrival, the times of calls decide."""
    rows, absence = version
    return absence is not None, -absence.absent if absence else 0, max(map(last_call, rows))


def _excluded(old: Sequence[Sequence[ConfigurationCounts]], newest: ConfigurationCounts) -> Iterator[str]:
    """Yield a note for calls that are not counted, with the option that includes them."""
    trials = [group for group in old if is_trial(group[0])]
    earlier = [group for group in reversed(old) if group not in trials]
    name = clip(newest.strategies)
    if earlier:
        calls = sum(row.calls for group in earlier for row in group)
        options = " ".join(f"--also-version {clip(group[0].version)}" for group in earlier[:_MOST_VERSIONS])
        yield (
            f"{name}: {plural(calls, 'call')} of {plural(len(earlier), 'earlier version')} of {clip(newest.function)} "
            f"are not counted; to count them, add `{options}`"
        )
    if trials:
        calls = sum(row.calls for group in trials for row in group)
        yield f"{name}: {plural(calls, 'call')} of {plural(len(trials), 'earlier trial')} are not counted"


def _unsized(
    groups: Sequence[Sequence[ConfigurationCounts]], steps: Sequence[str], current_model: str | None
) -> Iterator[str]:
    """Yield a note for each model whose size, relative to the current model, is unknown."""
    names = {str(group[0].model) for group, step in zip(groups, steps, strict=True) if step == OTHER}
    for name in sorted(names):
        yield (
            f"the sizes of {clip(name)} and {clip(str(current_model))} are unknown; add `--sizes SMALL,LARGE` or `--prices`"
        )


def _names(rows: Sequence[ConfigurationCounts]) -> list[str]:
    """Return names for configurations: their strategies, and the further facts that distinguish them."""
    layouts = {layout_of(row.settings) for row in rows} - {None}
    parts: list[Callable[[ConfigurationCounts], str | None]] = [
        lambda row: " ".join(
            f"{name}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}"
            for name, value in sorted(settings_of(row).items())
            if name not in (LAYOUT, EXAMPLES)
        ),
        lambda row: f"{LAYOUT}={layout_of(row.settings)}" if len(layouts) > 1 else None,
        lambda row: "tuned" if row.tuned else None,
    ]
    parts += map(attrgetter, ("model", "function", "provider", "version"))
    names = [row.strategies for row in rows]
    for part in parts:
        labels = [part(row) or "" for row in rows]
        ways: dict[str, set[str]] = defaultdict(set)
        for name, words in zip(names, labels, strict=True):
            ways[name].add(words)
        names = [
            f"{name} {words}" if words and len(ways[name]) > 1 else name
            for name, words in zip(names, labels, strict=True)
        ]
    return names


def settings_key(row: ConfigurationCounts) -> str:
    """Return the settings. For a trial, they leave out examples and the output limit, because each task has its own."""
    settings = {name: part for name, part in settings_of(row).items() if name != EXAMPLES}
    if is_trial(row) and isinstance(settings.get("limits"), dict):
        settings["limits"] = {
            name: part for name, part in settings["limits"].items() if name != "output_tokens"
        }
    # If the tuned model gave no reply at all, the router calls the prompt as usual.
    if again_of(row.settings) is not None:
        settings = {name: part for name, part in settings.items() if name not in (ROUTED, AFTER)}
    return json.dumps(settings, separators=(",", ":"), sort_keys=True)


def settings_of(row: ConfigurationCounts) -> dict[str, Any]:
    """Return the settings that change results, as the guard recorded them."""
    return dict(parsed(row.settings))


def sent_by(row: ConfigurationCounts) -> dict[str, Any] | None:
    """Return the temperature and `top_p` that a configuration is known to send. None if neither is known."""
    options = settings_of(row).get("options")
    known = options if isinstance(options, dict) else {}
    sent = {name: known[name] for name in _SAMPLING if isinstance(known.get(name), int | float)}
    if trial_of(row).step == "temperature":
        sent["temperature"] = 0
    return sent or None


def step_of(name: str) -> str:
    """Return the step of a strategy. A strategy that isn't in the playbook keeps its name."""
    return _STEP_OF.get(name, name)


def _step(row: ConfigurationCounts, current_model: str | None, sizes: Sizes) -> str:
    """Return the fix that a configuration is."""
    if asks_tuned(row):
        return "tuned"
    settings = settings_of(row)
    if settings.get("observe"):
        # The request of an observed function is unknown. A recorder has seen how the request specified the format.
        return step_of(row.strategies) if settings.get("recorder") else "bare"
    playbook_result = trial_of(row).step
    if playbook_result in STEPS:
        return playbook_result
    # A decision model was called, alone or before a text model.
    if "decision" in row.strategies.split(">"):
        return DECISION
    # If the model isn't the one in use, the fix is the model, regardless of the strategy.
    if row.model is not None and current_model is not None:
        compared = sizes.compared(row.model, current_model)
        if compared != "same":
            return _STEP_OF_SIZE[compared]
    step = step_of(row.strategies.rpartition(">")[2])
    improved = IMPROVED if improved_prompt_of(row.settings) is not None else None
    return improved or (step if step in STEPS else "bare")


def asks_tuned(row: ConfigurationCounts) -> bool:
    """Return whether a tuned model was called, with any strategy."""
    return row.strategies.rpartition(">")[2] == "tuned" or row.tuned or is_tuned(row.model or "")


def last_call(row: ConfigurationCounts) -> float:
    """Return the start of the latest call, in seconds since the epoch; 0 if unknown."""
    return row.last_started_at or 0.0


class Problem(NamedTuple):
    """A function under a schema, with its records.

    Attributes:
        function: Name of the guarded function. None if only trials are recorded.
        schema: Name of the schema, which is only a label.
        rows: Its calls, and those of the trials that belong to it.
        left_out: Calls of trials under the same schema that name no function and could belong to several.
        schemas: Number of schemas for which the store has calls of the function.
    """

    function: str | None
    schema: str
    rows: tuple[ConfigurationCounts, ...]
    left_out: int = 0
    schemas: int = 1


def problems_of(rows: Iterable[ConfigurationCounts], known: Sequence[ConfigurationCounts]) -> list[Problem]:
    """Split the rows into problems by function and schema. The identity of a schema is its fingerprint.

    Contents that follow one another under one name of a function are one problem. The newest content counts.

    Args:
        rows: The rows to split.
        known: All rows of the store. They show whether a schema has several functions.

    Returns:
        The problems of functions. Without a function, one problem of trials for each schema.
    """
    rows = list(rows)
    trials = [row for row in rows if is_trial(row)]
    own: dict[str, list[ConfigurationCounts]] = defaultdict(list)
    for row in rows:
        if not is_trial(row):
            own[row.function].append(row)
    if not own:
        return sorted(
            (Problem(None, _label(group), group) for group in _lineages(trials)), key=attrgetter("schema")
        )
    owners = [_owner(row, known) for row in trials]
    problems = []
    for function, calls in own.items():
        every = _lineages([row for row in known if not is_trial(row) and row.function == function])
        for group in _lineages(calls):
            contents = {row.schema_fingerprint for row in group}
            of_schema = [
                (row, owner)
                for row, owner in zip(trials, owners, strict=True)
                if row.schema_fingerprint in contents
            ]
            own_trials = (row for row, owner in of_schema if owner == function)
            left_out = sum(row.calls for row, owner in of_schema if owner is None)
            problems.append(Problem(function, _label(group), (*group, *own_trials), left_out, len(every)))
    return sorted(problems, key=lambda problem: (problem.schema, problem.function))


def _label(rows: Iterable[ConfigurationCounts]) -> str:
    """Return the schema name of the latest call."""
    return max(rows, key=last_call).schema_name


def _lineages(rows: Sequence[ConfigurationCounts]) -> list[tuple[ConfigurationCounts, ...]]:
    """Group the rows of one function by schema: contents of one name belong together, and names of one content too."""
    lineages: list[tuple[set[str], set[str]]] = []
    for row in rows:
        names, contents = {row.schema_name}, {row.schema_fingerprint}
        others = []
        for lineage in lineages:
            if names & lineage[0] or contents & lineage[1]:
                names, contents = names | lineage[0], contents | lineage[1]
            else:
                others.append(lineage)
        lineages = [*others, (names, contents)]
    return [tuple(row for row in rows if row.schema_fingerprint in contents) for _, contents in lineages]


def _owner(trial: ConfigurationCounts, known: Iterable[ConfigurationCounts]) -> str | None:
    """Return the function that a trial was made for: the one that the trial names, or the only one of the schema."""
    named = trial_of(trial).function
    if named:
        return named
    functions = {
        row.function
        for row in known
        if row.schema_fingerprint == trial.schema_fingerprint and not is_trial(row)
    }
    return functions.pop() if len(functions) == 1 else None
