# SPDX-License-Identifier: Apache-2.0
"""Whether a server goes on with a reply that is begun for it, and whether it gives the beginning again.

Rules: a server is never taken for one that goes on which begins anew: the beginning is one that nobody asks for, and is
longer than the limit lets anybody write; what is not sure is unknown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard.ext.fitting.probe.questions import constant, prompt_of
from schema_guard.ext.fitting.probe.request import ask_plainly
from schema_guard.providers.options import continuation_of

if TYPE_CHECKING:
    from schema_guard.ext.fitting.probe.request import ProbeAnswer
    from schema_guard.models.interface import Model

__all__ = ["Continues", "ProbedPrefix", "prefix_messages", "probe_prefix"]

Continues: TypeAlias = Literal["continued", "repeated", "ignored", "refused", "unknown"]
"""`continued`: the reply goes on where the beginning ends; `repeated`: it goes on, and gives the beginning again;
`ignored`: the model began anew; `refused`: the request is not taken."""


# The rest of what was begun takes three tokens or four; the beginning alone would take twice as many as these.
_OUTPUT_TOKENS = 16
_CONSTANTS = 12


class ProbedPrefix(NamedTuple):
    """What became of a beginning.

    Attributes:
        does: In one word.
        answer: What came.
    """

    does: Continues
    answer: ProbeAnswer


def prefix_messages(provider: str, *, seed: int | None = None) -> list[dict[str, Any]]:
    """Return a question and the beginning of another answer to it, marked in the provider's form."""
    asked, begun = (
        " ".join(
            constant(None if seed is None else 1000 * seed + at) for at in range(start, start + _CONSTANTS)
        )
        for start in (0, _CONSTANTS)
    )
    how = continuation_of(provider)
    return [
        {"role": "user", "content": prompt_of({"code": asked, "answer": "yellow"})},
        {
            "role": "assistant",
            "content": f'{{"code": "{begun}", "answer": "yel',
            **({} if how is None else how.fields),
        },
    ]


def probe_prefix(model: Model, *, seed: int | None = None) -> ProbedPrefix:
    """Send one request with the beginning of a reply, in the provider's form if there is one."""
    messages = prefix_messages(model.provider, seed=seed)
    goes_on = continuation_of(model.provider) is not None
    answer = ask_plainly(model, messages, output_tokens=_OUTPUT_TOKENS, goes_on=goes_on)
    return ProbedPrefix(_does(messages[-1]["content"], answer), answer)


def _does(prefix: str, answer: ProbeAnswer) -> Continues:
    if answer.did == "refused":
        return "refused"
    if answer.did != "kept":
        return "unknown"
    text = answer.text.lstrip()
    if text.startswith(prefix):
        # A model that copies its own last turn gives the same; not within the limit.
        spent = answer.usage.output_tokens
        goes_on = len(text) > len(prefix) and spent is not None and spent <= _OUTPUT_TOKENS
        return "repeated" if goes_on else "unknown"
    if '"code"' in text or '"answer"' in text:
        return "ignored"
    return "continued" if _continues(prefix, answer.text) else "unknown"


def _continues(prefix: str, text: str) -> bool:
    """Say whether a text ends the JSON that was begun; what stands behind it is the model's chatter."""
    try:
        json.JSONDecoder().raw_decode(prefix + text)
    except ValueError:
        return False
    return True
