# SPDX-License-Identifier: Apache-2.0
"""A file of counters, as node_exporter's textfile collector reads them."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.ext.telemetry.exposition import exposition

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.telemetry.counters import Counters

__all__ = ["PID", "TextFile"]

PID = "{pid}"
"""In a path it stands for the number of the process, so that each process of a server has a file of its own."""


class TextFile:
    """Writes the counters to a file now and then, always whole: a reader sees the old text or the new one."""

    def __init__(
        self, path: str, counters: Counters, every_s: float, fault: Callable[[str, Exception], None]
    ) -> None:
        if not path.replace(PID, "1").endswith(".prom"):
            raise InvalidArgument(
                f"prometheus_file={path!r}: expected a path that ends in .prom, because the collector requires it"
            )
        self._template = path
        self._counters = counters
        self._every_s = every_s
        self._fault = fault
        self.start()

    def start(self) -> None:
        """Write from now on; in a forked child only where the path tells the processes apart."""
        self._stopped = Event()
        # Two that wrote at once would take the unfinished file from each other; one may be asked for in a signal handler.
        self._writing = RLock()
        self._pid = os.getpid()
        self.path = Path(self._template.replace(PID, str(self._pid)))
        Thread(target=self._run, args=(self._stopped,), name="schema-guard-textfile", daemon=True).start()

    def after_fork_in_child(self) -> None:
        """Go on with a file of the child's own, else leave the parent's alone."""
        if PID in self._template:
            self.start()
        else:
            self._stopped = Event()
            self._stopped.set()
            # A thread of the parent may have held it, and is not here to let go of it.
            self._writing = RLock()

    def write(self) -> None:
        """Write the file now; what goes wrong is said, and harms nobody."""
        with self._writing:
            if not self._stopped.is_set():
                self._write()

    def _write(self) -> None:
        text = exposition(self._counters.read(), self._pid if PID in self._template else None)
        unfinished = self.path.with_name(f".{self.path.name}.{self._pid}")
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self.path)
        except OSError as error:
            self._fault("the file of counters cannot be written", error)

    def stop(self) -> None:
        """Write for the last time; the file of one process among several is removed, for it stands for a process."""
        with self._writing:
            if self._stopped.is_set():
                return
            if PID in self._template:
                self.path.unlink(missing_ok=True)
            else:
                self._write()
            self._stopped.set()

    def _run(self, stopped: Event) -> None:
        self.write()
        while not stopped.wait(self._every_s):
            self.write()
