# SPDX-License-Identifier: Apache-2.0
"""Every reply of a run as it came, in a file: what a run that was killed goes on from.

Rules:
1. A reply is written before anything is done with it, and never asked for again: it was paid for.
2. What was decided about a reply is not kept. A run that goes on judges the kept replies as they were judged before,
   and asks only for those that are missing; so it ends with what an uninterrupted run ends with.
3. A line that was not finished when the process died is cut off; everything else that is wrong with a file is an
   error before anything is spent.

The file is JSON Lines. First the plan: `{"journal": 1, "plan", "name", "started_at", "summary"}`; then a reply a line:
`{"call": [variant, task, epoch], "attempt", "id", "at", "prompt", "text", "finish_reason", "usage", "elapsed_s"}`,
and where they are known `refusal`, `model` and `failure`. `prompt` is a hash of what was sent.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.records.identity import new_call_id
from schema_guard.records.private import open_private
from schema_guard.text import clip, safe
from schema_guard.values import Failure, Reply, Usage

if TYPE_CHECKING:
    from schema_guard.bench.run.plan import RunPlan

Key: TypeAlias = tuple[str, str, int]
"""Variant, task and epoch of a call."""

_FORMAT = 1
# Of the first line, as it is written.
_BEGINNING = f'{{"journal":{_FORMAT},'


class JournalReply(NamedTuple):
    """A reply that is kept.

    Attributes:
        attempt: 1 for the first attempt of its call.
        call_id: Of the call, as records have it.
        started_at: When the call began; seconds since the epoch, UTC.
        prompt: 16 hex digits of what was sent.
        reply: What came back.
        elapsed_s: Seconds until it was there; None for a model that has no time of its own.
    """

    attempt: int
    call_id: str
    started_at: float
    prompt: str
    reply: Reply
    elapsed_s: float | None


@dataclass(slots=True)
class Journal:
    """The replies of a run; made by `begin` and `resume`, or with no file by `Journal.of`.

    Attributes:
        plan: Fingerprint of the plan.
        name: What records call the run's calls.
        started_at: When the run began; seconds since the epoch, UTC.
        replies: The replies that were there when the file was opened, by call, in the order of their attempts.
        file: Where new ones go; None keeps none.
    """

    plan: str
    name: str
    started_at: float
    replies: dict[Key, list[JournalReply]] = field(default_factory=dict)
    file: IO[str] | None = None

    @staticmethod
    def of(plan: RunPlan) -> Journal:
        """Return a journal that keeps nothing."""
        at = time()
        # As the records of `bench run --playbook` are named: the run, no step, and whose tasks they are where that is known.
        whose = f"::{plan.settings.function}" if plan.settings.function else ""
        return Journal(plan.fingerprint, f"bench:{new_call_id(at)[:12]}{whose}", at)

    @staticmethod
    def begin(path: str | os.PathLike[str], plan: RunPlan) -> Journal:
        """Begin a file.

        Raises:
            InvalidArgument: It is there already, or cannot be written.
        """
        journal = Journal.of(plan)
        shown = safe(str(path))
        try:
            journal.file = open_private(path, "x")
        except FileExistsError:
            raise InvalidArgument(
                f"journal {shown}: the file already exists. Add --resume to continue it, or name another file"
            ) from None
        except OSError as error:
            raise InvalidArgument(
                f"journal {shown}: writing this file failed: {error.strerror}. Name another file"
            ) from error
        _lock(journal.file, shown)
        at = datetime.fromtimestamp(journal.started_at, UTC).isoformat(timespec="seconds")
        head = {
            "journal": _FORMAT,
            "plan": plan.fingerprint,
            "name": journal.name,
            "started_at": journal.started_at,
        }
        variants = [variant.name for variant in plan.variants]
        summary = f"{plan.suite.name}, {plan.calls} calls, {', '.join(variants)}, {at}"
        _write(journal.file, {**head, "summary": summary})
        return journal

    @staticmethod
    def resume(path: str | os.PathLike[str], plan: RunPlan) -> Journal:
        """Go on with a file; one that is not there is begun.

        Raises:
            InvalidArgument: It is of another plan, is not a journal, is damaged, or another process writes it.
        """
        path, shown = Path(path), safe(str(path))
        if not path.exists():
            return Journal.begin(path, plan)
        try:
            file = path.open("r+", encoding="utf-8", newline="\n")
        except OSError as error:
            raise InvalidArgument(
                f"journal {shown}: opening this file failed: {error.strerror}. Check the path"
            ) from error
        with ExitStack() as stack:
            stack.callback(file.close)
            _lock(file, shown)
            journal = _whole(file, plan, f"journal {shown}")
            if journal is not None:
                stack.pop_all()
                journal.file = file
                return journal
        # A process died before the first line was whole: nothing was asked yet.
        path.unlink()
        return Journal.begin(path, plan)

    def add(self, key: Key, reply: JournalReply) -> None:
        """Keep a reply: it is in the operating system's hands when this returns."""
        if self.file is not None:
            _write(self.file, row_of(key, reply))

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def row_of(key: Key, stored: JournalReply) -> dict[str, Any]:
    """Give a kept reply as a row of the file."""
    reply = stored.reply
    row = {
        "call": list(key),
        "attempt": stored.attempt,
        "id": stored.call_id,
        "at": stored.started_at,
        "prompt": stored.prompt,
        "text": reply.text,
        "finish_reason": reply.finish_reason,
        "usage": list(reply.usage),
        "elapsed_s": stored.elapsed_s,
    }
    beside = {
        "refusal": reply.refusal,
        "model": reply.model,
        "failure": None if reply.failure is None else list(reply.failure[:3]),
        "tool": reply.tool,
        "reasoned": reply.reasoned or None,
    }
    return {**row, **{name: value for name, value in beside.items() if value is not None}}


