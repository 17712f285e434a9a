"""A reply's text + a schema -> its value, or the failure that explains best why there is none.

Rules:
1. A value that comes out is valid for the schema, passed every check, and stood in the text as it came.
2. One meaning or none: two different valid values are `several_documents`, never a choice.
3. A text that ends inside JSON is a truncation, unless the provider says that the model had finished.
4. Nothing here raises for any text, and the work is linear in its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from schema_guard.core import extract
from schema_guard.core.parse import NotJson, Parsed, parse
from schema_guard.core.pointer import join, pointer
from schema_guard.core.values import Failure, Judgement, Limits, Violation
from schema_guard.core.violations import VALUE_KEYWORDS, describe
from schema_guard.errors import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.core.extract import Reading, Span
    from schema_guard.core.schema import Schema
    from schema_guard.core.values import FailureKind, FinishReason, Form

V = TypeVar("V")

DEFAULT_LIMITS = Limits()
# Prose may hold brackets inside brackets; each character of it is parsed this often at most.
_PARSES_PER_CHARACTER = 8
_FAILED_FINISHES = {
    "refusal": ("refusal", "the model refused"),
    "content_filter": ("content_filter", "the provider's content filter stopped the reply"),
}


def judge(
    text: str,
    schema: Schema[V],
    *,
    finish_reason: FinishReason | None = None,
    checks: Sequence[Callable[[Any], str | None]] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Judgement[V]:
    """Judge a reply.

    Args:
        text: The whole reply.
        schema: What it must keep to.
        finish_reason: Why the model stopped; None when unknown, which counts as possibly cut off.
        checks: Called in order with the value in the schema's Python type; each gives None or what is wrong.
        limits: How large the reply may be.

    Returns:
        A judgement; `failure` says why there is no value.
    """
    if finish_reason in _FAILED_FINISHES:
        return _failed(Failure("refusal", *_FAILED_FINISHES[finish_reason]))
    # The usual reply is one JSON object and nothing else: no need to read it by the whole rule.
    parsed = parse(text, limits) if text[:1] in ("{", "[") and text else None
    if type(parsed) is Parsed and schema.accepts(parsed.value):
        return _accepted(parsed.value, schema, checks, "exact")
    if len(text) > limits.max_bytes:
        return _failed(
            _syntax("too_large", f"{len(text)} characters, more than max_bytes={limits.max_bytes}")
        )
    reading = extract.read(text)
    if reading.refusal:
        return _failed(Failure("refusal", "refusal", "the model refused in prose"))
    terms = _Terms(schema, finish_reason, checks, limits)
    return (
        _judge_direct(text, reading, parsed, terms) if reading.direct else _judge_prose(text, reading, terms)
    )


class _Terms(NamedTuple):
    """What a reply is judged by."""

    schema: Schema[Any]
    finish_reason: FinishReason | None
    checks: Sequence[Callable[[Any], str | None]]
    limits: Limits


def _judge_direct(
    text: str, reading: Reading, parsed: Parsed | NotJson | None, terms: _Terms
) -> Judgement[Any]:
    schema, limits = terms.schema, terms.limits
    span = reading.candidates[0]
    document = text[span.start : span.end]
    exact = reading.exact
    if parsed is None:
        parsed = parse(document, limits)
    if type(parsed) is NotJson and parsed.end is not None:
        data = document.encode()
        document, rest = data[: parsed.end].decode(), extract.after(data[parsed.end :].decode(), 0)
        exact = False
        parsed = parse(document, limits)
        if rest and _opens_document(rest, limits):
            return _failed(
                _syntax("several_documents", "a second JSON text follows the first: expected exactly one")
            )
    if type(parsed) is NotJson:
        return _failed(_not_json(parsed, terms.finish_reason))
    assert isinstance(parsed, Parsed)
    if schema.accepts(parsed.value):
        return _accepted(parsed.value, schema, terms.checks, "exact" if exact else "unwrapped")
    inside = _inside_string(parsed.value, limits)
    if inside is not None and schema.accepts(inside.value):
        return _accepted(inside.value, schema, terms.checks, "unwrapped")
    return _failed(_schema_failure(parsed.value, schema))


def _opens_document(rest: str, limits: Limits) -> bool:
    """Say whether the text behind a JSON text opens with another one, whole or cut off."""
    if rest[:1] not in ("{", "["):
        return False
    found = parse(rest, limits)
    return type(found) is Parsed or found.code == "unfinished" or found.end is not None  # type: ignore[union-attr]


def _inside_string(value: Any, limits: Limits) -> Parsed | None:
    """Give the value of a JSON text that was sent as a JSON string."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    parsed = parse(value, limits)
    return parsed if isinstance(parsed, Parsed) else None


