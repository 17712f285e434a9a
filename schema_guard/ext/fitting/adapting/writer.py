# SPDX-License-Identifier: Apache-2.0
"""What those who write one kind of value need of the one who writes the whole schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from schema_guard.ext.fitting.adapting.forms import SAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.fitting.adapting.acceptance import Acceptance
    from schema_guard.ext.fitting.adapting.forms import Form, Validity
    from schema_guard.ext.fitting.adapting.plain.plain_schema import PlainSchema
    from schema_guard.ext.fitting.rules.rule import Rules

__all__ = ["BuiltSchema", "SchemaWriter"]


class BuiltSchema(NamedTuple):
    """A place of a schema as it is sent.

    Attributes:
        schema: The schema.
        form: How its values are sent.
    """

    schema: dict[str, Any]
    form: Form = SAME


class SchemaWriter(Protocol):
    """Writes the schema of a place, and lists what is lost.

    Attributes:
        plain: The schema that is written anew.
        table: The provider's rules.
        accepted: What they take.
    """

    plain: PlainSchema
    table: Rules
    accepted: Acceptance

    def emit(self, nodes: Sequence[Any]) -> BuiltSchema | None:
        """Write what applies to one value; None if no value is valid."""

    def anything(self) -> BuiltSchema:
        """Write a place that takes any value."""

    def relax(self, node: Any, keyword: str, value: Any, reason: str) -> None:
        """List a keyword that is not enforced."""

    def narrow(self, node: Any, keyword: str, value: Any, reason: str) -> None:
        """List a keyword because of which right answers cannot be given."""

    def note_origin(self, nodes: Any, node: dict[str, Any], keyword: str, value: Any) -> None:
        """Say which keyword schemas were made from: what is lost of them is told of it."""

    def validity(self, nodes: Sequence[Any]) -> Validity:
        """Return what says whether a value is valid for all of some plain schemas."""

    def sent(self, schema: dict[str, Any]) -> Validity:
        """Return what says whether a value is valid as it is sent."""
