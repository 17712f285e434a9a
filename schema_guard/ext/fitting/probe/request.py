# SPDX-License-Identifier: Apache-2.0
"""One request, and the conclusion about the server from its reply.

Rules: A request has the provider's arguments for `strict_schema`, and the unchanged schema. A reply is valid only if it
is JSON without prose, because a grammar allows no prose. A fault of this library is never blamed on the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.judging import judge
from schema_guard.providers.options import options_for
from schema_guard.received import replies
from schema_guard.schema import Schema
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.models.interface import Model, PromptLike
    from schema_guard.values import Reply

Did: TypeAlias = Literal["kept", "broken", "refused", "unclear", "unanswered"]
"""The result of a request: a reply that keeps to the schema, one that does not, a refusal of the request, a reply that
can't be validated (it was cut off, or the model declined), or no reply."""

OUTPUT_TOKENS: Final = 2048
"""The most tokens of a reply: enough for a model that reasons first."""

_STRATEGY: Final = "strict_schema"
# The status that providers return for a request that they refuse.
_REFUSED: Final = frozenset({400, 422})
_MOST_CHARS: Final = 200


class ProbeAnswer(NamedTuple):
    """The result of a request.

    Attributes:
        did: Result in one word.
        text: Text of the reply, the refusal, or the error, cut off.
    """

    did: Did
    text: str

    @property
    def is_accepted(self) -> bool | None:
        """Whether the server accepted the schema of the request. None if it didn't reply."""
        return None if self.did == "unanswered" else self.did != "refused"


def check_strict(model: Model) -> None:
    """Check that a model accepts a schema.

    Raises:
        InvalidArgument: Its provider has no strategy `strict_schema`.
    """
    options_for(model.provider, _STRATEGY, Schema.of({"type": "object"}, name="probe"))


def ask(model: Model, schema: Any, prompt: PromptLike, *, output_tokens: int = OUTPUT_TOKENS) -> ProbeAnswer:
    """Send a request.

    Args:
        model: The model.
        schema: The schema, sent unchanged under a name without meaning. Without one, any text is `kept`.
        prompt: The prompt.
        output_tokens: Limit of the reply.
    """
    loaded = Schema.of({} if schema is None else schema, name="probe")
    strategy = "bare" if schema is None else _STRATEGY
    try:
        options = options_for(model.provider, strategy, loaded, output_tokens=output_tokens)
    except InvalidArgument as error:
        # schema_guard itself refuses requests that an engine would answer with status 200 without enforcing the schema.
        return ProbeAnswer("refused", clip(f"not sent: {error}", _MOST_CHARS))
    reply = _send(model, prompt, options)
    if isinstance(reply, ProbeAnswer):
        return reply
    if reply.failure is not None and reply.failure.kind == "transport":
        return ProbeAnswer("unanswered", clip(reply.failure.message, _MOST_CHARS))
    text = clip(reply.text or reply.refusal or "nothing", _MOST_CHARS)
    if reply.finish_reason in ("length", "refusal", "content_filter"):
        return ProbeAnswer("unclear", f"{reply.finish_reason}: {text}")
    judged = judge(reply.text or "", loaded, finish_reason=reply.finish_reason)
    is_clean = schema is None or (judged.ok and judged.form == "clean")
    is_kept = reply.failure is None and bool(reply.text) and is_clean
    return ProbeAnswer("kept" if is_kept else "broken", text)


def _send(model: Model, prompt: PromptLike, options: dict[str, Any]) -> Reply | ProbeAnswer:
    try:
        return replies.read(model(prompt, options=options))
    except Exception as error:
        if is_interruption(error):
            raise
        carried = replies.rejected(error)
        if carried is not None:  # the provider validated the reply, and discarded it
            return carried
        return ProbeAnswer("refused" if _status(error) in _REFUSED else "unanswered", _words(error))


def _status(error: Exception) -> int | None:
    for name in ("status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int):
            return status
    return None


def _words(error: Exception) -> str:
    status = _status(error)
    text = clip(" ".join(str(error).split()) or "no words", _MOST_CHARS)
    return text if status is None or str(status) in text else f"status {status}: {text}"
