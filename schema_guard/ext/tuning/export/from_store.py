# SPDX-License-Identifier: Apache-2.0
"""Rows of a training set from recorded calls with stored texts.

Rules: the answer is validated again, by the schema alone. An answer that was repaired with loss, cut off, or repaired
by a gateway is not the model's answer. A model must not learn an answer that the redaction changed, or that repeats
redacted text of the input. Each call that is left out is counted with its reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.bench.suites.values import as_written
from schema_guard.configuration.model_names import model_and_snapshot
from schema_guard.configuration.recorded_settings import layout_of
from schema_guard.ext.redaction import redacted_value
from schema_guard.ext.transfer.moved import moved_calls
from schema_guard.ext.tuning.export.served_prompt import FUNCTION_PROMPT, Unknown, recorded_task, served
from schema_guard.ext.tuning.export.values import ExportSettings, GatheredRows, TrainingRow
from schema_guard.judging import Terms, judge, judge_value
from schema_guard.records.attempts import Where, as_dict
from schema_guard.records.sql.tables import unpacked
from schema_guard.values import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.ext.tuning.export.served_prompt import Messages
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.store import Store
    from schema_guard.schema import Schema

UNCHECKED: Final = (
    "valid, with unchecked values (--accept-unchecked uses it, and the model learns its mistakes)"
)
_OTHER_SCHEMA: Final = "recorded with another version of the schema"
_NO_REPLY: Final = "no model reply"
_NO_VALID_ATTEMPT: Final = "no attempt was valid"
_TOUCHED: Final = "the redaction changed the answer, or a part of the input that the answer repeats"
_AGREED: Final = "SELECT call_id FROM content WHERE differing = 0"
_MANY_TOUCHED: Final = 1_000  # a store has at most this many places of an attempt


class StoredCall(NamedTuple):
    """A recorded call with its texts.

    Attributes:
        attempts: The attempts in order, each by the names of its columns.
        texts: The texts of each attempt; None if they aren't stored.
        is_agreed: Whether a second model returned the same values.
    """

    attempts: list[dict[str, Any]]
    texts: list[Texts | None]
    is_agreed: bool = False


def stored_calls(
    store: Store, where: Where, on_step: Callable[[int], None] | None = None
) -> list[StoredCall]:
    """Return the calls of a store with their texts, in the order of storing.

    Args:
        store: The store, which is only read.
        where: Filter of the calls.
        on_step: Function that takes the number of attempts after each call.
    """
    stored = []
    with store.reading() as snapshot:
        agreed = {unpacked(call_id) for (call_id,) in snapshot.connection.select(_AGREED)}
    for call in moved_calls(store.backend, where, with_texts=True, with_content=False):
        attempts = [as_dict(one.row) for one in call]
        stored.append(StoredCall(attempts, [one.texts for one in call], call[0].call_id in agreed))
        if on_step is not None:
            on_step(len(call))
    return stored


def from_store(
    recorded: Sequence[StoredCall],
    schema: Schema[Any],
    settings: ExportSettings,
    corrected: Mapping[str, tuple[Any, str]],
) -> GatheredRows:
    """Return the rows of recorded calls.

    Args:
        recorded: The calls.
        schema: Schema of the answers.
        settings: Settings of the training set.
        corrected: A person's answer to a call, and its place, by the call's id.
    """
    gathered = GatheredRows()
    for call in recorded:
        row = _of_call(call, schema, settings, corrected)
        if not row.why:
            gathered.rows.append(row)
            continue
        gathered.left_out[row.why] += 1
        if row.messages:
            gathered.open.append(row)
    own = gathered.left_out[FUNCTION_PROMPT]
    if own:
        gathered.notes.append(
            f"{own} calls come from a function that builds its own prompt, or were only observed. Name a function "
            "that returns the prompt of a task with --prompt-from module:function"
        )
    return gathered


def _of_call(
    call: StoredCall,
    schema: Schema[Any],
    settings: ExportSettings,
    corrected: Mapping[str, tuple[Any, str]],
) -> TrainingRow:
    """Return the row of a call. It has messages, but no answer, if only a person can answer it."""
    first, last = call.attempts[0], call.attempts[-1]
    row = TrainingRow(
        messages=(),
        answer=None,
        source="agreed" if call.is_agreed else "checked" if _checks(first) else "valid",
        origin=f"call {first['call_id']}",
        call_id=first["call_id"],
        input_hash=first["input_hash"],
        cluster=first["cluster"],
        segment=first["segment"],
        failure=None if first["kind"] is None else f"{first['kind']}/{first['code']}",
        model=_model(last),
        version=first["version"],
        at=first["started_at"] or 0.0,
    )
    messages = _messages(call, schema, settings)
    if isinstance(messages, Unknown):
        return replace(row, why=str(messages))
    by_person = corrected.get(first["call_id"])
    if by_person is not None:
        answer, origin = by_person
        row = replace(row, messages=messages, answer=answer, source="gold", origin=origin, model=None)
    elif (flaw := _flaw(call, schema, settings)) is not None:
        return replace(row, messages=messages, why=flaw)
    else:
        row = replace(row, messages=messages, answer=_answer(call, schema, settings).value)
    if _is_touched(call, row.answer, by_person=by_person is not None):
        return replace(row, messages=(), why=_TOUCHED)
    refused = _refused(last, settings) if row.source == "valid" else None
    return row if refused is None else replace(row, why=refused)


def _messages(call: StoredCall, schema: Schema[Any], settings: ExportSettings) -> Messages | Unknown:
    """Return the messages that a tuned model receives for a call, or `Unknown` with the reason why there are none."""
    first = call.attempts[0]
    if first["schema_fingerprint"] != schema.fingerprint:
        return Unknown(_OTHER_SCHEMA)
    if call.attempts[-1]["kind"] == "transport":
        return Unknown(_NO_REPLY)
    task = recorded_task(call.texts[0], first, settings.prompt_from)
    layout = layout_of(first["settings"] or "{}")
    return task if isinstance(task, Unknown) else served(task, schema, settings.strategy, layout)


def _flaw(call: StoredCall, schema: Schema[Any], settings: ExportSettings) -> str | None:
    """Return the reason why a call's own answer must not be learned, or None."""
    last, texts = call.attempts[-1], call.texts[-1]
    reply = None if texts is None else texts.reply
    flaws = (
        (last["kind"] is not None, _NO_VALID_ATTEMPT),
        (
            last["form"] == "repaired_lossy",
            "a repair invented or removed a part of the answer",
        ),
        (last["stopped_at"] is not None, "its reply was stopped early"),
        (last["gateway_repaired"], "a gateway may have repaired the reply"),
        (
            last["form"] == "coerced" and settings.typed is None,
            "the type converted the reply; name the type with --schema module:Model",
        ),
        (
            reply is None,
            "the text of the answer is not stored, because the function parsed it or the redaction failed",
        ),
    )
    flaw = next((why for is_so, why in flaws if is_so), None)
    if flaw is None and not _answer(call, schema, settings).ok:
        flaw = "its answer is not valid for the schema"
    return flaw