def _judge_prose(text: str, reading: Reading, terms: _Terms) -> Judgement[Any]:
    schema = terms.schema
    valid: list[Any] = []
    invalid: tuple[int, Any] | None = None
    refused: NotJson | None = None
    for size, parsed in _parsed_spans(text, reading.candidates, terms.limits):
        if isinstance(parsed, NotJson):
            refused = parsed
        elif schema.accepts(parsed.value):
            if not any(_same(parsed.value, other) for other in valid):
                valid.append(parsed.value)
        elif invalid is None or size >= invalid[0]:
            invalid = size, parsed.value
    if len(valid) > 1:
        return _failed(
            _syntax("several_documents", f"{len(valid)} different valid values in the text: expected one")
        )
    if valid:
        return _accepted(valid[0], schema, terms.checks, "unwrapped")
    return _failed(_prose_failure(text, reading, terms, invalid, refused))


def _prose_failure(
    text: str, reading: Reading, terms: _Terms, invalid: tuple[int, Any] | None, refused: NotJson | None
) -> Failure:
    """Give the failure that explains best: cut off, else the largest JSON text's violations, else its syntax."""
    for start in reading.unclosed[:4]:
        parsed = parse(text[start:], terms.limits)
        if isinstance(parsed, NotJson) and parsed.code == "unfinished":
            return _not_json(parsed, terms.finish_reason)
    if invalid is not None:
        return _schema_failure(invalid[1], terms.schema)
    if terms.finish_reason == "length":
        return Failure(
            "truncation", "max_tokens", "cut off at the output limit before a JSON text was complete"
        )
    if refused is not None:
        return _not_json(refused, "stop")
    if not text.strip():
        return _syntax("empty", "the reply is empty")
    return _syntax("no_json", "no JSON text in the reply")


def _parsed_spans(text: str, spans: Sequence[Span], limits: Limits) -> Iterator[tuple[int, Parsed | NotJson]]:
    """Parse bracketed parts from the outside in: what parses hides what stands inside it."""
    budget = _PARSES_PER_CHARACTER * len(text)
    stack = list(reversed(spans))
    while stack and budget > 0:
        span = stack.pop()
        budget -= span.end - span.start
        parsed = parse(text[span.start : span.end], limits)
        yield span.end - span.start, parsed
        if isinstance(parsed, NotJson) and parsed.code == "malformed":
            stack += reversed(span.inner)


def _same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal: 1 is 1.0 and is not true."""
    return bool(one == other) and repr(one).count("True") == repr(other).count("True")


def _accepted(
    value: Any, schema: Schema[V], checks: Sequence[Callable[[Any], str | None]], form: Form
) -> Judgement[V]:
    try:
        restored = schema.restore(value)
    except ValueError as error:
        return _failed(_type_failure(error))
    for check in checks:
        failure = _refused_by(check, restored)
        if failure is not None:
            return _failed(failure)
    return Judgement(True, restored, None, form)


def _refused_by(check: Callable[[Any], str | None], value: Any) -> Failure | None:
    name = getattr(check, "__name__", type(check).__name__)
    try:
        message = check(value)
    except Exception as error:  # noqa: BLE001 - a check that trips over a value has refused it; the message says so
        message = f"raised {type(error).__name__}: {error}"
    return None if message is None else Failure("semantic", name, clip(str(message), 300))


def _type_failure(error: ValueError) -> Failure:
    """Give the failure for a value that the schema's Python type refused (Pydantic's errors by shape)."""
    problems = getattr(error, "errors", None)
    if not callable(problems):
        return Failure("semantic", "pydantic", clip(str(error) or type(error).__name__, 300))
    violations = tuple(
        Violation(join(p["loc"]), "", str(p["type"]), clip(str(p["msg"]), 200), describe(p.get("input")))
        for p in problems(include_url=False, include_context=False)[:50]
    )
    told = "; ".join(f"at {pointer(v.instance_location)}: {v.expected}" for v in violations[:3])
    return Failure("semantic", "pydantic", told, violations)


def _schema_failure(value: Any, schema: Schema[Any]) -> Failure:
    found = tuple(schema.violations(value))
    first = found[0]
    kind: FailureKind = "value" if first.keyword in VALUE_KEYWORDS else "structure"
    message = f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}"
    return Failure(kind, first.keyword, message, found)


def _not_json(refused: NotJson, finish_reason: FinishReason | None) -> Failure:
    if refused.code != "unfinished":
        return _syntax(refused.code, refused.message)
    if finish_reason == "length":
        return Failure("truncation", "max_tokens", "cut off at the output limit inside a JSON text")
    if finish_reason in ("stop", "tool_call"):
        return _syntax("malformed", "the JSON text is not closed, and the model had finished")
    return Failure("truncation", "unfinished", "the text ends inside a JSON text")


def _syntax(code: str, message: str) -> Failure:
    return Failure("syntax", code, message)


def _failed(failure: Failure) -> Judgement[Any]:
    return Judgement(False, None, failure, None)
