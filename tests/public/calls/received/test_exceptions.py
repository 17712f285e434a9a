"""Facts about what a function raised: the model's failure, the provider's, or nobody knows whose.

The exceptions of instructor, pydantic-ai, LangChain, requests and Django are built here in their shapes, for their
packages are none of the development tools; the packages themselves are tried with the other SDKs.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from types import SimpleNamespace

import httpx2
import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter, field_validator

from schema_guard import GuardFailed, InvalidArgument, guard
from tests.public.calls import wire


class Invoice(BaseModel):
    """An invoice whose total is even."""

    total: int

    @field_validator("total")
    @classmethod
    def even(cls, total):
        if total % 2:
            raise ValueError("must be even")
        return total


class Extraction(BaseModel):
    """A wrapper that holds an invoice."""

    invoice: Invoice
    notes: list[str] = []


class Settings(BaseModel):
    """What a program is told: no matter of a model's."""

    port: int


class OutOfStock(Exception):
    """Part of what the function promises."""


GOOD, BAD = '{"total": 2}', '{"total": "x"}'


def observed(function, schema=Invoice, **settings):
    """Observe one call; what the function raises comes out as the same object. Gives what was recorded of it."""
    seen = []

    @guard(schema, observe=True, store=Listener(seen), **settings)
    def ask(prompt):
        return function()

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whichever it is
        ask("t")
    [outcome] = seen
    return caught.value, outcome


class Listener:
    """Somebody who listens."""

    def __init__(self, seen):
        self.seen = seen

    def record(self, outcome, task=None):
        self.seen.append(outcome)


def code_of(function, schema=Invoice, **settings):
    _, outcome = observed(function, schema, **settings)
    failure = outcome.failure
    return failure.kind, failure.code


# JSON.


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no", ("syntax", "no_json")),
        ("", ("syntax", "empty")),
        ('{"total": ', ("truncation", "unfinished")),
        ("{'total': 2}", ("syntax", "malformed")),
        ('```json\n{"total": 2}\n```', ("syntax", "malformed")),
        ('{"total": 2} {"total": 4}', ("syntax", "several_documents")),
        ("<!DOCTYPE html><p>Bad gateway", ("transport", "provider_error")),
        ("<html><body>502", ("transport", "provider_error")),
    ],
)
def test_the_text_that_was_no_json_is_the_reply(text, code):
    """A JSONDecodeError carries the text: it is judged, a page is the provider's, and what only we can read failed too."""
    error, outcome = observed(lambda: json.loads(text))

    assert (type(error), (outcome.failure.kind, outcome.failure.code)) == (json.JSONDecodeError, code)
    assert outcome.attempts[0].reply == (None if code[0] == "transport" else text)


def test_a_body_that_a_client_could_not_read_is_the_providers():
    """`response.json()` on a page, or on nothing: no reply of a model."""
    for body in ("<p>502</p>", "", "upstream connect error"):
        response = httpx2.Response(502, text=body)

        assert code_of(response.json) == ("transport", "provider_error")


@pytest.mark.parametrize(
    ("held", "code"), [("no", ("syntax", "no_json")), ("yes", ("transport", "provider_error"))]
)
def test_a_text_that_an_sdk_read_and_could_not_parse_is_the_models(held, code):
    """An SDK that parses the model's text itself, as mistralai does, holds the reply that has that very text."""
    reply = type("Reply", (), {"__module__": "mistralai.client.models", **wire.chat(held)})()
    names = {"__name__": "mistralai.extra", "json": json}
    exec("def parse(reply, text):\n    return json.loads(text)\n", names)  # noqa: S102 - a frame of that package

    _, outcome = observed(lambda: names["parse"](reply, "no"))

    [attempt] = outcome.attempts
    assert (attempt.failure.kind, attempt.failure.code) == code
    assert (attempt.usage.input_tokens is not None) is (code[0] == "syntax")


def test_a_client_is_told_by_its_module():
    """The error of requests is both requests' and json's: it is the client's."""
    kind = type("JSONDecodeError", (json.JSONDecodeError,), {"__module__": "requests.exceptions"})

    def fails():
        raise kind("Expecting value", "upstream connect error", 0)

    assert code_of(fails) == ("transport", "provider_error")


