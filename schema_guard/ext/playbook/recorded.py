# SPDX-License-Identifier: Apache-2.0
"""The schema, the model, and the inputs of a function, from a store."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import islice
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from schema_guard.decide.recorded.configurations import is_trial, last_call
from schema_guard.errors import InvalidArgument
from schema_guard.ext.local.weights import NAME
from schema_guard.judging import judge
from schema_guard.models.providers import PROVIDERS
from schema_guard.prompting import Example
from schema_guard.records.attempts import Where, as_dict
from schema_guard.records.payloads.texts import input_of
from schema_guard.records.selection import no_calls, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.models.providers import ModelProvider
    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.schema import Schema

_WINDOW = 2_000
SHOWN = 2
"""Number of examples from recorded calls, the same as the number of examples drawn from a schema."""
# The provider of the local model.
_LOCAL = "llamacpp-llguidance"
# The provider whose API most servers have.
_USUAL = "openai"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class RecordedFunction(NamedTuple):
    """A function with its calls under one schema.

    Attributes:
        name: Its name. None if the store has only trials of the schema.
        rows: Its configurations with this schema, without trials. The first one was called last.
        schema_name: The label of the schema.
        fingerprint: The identity of the schema.
        where: The attempts of the calls.
    """

    name: str | None
    rows: tuple[ConfigurationCounts, ...]
    schema_name: str
    fingerprint: str
    where: Where


class LatestCall(NamedTuple):
    """A recorded call.

    Attributes:
        attempts: Its attempts, by the names of their columns.
        texts: The stored texts, by the number of their attempt.
    """

    attempts: list[dict[str, Any]]
    texts: dict[int, Texts]


class RecordedInputs(NamedTuple):
    """Inputs of recorded calls.

    Attributes:
        texts: Different inputs, the latest first.
        before: The messages before each text.
        left_out: Calls that give no input, by the reason.
    """

    texts: tuple[str, ...]
    before: tuple[dict[str, str], ...]
    left_out: Mapping[str, int]


def function_of(
    store: Store,
    function: str | None,
    schema: str | None,
    *,
    segment: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> RecordedFunction:
    """Find a function, and the schema of its latest calls.

    Args:
        store: The store.
        function: Its name, or the end of its name. None for the trials of a schema.
        schema: Name or fingerprint. None for the schema of the latest call.
        segment: Only the calls of this segment.
        since: Only calls that started then or later, in seconds since the epoch.
        until: Only calls that started before then.

    Raises:
        InvalidArgument: There are no such calls.
    """
    chosen = select(store, store.names(), schema=schema, function=function, segment=segment)
    known = store.configurations(since=since, until=until)
    rows = [row for row in known if chosen.takes(row) and (function is None or not is_trial(row))]
    if not rows:
        raise InvalidArgument(no_calls(store, since=since, until=until, **chosen._asdict()))
    newest = max(rows, key=last_call)
    same = [row for row in rows if row.schema_fingerprint == newest.schema_fingerprint and not is_trial(row)]
    same.sort(key=last_call, reverse=True)
    ids = None if segment is None else [row.id for row in same if row.id is not None]
    where = Where(since, until, newest.schema_fingerprint, chosen.function, configuration_ids=ids)
    return RecordedFunction(
        chosen.function, tuple(same), newest.schema_name, newest.schema_fingerprint, where
    )


def owners_of(store: Store, fingerprint: str, named: str | None = None) -> list[str]:
    """Return the functions with calls under a schema. If the named one is among them, return only this one."""
    owners = {
        row.function
        for row in store.configurations()
        if row.schema_fingerprint == fingerprint and not is_trial(row)
    }
    return [named] if named is not None and named in owners else sorted(owners)


def model_of(rows: Iterable[ConfigurationCounts]) -> tuple[str | None, str]:
    """Return the model of the latest calls as `connect` takes it, or None and the missing fact.

    A store has no server's address. Stored inputs go to a server only if the user named its address: with --model, or
    in the environment variable of the recorded provider. A server on this machine needs no name.
    """
    used = next((row for row in rows if row.model and not row.tuned), None)
    if used is None:
        return None, "the model, because no recorded call names a model (name it with --model)"
    name, provider = str(used.model), used.provider
    if provider == _LOCAL and name == NAME:
        return "local", ""
    hosts = {word: host for word, host in PROVIDERS.items() if host.provider == (provider or _USUAL)}
    named = [word for word, host in hosts.items() if _is_named(host, is_recorded=provider is not None)]
    if len(named) == 1:
        return f"{named[0]}:{name}", ""
    asked = [
        f"{quote(f'{word}:{name}')} for {host.url}"
        for word, host in hosts.items()
        if provider is not None and host.url is not None
    ]
    choices = " or ".join([*asked, f"{quote(f'http://HOST:PORT/v1#{name}')} for another server"])
    variable = next((host.url_variable for host in hosts.values() if provider and host.url_variable), None)
    choices += f", or set {variable}" if variable else ""
    return (
        None,
        f"the address of the model {name}: the store does not have it. Name the server with --model {choices}",
    )


def _is_named(host: ModelProvider, *, is_recorded: bool) -> bool:
    """Return whether the user named the server of a provider, or the server is on this machine."""
    variable = os.environ.get(host.url_variable or "", "").strip()
    if variable and is_recorded:
        return True
    url = host.base_url() if variable else host.url or ""
    return urlsplit(url).hostname in _THIS_MACHINE


def recorded_inputs(store: Store, recorded: RecordedFunction, most: int | None) -> RecordedInputs:
    """Return the latest different inputs of a function, in the form of its calls.

    Args:
        store: The store.
        recorded: The function.
        most: Largest number of inputs. None for all.
    """
    left_out: Counter[str] = Counter()
    found: dict[str, list[str]] = {}
    befores: dict[str, tuple[dict[str, str], ...]] = {}
    for call in latest_calls(store, recorded.where):
        task = input_of(call.texts.get(1))
        if isinstance(task, str):
            left_out[task] += 1
            continue
        before, text = task
        key = json.dumps(before)
        befores[key] = before
        group = found.setdefault(key, [])
        if text not in group:
            group.append(text)
        if len(group) == most:
            break
    if not found:
        return RecordedInputs((), (), left_out)
    usual = max(found, key=lambda key: len(found[key]))
    others = sum(len(group) for key, group in found.items() if key != usual)
    if others:
        left_out["other messages stand before the text"] += others
    return RecordedInputs(tuple(found[usual]), befores[usual], left_out)


def recorded_examples(
    store: Store, recorded: RecordedFunction, schema: Schema[Any], before: Sequence[Mapping[str, str]] = ()
) -> dict[str, Example]:
    """Return examples for few-shot, by the id of the call.

    They are inputs of the latest calls whose first reply was valid without repair, with their values.

    Args:
        store: The store.
        recorded: The function.
        schema: The schema of the values.
        before: The messages that the input must have before its text.
    """
    shown: dict[str, Example] = {}
    inputs = set()
    for call in islice(latest_calls(store, recorded.where), _WINDOW):
        texts = call.texts.get(1)
        task = input_of(texts)
        if texts is None or texts.reply is None or isinstance(task, str) or task[0] != tuple(before):
            continue
        judged = judge(texts.reply, schema)
        if judged.ok and judged.form == "clean" and task[1] not in inputs:
            shown[texts.call_id] = Example(json.loads(texts.reply), task[1])
            inputs.add(task[1])
        if len(shown) == SHOWN:
            return shown
    return {}


def latest_calls(store: Store, where: Where) -> Iterator[LatestCall]:
    """Yield calls with their texts, the latest call first."""
    with store.reading() as snapshot:
        _, last = snapshot.span(where)
    while last > 0:
        first = max(1, last - _WINDOW + 1)
        found: dict[str, LatestCall] = {}
        with store.reading() as snapshot:
            for _, row in snapshot.page(where, first=first, last=last):
                attempt = as_dict(row)
                found.setdefault(attempt["call_id"], LatestCall([], {})).attempts.append(attempt)
            for texts in snapshot.texts(list(found)):
                found[texts.call_id].texts[texts.number] = texts
        # The attempts of a call can be in two windows. Its first attempt decides in which one it counts.
        yield from (call for call in reversed(found.values()) if call.attempts[0]["number"] == 1)
        last = first - 1
