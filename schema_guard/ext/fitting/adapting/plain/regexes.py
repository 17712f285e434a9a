# SPDX-License-Identifier: Apache-2.0
"""A pattern as one that has to match the whole text, for engines that know no other."""

from __future__ import annotations

import re

__all__ = ["anchored"]

# What a pattern is made of, as far as it has to be known here.
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[<:=!]*|.", re.DOTALL)
_ANY = r"(?:.|\n)*"
_SHORT = {r"\d": "0-9", r"\w": "A-Za-z0-9_"}


def anchored(pattern: str) -> str | None:
    r"""Return a pattern that matches the texts in which *pattern* is found, from their beginning to their end.

    None where that cannot be written: an anchor stands inside of it, or it looks around.

    >>> anchored("^a|b")
    '^(?:a(?:.|\\n)*|(?:.|\\n)*b(?:.|\\n)*)$'
    """
    arms: list[list[str]] = [[]]
    depth = 0
    for part in _PART.findall(pattern):
        if part in ("(?=", "(?!", "(?<=", "(?<!"):
            return None
        depth += part.startswith("(") - (part == ")")
        if part == "|" and depth == 0:
            arms.append([])
        else:
            arms[-1].append(_ascii(part))
    texts = [_arm(arm) for arm in arms]
    if depth != 0 or any(arm is None for arm in texts):
        return None
    whole = [arm for arm in texts if arm is not None]
    return f"^{whole[0]}$" if len(whole) == 1 else f"^(?:{'|'.join(whole)})$"


def _ascii(part: str) -> str:
    """Say digits and words as JSON Schema means them: engines for automata take those of Unicode."""
    if part in _SHORT:
        return f"[{_SHORT[part]}]"
    if part.startswith("[") and ("\\d" in part or "\\w" in part):
        return re.sub(r"\\[dw]", lambda match: _SHORT[match[0]], part)
    return part


def _arm(parts: list[str]) -> str | None:
    begins, ends = parts[:1] == ["^"], parts[-1:] == ["$"]
    inside = parts[begins : len(parts) - ends if len(parts) > begins else None]
    if any(part in ("^", "$") for part in inside):
        return None
    text = "".join(inside)
    if begins and ends:
        return text
    return ("" if begins else _ANY) + text + ("" if ends else _ANY)
