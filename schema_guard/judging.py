# SPDX-License-Identifier: Apache-2.0
"""A reply's text + a schema -> its value, or the failure that explains best why there is none.

Rules:
1. A value that comes out is valid for the schema, passed every check, and stood in the text as it came.
2. One meaning or none: two different valid values are `several_documents`, never a choice.
3. A text that ends inside JSON is a truncation, unless the provider says that the model had finished.
4. Nothing here raises for any text, and the work is linear in its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Never, TypedDict, TypeVar, Unpack, overload

from schema_guard.checks import refusal_of_checks
from schema_guard.interruptions import value_or
from schema_guard.limits import DEFAULT_LIMITS
from schema_guard.parsing import NotJson, parse
from schema_guard.plain_reply import (
    UNREAD,
    acceptor,
    form_of,
    require_terms,
    restored,
)
from schema_guard.reading import (
    TOO_MANY,
    FoundDocuments,
    Reading,
    bare,
    brackets,
    find_documents,
    is_only_reasoning,
    opens_json,
    read,
    text_after,
)
from schema_guard.schema import Schema
from schema_guard.validation import failures
from schema_guard.validation.equality import is_same
from schema_guard.values import Failure, Judgement, Missed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import TypeForm
    from typing_extensions import TypeVar as TypeVarWithDefault

    from schema_guard.arguments import NoSuchArgument, Nothing
    from schema_guard.checks import Check
    from schema_guard.extensions import Repaired
    from schema_guard.limits import Limits
    from schema_guard.schema import SchemaSource
    from schema_guard.types.coercion import Coerced
    from schema_guard.values import FinishReason, Form, Repair, Violation

V = TypeVar("V")
if TYPE_CHECKING:
    U = TypeVarWithDefault("U", default=Any)

# Brackets of prose that nothing closes: one of the outermost is the JSON that was cut off, if any is.
_UNCLOSED_READ = 4


if TYPE_CHECKING:

    class _Settings(TypedDict, total=False):
        finish_reason: FinishReason | None
        repair: Repair
        checks: Sequence[Callable[[Any], str | bool | None]]
        restore: Callable[[Any], Any] | None
        limits: Limits
        coerce: bool


@overload
def judge(text: str, schema: TypeForm[V], **settings: Unpack[_Settings]) -> Judgement[V]: ...
@overload
def judge(text: str, schema: SchemaSource[U], **settings: Unpack[_Settings]) -> Judgement[U]: ...
# For the errors of type checkers, as in decorator.py.
@overload
def judge(
    text: str | Nothing[Never],
    schema: object,
    *,
    finish_reason: FinishReason | Nothing[Never] | None = ...,
    repair: Repair | Nothing[Never] = ...,
    checks: Sequence[Callable[[Any], str | bool | None]] | Nothing[Never] = ...,
    restore: Callable[[Any], Any] | Nothing[Never] | None = ...,
    limits: Limits | Nothing[Never] = ...,
    coerce: bool | Nothing[Never] = ...,
    **unknown: NoSuchArgument[Never],
) -> Judgement[Any]: ...
def judge(  # type: ignore[misc]  # noqa: PLR0913 - the public entry point; everything but text and schema is keyword-only
    text: str,
    schema: Any,
    *,
    finish_reason: FinishReason | None = None,
    repair: Repair = "off",
    checks: Sequence[Callable[[Any], str | bool | None]] = (),
    restore: Callable[[Any], Any] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    coerce: bool = True,
) -> Judgement[Any]:
    """Validate a reply.

    Example:
        >>> judge('The total is {"total": 12.5}.', {"type": "object"}).value
        {'total': 12.5}

    Args:
        text: The whole reply.
        schema: A class or another annotation, a dict, a path, or a `Schema`. To validate many replies, create the
            `Schema` once with `Schema.of`.
        finish_reason: Why the model stopped. None if unknown: the reply is possibly cut off.
        repair: Whether to repair broken JSON: `"lossless"` (syntax only), or `"lossy"` (may also remove, invent, or
            close parts). The result has `form` and `repairs`.
        checks: Functions that get the value in the schema's Python type. True or None accepts it. False, or a message
            that describes the fault, refuses it.
        restore: Converts a value of an adapted schema into the form of *schema*.
        limits: Limits on the size of the reply.
        coerce: If *schema* is a type, whether it may convert a value that its JSON Schema refuses, such as `"12"` for
            an int. The result has the form `coerced` and `coercions`.

    Returns:
        A judgement. If there is no value, `failure` has the reason.

    Raises:
        InvalidArgument: An argument has the wrong type. No text raises.
        InvalidSchema: The schema can't be loaded.
    """
    if not isinstance(schema, Schema):
        schema = Schema.of(schema)
    require_terms(text, finish_reason, repair, checks, restore, coerce)
    accept = acceptor(schema, limits)
    if finish_reason in failures.REFUSED:
        return failed(failures.REFUSED[finish_reason])
    value = accept(text) if restore is None else Missed(UNREAD)
    if type(value) is not Missed:
        return checked(value, checks, form_of(text))
    terms = Terms(schema, finish_reason, repair, checks, restore, limits, coerce)
    return judge_missed(text, value, terms)


def judge_missed(text: str, missed: Missed, terms: Terms) -> Judgement[Any]:
    """Return the judgement of a reply that the schema's `acceptor` did not take."""
    if missed.failure is not None:
        return failed(missed.failure)
    if not isinstance(missed.value, dict | list):
        return _judge_read(text, missed.value, terms)
    return _refused(missed.value, text, terms)


