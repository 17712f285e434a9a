"""Reading of plain JSON whose every fault is told with its place.

Rules: a value is read once, by what is expected of it; a fault is one `InvalidArgument` that names the place
as a JSON Pointer, what was expected there, what came and what to do. A bool is no number, NaN and infinity are
none either, an object's keys are all known, and null stands for a key that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from sys import float_info
from typing import TYPE_CHECKING, Any, TypeGuard

from schema_guard.core.pointer import join, pointer
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

# 2^53: the last integer up to which a float holds every count.
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Reader:
    """A value of a document and its place.

    Attributes:
        value: As the document holds it.
        document: What the document is called in a message: `"evidence"`, a path.
        path: Keys and indexes from the root.
    """

    value: Any
    document: str
    path: tuple[str | int, ...] = ()

    @property
    def location(self) -> str:
        """JSON Pointer of the place; `(root)` for the whole document."""
        return pointer(join(self.path))

    def fault(self, expected: str, *, advice: str = "") -> InvalidArgument:
        """Give the error for a value that is not what was *expected*."""
        return InvalidArgument(
            f"{self.document} at {self.location}: expected {expected}, got {_told(self.value)}"
            + (f": {advice}" if advice else "")
        )

    def child(self, token: str | int, value: Any) -> Reader:
        """Give the value at a key or an index of this one."""
        return Reader(value, self.document, (*self.path, token))

    def fields(self, required: Iterable[str] = (), optional: Iterable[str] = ()) -> dict[str, Reader]:
        """Read an object with these keys and no others; what is null or left out is not in the result.

        Raises:
            InvalidArgument: It is no object, or a key is unknown or missing.
        """
        required = tuple(required)
        found = self.members()
        known = (*required, *optional)
        for name in self.value:
            if name not in known:
                raise self.fault(
                    f"only the keys {' '.join(known)}",
                    advice=f"{clip(repr(name))} is none of them{did_you_mean(name, known)}",
                )
        for name in required:
            if name not in found:
                raise InvalidArgument(
                    f"{self.document} at {self.location}: expected the key {name!r}, got none: add {name!r}, a zero too must be given"
                )
        return found

    def members(self) -> dict[str, Reader]:
        """Read an object with any keys; those that are null are not in the result."""
        if not isinstance(self.value, Mapping):
            raise self.fault("an object")
        return {name: self.child(name, value) for name, value in self.value.items() if value is not None}

    def items(self) -> list[Reader]:
        """Read an array."""
        if not isinstance(self.value, (list, tuple)):
            raise self.fault("an array")
        return [self.child(index, value) for index, value in enumerate(self.value)]

    def row(self, *columns: str) -> list[Reader]:
        """Read an array with one value for each column."""
        if not isinstance(self.value, (list, tuple)) or len(self.value) != len(columns):
            raise self.fault(f"an array [{', '.join(columns)}]")
        return self.items()

    def number(self, *, least: float | None = None, most: float | None = None) -> float:
        """Read a finite number within bounds that belong to it."""
        value = self.value
        if not _is_number(value):
            raise self.fault("a finite number")
        if (least is not None and value < least) or (most is not None and value > most):
            raise self.fault(_range("a number", least, most))
        return float(value)

    def positive(self) -> float:
        """Read a finite number above 0."""
        value = self.number()
        if value <= 0:
            raise self.fault("a number > 0")
        return value

    def fraction(self) -> float:
        """Read a number inside of (0, 1)."""
        value = self.number()
        if not 0 < value < 1:
            raise self.fault("a fraction between 0 and 1, neither of them", advice="1 % is 0.01")
        return value

    def share(self) -> float:
        """Read a number in [0, 1]."""
        return self.number(least=0, most=1)

    def count(self, *, least: int = 0, most: int = _MOST, of: str = "") -> int:
        """Read an integer from *least* to *most*; *of* says what the most is."""
        value = self.value
        if not _is_number(value) or value != int(value) or not least <= value <= most:
            raise self.fault(f"an integer from {least} to {of + ' = ' if of else ''}{most}")
        return int(value)

    def text(self) -> str:
        """Read a text that is not blank."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fault("a text that is not blank")
        return self.value

    def choice(self, known: Iterable[str]) -> str:
        """Read one of some names."""
        known = tuple(known)
        if self.value not in known:
            raise self.fault(
                f"one of {' '.join(known)}", advice=did_you_mean(self.value, known).removeprefix(", ")
            )
        return str(self.value)

    def flag(self) -> bool:
        """Read true or false."""
        if not isinstance(self.value, bool):
            raise self.fault("true or false")
        return self.value


def _is_number(value: Any) -> TypeGuard[float]:
    """Say whether a value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -float_info.max <= value <= float_info.max


def _range(what: str, least: float | None, most: float | None) -> str:
    if most is None:
        return f"{what} >= {least:g}"
    return f"{what} from {least:g} to {most:g}"


def _told(value: Any) -> str:
    """Show a value: an object or an array never whole."""
    if isinstance(value, Mapping):
        return f"an object with {len(value)} keys"
    if isinstance(value, (list, tuple)):
        return f"an array of {len(value)}"
    return clip(repr(value))
