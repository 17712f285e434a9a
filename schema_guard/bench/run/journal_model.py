# SPDX-License-Identifier: Apache-2.0
"""A model that answers from a journal, and is called only for the replies that are missing there.

Rules:
1. An exception of a provider is a reply with a transport failure, not an exception of the run.
2. A transport failure is not stored, so a resumed run sends the request again.
3. The prompt of a stored reply must equal the prompt to send.
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
    """The journal has no reply for a request, and the model must not be called.

    Attributes:
        attempt: Number of the attempt.
        prompt: The prompt to send, a text or messages.
        options: The provider's arguments of the request.
    """

    def __init__(self, attempt: int, prompt: Any, options: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.attempt = attempt
        self.prompt = prompt
        self.options = dict(options or {})


@dataclass(slots=True)
class OpenCall:
    """A running call.

    Attributes:
        key: Its variant, task, and epoch.
        replies: Its replies so far, those of an earlier process first.
        at: Its start, in seconds since the epoch, UTC.
        earlier: Number of replies from an earlier process.
        consumed: Number of replies that this process has requested.
    """

    key: Key
    replies: list[JournalReply]
    at: float
    earlier: int
    consumed: int = 0

    def elapsed_s(self) -> float | None:
        """Return the seconds of all replies. None if there is no reply, or one has no time."""
        times = [entry.elapsed_s for entry in self.replies]
        known = [elapsed for elapsed in times if elapsed is not None]
        return sum(known) if known and len(known) == len(times) else None


open_call: ContextVar[OpenCall] = ContextVar("schema_guard_bench_call")
"""The call that a model answers now."""


class JournalModel:
    """A model behind a journal, with the strategies that the model supports.

    Attributes:
        name: Name of the model.
        provider: Provider of the model.
        capabilities: Strategies that the model supports.
        adapter: Adapter of a local model. None without one.
        tuned: Whether the model states that it is tuned.
        layout: The only layout of prompts that the model accepts. None if it accepts all.
        is_timed: Whether the durations of its replies mean anything.
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
            model: The model to call.
            journal: Journal of replies, to which new ones are added.
            calls_per_minute: Requests per minute, evenly spaced. None for no limit.
            is_offline: Whether to raise `MissingReply` instead of calling the model.
        """
        self.name = model.name
        self.provider = model.provider
        self.capabilities = model.capabilities
        self.adapter = getattr(model, "adapter", None)
        self.tuned = getattr(model, "tuned", False)
        self.layout = getattr(model, "layout", None)
        details = details_of(model)
        # Only the JSON of the reply if the model can return it, because nothing reads the rest.
        self._ask = details.areply
        self._journal = journal
        self._is_offline = is_offline
        self.is_timed = details.is_timed
        self._pause_s = 0.0 if calls_per_minute is None else 60.0 / calls_per_minute
        self._free_at = 0.0

    async def acall(self, prompt: Any, *, options: Mapping[str, Any] | None = None) -> Reply:
        """Return the next reply of the running call.

        Raises:
            InvalidArgument: The stored reply belongs to another prompt, or the model cannot be asked this.
            MissingReply: The journal has no reply, and the model must not be called.
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
        # A reply from another machine has the time that was measured there.
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
        # An error of schema_guard, not of the provider: no such call can be made.
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
