# SPDX-License-Identifier: Apache-2.0
"""`NamedTuple` for what every process loads: that of `typing`, made with less to do.

`typing.NamedTuple` compiles the annotation of every field, to say whether it is a type, and throws that away;
`collections.namedtuple` compiles a `__new__` for every class. Fifty classes are made before a first call, and these were
9 % and 4 % of it. What is made is the same: a tuple with the methods, annotations and defaults that its author wrote.
Here a `__new__` is compiled once for each number of fields, and has the names of the fields put in.
"""

from __future__ import annotations

TYPE_CHECKING = False

__all__ = ["NamedTuple", "methods_of"]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple, Self


def methods_of(kind: type) -> dict[str, Any]:
    """Give what is written in a class, to stand in the classes that are made."""
    automatic = ("__dict__", "__doc__", "__module__", "__qualname__", "__weakref__")
    return {name: value for name, value in vars(kind).items() if name not in automatic}


if not TYPE_CHECKING:
    from collections import _tuplegetter
    from types import FunctionType

    from schema_guard.text import short_repr

    class _Shared:
        """What named tuples have in common."""

        @classmethod
        def _make(cls, iterable: Iterable[Any]) -> Self:
            """Make one of the values of its fields, in order."""
            instance = tuple.__new__(cls, iterable)
            if len(instance) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(instance)}")
            return instance

        def _replace(self, /, **changed: Any) -> Self:
            """Give the same with other values of some fields."""
            instance = tuple.__new__(type(self), map(changed.pop, self._fields, self))
            if changed:
                raise ValueError(f"Got unexpected field names: {list(changed)!r}")
            return instance

        def _asdict(self) -> dict[str, Any]:
            """Give the values of the fields by their names."""
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            return short_repr(type(self).__name__, zip(self._fields, self, strict=True), self._field_defaults)

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

        # Of `copy.replace`, from Python 3.13 on.
        __replace__ = _replace

    _METHODS = methods_of(_Shared)
    _GLOBALS = {"__builtins__": {}, "__name__": __name__, "make": tuple.__new__}
    # By their number of fields.
    _codes, _getters = {}, []

    def _new(name: str, fields: tuple[str, ...], defaults: tuple[Any, ...]) -> FunctionType:
        """Give `__new__` of a named tuple."""
        code = _codes.get(len(fields))
        if code is None:
            names = "".join(f"_{index}, " for index in range(len(fields)))
            # Of nothing but numbers.
            code = _codes[len(fields)] = eval(f"lambda _cls, {names}: make(_cls, ({names}))").__code__  # noqa: S307
        own = code.replace(co_varnames=("_cls", *fields), co_name="__new__", co_qualname=f"{name}.__new__")
        return FunctionType(own, _GLOBALS, "__new__", defaults)

    class _Maker(type):
        """Makes a named tuple of a class that names the fields of one."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
            annotations = namespace.get("__annotations__", {})
            fields = tuple(annotations)
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            new = _new(name, fields, tuple(defaults.values()))
            new.__annotations__ = annotations
            more = range(len(_getters), len(fields))
            _getters.extend(_tuplegetter(index, f"Alias for field number {index}") for index in more)
            # `Generic` among the bases says how the class may be subscripted, which a tuple may be however one likes.
            return type(
                name,
                (tuple,),
                {
                    "__doc__": f"{name}({', '.join(fields)})",
                    "__slots__": (),
                    "__match_args__": fields,
                    "_fields": fields,
                    "_field_defaults": defaults,
                    "__new__": new,
                    **_METHODS,
                    **dict(zip(fields, _getters, strict=False)),
                    **namespace,
                },
            )

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