# Pydantic.


@pytest.mark.parametrize(
    ("function", "schema", "code"),
    [
        (lambda: Invoice.model_validate_json(BAD), Invoice, ("structure", "type")),
        (lambda: Invoice.model_validate_json("no"), Invoice, ("syntax", "no_json")),
        (lambda: Invoice.model_validate_json('{"total": '), Invoice, ("truncation", "unfinished")),
        (lambda: Invoice.model_validate_json('{"total": 3}'), Invoice, ("semantic", "pydantic")),
        (lambda: Invoice.model_validate(json.loads(BAD)), Invoice, ("structure", "type")),
        (lambda: Invoice(**json.loads(BAD)), Invoice, ("structure", "type")),
        (Invoice, Invoice, ("structure", "required")),
        (lambda: TypeAdapter(Invoice).validate_json(BAD), Invoice, ("structure", "type")),
        (lambda: TypeAdapter(list[Invoice]).validate_json(f"[{BAD}]"), list[Invoice], ("structure", "type")),
        (lambda: TypeAdapter(list[Invoice]).validate_python(["x"]), Invoice, ("structure", "type")),
        (lambda: Extraction.model_validate_json('{"invoice": {}}'), Invoice, ("structure", "required")),
        (lambda: Invoice.model_validate_json(BAD), Invoice.model_json_schema(), ("structure", "type")),
    ],
    ids=lambda part: "" if callable(part) else str(part)[:40],
)
def test_what_the_guarded_type_refused_is_the_models_failure(function, schema, code):
    """A ValidationError of the guarded type, or of a type that holds it, is judged as its text would be."""
    assert code_of(function, schema) == code


def test_the_refused_text_is_recorded():
    """The text that Pydantic refused is the reply, with the places in it that were wrong."""
    _, outcome = observed(lambda: Invoice.model_validate_json(BAD))

    assert outcome.attempts[0].reply == BAD
    assert [violation.instance_location for violation in outcome.failure.violations] == ["/total"]


class DjangoError(Exception):
    """Django's, by its shape: messages, and nothing of Pydantic's."""

    def __init__(self):
        super().__init__("bad")
        self.messages = ["bad"]


DjangoError.__name__ = "ValidationError"


def refuses_by_hand():
    error = None
    try:
        Invoice.model_validate({})
    except ValueError as caught:
        error = caught.errors()
    raise type("ValidationError", (Exception,), {})(error)


def read_port():
    return Settings.model_validate({"port": "x"})


def fails_as(error):
    def fails():
        raise error

    return fails


