# SPDX-License-Identifier: Apache-2.0
"""Read an exception of the function: the reply that it carries, or the reason why there is no reply.

Rules:
1. The shape of an exception decides, or the shape of the exceptions that it was raised from or while handling. The
   first known one counts. No package is imported.
2. An exception about a reply that didn't fit carries this reply. If its text is known, the text is validated. If it is
   valid and no library has rejected it, the call returns its value instead of raising the exception.
3. An exception of an SDK or an HTTP client, a timeout, or a broken connection is a `provider_error`.
4. Every other exception is `call_raised`, for example because of a settings file, an input, a database, or a bug.
Nothing here raises, and no exception is changed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import SchemaGuardError
from schema_guard.interruptions import is_interruption
from schema_guard.providers.failures import ENDED_EARLY
from schema_guard.providers.fields import as_json, field, items, words
from schema_guard.received import dspy, openai_agents, replies
from schema_guard.received.pydantic_errors import (
    carried,
    is_validation_error,
    refused_by,
    refused_text,
    title_of,
)
from schema_guard.received.replies import read_shape, rejected
from schema_guard.received.traceback_reply import CLIENTS, frames_of, is_of, with_traceback_details
from schema_guard.text import clip
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.schema import Schema
    from schema_guard.values import FinishReason

_MOST_LINKS: Final = 20
_AGENTS: Final = frozenset({"pydantic_ai"})
# Package and class -> why the reply ended early, and the attribute that holds it.
_ENDED_EARLY: Final[dict[tuple[str, str], tuple[FinishReason, str]]] = {
    ("instructor", "IncompleteOutputException"): ("length", "last_completion"),
    ("langchain_core", "ModelRefusalError"): ("refusal", "raw_message"),
    ("pydantic_ai", "ContentFilterError"): ("content_filter", ""),
    ("pydantic_ai", "IncompleteToolCall"): ("length", ""),
    ("agents", "ModelRefusalError"): ("refusal", ""),
}
# Package and class of exceptions for a failure of the provider.
_FAULTS: Final = frozenset(
    {
        ("pydantic_ai", "ModelAPIError"),
        ("dspy", "LMProviderError"),
        ("dspy", "LMTransportError"),
        ("langchain_core", "ModelError"),
    }
)
# Beginnings of the messages of llama-index for a reply that its programs cannot use.
_PROGRAMS_FAILED: Final = (
    "Structured output extraction failed",
    "LLM did not return any tool calls",
    "It was not possible to produce a structured response",
    "Could not extract json string",
    "Output parser returned",
)
# Packages that call a function again when it raises.
_RETRYING: Final = frozenset({"tenacity", "backoff", "stamina", "retrying", "retry", "retry2"})
_PARSERS_FAILED: Final = "the function's own parser rejected the reply"


def read_exception(error: BaseException, schema: Schema[Any] | None, *, is_observed: bool = False) -> Reply:
    """Read an exception. Never raises.

    Args:
        error: The exception of the function.
        schema: Schema of the guard. None if it is not known. In this case, only exceptions of providers are recognized.
        is_observed: Whether the exception reaches the caller in any case. If so, a reply that only the function could
            not read is a failure too.
    """
    if not isinstance(error, Exception) or is_interruption(error):
        return _excluded("cancelled", error)
    try:
        for link in _chain(error):
            reply = _read(link, schema, is_observed=is_observed)
            if reply is not None:
                return reply if reply.tries else _with_unseen_attempts(reply, error)
    except Exception as other:
        if is_interruption(other):
            raise
        # A foreign object may raise anything from any access.
        return _excluded("call_raised", error)
    return _excluded("call_raised", error)


def _excluded(code: str, error: BaseException, told: str | None = None) -> Reply:
    name = clip(type(error).__name__)
    title = title_of(error)
    if title is not None:
        name = clip(f"{name} of {title}")
    failure = Failure("transport", code, told or clip(f"{name} was raised"))
    return Reply(failure=failure, exception=name)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those behind it. Stop at an exception of another guard, which is about its own call."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(seen) < _MOST_LINKS and not any(link is known for known in seen):
        if isinstance(link, SchemaGuardError):
            return
        yield link
        seen.append(link)
        link = _cause_of(link)


def _cause_of(error: BaseException) -> BaseException | None:
    """Return the exception that one was raised from or while handling, or the only exception of a group."""
    if isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        only: BaseException = error.exceptions[0]
        return only
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _read(error: BaseException, schema: Schema[Any] | None, *, is_observed: bool) -> Reply | None:
    reply = rejected(error)
    if reply is not None:
        return reply
    if schema is not None:
        reply = dspy.raised(error)
        if reply is not None:
            return reply
        for reader in (
            _json_error,
            _validation_error,
            _retried,
            _ended_early,
            _parser_error,
            _program_error,
            _agent_error,
            openai_agents.raised,
        ):
            reply = reader(error, schema, is_observed)
            if reply is not None:
                return with_traceback_details(reply, error)
    return _fault(error)


def _fault(error: BaseException) -> Reply | None:
    """Read an exception for a failure of the provider or of the connection to it."""
    if isinstance(error, TimeoutError | ConnectionError) or is_of(type(error), CLIENTS):
        return _excluded("provider_error", error)
    return _excluded("provider_error", error) if _FAULTS & set(_classes_of(error)) else None


def _classes_of(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield the package and the name of the class of an exception, and of each base."""
    for kind in type(error).__mro__:
        yield kind.__module__.partition(".")[0], kind.__name__


