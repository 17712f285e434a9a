# SPDX-License-Identifier: Apache-2.0
"""An engine in a process of its own, with limits: whatever it does there, the one that asks goes on.

Rules:
1. A process that ends, is too slow or too large is killed, and the next question starts another.
2. Slow is meant in processor time, so that a busy machine makes no engine slow; one that waits is ended by the clock.
3. Growing too large or dying counts only when a fresh process does it too: it may be what earlier schemas left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from math import ceil
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeAlias

from schema_guard.text import clip

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.engine_checks.engine import Engine
    from benchmarks.engine_checks.limits import EngineLimits

Cause: TypeAlias = Literal["timeout", "memory", "crashed"]

_LOOK_S = 0.02
_REASON_CHARS = 200
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# By the clock a process gets so many times its limit in processor time; after twice that it ends itself.
_PATIENCE = 4


class Ended(Exception):
    """The process was ended, or ended by itself.

    Attributes:
        cause: What for.
        reason: One line for people.
        compile_s: Processor seconds that compiling had taken before; None when it was not done.
    """

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason
        self.compile_s: float | None = None


class Child:
    """The process of one engine; a context manager that kills it at its end."""

    def __init__(self, engine: Engine, vocabulary: Path | None, limits: EngineLimits) -> None:
        self._settings = {
            "loader": engine.loader,
            "vocabulary": None if vocabulary is None else str(vocabulary),
            "alarm_s": ceil(2 * _PATIENCE * limits.schema_s),
        }
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by __exit__
        self._unread = b""
        self._is_fresh = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._log.close()

    def start(self) -> None:
        """Start the process unless it runs, and wait until its engine is loaded.

        Raises:
            Ended: The engine cannot be loaded here.
        """
        if self._process is not None:
            return
        self._forget_words()
        self._process = _spawn(self._log)
        self._unread = b""
        self._is_fresh = True
        self._send(self._settings)
        self._read(_Deadline(self._process.pid, self._limits.start_s), "to start")

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """Give what the engine says of a schema and its texts, all answers as one.

        Raises:
            Ended: At a limit, or by itself.
        """
        self.start()
        if self._is_fresh:
            return self._asked(task)
        try:
            return self._asked(task)
        except Ended as ended:
            if ended.cause == "timeout":
                raise
        self.start()
        return self._asked(task)

    def _asked(self, task: dict[str, Any]) -> dict[str, Any]:
        # An end is explained with the words of this task alone.
        self._forget_words()
        self._is_fresh = False
        assert self._process is not None
        deadline = _Deadline(self._process.pid, self._limits.schema_s)
        self._send(task)
        text = self._read(deadline, "to compile the schema")
        if "refused" in text:
            return text
        try:
            return text | self._read(deadline, "to judge the instances")
        except Ended as ended:
            ended.compile_s = text["compile_s"]
            raise

    def _forget_words(self) -> None:
        # The process writes where this file stands: the two share their place in it.
        self._log.seek(0)
        self._log.truncate()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        # A process that is gone is noticed by reading.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self, deadline: _Deadline, purpose: str) -> dict[str, Any]:
        """Read one line, with an eye on the clock and on the size of the process."""
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            ready, _, _ = select.select([pipe], [], [], _LOOK_S)
            if ready:
                part = os.read(pipe, 1 << 16)
                if not part:
                    raise self._ended("crashed", self._last_words(purpose))
                self._unread += part
            elif deadline.is_past:
                raise self._ended("timeout", f"took too long {purpose}")
            elif _resident_bytes(self._process.pid) > self._limits.memory_bytes:
                raise self._ended("memory", f"took too much memory {purpose}")
        line, _, self._unread = self._unread.partition(b"\n")
        document: dict[str, Any] = json.loads(line)
        return document

    def _ended(self, cause: Cause, reason: str) -> Ended:
        self._kill()
        return Ended(cause, reason)

    def _last_words(self, purpose: str) -> str:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.poll()
        how = f"status {status}" if status is None or status >= 0 else signal.Signals(-status).name
        self._log.seek(0)
        lines = [
            line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()
        ]
        return clip(
            f"ended ({how}) when asked {purpose}: {lines[-1] if lines else 'no words'}", _REASON_CHARS
        )

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()


class _Deadline:
    """So many seconds of processor time from now on, and some more by the clock."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._cpu_s = _cpu_s(pid) + seconds
        self._clock_s = time.monotonic() + _PATIENCE * seconds

    @property
    def is_past(self) -> bool:
        return _cpu_s(self._pid) > self._cpu_s or time.monotonic() > self._clock_s


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    # PYTHONPATH: what is importable here is so there.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "benchmarks.engine_checks.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        # Ctrl-C in a terminal reaches its whole group: whoever handles it ends this process too.
        start_new_session=True,
    )


def _cpu_s(pid: int) -> float:
    """Give the processor time that a process has taken; 0 where the platform does not tell."""
    # The name, in parentheses, may hold anything; after it stands the state as field 3. proc_pid_stat(5)
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0


def _resident_bytes(pid: int) -> int:
    """Give the memory that a process holds; 0 where the platform does not tell."""
    fields = _proc(pid, "statm").split()
    return int(fields[1]) * _PAGE_BYTES if fields else 0


def _proc(pid: int, name: str) -> str:
    """Read what the kernel says of a process; nothing where there is no `/proc`, or no such process any more."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - read every 20 ms
            return file.read()
    except OSError:
        return ""
