# SPDX-License-Identifier: Apache-2.0
"""The form of a row for each host, and the rows that the host refuses.

Rules: pure. The limits of a host are in `hosts.json`, with their source and the day on which it was read. A number that
isn't published is null there, and isn't checked. A line is ASCII, so that no reader splits it at a character.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.values import as_written, estimated_tokens
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.tuning.export.values import TrainingRow

BYTE_ORDER_MARK = "\ufeff"


class TuningHost(NamedTuple):
    """A host that tunes models, and its limits.

    Attributes:
        name: Name for `--provider` and `--backend`.
        spelling: Form of a row: `messages`, `system_messages`, or `prompt_completion`. None if it is unknown.
        source: Source of these facts.
        read: Day on which the source was read.
        alternates: Whether user and assistant have to take turns, the user first.
        least_rows: Smallest number of training rows.
        most_rows: Largest number of training rows; None if not published.
        most_bytes: Largest size of a file; None if not published.
        most_tokens: Largest number of tokens of a row; None if not published.
        byte_order_mark: Whether a file has to begin with one.
        label: Name in messages.
        most_sent: Largest file of one upload, if it is smaller than `most_bytes`.
        also: Another accepted form of a row.
        deployment: The deployment that a tuned model needs before it answers, or None.
        hosting: The price of an hour of the deployment in the dated table.
        guide: Page about tuning at a host with an API of its own. Its jobs are planned here and begun there.
    """

    name: str
    spelling: str | None
    source: str
    read: str
    alternates: bool = False
    least_rows: int = 1
    most_rows: int | None = None
    most_bytes: int | None = None
    most_tokens: int | None = None
    byte_order_mark: bool = False
    label: str = ""
    most_sent: int | None = None
    also: str | None = None
    deployment: str | None = None
    hosting: str | None = None
    guide: str | None = None

    @property
    def keys(self) -> set[frozenset[str]]:
        """The keys of a row in each accepted form, or none if the forms are unknown."""
        return {_KEYS.get(name, _KEYS["messages"]) for name in (self.spelling, self.also) if name is not None}


_KEYS = {"messages": frozenset({"messages"}), "prompt_completion": frozenset({"prompt", "completion"})}


@cache
def _hosts() -> dict[str, TuningHost]:
    text = files(__package__).joinpath("hosts.json").read_text(encoding="utf-8")
    rows = json.loads(text)["hosts"]
    return {row["name"]: TuningHost(**row) for row in rows}


HOSTS = ("messages", "openai", "azure", "together", "fireworks", "bedrock", "prompt-completion")
"""Providers that `--provider` knows; the first is the form that the local backend and most trainers read."""
BACKENDS = ("openai", "azure", "together", "fireworks", "openai-compatible")
"""Hosts that `--backend` knows."""


def host_of(name: str) -> TuningHost:
    """Return a host by its name.

    Raises:
        InvalidArgument: The name is unknown.
    """
    known = _hosts()
    if name not in known:
        raise InvalidArgument(
            f"--provider {clip(repr(name))}: expected one of {', '.join(HOSTS)}{did_you_mean(name, HOSTS)}"
        )
    return known[name]


def refused_by(host: TuningHost, row: TrainingRow) -> str | None:
    """Return the reason why a host would refuse a row, or None."""
    return next(_objections(host, row), None)


def line_of(host: TuningHost, row: TrainingRow) -> str:
    """Return a row as a line of the file, without its line break."""
    return json.dumps(_spelled(host, row))


def tokens_of(row: TrainingRow) -> int:
    """Estimate the tokens of a row, which are those of its messages and its answer."""
    sent = sum(estimated_tokens(message["content"]) for message in row.messages)
    return sent + estimated_tokens(row.answer)


def _spelled(host: TuningHost, row: TrainingRow) -> dict[str, Any]:
    messages, answer = list(row.messages), _assistant(as_written(row.answer))
    if host.spelling == "prompt_completion":
        return {"prompt": messages[0]["content"], "completion": answer["content"]}
    if host.spelling == "system_messages":
        system = [message["content"] for message in messages if message["role"] == "system"]
        turns = [message for message in messages if message["role"] != "system"]
        return {**({"system": system[0]} if system else {}), "messages": [*turns, answer]}
    return {"messages": [*messages, answer]}


def _objections(host: TuningHost, row: TrainingRow) -> Iterator[str]:
    roles = [message["role"] for message in row.messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        yield "a system message that is not the first"
    if host.alternates and turns != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        yield f"user and assistant do not alternate, as {host.name} requires"
    if host.spelling == "prompt_completion" and len(roles) > 1:
        yield "several messages, but prompt-completion has one text"
    if host.most_tokens is not None and tokens_of(row) > host.most_tokens:
        yield f"longer than {host.most_tokens:,} tokens, as estimated"
    texts = [*(message["content"] for message in row.messages), as_written(row.answer)]
    if not all(map(_is_unicode, texts)):
        yield "a text with a lone surrogate, which is not valid Unicode"
    if not all(message["content"].strip() for message in row.messages):
        yield "an empty message"


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
