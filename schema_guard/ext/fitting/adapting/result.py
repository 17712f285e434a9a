# SPDX-License-Identifier: Apache-2.0
"""What adapting a schema gives: the schema to send, the way there and back for values, and what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.values.forms import SAME
from schema_guard.text import dataclass_repr

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.values.forms import Form
    from schema_guard.values import OpenPath

__all__ = ["Adapted", "SchemaChange"]


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One keyword of the user's schema that is not sent as it stands.

    Attributes:
        location: Pointer of the schema, in the user's document; "" is the root.
        keyword: The keyword; "" where it is the schema as a whole.
        value: What the keyword says there; None where it is absent.
        reason: What became of it, and why.
    """

    __repr__ = dataclass_repr

    location: str
    keyword: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Adapted:
    """A schema as it is sent to a provider or engine.

    Attributes:
        schema: The schema to send; None when nothing sound can be sent, with the reason in `relaxed` at the root.
        provider: Name of the provider or engine, as it was given.
        fingerprint: 16 hex digits of the schema to send, made as those of `Schema`; None without one.
        relaxed: What is not enforced there: replies may break it.
        narrowed: What cannot be said there: of the right answers some, or one of several ways to write them.
        dropped: Annotations, and what judges nothing.
    """

    __repr__ = dataclass_repr

    schema: Any
    provider: str
    fingerprint: str | None
    relaxed: list[SchemaChange]
    narrowed: list[SchemaChange]
    dropped: list[SchemaChange]
    form: Form = field(default=SAME, repr=False)

    @property
    def is_same_form(self) -> bool:
        """Whether values are sent as the user's schema has them: `restore` and `pre_image` change nothing."""
        return self.form.is_same

    def restore(self, value: Any) -> Any:
        """Give a value of the form that was sent in the form of the user's schema.

        What is not in the form that was sent is given back as it is. Never raises for a JSON value.
        """
        try:
            return self.form.restore(value)
        except RecursionError:
            return value

    def grown(self, value: Any, path: OpenPath | None) -> tuple[Any, OpenPath | None] | None:
        """Do as `restore` does for a value that is still being written.

        Args:
            value: As far as it came.
            path: The way to the innermost part that may still grow; None where it is complete.

        Returns:
            The value and the way to what may grow in that; None where it is not known yet what it is.
        """
        if path is None:
            return self.restore(value), None
        try:
            return self.form.grown(value, path)
        except RecursionError:
            return None

    def pre_image(self, value: Any) -> Any:
        """Give a value of the user's schema in the form that is sent; `restore` gives it back.

        Of a value that is invalid, the parts that have no such form stay as they are. Never raises for a JSON value.
        """
        try:
            return self.form.pre_image(value)
        except RecursionError:
            return value
