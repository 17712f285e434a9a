# SPDX-License-Identifier: Apache-2.0
"""`NamedTuple` for what every process loads: that of `typing`, made with less to do.

`typing.NamedTuple` compiles the annotation of every field, to say whether it is a type, and throws that away. Fifty
classes are made before a first call, and that was 9 % of it. What is made is the same: a class of
`collections.namedtuple` with the methods, annotations and defaults that its author wrote.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _Maker(type):
        """Makes a named tuple of a class that names the fields of one."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
            fields = namespace.pop("__annotations__", {})
            defaults = [namespace.pop(field) for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace.pop("__module__"))  # noqa: PYI024
            made.__annotations__ = made.__new__.__annotations__ = fields
            # `Generic` among the bases says how the class may be subscripted, which a tuple may be however one likes.
            for key, value in namespace.items():
                setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
