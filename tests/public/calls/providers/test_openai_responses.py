"""Facts about reading what OpenAI's Responses API sends."""

import pytest

from schema_guard import Failure
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    CUT,
    FORMS,
    PROVIDER_ERROR,
    TOKENS,
    Reply,
    StreamCase,
    ask_responses,
    code_of,
    drain_responses,
    ids,
    read_reply,
    read_stream_case,
)


def test_a_responses_reply():
    """A Responses reply gives its output text."""
    body = wire.response(
        {"type": "reasoning", "id": "x", "summary": [{"type": "summary_text", "text": "hm"}]},
        wire.output_message(wire.output_text("{"), wire.output_text("}")),
    )

    assert read_reply(ask_responses(body)) == Reply("{}", "stop", TOKENS, model="gpt-x")


def test_commentary_of_a_responses_reply_is_not_text():
    """A message of the phase commentary is not part of the answer."""
    body = wire.response(
        wire.output_message(wire.output_text("Let me see."), phase="commentary"),
        wire.output_message(wire.output_text("{}"), phase="final_answer"),
    )

    assert read_reply(ask_responses(body)).text == "{}"


def test_a_function_call_of_a_responses_reply():
    """The arguments of the only function call are the text."""
    body = wire.response(wire.function_call("{}"))

    assert read_reply(ask_responses(body)) == Reply("{}", "tool_call", TOKENS, model="gpt-x")


def test_a_refusal_of_a_responses_reply():
    """A refusal part gives its words."""
    body = wire.response(wire.output_message({"type": "refusal", "refusal": "No."}))

    assert read_reply(ask_responses(body)) == Reply("", "refusal", TOKENS, "No.", "gpt-x")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        ("steered", "length"),
        (None, "length"),
    ],
)
def test_an_incomplete_responses_reply(reason, expected):
    """An incomplete reply gives its text and why it is incomplete."""
    body = wire.response(
        wire.output_message(wire.output_text("{")), status="incomplete", incomplete_details={"reason": reason}
    )

    assert read_reply(ask_responses(body)) == Reply("{", expected, TOKENS, model="gpt-x")


def test_a_failed_responses_reply():
    """A failed reply is transport and told by its error."""
    body = wire.response(status="failed", error={"code": "server_error", "message": "boom"}, usage=None)
    text = "the provider sent this error: 'server_error', 'boom'"

    assert read_reply(ask_responses(body)) == Reply(
        None, "error", model="gpt-x", failure=Failure("transport", "provider_error", text)
    )


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_responses_reply_that_is_not_finished(status):
    """A background reply that still runs is no reply, and the message says what to do."""
    message = f"the function returned a response that is still {status}. Return it when it is complete"

    assert read_reply(ask_responses(wire.response(status=status))) == Reply(
        failure=Failure("transport", "no_reply", message)
    )


def text_delta(text, **more):
    return wire.output_event("output_text.delta", delta=text, logprobs=[], **more)


def completed(*output, **more):
    return wire.output_event("completed", response=wire.response(*output, **more))


def test_a_stream_of_responses_events():
    """The text deltas are the text; the last event brings the rest."""
    texts, end = drain_responses(
        wire.output_event("created", response=wire.response(status="in_progress", usage=None)),
        wire.output_event("reasoning_text.delta", delta="hm"),
        text_delta("{"),
        text_delta("}"),
        wire.output_event("output_text.done", text="{}", logprobs=[]),
        completed(wire.output_message(wire.output_text("{}"))),
    )

    assert (texts, end) == ("{}", Reply(None, "stop", TOKENS, model="gpt-x"))


def arguments_delta(text, index=0):
    return wire.output_event("function_call_arguments.delta", delta=text, output_index=index)


def test_a_stream_of_a_function_call():
    """The pieces of the only function call's arguments are the text."""
    added = wire.output_event("output_item.added", item=wire.function_call(""))

    texts, end = drain_responses(
        added, arguments_delta("{"), arguments_delta("}"), completed(wire.function_call("{}"))
    )

    assert (texts, end) == (
        "{}",
        Reply(None, "tool_call", TOKENS, model="gpt-x"),
    )


def test_a_stream_of_two_function_calls():
    """A second function call is a failure and its arguments are not text."""
    texts, end = drain_responses(arguments_delta("{}"), arguments_delta("[]", index=1), completed())

    assert (texts, code_of(end)) == ("{}\n[]", ("syntax", "several_documents"))


def test_a_stream_with_commentary():
    """The pieces of a commentary message are no text."""
    item = wire.output_message(phase="commentary")

    texts, _ = drain_responses(
        wire.output_event("output_item.added", item=item),
        text_delta("Hm."),
        text_delta("{}", output_index=1),
        completed(),
    )

    assert texts == "{}"


@pytest.mark.parametrize("delta", [True, False])
def test_a_responses_stream_that_refuses(delta):
    """A refusal is told once, by its deltas or by the last event."""
    part = {"type": "refusal", "refusal": "No."}
    deltas = [wire.output_event("refusal.delta", delta="No.")] if delta else []

    texts, end = drain_responses(*deltas, completed(wire.output_message(part)))

    assert (texts, end) == ("", Reply(None, "refusal", TOKENS, "No.", "gpt-x"))


def test_a_responses_stream_that_is_incomplete():
    """An incomplete reply says why."""
    response = wire.response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    _, end = drain_responses(text_delta("{"), wire.output_event("incomplete", response=response))

    assert end == Reply(None, "length", TOKENS, model="gpt-x")


def test_a_responses_stream_that_failed():
    """A failed reply is the provider's error."""
    response = wire.response(status="failed", error={"code": "server_error", "message": "boom"})

    _, end = drain_responses(text_delta("{"), wire.output_event("failed", response=response))

    assert (end.finish_reason, code_of(end)) == ("error", PROVIDER_ERROR)


def test_a_responses_stream_that_was_cut():
    """Without its last event a Responses stream was cut."""
    assert code_of(drain_responses(text_delta("{}"))[1]) == CUT


STREAMS = [
    StreamCase(
        "an error of Responses",
        ({"type": "error", "code": "server_error", "message": "boom"},),
        [],
        PROVIDER_ERROR,
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
