# SPDX-License-Identifier: Apache-2.0
"""A reply that the output limit cut off, gone on with where it ends, in place of being asked for anew.

Rules:
1. Only the text of a model is gone on with, that the limit alone has ended, and that may still become valid.
2. Nothing is chosen here: what is judged is the beginning and what came, as one text.
3. Each time something new has to come. Once none came, or what came was no more of the reply, the call goes on as if
   there were no such way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.parsing import NotJson, parse
from schema_guard.values import NOT_FIXED_BY_LIMIT, Message

if TYPE_CHECKING:
    from schema_guard.limits import Limits
    from schema_guard.strategies import Resuming
    from schema_guard.values import Attempt, End, Failure, Prompt

__all__ = ["CutOff", "cut_off", "is_lost", "joined", "reply_of"]

# What stands for a character of which only a part came.
_HALF_CHARACTER = "\ufffd"
# What the way to the model is at fault for, and the function is not.
_LOST = frozenset({"provider_error", "stream_cut"})


class CutOff(NamedTuple):
    """A reply that is gone on with.

    Attributes:
        text: As much of it as is sent.
        prompt: What it was the reply to.
        sent: The prompt and the text, as messages.
        failure: Why it failed.
    """

    text: str
    prompt: Prompt
    sent: Prompt
    failure: Failure


def cut_off(attempt: Attempt, end: End, before: CutOff | None, how: Resuming) -> CutOff | None:
    """Give an attempt's reply as what is gone on with; None where it was not cut off so that it can be.

    Args:
        attempt: Which failed.
        end: Its end.
        before: What it went on with by itself; None where it began.
        how: Of the plan.
    """
    failure, prompt = attempt.failure, attempt.prompt if before is None else before.prompt
    if attempt.finish_reason != "length" or failure is None or prompt is None or not attempt.reply:
        return None
    if failure.kind != "truncation" or failure.code in NOT_FIXED_BY_LIMIT or attempt.number < how.first:
        return None
    # What was reasoned apart from the text cannot be given back, and a server that thinks refuses such a request.
    if end.reasoned or end.usage.reasoning_tokens or end.parsed is not None or end.tool or end.is_final:
        return None
    text = attempt.reply.rstrip(_HALF_CHARACTER).strip()
    if not text or (
        before is not None and not (len(text) > len(before.text) and text.startswith(before.text))
    ):
        return None
    sent = _with_beginning(prompt, text, how)
    return None if sent is None else CutOff(text, prompt, sent, failure)


def _with_beginning(prompt: Prompt, text: str, how: Resuming) -> Prompt | None:
    """Give a prompt with the beginning of its reply behind it; None where it cannot be given in its form."""
    if isinstance(prompt, str):
        return None
    from schema_guard.providers.dialects.chat import CHAT
    from schema_guard.providers.dialects.detection import dialect_of
    from schema_guard.providers.dialects.dialect import RawMessage

    dialect = dialect_of(prompt)
    if dialect is not CHAT or prompt[-1].role == "assistant":
        return None
    elements = [message.element for message in prompt if isinstance(message, RawMessage)]
    if elements and not any(isinstance(element, Mapping) for element in elements):
        # A function that is given an SDK's objects alone may read them as such, and they have no place for the mark.
        return None
    return (*prompt, Message("assistant", text, dict(how.fields) or None))


def reply_of(end: End, cut: CutOff, limits: Limits) -> str:
    """Give the text of a reply that was gone on with; what came alone where that is nothing that could be judged."""
    if end.parsed is not None or (not end.text and (end.failure is not None or end.refusal is not None)):
        return end.text
    return joined(cut.text, end.text, limits)


def joined(before: str, text: str, limits: Limits) -> str:
    """Give a reply as one text, of its beginning and what came.

    Some servers give the beginning again, whole replies and streams not always alike. Of two ways to read such a text
    one at the most is a JSON text: what closes all that one beginning opens leaves open what two do.
    Where it was cut off again neither is one, and it is read as the beginning that came again.
    """
    if not text.lstrip().startswith(before):
        return before + text
    read = parse(before + text, limits)
    return before + text if type(read) is not NotJson or read.end is not None else text


def is_lost(failure: Failure) -> bool:
    """Say whether no reply came of an attempt to go on, for which neither the model nor the function is at fault.

    A server may refuse it that took the first request, for the context may be full: nothing is to be the worse for it.
    """
    return failure.kind == "transport" and failure.code in _LOST