def reply_of_row(row: dict[str, Any]) -> tuple[Key, JournalReply]:
    """Read a row of the file.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    variant, task, epoch = row["call"]
    failure = row.get("failure")
    reply = Reply(
        row["text"],
        row["finish_reason"],
        Usage(*row["usage"]),
        row.get("refusal"),
        row.get("model"),
        failure=None if failure is None else Failure(*failure),
        tool=row.get("tool"),
        reasoned=row.get("reasoned", False),
    )
    entry = JournalReply(row["attempt"], row["id"], row["at"], row["prompt"], reply, row["elapsed_s"])
    return (variant, task, epoch), entry


def _whole(file: IO[str], plan: RunPlan, where: str) -> Journal | None:
    """Read the whole lines of a file and cut off the rest; None when there is only the beginning of the first one.

    Raises:
        InvalidArgument: It is no journal; then nothing of it is touched.
    """
    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{where}: reading this file failed: {error}. Name another file") from error
    end = text.rfind("\n") + 1
    if not end and not (text.startswith(_BEGINNING) or _BEGINNING.startswith(text)):
        raise InvalidArgument(
            f"{where}: expected a journal that this version of schema-guard wrote, got {clip(text, 80)}. Name another file"
        )
    journal = _read(text[:end], plan, where) if end else None
    if end < len(text):
        # The lines are ASCII, so characters are bytes.
        file.truncate(end)
    file.seek(0, os.SEEK_END)
    return journal


def _read(text: str, plan: RunPlan, where: str) -> Journal:
    head, *rows = text.splitlines()
    first = _decoded(head, where, 1)
    if first.get("journal") != _FORMAT:
        raise InvalidArgument(
            f"{where}: expected a journal that this version of schema-guard wrote, got {clip(head, 80)}. Name another file"
        )
    if first["plan"] != plan.fingerprint:
        raise InvalidArgument(
            f"{where}: the journal belongs to another run ({clip(str(first.get('summary')), 200)}). Use the suite, models, strategies, sample, epochs, attempts, and seed of that run, or name another file"
        )
    journal = Journal(plan.fingerprint, first["name"], first["started_at"])
    for number, line in enumerate(rows, 2):
        try:
            key, entry = reply_of_row(_decoded(line, where, number))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{where}, line {number}: expected a recorded reply, but reading it failed: {error!r}. Start again with another file"
            ) from error
        replies = journal.replies.setdefault(key, [])
        if entry.attempt > len(replies) + 1:
            raise InvalidArgument(
                f"{where}, line {number}: the file has attempt {entry.attempt} of call {'/'.join(map(str, key))}, but not the attempt before it. Start again with another file"
            )
        # A reply that is there already stays: two workers may have been asked for the same one.
        if entry.attempt == len(replies) + 1:
            replies.append(entry)
    return journal


def _decoded(line: str, where: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{where}, line {number}: expected a JSON object, but reading it failed: {error}. Start again with another file"
        ) from error
    if not isinstance(row, dict):
        raise InvalidArgument(
            f"{where}, line {number}: expected a JSON object, got {clip(line, 80)}. Start again with another file"
        )
    return row


def _write(file: IO[str], row: dict[str, Any]) -> None:
    file.write(json.dumps(row, separators=(",", ":")) + "\n")
    file.flush()


def _lock(file: IO[str], shown: str) -> None:
    """Keep other processes away from a file until it is closed."""
    try:
        import fcntl  # not on every system
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InvalidArgument(
            f"journal {shown}: another process is writing to this file. Wait until that process ends, or name another file"
        ) from None
