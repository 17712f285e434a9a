# SPDX-License-Identifier: Apache-2.0
"""A script of the library's in a process of its own, which can be killed whatever it is doing.

Rules: it is told what to do in one line of JSON, and tells what happens in lines of its stdout. What it writes to stderr is
kept, and stays off the terminal.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ChildProcess:
    """A process that runs a script; `kill` ends it at once.

    Attributes:
        pid: Of the process.
        lines: What it tells, as it comes.
    """

    def __init__(
        self, script: Path, settings: Mapping[str, Any], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it.

        Args:
            script: A Python file.
            settings: Its first line of stdin, as JSON; its stdin stays open for as long as this process is there.
            environment: Variables that it has beside those of this process.
        """
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill
        # PYTHONPATH: what is importable here is so there.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        self._process = subprocess.Popen(
            # -P: the script's own folder must not shadow packages.
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            # Ctrl-C in a terminal reaches its whole group: whoever handles it here ends this too.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self.lines: IO[bytes] = self._process.stdout
        try:
            self._process.stdin.write(json.dumps(settings).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended already, as its status tells
        except BaseException:
            self.kill()
            raise

    def status(self, *, wait_s: float | None = 0.0) -> int | None:
        """Return its exit status; None while it runs.

        Args:
            wait_s: Seconds to wait for its end; None for as long as it takes.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(wait_s)
        return None

    def words(self) -> str:
        """Return what it has written to stderr."""
        self._words.seek(0)
        return self._words.read().decode(errors="replace").strip()

    def kill(self) -> None:
        """Kill it, wait for its end, and close what leads to it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self.lines):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._words.close()
