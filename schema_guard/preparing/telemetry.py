# SPDX-License-Identifier: Apache-2.0
"""Switch for telemetry by environment variable: read when a function is guarded, applied at its first call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from schema_guard.locks import fork_safe_lock
from schema_guard.records import recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.records.recorder import Followed
    from schema_guard.values import Call

_VARIABLE = "SCHEMA_GUARD_TELEMETRY"


class _AtFirstCall:
    """Switches telemetry on when the first call is made, so that decoration imports nothing for it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = fork_safe_lock()

    def begin(self, call: Callable[[], Call]) -> Followed | None:
        """Switch telemetry on. If that succeeds, follow the call."""
        from schema_guard.extensions import load  # needed only if telemetry is requested

        with self._lock:
            if recorder.follower is self:
                load("telemetry")(self._text)
            if recorder.follower is self:
                recorder.follower = None
        follower = recorder.follower
        return None if follower is None else follower.begin(call)


_is_checked = False


def follow_environment() -> None:
    """Follow calls if $SCHEMA_GUARD_TELEMETRY requests it. The variable is read once in a process."""
    global _is_checked  # noqa: PLW0603 - read once
    if _is_checked:
        return
    _is_checked = True
    text = os.environ.get(_VARIABLE)
    if text and recorder.follower is None:
        recorder.follower = _AtFirstCall(text)