def _judge_read(text: str, value: Any, terms: Terms) -> Judgement[Any]:
    """Judge a reply by the whole reading rule; *value* is what parsing all of it gave, or `UNREAD`."""
    limits = terms.limits
    # A character is 4 bytes at the most; counting them takes a copy of the text.
    if 4 * len(text) > limits.max_bytes:
        size = len(text) if len(text) > limits.max_bytes else len(text.encode("utf-8", "surrogatepass"))
        if size > limits.max_bytes:
            return failed(_syntax("too_large", f"{size} bytes or more, beyond max_bytes={limits.max_bytes}"))
    reading = read(text)
    if reading.refusal:
        return failed(Failure("refusal", "refusal", "the model refused in prose"))
    if reading.direct:
        return _judge_direct(text, reading, value, terms)
    if terms.finish_reason == "length" and is_only_reasoning(text):
        return failed(failures.REASONING_EXHAUSTED)
    return _judge_prose(text, reading, terms)


def judge_value(  # noqa: PLR0913 - as `judge`
    value: Any,
    schema: Schema[V],
    *,
    own: bool = False,
    repair: Repair = "off",
    checks: Sequence[Callable[[Any], str | bool | None]] = (),
    limits: Limits = DEFAULT_LIMITS,
    coerce: bool = True,
) -> Judgement[V]:
    """Judge a value that was parsed already, so that the text it stood in is not known: its form is `parsed`.

    Args:
        value: Plain JSON data; or, with *own*, an instance of the schema's own Python type.
        schema: What it must keep to.
        own: Whether the value is valid by being what it is, so that only the checks are left. Its type may hold
            what JSON does not.
        repair: As in `judge`: of a value only JSON inside of strings can be repaired.
        checks: As in `judge`.
        limits: How large the value may be.
        coerce: As in `judge`.

    Returns:
        A judgement. A value that is no JSON is a failure of kind `transport` with code `no_reply`.
        Nothing is raised for any value.
    """
    if own:
        return checked(value, checks, "parsed")
    from schema_guard.validation.plain_json import FOREIGN, refusal_of  # few functions parse by themselves

    refused = refusal_of(value, limits)
    if refused is not None:
        if refused.code == FOREIGN:
            return failed(Failure("transport", "no_reply", f"the value holds {refused.message}"))
        return failed(_syntax(refused.code, refused.message))
    terms = Terms(schema, None, repair, checks, None, limits, coerce)
    if terms.accepts(value):
        return accepted(value, terms, "parsed")
    return _refused(value, "", terms)


