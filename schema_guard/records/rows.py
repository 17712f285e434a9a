# SPDX-License-Identifier: Apache-2.0
"""Rows of an outcome: one for each attempt, without any text of a model or a user.

Rules: The functions are pure. No prompt, reply, failure message, or value of an instance reaches a row. Texts are
stored as sizes and keyed hashes, and an instance location has only keys that the schema itself declares.
"""

from __future__ import annotations

import hmac
import json
import math
import re
import reprlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.configuration.recorded_settings import SHADOWS
from schema_guard.pointer import declared_location, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.values import Attempt, Call, Coercion, Failure, Outcome, Prompt, Violation

Row: TypeAlias = tuple[str | int | float | None, ...]

TRIALS = ("bench:", "playbook:", SHADOWS)
"""Prefixes of the functions of trials, whose calls were made to measure, and whose answers nobody received."""

CONFIGURATION_COLUMNS = (
    "function",
    "schema_name",
    "schema_fingerprint",
    "model",
    "provider",
    "strategies",
    "settings",
    "version",
    "tuned",
    "segment",
)
_CALL_COLUMNS = (
    "call_id",
    "started_at",
    *CONFIGURATION_COLUMNS,
    "cluster",
    "input_hash",
    "parent_call_id",
)
_ATTEMPT_COLUMNS = (
    "number",
    "final",
    "strategy",
    "kind",
    "code",
    "form",
    "repairs",
    "coercions",
    "finish_reason",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "elapsed_s",
    "cost",
    "prompt_chars",
    "reply_bytes",
    "reply_hash",
    "violations",
    "reply_model",
    "snapshot",
    "exception",
    "unseen",
    "adapted",
    "gateway_repaired",
    "stopped_at",
)
COLUMNS = _CALL_COLUMNS + _ATTEMPT_COLUMNS

HASH_BYTES = 16
MAX_VIOLATIONS = 10

# The longest contexts have 10 million tokens, so a larger count is an error and counts as unknown. The sum of nine
# thousand million such counts still fits into SQLite's 64 bits.
LARGEST_COUNT = 10**9

# For values that neither JSON nor `repr` can represent, such as lists nested a thousand deep. Deeper levels are cut.
_BOUNDED = reprlib.Repr()
_BOUNDED.maxlevel = 50
_BOUNDED.maxdict = _BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxset = _BOUNDED.maxfrozenset = 1_000
_BOUNDED.maxstring = _BOUNDED.maxlong = _BOUNDED.maxother = 10_000

# The property that a `required` violation expects, if its name is short enough to be complete.
_MISSING = re.compile(r"property '([^'\\…]+)'")

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def rows(outcome: Outcome[Any], task: Prompt | None, key: bytes) -> list[Row]:
    """Return one row for each attempt of a call, in order, with the columns `COLUMNS`.

    Args:
        outcome: Outcome of the call.
        task: Task of the user's function, for `input_hash`. None if unknown.
        key: Key of the hashes. Rows are comparable only under one key.
    """
    call = _call_row(outcome.call, task, key)
    last = len(outcome.attempts)
    return [
        call + _attempt_row(attempt, key, final=index == last)
        for index, attempt in enumerate(outcome.attempts, start=1)
    ]


def keyed_hash(text: str, key: bytes) -> str:
    """Return 32 hex digits of HMAC-SHA-256. Lone surrogates are hashed as they are."""
    return hmac.digest(key, _encoded(text), "sha256")[:HASH_BYTES].hex()


def key_fingerprint(key: bytes) -> str:
    """Return 16 hex digits that distinguish the keys of hashes without revealing them."""
    return keyed_hash("which key of schema-guard is this", key)[:16]


def store_text(text: str) -> str:
    r"""Replace NUL and lone surrogates, which stores reject, with six characters such as `\u0000`.

    >>> store_text("a\x00b")
    'a\\u0000b'
    """
    # Printable texts have neither. The names that each call of a function repeats are printable.
    return text if text.isprintable() else _NOT_STORABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _call_row(call: Call, task: Prompt | None, key: bytes) -> Row:
    input_hash = call.input_hash
    if input_hash is None and task is not None:
        input_hash = keyed_hash(task_text(task), key)
    return (
        store_text(call.id),
        _number(call.started_at),
        store_text(call.function),
        store_text(call.schema_name),
        store_text(call.schema_fingerprint),
        _text(call.model),
        _text(call.provider),
        store_text(call.strategies),
        store_text(call.settings),
        store_text(call.version),
        int(call.tuned),
        _text(call.segment),
        _text(call.cluster),
        _text(input_hash),
        _text(call.parent_call_id),
    )


