# SPDX-License-Identifier: Apache-2.0
"""The result of adapting a schema: the schema to send, the conversion of values in both directions, and the losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.adapting.forms import SAME
from schema_guard.text import dataclass_repr

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.forms import Form
    from schema_guard.values import OpenPath


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A keyword of your schema that the adapted schema changes or omits.

    Attributes:
        location: JSON Pointer to the location of the keyword in your schema. The root is `""`.
        keyword: The keyword, or `""` if the change affects the whole schema.
        value: The value of the keyword, or None if there is no keyword.
        reason: A description of the change, with its reason.
    """

    __repr__ = dataclass_repr

    location: str
    keyword: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Adapted:
    """A schema in the form that a provider or engine accepts.

    Attributes:
        schema: The schema to send, or None if the provider accepts no form of it. If `schema` is None, `relaxed`
            contains the reason.
        provider: Name of the provider or engine, as you passed it.
        fingerprint: Fingerprint of the schema to send: 16 hex digits, as for a `Schema`. The fingerprint is None if
            `schema` is None.
        relaxed: Keywords that the provider doesn't enforce. Replies can violate these keywords.
        narrowed: Keywords that the provider enforces too strictly. Because of these keywords, replies can't contain
            some values, or some notations of a value, that your schema allows.
        dropped: Annotations and other keywords that the schema to send omits, because they don't validate anything.
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
        """Whether adapted values keep the form of your schema, so that `restore` and `pre_image` change nothing."""
        return self.form.is_same

    def restore(self, value: Any) -> Any:
        """Convert a value from the adapted form to the form of your schema.

        Parts of the value that don't have the adapted form stay unchanged. The method never raises an error for a JSON
        value.
        """
        try:
            return self.form.restore(value)
        except RecursionError:
            return value

    def grown(self, value: Any, path: OpenPath | None) -> tuple[Any, OpenPath | None] | None:
        """Convert an unfinished value in the same way as `restore`, while the model is still writing the value.

        Args:
            value: The incomplete value that the model has written so far.
            path: Path to the innermost part of the value that can still grow, or None if the value is complete.

        Returns:
            The converted value, and the path to its innermost part that can still grow. The result is None if the form
            of the value isn't known yet.
        """
        if path is None:
            return self.restore(value), None
        try:
            return self.form.grown(value, path)
        except RecursionError:
            return None

    def pre_image(self, value: Any) -> Any:
        """Convert a value from the form of your schema to the adapted form. `restore` reverses the conversion.

        If the value is invalid, parts without an adapted form stay unchanged. The method never raises an error for a
        JSON value.
        """
        try:
            return self.form.pre_image(value)
        except RecursionError:
            return value
