# SPDX-License-Identifier: Apache-2.0
"""The wording of output: figures and names in the form that people read, the same in all places."""

from __future__ import annotations

from hashlib import sha256
from math import ceil, floor, log10

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")

# Higher odds give a reader no more information.
_MOST_ODDS = 1e9
_WHOLE_DOLLARS = 100
_SMALLEST_DOLLARS = 1e-6
_SMALLEST_RATE = 1e-280  # below it, 10 to the power of the decimals is too large for a float

# A shorter secret is a part of ordinary words. Hiding it there garbles them, and reveals it.
SHORTEST_SECRET = 4


def digest(text: str) -> bytes:
    """Return the 32 bytes of the SHA-256 of a text in UTF-8.

    >>> digest("true")[:4].hex()
    'b5bea41b'
    """
    return sha256(text.encode()).digest()


def hex_digest(text: str, digits: int) -> str:
    """Return the first hexadecimal digits of the SHA-256 of a text in UTF-8.

    >>> hex_digest("true", 16)
    'b5bea41b6c623f7c'
    """
    return digest(text).hex()[:digits]


def percent(rate: float, side: int = 0, target: float = 1.0) -> str:
    """Write a fraction in percent: without decimals from 10, with one from 1, and with two digits below 1.

    Args:
        rate: The fraction.
        side: -1 for a lower bound, which is rounded down, or 1 for an upper bound, which is rounded up.
        target: More digits are written if the rounded number would be equal to the target or beyond it.

    >>> percent(0.3553), percent(0.0209522), percent(0.00094), percent(0.9996)
    ('36%', '2.1%', '0.094%', '99.96%')
    >>> percent(0.2557, -1), percent(0.0099971, 1, target=0.01), percent(0.01004, -1, target=0.01)
    ('25%', '0.9998%', '1.004%')
    """
    exact, limit = 100 * rate, round(100 * target, 9)
    fewest = max(0, 1 - floor(log10(abs(exact)))) if abs(rate) > _SMALLEST_RATE else 0
    shown = exact
    for decimals in range(fewest, fewest + 9):
        # A product such as 100 * 0.07 is not exact.
        shown = (floor, round, ceil)[side + 1](round(exact * 10**decimals, 6)) / 10**decimals
        if (shown > limit, shown < limit) == (rate > target, rate < target):
            break
    return f"{shown:.{max(decimals, 1)}f}".rstrip("0").rstrip(".") + "%"


def exact_percent(share: float) -> str:
    """Write a fraction that a person chose in percent, with all of its digits.

    >>> exact_percent(0.01), exact_percent(0.125)
    ('1%', '12.5%')
    """
    return percent(share, target=share)


def interval(lower: float, upper: float, target: float = 1.0) -> str:
    """Write two bounds in percent, rounded outward.

    >>> interval(0.02, 0.0512), interval(0.1588, 0.6134)
    ('[2%, 5.2%]', '[15%, 62%]')
    """
    return f"[{percent(lower, -1, target)}, {percent(upper, 1, target)}]"


def dollars(amount: float) -> str:
    """Write an amount with the digits that matter: cents below 100, up to six digits below a dollar.

    >>> dollars(4324), dollars(-12.5), dollars(0.5), dollars(0.0164042), dollars(2e-7)
    ('$4,324', '-$12.50', '$0.50', '$0.016404', '$2.0e-07')
    """
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size == 0 or size >= _WHOLE_DOLLARS:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:.2f}"
    if size < _SMALLEST_DOLLARS:
        return f"{sign}${size:.1e}"
    whole, _, digits = f"{size:.6f}".partition(".")
    return f"{sign}${whole}.{digits.rstrip('0').ljust(2, '0')}"


def odds(e_value: float) -> str:
    """Write an e-value as odds.

    >>> odds(412.3), odds(0.02), odds(float("inf"))
    ('412:1', '1:50', 'over 1,000,000,000:1')
    """
    if e_value > _MOST_ODDS:
        return f"over {_MOST_ODDS:,.0f}:1"
    if e_value >= 1:
        return f"{e_value:,.0f}:1"
    return f"1:{1 / e_value:,.0f}" if e_value > 1 / _MOST_ODDS else f"under 1:{_MOST_ODDS:,.0f}"


def plural(count: int, noun: str) -> str:
    """Write a count and its noun.

    >>> plural(1, "step"), plural(3, "step")
    ('1 step', '3 steps')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def reason_of(error: Exception) -> str:
    """Return the reason of an error. For an error of the system, omit its number and path."""
    return getattr(error, "strerror", None) or str(error)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `". Did you mean 'x'?"` for the nearest known name, or `""` if no name is near."""
    from difflib import get_close_matches  # takes 6 ms, and only a wrong name needs it

    near = get_close_matches(str(name), list(known), n=1)
    return f". Did you mean {near[0]!r}?" if near else ""


def clip(text: str, size: int = 80) -> str:
    """Cut a text to *size* characters. If something was cut, the last one is an ellipsis."""
    return text if len(text) <= size else text[: size - 1] + "…"


def clip_path(path: object, size: int = 200) -> str:
    """Cut a path to *size* characters from its beginning, because its end names the file.

    >>> clip_path("/home/ada/models/model.gguf", 18)
    '…models/model.gguf'
    """
    text = str(path)
    return text if len(text) <= size else "…" + text[len(text) - size + 1 :]


def safe(text: str) -> str:
    r"""Escape the unprintable characters of a foreign text, so that a terminal can show it.

    >>> print(safe("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


_REPR_SIZE = 200
_PART_SIZE = 80


def short_repr(name: str, fields: Iterable[tuple[str, Any]], defaults: Mapping[str, Any]) -> str:
    """Write a value without its defaults and unknown parts, each part cut to 80 characters.

    >>> short_repr("Usage", [("input_tokens", 3), ("output_tokens", None)], {"output_tokens": None})
    'Usage(input_tokens=3)'
    >>> short_repr("Outcome", [("ok", True), ("attempts", tuple(range(50)))], {})
    'Outcome(ok=True, attempts=(50 of int))'
    """
    told = (f"{field}={_part(value)}" for field, value in fields if not _is_default(field, value, defaults))
    return f"{name}({clip(', '.join(told), _REPR_SIZE)})"


def dataclass_repr(value: Any) -> str:
    """Write a dataclass as `short_repr` does."""
    fields = value.__dataclass_fields__
    named = [(name, getattr(value, name)) for name in fields]
    return short_repr(type(value).__name__, named, {name: field.default for name, field in fields.items()})


def with_short_repr(kind: type[T]) -> type[T]:
    """Return a class of named tuples, whose `repr` is that of `short_repr`."""

    def written(value: Any) -> str:
        return short_repr(type(value).__name__, zip(value._fields, value, strict=True), value._field_defaults)

    kind.__repr__ = written  # type: ignore[method-assign]
    return kind


def _part(value: Any) -> str:
    if isinstance(value, str):
        return repr(clip(value, _PART_SIZE))
    told = f"{value:.6g}" if type(value) is float else repr(value)
    if len(told) > _PART_SIZE and type(value) in (tuple, list):
        return f"({len(value)} of {type(value[0]).__name__})"
    return clip(told, _PART_SIZE)


def _is_default(field: str, value: Any, defaults: Mapping[str, Any]) -> bool:
    if field not in defaults:
        return value is None
    default = defaults[field]
    # A value of the user's may have its own comparison.
    return value is default or (type(value) is type(default) and type(value) in _PLAIN and value == default)


_PLAIN = (bool, int, float, str, tuple)