def _attempt_row(attempt: Attempt, key: bytes, *, final: bool) -> Row:
    failure, reply, usage = attempt.failure, attempt.reply, attempt.usage
    return (
        _count(attempt.number),
        int(final),
        store_text(attempt.strategy),
        None if failure is None else store_text(failure.kind),
        None if failure is None else store_text(failure.code),
        _text(attempt.form),
        json.dumps([store_text(step) for step in attempt.repairs]) if attempt.repairs else "[]",
        _coercions(attempt.coercions),
        _text(attempt.finish_reason),
        _count(usage.input_tokens),
        _count(usage.cached_input_tokens),
        _count(usage.output_tokens),
        _count(usage.reasoning_tokens),
        _number(attempt.elapsed_s),
        _number(attempt.cost),
        _prompt_chars(attempt.prompt or ""),
        None if reply is None else len(_encoded(reply)),
        None if reply is None else keyed_hash(reply, key),
        _violations(failure),
        _text(attempt.model),
        _text(attempt.snapshot),
        _text(attempt.exception),
        int(attempt.unseen),
        int(attempt.adapted is not None),
        int(attempt.gateway_repaired),
        _count(attempt.stopped_at),
    )


def confidence_text(outcome: Outcome[Any]) -> str:
    """Return a decision model's confidence in each field (its tenth of [0, 1]) and the questions' digest, as JSON."""
    questions = next((one.adapted for one in outcome.attempts if one.confidence and one.adapted), None)
    tenths = {store_text(at): min(int(p * 10 + 1e-9), 9) for at, p in outcome.confidence.items()}
    digest = None if questions is None else questions.fingerprint
    return json.dumps({"at": tenths, "questions": digest}, separators=(",", ":"), sort_keys=True)


def _coercions(coercions: Sequence[Coercion]) -> str:
    """Return the pairs of location and change as JSON."""
    if not coercions:
        return "[]"
    pairs = [(store_text(each.location), store_text(each.change)) for each in coercions[:MAX_VIOLATIONS]]
    return json.dumps(pairs, separators=(",", ":"))


def _violations(failure: Failure | None) -> str:
    """Return the distinct pairs of location and keyword as JSON, most relevant first."""
    if failure is None or not failure.violations:
        return "[]"
    pairs = {(store_text(place_of(v)), store_text(v.keyword)): None for v in failure.violations}
    return json.dumps(list(pairs)[:MAX_VIOLATIONS], separators=(",", ":"))


def place_of(violation: Violation) -> str:
    """Return the declared location. For a missing property, return the location that it would have."""
    location = declared_location(violation, indices=False)
    missing = _MISSING.fullmatch(violation.expected) if violation.keyword == "required" else None
    return f"{location}/{escape(missing[1])}" if missing else location


def task_text(task: Prompt) -> str:
    """Return the text of a task. Equal tasks have the same text, and so the same hash."""
    if isinstance(task, str):
        return task
    return _json_text([message.as_dict() for message in task])


def _json_text(document: object) -> str:
    """Return compact JSON with sorted keys. Other values are represented by their `repr`, which is cut if it fails too.

    Never raises, because a task is hashed whatever objects a user puts into it.
    """
    for writer in (_sorted_json, repr):
        with suppress(Exception):
            return writer(document)
    return _BOUNDED.repr(document)


def _sorted_json(document: object) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), default=repr)


def _prompt_chars(prompt: Prompt) -> int:
    if isinstance(prompt, str):
        return len(prompt)
    contents = [message.content for message in prompt]
    return sum(len(part if isinstance(part, str) else _json_text(part)) for part in contents)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(text: str | None) -> str | None:
    return None if text is None else store_text(text)


def _count(count: int | None) -> int | None:
    return int(count) if isinstance(count, int) and 0 <= count <= LARGEST_COUNT else None


def _number(number: float | None) -> float | None:
    return float(number) if number is not None and math.isfinite(number) else None
