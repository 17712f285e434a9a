# SPDX-License-Identifier: Apache-2.0
"""Runs of openai-agents: their results, and the exceptions that end them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.failures import ENDED_EARLY, provider_error, refused_inside
from schema_guard.providers.fields import field, items, name, words
from schema_guard.received.pydantic_errors import carried, is_validation_error, refused_by
from schema_guard.received.replies import read_shape
from schema_guard.received.traceback_reply import is_of
from schema_guard.text import clip
from schema_guard.values import UNKNOWN_USAGE, Failure, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.schema import Schema

_PACKAGE: Final = frozenset({"agents"})
_UNFINISHED: Final = Failure(
    "transport", "no_reply", "the run has no final output. Return the result of a run that has ended"
)
_REDACTED: Final = Failure(
    "syntax",
    "provider_rejected",
    "openai-agents rejected the reply and removed its text. To see the reason, set OPENAI_AGENTS_DONT_LOG_MODEL_DATA=0",
)
# Parts of the messages of a ModelBehaviorError, which has no code. The first match decides.
_FAILURES: Final = (
    (("max_output_tokens", "finish_reason='length'"), ENDED_EARLY["length"]),
    (("content_filter",), ENDED_EARLY["content_filter"]),
    (
        (
            "has no choices",
            "terminal event",
            "error event",
            "produce a final response",
            "stream ended before",
        ),
        provider_error(),
    ),
)


def result(run: object, inner: Callable[[object], Reply | None]) -> Reply | None:
    """Return the reply in the result of a run: the final output, with the last response and the total tokens."""
    responses, output = items(field(run, "raw_responses")), field(run, "final_output")
    if not responses or field(run, "last_agent") is None:
        return None
    if output is None:
        return Reply(failure=_UNFINISHED)
    reply = inner(output)
    if reply is None:
        return None
    replies = [response(one) for one in responses]
    last = replies[-1]
    # The text of other types is wrapped in an object, and the output of a tool is no text of the model.
    is_text = isinstance(output, str) or hasattr(type(output), "model_dump")
    return last._replace(
        text=last.text if is_text and not last.tool else reply.text,
        usage=Usage.total([one.usage for one in replies]),
        model=model_name(field(run, "last_agent")),
        failure=reply.failure,
        parsed=reply.parsed,
        tool=None,
    )


def response(message: object) -> Reply:
    """Return one response of the model inside a run. A usage of zeros is unknown."""
    reply = read_shape(message) or Reply()
    usage = reply.usage
    return reply if usage.input_tokens or usage.output_tokens else reply._replace(usage=UNKNOWN_USAGE)


def model_name(agent: object, model: object = None) -> str | None:
    """Return the name of the model that an agent calls. *model* is one that a run uses instead."""
    model = model or field(agent, "model")
    return name(model) or words(field(model, "model"))


def raised(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Return the reply behind an exception of openai-agents. None for any other exception.

    The package removes the cause and the text of a reply that did not fit, so the type of the exception decides.
    """
    if not is_of(type(error), _PACKAGE):
        return None
    names = {kind.__name__ for kind in type(error).__mro__}
    if "OutputGuardrailTripwireTriggered" in names:
        return Reply(failure=refused_inside("an output guardrail was triggered"))
    return _misbehaved(error, schema) if "ModelBehaviorError" in names else None


def _misbehaved(error: BaseException, schema: Schema[Any]) -> Reply:
    cause = error.__cause__
    if cause is not None and is_validation_error(cause):
        return carried(cause, schema) or Reply(failure=refused_by(cause.errors()))  # type: ignore[attr-defined]
    message = str(error)
    for marks, failure in _FAILURES:
        if any(mark in message for mark in marks):
            is_lost = failure.kind == "transport"
            return Reply(failure=failure, exception=clip(type(error).__name__) if is_lost else None)
    # Of other messages, only the beginning is free of what the model wrote.
    is_form = message.startswith(("Invalid JSON", "Expected a dict", "Could not find key", "Error details"))
    return Reply(failure=_REDACTED if is_form else refused_inside(message))
