# SPDX-License-Identifier: Apache-2.0
"""The frozen values that everything else passes around.

Rules: Values never change after their creation. Nothing here computes more than a sum, a name, or an estimate. Unknown
is None, never 0 or "". A prompt is a text or a tuple of messages.

They are named tuples, because creating one of 11 fields takes 0.3 us, and a frozen dataclass 1.1 us. Use field names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from schema_guard.pointer import split
from schema_guard.text import with_short_repr

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

V = TypeVar("V")

FailureKind: TypeAlias = Literal[
    "syntax", "structure", "value", "semantic", "truncation", "refusal", "transport"
]
Form: TypeAlias = Literal["clean", "unwrapped", "parsed", "coerced", "repaired_lossless", "repaired_lossy"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_call", "refusal", "content_filter", "error"]
Repair: TypeAlias = Literal["off", "lossless", "lossy"]
REPAIRS: Final = ("off", "lossless", "lossy")

# Codes of truncations that a larger output limit does not fix.
NOT_FIXED_BY_LIMIT = frozenset({"reasoning_exhausted", "runaway"})
_PARTLY_DECIDED = frozenset({"unanswered", "undecided"})
HANDED_OVER = _PARTLY_DECIDED | {"abstained"}
"""Codes of a decision model's replies that only the next model can complete."""


@with_short_repr
class Message(NamedTuple):
    """One message of a prompt.

    Attributes:
        role: `"system"`, `"user"`, `"assistant"`, or another role that the provider knows.
        content: The text, or a list of parts in the provider's format. schema_guard passes the list on unchanged.
        fields: Other keys of the message, such as `name`. schema_guard passes these keys on unchanged. None if absent.
    """

    role: str
    content: Any
    fields: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the message as a dict, in the form that providers accept."""
        return {"role": self.role, "content": self.content, **(self.fields or {})}


Prompt: TypeAlias = str | tuple[Message, ...]

Json: TypeAlias = "dict[str, Any] | list[Any] | str | int | float | bool | None"
OpenPath: TypeAlias = "Sequence[str | int]"
"""Names and indices that lead to the part of a value which is being written."""


@with_short_repr
class Usage(NamedTuple):
    """Token counts of an attempt, or of all attempts of a call. A field is None if the provider doesn't report it.

    Attributes:
        input_tokens: Number of tokens in the prompt, including cached tokens.
        output_tokens: Number of generated tokens, including reasoning tokens.
        cached_input_tokens: Number of input tokens that the provider read from its cache.
        reasoning_tokens: Number of output tokens that the model used for reasoning.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None

    @staticmethod
    def total(usages: Iterable[Usage]) -> Usage:
        """Return the sum of the usages, field by field. If a field is None in one usage, it is None in the sum."""
        usages = tuple(usages)
        if UNKNOWN_USAGE in usages:
            return UNKNOWN_USAGE
        return Usage(*(_sum_or_none(column) for column in zip(*usages, strict=True)))


def _sum_or_none(column: tuple[int | None, ...]) -> int | None:
    known = [count for count in column if count is not None]
    return sum(known) if len(known) == len(column) else None


UNKNOWN_USAGE = Usage()


@with_short_repr
class Violation(NamedTuple):
    """One violated keyword of a schema.

    Attributes:
        instance_location: JSON Pointer to the invalid part of the reply's value. The root is `""`.
        keyword_location: JSON Pointer to the keyword, such as `/properties/total/type`. The pointer follows references.
        keyword: The violated keyword, such as `"type"`.
        expected: The requirement of the keyword, in words, such as `"number"`.
        actual: Type of the invalid value, then the value (cut to 80 characters) or its size, such as `"string 'twelve'"`.
    """

    instance_location: str
    keyword_location: str
    keyword: str
    expected: str
    actual: str

    @property
    def path(self) -> list[str]:
        """The keys and indices in `instance_location`."""
        return split(self.instance_location)

    @property
    def got(self) -> str:
        """The type of the invalid value, such as `"string"`."""
        return self.actual.partition(" ")[0]


@with_short_repr
class Coercion(NamedTuple):
    """A part of a reply that the schema's Python type converted. A `Coercion` doesn't contain the value.

    >>> str(Coercion("/n", "string", "integer"))
    '/n string -> integer'

    Attributes:
        location: JSON Pointer to the converted part of the value. `*` replaces each key that isn't in the schema.
        before: JSON type of the reply's value, such as `string`, or `another key` if the reply's key is an alias.
        after: The type or format of the converted value, such as `integer` or `date`.
    """

    location: str
    before: str
    after: str

    @property
    def change(self) -> str:
        """The types before and after the conversion, such as `string -> integer`."""
        return f"{self.before} -> {self.after}"

    def __str__(self) -> str:
        return f"{self.location or '(root)'} {self.change}"


