# SPDX-License-Identifier: Apache-2.0
"""The failures of a reply that has no JSON value: refused, cut off, or malformed.

A model that repeats itself until it is cut off is not fixed by a larger output limit. `runaway` and `Repeats` recognize it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.values import Failure

if TYPE_CHECKING:
    from schema_guard.parsing import NotJson
    from schema_guard.reading import Documents
    from schema_guard.values import FinishReason

FINISHED: Final = ("stop", "tool_call")
"""Finish reasons of a model that was not cut off."""
REFUSED: Final = {
    "refusal": Failure("refusal", "refusal", "the model refused"),
    "content_filter": Failure("refusal", "content_filter", "the provider's content filter stopped the reply"),
}
"""Finish reason -> the failure of a reply that the model or a filter refused."""
REASONING_EXHAUSTED: Final = Failure(
    "truncation",
    "reasoning_exhausted",
    "the output limit stopped the model during its reasoning, so it wrote no reply",
)
"""The failure of a reply whose output was all reasoning. A larger limit does not fix it."""


def _cut_off(text: str, code: str, message: str) -> Failure:
    """Return the failure for a text that was cut off: `runaway` if it repeats itself at its end, otherwise *code*."""
    repeated = runaway(text)
    if repeated is None:
        return Failure("truncation", code, message)
    return Failure("truncation", "runaway", f"the reply was cut off while it repeated {repeated}")


def _not_json(refused: NotJson, document: str, finish_reason: FinishReason | None) -> Failure:
    """Return the failure for a text that is not JSON, or that ends inside a JSON text."""
    if refused.code != "unfinished":
        return Failure("syntax", refused.code, refused.message)
    if finish_reason == "length":
        return _cut_off(document, "max_tokens", "the output limit cut off the reply inside a JSON text")
    if finish_reason in FINISHED:
        return Failure("syntax", "malformed", "the JSON text is not closed, although the model finished")
    return _cut_off(document, "unfinished", "the reply ends inside a JSON text")


def without_value(found: Documents, text: str, finish_reason: FinishReason | None) -> Failure:
    """Return the failure of a reply that has no JSON value."""
    if found.is_cut:
        return _not_json(found.refused[0], "".join(found.broken[:1]), finish_reason)
    if finish_reason == "length":
        return _cut_off(
            text, "max_tokens", "the output limit cut off the reply before a JSON text was complete"
        )
    if found.refused:
        return _not_json(found.refused[-1], text, "stop")
    if not text.strip("\ufeff \t\r\n"):
        return Failure("syntax", "empty", "the reply is empty")
    return Failure("syntax", "no_json", "the reply has no JSON text")


# None of 314 valid replies of real models repeats a part this often over this many characters.
_PERIODS: Final = 6
_REPEATED: Final = 256
# Number of last characters that are checked. A part that is repeated six times has at most a sixth of them.
_TAIL: Final = 16_384
# Number of last characters whose earlier occurrences are candidates for a repetition.
_NEEDLE: Final = 32
# An indentation is narrower, and has only one line break.
_BLANK: Final = 64


def runaway(text: str, *, periods: int = _PERIODS) -> str | None:
    """Return the repeated part at the end of a text, `"white space"` or `"a part of N characters"`, or None.

    Args:
        text: The text so far.
        periods: Minimum number of repetitions; >= 2.

    >>> runaway('{"total": 1,' + " " * 300)
    'white space'
    >>> runaway('{"total": 1' + "0" * 300)
    'a part of 1 character'
    """
    tail = text[-_TAIL:]
    space = tail[len(tail.rstrip()) :]
    if len(space) >= _BLANK or space.count("\n") >= periods:
        return "white space"
    period = _period(tail, periods)
    return None if period is None else f"a part of {period} character{'s' if period > 1 else ''}"


def _period(tail: str, periods: int) -> int | None:
    """Return the length of the part that is repeated at the end. None if no part is, or not for long enough."""
    size = len(tail)
    if size < _REPEATED:
        return None
    needle = tail[-_NEEDLE:]
    at = size - _NEEDLE
    while True:
        # The next occurrence of the last characters to the left, which may overlap.
        at = tail.rfind(needle, 0, at + _NEEDLE - 1)
        period = size - _NEEDLE - at
        length = max(_REPEATED, periods * period)
        if at < 0 or length > size:
            return None
        if tail.endswith(tail[size - length : size - period]):
            return period


class Repeats:
    """A detector of a repeated part at the end of a text that is still streamed.

    It checks again when the text has grown by a fraction of the checked characters. Each character is therefore read a
    bounded number of times, whatever the size of the pieces.
    """

    __slots__ = ("_due", "_periods", "_pieces", "_size")

    def __init__(self, periods: int) -> None:
        self._periods = periods
        self._pieces: list[str] = []
        self._size, self._due = 0, _BLANK

    def feed(self, text: str) -> str | None:
        """Read the next piece. Return the result of `runaway`, or None if no check is due."""
        self._pieces.append(text)
        self._size += len(text)
        if self._size < self._due:
            return None
        tail = "".join(self._pieces)[-_TAIL:]
        self._pieces = [tail]
        self._size = len(tail)
        self._due = self._size + max(_BLANK, self._size // 8)
        return runaway(tail, periods=self._periods)