def _judge_direct(text: str, reading: Reading, value: Any, terms: Terms) -> Judgement[Any]:
    span = reading.candidates[0]
    document = text[span.start : span.end]
    form: Form = "clean" if reading.clean else "unwrapped"
    if value is UNREAD or span.start or terms.restore is not None:
        value = terms.parse(document)
    if type(value) is NotJson and value.end is not None:
        data = document.encode()
        document, rest = data[: value.end].decode(), data[value.end :].decode()
        form, value = "unwrapped", terms.parse(document)
        failure = _failure_after(rest, value, terms)
        if failure is not None:
            return failed(failure)
    if type(value) is NotJson:
        # No repair takes values away by the thousand.
        broken = [] if value.code == "too_many_nodes" else [document]
        return _repaired(broken, terms) or failed(failures.not_json(value, document, terms.finish_reason))
    if terms.accepts(value):
        return accepted(value, terms, form)
    is_text = isinstance(value, str) and value.lstrip()[:1] in ("{", "[")
    inside = terms.parse(value) if is_text else UNREAD
    if type(inside) is not NotJson and terms.accepts(inside):
        return accepted(inside, terms, "unwrapped")
    return _refused(value, text, terms)


def _opens_document(rest: str, terms: Terms) -> bool:
    """Say whether the text behind a JSON text opens with another one, whole or cut off."""
    rest = text_after(rest, 0)
    if rest[:1] not in ("{", "[") or not rest:
        return False
    value = terms.parse(rest)
    return type(value) is not NotJson or value.code == "unfinished" or value.end is not None


def _failure_after(rest: str, value: Any, terms: Terms) -> Failure | None:
    """Return the failure for a second document after a JSON text: adjacent, cut off, or valid and different."""
    if not rest.strip():
        return None
    another = _syntax("several_documents", "a second JSON text follows the first: expected exactly one")
    if _opens_document(rest, terms):
        return another
    if type(value) is NotJson or not terms.accepts(value):
        # The first JSON text is the only candidate: why it fails is what there is to say.
        return None
    reading = Reading(False, False, *brackets(rest, 0))
    for start in reading.unclosed[:_UNCLOSED_READ]:
        parsed = terms.parse(rest[start:])
        if type(parsed) is NotJson and parsed.code == "unfinished" and opens_json(rest[start:]):
            return another
    found = find_documents(rest, reading._replace(unclosed=()), terms.parse, terms.accepts)
    if not all(_is_one([value, other]) for other in found.valid):
        return another
    return _syntax(TOO_MANY.code, TOO_MANY.message) if found.is_cut_short else None


def _judge_prose(text: str, reading: Reading, terms: Terms) -> Judgement[Any]:
    for start in reading.unclosed[:_UNCLOSED_READ]:
        value = terms.parse(text[start:])
        if type(value) is NotJson and value.code == "unfinished":
            # The text ends inside JSON: no part of that is a value, and what stood before it may be a draft.
            return _repaired([text[start:]], terms) or failed(
                failures.not_json(value, text[start:], terms.finish_reason)
            )
    found = find_documents(text, reading, terms.parse, terms.accepts)
    if len(found.valid) <= 1 and found.is_cut_short:
        return failed(_syntax(TOO_MANY.code, TOO_MANY.message))
    if len(found.valid) > 1:
        return failed(
            _syntax("several_documents", "different valid values in the text: expected exactly one")
        )
    if found.valid:
        return accepted(found.valid[0], terms, "unwrapped")
    judged = _only_coerced(found.invalid, terms) or _bare(text, terms)
    judged = judged or _repaired(found.broken, terms) or _only_decoded(found.invalid, terms)
    return judged or failed(_prose_failure(text, found, terms))