@pytest.mark.parametrize(
    ("function", "code", "name"),
    [
        (read_port, "call_raised", "ValidationError of Settings"),
        (lambda: jsonschema.validate(3, {"type": "string"}), "call_raised", "ValidationError"),
        (fails_as(DjangoError()), "call_raised", "ValidationError"),
        (refuses_by_hand, "call_raised", "ValidationError"),
        (fails_as(KeyError("x")), "call_raised", "KeyError"),
        (fails_as(FileNotFoundError("x")), "call_raised", "FileNotFoundError"),
        (fails_as(GuardFailed("another's", outcome=None)), "call_raised", "GuardFailed"),
        (fails_as(TimeoutError()), "provider_error", "TimeoutError"),
        (fails_as(ConnectionResetError()), "provider_error", "ConnectionResetError"),
        (fails_as(ssl.SSLError()), "provider_error", "SSLError"),
        (fails_as(httpx2.ReadTimeout("x")), "provider_error", "ReadTimeout"),
        (fails_as(asyncio.CancelledError()), "cancelled", "CancelledError"),
        (fails_as(KeyboardInterrupt()), "cancelled", "KeyboardInterrupt"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_is_no_matter_of_the_model_is_excluded(function, code, name):
    """Settings, inputs, databases, bugs, timeouts: recorded with the exception's type and title, and never counted."""
    _, outcome = observed(function)

    assert (outcome.failure.kind, outcome.failure.code) == ("transport", code)
    assert outcome.attempts[0].exception == name


def test_an_error_is_found_behind_others():
    """What was raised from a parse error, or while one was handled, is that; `from None` hides it."""

    def wrapped(how):
        def fails():
            try:
                json.loads("no")
            except ValueError as error:
                if how == "from":
                    raise RuntimeError("bad reply") from error
                if how == "none":
                    raise RuntimeError("bad reply") from None
                raise RuntimeError("bad reply")  # noqa: B904 - that is the point

        return fails

    assert code_of(wrapped("from")) == ("syntax", "no_json")
    assert code_of(wrapped("while")) == ("syntax", "no_json")
    assert code_of(wrapped("none")) == ("transport", "call_raised")


def test_an_exception_that_raises_when_it_is_looked_at_is_excluded():
    """Nothing that an exception does keeps the call from being recorded and the exception from passing."""

    class Hostile(Exception):
        def __getattr__(self, name):
            raise RuntimeError(name)

    assert code_of(fails_as(Hostile())) == ("transport", "call_raised")


def test_expected_exceptions_are_nobodys_failure():
    """What `ignore=` names passes as it is, with a code of its own, whatever else it might be."""
    assert code_of(fails_as(OutOfStock()), ignore=(OutOfStock,)) == ("transport", "expected")
    assert code_of(lambda: json.loads("no"), ignore=[ValueError]) == ("transport", "expected")

    with pytest.raises(InvalidArgument, match=r"ignore: 3: expected a class of exceptions"):
        guard(Invoice, ignore=[3])


# Enforced.


def enforcing(texts, **settings):
    value = iter(texts)

    @guard(Invoice, store=None, **settings)
    def ask(prompt):
        ask.prompts.append(prompt)
        return Invoice.model_validate_json(next(value))

    ask.prompts = []
    return ask


def test_a_reply_that_the_function_could_not_parse_is_asked_again():
    """The correction says what was wrong, and shows the reply; the value is the function's own."""
    ask = enforcing([BAD, "no", GOOD])

    outcome = ask.outcome("t")

    assert (outcome.value, [a.failure and a.failure.code for a in outcome.attempts]) == (
        Invoice(total=2),
        ["type", "no_json", None],
    )
    assert BAD in ask.prompts[1]
    assert "At /total: expected integer, got string" in ask.prompts[1]


def test_the_last_exception_is_the_cause():
    """GuardFailed has the function's own exception behind it; `default` and `on_failure` hold for it too."""
    with pytest.raises(GuardFailed) as caught:
        enforcing([BAD] * 2, max_attempts=2)("t")

    assert type(caught.value.__cause__).__name__ == "ValidationError"
    assert enforcing([BAD], max_attempts=1, default=3)("t") == 3
    assert enforcing([BAD], max_attempts=1, on_failure="return")("t").failure.code == "type"


def test_a_text_that_only_the_function_could_not_read_is_a_value():
    """A reply in a fence that `json.loads` refuses is read by the guard."""

    @guard(Invoice, store=None)
    def ask(prompt):
        return json.loads('```json\n{"total": 2}\n```')

    assert ask("t") == Invoice(total=2)


def test_what_is_excluded_is_raised_unchanged():
    """An unknown exception ends the call and passes, once."""
    error = KeyError("x")

    @guard(Invoice, store=None, default=None)
    def ask(prompt):
        raise error

    with pytest.raises(KeyError) as caught:
        ask("t")
    assert caught.value is error


# Shapes of libraries that ask again.


class InstructorRetryException(Exception):
    """instructor's, by its shape."""

    def __init__(self, tries, n_attempts):
        super().__init__("failed")
        self.n_attempts = n_attempts
        self.create_kwargs = {"model": "m"}
        self.failed_attempts = [
            SimpleNamespace(attempt_number=number + 1, exception=error, completion=completion)
            for number, (completion, error) in enumerate(tries)
        ]


def refusal(text):
    try:
        return Invoice.model_validate_json(text)
    except ValueError as error:
        return error


def completion(text, prompt_tokens, completion_tokens):
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return {**wire.chat(text), "usage": usage}


TRIES = [(completion(BAD, 10, 5), refusal(BAD)), (completion('{"total": 3}', 25, 9), refusal('{"total": 3}'))]


def test_tries_that_are_seen_are_attempts_of_the_one_call():
    """instructor's tries are attempts, observed too; its growing sums of tokens become those of each."""
    _, outcome = observed(fails_as(InstructorRetryException(TRIES, 2)))

    assert [(a.number, a.failure.kind, a.reply) for a in outcome.attempts] == [
        (1, "structure", BAD),
        (2, "semantic", '{"total": 3}'),
    ]
    assert [a.usage[:2] for a in outcome.attempts] == [(10, 5), (15, 4)]
    assert outcome.usage[:2] == (25, 9)


@pytest.mark.parametrize(("tries", "asked"), [(TRIES, 1), (TRIES[:1], 3)])
def test_a_function_that_has_asked_again_is_not_asked_once_more(tries, asked):
    """Its exception is counted as it is, and is the cause of GuardFailed; one of a single try is answered."""
    error = InstructorRetryException(tries, len(tries))
    calls = []

    @guard(Invoice, store=None)
    def ask(prompt):
        calls.append(prompt)
        raise error

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert (len(calls), caught.value.__cause__) == (asked, error)


def test_a_provider_that_failed_at_a_later_try():
    """The tries before it are attempts that failed; the last one is the provider's, and passes as itself."""
    error = InstructorRetryException(TRIES[:1], 2)
    error.__cause__ = httpx2.ReadTimeout("x")

    caught, outcome = observed(fails_as(error))

    assert caught is error
    assert [(a.failure.kind, a.failure.code) for a in outcome.attempts] == [
        ("structure", "type"),
        ("transport", "provider_error"),
    ]


def named(name, module, **fields):
    """An exception of another package, by its shape."""
    error = type(name, (Exception,), {"__module__": module})("failed")
    for field, value in fields.items():
        setattr(error, field, value)
    return error


NO_JSON = [{"type": "json_invalid", "loc": (), "msg": "Invalid JSON", "input": "no"}]
DETAILS = [{"type": "missing", "loc": ("total",), "msg": "Field required", "input": {}}]
RETRY = named("ToolRetryError", "pydantic_ai.exceptions", tool_retry=SimpleNamespace(content=DETAILS))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            named("IncompleteOutputException", "instructor", last_completion=wire.chat("{")),
            ("truncation", "max_tokens"),
        ),
        (named("OutputParserException", "langchain_core", llm_output="no"), ("syntax", "no_json")),
        (named("OutputParserException", "langchain_core", llm_output=None), ("syntax", "malformed")),
        (named("ModelRefusalError", "langchain_core", raw_message=None), ("refusal", "refusal")),
        (named("ModelError", "langchain_core.exceptions"), ("transport", "provider_error")),
        (named("ModelAPIError", "pydantic_ai.exceptions"), ("transport", "provider_error")),
        (named("ContentFilterError", "pydantic_ai.exceptions"), ("refusal", "content_filter")),
        (
            named("UnexpectedModelBehavior", "pydantic_ai.exceptions", message="odd"),
            ("transport", "call_raised"),
        ),
        (
            named(
                "UnexpectedModelBehavior", "pydantic_ai.exceptions", message="Model token limit (9) exceeded"
            ),
            ("truncation", "max_tokens"),
        ),
        (
            named(
                "UnexpectedModelBehavior",
                "pydantic_ai.exceptions",
                message="Exceeded maximum output retries (1)",
                __cause__=RETRY,
            ),
            ("structure", "required"),
        ),
        (
            named(
                "UnexpectedModelBehavior",
                "pydantic_ai.exceptions",
                message="Exceeded maximum output retries (1)",
                __cause__=named(
                    "ToolRetryError", "pydantic_ai.exceptions", tool_retry=SimpleNamespace(content=NO_JSON)
                ),
            ),
            ("syntax", "no_json"),
        ),
        (
            named(
                "ModelBehaviorError", "agents.exceptions", args=("Invalid JSON when parsing model output",)
            ),
            ("syntax", "provider_rejected"),
        ),
        (
            named(
                "ModelBehaviorError",
                "agents.exceptions",
                args=("Invalid JSON when parsing {} for Invoice",),
                __cause__=named("ValidationError", "pydantic_core", title="Invoice", errors=lambda: DETAILS),
            ),
            ("structure", "required"),
        ),
        (
            named("ModelBehaviorError", "agents.exceptions", args=("reason='max_output_tokens'",)),
            ("truncation", "max_tokens"),
        ),
        (
            named("ModelBehaviorError", "agents.exceptions", args=("response has no choices",)),
            ("transport", "provider_error"),
        ),
        (
            named("ModelBehaviorError", "agents.exceptions", args=("Tool pay not found in agent billing",)),
            ("semantic", "refused"),
        ),
        (named("ModelRefusalError", "agents.exceptions", refusal="no"), ("refusal", "refusal")),
        (named("OutputGuardrailTripwireTriggered", "agents.exceptions"), ("semantic", "refused")),
        (named("MaxTurnsExceeded", "agents.exceptions"), ("transport", "call_raised")),
        (named("ModelBehaviorError", "shop.models"), ("transport", "call_raised")),
        (named("LengthFinishReasonError", "openai", completion=wire.chat("{")), ("truncation", "max_tokens")),
        (named("APIStatusError", "openai", status_code=500), ("transport", "provider_error")),
    ],
    ids=lambda part: type(part).__name__,
)
def test_exceptions_of_libraries_are_told_by_their_shape(error, code):
    """What SDKs and frameworks raise for a reply that did not fit is the model's, without importing them."""
    assert code_of(fails_as(error)) == code