@with_short_repr
class Failure(NamedTuple):
    """The reason why an attempt failed.

    Attributes:
        kind: Class of the failure, which determines whether schema_guard retries and which exception a call raises.
            `transport` means that an exception, a missing model call, or a time limit prevented a complete reply.
        code: Code within the class: a fixed code, the violated keyword, or the name of the failed check. The codes of
            `transport` are `provider_error` (such as a rate limit or a timeout), `stream_cut`, `no_reply`, `cancelled`,
            `expected` (an exception in `ignore`), and `call_raised` for all other exceptions.
        message: Human-readable description of the failure, in one line.
        violations: Violations of the schema, with the most relevant first. Empty if the failure has another reason.
    """

    kind: FailureKind
    code: str
    message: str
    violations: tuple[Violation, ...] = ()


@with_short_repr
class Judgement(NamedTuple, Generic[V]):
    """The result of validating a reply: a valid value, or the failure that best explains why there is none.

    Attributes:
        ok: Whether the value is valid. Check this field instead of *value*, because null can be a valid value.
        value: The value in the schema's Python type, or None if the reply is invalid.
        failure: The failure, or None if the reply is valid.
        form: Form of the value in the reply, such as `clean`. `parsed` means a value without its text. None if invalid.
        repairs: Names of the repair steps, in order.
        coercions: Parts of the value that the schema's Python type converted.
    """

    ok: bool
    value: V | None
    failure: Failure | None
    form: Form | None
    repairs: tuple[str, ...] = ()
    coercions: tuple[Coercion, ...] = ()


class Missed(NamedTuple):
    """A text that an `acceptor` did not accept, and its partial result.

    Attributes:
        value: The value of the text, the `NotJson` with the reason why it has none, or None if it was not parsed.
        failure: The failure of a valid value that the schema's Python type refused, or None.
    """

    value: Any = None
    failure: Failure | None = None


class AdaptedSchema(NamedTuple):
    """Facts about a schema that was sent in another form, because the provider or engine refuses the user's schema.

    Attributes:
        fingerprint: The fingerprint of the schema that was sent, as in `Schema`.
        relaxed: JSON Pointers of the keywords in the user's schema that the sent schema lacks. `""` is all of it.
        narrowed: JSON Pointers of the keywords in the user's schema at which the sent schema excludes right answers.
    """

    fingerprint: str
    relaxed: tuple[str, ...]
    narrowed: tuple[str, ...]


@with_short_repr
class Attempt(NamedTuple):
    """One prompt of a call, its reply, and the judgement of the reply.

    Attributes:
        number: Number of the attempt in its call, starting with 1.
        strategy: Name of the strategy.
        prompt: The prompt, or None if the attempt comes from an unpickled error.
        reply: Text of the reply, or None if there is no reply.
        failure: The failure, or None if the attempt is valid.
        form: Form of the value in the reply, such as `clean`. `parsed` means a value without its text. None if invalid.
        repairs: Names of the repair steps, in order.
        usage: Token counts of the attempt.
        cost: Cost in the currency of the price table, or None if prices are unknown.
        finish_reason: Reason why the model stopped, such as `tool_call` if it called a tool, or None if it is unknown.
        elapsed_s: Seconds from the call to the end of the reply.
        model: Name of the model that replied, without its snapshot date, or None if the reply doesn't contain the name.
        snapshot: Name of the model that replied, with its snapshot date, or None if the reply lacks this name.
        exception: Type name of the exception if the call raised one without a validated reply, otherwise None.
        unseen: Whether a library inside the function retried, which hides its earlier attempts from schema_guard.
        adapted: Description of the adapted schema, or None if schema_guard sent your schema unchanged.
        gateway_repaired: Whether a gateway or another service may have repaired the reply before the function received it.
        stopped_at: Number of characters in `reply`, if schema_guard stopped the stream because of *failure*, or because
            of white space after a valid value. Otherwise None.
        provider: Name of the provider or engine whose arguments schema_guard sent, or None if it sent no arguments.
        coercions: Parts of the value that the schema's Python type converted. The conversion doesn't change `reply`.
        confidence: Probability of each field that a decision model decided, by JSON Pointer, or None for other models.
    """

    number: int
    strategy: str
    prompt: Prompt | None
    reply: str | None
    failure: Failure | None
    form: Form | None
    repairs: tuple[str, ...]
    usage: Usage
    cost: float | None
    finish_reason: FinishReason | None
    elapsed_s: float
    model: str | None = None
    snapshot: str | None = None
    exception: str | None = None
    unseen: bool = False
    adapted: AdaptedSchema | None = None
    gateway_repaired: bool = False
    stopped_at: int | None = None
    provider: str | None = None
    coercions: tuple[Coercion, ...] = ()
    confidence: Mapping[str, float] | None = None

    @property
    def estimated_output_tokens(self) -> int | None:
        """Estimated number of tokens in the text that arrived before schema_guard stopped the stream.

        This estimate isn't in `usage` or `cost`. It's None if schema_guard didn't stop the stream or knows the number.
        """
        if self.stopped_at is None or self.usage.output_tokens is not None or self.reply is None:
            return None
        from schema_guard.token_estimate import tokens_in  # only replies that were stopped need it

        return tokens_in(self.reply)