def _judged(reply: str, attempt: Mapping[str, Any], schema: Schema[Any]) -> Judgement[Any]:
    restore = None
    if attempt["adapted"] and attempt["provider"]:
        from schema_guard.ext.fitting.adapting.adaptation import adapt  # few calls were asked in another form

        restore = adapt(schema, attempt["provider"]).restore
    return judge(reply, schema, finish_reason="stop", repair="lossless", restore=restore)


def _answer(call: StoredCall, schema: Schema[Any], settings: ExportSettings) -> Judgement[Any]:
    """Validate a call's own answer. If the type had to convert it, its value is the one that the type writes."""
    texts, last = call.texts[-1], call.attempts[-1]
    assert texts is not None
    assert texts.reply is not None  # checked by `_flaw`
    typed = settings.typed if last["form"] == "coerced" else None
    if typed is None or typed.reader is None:
        return _judged(texts.reply, last, schema)
    judged = _judged(texts.reply, last, typed)
    return judge_value(typed.reader.write(judged.value), Terms(schema)) if judged.ok else judged


def _is_touched(call: StoredCall, answer: Any, *, by_person: bool) -> bool:
    """Return whether the redaction changed the answer, or redacted text of the input occurs in the answer.

    A person's answer to a redacted input must not contain anything that the redaction would remove.
    """
    first, last = call.texts[0], call.texts[-1]
    assert first is not None
    # If a text has more places than are stored, the other places are unknown.
    if any(texts is not None and len(texts.touched) >= _MANY_TOUCHED for texts in (first, last)):
        return True
    if by_person:
        if first.touched and redacted_value(answer).places:
            return True
    elif last is not None and any(place.text == "reply" for place in last.touched):
        return True
    written = as_written(answer).casefold()
    for place in first.touched:
        if place.text == "reply":
            continue
        instead = _at(first.prompt if place.text == "prompt" else first.task, place.location)
        original = "" if instead is None else instead[place.start : place.stop].strip().casefold()
        if original and original in written:
            return True
    return False


def _at(prompt: Any, location: str) -> str | None:
    """Return the text at a place of a prompt, or None if it no longer exists."""
    try:
        for name in location.split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            prompt = prompt[int(key)] if isinstance(prompt, list) else prompt[key]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return prompt if isinstance(prompt, str) else None


def _refused(attempt: Mapping[str, Any], settings: ExportSettings) -> str | None:
    """Return the reason why an answer with unchecked values is rejected, or None if it is accepted."""
    if not settings.accept_unchecked:
        return UNCHECKED
    model = _model(attempt)
    if model is None:
        return "its values are unchecked, and its model is unknown, so it may come from the model to tune"
    base = _bare_name(settings.base or "")
    # For `a>b`, it is unknown which of them replied.
    if any(_bare_name(name) == base for name in model.split(">")):
        return "unchecked values from the model that you tune"
    return None


def _bare_name(model: str) -> str:
    """Return a model's name without its provider, its date, and upper case; for a tuned model, the name of its base.

    >>> _bare_name("accounts/ours/models/NAME-2026-08-06"), _bare_name("ft:NAME:org::1"), _bare_name("openai:NAME")
    ('name', 'name', 'name')
    """
    if model.startswith("ft:"):
        model = model.split(":")[1]
    named = model.rpartition("#")[2].rpartition("/")[2]
    return model_and_snapshot(named.partition(":")[2] or named).model.casefold()


def _checks(attempt: Mapping[str, Any]) -> bool:
    """Return whether a valid value of the call had to pass one of the user's checks."""
    settings = json.loads(attempt["settings"]) if attempt["settings"] else {}
    return isinstance(settings, dict) and bool(settings.get("checks"))


def _model(attempt: Mapping[str, Any]) -> str | None:
    model = attempt["reply_model"] or attempt["model"]
    return None if model is None else str(model)
