# SPDX-License-Identifier: Apache-2.0
"""The texts that are sent: the schema, examples, reasoning, and the correction of a bad reply.

Rules:
1. The messages of the task are never changed. The prompt is new, and has a copy of one message with the text about the
   format. Added messages have a form and a role of the task's dialect.
2. A correction of a violated schema has our own words: the place in the schema, the expected kind, and the kind of the
   value. It quotes no value and no key of the reply, and has no URL. A correction of a refused value quotes the message of
   the check or of the Pydantic validator, which may quote the reply. So it isn't sent in the system role.
3. With the delivery `prompt`, the prompt of a retry is the first prompt of its strategy, the last reply, cut, and the
   correction. It does not grow.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.pointer import declared_location, pointer
from schema_guard.text import with_short_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.providers.messages import Dialect
    from schema_guard.schema import Schema
    from schema_guard.values import Failure, Message, Prompt, Violation

# A retry may be 2 kB larger than the first prompt, so that a hostile reply cannot run up the bill.
_REPLY_HEAD_BYTES = 800
_REPLY_TAIL_BYTES = 300
_CORRECTION_BYTES = 700
_MAX_SENT = 10

_ONLY_JSON = "Reply with one JSON value that is valid for this JSON Schema, and with nothing else: no prose, no code fence."
THINK_FIRST = "First think about the task step by step between <think> and </think>. Then reply with "
_REASON_FIRST = f"{THINK_FIRST}one JSON value that is valid for this JSON Schema, and with nothing after it."
_NOT_READ = " It was stopped there: the rest was not looked at."
_ASK_AGAIN = "Reply again with only the JSON value."


@with_short_repr
class Example(NamedTuple):
    """A task and its right answer, as an example in the prompt.

    Attributes:
        value: The right answer as plain JSON.
        task: The task, or None to show only the answer.
    """

    value: Any
    task: str | None = None


def schema_text(schema: Schema[Any]) -> str:
    """Return the schema as the model sees it: compact, in its own order, without `$schema` and `$id`."""
    document = schema.document
    if isinstance(document, dict):
        document = {key: part for key, part in document.items() if key not in ("$schema", "$id")}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def schema_instructions(schema: Schema[Any]) -> str:
    """Return the text that requests one JSON value of a schema."""
    return f"{_ONLY_JSON}\n{schema_text(schema)}"


def reasoning_instructions(schema: Schema[Any]) -> str:
    """Return the text that requests reasoning in a block, which is skipped, and then one JSON value of a schema."""
    return f"{_REASON_FIRST}\n{schema_text(schema)}"


def examples_text(examples: Sequence[Example]) -> str:
    """Return the examples as one text."""
    parts = []
    for example in examples:
        task_line = f"{example.task}\n" if example.task is not None else ""
        parts.append(f"Example:\n{task_line}{_answer(example)}")
    return "\n\n".join(parts)


def _answer(example: Example) -> str:
    return json.dumps(example.value, ensure_ascii=False)


def text_prefix(instructions: str, examples: Sequence[Example]) -> str:
    """Return the text before a task that is a text."""
    return "".join(f"{part}\n\n" for part in (instructions, examples_text(examples)) if part)


def list_layout(task: tuple[Message, ...]) -> Layout:
    """Return the layout of a list of messages from the caller."""
    from schema_guard.providers.messages import dialect_of  # only lists of messages need it

    systems = dialect_of(task).systems
    return "turns" if any(message.role in systems for message in task) else "user_turn"


def render(
    task: Prompt, instructions: str, examples: Sequence[Example], *, layout: Layout = "text"
) -> Prompt:
    """Return the first prompt: the task with the strategy's text and examples before it.

    A text stays a text. If the layout is `turns`, it becomes the user's turn after a system message. In a list of
    messages, the text joins the system message. Without a system message, it joins the user's first turn. Examples with a
    task become turns before those of the task, so the first of them is then the user's first turn.
    """
    if isinstance(task, str) and layout != "turns":
        return text_prefix(instructions, examples) + task
    turns = [example for example in examples if example.task is not None]
    alone = [example for example in examples if example.task is None]
    text = "\n\n".join(part for part in (instructions, examples_text(alone)) if part)
    if not isinstance(task, str):
        return _with_turns(task, text, turns)
    from schema_guard.values import Message

    system = (Message("system", text),) if text else ()
    return _with_turns((*system, Message("user", task)), "", turns)


def _with_turns(task: tuple[Message, ...], text: str, turns: Sequence[Example]) -> tuple[Message, ...]:
    """Return the messages with a text in one of them, and with the examples as turns."""
    from schema_guard.providers.messages import dialect_of  # only lists of messages need it

    dialect = dialect_of(task)
    if text:
        extended = _extended(
            dialect, task, text, lambda message: message.role in dialect.systems, behind=True
        )
        task, text = (task, text) if extended is None else (extended, "")
    if text and not turns:
        extended = _extended(dialect, task, text, dialect.is_users, behind=False)
        task, text = (task, text) if extended is None else (extended, "")
    questions = [example.task or "" for example in turns]
    if text:
        questions[:1] = [f"{text}\n\n{questions[0]}" if questions else text]
    shown: list[Message] = []
    for question, example in zip_longest(questions, turns):
        shown.append(dialect.turn("user", question, task))
        if example is not None:
            shown.append(dialect.turn("model", _answer(example), task))
    start = _start(dialect, task)
    return (*task[:start], *shown, *task[start:])


def _extended(
    dialect: Dialect,
    task: tuple[Message, ...],
    text: str,
    is_wanted: Callable[[Message], bool],
    *,
    behind: bool,
) -> tuple[Message, ...] | None:
    """Return the messages with a text added to the first one that is wanted and can hold it. None if none can."""
    for at, message in enumerate(task):
        with_text = dialect.extended(message, text, behind) if is_wanted(message) else ()
        if with_text:
            return (*task[:at], *with_text, *task[at + 1 :])
    return None


def _start(dialect: Dialect, task: tuple[Message, ...]) -> int:
    """Return the index at which the conversation begins, after system messages and results of earlier tool calls."""
    for at, message in enumerate(task):
        if message.role not in dialect.systems and not dialect.is_tool_result(message):
            return at
    return len(task)


def with_correction(prompt: Prompt, reply: str, correction: str) -> Prompt:
    """Return the prompt of a retry: the first prompt, the last reply, cut, and the correction."""
    shown = _cut(reply)
    if isinstance(prompt, str):
        last = f"Your last reply:\n{shown}\n\n" if shown else ""
        return f"{prompt}\n\n{last}{correction}"
    from schema_guard.providers.messages import dialect_of  # as in render()

    dialect = dialect_of(prompt)
    # Providers refuse an empty turn of the model's.
    turns = (dialect.turn("model", shown, prompt),) if shown else ()
    return (*prompt, *turns, dialect.turn("user", correction, prompt))


def _cut(reply: str) -> str:
    if reply.isascii() and len(reply) <= _REPLY_HEAD_BYTES + _REPLY_TAIL_BYTES:
        return reply.strip()
    data = reply.encode("utf-8", "replace")
    if len(data) <= _REPLY_HEAD_BYTES + _REPLY_TAIL_BYTES:
        return data.decode().strip()
    head = data[:_REPLY_HEAD_BYTES].decode("utf-8", "ignore")
    tail = data[-_REPLY_TAIL_BYTES:].decode("utf-8", "ignore")
    return f"{head}\n[...]\n{tail}".strip()


_SYNTAX_TEXT = {
    "no_json": "It held no JSON",
    "empty": "It was empty",
    "malformed": "It was not well-formed JSON",
    "duplicate_key": "An object in it had the same key twice",
    "not_finite": "It held a number that JSON does not have, such as NaN or Infinity",
    "bad_unicode": "It held text that is not valid Unicode",
    "several_documents": "It held more than one JSON value",
    "too_large": "It was too long",
    "too_deep": "It was nested too deep",
    "too_many_nodes": "It held too many values",
    "number_too_long": "A number in it was too long",
    "provider_rejected": "The provider could not read it",
    "max_tokens": "It was cut off before the JSON was complete",
    "unfinished": "It was cut off before the JSON was complete",
    "runaway": "It repeated itself until it was cut off",
    "reasoning_exhausted": "It was cut off before the reply began: reason less",
    "unknown_tool": "It called another tool than the one that was given",
}


def correction(failure: Failure, *, quote_checks: bool = True, is_whole: bool = True) -> str:
    """Return the text for the model about the faults of its last reply.

    Args:
        failure: The failure of the last attempt.
        quote_checks: Whether to quote the message of a check or of a Pydantic validator. It may quote the reply, so a text
            for the system role leaves it out.
        is_whole: Whether the reply reached its end, so that schema_guard did not stop it at its fault.

    >>> from schema_guard.values import Failure, Violation
    >>> total = Violation("/total", "/properties/total/type", "type", "number", "string 'twelve'")
    >>> correction(Failure("structure", "type", "...", (total,)))
    'Your last reply was not valid. At /total: expected number, got string. Reply again with only the JSON value.'
    """
    rest = "" if is_whole else _NOT_READ
    return f"Your last reply was not valid. {_fitted(describe(failure, quote_checks=quote_checks))}.{rest} {_ASK_AGAIN}"


def _fitted(text: str) -> str:
    if text.isascii() and len(text) <= _CORRECTION_BYTES:
        return text
    data = text.encode("utf-8", "replace")
    return (
        text if len(data) <= _CORRECTION_BYTES else data[:_CORRECTION_BYTES].decode("utf-8", "ignore") + "…"
    )


def describe(failure: Failure, *, quote_checks: bool) -> str:
    """Return the faults of a reply in words. The arguments are those of `correction`."""
    if failure.kind == "semantic":
        # The place of a Pydantic error may have keys that the model made up. Its message says what it expected.
        reason = (
            "; ".join(dict.fromkeys(v.expected for v in failure.violations[:_MAX_SENT])) or failure.message
        )
        return f"The check {failure.code!r} refused it" + (f": {reason}" if quote_checks else "")
    if failure.code == "encoded_value":
        # The place may have a key that the model made up. The violations below have the place in the schema.
        lead = "An object or array was sent as a JSON string. "
        return lead + describe(failure._replace(code="type"), quote_checks=quote_checks)
    if failure.violations:
        places = dict.fromkeys(map(_place, failure.violations))
        more = f". And {len(places) - _MAX_SENT} more" if len(places) > _MAX_SENT else ""
        return ". ".join(list(places)[:_MAX_SENT]) + more
    return _SYNTAX_TEXT.get(failure.code, "It did not fit the task")


def _place(violation: Violation) -> str:
    # Taken apart at once: there may be fifty, and each look at a field of a named tuple takes 25 ns.
    _, _, _, expected, actual = violation
    return f"At {pointer(declared_location(violation))}: expected {expected}, got {actual.partition(' ')[0]}"
