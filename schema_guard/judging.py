# SPDX-License-Identifier: Apache-2.0
"""A reply's text + a schema -> its value, or the failure that explains best why there is none.

Rules:
1. A value that is returned is valid for the schema and passed every check. It is in the text, unless it has a form such as
   `coerced` or `repaired_lossy`.
2. One meaning or none: two different valid values are `several_documents`, never a choice.
3. A text that ends inside JSON is a truncation, unless the provider says that the model had finished.
4. Nothing here raises for any text, and the work is linear in its length.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Never, TypedDict, TypeVar, Unpack, overload

from schema_guard.arguments import (
    require_bool,
    require_kind,
    require_list,
    require_members,
    require_one_of,
    require_text,
)
from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, parse
from schema_guard.plain_reply import acceptor
from schema_guard.preparing.user_checks import refusal_of_checks
from schema_guard.reading import TOO_MANY, Documents, documents
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.validation import failures
from schema_guard.validation.encoded_json import decoded, encoded_failure, may_hold_json
from schema_guard.validation.violations import failure_of
from schema_guard.values import REPAIRS, Failure, Judgement, Missed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import TypeForm
    from typing_extensions import TypeVar as TypeVarWithDefault

    from schema_guard.arguments import NoSuchArgument, Nothing
    from schema_guard.extensions import Repaired
    from schema_guard.preparing.user_checks import Check
    from schema_guard.schema import SchemaSource
    from schema_guard.types.coercion import Coerced
    from schema_guard.values import FinishReason, Form, Repair, Violation

    V = TypeVar("V")
    U = TypeVarWithDefault("U", default=Any)

    class _Settings(TypedDict, total=False):
        finish_reason: FinishReason | None
        repair: Repair
        checks: Sequence[Callable[[Any], str | bool | None]]
        restore: Callable[[Any], Any] | None
        limits: Limits
        coerce: bool


_NO_DOCUMENTS = Documents()


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
        schema: The schema: a class or another type annotation, a dict, the path of a JSON file, or a `Schema`. To
            validate many replies, create the `Schema` only once, with `Schema.of`.
        finish_reason: Reason why the model stopped. None means that the reason is unknown, so the reply may be cut off.
        repair: Level of repair for broken JSON: `"off"`, `"lossless"` (fixes only the syntax), or `"lossy"` (can also
            remove or invent data, or close unfinished values). The `form` and `repairs` of the result show the repair.
        checks: Functions that schema_guard calls with the value, converted to the schema's Python type. A check that
            returns True or None accepts the value. A check that returns False, or a message that describes the fault,
            rejects the value.
        restore: Function that converts a value from the form of an adapted schema to the form of your schema.
        limits: Limits on the size of the reply.
        coerce: Whether to accept a value that the JSON Schema rejects but the schema's Python type can convert, such as
            `"12"` for an int. If the type converts the value, the result has the form `coerced`, and `coercions` lists
            the converted parts of the value.

    Returns:
        A judgement. If the reply has no valid value, `failure` contains the reason.

    Raises:
        InvalidArgument: An argument has the wrong type. The function never raises an error because of the text of a
            reply.
        InvalidSchema: The schema can't be loaded.
    """
    if not isinstance(schema, Schema):
        schema = Schema.of(schema)
    _require_terms(text, finish_reason, repair, checks, restore, coerce)
    require_kind("limits", limits, Limits)
    return judge_reply(text, Terms(schema, finish_reason, repair, checks, restore, limits, coerce))


def judge_reply(text: str, terms: Terms, missed: Missed | None = None) -> Judgement[Any]:
    """Validate a reply.

    Args:
        text: The whole reply.
        terms: The terms of the judgement.
        missed: The result of the schema's `acceptor`, if it has missed the text.
    """
    if terms.finish_reason in failures.REFUSED:
        return failed(failures.REFUSED[terms.finish_reason])
    if missed is None and terms.restore is None:
        result = acceptor(terms.schema, terms.limits)(text)
        if type(result) is not Missed:
            return checked(result, terms.checks, "clean")
        missed = result
    known = None if missed is None else missed.value
    if missed is not None and missed.failure is not None:
        return failed(missed.failure)
    return _judge_documents(documents(text, terms.limits, known), text, terms)


def _require_terms(
    text: object, finish_reason: object, repair: object, checks: Any, restore: object, coerce: object
) -> None:
    """Raise `InvalidArgument` for arguments of the wrong type. An unknown finish reason counts as none."""
    if not isinstance(text, str):
        raise InvalidArgument(f"judge: text={clip(repr(text))}: expected a str. Decode bytes first")
    require_text("judge: finish_reason", finish_reason)
    require_one_of("judge: repair", repair, REPAIRS)
    require_list("judge: checks", checks, "callables")
    require_members("judge: checks", checks, callable, "a callable that returns a bool, None, or a message")
    if restore is not None and not callable(restore):
        raise InvalidArgument(f"judge: restore={clip(repr(restore))}: expected a callable or None")
    require_bool("judge: coerce", coerce)


