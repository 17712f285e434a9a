# SPDX-License-Identifier: Apache-2.0
"""The process that a `RelaySession` starts. It writes the batches that come from standard input."""

from __future__ import annotations

import sys

from schema_guard.records.process.relay import receive, send
from schema_guard.records.urls import connect
from schema_guard.records.values import WriteRefused


def main(url: str) -> None:
    """Write batches to a store until the input ends. The answer to each is None, or the reason of a refusal."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    try:
        session = connect(url).session()
    except WriteRefused as error:
        send(outgoing, {"message": str(error), "reason": error.reason})
        return
    send(outgoing, session.key)
    while not isinstance(request := receive(incoming), dict):
        try:
            session.write(*request)
        except WriteRefused as error:
            send(outgoing, {"message": str(error), "reason": error.reason})
        else:
            send(outgoing, None)
    session.close()


if __name__ == "__main__":
    main(sys.argv[1])
