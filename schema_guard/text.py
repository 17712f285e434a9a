# SPDX-License-Identifier: Apache-2.0
"""How things are said: figures and names as they are read, the same words wherever they stand."""

from __future__ import annotations

from hashlib import sha256

TYPE_CHECKING = False  # what type checkers take for true; importing typing costs 9 ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")

# Past this, odds say nothing more.
_MOST_ODDS = 1e9

_WHOLE_DOLLARS = 100
_SMALLEST_DOLLARS = 1e-6
_SHORTEST_MONTHS = 0.1

# A shorter secret stands in ordinary words: to hide it there garbles them, and shows what it is.
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


def percent(rate: float) -> str:
    """Write a fraction in percent.

    >>> percent(0.0209522)
    '2.10%'
    """
    return f"{100 * rate:.2f}%"


def interval(lower: float, upper: float) -> str:
    """Write two bounds in percent.

    >>> interval(0.02, 0.051)
    '[2.00%, 5.10%]'
    """
    return f"[{percent(lower)}, {percent(upper)}]"


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


def large(count: float) -> str:
    """Write a count that may be large: whole below a million, in millions and billions above.

    >>> large(9990), large(12_500_000), large(2e9)
    ('9,990', '12.5 million', '2.0 billion')
    """
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:,.1f} {word}"
    return f"{count:,.0f}"


def months(duration: float) -> str:
    """Write a number of months.

    >>> months(1.96692), months(1), months(0.01)
    ('2.0 months', '1.0 months', '0.01 months')
    """
    return f"{duration:.2g} months" if 0 < duration < _SHORTEST_MONTHS else f"{duration:.1f} months"


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
    """Return the reason of an error: of an error of the system without its number and path."""
    return getattr(error, "strerror", None) or str(error)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Give `", did you mean 'x'?"` for the nearest known name, or `""` when none is near."""
    from difflib import get_close_matches  # 6 ms that only a wrong name has to pay

    near = get_close_matches(str(name), list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def clip(text: str, size: int = 80) -> str:
    """Cut a text to *size* characters, the last of them an ellipsis when something was cut."""
    return text if len(text) <= size else text[: size - 1] + "…"


def clip_path(path: object, size: int = 200) -> str:
    """Cut a path to *size* characters from its beginning, because its end names the file.

    >>> clip_path("/home/ada/models/model.gguf", 18)
    '…models/model.gguf'
    """
    text = str(path)
    return text if len(text) <= size else "…" + text[len(text) - size + 1 :]


def safe(text: str) -> str:
    r"""Give a text of a stranger's as a terminal may show it: what does not print is escaped.

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
    told = [f"{field}={_part(value)}" for field, value in fields if not _is_default(field, value, defaults)]
    inside = ", ".join(told)
    return f"{name}({clip(inside, _REPR_SIZE)})"


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
    # A value of the user's may compare in its own way.
    return value is default or (type(value) is type(default) and type(value) in _PLAIN and value == default)


_PLAIN = (bool, int, float, str, tuple)
