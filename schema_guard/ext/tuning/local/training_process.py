# SPDX-License-Identifier: Apache-2.0
"""The process that loads torch. `schema_guard.ext.tuning.local.training` runs it as a script.

It reads one line of settings from stdin, and writes a line of JSON to stdout for each event. It ends when stdin ends,
so it ends with the process that started it, however that ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def main() -> None:
    """Train, and end."""
    # Output of packages must not be mistaken for an event.
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
    # Not sys.stdin, because a thread that waits in it at the end of the interpreter causes a fatal error.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
