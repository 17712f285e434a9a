# SPDX-License-Identifier: Apache-2.0
"""The kill switch: looked at in each call, so that a tuned model is out of use with the next one.

Rules: what cannot be looked at counts as pulled, for the prompt is what was there before. It says so once.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.records.private import open_private
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KillSwitch"]

_logger = logging.getLogger("schema_guard")


class KillSwitch:
    """A file that is there while the switch is pulled, or a function that says whether it is."""

    def __init__(self, source: Callable[[], object] | str | os.PathLike[str]) -> None:
        """Take what says it.

        Raises:
            InvalidArgument: It is neither.
        """
        if source == "" or not (callable(source) or isinstance(source, (str, os.PathLike))):
            raise InvalidArgument(
                f"kill_switch={clip(repr(source))}: expected a path or a function. The tuned model is off while the "
                "file exists or the function returns True"
            )
        self.source = source
        self._is_reported = False
        if not callable(source) and os.path.isdir(source):  # noqa: PTH112 - as it is looked at in each call
            _logger.warning(
                "kill_switch: %s is a folder, expected a file: it counts as pulled, so the prompt answers",
                clip(repr(os.fspath(source))),
            )

    def is_pulled(self) -> bool:
        """Return whether the tuned model is out of use. A look at a file is one call of the system."""
        try:
            if callable(self.source):
                return bool(self.source())
            return _is_there(self.source)
        except Exception as error:
            if is_interruption(error):
                raise
            self._tell(error)
            return True

    def pull(self, why: str) -> None:
        """Make the file, so that all processes that look at it stop as well; nothing where a function says it."""
        if callable(self.source):
            return
        try:
            with open_private(Path(self.source), "x") as file:
                file.write(f"{why}\n")
        except FileExistsError:
            return
        except OSError as error:
            _logger.warning(
                "kill_switch: the file cannot be made: %s: other processes do not know of it", error
            )

    def _tell(self, error: Exception) -> None:
        if not self._is_reported:
            self._is_reported = True
            _logger.warning(
                "kill_switch: looking at it failed with %s: it counts as pulled, so the prompt answers",
                type(error).__name__,
            )


def _is_there(path: str | os.PathLike[str]) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - a Path for each call would cost as much again
    except FileNotFoundError:
        return False
    return True
