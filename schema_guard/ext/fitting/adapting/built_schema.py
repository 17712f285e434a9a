# SPDX-License-Identifier: Apache-2.0
"""What a place of a schema becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.fitting.adapting.values.forms import SAME

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.values.forms import Form

__all__ = ["BuiltSchema"]


class BuiltSchema(NamedTuple):
    """What a place becomes.

    Attributes:
        schema: As it is sent.
        form: How its values are sent.
    """

    schema: dict[str, Any]
    form: Form = SAME
