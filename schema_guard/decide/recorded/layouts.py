# SPDX-License-Identifier: Apache-2.0
"""The recorded requests of a function, the trials that measured such requests, and the `guard` line that sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.recorded_settings import EXAMPLES, Layout, improved_prompt_of, layout_of
from schema_guard.decide.recorded.configurations import (
    asks_tuned,
    is_trial,
    last_call,
    sent_by,
    settings_of,
    trial_of,
)
from schema_guard.records.payloads.texts import input_of
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.schema import Schema


class RecordedRequests(NamedTuple):
    """The requests of a function, as far as its records show them.

    Attributes:
        layout: Layout of the prompts.
        output_tokens: The output limit of the first attempt. None for no limit.
    """

    layout: Layout
    output_tokens: int | None


def requests_of(
    rows: Iterable[ConfigurationCounts], schemas: Iterable[Schema[Any]], function: str | None
) -> dict[str, RecordedRequests]:
    """Return the requests that trials of each schema must send, by the schema's fingerprint.

    Schemas without a function are left out.

    Args:
        rows: Rows of a store.
        schemas: The schemas of the trials.
        function: The function that the trials are for. Default: the only function of a schema.
    """
    own = [row for row in rows if not is_trial(row)]
    requests = {}
    for schema in schemas:
        of_schema = [row for row in own if row.schema_fingerprint == schema.fingerprint]
        names = {row.function for row in of_schema} if function is None else {function}
        named = [row for row in of_schema if row.function in names] or [
            row for row in own if row.function == function
        ]
        latest = _latest(named) if len(names) == 1 else None
        layout = None if latest is None else layout_of(latest.settings)
        if latest is not None and layout is not None:
            limits = settings_of(latest).get("limits", {})
            requests[schema.fingerprint] = RecordedRequests(layout, limits.get("output_tokens"))
    return requests


def _latest(rows: Iterable[ConfigurationCounts]) -> ConfigurationCounts | None:
    """Return the row of a function's latest calls with a prompt. None if no layout is known, as in observed calls."""
    own = [row for row in rows if not is_trial(row) and layout_of(row.settings) is not None]
    return max([row for row in own if not asks_tuned(row)] or own, key=last_call, default=None)


def of_layout_in_use(rows: Sequence[ConfigurationCounts], notes: list[str]) -> list[ConfigurationCounts]:
    """Return the calls without trials in another layout than the function's, because they measured other requests."""
    latest = _latest(rows)
    used = None if latest is None else layout_of(latest.settings)
    others = [
        row
        for row in rows
        if used is not None
        and is_trial(row)
        and not asks_tuned(row)
        # The layout of an improved prompt is a part of the prompt.
        and improved_prompt_of(row.settings) is None
        and layout_of(row.settings) not in (None, used)
    ]
    if others:
        calls, layouts = sum(row.calls for row in others), {str(layout_of(row.settings)) for row in others}
        notes.append(
            f"{plural(calls, 'call')} of trials not counted, because their layout is {' or '.join(sorted(layouts))} and the function's is {used}"
        )
    compared = [row for row in rows if row not in others]
    if used == "instructions" and any(is_trial(row) and not asks_tuned(row) for row in compared):
        notes.append(
            "the function builds its own prompts (layout instructions), so the trials sent the same text about the "
            "format, without the function's own instructions"
        )
    return compared


class GuardLine(NamedTuple):
    """The arguments of `guard` that a trial used.

    Attributes:
        strategies: The strategies, as in `a>b`.
        examples: The examples, or the words for them. Empty if the schema gives them.
        max_attempts: The attempts of a call.
        repair: Whether broken JSON is repaired.
        output_tokens: The output limit of an attempt. None for no limit, or if each task has its own.
        model: The name of the model. None if unknown.
        temperature: The temperature that the trial sends. None if it sends none.
        prompt: The digest of its improved prompt. None without one. Records do not have the path of the file.
    """

    strategies: str
    examples: Sequence[tuple[str | None, Any]] | str = ""
    max_attempts: int = 1
    repair: str = "off"
    output_tokens: int | None = None
    model: str | None = None
    temperature: float | None = None
    prompt: str | None = None

    def as_text(self) -> str:
        """Return the line as it is written in Python, and words for the rest.

        >>> GuardLine("few_shot", [("Where?", {"a": 1})], output_tokens=256).as_text()
        "guard(..., strategy='few_shot', examples=[('Where?', {'a': 1})], limits=Limits(output_tokens=256))"
        >>> GuardLine("few_shot", "the dev tasks of ticket", 3, model="m1").as_text()
        "guard(..., strategy='few_shot', examples=[...], max_attempts=3) on m1 with the dev tasks of ticket as examples"
        """
        names = self.strategies.split(">")
        arguments = [f"strategy={(names[0] if len(names) == 1 else names)!r}"]
        if self.examples:
            shown = "[...]" if isinstance(self.examples, str) else repr(list(self.examples))
            arguments.append(f"examples={shown}")
        models = (self.model or "").split(">")
        arguments += ["models=[...]"] if len(models) > 1 else []
        arguments += [f"max_attempts={self.max_attempts}"] if self.max_attempts > 1 else []
        arguments += [f"repair={self.repair!r}"] if self.repair != "off" else []
        if self.output_tokens is not None:
            arguments.append(f"limits=Limits(output_tokens={self.output_tokens})")
        arguments += [] if self.prompt is None else ["params=Params(prompt_file=...)"]
        words = [f"guard(..., {', '.join(arguments)})"]
        words += [] if self.model is None else [f"on {', then '.join(models)}"]
        words += [] if self.prompt is None else [f"with the prompt.md whose digest is {self.prompt}"]
        words += [] if self.temperature is None else [f"at temperature {self.temperature:g}"]
        words += (
            [f"with {self.examples} as examples"] if isinstance(self.examples, str) and self.examples else []
        )
        return " ".join(words)


def guard_line_of(trial: ConfigurationCounts, store: Store) -> str:
    """Return the line for a recorded trial."""
    settings = settings_of(trial)
    prompt = improved_prompt_of(trial.settings)
    source = None if prompt else settings.get(EXAMPLES)
    shown = _recorded_examples(source, store) if isinstance(source, list) else source
    # A benchmark has a limit for each task.
    limits = settings.get("limits", {}) if trial_of(trial).step else {}
    return GuardLine(
        trial.strategies,
        shown or "",
        settings.get("max_attempts", 1),
        settings.get("repair", "off"),
        limits.get("output_tokens"),
        trial.model,
        (sent_by(trial) or {}).get("temperature"),
        prompt,
    ).as_text()


def _recorded_examples(call_ids: Sequence[str], store: Store) -> list[tuple[str, Any]] | str:
    """Return the examples that are inputs and values of calls, or words for them if a text is deleted."""
    texts = {one.call_id: one for one in store.texts(call_ids) if one.number == 1}
    examples = []
    for call_id in call_ids:
        known = texts.get(call_id)
        task = input_of(known)
        if known is None or known.reply is None or isinstance(task, str):
            return f"the deleted texts of the calls {', '.join(call_ids)}"
        examples.append((task[1], json.loads(known.reply)))
    return examples