def judge_value(value: Any, terms: Terms, *, own: bool = False) -> Judgement[Any]:
    """Judge a value that was parsed already, so its text is not known. Its form is `parsed`.

    Args:
        value: Plain JSON data, or with *own*, an instance of the schema's own Python type.
        terms: The terms of the judgement. Only JSON inside strings can be repaired.
        own: Whether the value is valid because of its type, so that only the checks are left.

    Returns:
        A judgement. A value that isn't JSON is a failure of kind `transport` with code `no_reply`. No value raises.
    """
    if own:
        return checked(value, terms.checks, "parsed")
    from schema_guard.validation.measure import FOREIGN, refusal_of  # few functions parse by themselves

    refused = refusal_of(value, terms.limits)
    if refused is None:
        return _judge_documents(Documents([(0, value)], "parsed"), "", terms)
    if refused.code == FOREIGN:
        return failed(Failure("transport", "no_reply", f"the value contains {refused.message}"))
    return failed(Failure("syntax", refused.code, refused.message))


def _judge_documents(found: Documents, text: str, terms: Terms) -> Judgement[Any]:
    if found.is_reasoning and terms.finish_reason == "length":
        return failed(failures.REASONING_EXHAUSTED)
    values = found.values
    if terms.restore is not None:
        values = [(size, terms.restored(value)) for size, value in values]
    judged = None if found.is_refused else _judge_valid(found, [value for _, value in values], terms)
    return judged or _judge_invalid(found, values, text, terms)


def _judge_valid(found: Documents, values: Sequence[Any], terms: Terms) -> Judgement[Any] | None:
    """Judge a reply with a valid value, or with a failure that does not depend on one. None for any other."""
    valid = [value for value in values if terms.accepts(value)]
    failure = found.failure or _ambiguity(found, valid, terms)
    if failure is not None:
        return failed(failure)
    if valid:
        return accepted(valid[0], terms, found.form)
    inside = [terms.restored(value) for value in found.inside]
    return accepted(inside[0], terms, "unwrapped") if inside and terms.accepts(inside[0]) else None


def _ambiguity(found: Documents, valid: Sequence[Any], terms: Terms) -> Failure | None:
    """Return the failure of a reply with different valid values, or with more brackets than are parsed."""
    rest = found.rest if valid and found.rest is not None else _NO_DOCUMENTS
    others = [
        value for value in map(terms.restored, [value for _, value in rest.values]) if terms.accepts(value)
    ]
    if valid and not _is_one([*valid, *others]):
        several = "expected exactly one valid value, but the reply has different ones"
        return Failure("syntax", "several_documents", several)
    is_cut_short = found.is_cut_short or rest.is_cut_short
    return rest.failure or (Failure("syntax", TOO_MANY.code, TOO_MANY.message) if is_cut_short else None)


def _judge_invalid(
    found: Documents, values: Sequence[tuple[int, Any]], text: str, terms: Terms
) -> Judgement[Any]:
    """Judge a reply without a valid value: the type may convert its value, or a repair make it valid."""
    invalid, text = [value for _, value in values], "" if terms.restore is not None else text
    results = [terms.converted(value, text) for value in invalid] if terms.schema.is_typed else []
    coerced = [(value, result) for value, result in zip(invalid, results) if not isinstance(result, Failure)]  # noqa: B905
    if _is_one([value for value, _ in coerced]):
        return terms.checked(coerced[0][1])

    @cache  # finding the violations of a large value is most of the cost
    def explained(at: int) -> tuple[Failure, Any, Sequence[Violation] | None]:
        result = results[at] if results else None
        failure = result if isinstance(result, Failure) else terms.failure(invalid[at], text)
        return failure, *_inside(invalid[at], terms, failure)

    if terms.repair != "off":
        judged = None if found.is_cut else _bare(found.bare, terms)
        judged = judged or _repaired(found.broken, terms)
        judged = judged or _decoded([explained(at)[1:] for at in range(len(invalid))], terms)
        if judged is not None:
            return judged
    if not invalid:
        return failed(failures.without_value(found, text, terms.finish_reason))
    # Of equally large values the last, because a final answer follows its drafts.
    at = max(range(len(values)), key=lambda index: (values[index][0], index)) if len(values) > 1 else 0
    failure, _, left = explained(at)
    return failed(failure if left is None else encoded_failure(failure, left))


def _is_one(values: Sequence[Any]) -> bool:
    """Return whether all values are one: as JSON, where 1 is 1.0 and isn't true, or instances of one Python type."""
    if len(values) < 2:
        return bool(values)
    from jsonschema_rs import canonical  # `import schema_guard` loads no third-party module

    try:
        return len({canonical.json.to_string(value) for value in values}) == 1
    except ValueError:  # the schema's type has made them
        return all(values[0] == other for other in values[1:])


