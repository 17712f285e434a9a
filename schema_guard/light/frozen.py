# SPDX-License-Identifier: Apache-2.0
"""`dataclass(frozen=True, slots=True)` for what every process loads: that of `dataclasses`, made with less to do.

`dataclasses` loads `inspect` and compiles six methods for a class, which was a sixth of what a first call takes. What
is made does the same: it is made by position or by name, compares, hashes, reads, is pickled and cannot be changed. To
`dataclasses.replace`, `fields` and `asdict` it is a dataclass, from when they ask. A default is one value for all.
"""

from __future__ import annotations

TYPE_CHECKING = False

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Any, NoReturn
else:
    from schema_guard.light.tuples import methods_of
    from schema_guard.text import short_repr

    class _Fields:
        """`__dataclass_fields__` of a class, made when somebody asks for it."""

        def __init__(self, annotations: dict[str, Any], defaults: dict[str, Any]) -> None:
            self._annotations = annotations
            self._defaults = defaults
            self._made = None

        def __get__(self, instance: Any, owner: type) -> dict[str, Any]:
            if self._made is None:
                from dataclasses import field, make_dataclass  # only who asks for fields needs it

                fields = [
                    (name, kind, field(default=self._defaults[name]) if name in self._defaults else field())
                    for name, kind in self._annotations.items()
                ]
                self._made = make_dataclass("_", fields).__dataclass_fields__
            return self._made

    class _Shared:
        """What the classes have in common."""

        def __init__(self, *args: Any, **by_name: Any) -> None:
            names = self.__match_args__
            by_position = dict(zip(names, args, strict=False))
            values = {**self._defaults, **by_position, **by_name}
            if values.keys() != set(names) or len(args) > len(names) or by_position.keys() & by_name.keys():
                wrong = {
                    "no field": [name for name in by_name if name not in names],
                    "missing": [name for name in names if name not in values],
                    "twice": [name for name in by_name if name in by_position],
                    "too many by position:": [len(args)] if len(args) > len(names) else [],
                }
                problems = [
                    f"{what} {', '.join(map(repr, entries))}" for what, entries in wrong.items() if entries
                ]
                raise TypeError(
                    f"{type(self).__name__}: {'; '.join(problems)}: its fields are {', '.join(names)}"
                )
            _fill(self, values)
            self.__post_init__()

        def __setattr__(self, name: str, value: Any) -> NoReturn:
            _refuse("assign to", name)

        def __delattr__(self, name: str) -> NoReturn:
            _refuse("delete", name)

        def __eq__(self, other: object) -> Any:
            return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

        def __hash__(self) -> int:
            return hash(_values(self))

        def __repr__(self) -> str:
            names = self.__match_args__
            return short_repr(type(self).__qualname__, zip(names, _values(self), strict=True), self._defaults)

        def __getstate__(self) -> list[Any]:
            return list(_values(self))

        def __setstate__(self, state: list[Any]) -> None:
            _fill(self, dict(zip(self.__match_args__, state, strict=True)))

        def __replace__(self, /, **changed: Any) -> Any:
            return type(self)(**{**dict(zip(self.__match_args__, _values(self), strict=True)), **changed})

        def __post_init__(self) -> None:
            """Check the values: a class that does so has its own."""

    _METHODS = methods_of(_Shared)

    def _values(value: Any) -> tuple[Any, ...]:
        return tuple(getattr(value, name) for name in value.__match_args__)

    def _fill(value: Any, values: dict[str, Any]) -> None:
        for name, part in values.items():
            object.__setattr__(value, name, part)

    def _refuse(what: str, name: str) -> NoReturn:
        from dataclasses import FrozenInstanceError  # what whoever expects a dataclass expects

        raise FrozenInstanceError(f"cannot {what} field {name!r}")

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """Give what makes a class that names its fields a frozen dataclass with slots."""
        assert frozen
        assert slots

        def made(kind: type) -> type:
            own = dict(vars(kind))
            annotations = kind.__annotations__
            names = tuple(annotations)
            defaults = {name: own.pop(name) for name in names if name in own}
            for name in ("__dict__", "__weakref__"):
                own.pop(name, None)
            own |= {"__slots__": names, "__match_args__": names, "_defaults": defaults}
            own["__dataclass_fields__"] = _Fields(annotations, defaults)
            return type(kind)(kind.__name__, kind.__bases__, {**_METHODS, **own})

        return made