def test_tries_that_are_not_seen_are_said_to_be():
    """pydantic-ai says that it has asked again, and not what came: the attempt says that there were others."""
    error = named(
        "UnexpectedModelBehavior",
        "pydantic_ai.exceptions",
        message="Exceeded maximum output retries (1)",
        __cause__=RETRY,
    )

    assert [observed(fails_as(error))[1].attempts[0].unseen] == [True]


def test_a_library_that_tries_again_is_seen_in_the_frames():
    """tenacity, backoff and their like have asked before: that is said, and the function is not asked once more."""
    source = "def again(function):\n    return function()\n"
    names = {"__name__": "tenacity"}
    exec(source, names)  # noqa: S102 - a frame of that package
    calls = []

    @guard(Invoice, store=None)
    def ask(prompt):
        calls.append(prompt)
        return names["again"](lambda: json.loads("no"))

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert (len(calls), [attempt.unseen for attempt in caught.value.outcome.attempts]) == (1, [True])


def test_a_stream_that_was_parsed_and_refused_has_its_text_once():
    """The text that an exception carries is the whole of it, whatever came in chunks before."""

    @guard(Invoice, store=None, max_attempts=1, on_failure="return")
    def ask(prompt):
        text = ""
        for piece in ("n", "o"):
            text += piece
            yield piece
        json.loads(text)

    assert ask("t").attempts[0].reply == "no"