@with_short_repr
class Call(NamedTuple):
    """Properties of a guarded call that schema_guard knows before the first attempt.

    Attributes:
        id: Version 7 UUID, as 32 hex digits. Ids sort in the order of their creation.
        function: Qualified name of the guarded function, or the `name` that you passed to `guard`.
        schema_name: Name of the schema.
        schema_fingerprint: Fingerprint of the schema, as 16 hex digits.
        model: Name of the model, or `a>b` for several models. Default: the name in the first reply, without its date.
            None if the name is unknown.
        provider: Name of the provider or engine whose arguments schema_guard sends, or None for text strategies.
        strategies: Name of the strategy, or `a>b` for a list of strategies.
        settings: Settings that change results, as compact JSON.
        version: Version of the function's prompt. Default: a hash of the function's code and of the strategy's text.
        segment: Segment of your traffic that the call belongs to, or None.
        input_hash: Keyed hash of the task. None if there is no store, or before schema_guard records the call.
        parent_call_id: Id of the guarded call during which this call began, or None.
        started_at: Start of the call, in seconds since the Unix epoch (1970-01-01 UTC).
        cluster: Name of the group of related inputs that contains the input of the call, or None.
        tuned: Whether the model was fine-tuned for this task, according to its settings or its name (`ft:`).
    """

    id: str
    function: str
    schema_name: str
    schema_fingerprint: str
    model: str | None
    provider: str | None
    strategies: str
    settings: str
    version: str
    segment: str | None
    input_hash: str | None
    parent_call_id: str | None
    started_at: float
    cluster: str | None = None
    tuned: bool = False


@with_short_repr
class Outcome(NamedTuple, Generic[V]):
    """The result of a guarded call, with all of its attempts.

    Example:
        >>> from schema_guard import guard
        >>> extract = guard({"type": "object"}, store=None)(lambda prompt: '{"total": 1}')
        >>> outcome = extract.outcome("Invoice 7")
        >>> outcome.ok, outcome.value, len(outcome.attempts)
        (True, {'total': 1}, 1)

    Attributes:
        ok: Whether there is a valid value. Check this field instead of *value*, because null can be a valid value.
        value: The value in the schema's Python type, or None if the reply is invalid.
        attempts: All attempts, in order. Each attempt except the last one failed.
        failure: Failure of the last attempt, or None if there is a valid value.
        usage: Total token counts of all attempts. A field is None if it is unknown for any attempt.
        cost: Total cost of the attempts, or None if the cost of any attempt is unknown.
        elapsed_s: Total duration of the attempts, in seconds.
        call: Properties of the call, such as its id and its model.
    """

    ok: bool
    value: V | None
    attempts: tuple[Attempt, ...]
    failure: Failure | None
    usage: Usage
    cost: float | None
    elapsed_s: float
    call: Call

    @property
    def confidence(self) -> Mapping[str, float]:
        """Probability of each field that a decision model decided, by JSON Pointer, or empty for other models."""
        used = [a.confidence for a in self.attempts if not a.failure or a.failure.code in _PARTLY_DECIDED]
        return next(filter(None, used), {})

    def _repr_html_(self) -> Any:
        from schema_guard.extensions import load  # only notebooks call it

        return load("notebook").as_html(self)