def _bare(bare: str, terms: Terms) -> Judgement[Any] | None:
    """Judge a reply that is one scalar without quotes, or in the syntax of another language. None for any other."""
    from schema_guard.extensions import load  # most guards never repair

    finished = terms.finish_reason != "length"
    scalars = load("option:repair").scalars(bare, terms.schema.document, finished=finished)
    valid = [(value, steps) for value, steps in scalars if terms.accepts(value)]
    if not _is_one([value for value, _ in valid]):
        return None
    value, steps = valid[0]
    return accepted(value, terms, "repaired_lossless", steps)


def _repaired(documents: Sequence[str], terms: Terms) -> Judgement[Any] | None:
    """Judge the first valid reading of broken JSON. None if there is none.

    If two texts can be repaired to different valid values, neither is accepted.
    """
    from schema_guard.extensions import load  # as in `_bare`

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
            return failed(Failure("syntax", "too_costly", "the reply has too many faults to repair"))
    if not repaired:
        return None
    if not _is_one([judged.value for judged in repaired]):
        several = "schema_guard can repair two texts of the reply, but to different valid values"
        return failed(Failure("syntax", "several_documents", several))
    return repaired[0]


def _as_repaired(reading: Repaired, terms: Terms) -> Judgement[Any] | None:
    """Judge one reading of broken JSON. None if it isn't valid."""
    value, steps = terms.restored(parse(reading.text, terms.limits)), reading.steps
    if type(value) is NotJson:
        return None
    form: Form = "repaired_lossless" if reading.lossless else "repaired_lossy"
    if not terms.accepts(value):
        inside = _inside(value, terms, terms.failure(value))[0]
        if not terms.accepts(inside):
            result = terms.converted(value)
            return None if isinstance(result, Failure) else terms.checked(result, form, steps)
        value, steps = inside, (*steps, "encoded_value")
    return accepted(value, terms, form, steps)


def _decoded(
    decoded: Sequence[tuple[Any, Sequence[Violation] | None]], terms: Terms
) -> Judgement[Any] | None:
    """Judge the only value that is valid once its JSON strings are decoded. None if there is not exactly one.

    Args:
        decoded: Results of `_inside` for each value.
        terms: The terms of the reply.
    """
    valid = [inside for inside, left in decoded if left is not None and not left]
    return accepted(valid[0], terms, "repaired_lossless", ("encoded_value",)) if _is_one(valid) else None


def _inside(value: Any, terms: Terms, failure: Failure) -> tuple[Any, Sequence[Violation] | None]:
    """Return a value with its JSON strings decoded, and its violations then. None if it has no JSON strings."""
    if not any(map(may_hold_json, failure.violations)):
        return value, None

    def broken(value: Any) -> Sequence[Violation]:
        return () if terms.accepts(value) else terms.failure(value).violations

    return decoded(value, failure.violations, broken, lambda text: parse(text, terms.limits))


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
        """Return the failure of an invalid value. *text* contains its JSON text, if it is known."""
        result = self.converted(value, text)
        return result if isinstance(result, Failure) else failure_of(self._violations(value, text))

    def _violations(self, value: Any, text: str) -> list[Violation]:
        return self.schema.violations_in(value, text, self.limits.max_steps)

    def converted(self, value: Any, text: str = "") -> Coerced | Failure:
        """Convert a value that the document refuses by the schema's type, or return its failure; run no checks."""
        schema, violations = self.schema, self._violations(value, text)
        if schema.reader is None:
            return failure_of(violations)
        from schema_guard.types import coercion  # only typed schemas need it

        if not self.coerce:
            failure = coercion.refusal_by_type(value, schema.reader, lambda: violations, is_refused=True)
            return failure or failure_of(violations)
        return coercion.coerce(
            value, schema.reader, violations, lambda written: schema.accepts_written(written, self.limits)
        )

    def checked(
        self, found: Coerced, form: Form = "coerced", repairs: tuple[str, ...] = ()
    ) -> Judgement[Any]:
        """Return the judgement of a converted value, after the checks."""
        judged = checked(found.value, self.checks, form, repairs)
        return judged._replace(coercions=found.coercions) if judged.ok else judged

    def restored(self, value: Any) -> Any:
        """Return a value in the form of the schema. A value that can't be converted, and a `NotJson`, stay as they are."""
        if self.restore is None or type(value) is NotJson:
            return value
        try:
            return self.restore(value)
        except Exception as error:
            if is_interruption(error):
                raise
            return value


def accepted(value: Any, terms: Terms, form: Form, repairs: tuple[str, ...] = ()) -> Judgement[Any]:
    """Return the judgement of a value that the document accepts: convert it to the type, and run the checks."""
    made = terms.schema.convert(value, max_steps=terms.limits.max_steps)
    return failed(made) if type(made) is Failure else checked(made, terms.checks, form, repairs)


def checked(value: Any, checks: Sequence[Check], form: Form, repairs: tuple[str, ...] = ()) -> Judgement[Any]:
    """Return the judgement of a restored value: run the checks."""
    failure = refusal_of_checks(value, checks) if checks else None
    return Judgement(True, value, None, form, repairs) if failure is None else failed(failure)


def failed(failure: Failure) -> Judgement[Any]:
    """Return the judgement of a reply without a value."""
    return Judgement(False, None, failure, None)
