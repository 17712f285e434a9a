# SPDX-License-Identifier: Apache-2.0
"""A file with every reply of a run, from which an interrupted run can resume.

Rules:
1. A reply is written before it is used, and never requested again, because it was paid for.
2. The verdict on a reply is not stored. A resumed run validates the stored replies again, and requests only the missing
   ones. So it ends with the same result as an uninterrupted run.
3. An incomplete last line, from a process that died, is cut off. Any other fault of a file is an error before any cost.

The file is JSON Lines. The first line is the plan: `{"journal": 1, "plan", "name", "started_at", "summary"}`. Each
other line is a reply with `{"call": [variant, task, epoch], "attempt", "id", "at", "prompt", "text", "finish_reason",
"usage", "elapsed_s"}`, and with `refusal`, `model`, `failure`, `tool`, and `reasoned` if they are known. `prompt` is a
hash of the prompt.
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
# The start of the first line.
_BEGINNING = f'{{"journal":{_FORMAT},'


class JournalReply(NamedTuple):
    """A stored reply.

    Attributes:
        attempt: Number of the attempt, 1 for the first of its call.
        call_id: Id of the call, as in records.
        started_at: Start of the call, in seconds since the epoch, UTC.
        prompt: 16 hex digits of the hash of the prompt.
        reply: The reply.
        elapsed_s: Seconds until the reply arrived. None if the model is not timed.
    """

    attempt: int
    call_id: str
    started_at: float
    prompt: str
    reply: Reply
    elapsed_s: float | None


@dataclass(slots=True)
class Journal:
    """The replies of a run. Use `begin` or `resume` to make one, or `Journal.of` to make one without a file.

    Attributes:
        plan: Fingerprint of the plan.
        name: Name of the run's calls in records.
        started_at: Start of the run, in seconds since the epoch, UTC.
        replies: The replies that the file had when it was opened, by call, in the order of their attempts.
        file: The file for new replies. None to store none.
    """

    plan: str
    name: str
    started_at: float
    replies: dict[Key, list[JournalReply]] = field(default_factory=dict)
    file: IO[str] | None = None

    @staticmethod
    def of(plan: RunPlan) -> Journal:
        """Return a journal that stores nothing."""
        at = time()
        # The same form of names as in `bench run --playbook`: the run, no step, and the function of the tasks if known.
        whose = f"::{plan.settings.function}" if plan.settings.function else ""
        return Journal(plan.fingerprint, f"bench:{new_call_id(at)[:12]}{whose}", at)

    @staticmethod
    def begin(path: str | os.PathLike[str], plan: RunPlan) -> Journal:
        """Create a file.

        Raises:
            InvalidArgument: The file already exists, or cannot be written.
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
        """Resume a file, or create it if it does not exist.

        Raises:
            InvalidArgument: The file belongs to another plan, is not a journal, or is damaged, or another process is
                writing it.
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
        # A process died before it wrote the whole first line, so nothing was sent yet.
        path.unlink()
        return Journal.begin(path, plan)

    def add(self, key: Key, reply: JournalReply) -> None:
        """Write a reply. The operating system has it when this returns."""
        if self.file is not None:
            _write(self.file, row_of(key, reply))

    def close(self) -> None:
        """Close the file. Closing twice is no error."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def row_of(key: Key, stored: JournalReply) -> dict[str, Any]:
    """Return a stored reply as a row of the file."""
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
        KeyError, TypeError, ValueError: The row is not a reply.
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
    """Read the complete lines of a file and cut off the rest. None if the first line is incomplete.

    Raises:
        InvalidArgument: The file is not a journal. It stays unchanged.
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
        # The first of two equal attempts counts, because two workers can get the same request.
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
    """Lock a file against other processes until it is closed."""
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
