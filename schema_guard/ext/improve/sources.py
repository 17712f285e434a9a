# SPDX-License-Identifier: Apache-2.0
"""The inputs, the prompt in use, and the examples of an improvement: of a recorded function, or of a suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.scored_call import general_location
from schema_guard.bench.suites.load import SUITE_NAMES, load_suite
from schema_guard.cli.bench.models import or_function
from schema_guard.cli.bench.options import RETRIES
from schema_guard.cli.shared.options import naming
from schema_guard.configuration.recorded_settings import improved_prompt_of, layout_of
from schema_guard.decide.recorded.configurations import settings_of
from schema_guard.errors import InvalidArgument
from schema_guard.ext.improve.candidates import PoolExample
from schema_guard.ext.improve.failure_map import Gap, MapCall
from schema_guard.ext.improve.values import ImproveInput, ImproveTask, PromptInUse
from schema_guard.ext.playbook.missing import Missing
from schema_guard.ext.playbook.recorded import function_of, latest_calls, model_of, owners_of
from schema_guard.judging import judge
from schema_guard.models import connect
from schema_guard.records.payloads.texts import input_of
from schema_guard.records.selection import stored_schema
from schema_guard.records.urls import storing_line
from schema_guard.strategies import STRATEGIES
from schema_guard.text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.ext.playbook.recorded import RecordedFunction
    from schema_guard.models import Model
    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.schema import Schema

# The strategies that take two requests have no single prompt.
_NOT_RACED = ("reason_then_strict",)
_MOST_INPUTS = 1_000
_CHOICE = ("text", "turns")


def task_of(source: str, store: Store | None, folder: Path, model: str | None) -> ImproveTask | Missing:
    """Return the prompt to improve with its evidence, or the missing parts.

    Args:
        source: A function of the store, or a suite.
        store: The store. None for none.
        folder: The folder for the prompt and the journals.
        model: The model, as `connect` takes it. None for the model of the function's latest calls.

    Raises:
        InvalidArgument: There is no such function, or the suite or the model can't be used.
    """
    if source in SUITE_NAMES or Path(source).exists():
        return _of_suite(source, store, folder, model)
    if store is None:
        raise InvalidArgument(
            f"{safe(clip(source))}: no file or folder has this name. To improve a function, name the store of its calls with --store"
        )
    return _of_function(function_of(store, source, None), store, folder, model)


def connected(name: str, option: str = "--model") -> Model:
    """Return the model that an option names."""
    with naming(model=option):
        return or_function(lambda text: connect(text, max_retries=RETRIES))(name)  # type: ignore[no-any-return]


def _of_suite(source: str, store: Store | None, folder: Path, model: str | None) -> ImproveTask | Missing:
    suite = load_suite(source)
    if len(suite.schemas) != 1:
        names = ", ".join(entry.name for entry in suite.schemas)
        raise InvalidArgument(
            f"{safe(clip(source))}: expected tasks with the same schema, got the schemas {clip(names)}"
        )
    (entry,) = suite.schemas
    befores = {str(task.before): task.before for task in entry.tasks_of("test")}
    if len(befores) > 1:
        raise InvalidArgument(
            f"{safe(clip(source))}: expected the same messages before the text of each task"
        )
    owner = None if store is None else _owner(store, entry.schema, suite.function)
    row = None if owner is None else owner.rows[0]
    known, unknown = ("local", "") if owner is None else model_of(owner.rows)
    missing = [] if row is None else [*_not_improvable(row)]
    missing += [unknown] if unknown and model is None else []
    function = suite.function if owner is None else owner.name
    if missing:
        return Missing(tuple(missing), function)
    unique = {task.text: task for task in entry.tasks_of("test")}
    return ImproveTask(
        schema=entry.schema,
        inputs=tuple(ImproveInput(text, task.gold, task.match, True) for text, task in unique.items()),
        model=connected(str(model or known)),
        folder=folder,
        prompt=_prompt(row, next(iter(befores.values()), ())),
        function=function,
        pool=tuple(
            PoolExample(task.text, task.gold, "a dev task of the suite") for task in entry.tasks_of("dev")
        ),
        output_tokens=256 if row is None else _output_tokens(row),
    )


def _owner(store: Store, schema: Schema[Any], named: str | None) -> RecordedFunction | None:
    """Return the function of a schema: the named one, or the only one."""
    owners = owners_of(store, schema.fingerprint, named)
    return function_of(store, owners[0], schema.fingerprint) if len(owners) == 1 else None


def _of_function(
    recorded: RecordedFunction, store: Store, folder: Path, model: str | None
) -> ImproveTask | Missing:
    missing: list[str] = []
    schema = stored_schema(store, recorded.fingerprint, recorded.schema_name)
    if schema is None:
        missing.append(
            f"the text of the schema {clip(recorded.schema_name)}, because the store does not have it"
        )
    known, unknown = model_of(recorded.rows)
    missing += [unknown] if unknown and model is None else []
    row = recorded.rows[0] if recorded.rows else None
    missing += [] if row is None else _not_improvable(row)
    found = _recorded_calls(store, recorded, row, schema)
    if not found.calls:
        missing.append(
            "the inputs, because the store has no texts of this function. Record calls with ?payload=full after the store's URL"
        )
    if missing or schema is None:
        storing = "" if found.calls else storing_line(store)
        return Missing(tuple(missing), recorded.name, storing=storing)
    # The failures of one model say nothing about another one.
    is_other = known is not None and model not in (None, known)
    return ImproveTask(
        schema=schema,
        inputs=tuple(ImproveInput(text) for text in found.calls),
        model=connected(str(model or known)),
        folder=folder,
        prompt=_prompt(row, found.before),
        function=recorded.name,
        recorded=None if is_other else found.calls,
        pool=tuple(found.pool),
        output_tokens=None if row is None else _output_tokens(row),
    )


def _not_improvable(row: ConfigurationCounts) -> Iterator[str]:
    """Yield the reason why a function's prompt can't be raced."""
    strategy = row.strategies.partition(">")[0]
    if strategy in _NOT_RACED or strategy not in STRATEGIES:
        yield f"a prompt that can be raced, because the function uses the strategy {strategy}"
    if improved_prompt_of(row.settings) is not None:
        yield "the prompt of the strategy, because the function uses a prompt file. Remove the file to race that prompt again"


def _prompt(row: ConfigurationCounts | None, before: tuple[dict[str, str], ...]) -> PromptInUse:
    """Return the prompt in use of a function. Without a function, the model gets turns with the schema."""
    if row is None:
        return PromptInUse(before=before, has_choice=not before)
    layout = layout_of(row.settings) or "text"
    strategy = row.strategies.partition(">")[0]
    return PromptInUse(strategy, layout, (), before, not before and layout in _CHOICE)


def _output_tokens(row: ConfigurationCounts) -> int | None:
    limit = (settings_of(row).get("limits") or {}).get("output_tokens")
    return limit if isinstance(limit, int) else None


class _RecordedCalls(NamedTuple):
    """The latest recorded calls of a function's prompt.

    Attributes:
        calls: The first call of each input.
        pool: Inputs that failed at first, with their later valid answer.
        before: The messages before each input.
    """

    calls: dict[str, MapCall]
    pool: list[PoolExample]
    before: tuple[dict[str, str], ...]


def _recorded_calls(
    store: Store, recorded: RecordedFunction, row: ConfigurationCounts | None, schema: Schema[Any] | None
) -> _RecordedCalls:
    """Return the latest calls with the same prompt and the same messages before the input."""
    calls: dict[str, MapCall] = {}
    pool: list[PoolExample] = []
    before: tuple[dict[str, str], ...] = ()
    for call in latest_calls(store, recorded.where):
        first, last = call.attempts[0], call.attempts[-1]
        found = input_of(call.texts.get(1))
        is_other = row is not None and first["version"] != row.version
        if isinstance(found, str) or first["kind"] == "transport" or is_other:
            continue
        if found[1] in calls or (calls and found[0] != before):
            continue
        before, text = found
        gaps = tuple(_gaps(first))
        calls[text] = MapCall(text, gaps)
        reply = call.texts.get(last["number"])
        if (
            schema is not None
            and gaps
            and last["kind"] is None
            and reply is not None
            and reply.reply is not None
        ):
            judged = judge(reply.reply, schema)
            if judged.ok and judged.form == "clean":
                source = f"call {first['call_id']}, which failed at first"
                pool.append(PoolExample(text, json.loads(reply.reply), source, gaps))
        if len(calls) == _MOST_INPUTS:
            break
    return _RecordedCalls(calls, pool, before)


def _gaps(row: Mapping[str, Any]) -> Iterator[Gap]:
    """Yield the failures of a stored attempt."""
    if row["kind"] is None:
        return
    places = [(general_location(place), keyword) for place, keyword in row["violations"] or ()]
    for place, keyword in dict.fromkeys(places):
        yield Gap(place, keyword, row["code"])
    if not places:
        yield Gap(None, "", row["code"])
