# SPDX-License-Identifier: Apache-2.0
"""The messages that a tuned model receives for a task, and whether they are known for a recorded call.

Rules: the messages of a row are those that `guard(..., about=About(tuned=True))` sends at attempt 1, byte for byte,
because a model trained on other messages gives other answers. Unknown messages are never invented.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schema_guard.configuration.recorded_settings import IMPORTED
from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.prompting import render
from schema_guard.providers.message_lists import messages_of
from schema_guard.strategies import STRATEGIES
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.schema import Schema

Messages: TypeAlias = "tuple[dict[str, Any], ...]"

FUNCTION_PROMPT: Final = "the prompt is unknown, because the function builds its own prompt"
_UNKNOWN_TASK: Final = "only the prompt with the format is stored, without the task"
NO_TEXT: Final = "its text isn't stored. Record with payload='full' or 'redacted'"
_LOST: Final = "its text was not stored, because the redaction failed"
_NOT_TEXT: Final = "messages with more than texts of system, user, and assistant"
_ENDS: Final = "messages whose last one is not from the user"
# If a recorder of a framework, or a tracing tool, saw the call, the stored prompt is the one that was sent.
_SEEN: Final = frozenset({"recorder", IMPORTED})
_ROLES: Final = frozenset({"system", "user", "assistant"})


def recorded_task(
    texts: Texts | None, row: Mapping[str, Any], prompt_from: Callable[..., Any] | None
) -> Any | str:
    """Return the task of a recorded call as sent, without a strategy's text, or `Unknown` with the reason.

    Args:
        texts: Texts of attempt 1; None if they aren't stored.
        row: Attempt 1 by the names of its columns.
        prompt_from: Function that returns the prompt of a task, for a function that builds its own prompt.
    """
    if texts is None or (texts.prompt is None and texts.lost is None):
        return Unknown(NO_TEXT)
    if texts.prompt is None:
        return Unknown(_LOST)
    document = json.loads(row["settings"]) if row["settings"] else {}
    settings = document if isinstance(document, dict) else {}
    if not _SEEN.isdisjoint(settings):
        return texts.prompt
    observed = settings.get("observe") is True
    task = texts.task
    if task is None and (observed or (row["strategy"] == "bare" and texts.prompt)):
        task = texts.prompt
    if task is None:
        return Unknown(_UNKNOWN_TASK)
    if observed or not _holds(texts.prompt, task):
        return Unknown(FUNCTION_PROMPT) if prompt_from is None else _built(prompt_from, task)
    return task


class Unknown(str):
    """The reason why the sent messages are unknown."""

    __slots__ = ()


def served(
    task: Any, schema: Schema[Any], strategy: str = "bare", layout: Layout | None = None
) -> Messages | Unknown:
    """Return the messages that a guard sends for a task at attempt 1, or `Unknown` if they aren't plain texts.

    Args:
        task: A text, or messages.
        schema: Schema of the answer.
        strategy: Strategy of the tuned configuration.
        layout: Layout of the function's prompts. Default: `turns`, as a model takes a text.
    """
    prompt = task if isinstance(task, str) else messages_of(task)
    if prompt is None:
        return Unknown(_NOT_TEXT)
    sent = render(prompt, STRATEGIES[strategy].instructions(schema), (), layout=layout or "turns")
    if isinstance(sent, str):
        return ({"role": "user", "content": sent},)
    messages = tuple(message.as_dict() for message in sent)
    if not all(map(_is_plain, messages)):
        return Unknown(_NOT_TEXT)
    return messages if messages[-1]["role"] == "user" else Unknown(_ENDS)


def _is_plain(message: dict[str, Any]) -> bool:
    return message.keys() == {"role", "content"} and (
        message["role"] in _ROLES and isinstance(message["content"], str)
    )


def _holds(prompt: Any, task: Any) -> bool:
    """Return whether a prompt ends with a task, after the strategy's text. A list of messages is sent as a list."""
    if not isinstance(task, str):
        return isinstance(prompt, list)
    if isinstance(prompt, list):
        # A text is sent as the last turn.
        return bool(prompt) and isinstance(prompt[-1], dict) and prompt[-1].get("content") == task
    return isinstance(prompt, str) and prompt.endswith(task)


def _built(prompt_from: Callable[..., Any], task: Any) -> Any:
    """Return the prompt of the user's function. A call without a task parameter was recorded as `[args, kwargs]`."""
    try:
        args, kwargs = json.loads(task) if isinstance(task, str) else (None, None)
    except (ValueError, TypeError):
        args = kwargs = None
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        args, kwargs = [task], {}
    try:
        inspect.signature(prompt_from).bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArgument(
            f"--prompt-from: the function can't be called with the stored task {clip(repr(task))}: {error}. Pass a "
            "function with the parameters of the guarded function, or with only its task parameter"
        ) from error
    try:
        prompt = prompt_from(*args, **kwargs)
    except Exception as error:
        if is_interruption(error):
            raise
        raise InvalidArgument(
            f"--prompt-from: the function raised {type(error).__name__} for the stored task {clip(repr(task))}: "
            f"{clip(str(error))}. Fix the function"
        ) from error
    if not isinstance(prompt, (str, list, tuple)):
        raise InvalidArgument(
            f"--prompt-from: expected a function that returns a str or a list of messages, got {clip(repr(prompt))}"
        )
    return prompt