def _repaired(documents: Sequence[str], terms: Terms) -> Judgement[Any] | None:
    """Judge the first reading of broken JSON that validates; None when repair is off or helps nothing.

    Of two texts that can be repaired to different valid values neither is taken.
    """
    if terms.repair == "off":
        return None
    from schema_guard.extensions import load  # most guards never repair

    repairing = load("option:repair")
    finished = terms.finish_reason in failures.FINISHED
    repaired: list[Judgement[Any]] = []
    left = repairing.MAX_WORK
    for document in documents:
        readings = repairing.readings(document, level=terms.repair, finished=finished, max_work=left)
        left -= readings.work + 1  # each text costs something, however short
        first = next((judged for one in readings.repaired if (judged := _as_repaired(one, terms))), None)
        if first is not None:
            repaired.append(first)
        if not readings.complete or left <= 0:
            return failed(_syntax("too_costly", "the text has more faults than can be repaired"))
    if not repaired:
        return None
    if not _is_one([judged.value for judged in repaired]):
        return failed(
            _syntax("several_documents", "two broken texts can be repaired to different valid values")
        )
    return repaired[0]


def _as_repaired(reading: Repaired, terms: Terms) -> Judgement[Any] | None:
    """Judge one reading of broken JSON; None where it is not valid."""
    value, steps = terms.parse(reading.text), reading.steps
    if type(value) is NotJson:
        return None
    form: Form = "repaired_lossless" if reading.lossless else "repaired_lossy"
    if not terms.accepts(value):
        inside = _decoded(value, terms)[0]
        if not terms.accepts(inside):
            result = terms.converted(value)
            return None if isinstance(result, Failure) else terms.checked(result, form, steps)
        value, steps = inside, (*steps, "encoded_value")
    return accepted(value, terms, form, steps)


def _decoded(
    value: Any, terms: Terms, violations: Sequence[Violation] = ()
) -> tuple[Any, Sequence[Violation] | None]:
    """Return a value with its JSON strings decoded, and its violations then; None if it had no JSON strings."""
    violations = violations or terms.failure(value).violations
    if not any(map(failures.may_hold_json, violations)):
        return value, None
    from schema_guard.validation.encoded_json import decoded  # few failures need it

    def broken(value: Any) -> Sequence[Violation]:
        return () if terms.accepts(value) else terms.failure(value).violations

    return decoded(value, violations, broken, lambda text: parse(text, terms.limits))


def _refused(value: Any, text: str, terms: Terms) -> Judgement[Any]:
    """Judge a value that is not valid as it stands: it may be, once it is read as what it was meant to be."""
    failure = terms.converted(value, text)
    if not isinstance(failure, Failure):
        return terms.checked(failure)
    if not isinstance(value, dict | list):
        return _bare(text, terms) or failed(failure)
    inside, left = _decoded(value, terms, failure.violations)
    if terms.repair != "off" and left is not None and not left:
        return accepted(inside, terms, "repaired_lossless", ("encoded_value",))
    return failed(failures.encoded_failure(failure, left))


def _only_coerced(invalid: Sequence[tuple[int, Any]], terms: Terms) -> Judgement[Any] | None:
    """Judge the only value of prose that the schema's type converts; None without one."""
    values = [value for _, value in invalid] if terms.schema.is_typed else []
    results = [(value, terms.converted(value)) for value in values]
    converted = [(value, result) for value, result in results if not isinstance(result, Failure)]
    return terms.checked(converted[0][1]) if _is_one([value for value, _ in converted]) else None


def _is_one(values: Sequence[Any]) -> bool:
    return bool(values) and all(is_same(values[0], other) for other in values[1:])


def _only_decoded(invalid: Sequence[tuple[int, Any]], terms: Terms) -> Judgement[Any] | None:
    """Judge the only value of prose that is valid once its JSON strings are decoded; None without one."""
    decoded = [] if terms.repair == "off" else [_decoded(value, terms) for _, value in invalid]
    valid = [inside for inside, left in decoded if left is not None and not left]
    return accepted(valid[0], terms, "repaired_lossless", ("encoded_value",)) if _is_one(valid) else None


def _bare(text: str, terms: Terms) -> Judgement[Any] | None:
    """Judge a reply that is one scalar without quotes, or in the writing of another language; None for any other."""
    if terms.repair == "off":
        return None
    from schema_guard.extensions import load

    finished = terms.finish_reason != "length"
    scalars = load("option:repair").scalars(bare(text), terms.schema.document, finished=finished)
    valid = [(value, steps) for value, steps in scalars if terms.accepts(value)]
    if not _is_one([value for value, _ in valid]):
        return None
    value, steps = valid[0]
    return accepted(value, terms, "repaired_lossless", steps)


