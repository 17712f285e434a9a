# SPDX-License-Identifier: Apache-2.0
"""Checks of users' arguments. All errors have the same form: the argument, its value, and the expected value.

*name* is the argument as the user wrote it. It may have its owner before it: `"tags: segment"`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol, TypeVar

    NamedArguments = type
    T_co = TypeVar("T_co", covariant=True)

    # Mypy reports only the wrong argument, without a list of overloads, if an overload fits apart from type arguments.
    # Apart from them, every value fits these protocols. With `Never`, no value does.
    class NoSuchArgument(Protocol[T_co]):
        """The type of an argument that a function doesn't have."""

        @property
        def __sizeof__(self) -> T_co: ...  # type: ignore[override]

    class Nothing(Protocol[T_co]):
        """A type that no value has."""

        @property
        def __sizeof__(self) -> T_co: ...  # type: ignore[override]
else:

    class NamedArguments(type):
        """Metaclass that rejects unknown arguments of a class, and names the one that was probably meant."""

        def __call__(cls, *args: Any, **given: Any) -> Any:
            """Create a value. Raise `InvalidArgument` for an argument that the class doesn't have."""
            for name, value in given.items():
                if name not in cls.__match_args__:
                    hint = did_you_mean(name, cls.__match_args__)
                    raise InvalidArgument(
                        f"{cls.__name__}: unknown argument {safe(clip(name))}={clip(repr(value))}{hint or '. Expected one of ' + ', '.join(cls.__match_args__)}"
                    )
            return super().__call__(*args, **given)


def require_bool(name: str, value: object) -> None:
    """Raise `InvalidArgument` unless it is a bool."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected True or False")


def require_text(name: str, value: object) -> None:
    """Raise `InvalidArgument` unless it is a str or None."""
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(f"{name}={clip(repr(value))}: expected a str or None")


def require_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise `InvalidArgument` unless it is one of the known names."""
    if value not in known:
        raise InvalidArgument(
            f"{name}={clip(repr(value))}: expected one of {', '.join(known)}{did_you_mean(value, known)}"
        )


_HUGE_DIGITS = 300
_HUGE = 10**_HUGE_DIGITS


def require_seconds(name: str, value: object, *, least: float | None = 0.0) -> None:
    """Raise `InvalidArgument` unless it is an int or a float, at least *least* (None for no bound)."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # A comparison with NaN is always false.
    if not is_number or _is_huge(value) or not float(value) >= (-inf if least is None else least):  # type: ignore[arg-type]
        bound = "" if least is None else f" >= {least:g}"
        raise InvalidArgument(f"{name}={_shown(value)}: expected a number of seconds{bound}")


def require_count(name: str, value: object, least: int = 0, *, meaning: str = "") -> None:
    """Raise `InvalidArgument` unless it is an int of at least *least*. The message adds *meaning*."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidArgument(f"{name}={_shown(value)}: expected an int >= {least}{meaning}")


def _is_huge(value: object) -> bool:
    """Check whether a number is an int that no float can hold."""
    return isinstance(value, int) and abs(value) >= _HUGE


def _shown(value: object) -> str:
    # Python can't convert an int of more than 4,300 digits to text.
    return f"an int with more than {_HUGE_DIGITS} digits" if _is_huge(value) else clip(repr(value))


def require_list(name: str, value: Any, what: str) -> Sequence[Any]:
    """Return a list or tuple of *what*. Raise `InvalidArgument` for any other value."""
    if isinstance(value, (list, tuple)):
        return value
    raise InvalidArgument(f"{name}={clip(repr(value))}: expected a list of {what}")


def require_members(name: str, members: Iterable[Any], fits: Callable[[Any], bool], what: str) -> None:
    """Raise `InvalidArgument` unless each member fits. *what* describes a valid member."""
    for member in members:
        if not fits(member):
            raise InvalidArgument(f"{name}: {clip(repr(member))}: expected {what}")


def require_kind(name: str, given: object, kind: type[Any]) -> None:
    """Raise `InvalidArgument` unless *given* is an instance of *kind*, with the correct spelling of a dict."""
    if isinstance(given, kind):
        return
    members = kind.__match_args__
    known = [key for key in given if key in members] if isinstance(given, dict) else []
    example = ", ".join(f"{key}=..." for key in known or members[:1])
    raise InvalidArgument(f"{name}={clip(repr(given))}: expected {name}={kind.__name__}({example})")
