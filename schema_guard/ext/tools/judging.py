# SPDX-License-Identifier: Apache-2.0
"""Judgements of the tool calls in a model's reply.

Rules:
1. A call is valid if it can run unchanged. It needs a known name, and its arguments must be one JSON object that is
   valid for the tool's schema. Arguments that need unwrapping or repair are valid only if *repair* allows it.
2. If a reply was cut off, its last call was cut off.
3. Each call of a reply is validated separately. The failure of one call doesn't affect the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.arguments import require_kind, require_one_of
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tools.result_messages import message_for, near_names
from schema_guard.ext.tools.tools import tools_of
from schema_guard.interruptions import value_or
from schema_guard.judging import judge
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, parse
from schema_guard.received import replies
from schema_guard.received.wrappers import unwrapped
from schema_guard.text import clip, with_short_repr
from schema_guard.values import REPAIRS, Failure, Judgement, Violation

if TYPE_CHECKING:
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.limits import Limits
    from schema_guard.providers.model_output import WrittenCall
    from schema_guard.providers.provider import RawReply
    from schema_guard.schema import Schema
    from schema_guard.values import FinishReason, Repair

_BRACES: Final = "expected one JSON object and nothing else"


@with_short_repr
class CallJudgement(NamedTuple):
    """The result of validating one tool call.

    Attributes:
        ok: Whether the tool exists and the arguments are valid.
        id: The provider's id for the call, or None if there is no id.
        name: Name of the tool in the reply, shortened to at most 200 characters, or None if there is no name.
        arguments: Arguments, converted to the Python type of the tool's schema, or as plain JSON. The arguments are
            None if the call is invalid.
        failure: Reason why the tool can't run, or None if the call is valid.
        message: Text to send to the model in place of the tool's result, or None if the call is valid.
        text: JSON text of the arguments in the reply, or None if this text is unknown.
        schema: Schema of the arguments, or None if the tool is unknown or has no schema for its arguments.
        repairs: Names of the repairs to the arguments, in order. `unwrapped` means that schema_guard removed the text
            around the JSON object.
    """

    ok: bool
    id: str | None
    name: str | None
    arguments: Any
    failure: Failure | None
    message: str | None
    text: str | None
    schema: Schema[Any] | None = None
    repairs: tuple[str, ...] = ()


def judge_calls(
    reply: object, tools: object, *, repair: Repair = "off", limits: Limits = DEFAULT_LIMITS
) -> list[CallJudgement]:
    """Validate every tool call of a model's reply against the schema of its tool.

    Args:
        reply: Reply from a provider, as an object from the provider's SDK or as a dict. The reply can come from OpenAI
            (chat and Responses), Anthropic, Gemini, Bedrock, Cohere, Mistral, or Ollama. The reply can also be a
            LangChain message, an assistant message, or plain text.
        tools: Tools that the model can call: the `tools` of the request, Pydantic models, or functions.
        repair: Whether to repair arguments that aren't a single valid JSON object, in the same way as
            `judge`.
        limits: Limits on the size of the arguments.

    Returns:
        One judgement for each tool call, in order. If a provider discarded the text of a tool call, the list contains a
        judgement without the name of a tool.

    Raises:
        InvalidArgument: The reply has an unknown form, or `tools` contains an object that isn't a tool.
        InvalidSchema: The schema of a tool can't be loaded.
    """
    known = tools_of(tools)
    require_one_of("repair", repair, REPAIRS)
    require_kind("limits", limits, Limits)
    if isinstance(reply, str):
        return []
    raw = raw_reply(reply)
    if raw is None:
        raise InvalidArgument(
            f"judge_calls: a value of type {clip(type(reply).__name__)!r} is not a model reply. Pass the "
            "reply object of the provider's SDK, or its dict"
        )
    return [judged(call, known, repair=repair, limits=limits) for call in replies.written_calls(raw)]


def raw_reply(reply: object) -> RawReply | None:
    """Return a reply in its provider's format, even if the SDK left it unparsed. None if no known shape fits.

    Never raises.
    """
    return value_or(None, lambda: replies.raw_shape(unwrapped(reply)))


def judged(
    call: WrittenCall, tools: Tools, *, repair: Repair = "off", limits: Limits = DEFAULT_LIMITS
) -> CallJudgement:
    """Validate one call against the known tools."""
    tool = tools.get(call.name or "")
    near: list[str] = []
    schema = None if tool is None else tool.schema
    if call.failure is not None:
        judgement: Judgement[Any] = _failed(call.failure)
    elif tool is None:
        near = near_names(call.name or "", tools)
        judgement = _failed(_unknown(call.name, tools, near))
    elif call.text is None:
        judgement = _failed(Failure("syntax", "malformed", f"the arguments are no JSON: {_BRACES}"))
    elif schema is None:
        judgement = Judgement(True, _parsed(call.text, limits), None, "clean")
    else:
        judgement = _arguments(call.text, schema, call.finish_reason, repair, limits)
    failure = judgement.failure
    message = None
    if failure is not None:
        message = message_for(failure, tools, near, name=None if tool is None else tool.name)
    repairs = ("unwrapped",) if judgement.form == "unwrapped" else judgement.repairs
    return CallJudgement(
        judgement.ok, call.id, call.name, judgement.value, failure, message, call.text, schema, repairs
    )


def _failed(failure: Failure) -> Judgement[Any]:
    return Judgement(False, None, failure, None)


def _unknown(called: str | None, tools: Tools, near: list[str]) -> Failure:
    if called is None:
        return Failure("structure", "unknown_tool", "the call names no tool")
    wanted = f"expected one of {clip(', '.join(tools), 300)}" if tools else "there are no tools"
    meant = f". Did you mean {near[0]!r}?" if near else ""
    message = f"there is no tool {clip(repr(called))}: {wanted}{meant}"
    return Failure("structure", "unknown_tool", message)


def _parsed(text: str, limits: Limits) -> Any:
    """Return arguments without a schema as JSON, or as text if they are not JSON."""
    value = parse(text, limits)
    return text if type(value) is NotJson else value


def _arguments(
    text: str, schema: Schema[Any], finish: FinishReason | None, repair: Repair, limits: Limits
) -> Judgement[Any]:
    # No coercion, because the tool runs with the unchanged arguments.
    judgement = judge(text, schema, finish_reason=finish, repair=repair, limits=limits, coerce=False)
    if repair != "off" or (judgement.ok and judgement.form == "clean"):
        return judgement
    value = parse(text.strip(), limits)
    if isinstance(value, str) and isinstance(parse(value.strip(), limits), dict):
        return _failed(_encoded(value))
    if judgement.ok:
        return _failed(Failure("syntax", "malformed", f"other text stands beside the arguments: {_BRACES}"))
    return judgement


def _encoded(value: str) -> Failure:
    message = "the arguments were sent as a JSON string that holds an object; expected the object"
    actual = f"string {clip(value)!r}"
    return Failure("structure", "encoded_value", message, (Violation("", "/type", "type", "object", actual),))
