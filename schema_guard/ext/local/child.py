# SPDX-License-Identifier: Apache-2.0
"""A script of the library in a separate process, which can be killed at any time.

Rules: the process reads its task from one line of JSON, and reports events in lines on stdout. Its stderr is stored,
and doesn't reach the terminal.
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
    """A process that runs a script. `kill` ends it at once.

    Attributes:
        pid: Id of the process.
        lines: Its stdout, line by line.
    """

    def __init__(
        self, script: Path, settings: Mapping[str, Any], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the process.

        Args:
            script: A Python file.
            settings: Its first line of stdin, as JSON. Its stdin stays open as long as this process runs.
            environment: Environment variables in addition to those of this process.
        """
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill
        # PYTHONPATH makes the same modules importable there.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        self._process = subprocess.Popen(
            # -P: the script's own folder must not shadow packages.
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            # Ctrl-C in a terminal reaches its whole process group. The code that handles it here ends this process too.
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
            pass  # it has already ended, which its status shows
        except BaseException:
            self.kill()
            raise

    def status(self, *, wait_s: float | None = 0.0) -> int | None:
        """Return the exit status, or None while the process runs.

        Args:
            wait_s: Seconds to wait for its end; None waits as long as it takes.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(wait_s)
        return None

    def words(self) -> str:
        """Return the output on stderr so far."""
        self._words.seek(0)
        return self._words.read().decode(errors="replace").strip()

    def kill(self) -> None:
        """Kill the process, wait for its end, and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self.lines):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self._words.close()
