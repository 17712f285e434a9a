# SPDX-License-Identifier: Apache-2.0
"""Forms that change nothing found, and left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schema_guard.ext.fitting.adapting.values.forms import (
    SAME,
    ListForm,
    ObjectForm,
    ReferredForm,
    SameForm,
    UnionForm,
    WrappedForm,
)

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.values.forms import Form

__all__ = ["simplified"]


def simplified(form: Form, definitions: dict[str, Form]) -> Form:
    """Give a form without the parts that change nothing; the definitions are changed in place."""
    # All are taken to change nothing until one of their parts does: a circle of such changes nothing.
    same = set(definitions)
    while True:
        changing = {name for name in same if not isinstance(_without(definitions[name], same), SameForm)}
        if not changing:
            break
        same -= changing
    for name in list(definitions):
        definitions[name] = _without(definitions[name], same)
    return _without(form, same)


def _without(form: Form, same: set[str]) -> Form:
    if isinstance(form, ReferredForm):
        return SAME if form.name in same else form
    if isinstance(form, ObjectForm):
        return _of_object(form, same)
    if isinstance(form, ListForm):
        prefix, items = tuple(_without(held, same) for held in form.prefix), _without(form.items, same)
        return SAME if items is SAME and all(held is SAME for held in prefix) else ListForm(prefix, items)
    if isinstance(form, UnionForm):
        arms = tuple(replace(arm, form=_without(arm.form, same)) for arm in form.arms)
        return SAME if all(arm.form is SAME for arm in arms) else UnionForm(arms)
    if isinstance(form, WrappedForm):
        return WrappedForm(_without(form.inner, same))
    return form


def _of_object(form: ObjectForm, same: set[str]) -> Form:
    listed = {name: _without(held, same) for name, held in form.properties.items()}
    others = _without(form.others, same)
    is_plain = not form.filled and form.rest is None and others is SAME
    if is_plain and all(held is SAME for held in listed.values()):
        return SAME
    return replace(form, properties=listed, others=others)