def test_the_cause_is_of_the_last_attempt():
    """GuardFailed has no exception behind it where the last attempt gave a reply that was not valid."""
    texts = iter(["no", BAD])

    @guard(Invoice, store=None, max_attempts=2)
    def ask(prompt):
        text = next(texts)
        return json.loads(text) if text == "no" else text

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert caught.value.__cause__ is None


def test_an_asynchronous_function_is_read_alike():
    """What a coroutine gives and raises is told as what a function does."""
    texts = iter(["no", BAD, GOOD])

    @guard(Invoice, store=None)
    async def ask(prompt):
        await asyncio.sleep(0)
        return Invoice.model_validate_json(next(texts))

    outcome = asyncio.run(ask.outcome("t"))

    assert [attempt.failure and attempt.failure.code for attempt in outcome.attempts] == [
        "no_json",
        "type",
        None,
    ]
    assert (outcome.value, outcome.attempts[-1].form) == (Invoice(total=2), "parsed")


def test_the_only_exception_of_a_group_is_the_one():
    """A task group wraps what its only failed task raised; of several none is chosen."""
    error = refusal(BAD)

    assert code_of(fails_as(ExceptionGroup("tasks", [error]))) == ("structure", "type")
    assert code_of(fails_as(ExceptionGroup("tasks", [error, KeyError()]))) == ("transport", "call_raised")
