# SPDX-License-Identifier: Apache-2.0
"""On which line of a JSON text a place stands."""

from __future__ import annotations

import json
import re

from schema_guard.pointer import escape

__all__ = ["lines_of"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def lines_of(text: str) -> dict[str, int]:
    r"""Give the line of each place in a JSON text, by its pointer; of a member it is the line of its key.

    Args:
        text: What is known to be JSON. A key that stands twice has the line of the second.

    >>> lines_of('{\n "a": [1,\n 2]}')
    {'': 1, '/a': 2, '/a/0': 2, '/a/1': 3}
    """
    lines: dict[str, int] = {}
    # The pointer of each open array or object, and how many items it has; None for an object.
    held: list[tuple[str, int | None]] = []
    where, line, end, is_key = "", 1, 0, False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end, sign = token.start(), token[0]
        if is_key and sign[0] == '"':
            where, is_key = f"{held[-1][0]}/{escape(json.loads(sign))}", False
            lines[where] = line
        elif sign in "{[":
            lines.setdefault(where, line)
            is_key = sign == "{"
            held.append((where, None if is_key else 0))
            where = where if is_key else f"{where}/0"
        elif sign in "]}":
            held.pop()
        elif sign == ",":
            above, items = held[-1]
            is_key = items is None
            if items is not None:
                held[-1] = (above, items + 1)
                where = f"{above}/{items + 1}"
        elif sign != ":":
            lines.setdefault(where, line)
    return lines
