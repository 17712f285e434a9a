# SPDX-License-Identifier: Apache-2.0
"""Faults of replies, and the drawn instance that they are made from."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from schema_guard.testing.model_replies.writing import fenced, written
from schema_guard.validation.keywords import VALUE_KEYWORDS
from schema_guard.validation.violations import TOO_COSTLY

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from schema_guard.schema import Schema
    from schema_guard.testing import NearMiss
    from schema_guard.values import FailureKind, FinishReason

# Finish reasons of a complete reply.
_ENDED: SearchStrategy[FinishReason | None] = st.sampled_from(("stop", None))


class Fault(NamedTuple):
    """An invalid reply.

    Attributes:
        text: The reply.
        kind: Kind of the failure.
        code: Code of the failure.
        finish_reason: Finish reason of the provider.
    """

    text: str
    kind: FailureKind
    code: str
    finish_reason: FinishReason | None = "stop"


class Ground:
    """The instance of one draw, drawn on first use.

    Attributes:
        schema: The schema of the replies.
        draw: The draw function of Hypothesis.
        near_misses: Strategy for near misses. None if the schema has none.
    """

    def __init__(
        self,
        draw: DrawFn,
        schema: Schema[Any],
        values: SearchStrategy[Any],
        near_misses: SearchStrategy[NearMiss] | None,
    ) -> None:
        self.draw = draw
        self.schema = schema
        self.near_misses = near_misses
        self._values = values

    @cached_property
    def value(self) -> Any:
        """The valid instance."""
        return self.another()

    def another(self) -> Any:
        """Draw another instance."""
        return self.draw(self._values)

    @cached_property
    def text(self) -> str:
        """The valid instance as JSON."""
        return written(self.draw, self.value)

    @property
    def has_brackets(self) -> bool:
        """Whether the instance is an object or an array."""
        return isinstance(self.value, dict | list)

    def index(self, count: int) -> int:
        """Draw an index from 0 to *count* - 1."""
        return self.draw(st.integers(0, count - 1))

    def ended(self) -> FinishReason | None:
        """Draw a finish reason that does not change the verdict on a complete text."""
        return self.draw(_ENDED)

    def framed(self, text: str) -> str:
        """Draw the text, with or without a fence."""
        return fenced(self.draw, text) if self.draw(st.booleans()) else text

    def malformed(self, text: str) -> Fault:
        """Return the fault of a text that is not JSON, even if more text follows."""
        return Fault(self.framed(text), "syntax", "malformed", self.ended())

    def invalid(self, value: Any) -> Fault | None:
        """Return the fault of a JSON value, by its first violation. None if it is valid or too costly to validate."""
        if self.schema.is_valid(value):
            return None
        text = written(self.draw, value)
        # The order of keys in the text can decide which violation is first.
        keyword = self.schema.violations(json.loads(text))[0].keyword
        if keyword == TOO_COSTLY:
            return None
        kind: FailureKind = "value" if keyword in VALUE_KEYWORDS else "structure"
        return Fault(self.framed(text), kind, keyword, self.ended())
