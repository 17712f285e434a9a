# SPDX-License-Identifier: Apache-2.0
"""A model that answers from a journal, and is asked only for the replies that are missing there.

Rules: it never raises for what a provider does, an exception is a reply with a transport failure; a failed transport
is not kept, so a run that goes on asks again; what was sent is compared with what a kept reply was given to.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.journal import JournalReply
from schema_guard.errors import InvalidArgument
from schema_guard.models.interface import details_of
from schema_guard.received.replies import read, rejected
from schema_guard.records.identity import current_call_id
from schema_guard.text import clip, hex_digest
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from schema_guard.bench.run.journal import Journal, Key
    from schema_guard.models import Model


class MissingReply(BaseException):
    """A reply that the journal does not have was wanted of a model that is not to be asked.

    Attributes:
        attempt: Number of the attempt.
        prompt: What would have been sent: a text, or messages.
        options: The provider's own arguments with it.
    """

    def __init__(self, attempt: int, prompt: Any, options: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.attempt = attempt
        self.prompt = prompt
        self.options = dict(options or {})


@dataclass(slots=True)
class OpenCall:
    """A call that is being made.

    Attributes:
        key: Which call of the plan.
        replies: Its replies so far, those of an earlier process first.
        at: When it began; seconds since the epoch, UTC.
        earlier: How many of the replies are of an earlier process.
        consumed: How many of the replies this process has judged.
    """

    key: Key
    replies: list[JournalReply]
    at: float
    earlier: int
    consumed: int = 0

    def elapsed_s(self) -> float | None:
        """Seconds over all replies; None when one of them has no time, or there is none."""
        times = [entry.elapsed_s for entry in self.replies]
        known = [elapsed for elapsed in times if elapsed is not None]
        return sum(known) if known and len(known) == len(times) else None


open_call: ContextVar[OpenCall] = ContextVar("schema_guard_bench_call")
"""The call for which a model is asked."""


class JournalModel:
    """A model behind a journal; takes the strategies that the model takes.

    Attributes:
        name: The model's.
        provider: The model's.
        capabilities: The model's.
        adapter: What adapts it, the local model's alone; None for nothing.
        tuned: Whether the model says that it is tuned.
        layout: The only layout of prompts that the model takes; None if it takes all.
        is_timed: Whether its seconds say something.
    """

    def __init__(
        self,
        model: Model,
        journal: Journal,
        *,
        calls_per_minute: float | None = None,
        is_offline: bool = False,
    ) -> None:
        """Put a journal before a model.

        Args:
            model: Whom to ask.
            journal: Of replies; new ones are added.
            calls_per_minute: Requests that are sent in a minute, evenly spaced; None for no bound.
            is_offline: Whether a missing reply is `NotAsked` instead.
        """
        self.name = model.name
        self.provider = model.provider
        self.capabilities = model.capabilities
        self.adapter = getattr(model, "adapter", None)
        self.tuned = getattr(model, "tuned", False)
        self.layout = getattr(model, "layout", None)
        details = details_of(model)
        # The reply's JSON alone where a model can give it: what is around it is not looked at.
        self._ask = details.areply
        self._journal = journal
        self._is_offline = is_offline
        self.is_timed = details.is_timed
        self._pause_s = 0.0 if calls_per_minute is None else 60.0 / calls_per_minute
        self._free_at = 0.0

    async def acall(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Reply:
        """Return the next reply of the call that is under way.

        Raises:
            InvalidArgument: The kept reply was given to another prompt, or the model cannot be asked this at all.
            NotAsked: It is missing, and the model is not to be asked.
        """
        call = open_call.get()
        call.consumed += 1
        sent = prompt_digest(prompt)
        if call.consumed <= len(call.replies):
            return _journal_reply(call, sent)
        if self._is_offline:
            raise MissingReply(call.consumed, prompt, options)
        if self._pause_s:
            await self._turn()
        started = perf_counter()
        reply = await ask_once(self._ask, prompt, options)
        # A reply from another machine has the time that it took there.
        elapsed_s = (reply.elapsed_s or perf_counter() - started) if self.is_timed else None
        call_id, at = call.replies[0][1:3] if call.replies else (current_call_id() or "", call.at)
        entry = JournalReply(call.consumed, call_id, at, sent, reply, elapsed_s)
        call.replies.append(entry)
        if reply.failure is None or reply.failure.kind != "transport":
            self._journal.add(call.key, entry)
        return reply

    async def _turn(self) -> None:
        """Wait for this request's turn."""
        now = perf_counter()
        turn = max(now, self._free_at)
        self._free_at = turn + self._pause_s
        await asyncio.sleep(turn - now)


async def ask_once(
    ask: Callable[..., Awaitable[Any]], prompt: Any, options: Mapping[str, Any] | None
) -> Reply:
    """Send one request, and read the reply.

    Raises:
        InvalidArgument: The model can't be asked this.
    """
    try:
        return read(await ask(prompt, options=options))
    except InvalidArgument:
        # Our own words, not the provider's: no such call can be made.
        raise
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises must not lose what was measured
        words = f"{type(error).__name__}: {clip(str(error))}"
        return rejected(error) or Reply(failure=Failure("transport", "call_raised", words))


def _journal_reply(call: OpenCall, sent: str) -> Reply:
    entry = call.replies[call.consumed - 1]
    if entry.prompt != sent:
        raise InvalidArgument(
            f"journal: call {'/'.join(map(str, call.key))}, attempt {entry.attempt}: the recorded reply belongs to "
            "another prompt, because schema-guard or the suite has changed. Start again with another file"
        )
    return entry.reply


def prompt_digest(prompt: Any) -> str:
    """Return 16 hex digits of a text, or of the roles and contents of messages. Messages of Gemini have parts."""
    if isinstance(prompt, str):
        return hex_digest(prompt, 16)
    return hex_digest(
        "\x1e".join([f"{turn['role']}\x1f{turn.get('content', turn.get('parts'))}" for turn in prompt]), 16
    )
