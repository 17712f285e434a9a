# SPDX-License-Identifier: Apache-2.0
"""Whether a server goes on with a reply that is begun for it, and whether it gives the beginning again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from schema_guard.probe.asking import ask_plainly
from schema_guard.probe.questions import asked_for, constant

if TYPE_CHECKING:
    from schema_guard.models.interface import Model
    from schema_guard.probe.asking import ProbeAnswer

__all__ = ["Continues", "ProbedPrefix", "prefix_messages", "probe_prefix"]

Continues: TypeAlias = Literal["continued", "repeated", "ignored", "refused", "unknown"]
"""`continued`: the reply goes on where the beginning ends; `repeated`: it goes on, and gives the beginning again;
`ignored`: the model began anew; `refused`: the request is not taken."""


# A few tokens are the rest of what was begun; a small model may go on without end.
_OUTPUT_TOKENS = 256


class ProbedPrefix(NamedTuple):
    """What became of a beginning.

    Attributes:
        does: In one word.
        answer: What came.
    """

    does: Continues
    answer: ProbeAnswer


def prefix_messages(seed: int | None = None) -> list[dict[str, str]]:
    """Give a question and the beginning of its answer, with a constant that no model would begin with."""
    return [
        {"role": "user", "content": asked_for({"answer": "yellow"})},
        {"role": "assistant", "content": f'{{"answer": "{constant(seed)}'},
    ]


def probe_prefix(model: Model, *, seed: int | None = None) -> ProbedPrefix:
    """Ask with the beginning of a reply, once."""
    messages = prefix_messages(seed)
    answer = ask_plainly(model, messages, output_tokens=_OUTPUT_TOKENS)
    return ProbedPrefix(_does(messages[-1]["content"], answer), answer)


def _does(prefix: str, answer: ProbeAnswer) -> Continues:
    if answer.did == "refused":
        return "refused"
    if answer.did != "kept":
        return "unknown"
    text = answer.told.lstrip()
    if text.startswith(prefix):
        return "repeated"
    if '"answer"' in text:
        return "ignored"
    return "continued" if _goes_on(prefix, answer.told) else "unknown"


def _goes_on(prefix: str, text: str) -> bool:
    """Say whether a text ends the JSON that was begun; what stands behind it is the model's chatter."""
    try:
        json.JSONDecoder().raw_decode(prefix + text)
    except ValueError:
        return False
    return True
