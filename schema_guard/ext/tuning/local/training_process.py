# SPDX-License-Identifier: Apache-2.0
"""The process that holds torch: run as a script by `schema_guard.ext.tuning.local.training`.

It reads one line of settings from stdin, writes a line of JSON for each thing that happens to stdout, and ends when
stdin does: when the process that started it is gone, however that ended, so is this one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def main() -> None:
    """Train, and end."""
    # Whatever packages print must not be taken for an event.
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    def tell(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    from schema_guard.errors import InvalidArgument
    from schema_guard.ext.tuning.local.learning import learn

    try:
        learn(settings, tell)
    except InvalidArgument as error:
        tell({"kind": "refused", "message": str(error)})


def _end_with_the_parent() -> None:
    # Not sys.stdin: a thread that waits in it at the end of the interpreter is a fatal error.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