def _prose_failure(text: str, found: FoundDocuments, terms: Terms) -> Failure:
    """Give the failure that explains best: the largest JSON text's violations, else cut off, else its syntax."""
    if found.invalid:
        # Of equally large ones the last: a final answer follows its drafts.
        _, value = max(reversed(found.invalid), key=lambda sized: sized[0])
        failure = terms.failure(value, text)
        return failures.encoded_failure(failure, _decoded(value, terms, failure.violations)[1])
    if terms.finish_reason == "length":
        return failures.cut_off(
            text, "max_tokens", "cut off at the output limit before a JSON text was complete"
        )
    if found.refused:
        return failures.not_json(found.refused[-1], text, "stop")
    if not text.strip("\ufeff \t\r\n"):
        return _syntax("empty", "the reply is empty")
    return _syntax("no_json", "no JSON text in the reply")


class Terms(NamedTuple):
    """The terms that a reply is validated by."""

    schema: Schema[Any]
    finish_reason: FinishReason | None = None
    repair: Repair = "off"
    checks: Sequence[Check] = ()
    restore: Callable[[Any], Any] | None = None
    limits: Limits = DEFAULT_LIMITS
    coerce: bool = True

    def accepts(self, value: Any) -> bool:
        """Return whether a value is valid. A value that takes too many steps to check is not."""
        return self.schema.accepts(value, self.limits.max_steps)

    def failure(self, value: Any, text: str = "") -> Failure:
        """Return the failure of an invalid value. *text* is its JSON text, if it is known."""
        found = self.converted(value, text)
        if isinstance(found, Failure):
            return found
        return failures.schema_failure(value, self.schema, self.limits)

    def converted(self, value: Any, text: str = "") -> Coerced | Failure:
        """Convert a value that the document refuses by the schema's type, or return its failure; run no checks."""
        from schema_guard.validation.violations import failure_of  # only failures need it

        schema, limits = self.schema, self.limits
        violations = schema.violations_in(value, text if self.restore is None else "", limits.max_steps)
        if schema.reader is None:
            return failure_of(violations)
        from schema_guard.types import coercion  # only typed schemas need it

        if not self.coerce:
            failure = coercion.refusal_by_type(value, schema.reader, lambda: violations, is_refused=True)
            return failure or failure_of(violations)
        return coercion.coerce(
            value, schema.reader, violations, lambda written: schema.accepts_written(written, limits)
        )

    def checked(
        self, found: Coerced, form: Form = "coerced", repairs: tuple[str, ...] = ()
    ) -> Judgement[Any]:
        """Return the judgement of a converted value, after the checks."""
        judged = checked(found.value, self.checks, form, repairs)
        return judged._replace(coercions=found.coercions) if judged.ok else judged

    def parse(self, text: str) -> Any:
        """Return the value of a JSON text, or a `NotJson`. A value that cannot be restored stays as it is."""
        value = parse(text, self.limits)
        if self.restore is None or type(value) is NotJson:
            return value
        return value_or(value, self.restore, value)


def accepted(value: Any, terms: Terms, form: Form, repairs: tuple[str, ...] = ()) -> Judgement[Any]:
    """Return the judgement of a value that the document accepts: restore it, and run the checks."""
    made = restored(value, terms.schema, terms.limits)
    if type(made) is Missed:
        assert made.failure is not None
        return failed(made.failure)
    return checked(made, terms.checks, form, repairs)


def checked(value: Any, checks: Sequence[Check], form: Form, repairs: tuple[str, ...] = ()) -> Judgement[Any]:
    """Return the judgement of a restored value: run the checks."""
    failure = refusal_of_checks(value, checks) if checks else None
    return Judgement(True, value, None, form, repairs) if failure is None else failed(failure)


def failed(failure: Failure) -> Judgement[Any]:
    """Return the judgement of a reply without a value."""
    return Judgement(False, None, failure, None)


def _syntax(code: str, message: str) -> Failure:
    return Failure("syntax", code, message)
