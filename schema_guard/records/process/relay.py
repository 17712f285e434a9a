# SPDX-License-Identifier: Apache-2.0
"""Records of a forked child that a fresh process writes.

SQLite keeps the locks of a process in memory, and a fork copies them. If a connection of the parent was open at the
fork, the child must not open the file, because SQLite would rely on locks that the child doesn't have. The child then
starts another process, which has no such memory, and sends it the rows.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Final

from schema_guard.records.values import WriteRefused

_PROCESS: Final = "schema_guard.records.process.relay_process"
_SIZE: Final = struct.Struct(">Q")
_END_WAIT_S: Final = 2.0


class RelaySession:
    """Writes to a store through another process.

    Args:
        url: URL of the store.

    Raises:
        WriteRefused: The process cannot be started, or cannot open the store.
    """

    def __init__(self, url: str) -> None:
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._owner = os.getpid()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-m", _PROCESS, url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # a signal to the terminal's processes must not reach it
            )
        except OSError as error:
            raise WriteRefused(
                f"{url}: this process was forked while its parent was writing, so a new process must write its records. Starting that process failed: {error}. Fork the process before the first call",
                reason="forked_while_writing",
            ) from error
        try:
            self.key: bytes = self._answer()
        except BaseException:
            self.close()
            raise

    def write(self, *batch: object) -> None:
        """Store a batch. The arguments are those of `Session.write`."""
        try:
            send(self._process.stdin, batch)
        except OSError as error:
            raise WriteRefused(
                f"the process that writes the records of this fork has ended: {error}. Fork the process before the first call",
                reason="write_failed",
            ) from error
        self._answer()

    def __getattr__(self, name: str) -> Any:
        raise WriteRefused(
            f"this process was forked during a write, so it can only record calls. Use {name} in a separate process",
            reason="hurried",
        )

    def close(self) -> None:
        """End the process. A forked child leaves it to its parent."""
        if self._owner != os.getpid():
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_END_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _answer(self) -> Any:
        answer = receive(self._process.stdout)
        if isinstance(answer, dict):
            raise WriteRefused(answer["message"], reason=answer["reason"])
        return answer


def send(pipe: IO[bytes] | None, value: object) -> None:
    """Write a value to a pipe."""
    assert pipe is not None
    data = pickle.dumps(value)
    pipe.write(_SIZE.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes] | None) -> Any:
    """Return the next value, or a refusal if the other process has ended."""
    assert pipe is not None
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return {"message": "the other process has ended", "reason": "write_failed"}
    return pickle.loads(pipe.read(*_SIZE.unpack(head)))  # noqa: S301 - between two processes of this library