@with_short_repr
class Partial(NamedTuple):
    """A value from a reply that is still arriving, as `.stream(partial=True)` yields it.

    Attributes:
        value: The value that arrived so far, as plain JSON. At the end, the valid value in the schema's Python type.
        open: JSON Pointer to the innermost part that the model is writing. Only this part and the parts that contain it
            can still grow. `""` means the whole value. The pointer is None at the end, after validation.
        attempt: Number of the attempt, starting with 1. If this number changes, discard all earlier values.
    """

    value: Any
    open: str | None
    attempt: int


# The events of the loop. It yields Ask, More, and Stop. Its last event is Done, in `loop`. It receives Chunk and Reply.


class Ask(NamedTuple):
    """The event by which the loop requests an attempt.

    Attributes:
        number: Number of the attempt, from 1.
        strategy: Name of the strategy.
        prompt: The prompt to send. `Plan.delivery` decides about its parts.
        correction: The text about the faults of the last reply. None for attempt 1, and after a code of `HANDED_OVER`.
        output_tokens: The output limit to send, or None to send none.
        step: The step of the attempt, if it depends on earlier attempts. None for the step of the plan.
    """

    number: int
    strategy: str
    prompt: Prompt
    correction: str | None
    output_tokens: int | None
    step: Any = None


class More(NamedTuple):
    """The event by which the loop requests the rest of the reply.

    Attributes:
        min_chars: The driver may join chunks until they have this many characters. The last chunk may have fewer.
    """

    min_chars: int = 0


class Stop(NamedTuple):
    """The event by which the loop stops a streamed reply. The driver then closes the stream.

    Attributes:
        failure: The violation that no continuation fixes, or the repeats. None if the size or the time was the reason.
    """

    failure: Failure | None = None


class Chunk(NamedTuple):
    """The event that brings a piece of a streamed reply to the loop.

    Attributes:
        text: The new text, or `""`.
        elapsed_s: Seconds since the Ask.
        is_outside_calls: Whether a tool call may still follow this text and replace it.
    """

    text: str
    elapsed_s: float = 0.0
    is_outside_calls: bool = False


class ParsedValue(NamedTuple):
    """A value that the function has parsed.

    Attributes:
        value: Plain JSON data, or an instance of the schema's Python type.
        is_instance: Whether it is such an instance. Then only the checks can refuse it.
    """

    value: Any
    is_instance: bool = False


class Reply(NamedTuple):
    """The reply to one attempt: complete, cut off, or missing because the call failed.

    The modules of `received` read it from the result or the exception of the function, and the driver adds the time.

    Attributes:
        text: Text of the model, `""` if it wrote nothing. None if nothing was received that can be validated. Of a
            stream, only the text that no chunk has. Beside a failure, the text is for the record only.
        finish_reason: Why the model stopped, or None. The loop decides about a text with `refusal` or `content_filter`.
        usage: Tokens, each None if unknown.
        refusal: The words with which the model, or its provider, explained a refusal. None without words.
        model: Name of the model in the reply. None if it has none.
        failure: Why there is no text to validate. None if there is one.
        parsed: The value that the function parsed from the reply. None if only the text is known.
        refused: Why the function, or a library inside it, refused the reply. It fails the attempt if the reply is valid.
        tries: Earlier replies that a library inside the function refused, in order. With any, *is_final* is True.
        unseen: Whether such a library may have retried before, unseen.
        is_final: Whether the function has retried itself, so that the loop doesn't.
        exception: Name of the exception's type if the call raised and nothing is validated. Otherwise None.
        call_model: The model that the call counts for, if it isn't the reply's own, or `""` for an unknown model.
        instead: Whether *text* replaces the text of the chunks. Otherwise, it follows that text.
        reasoned: Whether the model is known to have reasoned.
        tool: Name of the only tool that the reply calls. None without one.
        calls: Tool calls of the reply, for a loop that validates each of them.
        elapsed_s: Seconds since the `Ask`.
        late: Whether it was stopped because the time was up.
        stopped: The violation or repeats for which the loop stopped it. None also after a stop for size or time.
        judged: Result for *text* of the fast path or the schema's `acceptor`. None if neither read the text.
    """

    text: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage = UNKNOWN_USAGE
    refusal: str | None = None
    model: str | None = None
    failure: Failure | None = None
    parsed: ParsedValue | None = None
    refused: Failure | None = None
    tries: tuple[Reply, ...] = ()
    unseen: bool = False
    is_final: bool = False
    exception: str | None = None
    call_model: str | None = None
    instead: bool = False
    reasoned: bool = False
    tool: str | None = None
    calls: tuple[Any, ...] = ()
    elapsed_s: float = 0.0
    late: bool = False
    stopped: Failure | None = None
    judged: Judgement[Any] | Missed | None = None
