# SPDX-License-Identifier: Apache-2.0
"""Cassettes: the replies that guarded functions were given, kept in a file and given again.

For tests that ran against a real model once and run without it from then on. What is kept is what the guard
reads of a reply: its text, finish reason, usage, and the words of a refusal.

Rules:
1. A reply is known by its function, task, prompt and correction, after redaction; equal ones are given in the
   order in which they came.
2. Nothing is written before it is redacted, and nothing at all when the redaction raises.
3. A call that raised, or gave no reply, is not kept: there is nothing to give again.
4. Calls inside a guarded function belong to it: its reply is kept, and theirs are not.
5. Observed functions are left alone: their callers need what the provider gave, which no file holds.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from schema_guard.configuration.early_stop import stops_replies
from schema_guard.drive import is_async
from schema_guard.errors import SchemaGuardError
from schema_guard.extensions import load
from schema_guard.models.scripted import ScriptedModel
from schema_guard.providers.fields import as_json
from schema_guard.received.cleanup import aclose, close
from schema_guard.received.receiver import ANYBODYS
from schema_guard.received.replies import Reply, read
from schema_guard.received.streams import StreamReader
from schema_guard.records import identity
from schema_guard.text import clip, hex_digest, safe
from schema_guard.values import Failure, Usage

if TYPE_CHECKING:
    from schema_guard.values import Ask, Call, Prompt

Redact: TypeAlias = Callable[[str], str]
"""Takes a text and gives it without what nobody else may read."""

_Redaction: TypeAlias = Callable[[Any], Any]
"""Takes a text, or JSON with texts, and gives it likewise."""

FORMAT: Final = 2
_PROMPT_FIELDS: Final = ("task", "prompt", "correction")
_HASH_DIGITS: Final = 16
_CONTEXT_CHARS: Final = 20
_NAME_CHARS: Final = 100


class ReplayError(SchemaGuardError):
    """A cassette has no reply for a call, or cannot be read; the message says how to record it again."""


class Recorded(NamedTuple):
    """One attempt of a cassette.

    Attributes:
        function: Name of the guarded function.
        attempt: Number of the attempt, from 1.
        task: What the function was asked, redacted: a text, or messages as dicts.
        prompt: What was sent, likewise.
        correction: What was wrong with the last reply, for functions that take it as `feedback`; None otherwise.
        is_awaited: Whether the function gave something to await.
        is_streamed: Whether the reply came in chunks.
        reply: What was read of it.
        is_stopped: Whether that is not all, for the call stops replies before their end.
    """

    function: str
    attempt: int
    task: Any
    prompt: Any
    correction: str | None
    is_awaited: bool = False
    is_streamed: bool = False
    reply: Reply = Reply()
    is_stopped: bool = False

    @property
    def prompt_hash(self) -> str:
        """16 hex digits by which equal attempts are known."""
        parts = [self.function, self.task, self.prompt, self.correction]
        return hex_digest(json.dumps(parts, sort_keys=True), _HASH_DIGITS)

    def as_words(self) -> str:
        """Give what it is, on one line."""
        return f"attempt {self.attempt} of {safe(self.function)}, {_shown(self.task)}"


@contextmanager
def recording(path: str | Path, *, redact: Redact | None = None, test: str | None = None) -> Iterator[None]:
    """Keep the replies of all guarded calls of a block in a file, in place of what it held.

    The whole process's calls are kept, those of other threads and tasks too. A block without a reply, or that
    raises, leaves the file as it is.

    Args:
        path: Of the cassette; JSON. Its folder is made.
        redact: A function from each text, without its credentials, to the text that is written. To remove personal
            data too, pass `redact` of the part `redaction`.
        test: Whose calls they are, for the reader.
    """
    recorder = _Recorder(_redaction(redact))
    with _intercepted(recorder):
        yield
    recorder.save(Path(path), test)


@contextmanager
def replaying(
    path: str | Path, *, redact: Redact | None = None, how: str | None = None
) -> Iterator[list[Recorded]]:
    """Answer all guarded calls of a block from a file.

    Args:
        path: Of the cassette.
        redact: As when it was recorded.
        how: The command that records it again, for messages.

    Yields:
        The recorded attempts that were not asked for; it is empty when the block used all.

    Raises:
        ReplayError: The file cannot be read. At a call: it has no reply for it.
    """
    player = _Player(Path(path), _redaction(redact), how or f"with recording({str(path)!r})")
    with _intercepted(player):
        yield player.left


def file_name(test: str) -> str:
    """Give the name of a test's cassette: readable, and another one for every test.

    >>> file_name("tests/test_invoice.py::test_total[case 1]")
    'test_invoice.py-test_total-case-1-2e4b0bcd.json'
    """
    file, separator, name = test.partition("::")
    words = re.sub(r"[^\w.]+", "-", f"{file.rpartition('/')[2]}{separator}{name}")
    return f"{words.strip('-')[:_NAME_CHARS]}-{hex_digest(test, 8)}.json"


def _redaction(further: Redact | None) -> _Redaction:
    redacted_value = load("cassettes")

    def left_of(value: Any) -> Any:
        return redacted_value(value, personal=False, further=further).value

    return left_of


@contextmanager
def _intercepted(interceptor: identity.Interceptor) -> Iterator[None]:
    outer, identity.interceptor = identity.interceptor, interceptor
    try:
        yield
    finally:
        identity.interceptor = outer


def _request_of(call: Call, task: Prompt, ask: Ask, redaction: _Redaction) -> Recorded:
    return Recorded(
        function=call.function,
        attempt=ask.number,
        task=_written(task, redaction),
        prompt=_written(ask.prompt, redaction),
        correction=None if ask.correction is None else redaction(ask.correction),
        is_stopped=stops_replies(call.settings),
    )


def _written(prompt: Prompt, redaction: _Redaction) -> Any:
    """Give a prompt as JSON has it, redacted."""
    if isinstance(prompt, str):
        return redaction(prompt)
    turns = [turn.as_dict() for turn in prompt]
    return redaction(json.loads(json.dumps(turns, default=repr)))


class _Recorder:
    """Lets every call through and keeps what it gave."""

    def __init__(self, redaction: _Redaction) -> None:
        self._redaction = redaction
        self._recorded: list[Recorded | None] = []
        self._call_ids: set[str] = set()
        self._lock = Lock()

    def __call__(self, call: Call, task: Prompt, ask: Ask, function: Callable[[], Any]) -> Any:
        with self._lock:
            is_inner = call.parent_call_id in self._call_ids
            self._call_ids.add(call.id)
        if is_inner:
            return function()
        with self._lock:
            # Its place in the file is that of its start: calls at once then stand in the same order every time.
            place = len(self._recorded)
            self._recorded.append(None)
        attempt = _request_of(call, task, ask, self._redaction)
        try:
            result = function()
        except BaseException as error:
            self._keep(place, attempt, ANYBODYS.raised(error))
            raise
        return self._passed_on(place, attempt, result)

    def save(self, path: Path, test: str | None) -> None:
        """Write what was kept, unless it is nothing."""
        calls = [_as_json(recorded) for recorded in self._recorded if recorded is not None]
        if not calls:
            return
        document = {"format": FORMAT, "test": test, "calls": calls}
        text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text + "\n")

    def _passed_on(self, place: int, attempt: Recorded, result: Any) -> Any:
        """Give what the function gave, and keep it when it is known."""
        if is_async(result):
            attempt = attempt._replace(is_awaited=True)
            if hasattr(type(result), "__anext__"):
                return self._chunks_awaited(place, attempt, result)
            return self._awaited(place, attempt, result)
        if hasattr(type(result), "__next__"):
            return self._chunks(place, attempt, result)
        self._keep(place, attempt, _read(result))
        return result

    async def _awaited(self, place: int, attempt: Recorded, result: Awaitable[Any]) -> Any:
        try:
            value = await result
        except BaseException as error:
            self._keep(place, attempt, ANYBODYS.raised(error))
            raise
        if hasattr(type(value), "__anext__"):
            return self._chunks_awaited(place, attempt, value)
        return self._passed_on(place, attempt, value)

    def _chunks(self, place: int, attempt: Recorded, source: Iterator[Any]) -> Iterator[Any]:
        stream = _StreamState()
        try:
            for chunk in source:
                stream.hear(chunk)
                yield chunk
            stream.is_whole = True
        finally:
            close(source)
            self._keep(place, stream.mark_streamed(attempt), stream.reply())

    async def _chunks_awaited(
        self, place: int, attempt: Recorded, source: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        stream = _StreamState()
        try:
            async for chunk in source:
                stream.hear(chunk)
                yield chunk
            stream.is_whole = True
        finally:
            await aclose(source)
            self._keep(place, stream.mark_streamed(attempt), stream.reply())

    def _keep(self, place: int, attempt: Recorded, reply: Reply) -> None:
        if reply.failure is not None and reply.failure.kind == "transport":
            return
        text, refusal = (
            None if words is None else self._redaction(words) for words in (reply.text, reply.refusal)
        )
        is_stopped = attempt.is_streamed and attempt.is_stopped
        reply = reply._replace(text=text, refusal=refusal)
        self._recorded[place] = attempt._replace(reply=reply, is_stopped=is_stopped)


def _read(result: Any) -> Reply:
    """Read what a function gave; plain data that it had parsed by itself is kept as the text of it."""
    reply = read(result)
    if reply.failure is not None and reply.failure.code == "no_reply" and type(result) in (dict, list):
        return Reply(as_json(result), failure=reply.failure if as_json(result) is None else None)
    return reply


class _StreamState:
    """What was heard of a stream; `is_whole` when it came to its end."""

    def __init__(self) -> None:
        self._reader = StreamReader()
        self._texts: list[str] = []
        self.is_whole = False

    def hear(self, chunk: Any) -> None:
        self._texts.append(self._reader.feed(chunk))

    def mark_streamed(self, asked: Recorded) -> Recorded:
        """Say that the reply to an attempt came in chunks, and whether it was stopped."""
        return asked._replace(is_streamed=True, is_stopped=asked.is_stopped and not self.is_whole)

    def reply(self) -> Reply:
        """Give the reply; of a stream that was left early, or that broke, only the text that came."""
        ended = self._reader.end() if self.is_whole else Reply("")
        if ended.instead:
            return ended._replace(instead=False)
        return ended._replace(text="".join([*self._texts, ended.text or ""]))


class _Player:
    """Answers every call from a cassette."""

    def __init__(self, path: Path, redaction: _Redaction, how: str) -> None:
        self.left = _load(path, how)
        self._path = path
        self._redaction = redaction
        self._how = how
        self._lock = Lock()

    def __call__(self, call: Call, task: Prompt, ask: Ask, function: Callable[[], Any]) -> Any:
        attempt = _request_of(call, task, ask, self._redaction)
        with self._lock:
            wanted = attempt.prompt_hash
            recorded = next((candidate for candidate in self.left if candidate.prompt_hash == wanted), None)
            if recorded is None:
                raise ReplayError(self._missing(attempt))
            if recorded.is_stopped and not attempt.is_stopped:
                raise ReplayError(
                    f"{recorded.as_words()}: its stream was stopped early when it was recorded in {self._path}, and the "
                    f"function stops none now; record it again: {self._how}"
                )
            self.left.remove(recorded)
        return _replayed(recorded)

    def _missing(self, attempt: Recorded) -> str:
        """Say what a call lacks: a cassette, a call of the function, its prompt, or one more reply."""
        where = f"{attempt.function}: attempt {attempt.attempt}"
        if not self._path.exists():
            return f"{where}: there is no cassette {self._path}: record it: {self._how}"
        remaining = [recorded for recorded in self.left if recorded.function == attempt.function]
        near = next((recorded for recorded in remaining if recorded.attempt == attempt.attempt), None)
        if near is None:
            why = f"has no recorded reply left in {self._path} for {_shown(attempt.task)}"
        else:
            why = f"is not what was recorded in {self._path}: {_difference(near, attempt)}"
        return f"{where} {why}; record it again: {self._how}"


def _difference(recorded: Recorded, attempt: Recorded) -> str:
    """Say where a prompt first differs from the recorded one."""
    for name in _PROMPT_FIELDS:
        before, now = (_text(getattr(side, name)) for side in (recorded, attempt))
        if before != now:
            pairs = enumerate(zip(before, now, strict=False))
            at = next((at for at, (a, b) in pairs if a != b), min(len(before), len(now)))
            start = max(at - _CONTEXT_CHARS, 0)
            return f"the {name} differs from character {at}, recorded {_shown(before[start:])}, now {_shown(now[start:])}"
    return "a text has become messages, or messages a text"


def _text(written: Any) -> str:
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False, sort_keys=True)


def _shown(written: Any) -> str:
    return repr(safe(clip(_text(written))))


def _replayed(recorded: Recorded) -> Any:
    """Give what the guard takes for what the function gave: awaited and in chunks as it was."""
    reply = recorded.reply
    result: Any = reply
    # Pieces of text do not say which tool was called, nor that the model reasoned.
    if recorded.is_streamed and reply.failure is None and not (reply.tool or reply.reasoned):
        # What was stopped is given in one piece, for it was judged when all of it had come.
        result = iter([reply.text or ""]) if recorded.is_stopped else _chunks_of(reply)
    return _later(result) if recorded.is_awaited else result


async def _later(value: Any) -> Any:
    return value


def _chunks_of(reply: Reply) -> Iterator[Any]:
    refused = reply.finish_reason == "refusal" and not reply.text
    script: dict[str, Any] = {"reply": reply.refusal if refused else reply.text}
    if reply.finish_reason is not None:
        script["finish_reason"] = reply.finish_reason
        script["usage"] = {name: count for name, count in reply.usage._asdict().items() if count is not None}
    return ScriptedModel([script], name=reply.model or "recorded").stream("")


# The file.


_REPLY_FIELDS: Final = ("text", "finish_reason", "usage", "refusal", "model", "failure")


def _as_json(recorded: Recorded) -> dict[str, Any]:
    failure = recorded.reply.failure
    reply = {
        **{name: getattr(recorded.reply, name) for name in _REPLY_FIELDS},
        "usage": recorded.reply.usage._asdict(),
        "failure": None
        if failure is None
        else {"kind": failure.kind, "code": failure.code, "message": failure.message},
        # Most replies have neither.
        **{name: value for name in ("tool", "reasoned") if (value := getattr(recorded.reply, name))},
    }
    fields = {name: value for name, value in recorded._asdict().items() if value or name != "is_stopped"}
    return {**fields, "reply": reply, "prompt_hash": recorded.prompt_hash}


def _from_json(document: Mapping[str, Any]) -> Recorded:
    fields = {name: document[name] for name in Recorded._fields if name in document or name != "is_stopped"}
    reply = dict(fields.pop("reply"))
    reply["usage"] = Usage(**reply["usage"])
    if reply["failure"] is not None:
        reply["failure"] = Failure(**reply["failure"])
    return Recorded(**fields, reply=Reply(**reply))


def _load(path: Path, how: str) -> list[Recorded]:
    """Read a cassette; one that does not exist is empty, since a test may make no calls."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogatepass")
    except FileNotFoundError:
        return []
    try:
        document = json.loads(text)
        if document["format"] == FORMAT:
            return [_from_json(call) for call in document["calls"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ReplayError(f"{path} is no cassette ({clip(str(error))}): record it again: {how}") from error
    raise ReplayError(
        f"{path} has format {clip(repr(document['format']))}, this version reads {FORMAT}: record it again: {how}"
    )


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            file.write(text)
        with suppress(OSError):  # one that is there keeps its mode
            os.chmod(name, path.stat().st_mode & 0o777)  # noqa: PTH101 - the temporary name is a text
        os.replace(name, path)  # noqa: PTH105 - the temporary name is a text
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - as above
        raise