def _with_unseen_attempts(reply: Reply, error: BaseException) -> Reply:
    """Mark the reply as one after unseen attempts, if a library between function and exception retries."""
    is_judged = reply.failure is None or reply.failure.kind != "transport"
    if is_judged and (
        _has_class_named(error, "RetryError") or any(package in _RETRYING for package, _ in frames_of(error))
    ):
        return reply._replace(unseen=True, is_final=True)
    return reply


def _has_class_named(error: BaseException, name: str) -> bool:
    return any(kind.__name__ == name for kind in type(error).__mro__)


# One reader for each shape. All take the same arguments, and return None for other shapes.


def _json_error(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read a JSONDecodeError, which carries the text that is not JSON."""
    text = field(error, "doc")
    if not isinstance(text, str | bytes) or not _has_class_named(error, "JSONDecodeError"):
        return None
    reply = replies.read(text)
    if reply.failure is not None and reply.failure.kind == "transport":
        return reply._replace(exception=clip(type(error).__name__))
    if is_of(type(error), CLIENTS) or any(package in CLIENTS for package, _ in frames_of(error)):
        behind = with_traceback_details(reply, error)
        if behind is reply:
            return _excluded("provider_error", error, "the answer's body is no JSON")
        # This SDK parsed the text of a reply that it had read.
        reply = behind
    # If the call returns a value, a text that schema_guard can read counts as one.
    refused = Failure("syntax", "malformed", f"{_PARSERS_FAILED}: {clip(str(error), 200)}")
    return reply._replace(refused=refused if is_observed else None)


def _validation_error(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read Pydantic's ValidationError if it is about the guarded type."""
    return carried(error, schema) if is_validation_error(error) else None


def _retried(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read instructor's exception after its retries, with each try that failed."""
    attempts, failed = field(error, "n_attempts"), items(field(error, "failed_attempts"))
    if type(attempts) is not int or not field(error, "create_kwargs") or not failed:
        return None
    tries = [_try(attempt, schema) for attempt in failed]
    tries = _usages_of_each(tries)
    is_final = attempts > 1
    if len(failed) < attempts:
        # The last try had no reply. The exception behind this one has the reason.
        behind = error.__cause__ or error.__context__
        last = (None if behind is None else _fault(behind)) or _excluded("call_raised", behind or error)
        return last._replace(tries=tuple(tries), is_final=True)
    return tries[-1]._replace(tries=tuple(tries[:-1]), is_final=is_final)


def _try(failed: object, schema: Schema[Any]) -> Reply:
    completion, error = field(failed, "completion"), field(failed, "exception")
    reply = (None if completion is None else read_shape(completion)) or Reply()
    refused = _refusal(error)
    if reply.text is None:
        return reply._replace(failure=refused)
    return reply._replace(refused=refused, failure=None)


def _refusal(error: object) -> Failure:
    """Return the reason why a library inside the function rejected a reply, from the library's exception."""
    if isinstance(error, BaseException) and is_validation_error(error):
        return refused_by(error.errors())  # type: ignore[attr-defined]
    if isinstance(error, BaseException) and _has_class_named(error, "JSONDecodeError"):
        return Failure("syntax", "malformed", f"{_PARSERS_FAILED}: {clip(str(error), 200)}")
    return Failure("semantic", "refused", f"{_PARSERS_FAILED}: {clip(type(error).__name__)}")


def _usages_of_each(tries: list[Reply]) -> list[Reply]:
    """Return tries with their own tokens, because instructor stores the sum of all tries so far in each."""
    sums = [reply.usage for reply in tries]
    grows = all(
        before is not None and after is not None and after >= before
        for first, second in pairwise(sums)
        for before, after in zip(first[:2], second[:2], strict=True)
    )
    if len(tries) < 2 or not grows:
        return tries
    own = [tries[0].usage]
    for before, after in pairwise(sums):
        own.append(
            type(after)(
                *(
                    None if b is None or a is None else a - b if a >= b else a
                    for b, a in zip(before, after, strict=True)
                )
            )
        )
    return [reply._replace(usage=usage) for reply, usage in zip(tries, own, strict=True)]


def _ended_early(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read an exception for a reply that was cut off or refused."""
    known = next((_ENDED_EARLY[kind] for kind in _classes_of(error) if kind in _ENDED_EARLY), None)
    if known is None:
        return None
    finish, holder = known
    held = field(error, holder) if holder else None
    reply = (None if held is None else read_shape(held)) or Reply(refusal=words(field(error, "refusal")))
    return reply._replace(finish_reason=finish, failure=ENDED_EARLY[finish])


def _parser_error(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read LangChain's exceptions of its output parsers."""
    if not _has_class_named(error, "OutputParserException"):
        return None
    behind = error.__cause__ or error.__context__
    text = field(error, "llm_output")
    if not isinstance(text, str) and behind is not None:
        deeper = _json_error(behind, schema, True) or _validation_error(behind, schema, True)
        if deeper is not None:
            return deeper
    refused = _refusal(behind) if behind is not None else Failure("syntax", "malformed", _PARSERS_FAILED)
    if not isinstance(text, str):
        return Reply(failure=refused)
    return Reply(text, refused=refused)


def _program_error(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read llama-index's exceptions of its programs. They chain nothing, so their frame has the reply."""
    names = [names for package, names in frames_of(error) if package == "llama_index"]
    if (
        not names
        or not isinstance(error, ValueError | TypeError)
        or not str(error).startswith(_PROGRAMS_FAILED)
    ):
        return None
    source, reply = names[-1].get("source"), read_shape(names[-1].get("response"))
    refused = _refusal(field(source, "exception") or error)
    if reply is not None:
        return reply._replace(refused=refused)
    text = names[-1].get("text") if source is None else as_json(field(source, "raw_input"))
    return Reply(
        words(text) or words(field(names[-1].get("agent_response"), "response")) or "", refused=refused
    )


def _agent_error(error: BaseException, schema: Schema[Any], is_observed: bool) -> Reply | None:
    """Read pydantic-ai's exceptions for replies that its agent could not use."""
    if not is_of(type(error), _AGENTS):
        return None
    message = field(error, "message")
    text = message if isinstance(message, str) else ""
    if "token limit" in text:
        return Reply(failure=ENDED_EARLY["length"])
    if not text.startswith(("Exceeded maximum", "Tool ")) and not _has_class_named(error, "ToolRetryError"):
        return None
    asked_again = "(0)" not in text and _has_class_named(error, "UnexpectedModelBehavior")
    return _agent_refusal(error)._replace(unseen=asked_again, is_final=asked_again)


def _agent_refusal(error: BaseException) -> Reply:
    """Return the reply that an agent rejected: its text if that was not JSON, otherwise only the reason."""
    for link in _chain(error):
        content = _details(link)
        if content is not None:
            text = refused_text(content)
            if text is not None:
                return replies.read(text)._replace(refused=refused_by(content))
            return Reply(failure=refused_by(content))
    message = words(field(error, "message"))
    return Reply(failure=Failure("semantic", "refused", clip(message or _PARSERS_FAILED, 200)))


def _details(error: BaseException) -> list[Any] | None:
    """Return the details of a validation error in an exception. None if it has none."""
    if is_validation_error(error):
        return list(error.errors())  # type: ignore[attr-defined]
    content = field(field(error, "tool_retry"), "content")
    return content if isinstance(content, list) else None
